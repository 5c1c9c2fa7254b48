/*
 * QEMU PowerNV NPU2: the device
 *
 * Puts the parts together, and holds what is around the ring: the fault
 * isolation registers and the power bus mode.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "hw/ppc/pnv.h"
#include "hw/ppc/pnv_chip.h"
#include "hw/ppc/pnv_xscom.h"
#include "hw/ppc/ppc.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "system/reset.h"
#include "system/runstate.h"
#include "pnv_npu2_internal.h"
#include "trace.h"

#define NPU2_DEFAULT_ATSD_DELAY_NS  10000
#define NPU2_DEFAULT_DCCAL_DELAY_NS 1000000
#define NPU2_DEFAULT_LINK_SPEED     8

/*
 * Fault isolation registers.  The hardware sets bits when something went
 * wrong; firmware's "reset NTL" procedure clears all of them, also those of
 * other links.
 *
 * QEMU has no hostboot, so masks and actions start as hostboot's set-up of the
 * NPU leaves them on a chip that has NVLink and whose NPU may freeze: 46 bits
 * raise an HMI.
 */
static const PnvNpu2Fir npu2_fir_initial[NPU2_NR_FIRS] = {
    { .mask = 0x009a48180f01ffff, .action0 = 0x7f60b04500ae0000,
      .action1 = 0xff65b04700fe0000 },
    { .mask = 0x0000f40000000003, .action0 = 0xfff70a5df0000000,
      .action1 = 0xffff0bfff0000000 },
    { .mask = 0xf000003ff00c0fff, .action0 = 0,
      .action1 = 0x0000100000024000 },
};

/*
 * An HMI of a nest unit is a malfunction alert.  It goes to every processor of
 * the machine, and to a register of every chip, where firmware finds the chip
 * that raised it.  HMEER is looked at when the alert comes, not later.
 */
static void npu2_alert_processor(CPUState *cs, run_on_cpu_data data)
{
    CPUPPCState *env = cpu_env(cs);

    env->spr[SPR_HMER] |= HMER_MALFUNCTION_ALERT;
    if (env->spr[SPR_HMEER] & HMER_MALFUNCTION_ALERT) {
        ppc_set_irq(POWERPC_CPU(cs), PPC_INTERRUPT_HMI, 1);
    }
}

static int npu2_alert_chip(Object *obj, void *opaque)
{
    PnvNpu2 *npu = (PnvNpu2 *)object_dynamic_cast(obj, TYPE_PNV_NPU2);

    if (npu) {
        npu->alerts |= PPC_BIT(*(uint32_t *)opaque);
    }
    return 0;
}

static void npu2_alert(PnvNpu2 *npu)
{
    CPUState *cs;

    trace_pnv_npu2_alert(npu->chip->chip_id);
    object_child_foreach_recursive(qdev_get_machine(), npu2_alert_chip,
                                   &npu->chip->chip_id);
    CPU_FOREACH(cs) {
        async_run_on_cpu(cs, npu2_alert_processor, RUN_ON_CPU_NULL);
    }
}

static uint64_t npu2_alert_read(void *opaque, hwaddr addr, unsigned width)
{
    return PNV_NPU2(opaque)->alerts;
}

static void npu2_alert_write(void *opaque, hwaddr addr, uint64_t val,
                             unsigned width)
{
    PNV_NPU2(opaque)->alerts &= val;
}

/* Units of the chip whose FIRs firmware looks at too, and finds nothing */
static const struct {
    const char *name;
    uint32_t base;
    uint32_t size;
} npu2_other_fir[NPU2_NR_OTHER_FIRS] = {
    { "xscom-capp0-fir", 0x02010800, 0x10 },
    { "xscom-capp1-fir", 0x04010800, 0x10 },
    { "xscom-nx-status", 0x02011040, 0x1 },
};

static uint64_t npu2_other_fir_read(void *opaque, hwaddr addr, unsigned width)
{
    return 0;
}

static void npu2_other_fir_write(void *opaque, hwaddr addr, uint64_t val,
                                 unsigned width)
{
}

/*
 * A machine that is here to be tested ends at the first bit.  By the time
 * somebody looks, firmware may have cleared it.
 */
