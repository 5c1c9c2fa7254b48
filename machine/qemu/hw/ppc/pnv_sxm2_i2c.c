/*
 * QEMU PowerNV: what sits in the SXM2 sockets of a Witherspoon
 *
 * Firmware asks two places before it touches the NPU: the on-chip controller
 * (OCC), which says which GPU sockets are occupied, and an I/O expander on the
 * I2C bus of the sockets, which says whether that is a GPU or an OpenCAPI
 * card.  This device has the little that is needed of both: the presence byte
 * in the OCC's dynamic data, and I2C master 1 of the chip with the expander
 * (inputs, outputs, polarity, direction) at address 0x20 on its port 4.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "hw/ppc/fdt.h"
#include "hw/ppc/pnv.h"
#include "hw/ppc/pnv_sxm2_i2c.h"
#include "hw/ppc/pnv_xscom.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "sysemu/reset.h"
#include "target/ppc/cpu.h"
#include "trace.h"
#include <libfdt.h>

#define SXM2_XSCOM_BASE         0x000a1000
#define SXM2_XSCOM_SIZE         0x20
#define SXM2_DT_XSCOM_SIZE      0x1000
#define SXM2_DT_CLOCK           0x7735940
#define SXM2_DT_BUS_FREQUENCY   0x61a80
#define SXM2_PORT               4
#define SXM2_EXPANDER           0x20

#define I2C_FIFO                0x04
#define   I2C_FIFO_DATA         PPC_BITMASK(0, 7)
#define I2C_CMD                 0x05
#define   I2C_CMD_START         PPC_BIT(0)
#define   I2C_CMD_ADDR          PPC_BITMASK(8, 14)
#define   I2C_CMD_READ          PPC_BIT(15)
#define   I2C_CMD_LEN           PPC_BITMASK(16, 31)
#define I2C_MODE                0x06
#define   I2C_MODE_PORT         PPC_BITMASK(16, 21)
#define I2C_WATERMARK           0x07
#define I2C_INT_MASK            0x08
#define I2C_INT_RAW             0x09
#define I2C_INT_COND            0x0a
#define I2C_STAT                0x0b    /* write: reset */
#define   I2C_STAT_NACK         PPC_BIT(5)
#define   I2C_STAT_DATA_REQ     PPC_BIT(6)
#define   I2C_STAT_CMD_COMP     PPC_BIT(7)
#define   I2C_STAT_FIFO_COUNT   PPC_BITMASK(24, 31)
#define I2C_EXTD_STAT           0x0c    /* write: reset errors */
#define   I2C_EXTD_FIFO_SIZE    PPC_BITMASK(0, 7)
#define I2C_RESIDUAL            0x0d
#define I2C_PORT_BUSY           0x0e
#define I2C_FIFO_SIZE           8

#define EXPANDER_INPUT          0
#define EXPANDER_OUTPUT         1
#define EXPANDER_DIRECTION      3

/* OCC dynamic data in HOMER: state, major and minor version, GPU presence */
#define OCC_DYNAMIC_DATA        0xe2b80
#define OCC_DYNAMIC_DATA_SIZE   4
#define OCC_MINOR_VERSION       2
#define OCC_GPUS_PRESENT        3

/*
 * Expander
 */
static uint8_t sxm2_expander_read(PnvSxm2I2c *s)
{
    uint8_t reg = s->expander_ptr % ARRAY_SIZE(s->expander);

    /* an input is low where a GPU sits, high for an OpenCAPI card */
    return reg == EXPANDER_INPUT ? s->opencapi : s->expander[reg];
}

static void sxm2_expander_write(PnvSxm2I2c *s, uint8_t val)
{
    if (s->expander_first) {
        s->expander_ptr = val;
        s->expander_first = false;
    } else {
        s->expander[s->expander_ptr % ARRAY_SIZE(s->expander)] = val;
    }
}

/*
 * I2C master
 */
static void sxm2_i2c_command(PnvSxm2I2c *s, uint64_t cmd)
{
    bool there = GETFIELD(I2C_CMD_ADDR, cmd) == SXM2_EXPANDER &&
                 GETFIELD(I2C_MODE_PORT, s->mode) == SXM2_PORT;

    trace_pnv_sxm2_i2c(s->chip->chip_id, GETFIELD(I2C_MODE_PORT, s->mode),
                       GETFIELD(I2C_CMD_ADDR, cmd), !!(cmd & I2C_CMD_READ),
                       GETFIELD(I2C_CMD_LEN, cmd));
    s->reading = cmd & I2C_CMD_READ;
    s->left = there ? GETFIELD(I2C_CMD_LEN, cmd) : 0;
    s->status = there ? 0 : I2C_STAT_NACK;
    if (cmd & I2C_CMD_START) {
        s->expander_first = true;
    }
}

