/*
 * QEMU PowerNV: the POWER9 NPU2, a host bus adapter for NVLink2
 *
 * A model of what firmware, an operating system and a GPU can see of it: the
 * register ring, the BARs, six links with their PHYs, the address translation
 * tables for DMA, the context tables for ATS and the translation shootdown
 * registers.  See docs/specs/pnv-v100.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PCI_HOST_PNV_NPU2_H
#define PCI_HOST_PNV_NPU2_H

#include "exec/memory.h"
#include "hw/pci-host/pnv_npu2_regs.h"
#include "hw/qdev-core.h"
#include "qemu/timer.h"
#include "qom/object.h"
#include "target/ppc/cpu.h"

typedef struct PnvChip PnvChip;

#define TYPE_PNV_NPU2 "pnv-npu2"
OBJECT_DECLARE_SIMPLE_TYPE(PnvNpu2, PNV_NPU2)

#define NPU2_NR_BRICKS      6
#define NPU2_NR_STACKS      3
#define NPU2_NR_SMS         4
#define NPU2_NR_OBUS        2
#define NPU2_NR_OTHER_FIRS  3
#define NPU2_NR_FIRS        3
#define NPU2_MAX_GPUS       3
#define NPU2_NR_ATSDS       8
#define NPU2_NR_TVES        16
#define NPU2_NR_BDF_ROWS    16
#define NPU2_NR_PID_ROWS    256
#define NPU2_TCE_CACHE_SIZE 64

/*
 * The device at the far end of a group of links: what the NPU asks of it
 */
#define TYPE_PNV_NVLINK_ENDPOINT "pnv-nvlink-endpoint"
typedef struct PnvNvlinkEndpoint PnvNvlinkEndpoint;
typedef struct PnvNvlinkEndpointClass PnvNvlinkEndpointClass;
DECLARE_CLASS_CHECKERS(PnvNvlinkEndpointClass, PNV_NVLINK_ENDPOINT,
                       TYPE_PNV_NVLINK_ENDPOINT)
#define PNV_NVLINK_ENDPOINT(obj) \
    INTERFACE_CHECK(PnvNvlinkEndpoint, (obj), TYPE_PNV_NVLINK_ENDPOINT)

/* A shootdown that reached the device: what it must forget */
typedef struct PnvNvlinkShootdown {
    bool any_pasid;
    uint32_t pasid;
    bool any_addr;
    hwaddr addr;
    hwaddr size;
} PnvNvlinkShootdown;

struct PnvNvlinkEndpointClass {
    InterfaceClass parent_class;

    /* can the endpoint's side of CPU link @link be trained? */
    bool (*link_ready)(PnvNvlinkEndpoint *ep, unsigned link);
    /* the memory that the links give access to */
    MemoryRegion *(*ram)(PnvNvlinkEndpoint *ep);
    /* drop translations that the endpoint remembers */
    void (*shootdown)(PnvNvlinkEndpoint *ep, const PnvNvlinkShootdown *what);
};

/* Registers of a block that are storage, possibly with a side effect */
typedef struct PnvNpu2RegFile {
    uint64_t reg[0x510 / 8];
} PnvNpu2RegFile;

typedef struct PnvNpu2Stack {
    PnvNpu2RegFile sm[NPU2_NR_SMS];
    PnvNpu2RegFile ctl;
    PnvNpu2RegFile dat;

    MemoryRegion phy_mmio;      /* stacks 1 and 2 only */
    MemoryRegion genid_mmio;
} PnvNpu2Stack;

/* One link, CPU side */
typedef struct PnvNpu2Brick {
    PnvNpu2 *npu;
    unsigned index;

    PnvNpu2RegFile ntl;         /* fabric side */
    PnvNpu2RegFile ntlu;        /* link side */
    uint32_t dl_control;
    uint32_t dl_config;
    uint32_t dl_clk_ctrl;

    bool trained;               /* the PHY lanes run, the far end answers */
    bool dl_was_reset;          /* pulse on DL_CONTROL since the last fence */
    bool reset_done;            /* like firmware's DL_RESET link flag */
    bool up;                    /* last state told to the outside */

    uint64_t dma_bytes;         /* that passed, by way of a TVE */
    uint64_t ats_bytes;         /* that passed, translated by ATS */

    MemoryRegion ntl_mmio;
} PnvNpu2Brick;

