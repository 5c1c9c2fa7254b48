/*
 * QEMU PowerNV NPU2: the links
 *
 * A link carries traffic when
 * - it is trained: firmware's procedures brought the PHY lanes up while the
 *   GPU was there to answer (see pnv_npu2_phy.c for the lanes);
 * - its I/O is valid, which firmware takes away while it resets or calibrates
 *   the lanes;
 * - its transaction and data link layers were reset after the last fence;
 * - its transaction layer runs: enabled, and the parity checker, which
 *   firmware's "check credits" procedure turns on last, is on;
 * - nobody fenced it: firmware by MISC_CFG1, or the hardware by itself, which
 *   shows in MISC_FENCE_STATE until firmware acknowledges it.
 *
 * When a GPU goes away under a running link, by a secondary bus reset that
 * was not preceded by a fence, the hardware stalls, fences the link by itself
 * and says so in a FIR.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "hw/ppc/pnv.h"
#include "hw/ppc/pnv_chip.h"
#include "pnv_npu2_internal.h"
#include "trace.h"

static const PnvNpu2RegSet npu2_ntl_regs = {
    .name = "NTL", .range = { { 0x000, 0x0b0 }, { 0x220, 0x220 },
                              { 0x280, 0x298 }, { 0x300, 0x318 },
                              { 0x340, 0x340 } },
};

static const PnvNpu2RegSet npu2_ntlu_regs = {
    .name = "NTL/U", .range = { { 0x0c0, 0x0c0 }, { 0x0d0, 0x0d0 },
                                { 0x0e0, 0x0e0 }, { 0x400, 0x488 },
                                { 0x500, 0x500 } },
};

/*
 * State
 */
static bool npu2_link_fault_fenced(const PnvNpu2 *npu, unsigned brick)
{
    return (npu->misc.reg[NPU2_MISC_FENCE_STATE >> 3] &
            NPU2_MISC_FENCE_BRICK(brick)) ||
           (npu->faults.fence & BIT(brick));
}

bool npu2_link_fenced(const PnvNpu2 *npu, unsigned brick)
{
    const PnvNpu2RegFile *ntlu = &npu->brick[brick].ntlu;

    return npu2_link_fault_fenced(npu, brick) ||
           (ntlu->reg[NPU2_NTL_MISC_CFG1 >> 3] & NPU2_NTL_CFG1_FENCE);
}

static bool npu2_link_ready(const PnvNpu2 *npu, unsigned brick)
{
    PnvNvlinkEndpoint *ep = npu->gpu[npu2_brick_group(npu, brick)];

    return ep && PNV_NVLINK_ENDPOINT_GET_CLASS(ep)->link_ready(ep,
                                            brick % npu->links_per_gpu);
}

bool pnv_npu2_link_up(PnvNpu2 *npu, unsigned brick)
{
    const PnvNpu2Brick *b = &npu->brick[brick];
    const uint64_t running = NPU2_NTL_CFG2_BRICK_ENABLE |
                             NPU2_NTL_CFG2_RX_PARITY_ENA;

    return b->trained && b->reset_done && npu2_phy_iovalid(npu, brick) &&
           !npu2_link_fenced(npu, brick) &&
           (b->ntl.reg[NPU2_NTL_MISC_CFG2 >> 3] & running) == running;
}

/* To be called after anything that the state of the link depends on */
void npu2_link_update(PnvNpu2 *npu, unsigned brick)
{
    PnvNpu2Brick *b = &npu->brick[brick];
    bool up = pnv_npu2_link_up(npu, brick);

    if (up == b->up) {
        return;
    }
    b->up = up;
    trace_pnv_npu2_link(npu->chip->chip_id, brick, up ? "up" : "down",
                        b->trained, npu2_link_fenced(npu, brick));
    npu2_ram_update(npu, npu2_brick_group(npu, brick));
}