static uint64_t sxm2_i2c_status(const PnvSxm2I2c *s)
{
    uint64_t val = s->status;

    if (!s->left) {
        return val | I2C_STAT_CMD_COMP;
    }
    if (s->reading) {
        val = SETFIELD(I2C_STAT_FIFO_COUNT, val, MIN(s->left, I2C_FIFO_SIZE));
    }
    return val | I2C_STAT_DATA_REQ;
}

static uint64_t sxm2_i2c_fifo_read(PnvSxm2I2c *s)
{
    if (!s->reading || !s->left) {
        return 0;
    }
    s->left--;
    return SETFIELD(I2C_FIFO_DATA, 0ull, sxm2_expander_read(s));
}

static uint64_t sxm2_i2c_read(void *opaque, hwaddr addr, unsigned width)
{
    PnvSxm2I2c *s = opaque;

    switch (addr >> 3) {
    case I2C_FIFO:
        return sxm2_i2c_fifo_read(s);
    case I2C_MODE:
        return s->mode;
    case I2C_WATERMARK:
        return s->watermark;
    case I2C_INT_MASK:
        return s->int_mask;
    case I2C_STAT:
        return sxm2_i2c_status(s);
    case I2C_EXTD_STAT:
        return SETFIELD(I2C_EXTD_FIFO_SIZE, 0ull, I2C_FIFO_SIZE);
    case I2C_INT_RAW:
    case I2C_INT_COND:
    case I2C_RESIDUAL:
    case I2C_PORT_BUSY:
        return 0;
    default:
        qemu_log_mask(LOG_UNIMP, "sxm2-i2c: read of 0x%" HWADDR_PRIx "\n",
                      addr >> 3);
        return 0;
    }
}

static void sxm2_i2c_write(void *opaque, hwaddr addr, uint64_t val,
                           unsigned width)
{
    PnvSxm2I2c *s = opaque;

    switch (addr >> 3) {
    case I2C_FIFO:
        if (!s->reading && s->left) {
            s->left--;
            sxm2_expander_write(s, GETFIELD(I2C_FIFO_DATA, val));
        }
        break;
    case I2C_CMD:
        sxm2_i2c_command(s, val);
        break;
    case I2C_MODE:
        s->mode = val;
        break;
    case I2C_WATERMARK:
        s->watermark = val;
        break;
    case I2C_INT_MASK:
        s->int_mask = val;
        break;
    case I2C_STAT:
    case I2C_EXTD_STAT:
        s->left = 0;
        s->status = 0;
        break;
    case I2C_INT_RAW:
    case I2C_INT_COND:
    case I2C_PORT_BUSY:
        break;
    default:
        qemu_log_mask(LOG_UNIMP, "sxm2-i2c: write to 0x%" HWADDR_PRIx "\n",
                      addr >> 3);
    }
}

static const MemoryRegionOps sxm2_i2c_ops = {
    .read = sxm2_i2c_read,
    .write = sxm2_i2c_write,
    .valid.min_access_size = 8,
    .valid.max_access_size = 8,
    .impl.min_access_size = 8,
    .impl.max_access_size = 8,
    .endianness = DEVICE_BIG_ENDIAN,
};

/*
 * OCC
 */
static uint64_t sxm2_occ_read(void *opaque, hwaddr addr, unsigned width)
{
    PnvSxm2I2c *s = opaque;

    switch (addr) {
    case OCC_MINOR_VERSION:
        return 1;
    case OCC_GPUS_PRESENT:
        return s->present;
    default:
        return 0;
    }
}

static void sxm2_occ_write(void *opaque, hwaddr addr, uint64_t val,
                           unsigned width)
{
}

static const MemoryRegionOps sxm2_occ_ops = {
    .read = sxm2_occ_read,
    .write = sxm2_occ_write,
    .impl.min_access_size = 1,
    .impl.max_access_size = 1,
    .endianness = DEVICE_BIG_ENDIAN,
};

/*
 * Device
 */
static void sxm2_i2c_reset(void *opaque)
{
    PnvSxm2I2c *s = opaque;

    s->mode = 0;
    s->watermark = 0;
    s->int_mask = 0;
    s->status = 0;
    s->left = 0;
    s->reading = false;
    s->expander_ptr = 0;
    s->expander_first = true;
    memset(s->expander, 0, sizeof(s->expander));
    s->expander[EXPANDER_OUTPUT] = 0xff;
    s->expander[EXPANDER_DIRECTION] = 0xff;
}

