// SPDX-License-Identifier: GPL-2.0
/*
 * DMA of NVLink2 GPUs: over PCIe through the PHB, over NVLink through the NPU
 *
 * A GPU sends untranslated DMA over either path and expects the same addresses
 * to work on both. So there is a PE on each path, one of the GPU and one that
 * its bridges share, and windows are set on both of them or on neither.
 */

#include <linux/error-injection.h>
#include <linux/pci.h>

#include <asm/iommu.h>
#include <asm/opal.h>
#include <asm/pci-bridge.h>

#include "npu2.h"
#include "pci.h"

static void pnv_npu2_pe_unlink(struct pnv_ioda_pe *pe)
{
	struct iommu_table_group *tg = &pe->table_group;
	int num;

	for (num = 0; num < IOMMU_TABLE_GROUP_MAX_TABLES; num++)
		pnv_pci_unlink_table_and_group(tg->tables[num], tg);
}

/**
 * pnv_npu2_pe_deny() - stop untranslated DMA over NVLink
 * @pe: PE of an NPU
 *
 * Such a PE is in one of two states: it has one table, linked in the slot of
 * the window that the table is for, or it denies DMA and nothing is linked.
 * The caller holds pnv_npu2.lock.
 *
 * Return: 0, or an errno with @pe as it was.
 */
int pnv_npu2_pe_deny(struct pnv_ioda_pe *pe)
{
	int ret;

	/* As long as firmware may use a table, invalidations have to reach it */
	ret = pnv_npu2_deny_pe(pe->phb, pe->pe_number);
	if (ret)
		return ret;

	pnv_npu2_pe_unlink(pe);
	return 0;
}

/**
 * pnv_npu2_pe_abandon() - stop untranslated DMA of a PE that goes away
 * @pe: PE of an NPU
 *
 * When firmware does not do it, tables that it may go on using are never freed.
 * The caller holds pnv_npu2.lock.
 */
void pnv_npu2_pe_abandon(struct pnv_ioda_pe *pe)
{
	int num;

	if (!pnv_npu2_pe_deny(pe))
		return;

	for (num = 0; num < IOMMU_TABLE_GROUP_MAX_TABLES; num++) {
		if (pe->table_group.tables[num])
			iommu_tce_table_get(pe->table_group.tables[num]);
	}
	pnv_npu2_pe_unlink(pe);
}

static noinline int pnv_npu2_program_tve(struct pnv_ioda_pe *pe,
					 struct iommu_table *tbl)
{
	unsigned long entries = tbl->it_indirect_levels ? tbl->it_level_size :
							  tbl->it_size;
	u64 opal_id = pe->phb->opal_id;
	s64 rc;

	rc = opal_pci_map_pe_dma_window(opal_id, pe->pe_number, pe->pe_number,
					tbl->it_indirect_levels + 1,
					__pa(tbl->it_base),
					entries * sizeof(__be64),
					IOMMU_PAGE_SIZE(tbl));
	if (rc == OPAL_SUCCESS)
		rc = opal_pci_tce_kill(opal_id, OPAL_PCI_TCE_KILL_ALL,
				       pe->pe_number, 0, 0, 0);

	return opal_error_code(rc);
}
ALLOW_ERROR_INJECTION(pnv_npu2_program_tve, ERRNO);

/**
 * pnv_npu2_pe_set_window() - let DMA over NVLink use a table
 * @pe: PE of an NPU
 * @num: slot of the window, to find the table again
 * @tbl: the table, which replaces any other that @pe has
 *
 * The one TVE of the PE does not look at the bits of an address that choose a
 * window on a PCIe PHB, so there is one window here whatever @num is. The caller
 * holds pnv_npu2.lock.
 *
 * Return: 0, or an errno with @pe in the deny state.
 */
int pnv_npu2_pe_set_window(struct pnv_ioda_pe *pe, int num,
			   struct iommu_table *tbl)
{
	int ret;

	ret = pnv_npu2_pe_deny(pe);
	if (ret)
		return ret;

	ret = pnv_pci_link_table_and_group(pe->phb->hose->node, num, tbl,
					   &pe->table_group);
	if (ret)
		return ret;

	ret = pnv_npu2_program_tve(pe, tbl);
	if (ret) {
		pe_err(pe, "Cannot set NVLink DMA window, error %d\n", ret);
		pnv_npu2_pe_deny(pe);
	}

	return ret;
}
