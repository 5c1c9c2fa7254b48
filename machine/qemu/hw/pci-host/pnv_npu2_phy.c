/*
 * QEMU PowerNV NPU2: the OBUS PHYs
 *
 * Each of the two OBUS chiplets carries 24 lanes, eight for each of three
 * links.  Firmware reaches the 16-bit registers of a lane through an indirect
 * SCOM.  The model finishes a calibration at once, but for the one of a
 * receiver's offsets (DCCAL), during which firmware has taken the link's I/O
 * valid away.  A lane reports that its receiver is trained only if there is a
 * GPU at the other end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/ppc/pnv.h"
#include "hw/ppc/pnv_chip.h"
#include "hw/ppc/pnv_xscom.h"
#include "pnv_npu2_internal.h"
#include "trace.h"

/* Lane 0 is the most significant of 24 bits; the wiring is symmetrical */
const uint32_t npu2_lane_mask[NPU2_NR_BRICKS] = {
    0xf1e000, 0x0e1870, 0x00078f, 0x00078f, 0x0e1870, 0xf1e000,
};

static uint32_t npu2_lane_bit(unsigned lane)
{
    return 1u << (NPU2_PHY_NR_LANES - 1 - lane);
}

static int npu2_lane_brick(unsigned obus, unsigned lane)
{
    unsigned brick;

    for (brick = 0; brick < NPU2_NR_BRICKS; brick++) {
        if (npu2_brick_obus(brick) == obus && lane < NPU2_PHY_NR_LANES &&
            (npu2_lane_mask[brick] & npu2_lane_bit(lane))) {
            return brick;
        }
    }
    return -1;
}

static bool npu2_lanes_running(const PnvNpu2Phy *phy, unsigned brick)
{
    unsigned lane;

    for (lane = 0; lane < NPU2_PHY_NR_LANES; lane++) {
        if ((npu2_lane_mask[brick] & npu2_lane_bit(lane)) &&
            !(phy->reg[NPU2_PHY_RX_CTL][lane] & NPU2_PHY_RX_RUN_LANE)) {
            return false;
        }
    }
    return true;
}

static bool npu2_dccal_done(const PnvNpu2 *npu, unsigned obus, unsigned lane)
{
    const PnvNpu2Phy *phy = &npu->phy[obus];

    return (phy->reg[NPU2_PHY_RX_CTL][lane] & NPU2_PHY_RX_RUN_DCCAL) &&
           qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - phy->dccal_start[lane] >=
           npu->dccal_delay_ns;
}

static uint16_t npu2_phy_rx_status(PnvNpu2 *npu, unsigned obus, unsigned lane)
{
    uint16_t ctl = npu->phy[obus].reg[NPU2_PHY_RX_CTL][lane];
    int brick = npu2_lane_brick(obus, lane);
    uint16_t status = 0;

    if (npu2_dccal_done(npu, obus, lane)) {
        status |= NPU2_PHY_RX_DCCAL_DONE;
    }
    if (brick >= 0 && npu->brick[brick].trained &&
        (ctl & NPU2_PHY_RX_RUN_LANE)) {
        status |= NPU2_PHY_RX_INIT_DONE;
    }
    return status;
}

static uint16_t npu2_phy_zcal(PnvNpu2 *npu, uint16_t val)
{
    val &= ~(NPU2_PHY_TX_ZCAL_DONE | NPU2_PHY_TX_ZCAL_ERROR);
    if (val & NPU2_PHY_TX_ZCAL_REQ) {
        val |= npu->faults.zcal_error ? NPU2_PHY_TX_ZCAL_ERROR
                                      : NPU2_PHY_TX_ZCAL_DONE;
    }
    return val;
}

static uint16_t npu2_phy_read(PnvNpu2 *npu, unsigned obus, unsigned reg,
                              unsigned lane)
{
    uint16_t val = npu->phy[obus].reg[reg][lane];

    switch (reg) {
    case NPU2_PHY_RX_STATUS:
        return npu2_phy_rx_status(npu, obus, lane);
    case NPU2_PHY_TX_ZCAL:
        return npu2_phy_zcal(npu, val);
    case NPU2_PHY_TX_ZCAL_N:
    case NPU2_PHY_TX_ZCAL_P:
        return SETFIELD(NPU2_PHY_TX_ZCAL_RESULT, val,
                        NPU2_PHY_TX_ZCAL_NOMINAL);
    default:
        return val;
    }
}

