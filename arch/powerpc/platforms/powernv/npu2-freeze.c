// SPDX-License-Identifier: GPL-2.0
/*
 * Frozen PEs of an NPU
 *
 * Hardware freezes the DMA of a PE after an access that is not allowed. Firmware
 * says of an NPU only which is the first frozen PE, and no OPAL call thaws one
 * (npu2_eeh_next_error() in skiboot). So while a PE is frozen, nothing is known
 * of those with higher numbers.
 *
 * PE#0 is no GPU's: hardware reports errors of its own under it (NPU2 erratum).
 * Such an error does not stop the DMA of a GPU and names no link, so it closes
 * no gate. It hides all other PEs, like any PE that is frozen.
 */

#include <linux/bitops.h>
#include <linux/pci.h>

#include <kunit/visibility.h>

#include <asm/opal.h>
#include <asm/pci-bridge.h>

#include "npu2.h"
#include "pci.h"

/**
 * pnv_npu2_first_frozen_pe() - ask which PE hardware has frozen
 * @npu: the NPU
 *
 * Firmware drops the event of the PE with that. The caller hands the number to
 * pnv_npu2_pe_error().
 *
 * Return: the number, -ENOENT for none, or an errno when firmware does not tell.
 */
int pnv_npu2_first_frozen_pe(struct pnv_npu2 *npu)
{
	__be16 type = 0, severity = 0;
	__be64 frozen = 0;
	s64 rc;

	rc = opal_pci_next_error(npu->phb->opal_id, &frozen, &type, &severity);
	if (rc != OPAL_SUCCESS)
		return opal_error_code(rc);

	return be16_to_cpu(type) == OPAL_EEH_PE_ERROR ? be64_to_cpu(frozen) :
							-ENOENT;
}

/**
 * pnv_npu2_is_frozen() - what is known of a PE
 * @was_frozen: what was known before
 * @first: first frozen PE, or -ENOENT for none
 * @pe_number: the PE, 0 for none
 *
 * Return: whether the PE is frozen, as far as is known.
 */
VISIBLE_IF_KUNIT
bool pnv_npu2_is_frozen(bool was_frozen, int first, unsigned int pe_number)
{
	if (first == -ENOENT || first > (int)pe_number)
		return false;

	return first == pe_number || was_frozen;
}

/**
 * pnv_npu2_gpu_is_frozen() - ask whether hardware has frozen the DMA of a GPU
 * @gpu: the GPU, with the write side of its gate held
 * @first: set to the first frozen PE of the NPU, or negative
 *
 * A GPU that was frozen stays so until firmware says otherwise. One of which
 * nothing is known may be used: the worst that can happen is that its DMA does
 * not work.
 *
 * Return: 0; -EIO for a GPU that is frozen; or an errno when firmware does not
 * answer.
 */
int pnv_npu2_gpu_is_frozen(struct pnv_npu2_gpu *gpu, int *first)
{
	unsigned int pe_number = READ_ONCE(gpu->pe_number);

	lockdep_assert_held_write(&gpu->gate);

	*first = -ENOENT;
	if (!pe_number)
		return 0;

	*first = pnv_npu2_first_frozen_pe(gpu->npu);
	if (*first < 0 && *first != -ENOENT)
		return *first;

	if (pnv_npu2_is_frozen(gpu->frozen, *first, pe_number)) {
		pr_warn_ratelimited("NPU: %pOF: PE#%x is frozen, GPU stays closed until the machine is restarted\n",
				    gpu->dn, pe_number);
		return -EIO;
	}

	gpu->frozen = false;
	return 0;
}

static struct pnv_npu2_gpu *pnv_npu2_gpu_with_pe(struct pnv_npu2 *npu,
						 u64 pe_number)
{
	struct pnv_npu2_gpu *gpu;

	for (gpu = npu->gpu; pe_number && gpu < npu->gpu + npu->num_gpus; gpu++) {
		if (READ_ONCE(gpu->pe_number) == pe_number)
			return gpu;
	}

	return NULL;
}

/**
 * pnv_npu2_pe_error() - a PE of an NPU has been frozen by hardware
 * @npu: the NPU
 * @pe_number: the PE
 *
 * EEH would reset the PHB of the NPU, with the links of all GPUs. So fence the
 * links of the GPU, and leave the rest to its owner. Firmware reports the PE
 * again with every later event of any PHB, so all is logged once.
 *
 * Context: may sleep.
 */
void pnv_npu2_pe_error(struct pnv_npu2 *npu, u64 pe_number)
{
	struct pnv_npu2_gpu *gpu = pnv_npu2_gpu_with_pe(npu, pe_number);

	if (gpu)
		pnv_npu2_gate_freeze(gpu, pe_number);

	if (pe_number >= BITS_PER_LONG ||
	    test_and_set_bit(pe_number, &npu->reported))
		return;

	if (!gpu)
		pr_err("NPU PHB#%x: error of PE#%llx, which no GPU has\n",
		       npu->phb->hose->global_number, pe_number);
	pr_warn("NPU PHB#%x: firmware hides the state of PEs above PE#%llx until the machine is restarted\n",
		npu->phb->hose->global_number, pe_number);
}