typedef struct PnvNpu2Phy {
    PnvNpu2 *npu;
    unsigned obus;

    uint16_t reg[NPU2_PHY_NR_REGS][32];
    uint64_t ind_data;
    uint64_t iovalid;
    int64_t dccal_start[32];    /* by lane, in ns of the virtual clock */

    MemoryRegion ind_xscom;
    MemoryRegion iovalid_xscom;
} PnvNpu2Phy;

typedef struct PnvNpu2Fir {
    uint64_t value;
    uint64_t mask;
    uint64_t action0;
    uint64_t action1;
    uint64_t known;             /* bits that have had their effect */
    uint64_t alerted;           /* and those that have raised an HMI */
} PnvNpu2Fir;

typedef struct PnvNpu2Tce {
    bool valid;
    uint8_t pe;
    uint8_t shift;
    uint64_t page;
    uint64_t tce;
} PnvNpu2Tce;

/* IODA tables and TCE cache */
typedef struct PnvNpu2Ats {
    PnvNpu2RegFile regs;
    uint64_t tve[NPU2_NR_TVES];
    PnvNpu2Tce tce_cache[NPU2_TCE_CACHE_SIZE];

    uint64_t tve_writes;
    uint64_t kills_all;
    uint64_t kills_one;
    uint64_t dma_denied;
    uint64_t dma_faults;
    uint64_t dma_frozen;
} PnvNpu2Ats;

typedef struct PnvNpu2PidRow {
    uint64_t map;
    uint64_t seidr;
    uint64_t amr;
} PnvNpu2PidRow;

/* Contexts for ATS */
typedef struct PnvNpu2Xts {
    PnvNpu2RegFile regs;
    uint64_t atsd_lparid[NPU2_NR_ATSDS];
    uint64_t bdf_map[NPU2_NR_BDF_ROWS];
    PnvNpu2PidRow pid_map[NPU2_NR_PID_ROWS];
} PnvNpu2Xts;

/* One translation shootdown register set */
typedef struct PnvNpu2Atsd {
    PnvNpu2 *npu;
    unsigned index;
    uint64_t launch;
    uint64_t ava;
    uint64_t status;
    bool polled;                /* STATUS was read since the launch */
    uint32_t targets;           /* mask of groups of links it goes to */
    QEMUTimer *timer;

    uint64_t launches;
    uint64_t hits;
    uint64_t misses;
    uint64_t overruns;          /* launched while busy */
} PnvNpu2Atsd;

/* Where a GPU's RAM shows up in the CPU's address space */
typedef struct PnvNpu2Aperture {
    PnvNpu2 *npu;
    unsigned group;
    MemoryRegion mr;            /* refuses every access */
    MemoryRegion ram;           /* the RAM, while the links are up */
    uint64_t bar;               /* what the bricks agree on, or 0 */
    bool up;                    /* the RAM answers */
    uint64_t refused;
    uint64_t dropped;           /* stores */
} PnvNpu2Aperture;

/* What a store to GPU RAM behind a fence is to the CPU that made it */
typedef enum PnvNpu2FencedStore {
    NPU2_FENCED_STORE_MCE,      /* an error */
    NPU2_FENCED_STORE_DROP,     /* done, and without effect */
} PnvNpu2FencedStore;

/* Faults to inject; all can be set while the machine runs */
typedef struct PnvNpu2Faults {
    uint32_t train_fail;        /* bricks whose training never completes */
    uint32_t fence;             /* bricks that are kept fenced */
    bool zcal_error;            /* impedance calibration reports an error */
    bool atsd_stuck;            /* ATSDs never complete */
    bool purge;                 /* purges of the chip's caches never end */
} PnvNpu2Faults;

/* What the board tells firmware about the NPU; wrong data on demand */
typedef struct PnvNpu2Dt {
    bool no_link_speed;         /* leave nvidia,link-speed out */
    bool no_slot_label;         /* leave ibm,slot-label out */
    char *slot_label;           /* replaces every ibm,slot-label */
    uint32_t link_speed;        /* nvidia,link-speed */
} PnvNpu2Dt;

struct PnvNpu2 {
    DeviceState parent_obj;

