/*
 * QEMU PowerNV: what sits in the SXM2 sockets of a Witherspoon
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PPC_PNV_SXM2_I2C_H
#define PPC_PNV_SXM2_I2C_H

#include "exec/memory.h"
#include "hw/qdev-core.h"
#include "qom/object.h"

typedef struct PnvChip PnvChip;

#define TYPE_PNV_SXM2_I2C "pnv-sxm2-i2c"
OBJECT_DECLARE_SIMPLE_TYPE(PnvSxm2I2c, PNV_SXM2_I2C)

struct PnvSxm2I2c {
    DeviceState parent_obj;

    PnvChip *chip;
    uint8_t present;            /* bit n: socket n is occupied */
    uint8_t opencapi;           /* bit n: ... by an OpenCAPI card */

    /* I2C master */
    uint64_t mode;
    uint64_t watermark;
    uint64_t int_mask;
    uint64_t status;
    uint32_t left;              /* bytes that the command still moves */
    bool reading;

    /* expander */
    uint8_t expander[4];
    uint8_t expander_ptr;
    bool expander_first;        /* the next byte written is the pointer */

    MemoryRegion xscom;
    MemoryRegion occ;
};

#endif /* PPC_PNV_SXM2_I2C_H */
