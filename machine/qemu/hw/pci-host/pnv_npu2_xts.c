/*
 * QEMU PowerNV NPU2: contexts for ATS, and translation shootdowns
 *
 * The BDF map says which LPAR a GPU belongs to and gives that pair a short
 * name, LPARSHORT.  The PID map says which contexts of that short name may
 * translate (ATR) and are shot down (ATSD); with UNFILT in the BDF row, its
 * wildcard row, the one of the index LPARSHORT, stands for every PASID.
 *
 * The NPU runs in MMIO shootdown mode: software invalidates what the GPU has
 * cached by writing LAUNCH in one of eight register sets.  Which LPAR that is
 * about is not up to whoever writes LAUNCH but to ATSDn_LPARID, which also says
 * whether it is about contexts of a hypervisor.
 *
 * When the shootdown completes, the GPUs that it goes to have dropped what they
 * remember.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/units.h"
#include "hw/ppc/pnv.h"
#include "hw/ppc/pnv_chip.h"
#include "pnv_npu2_internal.h"
#include "trace.h"

static const PnvNpu2RegSet npu2_xts_regs = {
    .name = "XTS", .range = { { 0x000, 0x060 } },
};

/*
 * Contexts
 */
static unsigned npu2_bdf_row_brick(uint64_t row)
{
    unsigned stack = GETFIELD(NPU2_BDF_MAP_STACK, row);

    /* one hot, most significant bit first */
    return (stack & 4 ? 0 : stack & 2 ? 2 : 4) + !!(row & NPU2_BDF_MAP_BRICK);
}

static const PnvNpu2PidRow *npu2_pid_row(const PnvNpu2 *npu, uint64_t bdf_row,
                                         uint32_t pasid, uint64_t valid)
{
    unsigned lparshort = GETFIELD(NPU2_BDF_MAP_LPARSHORT, bdf_row);
    int i;

    if (bdf_row & NPU2_BDF_MAP_UNFILT) {
        const PnvNpu2PidRow *wildcard = &npu->xts.pid_map[lparshort];

        return wildcard->map & valid ? wildcard : NULL;
    }
    for (i = 0; i < NPU2_NR_PID_ROWS; i++) {
        const PnvNpu2PidRow *row = &npu->xts.pid_map[i];

        if ((row->map & valid) &&
            GETFIELD(NPU2_PID_MAP_LPARSHORT, row->map) == lparshort &&
            GETFIELD(NPU2_PID_MAP_PASID, row->map) == pasid) {
            return row;
        }
    }
    return NULL;
}

const PnvNpu2PidRow *npu2_xts_lookup(PnvNpu2 *npu, unsigned brick,
                                     uint16_t bdf, uint32_t pasid,
                                     uint64_t *bdf_row)
{
    int i;

    for (i = 0; i < NPU2_NR_BDF_ROWS; i++) {
        uint64_t row = npu->xts.bdf_map[i];

        if ((row & NPU2_BDF_MAP_VALID) &&
            GETFIELD(NPU2_BDF_MAP_BDF, row) == bdf &&
            npu2_brick_group(npu, npu2_bdf_row_brick(row)) ==
            npu2_brick_group(npu, brick)) {
            *bdf_row = row;
            return npu2_pid_row(npu, row, pasid, NPU2_PID_MAP_VALID_ATR);
        }
    }
    return NULL;
}

/*
 * Shootdowns
 */
static bool npu2_atsd_pid_matters(uint64_t launch)
{
    unsigned is = GETFIELD(NPU2_ATSD_IS, launch);

    return (launch & NPU2_ATSD_PRS) &&
           (is == NPU2_ATSD_IS_PAGE || is == NPU2_ATSD_IS_PID);
}

/*
 * Is a shootdown by the register set with that ATSDn_LPARID about this context?
 * A set that belongs to nobody has LPAR 0 without HV: not the hypervisor's.
 */
static bool npu2_atsd_same_state(uint64_t lparid, const PnvNpu2PidRow *row)
{
    return !(lparid & NPU2_ATSD_LPARID_MSR_HV) ==
           !(row->map & NPU2_PID_MAP_MSR_HV);
}

