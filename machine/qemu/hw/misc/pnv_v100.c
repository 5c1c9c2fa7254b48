/*
 * QEMU PowerNV: a GPU with NVLink2, as far as the host side needs one
 *
 * Looks like a Tesla V100 SXM2 to configuration space, has RAM that the NPU
 * maps, the few registers that cut NVLinks, and a copy engine of its own that
 * moves data between its RAM and the system's, through the PHB or through the
 * NPU.  The engine is not NVIDIA's; docs/specs/pnv-v100.rst describes it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/range.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "exec/ram_addr.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/msi.h"
#include "hw/pci/pcie.h"
#include "hw/misc/pnv_v100.h"
#include "hw/ppc/pnv_view.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "trace.h"

#define V100_DEVICE_ID          0x1db1
#define V100_SUBSYSTEM_ID       0x1212
#define V100_REVISION           0xa1
#define V100_PM_CAP             0x60
#define V100_PM_VERSION         3
#define V100_MSI_CAP            0x68
#define V100_PCIE_CAP           0x78

#define V100_NR_LINKS           6

#define V100_BAR0_SIZE          (16 * MiB)
#define V100_BAR1_DEFAULT_SIZE  (256 * MiB)
#define V100_BAR1_MIN_SIZE      (64 * MiB)
#define V100_BAR1_MAX_SIZE      (64 * GiB)
#define V100_BAR3_SIZE          (32 * MiB)
#define V100_MIN_RAM            (256 * MiB)

/*
 * BAR 0
 */
#define V100_BOOT_0             0x000000
#define   V100_BOOT_0_GV100_A1      0x140000a1
#define V100_PMC_ENABLE         0x000200
#define   V100_PMC_ENABLE_NVLINK    0x02000000
#define V100_LOCAL_MEMORY       0x100ce0
#define   V100_LOCAL_MEMORY_MAG_SHIFT   4
#define   V100_LOCAL_MEMORY_MAG_MAX     0x3f
#define V100_PRI_MASTER         0x12004c
#define   V100_PRI_MASTER_START     0x4
#define V100_PRI_RING           0x122204
#define   V100_PRI_RING_INIT        0x2
#define V100_LINK_DISABLE       0xa00148
#define   V100_LINK_DISABLE_SHIFT   16
#define   V100_LINK_DISABLE_MASK    0x003f0000
/* what the privileged ring answers when the unit asked is not there */
#define   V100_PRI_ERROR            0xbadf1100

#define V100_CE                 0xf00000
#define V100_CE_SIZE            0x3c
#define V100_CE_ID              0x00
#define   V100_CE_ID_VALUE          0x4e564c32
#define V100_CE_CONTROL         0x04
#define   V100_CE_START             0x00000001
#define   V100_CE_PATH              0x00000030
#define     V100_CE_PATH_PCIE           0
#define     V100_CE_PATH_NVLINK         1
#define     V100_CE_PATH_ATS            2
#define   V100_CE_TO_SYSTEM         0x00000100
#define V100_CE_STATUS          0x08
#define   V100_CE_BUSY              0x00000001
#define   V100_CE_DONE              0x00000002
#define   V100_CE_ERROR             0x00000004
#define   V100_CE_CODE              0x0000ff00
#define V100_CE_SYSTEM_LO       0x10
#define V100_CE_SYSTEM_HI       0x14
#define V100_CE_GPU_LO          0x18
#define V100_CE_GPU_HI          0x1c
#define V100_CE_LENGTH          0x20
#define V100_CE_COPIED          0x24
#define V100_CE_LINK            0x28
#define V100_CE_LINK_STATE      0x2c
#define V100_CE_RAM_MIB         0x30
#define V100_CE_PASID           0x34
#define V100_CE_PURGES          0x38

typedef enum PnvV100CopyError {
    V100_OK = 0,
    V100_BAD_RANGE = 1,
    V100_PCIE_REFUSED = 2,
    V100_TVE_DENY = 3,
    V100_TCE_FAULT = 4,
    V100_LINK_DOWN = 5,
    V100_ATS_REFUSED = 6,
    V100_NO_BUS_MASTER = 7,
    V100_NO_PE = 8,
    V100_BUS_ERROR = 9,
    V100_PE_FROZEN = 10,
} PnvV100CopyError;

/* A piece of a copy, and the time it takes: about 10 GB/s */
#define V100_CE_CHUNK           (64 * KiB)
#define V100_CE_CHUNK_NS        6500

/*
 * Links.  Which of them lead to the CPU depends on the board and on the socket:
 * the property cpu-links is a mask of them, in the order of the CPU's links.
 */
