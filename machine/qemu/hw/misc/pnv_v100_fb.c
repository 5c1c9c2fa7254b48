/*
 * QEMU PowerNV: a GPU with NVLink2, memory as units of the GPU see it
 *
 * The GPU's own RAM, and the system's: over PCIe, or over NVLink if two
 * switches say so.  NVIDIA's nvgpu driver for Tegra sets them to join a GV100
 * to a Tegra SoC: the mask of links that carry traffic to system memory, and
 * whether units behind FBHUB, of which the GSP is one, use them.
 *
 * Over PCIe an address has 64 bits, the upper 17 from XV_UPPER_ADDR.  A link
 * has 47 bits for it, of which the NPU makes a real address or one for a TVE.
 *
 * Names and fields are those of hw_fb_gv100.h in nvgpu ("N" below), of
 * dev_bus.ref.txt and pri_mmu_hub.ref.txt for GV100 in NVIDIA's open-gpu-doc
 * ("D"). What they do not say, and the model decides:
 *
 * - Traffic is not spread over links.  It needs all links of the mask, and the
 *   lowest carries it.  If one is down, or leads elsewhere, no answer comes.
 * - What the PHB or the NPU refuses, and what is outside of the RAM, is
 *   answered with an error: a unit reads ones.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/units.h"
#include "exec/address-spaces.h"
#include "hw/pci/pci_device.h"
#include "hw/ppc/pnv_view.h"
#include "pnv_v100_internal.h"
#include "trace.h"

#define V100_PBUS               0x001000
#define V100_PBUS_SIZE            0x1000
/* D: NV_PBUS_BAR0_WINDOW, which 1 MiB of memory PRAMIN shows */
#define V100_BAR0_WINDOW        0x001700
#define   V100_BAR0_WINDOW_BASE     0x00ffffff
#define   V100_BAR0_WINDOW_TARGET   0x03000000
#define   V100_BAR0_WINDOW_SHIFT    16
#define V100_PRAMIN             0x700000
#define V100_PRAMIN_SIZE        0x100000

#define V100_PFB                0x100000
#define V100_PFB_SIZE             0x1000
/* N: fb_niso_scrub_status_r, its flag */
#define V100_SCRUB_STATUS       0x100b20
#define   V100_SCRUB_STATUS_DONE    0x00000001
/* N: fb_mmu_local_memory_range_r, its lower_mag, lower_scale and ecc_mode */
#define V100_LOCAL_MEMORY       0x100ce0
#define   V100_LOCAL_MEMORY_ECC     0x40000000
#define   V100_LOCAL_MEMORY_MAG_SHIFT   4
#define   V100_LOCAL_MEMORY_MAG_MAX     0x3f

#define V100_HSHUB              0x1fa000
#define V100_HSHUB_SIZE           0x2000

/* N: fb_niso_cfg1_sysmem_nvlink_m */
#define V100_NISO_CFG1_SYSMEM_NVLINK    0x00020000
/* N: fb_hshub_config0_sysmem_nvlink_mask_m */
#define V100_HSHUB_CONFIG0_SYSMEM       0x0000ffff

#define V100_LINK_ADDR_BITS     47

