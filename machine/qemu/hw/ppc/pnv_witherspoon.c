/*
 * QEMU PowerNV: the Witherspoon boards (IBM Power System AC922)
 *
 * Two POWER9 chips with the ids 0 and 8.  The GPUs of a chip sit behind a
 * PCIe switch on one of its PHBs, and on the NVLinks of its NPU.  The 4-GPU
 * board joins each GPU to its NPU by three links, the 6-GPU board by two.
 * A board is built by one word; see docs/system/ppc/witherspoon.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/gpio/pca9554.h"
#include "hw/i2c/i2c.h"
#include "hw/irq.h"
#include "hw/isa/isa.h"
#include "hw/misc/pnv_v100.h"
#include "hw/pci-bridge/xio3130_downstream.h"
#include "hw/pci-host/pnv_npu2.h"
#include "hw/pci-host/pnv_phb.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_host.h"
#include "hw/ppc/fdt.h"
#include "hw/ppc/pnv.h"
#include "hw/ppc/pnv_chip.h"
#include "hw/qdev-properties.h"
#include "monitor/qdev.h"
#include <libfdt.h>

#define TYPE_WITHERSPOON_MACHINE MACHINE_TYPE_NAME("witherspoon")
OBJECT_DECLARE_TYPE(WitherspoonState, WitherspoonClass, WITHERSPOON_MACHINE)

#define WITHERSPOON_MAX_CHIPS   2
#define WITHERSPOON_CHIP_STRIDE 8
#define WITHERSPOON_BMC_IRQ     10
#define WITHERSPOON_DISK_PHB    0

/* The I/O expander of the sockets: an input is low where a GPU sits */
#define WITHERSPOON_I2C_ENGINE  1
#define WITHERSPOON_I2C_PORT    4
#define WITHERSPOON_EXPANDER    0x20

/* Slots are numbered as if every chip had three GPUs */
#define WITHERSPOON_CHIP_SLOTS  3

typedef struct WitherspoonBoard {
    const char *name;
    const char *desc;
    unsigned chips;
    unsigned gpus_per_chip;
    /* by GPU of a chip: where its links lead */
    const char *links[WITHERSPOON_CHIP_SLOTS];
} WitherspoonBoard;

static const WitherspoonBoard witherspoon_board[] = {
#define WITHERSPOON_BOARD(name, desc, chips, gpus, ...) \
    { name, desc, chips, gpus, { __VA_ARGS__ } },
#include "pnv_witherspoon_boards.h.inc"
#undef WITHERSPOON_BOARD
};

/* How the GPU sockets of a chip hang on its PCIe */
static const struct {
    unsigned phb;
    uint32_t lane_mask;
    unsigned port[WITHERSPOON_CHIP_SLOTS];      /* of the switch */
} witherspoon_wiring[WITHERSPOON_MAX_CHIPS] = {
    { .phb = 4, .lane_mask = 0xf0, .port = { 0xa, 0xb, 0xc } },
    { .phb = 5, .lane_mask = 0x0f, .port = { 0x4, 0x5, 0xd } },
};

struct WitherspoonState {
    PnvMachineState parent_obj;

    const WitherspoonBoard *board;
    uint64_t gpu_ram;
    PnvNpu2 *npu[WITHERSPOON_MAX_CHIPS];
    PnvV100 *gpu[WITHERSPOON_MAX_CHIPS][WITHERSPOON_CHIP_SLOTS];
    DeviceState *expander[WITHERSPOON_MAX_CHIPS];
};

struct WitherspoonClass {
    PnvMachineClass parent_class;

    void (*parent_init)(MachineState *machine);
    void (*parent_reset)(MachineState *machine, ResetType type);
};

/*
 * The switch: like the PLX 8725 of the board, as far as ids and ports go
 */
#define TYPE_PLX8725_UPSTREAM   "plx8725-upstream"
#define TYPE_PLX8725_DOWNSTREAM "plx8725-downstream"
#define PLX_VENDOR_ID           0x10b5
#define PLX8725_DEVICE_ID       0x8725

static void plx8725_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(oc);

    pc->vendor_id = PLX_VENDOR_ID;
    pc->device_id = PLX8725_DEVICE_ID;
    pc->revision = 0xca;
    dc->desc = "Port of a PCIe switch, like a PLX 8725";
    dc->user_creatable = false;
}

