/*
 * QEMU PowerNV: a GPU with NVLink2, its end of the links
 *
 * What joins the GPU to a link is found by tables: PTOP names the IOCTRL,
 * whose table names the units of each link.  They tell the state of the links,
 * as far as the model has one.  Microcode of NVIDIA's trains the GPU's end, in
 * a falcon that takes no other; the model does without, and says that it
 * runs.  With link-training=off it does not, and no link is trained.
 *
 * Names and fields are those of dev_top.ref.txt and dev_master.ref.txt for
 * GV100 in NVIDIA's open-gpu-doc, and of hw_nvlinkip_discovery_gv100.h ("I"),
 * hw_nvl_gv100.h ("L") and hw_minion_gv100.h ("M") in NVIDIA's nvgpu driver
 * for Tegra.  No source says where in BAR 0 the units of a link are and what
 * version they have: software has to look.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "pnv_v100_internal.h"
#include "trace.h"

#define V100_PRI                0x120000
#define V100_PRI_SIZE             0x3000
#define V100_PRI_MASTER         0x12004c
#define   V100_PRI_MASTER_START     0x4
#define V100_PRI_RING           0x122204
#define   V100_PRI_RING_INIT        0x2

#define V100_PTOP               0x022000
#define V100_PTOP_SIZE            0x1000
/* NV_PTOP_DEVICE_INFO(0) to (63) */
#define V100_DEVICE_INFO        0x022700
#define V100_DEVICE_INFO_WORDS      64
#define   V100_DEVICE_INFO_CHAIN    0x80000000
#define   V100_DEVICE_INFO_DATA     0x00000001
#define   V100_DEVICE_INFO_ENUM     0x00000002
#define     V100_ENUM_RESET             0x00000004
#define     V100_ENUM_RESET_SHIFT       9
#define   V100_DEVICE_INFO_TYPE     0x00000003
#define     V100_TYPE_IOCTRL            (18 << 2)

#define V100_NVLINK             0xa00000
#define V100_NVLINK_SIZE         0x40000
/* I: nvlinkip_discovery_common_*; entries from the start of IOCTRL on */
#define   V100_IOCTRL_CHAIN         0x80000000
#define   V100_IOCTRL_ENUM          0x00000001
#define     V100_IOCTRL_DEVICE_SHIFT    2
#define     V100_IOCTRL_IOCTRL          0x01
#define     V100_IOCTRL_MINION          0x04
#define     V100_IOCTRL_DLPL            0x0b
#define     V100_IOCTRL_ID_SHIFT        8
#define     V100_IOCTRL_VERSION         (2 << 20)
#define   V100_IOCTRL_DATA1         0x00000002
#define     V100_IOCTRL_LENGTH_SHIFT    24
#define     V100_IOCTRL_DLPL_1TX_1RX    0x09000000
#define   V100_IOCTRL_DEVICES       (2 + V100_NR_LINKS)
#define   V100_IOCTRL_WORDS         (2 * V100_IOCTRL_DEVICES)
#define V100_LINK_DISABLE       0xa00148
#define   V100_LINK_DISABLE_SHIFT   16
#define   V100_LINK_DISABLE_MASK    0x003f0000
/* M: minion_minion_status_r, its status */
#define V100_MINION             0xa06000
#define V100_MINION_STATUS      0xa06830
#define   V100_MINION_BOOTED        0x00000001
#define V100_DLPL               0xa10000
#define V100_DLPL_SIZE            0x8000
/* L: nvl_link_state_r, its state */
#define   V100_DL_LINK_STATE      0x0000
#define     V100_LINK_STATE_INIT        0x00
#define     V100_LINK_STATE_SWCFG       0x02
#define     V100_LINK_STATE_ACTIVE      0x03
/* L: nvl_sl0_slsm_status_tx_r, nvl_sl1_slsm_status_rx_r, their primary_state */
#define   V100_DL_TX_STATUS       0x2024
#define   V100_DL_RX_STATUS       0x3014
#define     V100_SUBLINK_HS             0x00
#define     V100_SUBLINK_SAFE           0x60
#define     V100_SUBLINK_OFF            0x70

/*
 * Which links lead to the CPU depends on the board and on the socket: the
 * property cpu-links is a mask of them, in the order of the CPU's links.
 */
static unsigned v100_gpu_link(const PnvV100 *s, unsigned cpu_link)
{
    unsigned mask = s->cpu_links;

    while (cpu_link--) {
        mask &= mask - 1;
    }
    return ctz32(mask);
}

