/*
 * QEMU PowerNV NPU2: the register ring and the ways to it
 *
 * Three roads lead to a register: the global MMIO BAR, the indirect SCOM pair
 * (address, then data) and, for the fabric side of the stacks, direct SCOMs.
 * All end in npu2_ring_read()/npu2_ring_write(), which find the block.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "hw/ppc/pnv.h"
#include "hw/ppc/pnv_chip.h"
#include "hw/ppc/pnv_xscom.h"
#include "pnv_npu2_internal.h"
#include "trace.h"

typedef struct PnvNpu2Block {
    uint64_t (*read)(PnvNpu2 *npu, unsigned unit, uint32_t off);
    void (*write)(PnvNpu2 *npu, unsigned unit, uint32_t off, uint64_t val);
} PnvNpu2Block;

void npu2_unimp(const char *block, uint32_t off, bool is_write, uint64_t val)
{
    if (is_write) {
        qemu_log_mask(LOG_UNIMP, "npu2: write to %s+0x%04x = 0x%016" PRIx64
                      "\n", block, off, val);
    } else {
        qemu_log_mask(LOG_UNIMP, "npu2: read of %s+0x%04x\n", block, off);
    }
}

static bool npu2_reg_known(const PnvNpu2RegSet *set, uint32_t off)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(set->range) && set->range[i][1]; i++) {
        if (off >= set->range[i][0] && off <= set->range[i][1]) {
            return true;
        }
    }
    return false;
}

uint64_t npu2_regfile_read(const PnvNpu2RegFile *file,
                           const PnvNpu2RegSet *set, uint32_t off)
{
    if (!npu2_reg_known(set, off)) {
        npu2_unimp(set->name, off, false, 0);
        return 0;
    }
    return file->reg[off >> 3];
}

void npu2_regfile_write(PnvNpu2RegFile *file, const PnvNpu2RegSet *set,
                        uint32_t off, uint64_t val)
{
    if (!npu2_reg_known(set, off)) {
        npu2_unimp(set->name, off, true, val);
        return;
    }
    file->reg[off >> 3] = val;
}

/*
 * Blocks that are storage only
 */
static const PnvNpu2RegSet npu2_ctl_regs = {
    .name = "CTL", .range = { { 0x000, 0x0f8 }, { 0x120, 0x128 },
                              { 0x140, 0x148 } },
};

static const PnvNpu2RegSet npu2_dat_regs = {
    .name = "DAT", .range = { { 0x008, 0x088 }, { 0x0e0, 0x0e0 },
                              { 0x100, 0x140 } },
};

static const PnvNpu2RegSet npu2_misc_regs = {
    .name = "MISC", .range = { { 0x000, 0x0b8 }, { 0x100, 0x188 },
                               { 0x200, 0x278 }, { 0x300, 0x378 },
                               { 0x400, 0x408 } },
};

static uint64_t npu2_ctl_read(PnvNpu2 *npu, unsigned unit, uint32_t off)
{
    return npu2_regfile_read(&npu->stack[unit].ctl, &npu2_ctl_regs, off);
}

static void npu2_ctl_write(PnvNpu2 *npu, unsigned unit, uint32_t off,
                           uint64_t val)
{
    npu2_regfile_write(&npu->stack[unit].ctl, &npu2_ctl_regs, off, val);
}

static uint64_t npu2_dat_read(PnvNpu2 *npu, unsigned unit, uint32_t off)
{
    return npu2_regfile_read(&npu->stack[unit].dat, &npu2_dat_regs, off);
}

static void npu2_dat_write(PnvNpu2 *npu, unsigned unit, uint32_t off,
                           uint64_t val)
{
    npu2_regfile_write(&npu->stack[unit].dat, &npu2_dat_regs, off, val);
}

static uint64_t npu2_misc_read(PnvNpu2 *npu, unsigned unit, uint32_t off)
{
    return npu2_regfile_read(&npu->misc, &npu2_misc_regs, off);
}

static void npu2_fence_state_write(PnvNpu2 *npu, uint64_t val)
{
    uint64_t *state = &npu->misc.reg[NPU2_MISC_FENCE_STATE >> 3];
    unsigned brick;

    for (brick = 0; brick < NPU2_NR_BRICKS; brick++) {
        if (val & NPU2_MISC_FENCE_BRICK(brick)) {
            *state &= ~NPU2_MISC_FENCE_BRICK(brick);
        }
        if (val & NPU2_MISC_FENCE_SET(brick)) {
            *state |= NPU2_MISC_FENCE_BRICK(brick);
        }
        npu2_link_update(npu, brick);
    }
}