/*
 * 8 GT/s, for which a port has to report whether its link is active.  With no
 * speed at all, as QEMU's XIO3130 has it, firmware and Linux wait three seconds
 * in each reset instead of asking for the link.
 */
static void plx8725_downstream_init(Object *obj)
{
    PCIESlot *slot = PCIE_SLOT(obj);

    slot->speed = QEMU_PCI_EXP_LNK_8GT;
    slot->width = QEMU_PCI_EXP_LNK_X1;
}

/*
 * Device tree: slots.  Firmware finds the GPU of an NPU link by the label of
 * its slot, and the slot by the path of PCIe ports that leads there.
 */
static void witherspoon_dt_port(void *fdt, int parent, unsigned port,
                                unsigned gpu)
{
    g_autofree char *name = g_strdup_printf("down-port@%x", port);
    g_autofree char *label = g_strdup_printf("GPU%u", gpu);
    int node = fdt_add_subnode(fdt, parent, name);
    int builtin;

    _FDT(node);
    _FDT(fdt_setprop_string(fdt, node, "compatible", "ibm,pcie-port"));
    _FDT(fdt_setprop_cell(fdt, node, "reg", port));
    _FDT(fdt_setprop(fdt, node, "ibm,pluggable", NULL, 0));
    _FDT(fdt_setprop_string(fdt, node, "ibm,slot-label", label));

    builtin = fdt_add_subnode(fdt, node, "builtin");
    _FDT(builtin);
    _FDT(fdt_setprop_cell(fdt, builtin, "phandle",
                          PNV_NPU2_SLOT_PHANDLE(gpu)));
    _FDT(fdt_setprop_string(fdt, builtin, "ibm,slot-label", label));
}

static void witherspoon_dt_switch(void *fdt, int parent, unsigned chip)
{
    g_autofree char *name = g_strdup_printf("switch-up@%x,%x", PLX_VENDOR_ID,
                                            PLX8725_DEVICE_ID);
    uint32_t reg[] = { cpu_to_be32(PLX_VENDOR_ID),
                       cpu_to_be32(PLX8725_DEVICE_ID) };
    int node = fdt_add_subnode(fdt, parent, name);
    int i;

    _FDT(node);
    _FDT(fdt_setprop(fdt, node, "reg", reg, sizeof(reg)));
    _FDT(fdt_setprop_cell(fdt, node, "#address-cells", 1));
    _FDT(fdt_setprop_cell(fdt, node, "#size-cells", 0));
    _FDT(fdt_setprop_cell(fdt, node, "upstream-port", chip));
    _FDT(fdt_setprop(fdt, node, "ibm,pluggable", NULL, 0));
    for (i = WITHERSPOON_CHIP_SLOTS - 1; i >= 0; i--) {
        witherspoon_dt_port(fdt, node, witherspoon_wiring[chip].port[i],
                            chip * WITHERSPOON_CHIP_SLOTS + i);
    }
}

static void witherspoon_dt_root_complex(void *fdt, int parent, unsigned chip,
                                        uint32_t chip_id)
{
    static const char compat[] = "ibm,pcie-port\0ibm,pcie-root-port";
    unsigned phb = witherspoon_wiring[chip].phb;
    g_autofree char *name = g_strdup_printf("root-complex@%x,%x", chip_id,
                                            phb);
    uint32_t reg[] = { cpu_to_be32(chip_id), cpu_to_be32(phb) };
    int node = fdt_add_subnode(fdt, parent, name);

    _FDT(node);
    _FDT(fdt_setprop(fdt, node, "reg", reg, sizeof(reg)));
    _FDT(fdt_setprop_cell(fdt, node, "#address-cells", 2));
    _FDT(fdt_setprop_cell(fdt, node, "#size-cells", 0));
    _FDT(fdt_setprop(fdt, node, "compatible", compat, sizeof(compat)));
    _FDT(fdt_setprop_cell(fdt, node, "ibm,chip-id", chip_id));
    _FDT(fdt_setprop_cell(fdt, node, "lane-mask",
                          witherspoon_wiring[chip].lane_mask));
    witherspoon_dt_switch(fdt, node, chip);
}