/* The CPU link that this GPU link is, or -1 */
static int v100_cpu_link(const PnvV100 *s, unsigned gpu_link)
{
    return s->cpu_links & BIT(gpu_link)
           ? ctpop8(s->cpu_links & MAKE_64BIT_MASK(0, gpu_link)) : -1;
}

bool v100_link_open(const PnvV100 *s, unsigned gpu_link)
{
    bool cut = s->link_disable & BIT(V100_LINK_DISABLE_SHIFT + gpu_link);

    return v100_awake(s) && s->link_training && (!cut || s->faults.link_cut);
}

bool v100_link_ready(PnvNvlinkEndpoint *ep, unsigned link)
{
    PnvV100 *s = PNV_V100(ep);

    return v100_link_open(s, v100_gpu_link(s, link));
}

unsigned v100_brick(const PnvV100 *s, unsigned link)
{
    return s->group * s->npu->links_per_gpu + link;
}

uint32_t v100_links_up(const PnvV100 *s)
{
    uint32_t state = 0;
    unsigned link;

    for (link = 0; link < s->npu->links_per_gpu; link++) {
        state |= (uint32_t)pnv_npu2_link_up(s->npu, v100_brick(s, link))
                 << link;
    }
    return state;
}

int v100_common_link(const PnvV100 *s, uint32_t gpu_links)
{
    uint32_t up = v100_links_up(s);
    int first = -1;
    unsigned i;

    if (gpu_links >> V100_NR_LINKS) {
        return -1;
    }
    for (i = 0; i < V100_NR_LINKS; i++) {
        int link = v100_cpu_link(s, i);

        if (!(gpu_links & BIT(i))) {
            continue;
        }
        if (link < 0 || !(up & BIT(link))) {
            return -1;
        }
        first = first < 0 ? link : first;
    }
    return first;
}

/*
 * The privileged ring, which leads to all units
 */
static uint32_t v100_pri_read(PnvV100 *s, uint32_t addr)
{
    switch (addr) {
    case V100_PRI_MASTER:
        return s->pri_master;
    case V100_PRI_RING:
        return s->pri_ring;
    default:
        return v100_unimp_read(s, addr);
    }
}

static void v100_pri_write(PnvV100 *s, uint32_t addr, uint32_t val)
{
    switch (addr) {
    case V100_PRI_MASTER:
        s->pri_master = val;
        break;
    case V100_PRI_RING:
        s->pri_ring = val;
        break;
    default:
        v100_unimp_write(s, addr);
    }
}

const PnvV100Unit v100_pri_unit = {
    .base = V100_PRI,
    .size = V100_PRI_SIZE,
    .read = v100_pri_read,
    .write = v100_pri_write,
};

/*
 * Cutting links.  The unit that does it answers only after the privileged
 * ring was started and NVLink was enabled; a link that was cut stays so until
 * the GPU is reset.
 */
static bool v100_nvlink_unit_there(const PnvV100 *s)
{
    return s->pri_master == V100_PRI_MASTER_START &&
           s->pri_ring == V100_PRI_RING_INIT &&
           (s->pmc.enable & BIT(V100_PMC_ENABLE_NVLINK));
}

static void v100_link_disable(PnvV100 *s, uint32_t val)
{
    if (s->faults.link_disable) {
        return;
    }
    s->link_disable |= val & V100_LINK_DISABLE_MASK;
    trace_pnv_v100_links_cut(v100_name(s),
                             s->link_disable >> V100_LINK_DISABLE_SHIFT);
    pnv_npu2_endpoint_changed(s->npu, s->group);
}

/*
 * Tables: what units there are, and where
 */
static uint32_t v100_ptop_read(PnvV100 *s, uint32_t addr)
{
    static const uint32_t ioctrl[] = {
        V100_DEVICE_INFO_CHAIN | V100_DEVICE_INFO_DATA | V100_NVLINK,
        V100_DEVICE_INFO_CHAIN | V100_DEVICE_INFO_ENUM | V100_ENUM_RESET |
            V100_PMC_ENABLE_NVLINK << V100_ENUM_RESET_SHIFT,
        V100_DEVICE_INFO_TYPE | V100_TYPE_IOCTRL,
    };
    uint32_t word = (addr - V100_DEVICE_INFO) / 4;

    if (word >= V100_DEVICE_INFO_WORDS) {
        return v100_unimp_read(s, addr);
    }
    return word < ARRAY_SIZE(ioctrl) ? ioctrl[word] : 0;
}