/* Registers that are storage, which of their bits are, and what reads them */
static const struct {
    uint32_t addr;
    uint32_t writable;
} v100_fb_reg[V100_NR_FB_REGS] = {
    /* N: fb_fbhub_num_active_ltcs_r; use_nvlink, atomics; nothing */
    [V100_FBHUB_ACTIVE_LTCS] = { 0x100800, 0x02ff0000 },
    /* N: fb_niso_cfg1_r; v100_access() */
    [V100_NISO_CFG1] = { 0x100c14, V100_NISO_CFG1_SYSMEM_NVLINK },
    /* N: fb_mmu_ctrl_r; atomics; nothing */
    [V100_MMU_CTRL] = { 0x100c80, 0x03000000 },
    /* D: NV_PFB_PRI_MMU_ATS_ADDR_RANGE_LOCAL; nothing */
    [V100_ATS_RANGE_LOCAL] = { 0x100e00, UINT32_MAX },
    /* gpu-admin-tools: NV_PFB_XV_UPPER_ADDR; v100_access() */
    [V100_XV_UPPER_ADDR] = { 0x100f04, 0x0001ffff },
    /* N: fb_hsmmu_pri_mmu_ctrl_r; atomics; nothing */
    [V100_HSMMU_CTRL] = { 0x1fac80, 0x03000000 },
    /* N: fb_hshub_config0_r; v100_access() */
    [V100_HSHUB_CONFIG0] = { 0x1fbc00, UINT32_MAX },
    /* N: fb_hshub_num_active_ltcs_r; use_nvlink, atomics; nothing */
    [V100_HSHUB_ACTIVE_LTCS] = { 0x1fbc20, 0x02ff0000 },
};

/* What is there besides the bits for ECC, a 16th of it */
uint64_t v100_ram_usable(const PnvV100 *s)
{
    return s->ecc ? s->ram_size / 16 * 15 : s->ram_size;
}

/*
 * Access to memory
 */
static PnvV100Answer v100_access_ram(PnvV100 *s, const PnvV100Access *a)
{
    MemTxResult result = address_space_rw(&s->ram_as, a->addr,
                                          MEMTXATTRS_UNSPECIFIED, a->buf,
                                          a->len, a->is_write);

    if (result != MEMTX_OK) {
        v100_log(s, LOG_GUEST_ERROR, "no RAM at 0x%" HWADDR_PRIx
                 ", answered with an error", a->addr);
    }
    return result == MEMTX_OK ? V100_ANSWER_OK : V100_ANSWER_ERROR;
}

bool v100_dma_pcie(PnvV100 *s, hwaddr addr, void *buf, hwaddr len,
                   bool is_write)
{
    return pci_dma_rw(PCI_DEVICE(s), addr, buf, len,
                      is_write ? DMA_DIRECTION_FROM_DEVICE
                               : DMA_DIRECTION_TO_DEVICE,
                      MEMTXATTRS_UNSPECIFIED) == MEMTX_OK;
}

PnvNpu2DmaResult v100_dma_nvlink(PnvV100 *s, unsigned link, PnvNpu2Dma *dma)
{
    dma->brick = v100_brick(s, link);
    dma->bdf = pci_get_bdf(PCI_DEVICE(s));
    return pnv_npu2_dma(s->npu, dma);
}

static PnvV100Answer v100_access_pcie(PnvV100 *s, const PnvV100Access *a)
{
    hwaddr addr = deposit64(a->addr, V100_LINK_ADDR_BITS,
                            64 - V100_LINK_ADDR_BITS,
                            s->fb.reg[V100_XV_UPPER_ADDR]);

    return v100_dma_pcie(s, addr, a->buf, a->len, a->is_write)
           ? V100_ANSWER_OK : V100_ANSWER_ERROR;
}

static PnvV100Answer v100_access_nvlink(PnvV100 *s, const PnvV100Access *a)
{
    uint32_t mask = s->fb.reg[V100_HSHUB_CONFIG0] & V100_HSHUB_CONFIG0_SYSMEM;
    PnvNpu2Dma dma = {
        .is_write = a->is_write,
        .addr = extract64(a->addr, 0, V100_LINK_ADDR_BITS),
        .buf = a->buf,
        .len = a->len,
    };
    int link = v100_common_link(s, mask);

    if (link < 0) {
        v100_log(s, LOG_GUEST_ERROR, "not all GPU links of 0x%04x lead to "
                 "system memory and are up, no answer comes", mask);
        return V100_ANSWER_NONE;
    }
    switch (v100_dma_nvlink(s, link, &dma)) {
    case NPU2_DMA_OK:
        return V100_ANSWER_OK;
    case NPU2_DMA_LINK_DOWN:
        return V100_ANSWER_NONE;
    default:
        return V100_ANSWER_ERROR;
    }
}