static void witherspoon_dt(PnvMachineState *pnv, void *fdt)
{
    int node = fdt_add_subnode(fdt, 0, "ibm,pcie-slots");
    int i;

    _FDT(node);
    _FDT(fdt_setprop_cell(fdt, node, "#address-cells", 2));
    _FDT(fdt_setprop_cell(fdt, node, "#size-cells", 0));
    for (i = pnv->num_chips - 1; i >= 0; i--) {
        witherspoon_dt_root_complex(fdt, node, i, pnv->chips[i]->chip_id);
    }
}

/*
 * Board
 */
static PCIBus *witherspoon_add_port(PCIBus *bus, int devfn, const char *type,
                                    char *id, int chassis, int slot)
{
    PCIDevice *dev = pci_new(devfn, type);

    qdev_set_id(DEVICE(dev), id, &error_fatal);
    if (chassis >= 0) {
        qdev_prop_set_uint8(DEVICE(dev), "chassis", chassis);
        qdev_prop_set_uint16(DEVICE(dev), "slot", slot);
        /* Firmware would power the slot off in a reset: the GPU is gone */
        qdev_prop_set_bit(DEVICE(dev), "power_controller_present", false);
        /* The slot is a socket on the board; Linux would spread bus numbers */
        qdev_prop_set_bit(DEVICE(dev), "hotplug", false);
    }
    pci_realize_and_unref(dev, bus, &error_fatal);
    return pci_bridge_get_sec_bus(PCI_BRIDGE(dev));
}

/* With QEMU's defaults a chip comes with all its PHBs and their root ports */
static PnvPHB *witherspoon_find_phb(PnvChip *chip, unsigned index)
{
    Pnv9Chip *chip9 = PNV9_CHIP(chip);
    unsigned i, j;

    for (i = 0; i < chip->num_pecs; i++) {
        for (j = 0; j < chip9->pecs[i].num_phbs; j++) {
            PnvPHB *phb = chip9->pecs[i].phbs[j];

            if (phb && phb->phb_id == index) {
                return phb;
            }
        }
    }
    return NULL;
}

static PnvPHB *witherspoon_add_phb(PnvChip *chip, unsigned index)
{
    DeviceState *phb = qdev_new(TYPE_PNV_PHB);

    qdev_prop_set_uint32(phb, "chip-id", chip->chip_id);
    qdev_prop_set_uint32(phb, "index", index);
    sysbus_realize_and_unref(SYS_BUS_DEVICE(phb), &error_fatal);
    return PNV_PHB(phb);
}

/* The bus below the root port of a PHB; @id names it if it is new */
static PCIBus *witherspoon_root_port(PnvChip *chip, unsigned index, char *id)
{
    PnvPHB *phb = witherspoon_find_phb(chip, index) ?:
                  witherspoon_add_phb(chip, index);
    PCIBus *bus = PCI_HOST_BRIDGE(phb)->bus;
    PCIDevice *port = bus->devices[PCI_DEVFN(0, 0)];

    if (port) {
        g_free(id);
        return pci_bridge_get_sec_bus(PCI_BRIDGE(port));
    }
    return witherspoon_add_port(bus, PCI_DEVFN(0, 0), TYPE_PNV_PHB_ROOT_PORT,
                                id, -1, 0);
}

static uint8_t witherspoon_cpu_links(const char *links)
{
    uint8_t mask = 0;
    unsigned i;

    for (i = 0; links[i]; i++) {
        mask |= (links[i] == 'C') << i;
    }
    return mask;
}

/* The link of @links that leads to @gpu as the (@nth + 1)-th one */
static unsigned witherspoon_find_link(const char *links, unsigned gpu,
                                      unsigned nth)
{
    unsigned i;

    for (i = 0; links[i]; i++) {
        if (links[i] == '0' + gpu && !nth--) {
            return i;
        }
    }
    g_assert_not_reached();
}

