/*
 * QEMU PowerNV NPU2: what the parts of the model share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PCI_HOST_PNV_NPU2_INTERNAL_H
#define PCI_HOST_PNV_NPU2_INTERNAL_H

#include "hw/pci-host/pnv_npu2.h"

#define NPU2_BRICK_STACK(brick) ((brick) / 2)

/* SCOM registers have 64 bits */
#define NPU2_XSCOM_OPS(on_read, on_write) { \
    .read = on_read, \
    .write = on_write, \
    .valid.min_access_size = 8, \
    .valid.max_access_size = 8, \
    .impl.min_access_size = 8, \
    .impl.max_access_size = 8, \
    .endianness = DEVICE_BIG_ENDIAN, \
}

/* What processors load and store, in any size */
#define NPU2_MMIO_OPS(on_read, on_write) { \
    .read_with_attrs = on_read, \
    .write_with_attrs = on_write, \
    .valid.min_access_size = 1, \
    .valid.max_access_size = 8, \
    .valid.unaligned = true, \
    .impl.min_access_size = 1, \
    .impl.max_access_size = 8, \
    .impl.unaligned = true, \
    .endianness = DEVICE_BIG_ENDIAN, \
}

/* The registers of a block that are modelled: pairs of first and last offset */
typedef struct PnvNpu2RegSet {
    const char *name;
    uint16_t range[8][2];
} PnvNpu2RegSet;

static inline unsigned npu2_nr_gpus(const PnvNpu2 *npu)
{
    return NPU2_NR_BRICKS / npu->links_per_gpu;
}

static inline unsigned npu2_brick_group(const PnvNpu2 *npu, unsigned brick)
{
    return brick / npu->links_per_gpu;
}

/* The ring, pnv_npu2_ring.c */
uint64_t npu2_regfile_read(const PnvNpu2RegFile *file,
                           const PnvNpu2RegSet *set, uint32_t off);
void npu2_regfile_write(PnvNpu2RegFile *file, const PnvNpu2RegSet *set,
                        uint32_t off, uint64_t val);
void npu2_unimp(const char *block, uint32_t off, bool is_write, uint64_t val);
void npu2_ring_realize(PnvNpu2 *npu);
void npu2_ring_reset(PnvNpu2 *npu);
extern const MemoryRegionOps npu2_ring_mmio_ops;
MemTxResult npu2_mmio_read(PnvNpu2 *npu, hwaddr addr, uint64_t *data,
                           unsigned size);
MemTxResult npu2_mmio_write(PnvNpu2 *npu, hwaddr addr, uint64_t data,
                            unsigned size);
uint64_t npu2_ring_read(PnvNpu2 *npu, uint32_t addr, unsigned size);
void npu2_ring_write(PnvNpu2 *npu, uint32_t addr, uint64_t val,
                     unsigned size);

/* Fault isolation registers, pnv_npu2.c */
void npu2_fir_raise(PnvNpu2 *npu, unsigned n, uint64_t bits);
void npu2_fir_changed(PnvNpu2 *npu, unsigned n);

/* The BARs and the SM blocks that hold them, pnv_npu2_bar.c */
uint64_t npu2_sm_read(PnvNpu2 *npu, unsigned unit, uint32_t off);
void npu2_sm_write(PnvNpu2 *npu, unsigned unit, uint32_t off, uint64_t val);
void npu2_bar_realize(PnvNpu2 *npu);
void npu2_bar_reset(PnvNpu2 *npu);

/* GPU RAM, pnv_npu2_ram.c */
static inline hwaddr npu2_mem_bar_base(uint64_t bar)
{
    return GETFIELD(NPU2_GPU_MEM_BAR_ADDR, bar) << 30;
}

void npu2_ram_realize(PnvNpu2 *npu);
void npu2_ram_attach(PnvNpu2 *npu, unsigned group);
void npu2_ram_detach(PnvNpu2 *npu, unsigned group);
void npu2_ram_update(PnvNpu2 *npu, unsigned group);
void npu2_ram_reset(PnvNpu2 *npu);

