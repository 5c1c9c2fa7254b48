/*
 * QEMU PowerNV: a GPU with NVLink2, as far as the host side needs one
 *
 * Looks like a Tesla V100 SXM2 to configuration space, and has RAM that the NPU
 * maps.  BAR 0 leads to its units, which have a file each.  See
 * docs/specs/pnv-v100.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qemu/range.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "exec/ram_addr.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/msi.h"
#include "hw/pci/pcie.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "pnv_v100_internal.h"
#include "trace.h"

#define V100_DEVICE_ID          0x1db1
#define V100_SUBSYSTEM_ID       0x1212
#define V100_REVISION           0xa1
#define V100_PM_CAP             0x60
#define V100_PM_VERSION         3
#define V100_MSI_CAP            0x68
#define V100_PCIE_CAP           0x78

#define V100_BAR0_SIZE          (16 * MiB)
#define V100_BAR1_DEFAULT_SIZE  (256 * MiB)
#define V100_BAR1_MIN_SIZE      (64 * MiB)
#define V100_BAR1_MAX_SIZE      (64 * GiB)
#define V100_BAR3_SIZE          (32 * MiB)
#define V100_MIN_RAM            (256 * MiB)
#define V100_RAM_UNIT           (16 * MiB)

const char *v100_name(const PnvV100 *s)
{
    return object_get_canonical_path_component(OBJECT(s));
}

bool v100_awake(const PnvV100 *s)
{
    return !s->in_reset && !s->starting && !s->asleep && !s->lost;
}

static MemoryRegion *v100_ram(PnvNvlinkEndpoint *ep)
{
    return &PNV_V100(ep)->ram;
}

/*
 * BAR 0
 */
static const PnvV100Unit *const v100_unit[] = {
    &v100_pmc_unit, &v100_pbus_unit, &v100_ptop_unit, &v100_xve_unit,
    &v100_pfb_unit, &v100_falcon_unit, &v100_pri_unit, &v100_hshub_unit,
    &v100_pramin_unit, &v100_nvlink_unit, &v100_engine_unit,
};

static const PnvV100Unit *v100_unit_at(const PnvV100 *s, hwaddr addr)
{
    const PnvV100Unit *unit = NULL;
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(v100_unit); i++) {
        if (addr - v100_unit[i]->base < v100_unit[i]->size) {
            unit = v100_unit[i];
        }
    }
    return unit == &v100_engine_unit && !s->copy_engine ? NULL : unit;
}

uint32_t v100_unimp_read(const PnvV100 *s, uint32_t addr)
{
    v100_log(s, LOG_UNIMP, "read of BAR0+0x%06x", addr);
    return 0;
}

void v100_unimp_write(const PnvV100 *s, uint32_t addr)
{
    v100_log(s, LOG_UNIMP, "write to BAR0+0x%06x", addr);
}

static uint64_t v100_bar0_read(void *opaque, hwaddr addr, unsigned size)
{
    PnvV100 *s = opaque;
    const PnvV100Unit *unit = v100_unit_at(s, addr);

    if (!v100_awake(s)) {
        return UINT32_MAX;
    }
    return unit ? unit->read(s, addr) : v100_unimp_read(s, addr);
}

static void v100_bar0_write(void *opaque, hwaddr addr, uint64_t val,
                            unsigned size)
{
    PnvV100 *s = opaque;
    const PnvV100Unit *unit = v100_unit_at(s, addr);

    if (!v100_awake(s)) {
        return;
    }
    if (unit) {
        unit->write(s, addr, val);
    } else {
        v100_unimp_write(s, addr);
    }
}

