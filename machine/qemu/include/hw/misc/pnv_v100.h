/*
 * QEMU PowerNV: a GPU with NVLink2, as far as the host side needs one
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_PNV_V100_H
#define HW_MISC_PNV_V100_H

#include "exec/memory.h"
#include "hw/pci/pci_device.h"
#include "hw/pci-host/pnv_npu2.h"
#include "qemu/timer.h"
#include "qom/object.h"

#define TYPE_PNV_V100 "pnv-v100"
OBJECT_DECLARE_SIMPLE_TYPE(PnvV100, PNV_V100)

#define V100_NR_LINKS           6

/* The copy engine: what software programs, latched when a copy starts */
typedef struct PnvV100Copy {
    uint32_t control;
    uint64_t system_addr;
    uint64_t gpu_addr;
    uint32_t length;
    uint32_t link;
    uint32_t pasid;
} PnvV100Copy;

/*
 * Translations that ATS requests returned, by process and 4 KiB page.  They
 * are used until a shootdown or a reset drops them.
 */
#define V100_ATC_SIZE           1024

typedef struct PnvV100AtcEntry {
    bool valid;
    bool writable;
    uint32_t pasid;
    uint64_t page;
    hwaddr real;
} PnvV100AtcEntry;

typedef struct PnvV100Atc {
    PnvV100AtcEntry entry[V100_ATC_SIZE];
    uint64_t fills;
    uint64_t hits;
    uint64_t shootdowns;
    uint64_t dropped;
} PnvV100Atc;

/* Faults to inject; all can be set while the machine runs */
typedef struct PnvV100Faults {
    bool reset;                 /* does not come back from a reset */
    bool link_disable;          /* takes no word of which links to cut */
    bool link_cut;              /* takes it, and cuts none */
    bool ram_size;              /* 0x100ce0 reads as an error */
} PnvV100Faults;

typedef struct PnvV100Engine {
    PnvV100Copy next;           /* the registers */
    PnvV100Copy run;            /* the copy that runs or ran last */
    uint32_t status;
    uint32_t copied;
    QEMUTimer *timer;
    uint8_t *buf;

    uint64_t copies;
    uint64_t errors;
    uint64_t bytes_pcie;
    uint64_t bytes_nvlink;
} PnvV100Engine;

/* A link to another GPU: the other end */
typedef struct PnvV100PeerLink {
    PnvV100 *gpu;               /* NULL: leads to the CPU, or nowhere */
    unsigned link;              /* its own number of the link */
} PnvV100PeerLink;

typedef struct PnvV100Peers {
    PnvV100PeerLink link[V100_NR_LINKS];

    uint64_t bytes;             /* of others' RAM, that this one moved */
    uint64_t served;            /* of its RAM, that others moved */
    uint64_t refused;
} PnvV100Peers;

/* Master control */
#define V100_NR_INTR_TREES      4

typedef struct PnvV100Pmc {
    uint32_t enable;
    uint32_t intr_en[V100_NR_INTR_TREES];
    uint32_t intr_sw[V100_NR_INTR_TREES];
    bool msi_armed;             /* the next interrupt sends one */
} PnvV100Pmc;

/* Memory as units of the GPU see it */
typedef enum PnvV100FbReg {
    V100_FBHUB_ACTIVE_LTCS,
    V100_NISO_CFG1,
    V100_MMU_CTRL,
    V100_ATS_RANGE_LOCAL,
    V100_XV_UPPER_ADDR,
    V100_HSMMU_CTRL,
    V100_HSHUB_CONFIG0,
    V100_HSHUB_ACTIVE_LTCS,
    V100_NR_FB_REGS,
} PnvV100FbReg;

typedef enum PnvV100Way {
    V100_WAY_RAM,
    V100_WAY_PCIE,
    V100_WAY_NVLINK,
    V100_NR_WAYS,
} PnvV100Way;

typedef struct PnvV100Fb {
    uint32_t reg[V100_NR_FB_REGS];
    uint32_t window;

    uint64_t bytes[V100_NR_WAYS];
    uint64_t errors;
    uint64_t unanswered;
} PnvV100Fb;

/* The GSP falcon; its settings are lost in a reset of the falcon */
#define V100_DMEM_SIZE          (64 * 1024)
#define V100_NR_TRANSCFGS       8

typedef struct PnvV100FalconRegs {
    uint32_t irqstat;
    uint32_t irqmode;
    uint32_t irqmask;
    uint32_t irqdest;
    uint32_t mailbox[2];
    uint32_t dmatrfbase;
    uint32_t dmatrfbase1;
    uint32_t dmatrfmoffs;
    uint32_t dmatrffboffs;
    uint32_t dmatrfcmd;
    uint32_t dmemc;
    uint32_t transcfg[V100_NR_TRANSCFGS];
    uint32_t fbif_ctl;
    uint32_t fbif_ctl2;
} PnvV100FalconRegs;

typedef struct PnvV100FalconTransfer {
    uint32_t cmd;
    uint32_t transcfg;
    uint64_t addr;
    uint32_t moffs;             /* in DMEM */
} PnvV100FalconTransfer;

typedef struct PnvV100Falcon {
    bool held;                  /* in reset */
    uint32_t dmactl;
    PnvV100FalconRegs regs;
    uint8_t dmem[V100_DMEM_SIZE];
    QEMUTimer *scrub_timer;

    bool busy;                  /* with a transfer, maybe for ever */
    PnvV100FalconTransfer run;
    QEMUTimer *transfer_timer;

    uint64_t transfers;
    uint64_t refused;           /* by the falcon's own settings */
} PnvV100Falcon;

struct PnvV100 {
    PCIDevice parent_obj;

    /* properties */
    PnvNpu2 *npu;
    uint32_t group;             /* which group of the NPU's links */
    uint8_t cpu_links;          /* mask of the GPU's links that lead there */
    uint16_t device_id;
    uint64_t ram_size;
    uint64_t bar1_size;
    bool ram_keep;              /* RAM survives a reset */
    uint32_t reset_ms;          /* from a reset until it answers */
    bool no_soft_reset;         /* D3 and back keeps the state */
    bool ecc;                   /* takes a 16th of the RAM */
    bool link_training;         /* the GPU's end of links does it */
    bool copy_engine;           /* has the model's own */

    MemoryRegion ram;
    AddressSpace ram_as;
    MemoryRegion bar0;
    MemoryRegion bar1;
    MemoryRegion bar1_ram;
    MemoryRegion bar3;

    uint32_t pri_master;
    uint32_t pri_ring;
    uint32_t link_disable;
    bool in_reset;
    bool starting;              /* answers retries, until the timer runs out */
    bool asleep;                /* in D3 */
    bool lost;                  /* did not come back from a reset */
    uint64_t resets;

    QEMUTimer *start_timer;
    PnvV100Faults faults;
    PnvV100Pmc pmc;
    PnvV100Fb fb;
    PnvV100Falcon falcon;
    PnvV100Engine engine;
    PnvV100Atc atc;
    PnvV100Peers peers;
};

/* Join a link of one GPU, by its own number, to a link of another one */
void pnv_v100_join(PnvV100 *a, unsigned link_a, PnvV100 *b, unsigned link_b);

#endif /* HW_MISC_PNV_V100_H */