static bool npu2_atsd_hits_any_pid(const PnvNpu2 *npu, uint64_t lparid,
                                   uint64_t bdf_row)
{
    int i;

    for (i = 0; i < NPU2_NR_PID_ROWS; i++) {
        const PnvNpu2PidRow *row = &npu->xts.pid_map[i];

        if ((row->map & NPU2_PID_MAP_VALID_ATSD) &&
            GETFIELD(NPU2_PID_MAP_LPARSHORT, row->map) ==
            GETFIELD(NPU2_BDF_MAP_LPARSHORT, bdf_row) &&
            npu2_atsd_same_state(lparid, row)) {
            return true;
        }
    }
    return false;
}

/* Would the shootdown reach the GPU of this row of the BDF map? */
static bool npu2_atsd_hits_row(PnvNpu2Atsd *atsd, uint64_t bdf_row)
{
    PnvNpu2 *npu = atsd->npu;
    uint64_t lparid = npu->xts.atsd_lparid[atsd->index];
    uint32_t pid = GETFIELD(NPU2_ATSD_PID, atsd->launch);
    const PnvNpu2PidRow *row;

    if (GETFIELD(NPU2_BDF_MAP_LPARID, bdf_row) !=
        GETFIELD(NPU2_ATSD_LPARID_LPARID, lparid)) {
        return false;
    }
    if (!npu2_atsd_pid_matters(atsd->launch) &&
        !(bdf_row & NPU2_BDF_MAP_UNFILT)) {
        return npu2_atsd_hits_any_pid(npu, lparid, bdf_row);
    }
    row = npu2_pid_row(npu, bdf_row, pid, NPU2_PID_MAP_VALID_ATSD);
    return row && npu2_atsd_same_state(lparid, row);
}

static void npu2_atsd_consult(PnvNpu2Atsd *atsd)
{
    PnvNpu2 *npu = atsd->npu;
    bool any = false;
    int i;

    atsd->targets = 0;
    for (i = 0; i < NPU2_NR_BDF_ROWS; i++) {
        uint64_t row = npu->xts.bdf_map[i];
        unsigned gpu;
        bool hit;

        if (!(row & NPU2_BDF_MAP_VALID)) {
            continue;
        }
        gpu = npu->first_gpu + npu2_brick_group(npu, npu2_bdf_row_brick(row));
        hit = npu2_atsd_hits_row(atsd, row);
        if (hit) {
            any = true;
            atsd->targets |= BIT(npu2_brick_group(npu,
                                                  npu2_bdf_row_brick(row)));
        }
        trace_pnv_npu2_atsd_row(npu->chip->chip_id, atsd->index,
                                hit ? "hit" : "missed", gpu, i,
                                GETFIELD(NPU2_BDF_MAP_LPARID, row));
    }
    if (any) {
        atsd->hits++;
    } else {
        atsd->misses++;
    }
}

static void npu2_atsd_schedule(PnvNpu2Atsd *atsd)
{
    if (!atsd->npu->faults.atsd_stuck) {
        timer_mod(atsd->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                  atsd->npu->atsd_delay_ns);
    }
}

static void npu2_atsd_launch(PnvNpu2Atsd *atsd, uint64_t val)
{
    PnvNpu2 *npu = atsd->npu;

    if (atsd->status & NPU2_ATSD_STATUS_BUSY) {
        atsd->overruns++;
        qemu_log_mask(LOG_GUEST_ERROR, "npu2: chip %d ATSD%u launched while "
                      "busy\n", npu->chip->chip_id, atsd->index);
        return;
    }
    atsd->launch = val;
    atsd->launches++;
    atsd->polled = false;
    trace_pnv_npu2_atsd_launch(npu->chip->chip_id, atsd->index, val,
                               atsd->ava, npu->xts.atsd_lparid[atsd->index]);
    npu2_atsd_consult(atsd);

    atsd->status = NPU2_ATSD_STATUS_BUSY;
    npu2_atsd_schedule(atsd);
}