static unsigned v100_gpu_link(const PnvV100 *s, unsigned cpu_link)
{
    unsigned mask = s->cpu_links;

    while (cpu_link--) {
        mask &= mask - 1;
    }
    return ctz32(mask);
}

static const char *v100_name(const PnvV100 *s)
{
    return object_get_canonical_path_component(OBJECT(s));
}

/* Does it answer at all, on whatever way? */
static bool v100_awake(const PnvV100 *s)
{
    return !s->in_reset && !s->starting && !s->asleep && !s->lost;
}

static bool v100_link_ready(PnvNvlinkEndpoint *ep, unsigned link)
{
    PnvV100 *s = PNV_V100(ep);

    return v100_awake(s) && !(s->link_disable & BIT(V100_LINK_DISABLE_SHIFT +
                                                   v100_gpu_link(s, link)));
}

static MemoryRegion *v100_ram(PnvNvlinkEndpoint *ep)
{
    return &PNV_V100(ep)->ram;
}

static unsigned v100_brick(const PnvV100 *s, unsigned link)
{
    return s->group * s->npu->links_per_gpu + link;
}

static uint32_t v100_link_state(const PnvV100 *s)
{
    uint32_t state = 0;
    unsigned link;

    for (link = 0; link < s->npu->links_per_gpu; link++) {
        state |= (uint32_t)pnv_npu2_link_up(s->npu, v100_brick(s, link))
                 << link;
    }
    return state;
}

/*
 * Address translation cache
 */
#define V100_ATC_PAGE           (4 * KiB)

static PnvV100AtcEntry *v100_atc_slot(PnvV100 *s, uint32_t pasid, hwaddr addr)
{
    uint64_t page = addr / V100_ATC_PAGE;

    return &s->atc.entry[(page ^ pasid * 31) % V100_ATC_SIZE];
}

static bool v100_atc_lookup(PnvV100 *s, uint32_t pasid, hwaddr addr,
                            bool is_write, hwaddr *real)
{
    PnvV100AtcEntry *e = v100_atc_slot(s, pasid, addr);

    if (!e->valid || e->pasid != pasid || e->page != addr / V100_ATC_PAGE ||
        (is_write && !e->writable)) {
        return false;
    }
    *real = e->real + addr % V100_ATC_PAGE;
    s->atc.hits++;
    return true;
}

static void v100_atc_fill(PnvV100 *s, const PnvNpu2AtsRequest *req)
{
    *v100_atc_slot(s, req->pasid, req->addr) = (PnvV100AtcEntry) {
        .valid = true,
        .writable = req->is_write,
        .pasid = req->pasid,
        .page = req->addr / V100_ATC_PAGE,
        .real = req->real - req->addr % V100_ATC_PAGE,
    };
    s->atc.fills++;
}

static bool v100_atc_matches(const PnvV100AtcEntry *e,
                             const PnvNvlinkShootdown *what)
{
    return e->valid && (what->any_pasid || e->pasid == what->pasid) &&
           (what->any_addr ||
            e->page * V100_ATC_PAGE - what->addr < what->size);
}

static void v100_shootdown(PnvNvlinkEndpoint *ep,
                           const PnvNvlinkShootdown *what)
{
    PnvV100 *s = PNV_V100(ep);
    unsigned dropped = 0;
    int i;

    for (i = 0; i < V100_ATC_SIZE; i++) {
        if (v100_atc_matches(&s->atc.entry[i], what)) {
            s->atc.entry[i].valid = false;
            dropped++;
        }
    }
    s->atc.shootdowns++;
    s->atc.dropped += dropped;
    trace_pnv_v100_shootdown(v100_name(s), what->pasid, what->addr,
                             what->size, dropped);
}

/*
 * Copy engine
 */
static PnvV100CopyError v100_npu_error(PnvNpu2DmaResult result)
{
    static const PnvV100CopyError code[] = {
        [NPU2_DMA_OK] = V100_OK,
        [NPU2_DMA_LINK_DOWN] = V100_LINK_DOWN,
        [NPU2_DMA_NO_PE] = V100_NO_PE,
        [NPU2_DMA_DENIED] = V100_TVE_DENY,
        [NPU2_DMA_TCE_FAULT] = V100_TCE_FAULT,
        [NPU2_DMA_ATS_REFUSED] = V100_ATS_REFUSED,
        [NPU2_DMA_BUS_ERROR] = V100_BUS_ERROR,
        [NPU2_DMA_FROZEN] = V100_PE_FROZEN,
    };

    return code[result];
}

static unsigned v100_copy_path(const PnvV100Copy *copy)
{
    return (copy->control & V100_CE_PATH) >> 4;
}

