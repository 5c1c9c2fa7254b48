/*
 * QEMU PowerNV NPU2: address translation by the nest MMU
 *
 * A request that carries a PASID is translated in the context that the XTS
 * tables give it, by the nest MMU.  That walks the radix trees of POWER9: the
 * partition table that the operating system registered names the tree of the
 * LPAR, and the process tables and trees of the LPAR's processes, of which
 * every guest address is again translated by the tree of the LPAR.  A context
 * with MSR_HV is one of the hypervisor, which has partition 0 and no such tree.
 *
 * The nest MMU of POWER9 does not set reference and change bits: it refuses
 * when one is missing, and the GPU asks software.  Hash trees are refused.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "exec/address-spaces.h"
#include "hw/ppc/fdt.h"
#include "hw/ppc/pnv.h"
#include "hw/ppc/pnv_chip.h"
#include "hw/ppc/pnv_xscom.h"
#include "pnv_npu2_internal.h"
#include "trace.h"
#include <libfdt.h>

#define NMMU_XSCOM_BASE         0x05012c40
#define NMMU_XSCOM_SIZE         0x20
#define NMMU_PTCR               0xb
#define   NMMU_PTCR_ADDR        PPC_BITMASK(4, 51)

/* Entries of the partition and process tables */
#define NMMU_ENTRY_SIZE         16
#define NMMU_ENTRY_RADIX        PPC_BIT(0)      /* partition table only */
#define NMMU_ENTRY_RTS_HIGH     PPC_BITMASK(1, 2)
#define NMMU_ENTRY_RTS_LOW      PPC_BITMASK(56, 58)
#define NMMU_ENTRY_ROOT         PPC_BITMASK(4, 55)
#define NMMU_ENTRY_ROOT_SIZE    PPC_BITMASK(59, 63)
#define NMMU_PROC_TABLE         PPC_BITMASK(4, 51)
#define NMMU_RTS_BIAS           31

/* Entries of the trees */
#define NMMU_PTE_VALID          PPC_BIT(0)
#define NMMU_PTE_LEAF           PPC_BIT(1)
#define NMMU_PTE_RPN            PPC_BITMASK(7, 51)
#define NMMU_PTE_R              PPC_BIT(55)
#define NMMU_PTE_C              PPC_BIT(56)
#define NMMU_PTE_PRIVILEGED     PPC_BIT(60)
#define NMMU_PTE_READ           PPC_BIT(61)
#define NMMU_PTE_WRITE          PPC_BIT(62)
#define NMMU_PDE_NEXT           PPC_BITMASK(4, 55)
#define NMMU_PDE_NEXT_SIZE      PPC_BITMASK(59, 63)

#define NMMU_MAX_LEVELS         6
#define NMMU_KERNEL_QUADRANT    3

/* What a translation is for; a hypervisor's is not nested in an LPAR */
typedef struct Nmmu {
    PnvNpu2 *npu;
    uint32_t lpid;
    bool hv;
    bool is_write;
    bool privileged;
} Nmmu;

/* Where a tree's tables are: in real memory or in the LPAR's own space */
typedef enum NmmuSpace {
    NMMU_REAL,
    NMMU_LPAR,
} NmmuSpace;

static bool nmmu_lpar(Nmmu *m, hwaddr addr, bool is_write, PnvNpu2Xlate *x);

static bool nmmu_load(Nmmu *m, NmmuSpace space, hwaddr addr, uint64_t *val)
{
    PnvNpu2Xlate x = { .addr = addr };
    MemTxResult rc;

    if (space == NMMU_LPAR && !nmmu_lpar(m, addr, false, &x)) {
        return false;
    }
    *val = address_space_ldq_be(&address_space_memory, x.addr,
                                MEMTXATTRS_UNSPECIFIED, &rc);
    return rc == MEMTX_OK;
}