static void npu2_misc_write(PnvNpu2 *npu, unsigned unit, uint32_t off,
                            uint64_t val)
{
    if (off == NPU2_MISC_FENCE_STATE) {
        npu2_fence_state_write(npu, val);
    } else {
        npu2_regfile_write(&npu->misc, &npu2_misc_regs, off, val);
    }
}

/*
 * Finding the block
 */
static const PnvNpu2Block npu2_block_sm = { npu2_sm_read, npu2_sm_write };
static const PnvNpu2Block npu2_block_ctl = { npu2_ctl_read, npu2_ctl_write };
static const PnvNpu2Block npu2_block_dat = { npu2_dat_read, npu2_dat_write };
static const PnvNpu2Block npu2_block_ntl = { npu2_ntl_read, npu2_ntl_write };
static const PnvNpu2Block npu2_block_ntlu = { npu2_ntlu_read, npu2_ntlu_write };
static const PnvNpu2Block npu2_block_atsd = { npu2_atsd_read, npu2_atsd_write };
static const PnvNpu2Block npu2_block_misc[] = {
    [NPU2_BLOCK_ATS] = { npu2_ats_read, npu2_ats_write },
    [NPU2_BLOCK_XTS] = { npu2_xts_read, npu2_xts_write },
    [NPU2_BLOCK_MISC] = { npu2_misc_read, npu2_misc_write },
};

/* Brick of a block that exists once per brick */
static unsigned npu2_ring_brick(unsigned stack, unsigned block)
{
    return stack * 2 + (block >= NPU2_BLOCK_DL1);
}

static const PnvNpu2Block *npu2_ring_stack_block(unsigned stack,
                                                 unsigned block,
                                                 unsigned *unit)
{
    switch (block) {
    case NPU2_BLOCK_SM0 ... NPU2_BLOCK_SM0 + NPU2_NR_SMS - 1:
        *unit = stack * NPU2_NR_SMS + block;
        return &npu2_block_sm;
    case NPU2_BLOCK_CTL:
        *unit = stack;
        return &npu2_block_ctl;
    case NPU2_BLOCK_DAT:
        *unit = stack;
        return &npu2_block_dat;
    case NPU2_BLOCK_NTL0:
    case NPU2_BLOCK_NTL1:
        *unit = npu2_ring_brick(stack, block);
        return &npu2_block_ntl;
    default:
        return NULL;
    }
}

static const PnvNpu2Block *npu2_ring_find(uint32_t addr, unsigned *unit)
{
    unsigned stack = NPU2_RING_STACK(addr);
    unsigned block = NPU2_RING_BLOCK(addr);

    *unit = 0;
    switch (stack) {
    case NPU2_STACK_0U ... NPU2_STACK_0U + NPU2_NR_STACKS - 1:
        if (block == NPU2_BLOCK_NTL0 || block == NPU2_BLOCK_NTL1) {
            *unit = npu2_ring_brick(stack, block);
            return &npu2_block_ntlu;
        }
        return NULL;
    case NPU2_STACK_0 ... NPU2_STACK_0 + NPU2_NR_STACKS - 1:
        return npu2_ring_stack_block(stack - NPU2_STACK_0, block, unit);
    case NPU2_STACK_MISC:
        return block < ARRAY_SIZE(npu2_block_misc) ? &npu2_block_misc[block]
                                                   : NULL;
    case NPU2_STACK_ATSD:
        *unit = block;
        return block < NPU2_NR_ATSDS ? &npu2_block_atsd : NULL;
    default:
        return NULL;
    }
}

/* The data link registers are the only ones that are 32 bits wide */
static bool npu2_ring_is_dl(uint32_t addr)
{
    unsigned block = NPU2_RING_BLOCK(addr);

    return NPU2_RING_STACK(addr) < NPU2_NR_STACKS &&
           (block == NPU2_BLOCK_DL0 || block == NPU2_BLOCK_DL1);
}

static unsigned npu2_ring_dl_brick(uint32_t addr)
{
    return npu2_ring_brick(NPU2_RING_STACK(addr), NPU2_RING_BLOCK(addr));
}

static uint64_t npu2_ring_read8(PnvNpu2 *npu, uint32_t addr)
{
    unsigned unit;
    const PnvNpu2Block *block = npu2_ring_find(addr, &unit);

    if (!block) {
        npu2_unimp("ring", addr, false, 0);
        return 0;
    }
    return block->read(npu, unit, NPU2_RING_OFFSET(addr));
}