static PnvV100CopyError v100_copy_check(PnvV100 *s, const PnvV100Copy *copy)
{
    if (!copy->length || copy->gpu_addr >= s->ram_size ||
        copy->length > s->ram_size - copy->gpu_addr ||
        copy->system_addr + copy->length < copy->system_addr) {
        return V100_BAD_RANGE;
    }
    switch (v100_copy_path(copy)) {
    case V100_CE_PATH_PCIE:
        return V100_OK;
    case V100_CE_PATH_NVLINK:
    case V100_CE_PATH_ATS:
        return copy->link < s->npu->links_per_gpu ? V100_OK : V100_BAD_RANGE;
    default:
        return V100_BAD_RANGE;
    }
}

static PnvV100CopyError v100_system_pcie(PnvV100 *s, hwaddr addr, hwaddr len)
{
    PCIDevice *dev = PCI_DEVICE(s);
    bool is_write = s->engine.run.control & V100_CE_TO_SYSTEM;

    if (!v100_awake(s) ||
        !(pci_get_word(dev->config + PCI_COMMAND) & PCI_COMMAND_MASTER)) {
        return V100_NO_BUS_MASTER;
    }
    if (pci_dma_rw(dev, addr, s->engine.buf, len,
                   is_write ? DMA_DIRECTION_FROM_DEVICE
                            : DMA_DIRECTION_TO_DEVICE,
                   MEMTXATTRS_UNSPECIFIED) != MEMTX_OK) {
        return V100_PCIE_REFUSED;
    }
    s->engine.bytes_pcie += len;
    return V100_OK;
}

static PnvV100CopyError v100_system_nvlink(PnvV100 *s, hwaddr addr, void *buf,
                                           hwaddr len, bool translated)
{
    const PnvV100Copy *copy = &s->engine.run;
    PnvNpu2Dma dma = {
        .brick = v100_brick(s, copy->link),
        .bdf = pci_get_bdf(PCI_DEVICE(s)),
        .translated = translated,
        .is_write = copy->control & V100_CE_TO_SYSTEM,
        .addr = addr,
        .buf = buf,
        .len = len,
    };
    PnvV100CopyError error = v100_npu_error(pnv_npu2_dma(s->npu, &dma));

    if (error == V100_OK) {
        s->engine.bytes_nvlink += len;
    }
    return error;
}

/* The real address of an address in the context of the copy */
static PnvV100CopyError v100_translate(PnvV100 *s, hwaddr addr, hwaddr *real)
{
    const PnvV100Copy *copy = &s->engine.run;
    PnvNpu2AtsRequest req = {
        .brick = v100_brick(s, copy->link),
        .bdf = pci_get_bdf(PCI_DEVICE(s)),
        .pasid = copy->pasid,
        .is_write = copy->control & V100_CE_TO_SYSTEM,
        .addr = addr,
    };
    PnvV100CopyError error;

    if (v100_atc_lookup(s, req.pasid, addr, req.is_write, real)) {
        return V100_OK;
    }
    error = v100_npu_error(pnv_npu2_translate(s->npu, &req));
    if (error == V100_OK) {
        v100_atc_fill(s, &req);
        *real = req.real;
    }
    return error;
}

static PnvV100CopyError v100_system_ats(PnvV100 *s, hwaddr addr, hwaddr len)
{
    hwaddr done = 0;

    while (done < len) {
        hwaddr piece = MIN(len - done, V100_ATC_PAGE -
                           (addr + done) % V100_ATC_PAGE);
        hwaddr real;
        PnvV100CopyError error = v100_translate(s, addr + done, &real);

        if (error == V100_OK) {
            error = v100_system_nvlink(s, real, s->engine.buf + done, piece,
                                       true);
        }
        if (error != V100_OK) {
            return error;
        }
        done += piece;
    }
    return V100_OK;
}

static PnvV100CopyError v100_copy_system(PnvV100 *s, hwaddr addr, hwaddr len)
{
    switch (v100_copy_path(&s->engine.run)) {
    case V100_CE_PATH_PCIE:
        return v100_system_pcie(s, addr, len);
    case V100_CE_PATH_NVLINK:
        return v100_system_nvlink(s, addr, s->engine.buf, len, false);
    default:
        return v100_system_ats(s, addr, len);
    }
}

/* One piece; none crosses a multiple of the chunk size on the system side */
static PnvV100CopyError v100_copy_chunk(PnvV100 *s)
{
    PnvV100Engine *ce = &s->engine;
    hwaddr system = ce->run.system_addr + ce->copied;
    hwaddr gpu = ce->run.gpu_addr + ce->copied;
    hwaddr len = MIN(ce->run.length - ce->copied,
                     V100_CE_CHUNK - system % V100_CE_CHUNK);
    bool to_system = ce->run.control & V100_CE_TO_SYSTEM;
    PnvV100CopyError error;

    if (to_system) {
        address_space_read(&s->ram_as, gpu, MEMTXATTRS_UNSPECIFIED, ce->buf,
                           len);
    }
    error = v100_copy_system(s, system, len);
    if (error != V100_OK) {
        return error;
    }
    if (!to_system) {
        address_space_write(&s->ram_as, gpu, MEMTXATTRS_UNSPECIFIED, ce->buf,
                            len);
    }
    if (ce->status & V100_CE_BUSY) {
        ce->copied += len;
    }
    return V100_OK;
}

