/*
 * QEMU PowerNV: a GPU with NVLink2, the copy engine of the model
 *
 * Moves data between the GPU's RAM and the system's, through the PHB or through
 * the NPU, also by ATS, with a cache of translations; or that of another GPU.
 * No real GPU has this engine; docs/specs/pnv-v100.rst describes it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "exec/address-spaces.h"
#include "hw/ppc/pnv_view.h"
#include "pnv_v100_internal.h"
#include "trace.h"

#define V100_CE                 0xf00000
#define V100_CE_SIZE            0x40
#define V100_CE_ID              0x00
#define   V100_CE_ID_VALUE          0x4e564c32
#define V100_CE_CONTROL         0x04
#define   V100_CE_START             0x00000001
#define   V100_CE_PATH              0x00000030
#define     V100_CE_PATH_PCIE           0
#define     V100_CE_PATH_NVLINK         1
#define     V100_CE_PATH_ATS            2
#define     V100_CE_PATH_PEER           3
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
#define V100_CE_PEER_LINKS      0x3c

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

void v100_shootdown(PnvNvlinkEndpoint *ep, const PnvNvlinkShootdown *what)
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
    if (!copy->length || copy->gpu_addr >= v100_ram_usable(s) ||
        copy->length > v100_ram_usable(s) - copy->gpu_addr ||
        copy->system_addr + copy->length < copy->system_addr) {
        return V100_BAD_RANGE;
    }
    switch (v100_copy_path(copy)) {
    case V100_CE_PATH_PCIE:
        return V100_OK;
    case V100_CE_PATH_PEER:
        return copy->link < V100_NR_LINKS && s->peers.link[copy->link].gpu
               ? V100_OK : V100_BAD_RANGE;
    default:
        return copy->link < s->npu->links_per_gpu ? V100_OK : V100_BAD_RANGE;
    }
}

static PnvV100CopyError v100_system_pcie(PnvV100 *s, hwaddr addr, hwaddr len)
{
    PCIDevice *dev = PCI_DEVICE(s);

    if (!v100_awake(s) ||
        !(pci_get_word(dev->config + PCI_COMMAND) & PCI_COMMAND_MASTER)) {
        return V100_NO_BUS_MASTER;
    }
    if (!v100_dma_pcie(s, addr, s->engine.buf, len,
                       s->engine.run.control & V100_CE_TO_SYSTEM)) {
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
        .translated = translated,
        .is_write = copy->control & V100_CE_TO_SYSTEM,
        .addr = addr,
        .buf = buf,
        .len = len,
    };
    PnvV100CopyError error;

    error = v100_npu_error(v100_dma_nvlink(s, copy->link, &dma));
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

/* What is the system's side otherwise is the RAM of the other GPU */
static PnvV100CopyError v100_system_peer(PnvV100 *s, hwaddr addr, hwaddr len)
{
    static const PnvV100CopyError code[] = {
        [V100_PEER_OK] = V100_OK,
        [V100_PEER_DOWN] = V100_LINK_DOWN,
        [V100_PEER_NO_RAM] = V100_BUS_ERROR,
    };
    PnvV100Access access = {
        .addr = addr,
        .buf = s->engine.buf,
        .len = len,
        .is_write = s->engine.run.control & V100_CE_TO_SYSTEM,
    };

    return code[v100_peer_rw(s, s->engine.run.link, &access)];
}

static PnvV100CopyError v100_copy_system(PnvV100 *s, hwaddr addr, hwaddr len)
{
    switch (v100_copy_path(&s->engine.run)) {
    case V100_CE_PATH_PCIE:
        return v100_system_pcie(s, addr, len);
    case V100_CE_PATH_NVLINK:
        return v100_system_nvlink(s, addr, s->engine.buf, len, false);
    case V100_CE_PATH_PEER:
        return v100_system_peer(s, addr, len);
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
        v100_log(s, LOG_GUEST_ERROR, "copy started while one runs, not done");
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

static uint32_t v100_ce_read(PnvV100 *s, uint32_t addr)
{
    const PnvV100Copy *next = &s->engine.next;

    switch (addr - V100_CE) {
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
        return v100_links_up(s);
    case V100_CE_RAM_MIB:
        return v100_ram_usable(s) / MiB;
    case V100_CE_PASID:
        return next->pasid;
    case V100_CE_PURGES:
        return pnv_npu2_purges(s->npu);
    case V100_CE_PEER_LINKS:
        return v100_peers_up(s);
    default:
        return v100_unimp_read(s, addr);
    }
}

static void v100_ce_write(PnvV100 *s, uint32_t addr, uint32_t val)
{
    PnvV100Copy *next = &s->engine.next;

    switch (addr - V100_CE) {
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
        v100_log(s, LOG_GUEST_ERROR, "write to engine+0x%02x, without effect",
                 addr - V100_CE);
    }
}

const PnvV100Unit v100_engine_unit = {
    .base = V100_CE,
    .size = V100_CE_SIZE,
    .read = v100_ce_read,
    .write = v100_ce_write,
};

/*
 * Looking in
 */
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

void v100_engine_init(Object *obj)
{
    object_property_add(obj, "engine", "struct", v100_get_engine, NULL, NULL,
                        NULL);
    object_property_add(obj, "atc", "struct", v100_get_atc, NULL, NULL, NULL);
}

void v100_engine_reset(PnvV100 *s)
{
    PnvV100Engine *ce = &s->engine;

    timer_del(ce->timer);
    memset(s->atc.entry, 0, sizeof(s->atc.entry));
    memset(&ce->next, 0, sizeof(ce->next));
    memset(&ce->run, 0, sizeof(ce->run));
    ce->status = 0;
    ce->copied = 0;
}

void v100_engine_realize(PnvV100 *s)
{
    s->engine.buf = g_malloc(V100_CE_CHUNK);
    s->engine.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, v100_copy_step, s);
}

void v100_engine_unrealize(PnvV100 *s)
{
    timer_free(s->engine.timer);
    g_free(s->engine.buf);
}