static const MemoryRegionOps v100_bar0_ops = {
    .read = v100_bar0_read,
    .write = v100_bar0_write,
    .valid.min_access_size = 4,
    .valid.max_access_size = 8,
    .impl.min_access_size = 4,
    .impl.max_access_size = 4,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/*
 * BARs 1 and 3, where nothing is behind them: a driver maps there what it likes
 */
static uint64_t v100_window_read(void *opaque, hwaddr addr, unsigned size)
{
    MemoryRegion *mr = opaque;

    v100_log(PNV_V100(memory_region_owner(mr)), LOG_UNIMP,
             "read of %s+0x%" HWADDR_PRIx, memory_region_name(mr), addr);
    return UINT64_MAX;
}

static void v100_window_write(void *opaque, hwaddr addr, uint64_t val,
                              unsigned size)
{
    MemoryRegion *mr = opaque;

    v100_log(PNV_V100(memory_region_owner(mr)), LOG_UNIMP,
             "write to %s+0x%" HWADDR_PRIx, memory_region_name(mr), addr);
}

static const MemoryRegionOps v100_window_ops = {
    .read = v100_window_read,
    .write = v100_window_write,
    .valid.min_access_size = 1,
    .valid.max_access_size = 8,
    .impl.min_access_size = 1,
    .impl.max_access_size = 8,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/*
 * Configuration space
 */

/*
 * A function that is not ready after a reset answers Request Retry Status.  The
 * PHB makes this of the vendor id, and ones of anything else.
 */
#define V100_RETRY_VENDOR_ID    0xffff0001

static uint32_t v100_config_read(PCIDevice *dev, uint32_t addr, int len)
{
    PnvV100 *s = PNV_V100(dev);

    if (s->lost) {
        return UINT32_MAX;
    }
    if (s->starting) {
        return addr == PCI_VENDOR_ID && len > 1 ? V100_RETRY_VENDOR_ID
                                                : UINT32_MAX;
    }
    return pci_default_read_config(dev, addr, len);
}

/*
 * In D3 neither BARs, which the PCI core sees to, nor links answer; nothing is
 * lost but the links, unless the GPU says that the way back is a reset.
 */
static void v100_update_power(PnvV100 *s)
{
    const uint8_t *ctrl = PCI_DEVICE(s)->config + V100_PM_CAP + PCI_PM_CTRL;
    bool asleep = pci_get_word(ctrl) & PCI_PM_CTRL_STATE_MASK;

    if (asleep == s->asleep) {
        return;
    }
    s->asleep = asleep;
    trace_pnv_v100_power(v100_name(s), !asleep);
    if (!asleep && !s->no_soft_reset) {
        pci_device_reset(PCI_DEVICE(s));
    }
    pnv_npu2_endpoint_changed(s->npu, s->group);
}

static void v100_config_write(PCIDevice *dev, uint32_t addr, uint32_t val,
                              int len)
{
    PnvV100 *s = PNV_V100(dev);

    if (s->lost || s->starting) {
        return;
    }
    pci_default_write_config(dev, addr, val, len);
    if (ranges_overlap(addr, len, V100_PM_CAP + PCI_PM_CTRL, 2)) {
        v100_update_power(s);
    }
    v100_intr_update(s);
}

static void v100_started(void *opaque)
{
    PnvV100 *s = opaque;

    s->starting = false;
    pnv_npu2_endpoint_changed(s->npu, s->group);
}

/*
 * Device
 */
static void v100_reset(DeviceState *dev)
{
    PnvV100 *s = PNV_V100(dev);

    s->resets++;
    trace_pnv_v100_reset(v100_name(s), s->resets);

    /* the links see the GPU go away before it comes back */
    s->in_reset = true;
    pnv_npu2_endpoint_changed(s->npu, s->group);
    s->in_reset = false;
    s->asleep = false;
    s->lost = s->faults.reset;
    s->starting = s->reset_ms;
    if (s->starting) {
        timer_mod(s->start_timer, s->reset_ms +
                  qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL));
    }
    pnv_npu2_endpoint_changed(s->npu, s->group);

    v100_pmc_reset(s);
    v100_fb_reset(s);
    v100_falcon_reset(s);
    v100_nvlink_reset(s);
    v100_engine_reset(s);
    if (!s->ram_keep) {
        ram_block_discard_range(s->ram.ram_block, 0, v100_ram_usable(s));
    }
}

static bool v100_init_pci(PnvV100 *s, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(s);

    pci_config_set_device_id(dev->config, s->device_id);
    pci_config_set_interrupt_pin(dev->config, 1);
    /* no function level reset: the real one has none either */
    if (pcie_endpoint_cap_init(dev, V100_PCIE_CAP) < 0) {
        error_setg(errp, "pnv-v100: no place for the PCIe capability");
        return false;
    }
    if (msi_init(dev, V100_MSI_CAP, 1, true, false, errp) < 0) {
        return false;
    }
    if (pci_pm_init(dev, V100_PM_CAP, errp) < 0) {
        return false;
    }
    pci_set_word(dev->config + V100_PM_CAP + PCI_PM_PMC, V100_PM_VERSION);
    pci_set_word(dev->config + V100_PM_CAP + PCI_PM_CTRL,
                 s->no_soft_reset ? PCI_PM_CTRL_NO_SOFT_RESET : 0);
    pci_set_word(dev->wmask + V100_PM_CAP + PCI_PM_CTRL,
                 PCI_PM_CTRL_STATE_MASK);
    return true;
}

static bool v100_check_properties(const PnvV100 *s, Error **errp)
{
    if (!s->npu || s->group >= NPU2_NR_BRICKS / s->npu->links_per_gpu) {
        error_setg(errp, "pnv-v100: needs an NPU and a group of its links");
        return false;
    }
    if (s->cpu_links >> V100_NR_LINKS ||
        ctpop8(s->cpu_links) != s->npu->links_per_gpu) {
        error_setg(errp, "pnv-v100: cpu-links must name as many of the %d "
                   "links as the NPU has for a GPU", V100_NR_LINKS);
        return false;
    }
    if (s->ram_size < V100_MIN_RAM || s->ram_size % V100_RAM_UNIT) {
        error_setg(errp, "pnv-v100: RAM must be a multiple of 16 MiB and at "
                   "least 256 MiB");
        return false;
    }
    if (!v100_ram_size_fits(s)) {
        error_setg(errp, "pnv-v100: RAM must be 1 to 63 MiB times a power of "
                   "2, as the register with its size has it: %" PRIu64 " MiB "
                   "is not", s->ram_size / MiB);
        return false;
    }
    if (!is_power_of_2(s->bar1_size) || s->bar1_size < V100_BAR1_MIN_SIZE ||
        s->bar1_size > V100_BAR1_MAX_SIZE) {
        error_setg(errp, "pnv-v100: bar1-size must be a power of 2 from 64 MiB "
                   "to 64 GiB");
        return false;
    }
    return true;
}

/* The RAM, as far as there is room for it, at the beginning of BAR 1 */
static void v100_init_bars(PnvV100 *s)
{
    const unsigned window = PCI_BASE_ADDRESS_SPACE_MEMORY |
                            PCI_BASE_ADDRESS_MEM_TYPE_64 |
                            PCI_BASE_ADDRESS_MEM_PREFETCH;
    PCIDevice *dev = PCI_DEVICE(s);
    Object *owner = OBJECT(s);

    memory_region_init_io(&s->bar0, owner, &v100_bar0_ops, s, "v100-bar0",
                          V100_BAR0_SIZE);
    memory_region_init_io(&s->bar1, owner, &v100_window_ops, &s->bar1,
                          "v100-bar1", s->bar1_size);
    memory_region_init_alias(&s->bar1_ram, owner, "v100-bar1-ram", &s->ram, 0,
                             MIN(s->bar1_size, v100_ram_usable(s)));
    memory_region_add_subregion(&s->bar1, 0, &s->bar1_ram);
    memory_region_init_io(&s->bar3, owner, &v100_window_ops, &s->bar3,
                          "v100-bar3", V100_BAR3_SIZE);
    pci_register_bar(dev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar0);
    pci_register_bar(dev, 1, window, &s->bar1);
    pci_register_bar(dev, 3, window, &s->bar3);
}

static void v100_realize(PCIDevice *dev, Error **errp)
{
    PnvV100 *s = PNV_V100(dev);

    /* most of the RAM is never touched, so reserve nothing */
    if (!v100_check_properties(s, errp) ||
        !memory_region_init_ram_flags_nomigrate(&s->ram, OBJECT(s), "v100-ram",
                                                v100_ram_usable(s),
                                                RAM_NORESERVE, errp) ||
        !v100_init_pci(s, errp)) {
        return;
    }

    address_space_init(&s->ram_as, &s->ram, "v100-ram");
    v100_init_bars(s);

    v100_falcon_realize(s);
    v100_engine_realize(s);
    s->start_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, v100_started, s);
    pnv_npu2_attach(s->npu, s->group, PNV_NVLINK_ENDPOINT(s));
}

