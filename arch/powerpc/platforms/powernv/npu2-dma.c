// SPDX-License-Identifier: GPL-2.0
/*
 * DMA of NVLink2 GPUs: over PCIe through the PHB, over NVLink through the NPU
 *
 * A GPU sends untranslated DMA over either path and expects the same addresses
 * to work on both. So there is a PE on each path, one of the GPU and one that
 * its bridges share, and windows are set on both of them or on neither.
 */

#include <linux/pci.h>

#include <asm/iommu.h>
#include <asm/opal.h>
#include <asm/pci-bridge.h>

#include "npu2.h"
#include "npu2-trace.h"
#include "pci.h"

static void pnv_npu2_pe_unlink(struct pnv_ioda_pe *pe)
{
	struct iommu_table_group *tg = &pe->table_group;
	int num;

	for (num = 0; num < IOMMU_TABLE_GROUP_MAX_TABLES; num++)
		pnv_pci_unlink_table_and_group(tg->tables[num], tg);
}

/**
 * pnv_npu2_tve_deny() - stop untranslated DMA of a PE
 * @phb: PHB of the NPU
 * @pe_number: PE, which is also the index of its only TVE
 *
 * A TVE of zero lets DMA through to all of memory, and that is what both an
 * IODA reset and the removal of a window leave behind. Only a "real" window of
 * no size makes firmware write the encoding that refuses DMA
 * (npu2_map_pe_dma_window_real() in skiboot).
 *
 * Return: 0, or an errno for what firmware answered.
 */
int pnv_npu2_tve_deny(struct pnv_phb *phb, unsigned int pe_number)
{
	s64 rc;

	rc = opal_pci_map_pe_dma_window_real(phb->opal_id, pe_number,
					     pe_number, 0, 0);
	if (rc == OPAL_SUCCESS)
		rc = opal_pci_tce_kill(phb->opal_id, OPAL_PCI_TCE_KILL_ALL,
				       pe_number, 0, 0, 0);
	if (rc != OPAL_SUCCESS)
		pr_err("NPU PHB#%x: cannot deny DMA of PE#%x, OPAL error %lld\n",
		       phb->hose->global_number, pe_number, rc);
	trace_pnv_npu2_window(phb->hose->global_number, pe_number, 0, 0,
			      opal_error_code(rc));

	return opal_error_code(rc);
}

/**
 * pnv_npu2_tve_deny_all() - stop untranslated DMA of every PE of an NPU
 * @phb: PHB of the NPU
 *
 * Return: 0, or the first errno; all PEs are tried in any case.
 */
int pnv_npu2_tve_deny_all(struct pnv_phb *phb)
{
	unsigned int pe_number;
	int ret = 0, err;

	for (pe_number = 0; pe_number < phb->ioda.total_pe_num; pe_number++) {
		err = pnv_npu2_tve_deny(phb, pe_number);
		if (!ret)
			ret = err;
	}

	return ret;
}

/**
 * pnv_npu2_pe_clear_window() - stop untranslated DMA over NVLink
 * @pe: PE of an NPU
 *
 * Afterwards the PE refuses DMA and has no table. In its other state it has one
 * table, linked in the slot of the window that the table is for.
 * The caller holds pnv_npu2.lock.
 *
 * Return: 0, or an errno; the table, if any, is then still linked.
 */
int pnv_npu2_pe_clear_window(struct pnv_ioda_pe *pe)
{
	int ret;

	/* Hardware that still walks a table has to see invalidations of it */
	ret = pnv_npu2_tve_deny(pe->phb, pe->pe_number);
	if (ret)
		return ret;

	pnv_npu2_pe_unlink(pe);
	return 0;
}

/**
 * pnv_npu2_pe_abandon_window() - stop untranslated DMA of a PE that goes away
 * @pe: PE of an NPU
 *
 * When firmware does not close the window, the table is leaked on purpose:
 * hardware may still walk it.
 * The caller holds pnv_npu2.lock.
 */
void pnv_npu2_pe_abandon_window(struct pnv_ioda_pe *pe)
{
	int num;

	if (!pnv_npu2_pe_clear_window(pe))
		return;

	for (num = 0; num < IOMMU_TABLE_GROUP_MAX_TABLES; num++) {
		if (pe->table_group.tables[num])
			iommu_tce_table_get(pe->table_group.tables[num]);
	}
	pnv_npu2_pe_unlink(pe);
}

static int pnv_npu2_program_tve(struct pnv_ioda_pe *pe,
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
	trace_pnv_npu2_window(pe->phb->hose->global_number, pe->pe_number,
			      __pa(tbl->it_base),
			      (u64)tbl->it_size << tbl->it_page_shift,
			      opal_error_code(rc));

	return opal_error_code(rc);
}

/**
 * pnv_npu2_pe_set_window() - translate DMA over NVLink by a table
 * @pe: PE of an NPU
 * @num: slot of the window, to find the table again
 * @tbl: the table, which replaces any other that @pe has
 *
 * A PE of the NPU has one TVE, so there is one window whatever @num is. The
 * caller holds pnv_npu2.lock.
 *
 * Return: 0, or an errno; @pe then refuses DMA, unless firmware failed to deny
 * it, in which case a table stays linked.
 */
int pnv_npu2_pe_set_window(struct pnv_ioda_pe *pe, int num,
			   struct iommu_table *tbl)
{
	int ret;

	ret = pnv_npu2_pe_clear_window(pe);
	if (ret)
		return ret;

	ret = pnv_pci_link_table_and_group(pe->phb->hose->node, num, tbl,
					   &pe->table_group);
	if (ret)
		return ret;

	ret = pnv_npu2_program_tve(pe, tbl);
	if (ret) {
		pe_err(pe, "Cannot set NVLink DMA window, error %d\n", ret);
		pnv_npu2_pe_clear_window(pe);
	}

	return ret;
}
