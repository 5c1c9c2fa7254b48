/*
 * QEMU PowerNV: register layout of the POWER9 NPU2
 *
 * The NPU2 hangs its registers on a ring with 24-bit addresses:
 *
 *   23..20 stack, 19..16 block, 15..0 byte offset in the block
 *
 * The same addresses are used by the indirect SCOM pair and as offsets into
 * the 16 MiB global MMIO BAR.  Only registers that firmware or an operating
 * system uses have a name here.  Field names follow the ones that skiboot
 * uses, so that both sources can be read side by side.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PCI_HOST_PNV_NPU2_REGS_H
#define PCI_HOST_PNV_NPU2_REGS_H

/*
 * Ring addresses
 */
#define NPU2_RING_SIZE              0x1000000
#define NPU2_RING_STACK(addr)       (((addr) >> 20) & 0xf)
#define NPU2_RING_BLOCK(addr)       (((addr) >> 16) & 0xf)
#define NPU2_RING_OFFSET(addr)      ((addr) & 0xffff)
#define NPU2_RING_ADDR(stack, block, off) \
    (((stack) << 20) | ((block) << 16) | (off))

#define NPU2_STACK_0U               0x0 /* 0..2: link side of a stack */
#define NPU2_STACK_0                0x4 /* 4..6: fabric side of a stack */
#define NPU2_STACK_MISC             0x7
#define NPU2_STACK_ATSD             0x8

#define NPU2_BLOCK_SM0              0x0 /* 0..3 */
#define NPU2_BLOCK_CTL              0x4
#define NPU2_BLOCK_DAT              0x5
#define NPU2_BLOCK_DL0              0x8 /* link side only */
#define NPU2_BLOCK_NTL0             0x9
#define NPU2_BLOCK_DL1              0xa
#define NPU2_BLOCK_NTL1             0xb

#define NPU2_BLOCK_ATS              0x0 /* of the MISC stack */
#define NPU2_BLOCK_XTS              0x1
#define NPU2_BLOCK_MISC             0x2

/*
 * SCOM addresses, chip relative
 */
#define NPU2_XSCOM_BASE             0x05011000
#define NPU2_XSCOM_SIZE             0x800
#define NPU2_XSCOM_STACK_SHIFT      9       /* one stack each 0x200 SCOMs */
#define NPU2_XSCOM_IND_ADDR         0x68e
#define   NPU2_IND_ADDR_RING        PPC_BITMASK(0, 23)
#define   NPU2_IND_ADDR_LEN         PPC_BITMASK(24, 25)
#define     NPU2_IND_ADDR_LEN_4B    2
#define NPU2_XSCOM_IND_DATA         0x68f

#define NPU2_FIR_XSCOM_BASE         0x05013c00
#define NPU2_FIR_XSCOM_STRIDE       0x40
#define NPU2_FIR_XSCOM_SIZE         0xc0
#define NPU2_FIR_VALUE              0x0
#define NPU2_FIR_VALUE_AND          0x1
#define NPU2_FIR_VALUE_OR           0x2
#define NPU2_FIR_MASK               0x3
#define NPU2_FIR_MASK_AND           0x4
#define NPU2_FIR_MASK_OR            0x5
#define NPU2_FIR_ACTION0            0x6
#define NPU2_FIR_ACTION1            0x7
/* A bit that both actions have is a hypervisor maintenance interrupt (HMI) */
/* FIR 1: "stalled" of the data link of a brick */
#define NPU2_FIR1_NDL_STALL(brick)  PPC_BIT(2 * (brick))

/* Who has raised a malfunction alert, by chip; a copy in each chip */
#define NPU2_ALERT_XSCOM_BASE       0x00090022
#define NPU2_ALERT_XSCOM_SIZE       0x1