/* Links from one GPU of a chip to those before it, which exist */
static void witherspoon_join_gpu(WitherspoonState *ws, unsigned chip,
                                 unsigned group)
{
    const char *const *links = ws->board->links;
    unsigned nth[WITHERSPOON_CHIP_SLOTS] = { 0 };
    unsigned i;

    for (i = 0; links[group][i]; i++) {
        unsigned peer = links[group][i] - '0';

        if (links[group][i] != 'C' && peer < group) {
            pnv_v100_join(ws->gpu[chip][group], i, ws->gpu[chip][peer],
                          witherspoon_find_link(links[peer], group,
                                                nth[peer]++));
        }
    }
}

static void witherspoon_add_gpu(WitherspoonState *ws, PCIBus *bus,
                                unsigned chip, unsigned group)
{
    unsigned gpu = chip * WITHERSPOON_CHIP_SLOTS + group;
    g_autofree char *name = g_strdup_printf("gpu%u", gpu);
    PCIDevice *dev = pci_new(PCI_DEVFN(0, 0), TYPE_PNV_V100);

    object_property_add_child(OBJECT(ws), name, OBJECT(dev));
    object_property_set_link(OBJECT(dev), "npu", OBJECT(ws->npu[chip]),
                             &error_abort);
    qdev_prop_set_uint32(DEVICE(dev), "group", group);
    qdev_prop_set_uint8(DEVICE(dev), "cpu-links",
                        witherspoon_cpu_links(ws->board->links[group]));
    qdev_prop_set_uint64(DEVICE(dev), "ram-size", ws->gpu_ram);
    pci_realize_and_unref(dev, bus, &error_fatal);
    ws->gpu[chip][group] = PNV_V100(dev);
    witherspoon_join_gpu(ws, chip, group);
}

static void witherspoon_add_gpus(WitherspoonState *ws, unsigned chip)
{
    PnvMachineState *pnv = PNV_MACHINE(ws);
    int chassis = pnv->chips[chip]->chip_id + 1;
    PCIBus *bus;
    unsigned i;

    bus = witherspoon_root_port(pnv->chips[chip], witherspoon_wiring[chip].phb,
                                g_strdup_printf("gpu-phb%u", chip));
    bus = witherspoon_add_port(bus, PCI_DEVFN(0, 0), TYPE_PLX8725_UPSTREAM,
                               g_strdup_printf("switch%u", chip), -1, 0);
    for (i = 0; i < ws->board->gpus_per_chip; i++) {
        unsigned port = witherspoon_wiring[chip].port[i];
        PCIBus *slot;

        slot = witherspoon_add_port(bus, PCI_DEVFN(port, 0),
                                    TYPE_PLX8725_DOWNSTREAM,
                                    g_strdup_printf("switch%u-port%x", chip,
                                                    port), chassis, port);
        witherspoon_add_gpu(ws, slot, chip, i);
    }
}

static void witherspoon_add_npu(WitherspoonState *ws, unsigned chip)
{
    PnvChip *pnv_chip = PNV_MACHINE(ws)->chips[chip];
    DeviceState *dev = qdev_new(TYPE_PNV_NPU2);
    g_autofree char *name = g_strdup_printf("npu%u", chip);

    ws->npu[chip] = PNV_NPU2(dev);
    object_property_add_child(OBJECT(pnv_chip), "npu", OBJECT(dev));
    object_property_add_const_link(OBJECT(ws), name, OBJECT(dev));
    object_property_set_link(OBJECT(dev), "chip", OBJECT(pnv_chip),
                             &error_abort);
    qdev_prop_set_uint32(dev, "index", chip);
    qdev_prop_set_uint32(dev, "links-per-gpu",
                         NPU2_NR_BRICKS / ws->board->gpus_per_chip);
    qdev_prop_set_uint32(dev, "first-gpu", chip * WITHERSPOON_CHIP_SLOTS);
    qdev_realize(dev, NULL, &error_fatal);
    object_unref(OBJECT(dev));
}

/*
 * Firmware asks two places before it touches the NPU: the on-chip controller,
 * which says which GPU sockets are occupied, and the I/O expander, which says
 * whether that is a GPU or an OpenCAPI card.
 */