static void v100_copy_finish(PnvV100 *s, PnvV100CopyError error)
{
    PnvV100Engine *ce = &s->engine;

    ce->status = error == V100_OK ? V100_CE_DONE
                                  : V100_CE_DONE | V100_CE_ERROR | error << 8;
    ce->errors += error != V100_OK;
    trace_pnv_v100_copy_done(v100_name(s), ce->copied, error);
}

static void v100_copy_schedule(PnvV100 *s)
{
    timer_mod(s->engine.timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
              V100_CE_CHUNK_NS);
}

static void v100_copy_step(void *opaque)
{
    PnvV100 *s = opaque;
    PnvV100CopyError error = v100_copy_chunk(s);

    /* the copy may have hit a register that resets the GPU */
    if (!(s->engine.status & V100_CE_BUSY)) {
        return;
    }
    if (error != V100_OK || s->engine.copied == s->engine.run.length) {
        v100_copy_finish(s, error);
    } else {
        v100_copy_schedule(s);
    }
}

static void v100_copy_start(PnvV100 *s)
{
    PnvV100Engine *ce = &s->engine;
    PnvV100CopyError error;

    if (ce->status & V100_CE_BUSY) {
        qemu_log_mask(LOG_GUEST_ERROR, "pnv-v100: copy started while busy\n");
        return;
    }
    ce->run = ce->next;
    ce->copied = 0;
    ce->copies++;
    trace_pnv_v100_copy(v100_name(s), v100_copy_path(&ce->run),
                        ce->run.control & V100_CE_TO_SYSTEM ? "to" : "from",
                        ce->run.system_addr, ce->run.gpu_addr, ce->run.length);

    error = v100_copy_check(s, &ce->run);
    if (error != V100_OK) {
        v100_copy_finish(s, error);
        return;
    }
    ce->status = V100_CE_BUSY;
    v100_copy_schedule(s);
}

static uint32_t v100_ce_read(PnvV100 *s, uint32_t off)
{
    const PnvV100Copy *next = &s->engine.next;

    switch (off) {
    case V100_CE_ID:
        return V100_CE_ID_VALUE;
    case V100_CE_CONTROL:
        return next->control;
    case V100_CE_STATUS:
        return s->engine.status;
    case V100_CE_SYSTEM_LO:
        return next->system_addr;
    case V100_CE_SYSTEM_HI:
        return next->system_addr >> 32;
    case V100_CE_GPU_LO:
        return next->gpu_addr;
    case V100_CE_GPU_HI:
        return next->gpu_addr >> 32;
    case V100_CE_LENGTH:
        return next->length;
    case V100_CE_COPIED:
        return s->engine.copied;
    case V100_CE_LINK:
        return next->link;
    case V100_CE_LINK_STATE:
        return v100_link_state(s);
    case V100_CE_RAM_MIB:
        return s->ram_size / MiB;
    case V100_CE_PASID:
        return next->pasid;
    case V100_CE_PURGES:
        return pnv_npu2_purges(s->npu);
    default:
        qemu_log_mask(LOG_UNIMP, "pnv-v100: read of engine+0x%02x\n", off);
        return 0;
    }
}

static void v100_ce_write(PnvV100 *s, uint32_t off, uint32_t val)
{
    PnvV100Copy *next = &s->engine.next;

    switch (off) {
    case V100_CE_CONTROL:
        next->control = val & (V100_CE_PATH | V100_CE_TO_SYSTEM);
        if (val & V100_CE_START) {
            v100_copy_start(s);
        }
        break;
    case V100_CE_SYSTEM_LO:
        next->system_addr = deposit64(next->system_addr, 0, 32, val);
        break;
    case V100_CE_SYSTEM_HI:
        next->system_addr = deposit64(next->system_addr, 32, 32, val);
        break;
    case V100_CE_GPU_LO:
        next->gpu_addr = deposit64(next->gpu_addr, 0, 32, val);
        break;
    case V100_CE_GPU_HI:
        next->gpu_addr = deposit64(next->gpu_addr, 32, 32, val);
        break;
    case V100_CE_LENGTH:
        next->length = val;
        break;
    case V100_CE_LINK:
        next->link = val;
        break;
    case V100_CE_PASID:
        next->pasid = val & 0xfffff;
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "pnv-v100: write to engine+0x%02x\n",
                      off);
    }
}