/* A fault to inject; the ones that hang complete when it is taken back */
void npu2_atsd_fault_stuck(PnvNpu2 *npu, bool stuck)
{
    int i;

    npu->faults.atsd_stuck = stuck;
    for (i = 0; i < NPU2_NR_ATSDS; i++) {
        PnvNpu2Atsd *atsd = &npu->atsd[i];

        if ((atsd->status & NPU2_ATSD_STATUS_BUSY) &&
            !timer_pending(atsd->timer)) {
            npu2_atsd_schedule(atsd);
        }
    }
}

/* The page sizes of radix translation, as the AP field encodes them */
static hwaddr npu2_atsd_page_size(uint64_t launch)
{
    switch (GETFIELD(NPU2_ATSD_AP, launch)) {
    case 1:
        return 2 * MiB;
    case 2:
        return 1 * GiB;
    case 5:
        return 64 * KiB;
    default:
        return 4 * KiB;
    }
}

/*
 * A GPU remembers by process and effective address.  A shootdown that names
 * an address of the LPAR instead can only mean everything.
 */
static PnvNvlinkShootdown npu2_atsd_what(const PnvNpu2Atsd *atsd)
{
    unsigned is = GETFIELD(NPU2_ATSD_IS, atsd->launch);
    hwaddr size = npu2_atsd_page_size(atsd->launch);

    return (PnvNvlinkShootdown) {
        .any_pasid = !npu2_atsd_pid_matters(atsd->launch),
        .pasid = GETFIELD(NPU2_ATSD_PID, atsd->launch),
        .any_addr = is != NPU2_ATSD_IS_PAGE ||
                    !(atsd->launch & NPU2_ATSD_PRS),
        .addr = atsd->ava & NPU2_ATSD_AVA_PAGE & ~(size - 1),
        .size = size,
    };
}

static void npu2_atsd_done(void *opaque)
{
    PnvNpu2Atsd *atsd = opaque;
    PnvNvlinkShootdown what = npu2_atsd_what(atsd);
    int i;

    for (i = 0; i < npu2_nr_gpus(atsd->npu); i++) {
        PnvNvlinkEndpoint *ep = atsd->npu->gpu[i];

        if (ep && (atsd->targets & BIT(i))) {
            PNV_NVLINK_ENDPOINT_GET_CLASS(ep)->shootdown(ep, &what);
        }
    }
    atsd->status = 0;
    trace_pnv_npu2_atsd_done(atsd->npu->chip->chip_id, atsd->index);
}

/*
 * The time that a shootdown takes may be over before the emulated CPU gets to
 * run again.  So that every polling loop goes round at least once, the first
 * read after a launch says busy in any case.
 */
static uint64_t npu2_atsd_status(PnvNpu2Atsd *atsd)
{
    if (!atsd->polled) {
        atsd->polled = true;
        return NPU2_ATSD_STATUS_BUSY;
    }
    return atsd->status;
}

uint64_t npu2_atsd_read(PnvNpu2 *npu, unsigned unit, uint32_t off)
{
    PnvNpu2Atsd *atsd = &npu->atsd[unit];

    switch (off) {
    case NPU2_ATSD_LAUNCH:
        return atsd->launch;
    case NPU2_ATSD_AVA:
        return atsd->ava;
    case NPU2_ATSD_STATUS:
        return npu2_atsd_status(atsd);
    default:
        npu2_unimp("ATSD", off, false, 0);
        return 0;
    }
}

void npu2_atsd_write(PnvNpu2 *npu, unsigned unit, uint32_t off, uint64_t val)
{
    PnvNpu2Atsd *atsd = &npu->atsd[unit];

    switch (off) {
    case NPU2_ATSD_LAUNCH:
        npu2_atsd_launch(atsd, val);
        break;
    case NPU2_ATSD_AVA:
        atsd->ava = val;
        break;
    default:
        npu2_unimp("ATSD", off, true, val);
    }
}

/*
 * Registers of the XTS block
 */