static void witherspoon_i2c_init(PnvMachineState *pnv)
{
    WitherspoonState *ws = WITHERSPOON_MACHINE(pnv);
    unsigned i;

    for (i = 0; i < pnv->num_chips; i++) {
        PnvI2C *i2c = &PNV9_CHIP(pnv->chips[i])->i2c[WITHERSPOON_I2C_ENGINE];
        I2CBus *bus = i2c->busses[WITHERSPOON_I2C_PORT];

        ws->expander[i] = DEVICE(i2c_slave_create_simple(bus, TYPE_PCA9554,
                                                         WITHERSPOON_EXPANDER));
        pnv_occ_set_gpus_present(&PNV9_CHIP(pnv->chips[i])->occ,
                                 MAKE_64BIT_MASK(0, ws->board->gpus_per_chip),
                                 &error_fatal);
    }
}

/* A reset of the expander lets go of its inputs */
static void witherspoon_drive_expanders(WitherspoonState *ws)
{
    unsigned i, gpu;

    for (i = 0; i < ws->board->chips; i++) {
        for (gpu = 0; gpu < ws->board->gpus_per_chip; gpu++) {
            qemu_irq_lower(qdev_get_gpio_in(ws->expander[i], gpu));
        }
    }
}

/* The board has a BMC, whether or not QEMU was asked for defaults */
static void witherspoon_add_bmc(PnvMachineState *pnv)
{
    ISADevice *bt;

    if (pnv->bmc) {
        return;
    }
    pnv->bmc = pnv_bmc_create(pnv->pnor);
    bt = isa_new("isa-ipmi-bt");
    object_property_set_link(OBJECT(bt), "bmc", OBJECT(pnv->bmc),
                             &error_abort);
    object_property_set_int(OBJECT(bt), "irq", WITHERSPOON_BMC_IRQ,
                            &error_abort);
    isa_realize_and_unref(bt, pnv->isa_bus, &error_fatal);
}

static void witherspoon_check_cpus(const WitherspoonState *ws)
{
    const CpuTopology *smp = &MACHINE(ws)->smp;
    unsigned chips = ws->board->chips;

    /* without -smp there is no number of sockets */
    if (smp->max_cpus != chips * smp->cores * smp->threads ||
        smp->cpus != smp->max_cpus) {
        error_report("board %s has %u chips with the same number of CPUs each: "
                     "use -smp cpus=N,sockets=%u", ws->board->name, chips,
                     chips);
        exit(EXIT_FAILURE);
    }
}

static void witherspoon_init(MachineState *machine)
{
    WitherspoonState *ws = WITHERSPOON_MACHINE(machine);
    PnvMachineState *pnv = PNV_MACHINE(machine);
    unsigned chip;

    witherspoon_check_cpus(ws);
    WITHERSPOON_MACHINE_GET_CLASS(ws)->parent_init(machine);
    witherspoon_add_bmc(pnv);
    witherspoon_root_port(pnv->chips[0], WITHERSPOON_DISK_PHB,
                          g_strdup("disk"));
    for (chip = 0; chip < pnv->num_chips; chip++) {
        witherspoon_add_npu(ws, chip);
        witherspoon_add_gpus(ws, chip);
    }
}

static void witherspoon_reset(MachineState *machine, ResetType type)
{
    WitherspoonState *ws = WITHERSPOON_MACHINE(machine);

    WITHERSPOON_MACHINE_GET_CLASS(ws)->parent_reset(machine, type);
    witherspoon_drive_expanders(ws);
}

/*
 * Machine
 */
static char *witherspoon_get_board(Object *obj, Error **errp)
{
    return g_strdup(WITHERSPOON_MACHINE(obj)->board->name);
}

static void witherspoon_set_board(Object *obj, const char *value,
                                  Error **errp)
{
    ERRP_GUARD();
    int i;

    for (i = 0; i < ARRAY_SIZE(witherspoon_board); i++) {
        if (!strcmp(value, witherspoon_board[i].name)) {
            WITHERSPOON_MACHINE(obj)->board = &witherspoon_board[i];
            return;
        }
    }
    error_setg(errp, "unknown board '%s'", value);
    error_append_hint(errp, "Boards:\n");
    for (i = 0; i < ARRAY_SIZE(witherspoon_board); i++) {
        error_append_hint(errp, "  %-8s %s\n", witherspoon_board[i].name,
                          witherspoon_board[i].desc);
    }
}

