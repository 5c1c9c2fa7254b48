/*
 * QEMU PowerNV NPU2: IODA tables, TCEs and DMA
 *
 * A DMA request from a GPU names a requester id.  The brick it came in on
 * maps that to a PE, and each PE has exactly one TVE:
 *
 *   0                      bypass: the address is a real address, unchecked
 *   PSIZE == 0, bit 51     deny (firmware's "disable": a range that nothing
 *                          is in)
 *   PSIZE != 0             a TCE table of LEVELS + 1 levels, 2^(SIZE + 11)
 *                          bytes per level, pages of 2^(PSIZE + 11) bytes
 *
 * SIZE begins at bit 51, so a table level of 128 MiB or more has that bit
 * too: it denies only where there is no page size.
 *
 * TCEs are cached.  Nothing but a TCE kill drops a cached entry: software
 * that changes a table and forgets to kill keeps using the old page, here as
 * on the hardware.  The TVE itself is consulted on each access.
 *
 * An address on a link has 47 bits.  The NPU makes one of the 56 bits of the
 * power bus of it, and only then looks at the TVE.  A bit above them, such as
 * the one that chooses the second DMA window of a PHB, never gets here.
 *
 * A PE whose PESTB is not 0 is frozen: its DMA is refused until software clears
 * the register.  A PE that freezes raises interrupt 18, for firmware.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/log.h"
#include "exec/address-spaces.h"
#include "hw/ppc/pnv.h"
#include "hw/ppc/pnv_chip.h"
#include "system/dma.h"
#include "pnv_npu2_internal.h"
#include "trace.h"

#define NPU2_TVE_MIN_SIZE_SHIFT     11
#define NPU2_TVE_MIN_PAGE_SHIFT     11
#define NPU2_MAX_TCE_LEVELS         5

static const PnvNpu2RegSet npu2_ats_regs = {
    .name = "ATS", .range = { { 0x000, 0x030 }, { 0x100, 0x150 } },
};

/*
 * TCE cache
 */
static PnvNpu2Tce *npu2_tce_slot(PnvNpu2Ats *ats, unsigned pe, uint64_t page)
{
    return &ats->tce_cache[(page ^ pe * 7) % NPU2_TCE_CACHE_SIZE];
}

static bool npu2_tce_cached(PnvNpu2 *npu, unsigned pe, unsigned shift,
                            uint64_t page, uint64_t *tce)
{
    PnvNpu2Tce *slot = npu2_tce_slot(&npu->ats, pe, page);

    if (!npu->tce_cache || !slot->valid || slot->pe != pe ||
        slot->shift != shift || slot->page != page) {
        return false;
    }
    *tce = slot->tce;
    return true;
}

static void npu2_tce_cache_fill(PnvNpu2 *npu, unsigned pe, unsigned shift,
                                uint64_t page, uint64_t tce)
{
    *npu2_tce_slot(&npu->ats, pe, page) = (PnvNpu2Tce) {
        .valid = true, .pe = pe, .shift = shift, .page = page, .tce = tce,
    };
}

static void npu2_tce_kill(PnvNpu2 *npu, uint64_t val)
{
    PnvNpu2Ats *ats = &npu->ats;
    unsigned pe = GETFIELD(NPU2_TCE_KILL_PE, val);
    uint64_t addr = val & NPU2_TCE_KILL_ADDR;
    int i;

    trace_pnv_npu2_tce_kill(npu->chip->chip_id,
                            val & NPU2_TCE_KILL_ALL ? "all" : "one", pe, addr);
    if (val & NPU2_TCE_KILL_ALL) {
        ats->kills_all++;
        memset(ats->tce_cache, 0, sizeof(ats->tce_cache));
        return;
    }
    if (!(val & NPU2_TCE_KILL_ONE)) {
        qemu_log_mask(LOG_GUEST_ERROR, "npu2: empty TCE kill 0x%016" PRIx64
                      "\n", val);
        return;
    }
    ats->kills_one++;
    for (i = 0; i < ARRAY_SIZE(ats->tce_cache); i++) {
        PnvNpu2Tce *tce = &ats->tce_cache[i];

        if (tce->valid && tce->pe == pe && tce->page == addr >> tce->shift) {
            tce->valid = false;
        }
    }
}

/*
 * Registers
 */