static void npu2_phy_write(PnvNpu2 *npu, unsigned obus, unsigned reg,
                           unsigned lane, uint16_t val)
{
    PnvNpu2Phy *phy = &npu->phy[obus];
    int brick = npu2_lane_brick(obus, lane);

    if (reg == NPU2_PHY_RX_CTL &&
        (val & ~phy->reg[reg][lane] & NPU2_PHY_RX_RUN_DCCAL)) {
        phy->dccal_start[lane] = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    }
    phy->reg[reg][lane] = val;
    if (reg == NPU2_PHY_RX_IORESET && (val & NPU2_PHY_RX_IORESET_ON)) {
        phy->reg[NPU2_PHY_RX_CTL][lane] = 0;
        reg = NPU2_PHY_RX_CTL;
    }
    if (reg == NPU2_PHY_RX_CTL && brick >= 0) {
        npu2_link_lanes_changed(npu, brick, npu2_lanes_running(phy, brick));
    }
}

/* A write starts the access, a read collects what came back */
static uint64_t npu2_phy_ind_read(void *opaque, hwaddr addr, unsigned width)
{
    PnvNpu2Phy *phy = opaque;

    return phy->ind_data;
}

static void npu2_phy_ind_write(void *opaque, hwaddr addr, uint64_t val,
                               unsigned width)
{
    PnvNpu2Phy *phy = opaque;
    PnvNpu2 *npu = phy->npu;
    unsigned reg = GETFIELD(NPU2_OBUS_IND_REG, val);
    unsigned lane = GETFIELD(NPU2_OBUS_IND_LANE, val);
    bool is_read = val & NPU2_OBUS_IND_READ;
    uint16_t data = GETFIELD(NPU2_OBUS_IND_DATA, val);

    if (is_read) {
        data = npu2_phy_read(npu, phy->obus, reg, lane);
    } else {
        npu2_phy_write(npu, phy->obus, reg, lane, data);
    }
    trace_pnv_npu2_phy(npu->chip->chip_id, phy->obus,
                       is_read ? "read" : "write", reg, lane, data);
    phy->ind_data = NPU2_OBUS_IND_COMPLETE | data;
}

/*
 * I/O valid: a bit for each link of the PHY.  The order is that of the bricks
 * on the first PHY, and the other way round on the second.
 */
static uint64_t npu2_iovalid_bit(unsigned brick)
{
    unsigned per_obus = NPU2_NR_BRICKS / NPU2_NR_OBUS;
    unsigned index = brick % per_obus;

    if (npu2_brick_obus(brick)) {
        index = per_obus - 1 - index;
    }
    return NPU2_OBUS_IOVALID(index);
}

bool npu2_phy_iovalid(const PnvNpu2 *npu, unsigned brick)
{
    return npu->phy[npu2_brick_obus(brick)].iovalid & npu2_iovalid_bit(brick);
}

static uint64_t npu2_phy_iovalid_read(void *opaque, hwaddr addr,
                                      unsigned width)
{
    PnvNpu2Phy *phy = opaque;

    return phy->iovalid;
}

static void npu2_phy_iovalid_write(void *opaque, hwaddr addr, uint64_t val,
                                   unsigned width)
{
    PnvNpu2Phy *phy = opaque;
    unsigned brick;

    phy->iovalid = val;
    for (brick = 0; brick < NPU2_NR_BRICKS; brick++) {
        if (npu2_brick_obus(brick) == phy->obus) {
            npu2_link_update(phy->npu, brick);
        }
    }
}

static const MemoryRegionOps npu2_phy_ind_ops =
    NPU2_XSCOM_OPS(npu2_phy_ind_read, npu2_phy_ind_write);

static const MemoryRegionOps npu2_phy_iovalid_ops =
    NPU2_XSCOM_OPS(npu2_phy_iovalid_read, npu2_phy_iovalid_write);

void npu2_phy_realize(PnvNpu2 *npu)
{
    int i;

    for (i = 0; i < NPU2_NR_OBUS; i++) {
        PnvNpu2Phy *phy = &npu->phy[i];

        phy->npu = npu;
        phy->obus = i;
        pnv_xscom_region_init(&phy->ind_xscom, OBJECT(npu), &npu2_phy_ind_ops,
                              phy, "xscom-obus-phy", 1);
        pnv_xscom_add_subregion(npu->chip, NPU2_OBUS_XSCOM_PHY(i),
                                &phy->ind_xscom);
        pnv_xscom_region_init(&phy->iovalid_xscom, OBJECT(npu),
                              &npu2_phy_iovalid_ops, phy,
                              "xscom-obus-iovalid", 1);
        pnv_xscom_add_subregion(npu->chip, NPU2_OBUS_XSCOM_IOVALID(i),
                                &phy->iovalid_xscom);
    }
}

void npu2_phy_reset(PnvNpu2 *npu)
{
    int i;

    for (i = 0; i < NPU2_NR_OBUS; i++) {
        memset(npu->phy[i].reg, 0, sizeof(npu->phy[i].reg));
        npu->phy[i].ind_data = 0;
        npu->phy[i].iovalid = 0;
    }
}
