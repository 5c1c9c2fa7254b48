// SPDX-License-Identifier: GPL-2.0
/*
 * Address translation for NVLink2 GPUs: which partition a GPU translates for
 *
 * Firmware keeps a table of GPUs and their partitions (XTS_BDF_MAP), and a table
 * of the address spaces in a partition that a GPU may use (XTS_PID_MAP). The
 * kernel assigns a whole partition, with one wildcard entry for all of its
 * address spaces.
 */

#include <linux/lockdep.h>
#include <linux/pci.h>

#include <asm/opal.h>
#include <asm/reg.h>

#include "npu2.h"
#include "npu2-trace.h"
#include "pci.h"

/* A GPU of a guest has the rights of a user program of the guest, never HV */
#define NPU2_GUEST_MSR	(MSR_DR | MSR_PR)

/* What hardware has for an LPID: twelve bits on POWER9 */
#define NPU2_MAX_LPID	0xfff

static int pnv_npu2_map_lpid(struct pnv_npu2_gpu *gpu,
			     unsigned int lpid)
{
	int ret;

	/* No LPCR bits: translation is by radix trees only */
	ret = opal_error_code(opal_npu_map_lpar(gpu->npu->phb->opal_id,
						gpu->bdfn, lpid, 0));
	trace_pnv_npu2_lpid(gpu, lpid, ret);

	return ret;
}

static int pnv_npu2_init_context(struct pnv_npu2_gpu *gpu)
{
	s64 rc;

	rc = opal_npu_init_context(gpu->npu->phb->opal_id, 0, NPU2_GUEST_MSR,
				   gpu->bdfn);

	/* Success is the number of the row */
	return rc < 0 ? opal_error_code(rc) : 0;
}

static int pnv_npu2_destroy_context(struct pnv_npu2_gpu *gpu)
{
	return opal_error_code(opal_npu_destroy_context(gpu->npu->phb->opal_id,
							0, gpu->bdfn));
}

/* With one block of ATSD registers (firmware before 6.2) GPUs share one LPID */
static bool pnv_npu2_lpid_conflicts(struct pnv_npu2_gpu *gpu, unsigned int lpid)
{
	struct pnv_npu2 *npu = gpu->npu;
	unsigned int i, other;

	if (!pnv_npu2_gpu_has_atsd(gpu)) {
		pr_warn_ratelimited("NPU: %pOF: firmware has ATSD registers for the first GPU of the NPU only; GPU gets no LPID\n",
				    gpu->dn);
		return true;
	}
	if (npu->num_atsd != 1)
		return false;

	for (i = 0; i < npu->num_gpus; i++) {
		other = npu->gpu[i].lpid;
		if (other && other != lpid)
			return true;
	}

	return false;
}

static int pnv_npu2_do_unmap_lpar(struct pnv_npu2_gpu *gpu)
{
	int ret = 0, err;

	lockdep_assert_held(&gpu->npu->lock);

	if (gpu->context) {
		ret = pnv_npu2_destroy_context(gpu);
		gpu->context = false;
	}

	/*
	 * LPID 0 makes the row of the GPU invalid and so ends translation,
	 * even if the context could not be destroyed. Firmware sets LPID 0 in
	 * the ATSD registers as well.
	 */
	err = pnv_npu2_map_lpid(gpu, 0);
	if (!err)
		gpu->lpid = 0;
	if (!ret)
		ret = err;
	if (ret)
		pr_err("NPU: %pOF: cannot take back its LPID, error %d\n",
		       gpu->dn, ret);

	return ret;
}

static int pnv_npu2_do_map_lpar(struct pnv_npu2_gpu *gpu, unsigned int lpid)
{
	int ret;

	lockdep_assert_held(&gpu->npu->lock);

	ret = pnv_npu2_map_lpid(gpu, lpid);
	if (ret)
		return ret;

	gpu->lpid = lpid;
	ret = pnv_npu2_init_context(gpu);
	if (ret) {
		pnv_npu2_do_unmap_lpar(gpu);
		return ret;
	}

	gpu->context = true;
	return 0;
}

/**
 * pnv_npu2_gpu_map_lpar() - let a GPU translate addresses of a guest
 * @gpu: the GPU
 * @lpid: LPID of the guest, a radix one. The caller keeps the guest from going
 *	away, and with it the LPID from being given to another one, until
 *	pnv_npu2_gpu_unmap_lpar() has returned 0
 *
 * From here on the GPU, once its links are up, reaches all memory of the guest
 * with any PASID, and the ATSD registers of pnv_npu2_bridge_atsd() act for the
 * guest.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for an LPID that is no guest's; -EBUSY when the GPU, or on
 * old firmware another one of the same NPU, has a different LPID, and when no
 * ATSD registers may act for the GPU; or an errno for what firmware answered. The
 * GPU is unmapped again if firmware allows it.
 */
int pnv_npu2_gpu_map_lpar(struct pnv_npu2_gpu *gpu, unsigned int lpid)
{
	int ret;

	if (!lpid || lpid > NPU2_MAX_LPID)
		return -EINVAL;

	mutex_lock(&gpu->npu->lock);
	if (gpu->lpid || pnv_npu2_lpid_conflicts(gpu, lpid))
		ret = -EBUSY;
	else
		ret = pnv_npu2_do_map_lpar(gpu, lpid);
	mutex_unlock(&gpu->npu->lock);

	return ret;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_map_lpar);

/**
 * pnv_npu2_gpu_unmap_lpar() - end translation of a guest's addresses
 * @gpu: the GPU. Nothing is done when it has no LPID
 *
 * The GPU should have been stopped, at least by fencing its links: firmware has
 * no means to wait for translations that are under way.
 *
 * Context: may sleep.
 * Return: 0, or an errno for what firmware answered; the GPU may then still
 * translate and must not be handed on.
 */
int pnv_npu2_gpu_unmap_lpar(struct pnv_npu2_gpu *gpu)
{
	int ret = 0;

	mutex_lock(&gpu->npu->lock);
	if (gpu->lpid)
		ret = pnv_npu2_do_unmap_lpar(gpu);
	mutex_unlock(&gpu->npu->lock);

	return ret;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_unmap_lpar);

/**
 * pnv_npu2_reset_lpar() - make sure that a GPU translates for nobody
 * @gpu: the GPU, about to get a new owner; pnv_npu2.lock is held
 *
 * Return: 0, or an errno for what firmware answered.
 */
int pnv_npu2_reset_lpar(struct pnv_npu2_gpu *gpu)
{
	lockdep_assert_held(&gpu->npu->lock);

	return pnv_npu2_do_unmap_lpar(gpu);
}

/**
 * pnv_npu2_reset_lpars() - make sure that no GPU of an NPU translates
 * @npu: the NPU, when a kernel takes it over from firmware or another kernel,
 *	or leaves it
 *
 * An assignment by another kernel would be valid for the first guest of this
 * kernel that gets the same LPID.
 *
 * Context: any, even a dying kernel; takes no lock, as CPUs may have been stopped
 * with it. The gates are closed.
 */
void pnv_npu2_reset_lpars(struct pnv_npu2 *npu)
{
	unsigned int i;

	for (i = 0; i < npu->num_gpus; i++) {
		if (pnv_npu2_map_lpid(&npu->gpu[i], 0))
			pr_err("NPU: %pOF: cannot take back its LPID\n",
			       npu->gpu[i].dn);
	}
}