static uint64_t *npu2_ioda_entry(PnvNpu2 *npu)
{
    uint64_t sel = npu->ats.regs.reg[NPU2_ATS_IODA_TBL >> 3];
    unsigned index = GETFIELD(NPU2_IODA_TBL_INDEX, sel);

    if (GETFIELD(NPU2_IODA_TBL_SELECT, sel) != NPU2_IODA_TBL_TVT ||
        index >= NPU2_NR_TVES) {
        qemu_log_mask(LOG_UNIMP, "npu2: IODA table entry 0x%016" PRIx64 "\n",
                      sel);
        return NULL;
    }
    return &npu->ats.tve[index];
}

static void npu2_ioda_advance(PnvNpu2 *npu)
{
    uint64_t *sel = &npu->ats.regs.reg[NPU2_ATS_IODA_TBL >> 3];

    if (*sel & NPU2_IODA_TBL_AUTOINC) {
        *sel = SETFIELD(NPU2_IODA_TBL_INDEX, *sel,
                        GETFIELD(NPU2_IODA_TBL_INDEX, *sel) + 1);
    }
}

uint64_t npu2_ats_read(PnvNpu2 *npu, unsigned unit, uint32_t off)
{
    uint64_t *entry, val;

    if (off != NPU2_ATS_IODA_DATA) {
        return npu2_regfile_read(&npu->ats.regs, &npu2_ats_regs, off);
    }
    entry = npu2_ioda_entry(npu);
    val = entry ? *entry : 0;
    npu2_ioda_advance(npu);
    return val;
}

static void npu2_ioda_write(PnvNpu2 *npu, uint64_t val)
{
    uint64_t *entry = npu2_ioda_entry(npu);

    if (entry) {
        *entry = val;
        npu->ats.tve_writes++;
        trace_pnv_npu2_tve(npu->chip->chip_id, entry - npu->ats.tve, val);
    }
    npu2_ioda_advance(npu);
}

void npu2_ats_write(PnvNpu2 *npu, unsigned unit, uint32_t off, uint64_t val)
{
    switch (off) {
    case NPU2_ATS_IODA_DATA:
        npu2_ioda_write(npu, val);
        break;
    case NPU2_ATS_TCE_KILL:
        npu2_tce_kill(npu, val);
        break;
    default:
        npu2_regfile_write(&npu->ats.regs, &npu2_ats_regs, off, val);
    }
}

void npu2_ats_reset(PnvNpu2 *npu)
{
    memset(&npu->ats.regs, 0, sizeof(npu->ats.regs));
    memset(npu->ats.tve, 0, sizeof(npu->ats.tve));
    memset(npu->ats.tce_cache, 0, sizeof(npu->ats.tce_cache));
}

/*
 * Translation
 */
/* The PE of a requester, or -1 */
static int npu2_dma_pe(const PnvNpu2 *npu, unsigned brick, uint16_t bdf)
{
    const PnvNpu2RegFile *ctl = &npu->stack[NPU2_BRICK_STACK(brick)].ctl;
    int i;

    for (i = 0; i < NPU2_NR_BDF2PE; i++) {
        uint64_t map = ctl->reg[NPU2_CTL_BDF2PE(brick, i) >> 3];

        if ((map & NPU2_BDF2PE_ENABLE) &&
            ((map & NPU2_BDF2PE_WILDCARD) ||
             GETFIELD(NPU2_BDF2PE_BDF, map) == bdf)) {
            return GETFIELD(NPU2_BDF2PE_PE, map);
        }
    }
    return -1;
}

/*
 * Frozen PEs
 */
bool npu2_pe_frozen(const PnvNpu2 *npu, unsigned pe)
{
    return npu->misc.reg[NPU2_MISC_PESTB(pe) >> 3];
}

/* An interrupt is a store to the trigger page that firmware chose */
static void npu2_trigger(PnvNpu2 *npu, unsigned level)
{
    uint64_t base = npu->misc.reg[NPU2_MISC_IRQ_BASE >> 3] >>
                    NPU2_MISC_IRQ_BASE_SHIFT;

    if (base) {
        address_space_stq_be(&address_space_memory,
                             base + ((hwaddr)level << NPU2_MISC_IRQ_PAGE_SHIFT),
                             0, MEMTXATTRS_UNSPECIFIED, NULL);
    }
}

/* To be called when something that is not firmware wrote PESTB */
void npu2_pe_freeze_changed(PnvNpu2 *npu, unsigned pe)
{
    trace_pnv_npu2_freeze(npu->chip->chip_id, pe, npu2_pe_frozen(npu, pe));
    if (npu2_pe_frozen(npu, pe)) {
        npu2_trigger(npu, NPU2_IRQ_TCE);
    }
}

