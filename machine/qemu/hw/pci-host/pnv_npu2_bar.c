/*
 * QEMU PowerNV NPU2: the SM blocks and the BARs in them
 *
 * Each stack has four copies of its configuration, one per state machine.
 * Firmware writes all four; the copy of state machine 0 moves the mappings.
 *
 * The windows show parts of the ring: the NTL BAR of a brick its DL block
 * followed by its NTL block, the PHY BARs two stacks of PHY blocks each.
 * That is read off the sizes and addresses, the workbook was not at hand.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/units.h"
#include "exec/address-spaces.h"
#include "hw/ppc/pnv.h"
#include "hw/ppc/pnv_chip.h"
#include "pnv_npu2_internal.h"
#include "trace.h"

#define NPU2_PHY_BAR_SIZE       (2 * MiB)
#define NPU2_GENID_BAR_SIZE     (128 * KiB)
#define NPU2_NTL_BAR_SIZE       (128 * KiB)

/* Of overlapping regions in system memory these must win against nothing */
#define NPU2_BAR_PRIORITY       1

static const PnvNpu2RegSet npu2_sm_regs = {
    .name = "SM", .range = { { 0x000, 0x148 } },
};

static void npu2_bar_map(PnvNpu2 *npu, MemoryRegion *mr, const char *what,
                         unsigned index, bool enable, hwaddr base)
{
    trace_pnv_npu2_bar(npu->chip->chip_id, what, index, enable, base);
    memory_region_transaction_begin();
    memory_region_set_enabled(mr, enable);
    memory_region_set_address(mr, base);
    memory_region_transaction_commit();
}

static void npu2_bar_map_phy(PnvNpu2 *npu, unsigned stack, uint64_t val)
{
    bool enable = val & NPU2_PHY_BAR_ENABLE;
    hwaddr base = NPU2_BAR_MMIO_SELECT |
                  GETFIELD(NPU2_PHY_BAR_ADDR, val) << 21;

    if (stack == 0) {
        npu2_bar_map(npu, &npu->ring_mmio, "global MMIO", 0, enable, base);
    } else {
        npu2_bar_map(npu, &npu->stack[stack].phy_mmio, "PHY", stack - 1,
                     enable, base);
    }
}

static void npu2_bar_written(PnvNpu2 *npu, unsigned stack, uint32_t off,
                             uint64_t val)
{
    unsigned brick = stack * 2;

    switch (off) {
    case NPU2_SM_GPU1_MEM_BAR:
        brick++;
        /* fall through */
    case NPU2_SM_GPU0_MEM_BAR:
        npu2_ram_update(npu, npu2_brick_group(npu, brick));
        break;
    case NPU2_SM_PHY_BAR:
        npu2_bar_map_phy(npu, stack, val);
        break;
    case NPU2_SM_GENID_BAR:
        npu2_bar_map(npu, &npu->stack[stack].genid_mmio, "GENID", stack,
                     val & NPU2_GENID_BAR_ENABLE, NPU2_BAR_MMIO_SELECT |
                     GETFIELD(NPU2_GENID_BAR_ADDR, val) << 16);
        break;
    case NPU2_SM_NTL1_BAR:
        brick++;
        /* fall through */
    case NPU2_SM_NTL0_BAR:
        npu2_bar_map(npu, &npu->brick[brick].ntl_mmio, "NTL", brick,
                     val & NPU2_NTL_BAR_ENABLE, NPU2_BAR_MMIO_SELECT |
                     GETFIELD(NPU2_NTL_BAR_ADDR, val) << 16);
        break;
    }
}

uint64_t npu2_sm_read(PnvNpu2 *npu, unsigned unit, uint32_t off)
{
    PnvNpu2Stack *stack = &npu->stack[unit / NPU2_NR_SMS];

    return npu2_regfile_read(&stack->sm[unit % NPU2_NR_SMS], &npu2_sm_regs,
                             off);
}

void npu2_sm_write(PnvNpu2 *npu, unsigned unit, uint32_t off, uint64_t val)
{
    PnvNpu2Stack *stack = &npu->stack[unit / NPU2_NR_SMS];

    npu2_regfile_write(&stack->sm[unit % NPU2_NR_SMS], &npu2_sm_regs, off,
                       val);
    if (unit % NPU2_NR_SMS == 0) {
        npu2_bar_written(npu, unit / NPU2_NR_SMS, off, val);
    }
}

/*
 * Windows
 */