static void npu2_fir_end_machine(const PnvNpu2 *npu, unsigned n, uint64_t bits)
{
    error_report("pnv-npu2: chip %u: bits 0x%016" PRIx64 " of FIR %u are set, "
                 "and fir-fatal is on", npu->chip->chip_id, bits, n);
    qemu_system_shutdown_request_with_code(SHUTDOWN_CAUSE_HOST_ERROR,
                                           EXIT_FAILURE);
}

/* To be called after anything that changes a FIR */
void npu2_fir_changed(PnvNpu2 *npu, unsigned n)
{
    PnvNpu2Fir *fir = &npu->fir[n];
    uint64_t fresh = fir->value & ~fir->known;
    uint64_t hmi = fir->value & ~fir->mask & fir->action0 & fir->action1;
    bool alert = hmi & ~fir->alerted;

    fir->known = fir->value;
    fir->alerted = hmi;
    if (alert) {
        npu2_alert(npu);
    }
    if (!fresh) {
        return;
    }
    trace_pnv_npu2_fir(npu->chip->chip_id, n, fir->value, fresh);
    if (npu->fir_fatal) {
        npu2_fir_end_machine(npu, n, fresh);
    }
}

void npu2_fir_raise(PnvNpu2 *npu, unsigned n, uint64_t bits)
{
    npu->fir[n].value |= bits;
    npu2_fir_changed(npu, n);
}

static uint64_t *npu2_fir_field(PnvNpu2Fir *fir, uint32_t reg)
{
    switch (reg) {
    case NPU2_FIR_VALUE ... NPU2_FIR_VALUE_OR:
        return &fir->value;
    case NPU2_FIR_MASK ... NPU2_FIR_MASK_OR:
        return &fir->mask;
    case NPU2_FIR_ACTION0:
        return &fir->action0;
    case NPU2_FIR_ACTION1:
        return &fir->action1;
    default:
        return NULL;
    }
}

static uint64_t npu2_fir_read(void *opaque, hwaddr addr, unsigned width)
{
    PnvNpu2 *npu = opaque;
    uint32_t scom = addr >> 3;
    uint64_t *field = npu2_fir_field(&npu->fir[scom / NPU2_FIR_XSCOM_STRIDE],
                                     scom % NPU2_FIR_XSCOM_STRIDE);

    if (!field) {
        npu2_unimp("FIR", scom, false, 0);
        return 0;
    }
    return *field;
}

static void npu2_fir_write(void *opaque, hwaddr addr, uint64_t val,
                           unsigned width)
{
    PnvNpu2 *npu = opaque;
    uint32_t scom = addr >> 3;
    uint32_t reg = scom % NPU2_FIR_XSCOM_STRIDE;
    uint64_t *field = npu2_fir_field(&npu->fir[scom / NPU2_FIR_XSCOM_STRIDE],
                                     reg);

    if (!field) {
        npu2_unimp("FIR", scom, true, val);
        return;
    }
    switch (reg) {
    case NPU2_FIR_VALUE_AND:
    case NPU2_FIR_MASK_AND:
        *field &= val;
        break;
    case NPU2_FIR_VALUE_OR:
    case NPU2_FIR_MASK_OR:
        *field |= val;
        break;
    default:
        *field = val;
    }
    npu2_fir_changed(npu, scom / NPU2_FIR_XSCOM_STRIDE);
}

static const MemoryRegionOps npu2_fir_ops =
    NPU2_XSCOM_OPS(npu2_fir_read, npu2_fir_write);

static const MemoryRegionOps npu2_alert_ops =
    NPU2_XSCOM_OPS(npu2_alert_read, npu2_alert_write);

static const MemoryRegionOps npu2_other_fir_ops =
    NPU2_XSCOM_OPS(npu2_other_fir_read, npu2_other_fir_write);

static void npu2_fir_reset(PnvNpu2 *npu)
{
    memcpy(npu->fir, npu2_fir_initial, sizeof(npu->fir));
    npu->alerts = 0;
}