static void npu2_pe_freeze(PnvNpu2 *npu, unsigned pe)
{
    npu->misc.reg[NPU2_MISC_PESTB(pe) >> 3] = NPU2_PESTB_STOPPED;
    npu2_pe_freeze_changed(npu, pe);
}

static bool npu2_tce_allows(uint64_t tce, bool is_write)
{
    return tce & (is_write ? NPU2_TCE_WRITE : NPU2_TCE_READ);
}

/*
 * The power bus has memory only where some address bits are 0.  These are left
 * out on the link: the GPU's side does so ("Coral" compression, as skiboot does
 * for the base of GPU RAM), the NPU puts them back.
 */
static hwaddr npu2_link_addr_expand(hwaddr addr)
{
    return extract64(addr, 0, 43) | extract64(addr, 43, 2) << 45 |
           extract64(addr, 45, 2) << 49;
}

/* Walk the table from the top; an intermediate entry needs some permission */
static bool npu2_tce_walk(uint64_t tve, hwaddr addr, uint64_t *tce)
{
    unsigned page_shift = GETFIELD(NPU2_TVE_PSIZE, tve) +
                          NPU2_TVE_MIN_PAGE_SHIFT;
    unsigned level_shift = GETFIELD(NPU2_TVE_SIZE, tve) +
                           NPU2_TVE_MIN_SIZE_SHIFT - 3;
    int level = GETFIELD(NPU2_TVE_LEVELS, tve);
    uint64_t entry = GETFIELD(NPU2_TVE_TTA, tve) << 12;

    if (level >= NPU2_MAX_TCE_LEVELS) {
        return false;
    }
    for (; level >= 0; level--) {
        unsigned shift = page_shift + level * level_shift;
        uint64_t index = shift > 63 ? 0 :
                         (addr >> shift) & ((1ull << level_shift) - 1);
        MemTxResult rc;

        entry = address_space_ldq_be(&address_space_memory,
                                     (entry & NPU2_TCE_ADDR) + index * 8,
                                     MEMTXATTRS_UNSPECIFIED, &rc);
        if (rc != MEMTX_OK ||
            !(entry & (NPU2_TCE_READ | NPU2_TCE_WRITE))) {
            return false;
        }
    }
    *tce = entry;
    return true;
}

static bool npu2_tve_in_range(uint64_t tve, hwaddr addr)
{
    unsigned bits = GETFIELD(NPU2_TVE_PSIZE, tve) + NPU2_TVE_MIN_PAGE_SHIFT +
                    (GETFIELD(NPU2_TVE_LEVELS, tve) + 1) *
                    (GETFIELD(NPU2_TVE_SIZE, tve) +
                     NPU2_TVE_MIN_SIZE_SHIFT - 3);

    return bits > 63 || !(addr >> bits);
}

static PnvNpu2DmaResult npu2_xlate_tce(PnvNpu2 *npu, unsigned pe, hwaddr addr,
                                       bool is_write, PnvNpu2Xlate *x)
{
    uint64_t tve = npu->ats.tve[pe];
    unsigned shift = GETFIELD(NPU2_TVE_PSIZE, tve) + NPU2_TVE_MIN_PAGE_SHIFT;
    hwaddr offset = addr & ((1ull << shift) - 1);
    uint64_t tce;

    if (!npu2_tve_in_range(tve, addr)) {
        return NPU2_DMA_TCE_FAULT;
    }
    if (!npu2_tce_cached(npu, pe, shift, addr >> shift, &tce)) {
        if (!npu2_tce_walk(tve, addr, &tce)) {
            return NPU2_DMA_TCE_FAULT;
        }
        npu2_tce_cache_fill(npu, pe, shift, addr >> shift, tce);
    }
    if (!npu2_tce_allows(tce, is_write)) {
        return NPU2_DMA_TCE_FAULT;
    }
    x->addr = (tce & NPU2_TCE_ADDR & ~((1ull << shift) - 1)) | offset;
    x->len = (1ull << shift) - offset;
    return NPU2_DMA_OK;
}