/*
 * Cutting links.  The unit that does it answers only after the privileged
 * ring was started and NVLink was enabled; a link that was cut stays so until
 * the GPU is reset.
 */
static bool v100_nvlink_unit_there(const PnvV100 *s)
{
    return s->pri_master == V100_PRI_MASTER_START &&
           s->pri_ring == V100_PRI_RING_INIT &&
           (s->pmc_enable & V100_PMC_ENABLE_NVLINK);
}

static void v100_link_disable(PnvV100 *s, uint32_t val)
{
    if (!v100_nvlink_unit_there(s)) {
        qemu_log_mask(LOG_GUEST_ERROR, "pnv-v100: NVLink unit is not started, "
                      "links stay as they are\n");
        return;
    }
    if (s->faults.link_disable) {
        return;
    }
    s->link_disable |= val & V100_LINK_DISABLE_MASK;
    trace_pnv_v100_links_cut(v100_name(s),
                             s->link_disable >> V100_LINK_DISABLE_SHIFT);
    pnv_npu2_endpoint_changed(s->npu, s->group);
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
    return magnitude << V100_LOCAL_MEMORY_MAG_SHIFT | scale;
}

static uint64_t v100_bar0_read(void *opaque, hwaddr addr, unsigned size)
{
    PnvV100 *s = opaque;

    if (!v100_awake(s)) {
        return UINT32_MAX;
    }
    switch (addr) {
    case V100_BOOT_0:
        return V100_BOOT_0_GV100_A1;
    case V100_LOCAL_MEMORY:
        return v100_local_memory(s);
    case V100_PMC_ENABLE:
        return s->pmc_enable;
    case V100_PRI_MASTER:
        return s->pri_master;
    case V100_PRI_RING:
        return s->pri_ring;
    case V100_LINK_DISABLE:
        return v100_nvlink_unit_there(s) ? s->link_disable : V100_PRI_ERROR;
    case V100_CE ... V100_CE + V100_CE_SIZE - 1:
        return v100_ce_read(s, addr - V100_CE);
    default:
        qemu_log_mask(LOG_UNIMP, "pnv-v100: read of BAR0+0x%06" HWADDR_PRIx
                      "\n", addr);
        return 0;
    }
}

static void v100_bar0_write(void *opaque, hwaddr addr, uint64_t val,
                            unsigned size)
{
    PnvV100 *s = opaque;

    if (!v100_awake(s)) {
        return;
    }
    switch (addr) {
    case V100_PMC_ENABLE:
        s->pmc_enable = val;
        break;
    case V100_PRI_MASTER:
        s->pri_master = val;
        break;
    case V100_PRI_RING:
        s->pri_ring = val;
        break;
    case V100_LINK_DISABLE:
        v100_link_disable(s, val);
        break;
    case V100_CE ... V100_CE + V100_CE_SIZE - 1:
        v100_ce_write(s, addr - V100_CE, val);
        break;
    default:
        qemu_log_mask(LOG_UNIMP, "pnv-v100: write to BAR0+0x%06" HWADDR_PRIx
                      "\n", addr);
    }
}