static PnvV100Way v100_access_way(const PnvV100 *s, const PnvV100Access *a)
{
    if (a->target == V100_VIDMEM) {
        return V100_WAY_RAM;
    }
    return s->fb.reg[V100_NISO_CFG1] & V100_NISO_CFG1_SYSMEM_NVLINK
           ? V100_WAY_NVLINK : V100_WAY_PCIE;
}

static void v100_trace_access(const PnvV100 *s, const PnvV100Access *a,
                              PnvV100Way way, PnvV100Answer answer)
{
    static const char *const way_name[] = {
        [V100_WAY_RAM] = "RAM",
        [V100_WAY_PCIE] = "PCIe",
        [V100_WAY_NVLINK] = "NVLink",
    };
    static const char *const answer_name[] = {
        [V100_ANSWER_OK] = "OK",
        [V100_ANSWER_ERROR] = "error",
        [V100_ANSWER_NONE] = "none",
    };

    trace_pnv_v100_access(v100_name(s), way_name[way],
                          a->is_write ? "write" : "read", a->addr, a->len,
                          answer_name[answer]);
}

PnvV100Answer v100_access(PnvV100 *s, const PnvV100Access *a)
{
    static PnvV100Answer (*const access[])(PnvV100 *, const PnvV100Access *) = {
        [V100_WAY_RAM] = v100_access_ram,
        [V100_WAY_PCIE] = v100_access_pcie,
        [V100_WAY_NVLINK] = v100_access_nvlink,
    };
    PnvV100Way way = v100_access_way(s, a);
    PnvV100Answer answer = v100_awake(s) ? access[way](s, a)
                                         : V100_ANSWER_NONE;

    switch (answer) {
    case V100_ANSWER_OK:
        s->fb.bytes[way] += a->len;
        break;
    case V100_ANSWER_ERROR:
        s->fb.errors++;
        if (!a->is_write) {
            memset(a->buf, 0xff, a->len);
        }
        break;
    case V100_ANSWER_NONE:
        s->fb.unanswered++;
        break;
    }
    v100_trace_access(s, a, way, answer);
    return answer;
}

/*
 * The window to memory in BAR 0
 */
static uint32_t v100_pbus_read(PnvV100 *s, uint32_t addr)
{
    return addr == V100_BAR0_WINDOW ? s->fb.window : v100_unimp_read(s, addr);
}

static void v100_pbus_write(PnvV100 *s, uint32_t addr, uint32_t val)
{
    if (addr == V100_BAR0_WINDOW) {
        s->fb.window = val & (V100_BAR0_WINDOW_BASE | V100_BAR0_WINDOW_TARGET);
    } else {
        v100_unimp_write(s, addr);
    }
}

const PnvV100Unit v100_pbus_unit = {
    .base = V100_PBUS,
    .size = V100_PBUS_SIZE,
    .read = v100_pbus_read,
    .write = v100_pbus_write,
};

/*
 * A window to system memory may stop a GPU that has it behind NVLink, says
 * kern_bus_vbar2.c in NVIDIA's open-gpu-kernel-modules.  There is none here.
 */
static bool v100_pramin(PnvV100 *s, uint32_t addr, uint32_t *val, bool is_write)
{
    PnvV100Access access = {
        .target = V100_VIDMEM,
        .addr = ((hwaddr)(s->fb.window & V100_BAR0_WINDOW_BASE) <<
                 V100_BAR0_WINDOW_SHIFT) + addr - V100_PRAMIN,
        .buf = val,
        .len = sizeof(*val),
        .is_write = is_write,
    };

    if (s->fb.window & V100_BAR0_WINDOW_TARGET) {
        v100_log(s, LOG_GUEST_ERROR, "%s BAR0+0x%06x, a window to system "
                 "memory by 0x%08x: %s", is_write ? "write to" : "read of",
                 addr, s->fb.window, is_write ? "without effect" : "ones");
        return false;
    }
    return v100_access(s, &access) == V100_ANSWER_OK;
}