static void npu2_link_hw_fence(PnvNpu2 *npu, unsigned brick)
{
    trace_pnv_npu2_link_fence(npu->chip->chip_id, brick, "hardware");
    npu->misc.reg[NPU2_MISC_FENCE_STATE >> 3] |= NPU2_MISC_FENCE_BRICK(brick);
    npu2_fir_raise(npu, 1, NPU2_FIR1_NDL_STALL(brick));
}

/*
 * Training.  The lanes start or stop running by firmware's hand; what counts
 * is whether the GPU was there when they were started.  Firmware takes I/O
 * valid away before it stops lanes; if a link is up to the last, it stalls.
 */
void npu2_link_lanes_changed(PnvNpu2 *npu, unsigned brick, bool running)
{
    PnvNpu2Brick *b = &npu->brick[brick];
    bool trained = running && npu2_link_ready(npu, brick) &&
                   !(npu->faults.train_fail & BIT(brick));

    if (trained != b->trained) {
        trace_pnv_npu2_link_train(npu->chip->chip_id, brick, trained);
    }
    b->trained = trained;
    if (b->up && !running) {
        npu2_link_hw_fence(npu, brick);
    }
    npu2_link_update(npu, brick);
}

/* The GPU was reset or cut links: what it no longer answers is down */
void pnv_npu2_endpoint_changed(PnvNpu2 *npu, unsigned group)
{
    unsigned first = group * npu->links_per_gpu;
    unsigned brick;

    for (brick = first; brick < first + npu->links_per_gpu; brick++) {
        if (!npu->brick[brick].trained || npu2_link_ready(npu, brick)) {
            continue;
        }
        npu->brick[brick].trained = false;
        trace_pnv_npu2_link_train(npu->chip->chip_id, brick, false);
        if (npu->brick[brick].up) {
            npu2_link_hw_fence(npu, brick);
        }
        npu2_link_update(npu, brick);
    }
}

void pnv_npu2_attach(PnvNpu2 *npu, unsigned group, PnvNvlinkEndpoint *ep)
{
    assert(group < npu2_nr_gpus(npu) && !npu->gpu[group]);
    npu->gpu[group] = ep;
    npu2_ram_attach(npu, group);
}

void pnv_npu2_detach(PnvNpu2 *npu, unsigned group)
{
    npu2_ram_detach(npu, group);
    npu->gpu[group] = NULL;
}

/*
 * A fault to inject: @bricks are held in the fence from now on, or from the
 * first reset.
 */
void npu2_link_fault_fence(PnvNpu2 *npu, uint32_t bricks)
{
    uint32_t fresh = bricks & ~npu->faults.fence;
    unsigned brick;

    npu->faults.fence = bricks;
    if (!DEVICE(npu)->realized) {
        return;
    }
    for (brick = 0; brick < NPU2_NR_BRICKS; brick++) {
        if (fresh & BIT(brick)) {
            npu2_link_hw_fence(npu, brick);
        }
        npu2_link_update(npu, brick);
    }
}

/*
 * NTL, fabric side
 */
uint64_t npu2_ntl_read(PnvNpu2 *npu, unsigned brick, uint32_t off)
{
    return npu2_regfile_read(&npu->brick[brick].ntl, &npu2_ntl_regs, off);
}

void npu2_ntl_write(PnvNpu2 *npu, unsigned brick, uint32_t off, uint64_t val)
{
    npu2_regfile_write(&npu->brick[brick].ntl, &npu2_ntl_regs, off, val);
    npu2_link_update(npu, brick);
}

/*
 * NTL, link side
 */
static uint64_t npu2_fence_status(const PnvNpu2 *npu, unsigned brick)
{
    const PnvNpu2RegFile *ntlu = &npu->brick[brick].ntlu;
    uint64_t fence = GETFIELD(NPU2_NTL_CFG1_FENCE,
                              ntlu->reg[NPU2_NTL_MISC_CFG1 >> 3]);

    if (npu2_link_fault_fenced(npu, brick)) {
        return NPU2_NTL_FENCE_STATUS;
    }
    return SETFIELD(NPU2_NTL_FENCE_STATUS, 0ull, fence);
}

