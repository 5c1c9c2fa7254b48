/*
 * QEMU PowerNV NPU2: GPU RAM as the CPU sees it
 *
 * Firmware gives every GPU an aperture of 128 GiB, by one BAR per brick that
 * leads to the GPU; the bricks of a GPU carry the same address and share the
 * traffic.  The RAM of the GPU starts at the bottom of the aperture.
 *
 * An access to the aperture that no GPU answers, because a link is fenced or
 * not trained or because there is no RAM at that offset, is an error for
 * whoever made it: a machine check for a CPU, a bus error for a device.
 * Sources say of a store to a fenced link also that it does nothing: so it is
 * with fenced-store=drop.
 *
 * Interleaving is not modelled; one dead link takes the whole RAM away.
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

static MemTxResult npu2_ram_refuse(PnvNpu2Aperture *ap, hwaddr addr,
                                   bool is_write, unsigned size)
{
    ap->refused++;
    trace_pnv_npu2_ram_refused(ap->npu->chip->chip_id, ap->group,
                               is_write ? "store" : "load", addr, size);
    return MEMTX_ERROR;
}

static MemTxResult npu2_ram_read(void *opaque, hwaddr addr, uint64_t *data,
                                 unsigned size, MemTxAttrs attrs)
{
    *data = UINT64_MAX;
    return npu2_ram_refuse(opaque, addr, false, size);
}

static bool npu2_ram_fenced(const PnvNpu2Aperture *ap)
{
    const PnvNpu2 *npu = ap->npu;
    unsigned first = ap->group * npu->links_per_gpu;
    unsigned brick;

    for (brick = first; brick < first + npu->links_per_gpu; brick++) {
        if (brick < NPU2_NR_BRICKS && npu2_link_fenced(npu, brick)) {
            return true;
        }
    }
    return false;
}

static MemTxResult npu2_ram_write(void *opaque, hwaddr addr, uint64_t data,
                                  unsigned size, MemTxAttrs attrs)
{
    PnvNpu2Aperture *ap = opaque;

    if (ap->npu->fenced_store == NPU2_FENCED_STORE_DROP &&
        npu2_ram_fenced(ap)) {
        ap->dropped++;
        return MEMTX_OK;
    }
    return npu2_ram_refuse(ap, addr, true, size);
}

static const MemoryRegionOps npu2_ram_refuse_ops =
    NPU2_MMIO_OPS(npu2_ram_read, npu2_ram_write);

static uint64_t npu2_brick_mem_bar(const PnvNpu2 *npu, unsigned brick)
{
    const PnvNpu2RegFile *sm0 = &npu->stack[NPU2_BRICK_STACK(brick)].sm[0];
    uint32_t off = brick % 2 ? NPU2_SM_GPU1_MEM_BAR : NPU2_SM_GPU0_MEM_BAR;

    return sm0->reg[off >> 3];
}

/*
 * The BAR that all bricks of the group agree on, or 0; @up tells whether all
 * their links are.
 */
static uint64_t npu2_group_mem_bar(PnvNpu2 *npu, unsigned group, bool *up)
{
    const uint64_t same = NPU2_GPU_MEM_BAR_ENABLE | NPU2_GPU_MEM_BAR_ADDR |
                          NPU2_GPU_MEM_BAR_SIZE;
    unsigned first = group * npu->links_per_gpu;
    uint64_t bar = npu2_brick_mem_bar(npu, first) & same;
    unsigned i;

    *up = bar & NPU2_GPU_MEM_BAR_ENABLE;
    for (i = first; i < first + npu->links_per_gpu; i++) {
        if ((npu2_brick_mem_bar(npu, i) & same) != bar ||
            !npu->brick[i].up) {
            *up = false;
        }
    }
    return bar & NPU2_GPU_MEM_BAR_ENABLE ? bar : 0;
}

void npu2_ram_update(PnvNpu2 *npu, unsigned group)
{
    PnvNpu2Aperture *ap = &npu->aperture[group];
    bool up;
    uint64_t bar = npu2_group_mem_bar(npu, group, &up);
    hwaddr base = npu2_mem_bar_base(bar);
    uint64_t size = GiB << GETFIELD(NPU2_GPU_MEM_BAR_SIZE, bar);

    up = up && npu->gpu[group];
    if (ap->bar == bar && ap->up == up) {
        return;
    }
    ap->bar = bar;
    ap->up = up;

    trace_pnv_npu2_ram(npu->chip->chip_id, group, !!bar, base, size, up);
    memory_region_transaction_begin();
    if (bar) {
        memory_region_set_address(&ap->mr, base);
        memory_region_set_size(&ap->mr, size);
    }
    memory_region_set_enabled(&ap->mr, bar);
    if (npu->gpu[group]) {
        memory_region_set_enabled(&ap->ram, up);
    }
    memory_region_transaction_commit();
}

void npu2_ram_attach(PnvNpu2 *npu, unsigned group)
{
    PnvNpu2Aperture *ap = &npu->aperture[group];
    PnvNvlinkEndpoint *ep = npu->gpu[group];
    MemoryRegion *ram = PNV_NVLINK_ENDPOINT_GET_CLASS(ep)->ram(ep);

    memory_region_init_alias(&ap->ram, OBJECT(npu), "npu2-gpu-ram", ram, 0,
                             memory_region_size(ram));
    memory_region_set_enabled(&ap->ram, false);
    memory_region_add_subregion(&ap->mr, 0, &ap->ram);
}

void npu2_ram_detach(PnvNpu2 *npu, unsigned group)
{
    PnvNpu2Aperture *ap = &npu->aperture[group];

    memory_region_del_subregion(&ap->mr, &ap->ram);
    object_unparent(OBJECT(&ap->ram));
}

/* Addresses that only GPUs can answer, whether or not BARs are set */
#define NPU2_GPU_SPACE_FIRST    0x34000000000ull
#define NPU2_GPU_SPACE_SIZE     0x14000000000ull
#define NPU2_CHIP_SHIFT         42

static void npu2_ram_realize_space(PnvNpu2 *npu)
{
    hwaddr chip = (hwaddr)npu->chip->chip_id << NPU2_CHIP_SHIFT;

    npu->gpu_space.npu = npu;
    npu->gpu_space.group = NPU2_MAX_GPUS;
    memory_region_init_io(&npu->gpu_space.mr, OBJECT(npu),
                          &npu2_ram_refuse_ops, &npu->gpu_space,
                          "npu2-gpu-space", NPU2_GPU_SPACE_SIZE);
    memory_region_add_subregion_overlap(get_system_memory(),
                                        chip + NPU2_GPU_SPACE_FIRST,
                                        &npu->gpu_space.mr, -1);
}

void npu2_ram_realize(PnvNpu2 *npu)
{
    int i;

    npu2_ram_realize_space(npu);
    for (i = 0; i < npu2_nr_gpus(npu); i++) {
        PnvNpu2Aperture *ap = &npu->aperture[i];

        ap->npu = npu;
        ap->group = i;
        memory_region_init_io(&ap->mr, OBJECT(npu), &npu2_ram_refuse_ops, ap,
                              "npu2-gpu-aperture", 128 * GiB);
        memory_region_set_enabled(&ap->mr, false);
        memory_region_add_subregion_overlap(get_system_memory(), 0, &ap->mr,
                                            1);
    }
}

/* The BARs are disabled by now: follow them */
void npu2_ram_reset(PnvNpu2 *npu)
{
    int i;

    for (i = 0; i < npu2_nr_gpus(npu); i++) {
        npu2_ram_update(npu, i);
    }
}