static void sxm2_i2c_realize(DeviceState *dev, Error **errp)
{
    PnvSxm2I2c *s = PNV_SXM2_I2C(dev);

    if (!s->chip) {
        error_setg(errp, "sxm2-i2c: no chip");
        return;
    }
    pnv_xscom_region_init(&s->xscom, OBJECT(s), &sxm2_i2c_ops, s,
                          "xscom-sxm2-i2c", SXM2_XSCOM_SIZE);
    pnv_xscom_add_subregion(s->chip, SXM2_XSCOM_BASE, &s->xscom);

    memory_region_init_io(&s->occ, OBJECT(s), &sxm2_occ_ops, s,
                          "occ-gpu-presence", OCC_DYNAMIC_DATA_SIZE);
    memory_region_add_subregion(&PNV9_CHIP(s->chip)->homer.regs,
                                OCC_DYNAMIC_DATA, &s->occ);
    qemu_register_reset(sxm2_i2c_reset, s);
}

static int sxm2_i2c_dt(PnvXScomInterface *dev, void *fdt, int xscom_offset)
{
    static const char master[] = "ibm,power8-i2cm\0ibm,power9-i2cm";
    static const char port[] =
        "ibm,opal-i2c\0ibm,power8-i2c-port\0ibm,power9-i2c-port";
    uint32_t reg[] = { cpu_to_be32(SXM2_XSCOM_BASE),
                       cpu_to_be32(SXM2_DT_XSCOM_SIZE) };
    int node = fdt_add_subnode(fdt, xscom_offset, "i2cm@a1000");
    int bus;

    _FDT(node);
    _FDT(fdt_setprop(fdt, node, "reg", reg, sizeof(reg)));
    _FDT(fdt_setprop(fdt, node, "compatible", master, sizeof(master)));
    _FDT(fdt_setprop_cell(fdt, node, "#size-cells", 0));
    _FDT(fdt_setprop_cell(fdt, node, "#address-cells", 1));
    _FDT(fdt_setprop_cell(fdt, node, "chip-engine#", 1));
    _FDT(fdt_setprop_cell(fdt, node, "clock-frequency", SXM2_DT_CLOCK));

    bus = fdt_add_subnode(fdt, node, "i2c-bus@4");
    _FDT(bus);
    _FDT(fdt_setprop_cell(fdt, bus, "reg", SXM2_PORT));
    _FDT(fdt_setprop_cell(fdt, bus, "#size-cells", 0));
    _FDT(fdt_setprop_cell(fdt, bus, "#address-cells", 1));
    _FDT(fdt_setprop(fdt, bus, "compatible", port, sizeof(port)));
    _FDT(fdt_setprop_cell(fdt, bus, "bus-frequency", SXM2_DT_BUS_FREQUENCY));
    return 0;
}

static Property sxm2_i2c_properties[] = {
    DEFINE_PROP_LINK("chip", PnvSxm2I2c, chip, TYPE_PNV_CHIP, PnvChip *),
    DEFINE_PROP_UINT8("present", PnvSxm2I2c, present, 0),
    DEFINE_PROP_UINT8("opencapi", PnvSxm2I2c, opencapi, 0),
    DEFINE_PROP_END_OF_LIST(),
};

static const VMStateDescription vmstate_sxm2_i2c = {
    .name = TYPE_PNV_SXM2_I2C,
    .unmigratable = 1,
};

static void sxm2_i2c_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PnvXScomInterfaceClass *xdc = PNV_XSCOM_INTERFACE_CLASS(oc);

    xdc->dt_xscom = sxm2_i2c_dt;
    dc->realize = sxm2_i2c_realize;
    dc->desc = "PowerNV SXM2 socket presence";
    dc->vmsd = &vmstate_sxm2_i2c;
    dc->user_creatable = false;
    device_class_set_props(dc, sxm2_i2c_properties);
}

static const TypeInfo sxm2_i2c_types[] = {
    {
        .name = TYPE_PNV_SXM2_I2C,
        .parent = TYPE_DEVICE,
        .instance_size = sizeof(PnvSxm2I2c),
        .class_init = sxm2_i2c_class_init,
        .interfaces = (InterfaceInfo[]) {
            { TYPE_PNV_XSCOM_INTERFACE },
            { }
        },
    },
};

DEFINE_TYPES(sxm2_i2c_types)