    /* properties */
    PnvChip *chip;
    uint32_t index;             /* 0 on the first chip, 1 on the second */
    uint32_t links_per_gpu;     /* 2 or 3 */
    uint32_t first_gpu;         /* number of the first GPU slot */
    bool gpu_map_down;          /* GPU RAM below 4 TiB instead of above */
    uint32_t atsd_delay_ns;
    uint32_t dccal_delay_ns;
    bool tce_cache;
    bool freeze_on_refusal;     /* a DMA that is refused stops its PE */
    PnvNpu2FencedStore fenced_store;
    bool fir_fatal;             /* QEMU ends when a bit of a FIR is set */
    PnvNpu2Faults faults;
    PnvNpu2Dt dt;

    PnvNvlinkEndpoint *gpu[NPU2_MAX_GPUS];

    /* the ring */
    uint64_t ind_addr;
    MemoryRegion ring_xscom;
    MemoryRegion ring_mmio;
    PnvNpu2Stack stack[NPU2_NR_STACKS];
    PnvNpu2Brick brick[NPU2_NR_BRICKS];
    PnvNpu2RegFile misc;
    PnvNpu2Ats ats;
    PnvNpu2Xts xts;
    PnvNpu2Atsd atsd[NPU2_NR_ATSDS];

    /* around the ring */
    PnvNpu2Phy phy[NPU2_NR_OBUS];
    PnvNpu2Fir fir[NPU2_NR_FIRS];
    MemoryRegion fir_xscom;
    uint64_t alerts;
    MemoryRegion alert_xscom;
    MemoryRegion other_fir_xscom[NPU2_NR_OTHER_FIRS];
    MemoryRegion pb_cent_xscom;
    PnvNpu2Aperture aperture[NPU2_MAX_GPUS];
    PnvNpu2Aperture gpu_space;  /* where no aperture is mapped */

    /* the nest MMU is a unit of its own, but the NPU is its only user here */
    uint64_t nmmu_ptcr;
    MemoryRegion nmmu_xscom;
};

typedef enum PnvNpu2DmaResult {
    NPU2_DMA_OK,
    NPU2_DMA_LINK_DOWN,
    NPU2_DMA_NO_PE,
    NPU2_DMA_DENIED,
    NPU2_DMA_TCE_FAULT,
    NPU2_DMA_ATS_REFUSED,
    NPU2_DMA_BUS_ERROR,
    NPU2_DMA_FROZEN,
} PnvNpu2DmaResult;

typedef struct PnvNpu2Dma {
    unsigned brick;
    uint16_t bdf;               /* requester id of the GPU */
    bool translated;            /* @addr is what an ATS request returned */
    bool is_write;              /* towards system memory */
    hwaddr addr;
    void *buf;
    hwaddr len;
} PnvNpu2Dma;

/* An ATS request: from an address in the context of @pasid to a real one */
typedef struct PnvNpu2AtsRequest {
    unsigned brick;
    uint16_t bdf;
    uint32_t pasid;
    bool is_write;
    hwaddr addr;
    hwaddr real;                /* result */
    hwaddr len;                 /* result: as far as the translation goes */
} PnvNpu2AtsRequest;

/*
 * For the device at the far end
 */
void pnv_npu2_attach(PnvNpu2 *npu, unsigned group, PnvNvlinkEndpoint *ep);
void pnv_npu2_detach(PnvNpu2 *npu, unsigned group);
void pnv_npu2_endpoint_changed(PnvNpu2 *npu, unsigned group);
bool pnv_npu2_link_up(PnvNpu2 *npu, unsigned brick);
PnvNpu2DmaResult pnv_npu2_dma(PnvNpu2 *npu, const PnvNpu2Dma *dma);
PnvNpu2DmaResult pnv_npu2_translate(PnvNpu2 *npu, PnvNpu2AtsRequest *req);
uint64_t pnv_npu2_purges(const PnvNpu2 *npu);

/*
 * Phandle of the device-tree node of a GPU's slot, by GPU number.  The NPU's
 * nodes refer to it, the board creates it.  skiboot numbers nodes without a
 * phandle upwards from the highest one it has seen: leave it room.
 */
#define PNV_NPU2_SLOT_PHANDLE(gpu)  (0x10000 * ((gpu) + 1))

#endif /* PCI_HOST_PNV_NPU2_H */