static void v100_exit(PCIDevice *dev)
{
    PnvV100 *s = PNV_V100(dev);

    pnv_npu2_detach(s->npu, s->group);
    v100_peer_leave(s);
    timer_free(s->start_timer);
    v100_engine_unrealize(s);
    v100_falcon_unrealize(s);
    address_space_destroy(&s->ram_as);
    msi_uninit(dev);
    pcie_cap_exit(dev);
}

static bool v100_get_fail_reset(Object *obj, Error **errp)
{
    return PNV_V100(obj)->faults.reset;
}

static void v100_set_fail_reset(Object *obj, bool value, Error **errp)
{
    PnvV100 *s = PNV_V100(obj);

    s->faults.reset = value;
    if (s->lost && !value) {
        s->lost = false;
        pnv_npu2_endpoint_changed(s->npu, s->group);
    }
}

static bool v100_get_fail_link_disable(Object *obj, Error **errp)
{
    return PNV_V100(obj)->faults.link_disable;
}

static void v100_set_fail_link_disable(Object *obj, bool value, Error **errp)
{
    PNV_V100(obj)->faults.link_disable = value;
}

static bool v100_get_ignore_link_disable(Object *obj, Error **errp)
{
    return PNV_V100(obj)->faults.link_cut;
}

static void v100_set_ignore_link_disable(Object *obj, bool value, Error **errp)
{
    PnvV100 *s = PNV_V100(obj);

    s->faults.link_cut = value;
    if (DEVICE(s)->realized) {
        pnv_npu2_endpoint_changed(s->npu, s->group);
    }
}