static void npu2_ring_write8(PnvNpu2 *npu, uint32_t addr, uint64_t val)
{
    unsigned unit;
    const PnvNpu2Block *block = npu2_ring_find(addr, &unit);

    if (!block) {
        npu2_unimp("ring", addr, true, val);
        return;
    }
    block->write(npu, unit, NPU2_RING_OFFSET(addr), val);
}

/* @size is 4 or 8 and @addr aligned to it */
uint64_t npu2_ring_read(PnvNpu2 *npu, uint32_t addr, unsigned size)
{
    uint64_t val;

    if (npu2_ring_is_dl(addr)) {
        unsigned brick = npu2_ring_dl_brick(addr);
        uint32_t off = NPU2_RING_OFFSET(addr);

        val = npu2_dl_read(npu, brick, off);
        if (size == 8) {
            val = val << 32 | npu2_dl_read(npu, brick, off + 4);
        }
    } else {
        val = npu2_ring_read8(npu, addr & ~7u);
        if (size == 4) {
            val = addr & 4 ? (uint32_t)val : val >> 32;
        }
    }
    trace_pnv_npu2_ring_read(npu->chip->chip_id, addr, size, val);
    return val;
}

void npu2_ring_write(PnvNpu2 *npu, uint32_t addr, uint64_t val,
                     unsigned size)
{
    trace_pnv_npu2_ring_write(npu->chip->chip_id, addr, size, val);

    if (npu2_ring_is_dl(addr)) {
        unsigned brick = npu2_ring_dl_brick(addr);
        uint32_t off = NPU2_RING_OFFSET(addr);

        if (size == 8) {
            npu2_dl_write(npu, brick, off, val >> 32);
            off += 4;
        }
        npu2_dl_write(npu, brick, off, val);
        return;
    }
    if (size == 4) {
        uint64_t old = npu2_ring_read8(npu, addr & ~7u);

        val = deposit64(old, addr & 4 ? 0 : 32, 32, val);
    }
    npu2_ring_write8(npu, addr & ~7u, val);
}

/*
 * Road 1: the global MMIO BAR.  The ring takes aligned words and doublewords;
 * anything else is an error for whoever tried.
 */
static bool npu2_mmio_valid(hwaddr addr, unsigned size)
{
    if (size >= 4 && addr % size == 0) {
        return true;
    }
    qemu_log_mask(LOG_GUEST_ERROR, "npu2: access to ring 0x%06" HWADDR_PRIx
                  " with size %u\n", addr, size);
    return false;
}

MemTxResult npu2_mmio_read(PnvNpu2 *npu, hwaddr addr, uint64_t *data,
                           unsigned size)
{
    if (!npu2_mmio_valid(addr, size)) {
        *data = UINT64_MAX;
        return MEMTX_ERROR;
    }
    *data = npu2_ring_read(npu, addr, size);
    return MEMTX_OK;
}

MemTxResult npu2_mmio_write(PnvNpu2 *npu, hwaddr addr, uint64_t data,
                            unsigned size)
{
    if (!npu2_mmio_valid(addr, size)) {
        return MEMTX_ERROR;
    }
    npu2_ring_write(npu, addr, data, size);
    return MEMTX_OK;
}

static MemTxResult npu2_ring_mmio_read(void *opaque, hwaddr addr,
                                       uint64_t *data, unsigned size,
                                       MemTxAttrs attrs)
{
    return npu2_mmio_read(opaque, addr, data, size);
}

static MemTxResult npu2_ring_mmio_write(void *opaque, hwaddr addr,
                                        uint64_t data, unsigned size,
                                        MemTxAttrs attrs)
{
    return npu2_mmio_write(opaque, addr, data, size);
}

const MemoryRegionOps npu2_ring_mmio_ops =
    NPU2_MMIO_OPS(npu2_ring_mmio_read, npu2_ring_mmio_write);

/*
 * Roads 2 and 3: SCOMs.  Direct ones cover the fabric side of each stack;
 * blocks follow each other more densely there than on the ring.
 */