static bool nmmu_pte_allows(uint64_t pte, bool is_write, bool privileged)
{
    if ((pte & NMMU_PTE_PRIVILEGED) && !privileged) {
        return false;
    }
    if (!(pte & NMMU_PTE_R) || (is_write && !(pte & NMMU_PTE_C))) {
        return false;
    }
    return pte & (is_write ? NMMU_PTE_WRITE : NMMU_PTE_READ | NMMU_PTE_WRITE);
}

/* Walk the tree that the table entry @root describes */
static bool nmmu_walk(Nmmu *m, NmmuSpace space, uint64_t root, hwaddr addr,
                      bool is_write, bool privileged, PnvNpu2Xlate *x)
{
    unsigned bits = NMMU_RTS_BIAS + (GETFIELD(NMMU_ENTRY_RTS_HIGH, root) << 3 |
                                     GETFIELD(NMMU_ENTRY_RTS_LOW, root));
    hwaddr table = root & NMMU_ENTRY_ROOT;
    unsigned size = GETFIELD(NMMU_ENTRY_ROOT_SIZE, root);
    int level;

    if (bits < 64 && addr >> bits) {
        return false;
    }
    for (level = 0; level < NMMU_MAX_LEVELS; level++) {
        uint64_t entry;

        if (size == 0 || size > bits) {
            return false;
        }
        bits -= size;
        if (!nmmu_load(m, space, table +
                       (addr >> bits & ((1ull << size) - 1)) * 8, &entry) ||
            !(entry & NMMU_PTE_VALID)) {
            return false;
        }
        if (entry & NMMU_PTE_LEAF) {
            hwaddr offset = addr & ((1ull << bits) - 1);

            x->addr = (entry & NMMU_PTE_RPN & ~((1ull << bits) - 1)) | offset;
            x->len = (1ull << bits) - offset;
            return nmmu_pte_allows(entry, is_write, privileged);
        }
        table = entry & NMMU_PDE_NEXT;
        size = GETFIELD(NMMU_PDE_NEXT_SIZE, entry);
    }
    return false;
}

static bool nmmu_partition_entry(Nmmu *m, unsigned doubleword, uint64_t *val)
{
    return m->npu->nmmu_ptcr &&
           nmmu_load(m, NMMU_REAL, (m->npu->nmmu_ptcr & NMMU_PTCR_ADDR) +
                     m->lpid * NMMU_ENTRY_SIZE + doubleword * 8, val);
}

/* From an address of the LPAR to a real address */
static bool nmmu_lpar(Nmmu *m, hwaddr addr, bool is_write, PnvNpu2Xlate *x)
{
    uint64_t root;

    return nmmu_partition_entry(m, 0, &root) && (root & NMMU_ENTRY_RADIX) &&
           nmmu_walk(m, NMMU_REAL, root, addr, is_write, true, x);
}

/* From an address of a process to an address of the LPAR */
static bool nmmu_process(Nmmu *m, uint32_t pid, hwaddr addr, PnvNpu2Xlate *x)
{
    NmmuSpace space = m->hv ? NMMU_REAL : NMMU_LPAR;
    hwaddr effective = addr & PPC_BITMASK(2, 63);
    uint64_t table, root;

    if (addr >> 62 == NMMU_KERNEL_QUADRANT) {
        pid = 0;
    } else if (addr >> 62) {
        return false;
    }
    return nmmu_partition_entry(m, 1, &table) &&
           nmmu_load(m, space, (table & NMMU_PROC_TABLE) +
                     (hwaddr)pid * NMMU_ENTRY_SIZE, &root) &&
           nmmu_walk(m, space, root, effective, m->is_write, m->privileged, x);
}