static bool v100_get_fail_ram_size(Object *obj, Error **errp)
{
    return PNV_V100(obj)->faults.ram_size;
}

static void v100_set_fail_ram_size(Object *obj, bool value, Error **errp)
{
    PNV_V100(obj)->faults.ram_size = value;
}

static void v100_init(Object *obj)
{
    PnvV100 *s = PNV_V100(obj);

    object_property_add_uint64_ptr(obj, "resets", &s->resets,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint32_ptr(obj, "link-disable", &s->link_disable,
                                   OBJ_PROP_FLAG_READ);
    v100_fb_init(obj);
    v100_falcon_init(obj);
    v100_engine_init(obj);
    v100_peer_init(obj);
    object_property_add_bool(obj, "x-fail-reset", v100_get_fail_reset,
                             v100_set_fail_reset);
    object_property_add_bool(obj, "x-fail-link-disable",
                             v100_get_fail_link_disable,
                             v100_set_fail_link_disable);
    object_property_add_bool(obj, "x-ignore-link-disable",
                             v100_get_ignore_link_disable,
                             v100_set_ignore_link_disable);
    object_property_add_bool(obj, "x-fail-ram-size", v100_get_fail_ram_size,
                             v100_set_fail_ram_size);
}

static const Property v100_properties[] = {
    DEFINE_PROP_LINK("npu", PnvV100, npu, TYPE_PNV_NPU2, PnvNpu2 *),
    DEFINE_PROP_UINT32("group", PnvV100, group, 0),
    DEFINE_PROP_UINT8("cpu-links", PnvV100, cpu_links, 0x2a),
    DEFINE_PROP_UINT16("device-id", PnvV100, device_id, V100_DEVICE_ID),
    DEFINE_PROP_SIZE("ram-size", PnvV100, ram_size, GiB),
    DEFINE_PROP_SIZE("bar1-size", PnvV100, bar1_size, V100_BAR1_DEFAULT_SIZE),
    DEFINE_PROP_UINT32("reset-ms", PnvV100, reset_ms, 0),
    DEFINE_PROP_BOOL("ram-keep", PnvV100, ram_keep, false),
    DEFINE_PROP_BOOL("no-soft-reset", PnvV100, no_soft_reset, true),
    DEFINE_PROP_BOOL("ecc", PnvV100, ecc, false),
    DEFINE_PROP_BOOL("link-training", PnvV100, link_training, true),
    DEFINE_PROP_BOOL("copy-engine", PnvV100, copy_engine, true),
};

static const VMStateDescription vmstate_v100 = {
    .name = TYPE_PNV_V100,
    .unmigratable = 1,
};

static void v100_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(oc);
    PnvNvlinkEndpointClass *ec = PNV_NVLINK_ENDPOINT_CLASS(oc);

    pc->realize = v100_realize;
    pc->exit = v100_exit;
    pc->config_read = v100_config_read;
    pc->config_write = v100_config_write;
    pc->vendor_id = PCI_VENDOR_ID_NVIDIA;
    pc->device_id = V100_DEVICE_ID;
    pc->subsystem_vendor_id = PCI_VENDOR_ID_NVIDIA;
    pc->subsystem_id = V100_SUBSYSTEM_ID;
    pc->revision = V100_REVISION;
    pc->class_id = 0x0302;      /* 3D controller */
    ec->link_ready = v100_link_ready;
    ec->ram = v100_ram;
    ec->shootdown = v100_shootdown;
    device_class_set_legacy_reset(dc, v100_reset);
    dc->desc = "GPU with NVLink2, like a Tesla V100 SXM2";
    dc->vmsd = &vmstate_v100;
    dc->user_creatable = false;
    dc->hotpluggable = false;
    set_bit(DEVICE_CATEGORY_DISPLAY, dc->categories);
    device_class_set_props(dc, v100_properties);
}

static const TypeInfo v100_types[] = {
    {
        .name = TYPE_PNV_V100,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(PnvV100),
        .instance_init = v100_init,
        .class_init = v100_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { TYPE_PNV_NVLINK_ENDPOINT },
            { }
        },
    },
};

DEFINE_TYPES(v100_types)