static uint32_t v100_pramin_read(PnvV100 *s, uint32_t addr)
{
    uint32_t val;

    return v100_pramin(s, addr, &val, false) ? le32_to_cpu(val) : UINT32_MAX;
}

static void v100_pramin_write(PnvV100 *s, uint32_t addr, uint32_t val)
{
    val = cpu_to_le32(val);
    v100_pramin(s, addr, &val, true);
}

const PnvV100Unit v100_pramin_unit = {
    .base = V100_PRAMIN,
    .size = V100_PRAMIN_SIZE,
    .read = v100_pramin_read,
    .write = v100_pramin_write,
};

/*
 * Registers
 */

bool v100_ram_size_fits(const PnvV100 *s)
{
    uint64_t mib = s->ram_size / MiB;

    return mib >> ctz64(mib) <= V100_LOCAL_MEMORY_MAG_MAX;
}

/* The size of the RAM, as the GPU's own firmware leaves it for its driver */
static uint32_t v100_local_memory(const PnvV100 *s)
{
    uint64_t magnitude = s->ram_size / MiB;
    uint32_t scale = 0;

    if (s->faults.ram_size) {
        return V100_PRI_ERROR;
    }
    while (magnitude > V100_LOCAL_MEMORY_MAG_MAX) {
        magnitude /= 2;
        scale++;
    }
    return magnitude << V100_LOCAL_MEMORY_MAG_SHIFT | scale |
           (s->ecc ? V100_LOCAL_MEMORY_ECC : 0);
}

static int v100_fb_reg_at(uint32_t addr)
{
    int i;

    for (i = 0; i < V100_NR_FB_REGS; i++) {
        if (v100_fb_reg[i].addr == addr) {
            return i;
        }
    }
    return -1;
}

static uint32_t v100_fb_read(PnvV100 *s, uint32_t addr)
{
    int reg = v100_fb_reg_at(addr);

    switch (addr) {
    case V100_SCRUB_STATUS:
        return V100_SCRUB_STATUS_DONE;
    case V100_LOCAL_MEMORY:
        return v100_local_memory(s);
    default:
        return reg >= 0 ? s->fb.reg[reg] : v100_unimp_read(s, addr);
    }
}

static void v100_fb_write(PnvV100 *s, uint32_t addr, uint32_t val)
{
    int reg = v100_fb_reg_at(addr);

    if (reg >= 0) {
        s->fb.reg[reg] = val & v100_fb_reg[reg].writable;
    } else {
        v100_unimp_write(s, addr);
    }
}

const PnvV100Unit v100_pfb_unit = {
    .base = V100_PFB,
    .size = V100_PFB_SIZE,
    .read = v100_fb_read,
    .write = v100_fb_write,
};

const PnvV100Unit v100_hshub_unit = {
    .base = V100_HSHUB,
    .size = V100_HSHUB_SIZE,
    .read = v100_fb_read,
    .write = v100_fb_write,
};

/*
 * Device
 */
static void v100_get_memory(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    const PnvV100Fb *fb = &PNV_V100(obj)->fb;
    PnvView view;

    if (pnv_view_begin(&view, v, name, errp)) {
        pnv_view_uint(&view, "bytes-ram", fb->bytes[V100_WAY_RAM]);
        pnv_view_uint(&view, "bytes-pcie", fb->bytes[V100_WAY_PCIE]);
        pnv_view_uint(&view, "bytes-nvlink", fb->bytes[V100_WAY_NVLINK]);
        pnv_view_uint(&view, "errors", fb->errors);
        pnv_view_uint(&view, "unanswered", fb->unanswered);
        pnv_view_end(&view);
    }
}

void v100_fb_init(Object *obj)
{
    object_property_add(obj, "memory", "struct", v100_get_memory, NULL, NULL,
                        NULL);
}

void v100_fb_reset(PnvV100 *s)
{
    memset(s->fb.reg, 0, sizeof(s->fb.reg));
    s->fb.window = 0;
}