static void npu2_fir_realize(PnvNpu2 *npu)
{
    unsigned i;

    pnv_xscom_region_init(&npu->fir_xscom, OBJECT(npu), &npu2_fir_ops, npu,
                          "xscom-npu2-fir", NPU2_FIR_XSCOM_SIZE);
    pnv_xscom_add_subregion(npu->chip, NPU2_FIR_XSCOM_BASE, &npu->fir_xscom);
    pnv_xscom_region_init(&npu->alert_xscom, OBJECT(npu), &npu2_alert_ops, npu,
                          "xscom-malfunction-alert", NPU2_ALERT_XSCOM_SIZE);
    pnv_xscom_add_subregion(npu->chip, NPU2_ALERT_XSCOM_BASE,
                            &npu->alert_xscom);
    for (i = 0; i < NPU2_NR_OTHER_FIRS; i++) {
        pnv_xscom_region_init(&npu->other_fir_xscom[i], OBJECT(npu),
                              &npu2_other_fir_ops, npu,
                              npu2_other_fir[i].name, npu2_other_fir[i].size);
        pnv_xscom_add_subregion(npu->chip, npu2_other_fir[i].base,
                                &npu->other_fir_xscom[i]);
    }
}

/*
 * Power bus mode.  Firmware puts GPU RAM at 4 TiB and above if the cache
 * directory is set up for that, below 4 TiB if there is none.
 */
static uint64_t npu2_pb_cent_read(void *opaque, hwaddr addr, unsigned width)
{
    PnvNpu2 *npu = opaque;

    switch (addr >> 3) {
    case NPU2_PB_CENT_MODE:
        return npu->gpu_map_down ? 0
                                 : SETFIELD(NPU2_PB_CHIP_ADDR_EXT, 0ull, 7);
    case NPU2_PB_CENT_HP_MODE_CURR:
        return npu->gpu_map_down ? 0 : NPU2_PB_CHG_RATE_GP_MASTER;
    default:
        npu2_unimp("PB", addr >> 3, false, 0);
        return 0;
    }
}

static void npu2_pb_cent_write(void *opaque, hwaddr addr, uint64_t val,
                               unsigned width)
{
    npu2_unimp("PB", addr >> 3, true, val);
}

static const MemoryRegionOps npu2_pb_cent_ops =
    NPU2_XSCOM_OPS(npu2_pb_cent_read, npu2_pb_cent_write);

static void npu2_pb_cent_realize(PnvNpu2 *npu)
{
    pnv_xscom_region_init(&npu->pb_cent_xscom, OBJECT(npu), &npu2_pb_cent_ops,
                          npu, "xscom-pb-cent", NPU2_PB_CENT_XSCOM_SIZE);
    pnv_xscom_add_subregion(npu->chip, NPU2_PB_CENT_XSCOM_BASE,
                            &npu->pb_cent_xscom);
}

/*
 * Rounds of cache purges: firmware asks the L2 and the L3 of every core in the
 * machine, so the cores of one chip tell how often it did.
 */
uint64_t pnv_npu2_purges(const PnvNpu2 *npu)
{
    const Pnv9Chip *chip = PNV9_CHIP(npu->chip);
    uint64_t l2 = 0, l3 = 0;
    unsigned i;

    for (i = 0; i < chip->nr_quads; i++) {
        l2 += chip->quads[i].l2_purges;
        l3 += chip->quads[i].l3_purges;
    }
    return MIN(l2, l3) / npu->chip->nr_cores;
}

/* A fault to inject: purges go on for as long as it is there */
void npu2_fault_purge(PnvNpu2 *npu, bool stuck)
{
    Pnv9Chip *chip = PNV9_CHIP(npu->chip);
    unsigned i;

    npu->faults.purge = stuck;
    for (i = 0; i < chip->nr_quads; i++) {
        chip->quads[i].purge_stuck = stuck;
    }
}

/*
 * Device
 */
static void pnv_npu2_reset(void *opaque)
{
    PnvNpu2 *npu = opaque;

    npu2_fir_reset(npu);
    npu2_ring_reset(npu);
    npu2_bar_reset(npu);
    npu2_phy_reset(npu);
    npu2_link_reset(npu);
    npu2_ats_reset(npu);
    npu2_xts_reset(npu);
    npu2_nmmu_reset(npu);
    npu2_ram_reset(npu);
}

