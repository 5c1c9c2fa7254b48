// SPDX-License-Identifier: GPL-2.0
#include "npu.h"

#define NPU_BRIDGE_ID		0x04ea1014
#define BRIDGE_DEVCTL		0x48
#define   DEVCTL_FLR		0x8000
#define BRIDGE_PROC_STATUS	0x84
#define   PROC_COMPLETE		0x40000000
#define   PROC_RESULT		0xf
#define BRIDGE_PROC		0x88

#define MAX_PHBS		64
#define COMPARE_ALL_BUSES	7
#define COMPARE_EXACTLY		1
#define MAP_PE			1
#define TCE_KILL_PAGES		0
#define TCE_KILL_ALL		2

u64 npu_phb;
unsigned int links;

/* The functions of the NPU's device 0 are the links of its first GPU */
int npu_find(void)
{
	for (npu_phb = 0; npu_phb < MAX_PHBS; npu_phb++)
		if (config_read32(npu_phb, 0, 0) == NPU_BRIDGE_ID)
			break;
	for (links = 0; links < 8; links++)
		if (config_read32(npu_phb, links, 0) != NPU_BRIDGE_ID)
			break;
	return npu_phb < MAX_PHBS;
}

/* The order in which a driver runs firmware's procedures. One that fails does not keep the others from being run. */
unsigned int npu_train(unsigned int link)
{
	static const u32 procedure[] = { 4, 5, 6, 7, 9, 8, 10, 13 };
	unsigned int i, failed = 0;
	u32 status;

	for (i = 0; i < ARRAY_SIZE(procedure); i++) {
		config_write32(npu_phb, link, BRIDGE_PROC, procedure[i]);
		do
			status = config_read32(npu_phb, link, BRIDGE_PROC_STATUS);
		while (!(status & PROC_COMPLETE));
		failed += !!(status & PROC_RESULT);
	}
	return failed;
}

int npu_start(unsigned int link, u32 procedure)
{
	config_write32(npu_phb, link, BRIDGE_PROC, procedure);
	return !!(config_read32(npu_phb, link, BRIDGE_PROC_STATUS) & PROC_COMPLETE);
}

unsigned int npu_train_all(void)
{
	unsigned int link, failed = 0;

	for (link = 0; link < links; link++)
		failed += npu_train(link);
	return failed;
}

void npu_function_reset(unsigned int link)
{
	u16 control = config_read16(npu_phb, link, BRIDGE_DEVCTL);

	config_write16(npu_phb, link, BRIDGE_DEVCTL, control | DEVCTL_FLR);
}

long npu_set_pe(void)
{
	unsigned int link;
	long rc = 0;

	for (link = 0; link < links && !rc; link++)
		rc = opal(OPAL_PCI_SET_PE, npu_phb, NPU_PE, link, COMPARE_ALL_BUSES, COMPARE_EXACTLY,
			  COMPARE_EXACTLY, MAP_PE);
	return rc;
}

long npu_window_deny(void)
{
	return opal(OPAL_PCI_MAP_PE_DMA_WINDOW_REAL, npu_phb, NPU_PE, NPU_PE, 0, 0);
}

long npu_window_bypass(void)
{
	return opal(OPAL_PCI_MAP_PE_DMA_WINDOW_REAL, npu_phb, NPU_PE, NPU_PE, 0, BIT(40));
}

long npu_window_table(const void *table, u64 levels, u64 size, u64 page_size)
{
	return opal(OPAL_PCI_MAP_PE_DMA_WINDOW, npu_phb, NPU_PE, NPU_PE, levels, table, size, page_size);
}

long npu_kill_page(u64 addr, u64 page_size)
{
	return opal(OPAL_PCI_TCE_KILL, npu_phb, TCE_KILL_PAGES, NPU_PE, page_size, addr, 1);
}

long npu_kill_all(void)
{
	return opal(OPAL_PCI_TCE_KILL, npu_phb, TCE_KILL_ALL, NPU_PE, 0, 0, 0);
}

u64 npu_stalled(void)
{
	u64 fir = read64(NPU_FIR(1)), stalled = 0;
	unsigned int link;

	write64(NPU_FIR(1), 0);
	for (link = 0; link < links; link++)
		if (fir & FIR1_STALL(link))
			stalled |= BIT(link);
	return stalled;
}

int npu_alerted(void)
{
	u64 alerts = read64(MALFUNCTION_ALERTS), hmer;

	asm volatile("mfspr %0, 336" : "=r" (hmer));
	write64(MALFUNCTION_ALERTS, 0);
	asm volatile("mtspr 336, %0" : : "r" (~PPC_BIT(0)));
	return (hmer & PPC_BIT(0)) && alerts == PPC_BIT(0);
}

u64 npu_frozen_pe(void)
{
	u16 type = 0, severity = 0;
	u64 pe = -1UL;

	opal(OPAL_PCI_NEXT_ERROR, npu_phb, &pe, &type, &severity);
	return pe;
}

u64 npu_shoot_down(unsigned int atsd, u64 launch, u64 ava)
{
	u64 busy = 0;

	write64(NPU_ATSD(atsd) + ATSD_AVA, ava);
	write64(NPU_ATSD(atsd) + ATSD_LAUNCH, launch);
	while (read64(NPU_ATSD(atsd) + ATSD_STATUS))
		busy++;
	return busy;
}