/* Power bus mode registers that tell firmware where GPU memory lies */
#define NPU2_PB_CENT_XSCOM_BASE     0x05011c00
#define NPU2_PB_CENT_XSCOM_SIZE     0x10
#define NPU2_PB_CENT_MODE           0xa
#define   NPU2_PB_CHIP_ADDR_EXT     PPC_BITMASK(42, 48)
#define NPU2_PB_CENT_HP_MODE_CURR   0xc
#define   NPU2_PB_CHG_RATE_GP_MASTER PPC_BIT(2)

/* OBUS chiplets: indirect PHY access and I/O valid */
#define NPU2_OBUS_XSCOM_PHY(obus)       (0x09010c3f + (obus) * 0x03000000)
#define NPU2_OBUS_XSCOM_IOVALID(obus)   (0x09000009 + (obus) * 0x03000000)
#define   NPU2_OBUS_IOVALID(link)   PPC_BIT(6 + (link))
#define   NPU2_OBUS_IND_READ        PPC_BIT(0)
#define   NPU2_OBUS_IND_REG         PPC_BITMASK(12, 21)
#define   NPU2_OBUS_IND_LANE        PPC_BITMASK(27, 31)
#define   NPU2_OBUS_IND_COMPLETE    PPC_BIT(32)
#define   NPU2_OBUS_IND_DATA        PPC_BITMASK(48, 63)

/*
 * SM blocks: one copy of the stack's configuration per state machine
 */
#define NPU2_SM_GPU0_MEM_BAR        0x020
#define NPU2_SM_GPU1_MEM_BAR        0x028
#define   NPU2_GPU_MEM_BAR_ENABLE   PPC_BIT(0)
#define   NPU2_GPU_MEM_BAR_ADDR     PPC_BITMASK(1, 21)  /* 1 GiB units */
#define   NPU2_GPU_MEM_BAR_SIZE     PPC_BITMASK(24, 27) /* log2(GiB) */
#define NPU2_SM_PHY_BAR             0x030   /* stack 0: the global MMIO BAR */
#define   NPU2_PHY_BAR_ENABLE       PPC_BIT(0)
#define   NPU2_PHY_BAR_ADDR         PPC_BITMASK(3, 30)  /* 2 MiB units */
#define NPU2_SM_GENID_BAR           0x038
#define   NPU2_GENID_BAR_ENABLE     PPC_BIT(0)
#define   NPU2_GENID_BAR_ADDR       PPC_BITMASK(3, 35)  /* 64 KiB units */
#define NPU2_SM_NTL0_BAR            0x068
#define NPU2_SM_NTL1_BAR            0x070
#define   NPU2_NTL_BAR_ENABLE       PPC_BIT(0)
#define   NPU2_NTL_BAR_ADDR         PPC_BITMASK(3, 35)  /* 64 KiB units */

/*
 * BARs other than the GPU memory ones hold the address bits from the group
 * id downwards; the memory select bits above them always say "MMIO".
 */
#define NPU2_BAR_MMIO_SELECT        0x0006000000000000ull

/*
 * CTL block
 */
#define NPU2_CTL_BDF2PE(brick, map) (0x050 + ((brick) & 1) * 0x18 + (map) * 8)
#define   NPU2_BDF2PE_ENABLE        PPC_BIT(0)
#define   NPU2_BDF2PE_WILDCARD      PPC_BIT(1)
#define   NPU2_BDF2PE_PE            PPC_BITMASK(4, 7)
#define   NPU2_BDF2PE_BDF           PPC_BITMASK(8, 23)
#define NPU2_NR_BDF2PE              3

/*
 * NTL, fabric side
 */
#define NPU2_NTL_MISC_CFG2          0x000
#define   NPU2_NTL_CFG2_BRICK_ENABLE    PPC_BIT(0)
#define   NPU2_NTL_CFG2_RX_PARITY_ENA   PPC_BIT(16)

/*
 * NTL, link side
 */
