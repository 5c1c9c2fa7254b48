/* SPDX-License-Identifier: GPL-2.0 */
/* Chip 0's NPU and its first GPU, as firmware's calls and the registers show them. */
#ifndef PAYLOAD_NPU_H
#define PAYLOAD_NPU_H

#include "opal.h"

/* Real addresses of chip 0: skiboot's hw/phys-map.c, table for Nimbus */
#define NPU_REGS		0x0006030200000000UL
#define GPU_RAM			0x0000040000000000UL
#define GPU_PHB_M32		0x000600c200000000UL	/* PCI 0x80000000 of PHB 4 */

#define NPU_XTS_ATSD_LPARID(n)	(NPU_REGS + 0x710100 + (n) * 8)
#define NPU_XTS_BDF_MAP(n)	(NPU_REGS + 0x714000 + (n) * 8)
#define NPU_XTS_PID_MAP(n)	(NPU_REGS + 0x718000 + (n) * 0x20)
/* Of the first link: its BAR in state machine 0 of stack 0, and where firmware lets it show the link's registers */
#define NPU_NTL_BAR		(NPU_REGS + 0x400068)
#define NPU_NTL_MMIO		(NPU_REGS + 0x1600000)
#define NPU_PESTB(pe)		(NPU_REGS + 0x720200 + (pe) * 8)
#define   PESTB_STOPPED		PPC_BIT(0)
#define NPU_ATSD(n)		(NPU_REGS + 0x800000 + (n) * 0x10000)
#define ATSD_LAUNCH		0x00
#define   ATSD_IS_PID		PPC_BIT(12)
#define   ATSD_PRS		PPC_BIT(13)
#define   ATSD_PID(pid)		((u64)(pid) << (63 - 38))
#define ATSD_AVA		0x08
#define ATSD_STATUS		0x10

#define XSCOM(address)		(0x000603fc00000000UL + ((u64)(address) << 3))
#define NPU_FIR(n)		XSCOM(0x5013c00 + (n) * 0x40)
#define   FIR1_STALL(link)	PPC_BIT(2 * (link))
#define MALFUNCTION_ALERTS	XSCOM(0x90022)

#define GPU_PHB			4
#define GPU_BDFN		0x300
#define GPU_PORT_BDFN		0x250

#define NPU_PE			2
#define GPU_PE			5

extern u64 npu_phb;
extern unsigned int links;	/* of the first GPU */
#define ALL_LINKS		(BIT(links) - 1)

int npu_find(void);
/* Both say how many procedures failed */
unsigned int npu_train(unsigned int link);
unsigned int npu_train_all(void);
/* Start a procedure, and look at its status once; says whether it has ended */
int npu_start(unsigned int link, u32 procedure);
void npu_function_reset(unsigned int link);

/* DMA windows of the GPU's PE on the NPU; each returns firmware's answer */
long npu_set_pe(void);
long npu_window_deny(void);
long npu_window_bypass(void);
long npu_window_table(const void *table, u64 levels, u64 size, u64 page_size);
long npu_kill_page(u64 addr, u64 page_size);
long npu_kill_all(void);

/* Links that have stalled, and whether that was a malfunction alert: both are said once */
u64 npu_stalled(void);
int npu_alerted(void);

/* The PE that firmware says is frozen, -1 for none */
u64 npu_frozen_pe(void);

/* A shootdown, waited for; says how often it was seen busy */
u64 npu_shoot_down(unsigned int atsd, u64 launch, u64 ava);

#endif
