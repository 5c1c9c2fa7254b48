/*
 * QEMU PowerNV: a GPU with NVLink2, what its units share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_PNV_V100_INTERNAL_H
#define HW_MISC_PNV_V100_INTERNAL_H

#include "qemu/log.h"
#include "hw/misc/pnv_v100.h"

/* What the privileged ring answers when the unit asked is not there */
#define V100_PRI_ERROR          0xbadf1100
/* and while it is held in reset */
#define V100_PRI_IN_RESET       0xbadf1201

/*
 * A part of BAR 0.  Registers are named by their place in BAR 0, as manuals
 * have them.
 */
typedef struct PnvV100Unit {
    uint32_t base;
    uint32_t size;
    uint32_t (*read)(PnvV100 *s, uint32_t addr);
    void (*write)(PnvV100 *s, uint32_t addr, uint32_t val);
} PnvV100Unit;

/* The GPU as a whole, pnv_v100.c */
const char *v100_name(const PnvV100 *s);
/* does it answer at all, on whatever way? */
bool v100_awake(const PnvV100 *s);
/* logs with the name of the GPU */
#define v100_log(s, mask, fmt, ...) \
    qemu_log_mask(mask, "pnv-v100 %s: " fmt "\n", v100_name(s), \
                  ## __VA_ARGS__)
uint32_t v100_unimp_read(const PnvV100 *s, uint32_t addr);
void v100_unimp_write(const PnvV100 *s, uint32_t addr);

/* Master control, pnv_v100_pmc.c */
#define V100_PMC_ENABLE_NVLINK  25      /* a bit of NV_PMC_ENABLE */
extern const PnvV100Unit v100_pmc_unit;
extern const PnvV100Unit v100_xve_unit;
/* trees of interrupts that units may choose between */
#define V100_INTR_STALLING      0
#define V100_INTR_NONSTALLING   1
/* to be called when what an interrupt depends on may have changed */
void v100_intr_update(PnvV100 *s);
void v100_pmc_reset(PnvV100 *s);

/* Memory, pnv_v100_fb.c; targets as a falcon encodes them */
typedef enum PnvV100Target {
    V100_VIDMEM = 0,
    V100_SYSMEM_COHERENT = 1,
    V100_SYSMEM_NONCOHERENT = 2,
} PnvV100Target;

typedef struct PnvV100Access {
    PnvV100Target target;
    hwaddr addr;
    void *buf;
    hwaddr len;
    bool is_write;
} PnvV100Access;

typedef enum PnvV100Answer {
    V100_ANSWER_OK,
    V100_ANSWER_ERROR,          /* what was to be read is ones */
    V100_ANSWER_NONE,           /* and none will come */
} PnvV100Answer;

typedef enum PnvV100PeerResult {
    V100_PEER_OK,
    V100_PEER_DOWN,
    V100_PEER_NO_RAM,
} PnvV100PeerResult;

/* DMA of the GPU by the PHB: is it allowed? */
bool v100_dma_pcie(PnvV100 *s, hwaddr addr, void *buf, hwaddr len,
                   bool is_write);
/* and by a CPU link; the brick and the BDF are set here */
PnvNpu2DmaResult v100_dma_nvlink(PnvV100 *s, unsigned link, PnvNpu2Dma *dma);

extern const PnvV100Unit v100_pbus_unit;
extern const PnvV100Unit v100_pramin_unit;
extern const PnvV100Unit v100_pfb_unit;
extern const PnvV100Unit v100_hshub_unit;
PnvV100Answer v100_access(PnvV100 *s, const PnvV100Access *a);
uint64_t v100_ram_usable(const PnvV100 *s);
/* is there a value of the register that tells it? */
bool v100_ram_size_fits(const PnvV100 *s);
void v100_fb_init(Object *obj);
void v100_fb_reset(PnvV100 *s);

/* The links, pnv_v100_nvlink.c */
extern const PnvV100Unit v100_ptop_unit;
extern const PnvV100Unit v100_pri_unit;
extern const PnvV100Unit v100_nvlink_unit;
bool v100_link_ready(PnvNvlinkEndpoint *ep, unsigned link);
unsigned v100_brick(const PnvV100 *s, unsigned link);
/* a mask of CPU links */
uint32_t v100_links_up(const PnvV100 *s);
/* this end of a GPU link answers, and is not cut */
bool v100_link_open(const PnvV100 *s, unsigned gpu_link);
/* the first CPU link of a mask of GPU links, or -1 if not all of them are up */
int v100_common_link(const PnvV100 *s, uint32_t gpu_links);
void v100_nvlink_reset(PnvV100 *s);

/* The links to other GPUs, pnv_v100_peer.c */
bool v100_peer_up(const PnvV100 *s, unsigned gpu_link);
/* a mask of GPU links */
uint32_t v100_peers_up(const PnvV100 *s);
/* the RAM of the GPU at the other end, if the link is up */
PnvV100PeerResult v100_peer_rw(PnvV100 *s, unsigned gpu_link,
                               const PnvV100Access *a);
void v100_peer_init(Object *obj);
void v100_peer_leave(PnvV100 *s);

/* The GSP falcon, pnv_v100_falcon.c */
extern const PnvV100Unit v100_falcon_unit;
void v100_falcon_init(Object *obj);
void v100_falcon_realize(PnvV100 *s);
void v100_falcon_unrealize(PnvV100 *s);
void v100_falcon_reset(PnvV100 *s);
/* does it raise its interrupt in this tree? */
bool v100_falcon_raises(const PnvV100 *s, unsigned tree);

/* The model's own copy engine, pnv_v100_engine.c */
extern const PnvV100Unit v100_engine_unit;
void v100_shootdown(PnvNvlinkEndpoint *ep, const PnvNvlinkShootdown *what);
void v100_engine_realize(PnvV100 *s);
void v100_engine_unrealize(PnvV100 *s);
void v100_engine_reset(PnvV100 *s);
void v100_engine_init(Object *obj);

#endif /* HW_MISC_PNV_V100_INTERNAL_H */