#define NPU2_NTL_MISC_CFG1          0x0c0
#define   NPU2_NTL_CFG1_FENCE       PPC_BITMASK(8, 9)
#define NPU2_NTL_CREDIT_RX_FIRST    0x440
#define NPU2_NTL_RSP_DATA_CREDIT_RX 0x478
#define NPU2_NTL_CREDIT_RX_LAST     0x488
#define   NPU2_NTL_CREDIT_AVAILABLE PPC_BITMASK(0, 11)
#define   NPU2_NTL_CREDIT_LIMIT     PPC_BITMASK(12, 23)
#define NPU2_NTL_CQ_FENCE_STATUS    0x500
#define   NPU2_NTL_FENCE_STATUS     PPC_BITMASK(0, 1)

/*
 * DL: 32-bit registers
 */
#define NPU2_DL_CLK_CTRL            0x001c
#define NPU2_DL_CONTROL             0xfff4
#define   NPU2_DL_CONTROL_RESET     (PPC_BIT32(0) | PPC_BIT32(1))
#define NPU2_DL_CONFIG              0xfff8

/*
 * MISC block
 */
#define NPU2_MISC_IRQ_BASE          0x098
#define   NPU2_MISC_IRQ_BASE_SHIFT      13
#define   NPU2_MISC_IRQ_PAGE_SHIFT      17      /* trigger and EOI page */
#define   NPU2_IRQ_TCE                  18
#define NPU2_MISC_FENCE_STATE       0x0b0   /* reads which are fenced */
#define   NPU2_MISC_FENCE_BRICK(brick)  PPC_BIT(brick)  /* write 1 to clear */
#define   NPU2_MISC_FENCE_SET(brick)    PPC_BIT((brick) + 6)    /* and to set */
#define NPU2_MISC_PESTB(pe)         (0x200 + (pe) * 8)
#define   NPU2_PESTB_STOPPED            PPC_BIT(0)
#define NPU2_NR_PES                 16

/*
 * ATS block: the IODA tables
 */
#define NPU2_ATS_IODA_TBL           0x108
#define   NPU2_IODA_TBL_AUTOINC     PPC_BIT(0)
#define   NPU2_IODA_TBL_SELECT      PPC_BITMASK(11, 15)
#define     NPU2_IODA_TBL_TVT       9
#define   NPU2_IODA_TBL_INDEX       PPC_BITMASK(54, 63)
#define NPU2_ATS_IODA_DATA          0x110
#define NPU2_ATS_TCE_KILL           0x120
#define   NPU2_TCE_KILL_ALL         PPC_BIT(0)
#define   NPU2_TCE_KILL_ONE         PPC_BIT(2)
#define   NPU2_TCE_KILL_PE          PPC_BITMASK(4, 7)
#define   NPU2_TCE_KILL_ADDR        PPC_BITMASK(8, 51)

/* A TVE; what its encodings mean is explained in pnv_npu2_ioda.c */
#define NPU2_TVE_TTA                PPC_BITMASK(0, 47)
#define NPU2_TVE_LEVELS             PPC_BITMASK(48, 50)
#define NPU2_TVE_DENY               PPC_BIT(51)
#define NPU2_TVE_SIZE               PPC_BITMASK(51, 55)
#define NPU2_TVE_PSIZE              PPC_BITMASK(59, 63)
#define NPU2_TCE_READ               PPC_BIT(63)
#define NPU2_TCE_WRITE              PPC_BIT(62)
#define NPU2_TCE_ADDR               PPC_BITMASK(0, 51)

/*
 * XTS block
 */