static PnvNpu2DmaResult npu2_xlate_tve(PnvNpu2 *npu, const PnvNpu2Dma *dma,
                                       hwaddr addr, PnvNpu2Xlate *x)
{
    int pe = npu2_dma_pe(npu, dma->brick, dma->bdf);
    uint64_t tve;

    if (pe < 0) {
        return NPU2_DMA_NO_PE;
    }
    tve = npu->ats.tve[pe];
    if (GETFIELD(NPU2_TVE_PSIZE, tve)) {
        return npu2_xlate_tce(npu, pe, addr, dma->is_write, x);
    }
    if (tve & NPU2_TVE_DENY) {
        return NPU2_DMA_DENIED;
    }
    x->addr = addr;
    x->len = HWADDR_MAX - addr;
    return NPU2_DMA_OK;
}

static PnvNpu2DmaResult npu2_xlate(PnvNpu2 *npu, const PnvNpu2Dma *dma,
                                   hwaddr addr, PnvNpu2Xlate *x)
{
    if (!dma->translated) {
        return npu2_xlate_tve(npu, dma, npu2_link_addr_expand(addr), x);
    }
    x->addr = addr;
    x->len = HWADDR_MAX - addr;
    return NPU2_DMA_OK;
}

/*
 * DMA
 */
static const char *npu2_dma_result_name(PnvNpu2DmaResult result)
{
    static const char *const name[] = {
        [NPU2_DMA_OK] = "ok",
        [NPU2_DMA_LINK_DOWN] = "link down",
        [NPU2_DMA_NO_PE] = "no PE",
        [NPU2_DMA_DENIED] = "denied",
        [NPU2_DMA_TCE_FAULT] = "TCE fault",
        [NPU2_DMA_ATS_REFUSED] = "ATS refused",
        [NPU2_DMA_BUS_ERROR] = "bus error",
        [NPU2_DMA_FROZEN] = "frozen",
    };

    return name[result];
}

static PnvNpu2DmaResult npu2_dma_run(PnvNpu2 *npu, const PnvNpu2Dma *dma)
{
    int pe = npu2_dma_pe(npu, dma->brick, dma->bdf);
    hwaddr done = 0;

    if (!pnv_npu2_link_up(npu, dma->brick)) {
        return NPU2_DMA_LINK_DOWN;
    }
    if (pe >= 0 && npu2_pe_frozen(npu, pe)) {
        return NPU2_DMA_FROZEN;
    }
    while (done < dma->len) {
        hwaddr addr = dma->addr + done;
        PnvNpu2Xlate x;
        PnvNpu2DmaResult result;
        hwaddr len;

        result = npu2_xlate(npu, dma, addr, &x);
        if (result != NPU2_DMA_OK) {
            return result;
        }
        len = MIN(x.len, dma->len - done);
        if (address_space_rw(&address_space_memory, x.addr,
                             MEMTXATTRS_UNSPECIFIED, dma->buf + done, len,
                             dma->is_write) != MEMTX_OK) {
            return NPU2_DMA_BUS_ERROR;
        }
        done += len;
    }
    return NPU2_DMA_OK;
}

static void npu2_dma_count(PnvNpu2 *npu, const PnvNpu2Dma *dma,
                           PnvNpu2DmaResult result)
{
    PnvNpu2Brick *brick = &npu->brick[dma->brick];

    switch (result) {
    case NPU2_DMA_OK:
        *(dma->translated ? &brick->ats_bytes : &brick->dma_bytes) += dma->len;
        break;
    case NPU2_DMA_NO_PE:
    case NPU2_DMA_DENIED:
        npu->ats.dma_denied++;
        break;
    case NPU2_DMA_FROZEN:
        npu->ats.dma_frozen++;
        break;
    default:
        npu->ats.dma_faults++;
    }
}

/* What the PE is to blame for */
static bool npu2_dma_freezes(PnvNpu2DmaResult result)
{
    return result == NPU2_DMA_DENIED || result == NPU2_DMA_TCE_FAULT;
}

PnvNpu2DmaResult pnv_npu2_dma(PnvNpu2 *npu, const PnvNpu2Dma *dma)
{
    PnvNpu2DmaResult result = npu2_dma_run(npu, dma);

    npu2_dma_count(npu, dma, result);
    if (npu->freeze_on_refusal && npu2_dma_freezes(result)) {
        npu2_pe_freeze(npu, npu2_dma_pe(npu, dma->brick, dma->bdf));
    }
    trace_pnv_npu2_dma(npu->chip->chip_id, dma->brick, dma->bdf,
                       dma->translated ? "ATS" : "TVE",
                       dma->is_write ? "write" : "read", dma->addr, dma->len,
                       npu2_dma_result_name(result));
    return result;
}