/* The links, pnv_npu2_link.c */
uint64_t npu2_ntl_read(PnvNpu2 *npu, unsigned brick, uint32_t off);
void npu2_ntl_write(PnvNpu2 *npu, unsigned brick, uint32_t off, uint64_t val);
uint64_t npu2_ntlu_read(PnvNpu2 *npu, unsigned brick, uint32_t off);
void npu2_ntlu_write(PnvNpu2 *npu, unsigned brick, uint32_t off, uint64_t val);
uint32_t npu2_dl_read(PnvNpu2 *npu, unsigned brick, uint32_t off);
void npu2_dl_write(PnvNpu2 *npu, unsigned brick, uint32_t off, uint32_t val);
bool npu2_link_fenced(const PnvNpu2 *npu, unsigned brick);
void npu2_link_update(PnvNpu2 *npu, unsigned brick);
void npu2_link_lanes_changed(PnvNpu2 *npu, unsigned brick, bool running);
void npu2_link_fault_fence(PnvNpu2 *npu, uint32_t bricks);
void npu2_link_reset(PnvNpu2 *npu);

/* The OBUS PHYs, pnv_npu2_phy.c */
extern const uint32_t npu2_lane_mask[NPU2_NR_BRICKS];
void npu2_phy_realize(PnvNpu2 *npu);
void npu2_phy_reset(PnvNpu2 *npu);
bool npu2_phy_iovalid(const PnvNpu2 *npu, unsigned brick);
static inline unsigned npu2_brick_obus(unsigned brick)
{
    return brick / (NPU2_NR_BRICKS / NPU2_NR_OBUS);
}

/* A piece of address space after translation */
typedef struct PnvNpu2Xlate {
    hwaddr addr;        /* real address */
    hwaddr len;         /* valid from there on */
} PnvNpu2Xlate;

/* IODA tables, TCEs and DMA, pnv_npu2_ioda.c */
bool npu2_pe_frozen(const PnvNpu2 *npu, unsigned pe);
void npu2_pe_freeze_changed(PnvNpu2 *npu, unsigned pe);
uint64_t npu2_ats_read(PnvNpu2 *npu, unsigned unit, uint32_t off);
void npu2_ats_write(PnvNpu2 *npu, unsigned unit, uint32_t off, uint64_t val);
void npu2_ats_reset(PnvNpu2 *npu);

/* ATS contexts and shootdowns, pnv_npu2_xts.c */
uint64_t npu2_xts_read(PnvNpu2 *npu, unsigned unit, uint32_t off);
void npu2_xts_write(PnvNpu2 *npu, unsigned unit, uint32_t off, uint64_t val);
uint64_t npu2_atsd_read(PnvNpu2 *npu, unsigned unit, uint32_t off);
void npu2_atsd_write(PnvNpu2 *npu, unsigned unit, uint32_t off, uint64_t val);
void npu2_atsd_fault_stuck(PnvNpu2 *npu, bool stuck);
void npu2_xts_realize(PnvNpu2 *npu);
void npu2_xts_unrealize(PnvNpu2 *npu);
void npu2_xts_reset(PnvNpu2 *npu);
/* the context of a request, or NULL; @row gets its row of the BDF map */
const PnvNpu2PidRow *npu2_xts_lookup(PnvNpu2 *npu, unsigned brick,
                                     uint16_t bdf, uint32_t pasid,
                                     uint64_t *row);

/* Translation by the nest MMU, pnv_npu2_nmmu.c */

void npu2_nmmu_realize(PnvNpu2 *npu);
void npu2_nmmu_reset(PnvNpu2 *npu);
void npu2_nmmu_dt(void *fdt, int parent);

/* The caches that the NPU's links are behind, pnv_npu2.c */
void npu2_fault_purge(PnvNpu2 *npu, bool stuck);

/* Device tree, pnv_npu2_dt.c */
typedef struct PnvXScomInterface PnvXScomInterface;
int npu2_dt_xscom(PnvXScomInterface *dev, void *fdt, int xscom_offset);

/* Properties for looking in from outside, pnv_npu2_qom.c */
void npu2_qom_init(ObjectClass *oc);

#endif /* PCI_HOST_PNV_NPU2_INTERNAL_H */