static const MemoryRegionOps v100_bar0_ops = {
    .read = v100_bar0_read,
    .write = v100_bar0_write,
    .valid.min_access_size = 4,
    .valid.max_access_size = 8,
    .impl.min_access_size = 4,
    .impl.max_access_size = 4,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/*
 * BARs 1 and 3, where nothing is behind them: a driver maps there what it likes
 */
static uint64_t v100_window_read(void *opaque, hwaddr addr, unsigned size)
{
    const MemoryRegion *mr = opaque;

    qemu_log_mask(LOG_UNIMP, "pnv-v100: read of %s+0x%" HWADDR_PRIx "\n",
                  memory_region_name(mr), addr);
    return UINT64_MAX;
}

static void v100_window_write(void *opaque, hwaddr addr, uint64_t val,
                              unsigned size)
{
    const MemoryRegion *mr = opaque;

    qemu_log_mask(LOG_UNIMP, "pnv-v100: write to %s+0x%" HWADDR_PRIx "\n",
                  memory_region_name(mr), addr);
}

static const MemoryRegionOps v100_window_ops = {
    .read = v100_window_read,
    .write = v100_window_write,
    .valid.min_access_size = 1,
    .valid.max_access_size = 8,
    .impl.min_access_size = 1,
    .impl.max_access_size = 8,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/*
 * Configuration space
 */

/*
 * A function that is not ready after a reset answers Request Retry Status.  The
 * PHB makes this of the vendor id, and ones of anything else.
 */
#define V100_RETRY_VENDOR_ID    0xffff0001

static uint32_t v100_config_read(PCIDevice *dev, uint32_t addr, int len)
{
    PnvV100 *s = PNV_V100(dev);

    if (s->lost) {
        return UINT32_MAX;
    }
    if (s->starting) {
        return addr == PCI_VENDOR_ID && len > 1 ? V100_RETRY_VENDOR_ID
                                                : UINT32_MAX;
    }
    return pci_default_read_config(dev, addr, len);
}

/* To be called when the GPU stopped or began to answer */
static void v100_awake_changed(PnvV100 *s)
{
    memory_region_set_enabled(&s->bar1, v100_awake(s));
    memory_region_set_enabled(&s->bar3, v100_awake(s));
    pnv_npu2_endpoint_changed(s->npu, s->group);
}

/*
 * In D3 neither BARs nor links answer; nothing is lost but the links, unless
 * the GPU says that the way back is a reset.
 */
static void v100_update_power(PnvV100 *s)
{
    const uint8_t *ctrl = PCI_DEVICE(s)->config + V100_PM_CAP + PCI_PM_CTRL;
    bool asleep = pci_get_word(ctrl) & PCI_PM_CTRL_STATE_MASK;

    if (asleep == s->asleep) {
        return;
    }
    s->asleep = asleep;
    trace_pnv_v100_power(v100_name(s), !asleep);
    if (!asleep && !s->no_soft_reset) {
        pci_device_reset(PCI_DEVICE(s));
    }
    v100_awake_changed(s);
}

static void v100_config_write(PCIDevice *dev, uint32_t addr, uint32_t val,
                              int len)
{
    PnvV100 *s = PNV_V100(dev);

    if (s->lost || s->starting) {
        return;
    }
    pci_default_write_config(dev, addr, val, len);
    if (ranges_overlap(addr, len, V100_PM_CAP + PCI_PM_CTRL, 2)) {
        v100_update_power(s);
    }
}

static void v100_started(void *opaque)
{
    PnvV100 *s = opaque;

    s->starting = false;
    v100_awake_changed(s);
}

/*
 * Device
 */
static void v100_reset(DeviceState *dev)
{
    PnvV100 *s = PNV_V100(dev);
    PnvV100Engine *ce = &s->engine;

    s->resets++;
    trace_pnv_v100_reset(v100_name(s), s->resets);

    /* the links see the GPU go away before it comes back */
    s->in_reset = true;
    pnv_npu2_endpoint_changed(s->npu, s->group);
    s->in_reset = false;
    s->asleep = false;
    s->lost = s->faults.reset;
    s->starting = s->reset_ms;
    if (s->starting) {
        timer_mod(s->start_timer, s->reset_ms +
                  qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL));
    }
    v100_awake_changed(s);

    timer_del(ce->timer);
    memset(s->atc.entry, 0, sizeof(s->atc.entry));
    memset(&ce->next, 0, sizeof(ce->next));
    memset(&ce->run, 0, sizeof(ce->run));
    ce->status = 0;
    ce->copied = 0;
    s->pmc_enable = 0;
    s->pri_master = 0;
    s->pri_ring = 0;
    s->link_disable = 0;
    if (!s->ram_keep) {
        ram_block_discard_range(s->ram.ram_block, 0, s->ram_size);
    }
}

static bool v100_init_pci(PnvV100 *s, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(s);

    pci_config_set_device_id(dev->config, s->device_id);
    pci_config_set_interrupt_pin(dev->config, 1);
    /* no function level reset: the real one has none either */
    if (pcie_endpoint_cap_init(dev, V100_PCIE_CAP) < 0) {
        error_setg(errp, "pnv-v100: no place for the PCIe capability");
        return false;
    }
    if (msi_init(dev, V100_MSI_CAP, 1, true, false, errp) < 0) {
        return false;
    }
    if (pci_pm_init(dev, V100_PM_CAP, errp) < 0) {
        return false;
    }
    pci_set_word(dev->config + V100_PM_CAP + PCI_PM_PMC, V100_PM_VERSION);
    pci_set_word(dev->config + V100_PM_CAP + PCI_PM_CTRL,
                 s->no_soft_reset ? PCI_PM_CTRL_NO_SOFT_RESET : 0);
    pci_set_word(dev->wmask + V100_PM_CAP + PCI_PM_CTRL,
                 PCI_PM_CTRL_STATE_MASK);
    return true;
}

static bool v100_check_properties(const PnvV100 *s, Error **errp)
{
    if (!s->npu || s->group >= NPU2_NR_BRICKS / s->npu->links_per_gpu) {
        error_setg(errp, "pnv-v100: needs an NPU and a group of its links");
        return false;
    }
    if (s->cpu_links >> V100_NR_LINKS ||
        ctpop8(s->cpu_links) != s->npu->links_per_gpu) {
        error_setg(errp, "pnv-v100: cpu-links must name as many of the %d "
                   "links as the NPU has for a GPU", V100_NR_LINKS);
        return false;
    }
    if (s->ram_size < V100_MIN_RAM || s->ram_size % MiB) {
        error_setg(errp, "pnv-v100: RAM must be a multiple of 1 MiB and at "
                   "least 256 MiB");
        return false;
    }
    if (!is_power_of_2(s->bar1_size) || s->bar1_size < V100_BAR1_MIN_SIZE ||
        s->bar1_size > V100_BAR1_MAX_SIZE) {
        error_setg(errp, "pnv-v100: bar1-size must be a power of 2 from 64 MiB "
                   "to 64 GiB");
        return false;
    }
    return true;
}

/* The RAM, as far as there is room for it, at the beginning of BAR 1 */
static void v100_init_bars(PnvV100 *s)
{
    const unsigned window = PCI_BASE_ADDRESS_SPACE_MEMORY |
                            PCI_BASE_ADDRESS_MEM_TYPE_64 |
                            PCI_BASE_ADDRESS_MEM_PREFETCH;
    PCIDevice *dev = PCI_DEVICE(s);
    Object *owner = OBJECT(s);

    memory_region_init_io(&s->bar0, owner, &v100_bar0_ops, s, "v100-bar0",
                          V100_BAR0_SIZE);
    memory_region_init_io(&s->bar1, owner, &v100_window_ops, &s->bar1,
                          "v100-bar1", s->bar1_size);
    memory_region_init_alias(&s->bar1_ram, owner, "v100-bar1-ram", &s->ram, 0,
                             MIN(s->bar1_size, s->ram_size));
    memory_region_add_subregion(&s->bar1, 0, &s->bar1_ram);
    memory_region_init_io(&s->bar3, owner, &v100_window_ops, &s->bar3,
                          "v100-bar3", V100_BAR3_SIZE);
    pci_register_bar(dev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar0);
    pci_register_bar(dev, 1, window, &s->bar1);
    pci_register_bar(dev, 3, window, &s->bar3);
}

static void v100_realize(PCIDevice *dev, Error **errp)
{
    PnvV100 *s = PNV_V100(dev);

    /* most of the RAM is never touched, so reserve nothing */
    if (!v100_check_properties(s, errp) ||
        !memory_region_init_ram_flags_nomigrate(&s->ram, OBJECT(s), "v100-ram",
                                                s->ram_size, RAM_NORESERVE,
                                                errp) ||
        !v100_init_pci(s, errp)) {
        return;
    }

    address_space_init(&s->ram_as, &s->ram, "v100-ram");
    v100_init_bars(s);

    s->engine.buf = g_malloc(V100_CE_CHUNK);
    s->engine.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, v100_copy_step, s);
    s->start_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, v100_started, s);
    pnv_npu2_attach(s->npu, s->group, PNV_NVLINK_ENDPOINT(s));
}