static const struct {
    uint32_t first;             /* SCOM in the stack's window */
    uint32_t count;
    uint8_t block;
} npu2_scom_window[] = {
    { 0x000, 0x30, NPU2_BLOCK_SM0 },
    { 0x030, 0x30, NPU2_BLOCK_SM0 + 1 },
    { 0x060, 0x30, NPU2_BLOCK_SM0 + 2 },
    { 0x090, 0x30, NPU2_BLOCK_SM0 + 3 },
    { 0x0c0, 0x30, NPU2_BLOCK_CTL },
    { 0x0f0, 0x20, NPU2_BLOCK_DAT },
    { 0x110, 0x20, NPU2_BLOCK_NTL0 },
    { 0x130, 0x20, NPU2_BLOCK_NTL1 },
};

static bool npu2_scom_to_ring(uint32_t scom, uint32_t *addr)
{
    uint32_t stack = scom >> NPU2_XSCOM_STACK_SHIFT;
    uint32_t reg = scom & ((1 << NPU2_XSCOM_STACK_SHIFT) - 1);
    int i;

    if (stack >= NPU2_NR_STACKS) {
        return false;
    }
    for (i = 0; i < ARRAY_SIZE(npu2_scom_window); i++) {
        if (reg >= npu2_scom_window[i].first &&
            reg - npu2_scom_window[i].first < npu2_scom_window[i].count) {
            *addr = NPU2_RING_ADDR(NPU2_STACK_0 + stack,
                                   npu2_scom_window[i].block,
                                   (reg - npu2_scom_window[i].first) * 8);
            return true;
        }
    }
    return false;
}

/* A 4-byte access by the indirect pair uses the upper half of the data */
static unsigned npu2_ind_size(const PnvNpu2 *npu)
{
    return GETFIELD(NPU2_IND_ADDR_LEN, npu->ind_addr) == NPU2_IND_ADDR_LEN_4B
           ? 4 : 8;
}

static uint32_t npu2_ind_ring_addr(const PnvNpu2 *npu)
{
    return GETFIELD(NPU2_IND_ADDR_RING, npu->ind_addr) &
           ~(npu2_ind_size(npu) - 1);
}

static uint64_t npu2_xscom_read(void *opaque, hwaddr addr, unsigned width)
{
    PnvNpu2 *npu = opaque;
    uint32_t scom = addr >> 3;
    uint32_t ring;
    uint64_t val;

    switch (scom) {
    case NPU2_XSCOM_IND_ADDR:
        return npu->ind_addr;
    case NPU2_XSCOM_IND_DATA:
        val = npu2_ring_read(npu, npu2_ind_ring_addr(npu),
                             npu2_ind_size(npu));
        return npu2_ind_size(npu) == 4 ? val << 32 : val;
    }
    if (!npu2_scom_to_ring(scom, &ring)) {
        npu2_unimp("SCOM", scom, false, 0);
        return 0;
    }
    return npu2_ring_read(npu, ring, 8);
}

static void npu2_xscom_write(void *opaque, hwaddr addr, uint64_t val,
                             unsigned width)
{
    PnvNpu2 *npu = opaque;
    uint32_t scom = addr >> 3;
    uint32_t ring;

    switch (scom) {
    case NPU2_XSCOM_IND_ADDR:
        npu->ind_addr = val;
        return;
    case NPU2_XSCOM_IND_DATA:
        npu2_ring_write(npu, npu2_ind_ring_addr(npu),
                        npu2_ind_size(npu) == 4 ? val >> 32 : val,
                        npu2_ind_size(npu));
        return;
    }
    if (!npu2_scom_to_ring(scom, &ring)) {
        npu2_unimp("SCOM", scom, true, val);
        return;
    }
    npu2_ring_write(npu, ring, val, 8);
}

static const MemoryRegionOps npu2_xscom_ops =
    NPU2_XSCOM_OPS(npu2_xscom_read, npu2_xscom_write);

void npu2_ring_realize(PnvNpu2 *npu)
{
    pnv_xscom_region_init(&npu->ring_xscom, OBJECT(npu), &npu2_xscom_ops, npu,
                          "xscom-npu2", NPU2_XSCOM_SIZE);
    pnv_xscom_add_subregion(npu->chip, NPU2_XSCOM_BASE, &npu->ring_xscom);
}

void npu2_ring_reset(PnvNpu2 *npu)
{
    int i;

    npu->ind_addr = 0;
    memset(&npu->misc, 0, sizeof(npu->misc));
    for (i = 0; i < NPU2_NR_STACKS; i++) {
        memset(&npu->stack[i].ctl, 0, sizeof(npu->stack[i].ctl));
        memset(&npu->stack[i].dat, 0, sizeof(npu->stack[i].dat));
    }
}