#define NPU2_XTS_CFG                0x0020
#define   NPU2_XTS_CFG_MMIOSD       PPC_BIT(1)
#define NPU2_XTS_CFG2               0x0028
#define NPU2_XTS_ATSD_LPARID        0x0100  /* 8 registers */
#define   NPU2_ATSD_LPARID_MSR_HV   PPC_BIT(51)
#define   NPU2_ATSD_LPARID_LPARID   PPC_BITMASK(52, 63)
#define NPU2_XTS_BDF_MAP            0x4000  /* 16 rows */
#define NPU2_XTS_BDF_MAP_STRIDE     0x8
#define   NPU2_BDF_MAP_VALID        PPC_BIT(0)
#define   NPU2_BDF_MAP_UNFILT       PPC_BIT(1)
#define   NPU2_BDF_MAP_STACK        PPC_BITMASK(4, 6)   /* one hot */
#define   NPU2_BDF_MAP_BRICK        PPC_BIT(7)
#define   NPU2_BDF_MAP_BDF          PPC_BITMASK(16, 31)
#define   NPU2_BDF_MAP_LPARSHORT    PPC_BITMASK(48, 51)
#define   NPU2_BDF_MAP_LPARID       PPC_BITMASK(52, 63)
#define NPU2_XTS_PID_MAP            0x8000  /* 256 rows */
#define NPU2_XTS_PID_MAP_STRIDE     0x20
#define NPU2_XTS_PID_MAP_ROW        0x00
#define   NPU2_PID_MAP_VALID_ATR    PPC_BITMASK(0, 1)
#define   NPU2_PID_MAP_VALID_ATSD   PPC_BIT(2)
#define   NPU2_PID_MAP_MSR_DR       PPC_BIT(25)
#define   NPU2_PID_MAP_MSR_HV       PPC_BIT(27)
#define   NPU2_PID_MAP_MSR_PR       PPC_BIT(28)
#define   NPU2_PID_MAP_LPARSHORT    PPC_BITMASK(40, 43)
#define   NPU2_PID_MAP_PASID        PPC_BITMASK(44, 63)
#define NPU2_XTS_PID_MAP_SEIDR      0x08
#define NPU2_XTS_PID_MAP_AMR        0x10

/*
 * ATSD blocks, one register set per 64 KiB page
 */
#define NPU2_ATSD_LAUNCH            0x00
#define   NPU2_ATSD_IS              PPC_BITMASK(11, 12)
#define     NPU2_ATSD_IS_PAGE       0
#define     NPU2_ATSD_IS_PID        1
#define     NPU2_ATSD_IS_LPID       2
#define     NPU2_ATSD_IS_ALL        3
#define   NPU2_ATSD_PRS             PPC_BIT(13)
#define   NPU2_ATSD_AP              PPC_BITMASK(15, 17)
#define   NPU2_ATSD_PID             PPC_BITMASK(19, 38)
#define NPU2_ATSD_AVA               0x08
#define   NPU2_ATSD_AVA_PAGE        PPC_BITMASK(0, 51)
#define NPU2_ATSD_STATUS            0x10
#define   NPU2_ATSD_STATUS_BUSY     PPC_BIT(0)

/*
 * OBUS PHY: 16-bit registers, one copy per lane below 0x200
 */
#define NPU2_PHY_NR_REGS            0x400
#define NPU2_PHY_NR_LANES           24
#define NPU2_PHY_RX_IORESET         0x096   /* per lane */
#define   NPU2_PHY_RX_IORESET_ON        0x0001
#define NPU2_PHY_RX_CTL             0x0c8   /* per lane */
#define   NPU2_PHY_RX_RUN_LANE          0x8000
#define   NPU2_PHY_RX_RUN_DCCAL         0x4000
#define NPU2_PHY_RX_STATUS          0x0ca   /* per lane */
#define   NPU2_PHY_RX_INIT_DONE         0x8000
#define   NPU2_PHY_RX_DCCAL_DONE        0x4000
#define NPU2_PHY_TX_ZCAL            0x3c1
#define   NPU2_PHY_TX_ZCAL_REQ          0x4000
#define   NPU2_PHY_TX_ZCAL_DONE         0x2000
#define   NPU2_PHY_TX_ZCAL_ERROR        0x1000
#define NPU2_PHY_TX_ZCAL_N          0x3c3
#define NPU2_PHY_TX_ZCAL_P          0x3c5
#define   NPU2_PHY_TX_ZCAL_RESULT       0xff80
/* Firmware divides the result by 4 and accepts 32..66 */
#define   NPU2_PHY_TX_ZCAL_NOMINAL      200

#endif /* PCI_HOST_PNV_NPU2_REGS_H */