typedef struct PnvNpu2XtsTable {
    const char *name;
    uint32_t first;
    uint32_t size;
    uint32_t stride;
} PnvNpu2XtsTable;

static const PnvNpu2XtsTable npu2_xts_table[] = {
    { "ATSD_LPARID", NPU2_XTS_ATSD_LPARID, NPU2_NR_ATSDS * 8, 8 },
    { "BDF_MAP", NPU2_XTS_BDF_MAP,
      NPU2_NR_BDF_ROWS * NPU2_XTS_BDF_MAP_STRIDE, NPU2_XTS_BDF_MAP_STRIDE },
    { "PID_MAP", NPU2_XTS_PID_MAP,
      NPU2_NR_PID_ROWS * NPU2_XTS_PID_MAP_STRIDE, NPU2_XTS_PID_MAP_STRIDE },
};

static uint64_t *npu2_xts_pid_field(PnvNpu2PidRow *row, uint32_t field)
{
    switch (field) {
    case NPU2_XTS_PID_MAP_ROW:
        return &row->map;
    case NPU2_XTS_PID_MAP_SEIDR:
        return &row->seidr;
    case NPU2_XTS_PID_MAP_AMR:
        return &row->amr;
    default:
        return NULL;
    }
}

/* Storage of a table entry, or NULL if @off is not in a table */
static uint64_t *npu2_xts_entry(PnvNpu2 *npu, uint32_t off,
                                const PnvNpu2XtsTable **table, uint32_t *row)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(npu2_xts_table); i++) {
        const PnvNpu2XtsTable *t = &npu2_xts_table[i];

        if (off < t->first || off - t->first >= t->size) {
            continue;
        }
        *table = t;
        *row = (off - t->first) / t->stride;
        switch (t->first) {
        case NPU2_XTS_ATSD_LPARID:
            return &npu->xts.atsd_lparid[*row];
        case NPU2_XTS_BDF_MAP:
            return &npu->xts.bdf_map[*row];
        default:
            return npu2_xts_pid_field(&npu->xts.pid_map[*row],
                                      (off - t->first) % t->stride);
        }
    }
    return NULL;
}

uint64_t npu2_xts_read(PnvNpu2 *npu, unsigned unit, uint32_t off)
{
    const PnvNpu2XtsTable *table;
    uint32_t row;
    uint64_t *entry = npu2_xts_entry(npu, off, &table, &row);

    return entry ? *entry : npu2_regfile_read(&npu->xts.regs, &npu2_xts_regs,
                                              off);
}

void npu2_xts_write(PnvNpu2 *npu, unsigned unit, uint32_t off, uint64_t val)
{
    const PnvNpu2XtsTable *table;
    uint32_t row;
    uint64_t *entry = npu2_xts_entry(npu, off, &table, &row);

    if (!entry) {
        npu2_regfile_write(&npu->xts.regs, &npu2_xts_regs, off, val);
        return;
    }
    *entry = val;
    trace_pnv_npu2_xts(npu->chip->chip_id, table->name, row, val);
}

void npu2_xts_realize(PnvNpu2 *npu)
{
    int i;

    for (i = 0; i < NPU2_NR_ATSDS; i++) {
        npu->atsd[i].npu = npu;
        npu->atsd[i].index = i;
        npu->atsd[i].timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, npu2_atsd_done,
                                          &npu->atsd[i]);
    }
}

void npu2_xts_unrealize(PnvNpu2 *npu)
{
    int i;

    for (i = 0; i < NPU2_NR_ATSDS; i++) {
        timer_free(npu->atsd[i].timer);
    }
}

void npu2_xts_reset(PnvNpu2 *npu)
{
    int i;

    memset(&npu->xts, 0, sizeof(npu->xts));
    for (i = 0; i < NPU2_NR_ATSDS; i++) {
        timer_del(npu->atsd[i].timer);
        npu->atsd[i].launch = 0;
        npu->atsd[i].ava = 0;
        npu->atsd[i].status = 0;
        npu->atsd[i].polled = true;
    }
}