static void witherspoon_get_gpu_ram(Object *obj, Visitor *v, const char *name,
                                    void *opaque, Error **errp)
{
    visit_type_size(v, name, &WITHERSPOON_MACHINE(obj)->gpu_ram, errp);
}

static void witherspoon_set_gpu_ram(Object *obj, Visitor *v, const char *name,
                                    void *opaque, Error **errp)
{
    uint64_t size;

    if (!visit_type_size(v, name, &size, errp)) {
        return;
    }
    if (size < 256 * MiB || size > 128 * GiB || size % MiB) {
        error_setg(errp, "gpu-ram must be between 256M and 128G, in units of "
                   "1M");
        return;
    }
    WITHERSPOON_MACHINE(obj)->gpu_ram = size;
}

static void witherspoon_instance_init(Object *obj)
{
    WitherspoonState *ws = WITHERSPOON_MACHINE(obj);

    ws->board = &witherspoon_board[0];
    ws->gpu_ram = GiB;
}

/* "4gpu: 4 GPUs, 3 links each (default); 6gpu: ..." */
static char *witherspoon_board_help(void)
{
    GString *help = g_string_new(NULL);
    int i;

    for (i = 0; i < ARRAY_SIZE(witherspoon_board); i++) {
        g_string_append_printf(help, "%s%s: %s%s", i ? "; " : "",
                               witherspoon_board[i].name,
                               witherspoon_board[i].desc,
                               i ? "" : " (default)");
    }
    return g_string_free(help, false);
}

static void witherspoon_class_init(ObjectClass *oc, void *data)
{
    MachineClass *mc = MACHINE_CLASS(oc);
    PnvMachineClass *pmc = PNV_MACHINE_CLASS(oc);
    WitherspoonClass *wc = WITHERSPOON_MACHINE_CLASS(oc);
    g_autofree char *board_help = witherspoon_board_help();
    static const char compat[] = "ibm,witherspoon\0ibm,powernv";
    static GlobalProperty phb_compat[] = {
        { TYPE_PNV_PHB, "version", "4" },
        { TYPE_PNV_PHB_ROOT_PORT, "version", "4" },
    };

    mc->desc = "IBM Power System AC922 (Witherspoon) with NVLink2 GPUs";
    mc->alias = NULL;
    mc->default_cpus = 2;
    mc->smp_props.prefer_sockets = true;
    wc->parent_init = mc->init;
    mc->init = witherspoon_init;
    wc->parent_reset = mc->reset;
    mc->reset = witherspoon_reset;
    compat_props_add(mc->compat_props, phb_compat, G_N_ELEMENTS(phb_compat));

    pmc->compat = compat;
    pmc->compat_size = sizeof(compat);
    pmc->chip_id_stride = WITHERSPOON_CHIP_STRIDE;
    pmc->dt_board = witherspoon_dt;
    pmc->i2c_init = witherspoon_i2c_init;

    object_class_property_add_str(oc, "board", witherspoon_get_board,
                                  witherspoon_set_board);
    object_class_property_set_description(oc, "board", board_help);
    object_class_property_add(oc, "gpu-ram", "size", witherspoon_get_gpu_ram,
                              witherspoon_set_gpu_ram, NULL, NULL);
    object_class_property_set_description(oc, "gpu-ram",
                                          "RAM of each GPU (default 1G)");
}

static const TypeInfo witherspoon_types[] = {
    {
        .name = TYPE_WITHERSPOON_MACHINE,
        .parent = MACHINE_TYPE_NAME("powernv9"),
        .instance_size = sizeof(WitherspoonState),
        .instance_init = witherspoon_instance_init,
        .class_size = sizeof(WitherspoonClass),
        .class_init = witherspoon_class_init,
    },
    {
        .name = TYPE_PLX8725_UPSTREAM,
        .parent = "x3130-upstream",
        .class_init = plx8725_class_init,
    },
    {
        .name = TYPE_PLX8725_DOWNSTREAM,
        .parent = TYPE_XIO3130_DOWNSTREAM,
        .instance_init = plx8725_downstream_init,
        .class_init = plx8725_class_init,
    },
};

DEFINE_TYPES(witherspoon_types)