static void v100_exit(PCIDevice *dev)
{
    PnvV100 *s = PNV_V100(dev);

    pnv_npu2_detach(s->npu, s->group);
    timer_free(s->start_timer);
    timer_free(s->engine.timer);
    g_free(s->engine.buf);
    address_space_destroy(&s->ram_as);
    msi_uninit(dev);
    pcie_cap_exit(dev);
}

static void v100_get_engine(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    const PnvV100Engine *ce = &PNV_V100(obj)->engine;
    PnvView view;

    if (pnv_view_begin(&view, v, name, errp)) {
        pnv_view_uint(&view, "copies", ce->copies);
        pnv_view_uint(&view, "errors", ce->errors);
        pnv_view_uint(&view, "bytes-pcie", ce->bytes_pcie);
        pnv_view_uint(&view, "bytes-nvlink", ce->bytes_nvlink);
        pnv_view_uint(&view, "status", ce->status);
        pnv_view_end(&view);
    }
}

static unsigned v100_atc_valid(const PnvV100 *s)
{
    unsigned valid = 0;
    int i;

    for (i = 0; i < V100_ATC_SIZE; i++) {
        valid += s->atc.entry[i].valid;
    }
    return valid;
}

static void v100_get_atc(Object *obj, Visitor *v, const char *name,
                         void *opaque, Error **errp)
{
    const PnvV100Atc *atc = &PNV_V100(obj)->atc;
    PnvView view;

    if (pnv_view_begin(&view, v, name, errp)) {
        pnv_view_uint(&view, "valid", v100_atc_valid(PNV_V100(obj)));
        pnv_view_uint(&view, "fills", atc->fills);
        pnv_view_uint(&view, "hits", atc->hits);
        pnv_view_uint(&view, "shootdowns", atc->shootdowns);
        pnv_view_uint(&view, "dropped", atc->dropped);
        pnv_view_end(&view);
    }
}