/* Where the window of a brick begins on the ring */
static uint32_t npu2_ntl_window(const PnvNpu2Brick *brick)
{
    return NPU2_RING_ADDR(NPU2_STACK_0U + NPU2_BRICK_STACK(brick->index),
                          brick->index % 2 ? NPU2_BLOCK_DL1 : NPU2_BLOCK_DL0,
                          0);
}

static MemTxResult npu2_ntl_mmio_read(void *opaque, hwaddr addr,
                                      uint64_t *data, unsigned size,
                                      MemTxAttrs attrs)
{
    PnvNpu2Brick *brick = opaque;

    return npu2_mmio_read(brick->npu, npu2_ntl_window(brick) + addr, data,
                          size);
}

static MemTxResult npu2_ntl_mmio_write(void *opaque, hwaddr addr,
                                       uint64_t data, unsigned size,
                                       MemTxAttrs attrs)
{
    PnvNpu2Brick *brick = opaque;

    return npu2_mmio_write(brick->npu, npu2_ntl_window(brick) + addr, data,
                           size);
}

static const MemoryRegionOps npu2_ntl_mmio_ops =
    NPU2_MMIO_OPS(npu2_ntl_mmio_read, npu2_ntl_mmio_write);

static uint64_t npu2_unimp_mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    npu2_unimp(opaque, addr, false, 0);
    return 0;
}

static void npu2_unimp_mmio_write(void *opaque, hwaddr addr, uint64_t val,
                                  unsigned size)
{
    npu2_unimp(opaque, addr, true, val);
}

static const MemoryRegionOps npu2_unimp_mmio_ops = {
    .read = npu2_unimp_mmio_read,
    .write = npu2_unimp_mmio_write,
    .valid.min_access_size = 1,
    .valid.max_access_size = 8,
    .impl.min_access_size = 1,
    .impl.max_access_size = 8,
    .endianness = DEVICE_BIG_ENDIAN,
};

static void npu2_bar_add(MemoryRegion *mr)
{
    memory_region_set_enabled(mr, false);
    memory_region_add_subregion_overlap(get_system_memory(), 0, mr,
                                        NPU2_BAR_PRIORITY);
}

void npu2_bar_realize(PnvNpu2 *npu)
{
    Object *owner = OBJECT(npu);
    int i;

    memory_region_init_io(&npu->ring_mmio, owner, &npu2_ring_mmio_ops, npu,
                          "npu2-ring", NPU2_RING_SIZE);
    npu2_bar_add(&npu->ring_mmio);

    for (i = 0; i < NPU2_NR_STACKS; i++) {
        PnvNpu2Stack *stack = &npu->stack[i];

        if (i > 0) {
            memory_region_init_io(&stack->phy_mmio, owner,
                                  &npu2_unimp_mmio_ops, (void *)"PHY BAR",
                                  "npu2-phy", NPU2_PHY_BAR_SIZE);
            npu2_bar_add(&stack->phy_mmio);
        }
        memory_region_init_io(&stack->genid_mmio, owner, &npu2_unimp_mmio_ops,
                              (void *)"GENID BAR", "npu2-genid",
                              NPU2_GENID_BAR_SIZE);
        npu2_bar_add(&stack->genid_mmio);
    }
    for (i = 0; i < NPU2_NR_BRICKS; i++) {
        PnvNpu2Brick *brick = &npu->brick[i];

        brick->npu = npu;
        brick->index = i;
        memory_region_init_io(&brick->ntl_mmio, owner, &npu2_ntl_mmio_ops,
                              brick, "npu2-ntl", NPU2_NTL_BAR_SIZE);
        npu2_bar_add(&brick->ntl_mmio);
    }
}

void npu2_bar_reset(PnvNpu2 *npu)
{
    int i;

    memory_region_transaction_begin();
    memory_region_set_enabled(&npu->ring_mmio, false);
    for (i = 0; i < NPU2_NR_STACKS; i++) {
        memset(npu->stack[i].sm, 0, sizeof(npu->stack[i].sm));
        memory_region_set_enabled(&npu->stack[i].genid_mmio, false);
        if (i > 0) {
            memory_region_set_enabled(&npu->stack[i].phy_mmio, false);
        }
    }
    for (i = 0; i < NPU2_NR_BRICKS; i++) {
        memory_region_set_enabled(&npu->brick[i].ntl_mmio, false);
    }
    memory_region_transaction_commit();
}