static void v100_ptop_write(PnvV100 *s, uint32_t addr, uint32_t val)
{
    v100_unimp_write(s, addr);
}

const PnvV100Unit v100_ptop_unit = {
    .base = V100_PTOP,
    .size = V100_PTOP_SIZE,
    .read = v100_ptop_read,
    .write = v100_ptop_write,
};

/* Two words for each device: the IOCTRL, the MINION, then the links */
static uint32_t v100_ioctrl_table(unsigned word)
{
    unsigned device = word / 2;
    unsigned link = device < 2 ? 0 : device - 2;
    uint32_t type = device == 0 ? V100_IOCTRL_IOCTRL :
                    device == 1 ? V100_IOCTRL_MINION : V100_IOCTRL_DLPL;
    uint32_t base = device == 0 ? V100_NVLINK :
                    device == 1 ? V100_MINION :
                    V100_DLPL + link * V100_DLPL_SIZE;
    uint32_t more = device == 0 ?
                    V100_IOCTRL_WORDS << V100_IOCTRL_LENGTH_SHIFT :
                    device == 1 ? 0 : V100_IOCTRL_DLPL_1TX_1RX;

    if (word % 2) {
        return V100_IOCTRL_DATA1 | base | more;
    }
    return V100_IOCTRL_CHAIN | V100_IOCTRL_ENUM | V100_IOCTRL_VERSION |
           type << V100_IOCTRL_DEVICE_SHIFT | link << V100_IOCTRL_ID_SHIFT;
}

/*
 * State of the links
 */
static uint32_t v100_dl_state(const PnvV100 *s, unsigned gpu_link, bool sublink)
{
    int link = v100_cpu_link(s, gpu_link);

    if (v100_peer_up(s, gpu_link) ||
        (link >= 0 && (v100_links_up(s) & BIT(link)))) {
        return sublink ? V100_SUBLINK_HS : V100_LINK_STATE_ACTIVE;
    }
    if (link >= 0 && s->npu->brick[v100_brick(s, link)].trained) {
        return sublink ? V100_SUBLINK_SAFE : V100_LINK_STATE_SWCFG;
    }
    return sublink ? V100_SUBLINK_OFF : V100_LINK_STATE_INIT;
}

static uint32_t v100_dlpl_read(PnvV100 *s, uint32_t addr)
{
    unsigned link = (addr - V100_DLPL) / V100_DLPL_SIZE;

    switch ((addr - V100_DLPL) % V100_DLPL_SIZE) {
    case V100_DL_LINK_STATE:
        return v100_dl_state(s, link, false);
    case V100_DL_TX_STATUS:
    case V100_DL_RX_STATUS:
        return v100_dl_state(s, link, true);
    default:
        return v100_unimp_read(s, addr);
    }
}

/*
 * The NVLink unit
 */
static uint32_t v100_nvlink_read(PnvV100 *s, uint32_t addr)
{
    if (!v100_nvlink_unit_there(s)) {
        return V100_PRI_ERROR;
    }
    switch (addr) {
    case V100_NVLINK ... V100_NVLINK + V100_IOCTRL_WORDS * 4 - 1:
        return v100_ioctrl_table((addr - V100_NVLINK) / 4);
    case V100_LINK_DISABLE:
        return s->link_disable;
    case V100_MINION_STATUS:
        return s->link_training ? V100_MINION_BOOTED : 0;
    case V100_DLPL ... V100_DLPL + V100_NR_LINKS * V100_DLPL_SIZE - 1:
        return v100_dlpl_read(s, addr);
    default:
        return v100_unimp_read(s, addr);
    }
}

static void v100_nvlink_write(PnvV100 *s, uint32_t addr, uint32_t val)
{
    if (!v100_nvlink_unit_there(s)) {
        v100_log(s, LOG_GUEST_ERROR, "write of 0x%08x to BAR0+0x%06x of an "
                 "NVLink unit that is not started, without effect: links stay "
                 "as they are", val, addr);
        return;
    }
    if (addr == V100_LINK_DISABLE) {
        v100_link_disable(s, val);
    } else {
        v100_unimp_write(s, addr);
    }
}

const PnvV100Unit v100_nvlink_unit = {
    .base = V100_NVLINK,
    .size = V100_NVLINK_SIZE,
    .read = v100_nvlink_read,
    .write = v100_nvlink_write,
};

void v100_nvlink_reset(PnvV100 *s)
{
    s->pri_master = 0;
    s->pri_ring = 0;
    s->link_disable = 0;
}