static bool v100_get_fail_reset(Object *obj, Error **errp)
{
    return PNV_V100(obj)->faults.reset;
}

static void v100_set_fail_reset(Object *obj, bool value, Error **errp)
{
    PnvV100 *s = PNV_V100(obj);

    s->faults.reset = value;
    if (s->lost && !value) {
        s->lost = false;
        v100_awake_changed(s);
    }
}

static bool v100_get_fail_link_disable(Object *obj, Error **errp)
{
    return PNV_V100(obj)->faults.link_disable;
}

static void v100_set_fail_link_disable(Object *obj, bool value, Error **errp)
{
    PNV_V100(obj)->faults.link_disable = value;
}

static bool v100_get_fail_ram_size(Object *obj, Error **errp)
{
    return PNV_V100(obj)->faults.ram_size;
}

static void v100_set_fail_ram_size(Object *obj, bool value, Error **errp)
{
    PNV_V100(obj)->faults.ram_size = value;
}

static void v100_init(Object *obj)
{
    PnvV100 *s = PNV_V100(obj);

    object_property_add_uint64_ptr(obj, "resets", &s->resets,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint32_ptr(obj, "link-disable", &s->link_disable,
                                   OBJ_PROP_FLAG_READ);
    object_property_add(obj, "engine", "struct", v100_get_engine, NULL, NULL,
                        NULL);
    object_property_add(obj, "atc", "struct", v100_get_atc, NULL, NULL, NULL);
    object_property_add_bool(obj, "x-fail-reset", v100_get_fail_reset,
                             v100_set_fail_reset);
    object_property_add_bool(obj, "x-fail-link-disable",
                             v100_get_fail_link_disable,
                             v100_set_fail_link_disable);
    object_property_add_bool(obj, "x-fail-ram-size", v100_get_fail_ram_size,
                             v100_set_fail_ram_size);
}

static const Property v100_properties[] = {
    DEFINE_PROP_LINK("npu", PnvV100, npu, TYPE_PNV_NPU2, PnvNpu2 *),
    DEFINE_PROP_UINT32("group", PnvV100, group, 0),
    DEFINE_PROP_UINT8("cpu-links", PnvV100, cpu_links, 0x2a),
    DEFINE_PROP_UINT16("device-id", PnvV100, device_id, V100_DEVICE_ID),
    DEFINE_PROP_SIZE("ram-size", PnvV100, ram_size, GiB),
    DEFINE_PROP_SIZE("bar1-size", PnvV100, bar1_size, V100_BAR1_DEFAULT_SIZE),
    DEFINE_PROP_UINT32("reset-ms", PnvV100, reset_ms, 0),
    DEFINE_PROP_BOOL("ram-keep", PnvV100, ram_keep, false),
    DEFINE_PROP_BOOL("no-soft-reset", PnvV100, no_soft_reset, true),
};

static const VMStateDescription vmstate_v100 = {
    .name = TYPE_PNV_V100,
    .unmigratable = 1,
};

static void v100_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(oc);
    PnvNvlinkEndpointClass *ec = PNV_NVLINK_ENDPOINT_CLASS(oc);

    pc->realize = v100_realize;
    pc->exit = v100_exit;
    pc->config_read = v100_config_read;
    pc->config_write = v100_config_write;
    pc->vendor_id = PCI_VENDOR_ID_NVIDIA;
    pc->device_id = V100_DEVICE_ID;
    pc->subsystem_vendor_id = PCI_VENDOR_ID_NVIDIA;
    pc->subsystem_id = V100_SUBSYSTEM_ID;
    pc->revision = V100_REVISION;
    pc->class_id = 0x0302;      /* 3D controller */
    ec->link_ready = v100_link_ready;
    ec->ram = v100_ram;
    ec->shootdown = v100_shootdown;
    device_class_set_legacy_reset(dc, v100_reset);
    dc->desc = "GPU with NVLink2, like a Tesla V100 SXM2";
    dc->vmsd = &vmstate_v100;
    dc->user_creatable = false;
    dc->hotpluggable = false;
    set_bit(DEVICE_CATEGORY_DISPLAY, dc->categories);
    device_class_set_props(dc, v100_properties);
}

static const TypeInfo v100_types[] = {
    {
        .name = TYPE_PNV_V100,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(PnvV100),
        .instance_init = v100_init,
        .class_init = v100_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { TYPE_PNV_NVLINK_ENDPOINT },
            { }
        },
    },
};

DEFINE_TYPES(v100_types)