static bool nmmu_translate(PnvNpu2 *npu, const PnvNpu2AtsRequest *req,
                           PnvNpu2Xlate *x)
{
    uint64_t bdf_row = 0;
    const PnvNpu2PidRow *ctx = npu2_xts_lookup(npu, req->brick, req->bdf,
                                               req->pasid, &bdf_row);
    Nmmu m = {
        .npu = npu,
        .lpid = GETFIELD(NPU2_BDF_MAP_LPARID, bdf_row),
        .is_write = req->is_write,
    };
    PnvNpu2Xlate guest = { .addr = req->addr, .len = HWADDR_MAX - req->addr };

    if (!ctx) {
        return false;
    }
    m.privileged = !(ctx->map & NPU2_PID_MAP_MSR_PR);
    m.hv = ctx->map & NPU2_PID_MAP_MSR_HV;
    if (m.hv) {
        /* a hypervisor's processes are those of partition 0, on any LPAR */
        m.lpid = 0;
    }
    if ((ctx->map & NPU2_PID_MAP_MSR_DR) &&
        !nmmu_process(&m, req->pasid, req->addr, &guest)) {
        return false;
    }
    *x = guest;
    if (!m.hv && !nmmu_lpar(&m, guest.addr, m.is_write, x)) {
        return false;
    }
    x->len = MIN(x->len, guest.len);
    return true;
}

PnvNpu2DmaResult pnv_npu2_translate(PnvNpu2 *npu, PnvNpu2AtsRequest *req)
{
    PnvNpu2Xlate x = { };
    bool ok;

    if (!pnv_npu2_link_up(npu, req->brick)) {
        return NPU2_DMA_LINK_DOWN;
    }
    ok = nmmu_translate(npu, req, &x);
    trace_pnv_npu2_ats(npu->chip->chip_id, req->brick, req->bdf, req->pasid,
                       req->is_write ? "write" : "read", req->addr, x.addr,
                       ok ? "ok" : "refused");
    if (!ok) {
        npu->ats.dma_denied++;
        return NPU2_DMA_ATS_REFUSED;
    }
    req->real = x.addr;
    req->len = x.len;
    return NPU2_DMA_OK;
}

/*
 * The one register that software uses
 */
static uint64_t nmmu_xscom_read(void *opaque, hwaddr addr, unsigned width)
{
    PnvNpu2 *npu = opaque;

    if (addr >> 3 == NMMU_PTCR) {
        return npu->nmmu_ptcr;
    }
    npu2_unimp("NMMU", addr >> 3, false, 0);
    return 0;
}

static void nmmu_xscom_write(void *opaque, hwaddr addr, uint64_t val,
                             unsigned width)
{
    PnvNpu2 *npu = opaque;

    if (addr >> 3 == NMMU_PTCR) {
        npu->nmmu_ptcr = val;
        trace_pnv_npu2_ptcr(npu->chip->chip_id, val);
        return;
    }
    npu2_unimp("NMMU", addr >> 3, true, val);
}

static const MemoryRegionOps nmmu_xscom_ops =
    NPU2_XSCOM_OPS(nmmu_xscom_read, nmmu_xscom_write);

void npu2_nmmu_realize(PnvNpu2 *npu)
{
    pnv_xscom_region_init(&npu->nmmu_xscom, OBJECT(npu), &nmmu_xscom_ops, npu,
                          "xscom-nmmu", NMMU_XSCOM_SIZE);
    pnv_xscom_add_subregion(npu->chip, NMMU_XSCOM_BASE, &npu->nmmu_xscom);
}

void npu2_nmmu_reset(PnvNpu2 *npu)
{
    npu->nmmu_ptcr = 0;
}

void npu2_nmmu_dt(void *fdt, int parent)
{
    uint32_t reg[] = { cpu_to_be32(NMMU_XSCOM_BASE),
                       cpu_to_be32(NMMU_XSCOM_SIZE) };
    int node = fdt_add_subnode(fdt, parent, "nmmu@5012c40");

    _FDT(node);
    _FDT(fdt_setprop(fdt, node, "reg", reg, sizeof(reg)));
    _FDT(fdt_setprop_string(fdt, node, "compatible", "ibm,power9-nest-mmu"));
}