static void pnv_npu2_realize(DeviceState *dev, Error **errp)
{
    PnvNpu2 *npu = PNV_NPU2(dev);

    if (!npu->chip) {
        error_setg(errp, "npu2: no chip");
        return;
    }
    if (npu->links_per_gpu != 2 && npu->links_per_gpu != 3) {
        error_setg(errp, "npu2: links-per-gpu must be 2 or 3");
        return;
    }

    npu2_ring_realize(npu);
    npu2_fir_realize(npu);
    npu2_pb_cent_realize(npu);
    npu2_bar_realize(npu);
    npu2_ram_realize(npu);
    npu2_phy_realize(npu);
    npu2_xts_realize(npu);
    npu2_nmmu_realize(npu);

    qemu_register_reset(pnv_npu2_reset, npu);
}

/* Never unplugged; but what does not end with the object has to end here */
static void pnv_npu2_unrealize(DeviceState *dev)
{
    PnvNpu2 *npu = PNV_NPU2(dev);

    qemu_unregister_reset(pnv_npu2_reset, npu);
    npu2_xts_unrealize(npu);
}

static const Property pnv_npu2_properties[] = {
    DEFINE_PROP_LINK("chip", PnvNpu2, chip, TYPE_PNV_CHIP, PnvChip *),
    DEFINE_PROP_UINT32("index", PnvNpu2, index, 0),
    DEFINE_PROP_UINT32("links-per-gpu", PnvNpu2, links_per_gpu, 3),
    DEFINE_PROP_UINT32("first-gpu", PnvNpu2, first_gpu, 0),
    DEFINE_PROP_BOOL("gpu-map-down", PnvNpu2, gpu_map_down, false),
    DEFINE_PROP_UINT32("atsd-delay-ns", PnvNpu2, atsd_delay_ns,
                       NPU2_DEFAULT_ATSD_DELAY_NS),
    DEFINE_PROP_UINT32("dccal-delay-ns", PnvNpu2, dccal_delay_ns,
                       NPU2_DEFAULT_DCCAL_DELAY_NS),
    DEFINE_PROP_BOOL("tce-cache", PnvNpu2, tce_cache, true),
    DEFINE_PROP_BOOL("fir-fatal", PnvNpu2, fir_fatal, false),
    DEFINE_PROP_BOOL("x-dt-no-link-speed", PnvNpu2, dt.no_link_speed, false),
    DEFINE_PROP_UINT32("x-dt-link-speed", PnvNpu2, dt.link_speed,
                       NPU2_DEFAULT_LINK_SPEED),
    DEFINE_PROP_BOOL("x-dt-no-slot-label", PnvNpu2, dt.no_slot_label, false),
    DEFINE_PROP_STRING("x-dt-slot-label", PnvNpu2, dt.slot_label),
};

/* GPUs and guests hold state that no stream could carry over */
static const VMStateDescription vmstate_pnv_npu2 = {
    .name = TYPE_PNV_NPU2,
    .unmigratable = 1,
};

static void pnv_npu2_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PnvXScomInterfaceClass *xdc = PNV_XSCOM_INTERFACE_CLASS(oc);

    xdc->dt_xscom = npu2_dt_xscom;
    dc->realize = pnv_npu2_realize;
    dc->unrealize = pnv_npu2_unrealize;
    dc->desc = "PowerNV NPU2 (NVLink2 host bus adapter)";
    dc->vmsd = &vmstate_pnv_npu2;
    dc->user_creatable = false;
    set_bit(DEVICE_CATEGORY_BRIDGE, dc->categories);
    device_class_set_props(dc, pnv_npu2_properties);
    npu2_qom_init(oc);
}

static const TypeInfo pnv_npu2_types[] = {
    {
        .name = TYPE_PNV_NPU2,
        .parent = TYPE_DEVICE,
        .instance_size = sizeof(PnvNpu2),
        .class_init = pnv_npu2_class_init,
        .interfaces = (InterfaceInfo[]) {
            { TYPE_PNV_XSCOM_INTERFACE },
            { }
        },
    },
    {
        .name = TYPE_PNV_NVLINK_ENDPOINT,
        .parent = TYPE_INTERFACE,
        .class_size = sizeof(PnvNvlinkEndpointClass),
    },
};

DEFINE_TYPES(pnv_npu2_types)