uint64_t npu2_ntlu_read(PnvNpu2 *npu, unsigned brick, uint32_t off)
{
    uint64_t val = npu2_regfile_read(&npu->brick[brick].ntlu,
                                     &npu2_ntlu_regs, off);

    switch (off) {
    case NPU2_NTL_CREDIT_RX_FIRST ... NPU2_NTL_CREDIT_RX_LAST:
        /* an idle receiver has every programmed credit available */
        return SETFIELD(NPU2_NTL_CREDIT_AVAILABLE, val,
                        GETFIELD(NPU2_NTL_CREDIT_LIMIT, val));
    case NPU2_NTL_CQ_FENCE_STATUS:
        return npu2_fence_status(npu, brick);
    default:
        return val;
    }
}

void npu2_ntlu_write(PnvNpu2 *npu, unsigned brick, uint32_t off, uint64_t val)
{
    PnvNpu2Brick *b = &npu->brick[brick];
    uint64_t *cfg1 = &b->ntlu.reg[NPU2_NTL_MISC_CFG1 >> 3];
    bool fenced = *cfg1 & NPU2_NTL_CFG1_FENCE;

    npu2_regfile_write(&b->ntlu, &npu2_ntlu_regs, off, val);

    switch (off) {
    case NPU2_NTL_MISC_CFG1:
        if (GETFIELD(NPU2_NTL_CFG1_FENCE, *cfg1) == 3) {
            b->dl_was_reset = false;
            b->reset_done = false;
        }
        if (fenced != !!(*cfg1 & NPU2_NTL_CFG1_FENCE)) {
            trace_pnv_npu2_link_fence(npu->chip->chip_id, brick,
                                      fenced ? "released" : "firmware");
        }
        npu2_link_update(npu, brick);
        break;
    case NPU2_NTL_RSP_DATA_CREDIT_RX:
        /* the last thing that firmware's reset procedure does */
        b->reset_done = b->dl_was_reset;
        npu2_link_update(npu, brick);
        break;
    }
}

/*
 * Data link layer
 */
uint32_t npu2_dl_read(PnvNpu2 *npu, unsigned brick, uint32_t off)
{
    const PnvNpu2Brick *b = &npu->brick[brick];

    switch (off) {
    case NPU2_DL_CONTROL:
        return b->dl_control;
    case NPU2_DL_CONFIG:
        return b->dl_config;
    case NPU2_DL_CLK_CTRL:
        return b->dl_clk_ctrl;
    default:
        npu2_unimp("DL", off, false, 0);
        return 0;
    }
}

void npu2_dl_write(PnvNpu2 *npu, unsigned brick, uint32_t off, uint32_t val)
{
    PnvNpu2Brick *b = &npu->brick[brick];

    switch (off) {
    case NPU2_DL_CONTROL:
        if ((b->dl_control & NPU2_DL_CONTROL_RESET) &&
            !(val & NPU2_DL_CONTROL_RESET)) {
            b->dl_was_reset = true;
        }
        b->dl_control = val;
        break;
    case NPU2_DL_CONFIG:
        b->dl_config = val;
        break;
    case NPU2_DL_CLK_CTRL:
        b->dl_clk_ctrl = val;
        break;
    default:
        npu2_unimp("DL", off, true, val);
    }
}

void npu2_link_reset(PnvNpu2 *npu)
{
    unsigned i;

    for (i = 0; i < NPU2_NR_BRICKS; i++) {
        PnvNpu2Brick *b = &npu->brick[i];

        memset(&b->ntl, 0, sizeof(b->ntl));
        memset(&b->ntlu, 0, sizeof(b->ntlu));
        b->dl_control = 0;
        b->dl_config = 0;
        b->dl_clk_ctrl = 0;
        b->dl_was_reset = false;
        b->reset_done = false;
        b->trained = false;
        if (npu->faults.fence & BIT(i)) {
            npu2_link_hw_fence(npu, i);
        }
        npu2_link_update(npu, i);
    }
}
