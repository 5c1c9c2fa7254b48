// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO PCI support for NVLink2 GPUs: what vfio_pci.c uses
 */

#include <linux/pci.h>
#include <linux/vfio_pci_core.h>
#include <asm/pnv-npu2.h>

#include "vfio_pci_nvlink2.h"
#include "vfio_pci_priv.h"

/**
 * vfio_pci_nvlink2_alloc() - Allocate a VFIO device if it has NVLink2
 * @pdev: the PCI device
 *
 * Return: a device for vfio_pci_core_register_device(), with operations of its
 * own, or NULL if @pdev is neither an NVLink2 GPU nor an NVLink bridge, or an
 * error pointer.
 */
struct vfio_pci_core_device *vfio_pci_nvlink2_alloc(struct pci_dev *pdev)
{
	struct pnv_npu2_gpu *pnv = pnv_npu2_gpu_of(pdev);

	if (!pnv)
		return NULL;

	if (pnv_npu2_is_bridge(pdev))
		return nvlink2_bridge_alloc(pdev, pnv);

	return nvlink2_gpu_alloc(pdev, pnv);
}

/*
 * Called for any reset of the device, with the device lock held. The platform
 * fences the links before its own resets, but is not called for other methods,
 * such as a cycle through D3hot. So fence the links of a GPU here. Users reset
 * what they have as often as they like, and an FLR of a bridge is a fence as well.
 */
static void vfio_pci_nvlink2_reset_prepare(struct pci_dev *pdev)
{
	struct pnv_npu2_gpu *pnv = pnv_npu2_gpu_of(pdev);

	if (!pnv)
		return;

	pnv_npu2_gpu_begin_change(pnv);
	pnv_npu2_pace(pdev);
	if (!pnv_npu2_is_bridge(pdev))
		pnv_npu2_gpu_fence(pnv);
}

static void vfio_pci_nvlink2_reset_done(struct pci_dev *pdev)
{
	struct pnv_npu2_gpu *pnv = pnv_npu2_gpu_of(pdev);

	if (pnv)
		pnv_npu2_gpu_end_change(pnv);
}

/* For all devices of vfio-pci, with or without NVLink2 */
const struct pci_error_handlers vfio_pci_nvlink2_err_handlers = {
	.error_detected	= vfio_pci_core_aer_err_detected,
	.reset_prepare	= vfio_pci_nvlink2_reset_prepare,
	.reset_done	= vfio_pci_nvlink2_reset_done,
};
