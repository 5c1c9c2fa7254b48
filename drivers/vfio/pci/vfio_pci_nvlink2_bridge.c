// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO PCI support for NVLink2 GPUs: open and close of an NVLink bridge
 *
 * User space trains a link through the config space of its bridge. GPU RAM is
 * unmapped before a training procedure starts. See vfio_pci_nvlink2.h for the
 * lock order.
 */

#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>
#include <asm/pnv-npu2.h>

#include "vfio_pci_nvlink2.h"

/*
 * In the vendor capability (npu2_populate_vendor_cap() in skiboot): a write arms
 * a training procedure, reads of the register before it carry the procedure out
 */
#define NVLINK2_VNDR_PROCEDURE		8

/*
 * Add what a bridge has because of NVLink2. Success without a region means that
 * the device is opened as a plain PCI device.
 */
static int nvlink2_bridge_setup(struct nvlink2_bridge *bridge)
{
	int ret;

	/* Without this value user space cannot find the GPU of the bridge */
	if (!pnv_npu2_gpu_tgt(bridge->pnv)) {
		pci_info(bridge->core.pdev, "NVLink2 not offered: firmware does not describe it fully\n");
		return 0;
	}

	nvlink2_atsd_claim(bridge);

	ret = nvlink2_atsd_add_region(bridge);
	if (ret)
		nvlink2_atsd_unclaim(bridge);

	return ret;
}

static int nvlink2_bridge_open_device(struct vfio_device *core_vdev)
{
	struct nvlink2_bridge *bridge =
		container_of(core_vdev, struct nvlink2_bridge, core.vdev);
	int ret;

	ret = vfio_pci_core_enable(&bridge->core);
	if (ret)
		return ret;

	ret = nvlink2_bridge_setup(bridge);
	if (ret) {
		/* As in nvlink2_bridge_close_device() */
		pnv_npu2_gpu_begin_change(bridge->pnv);
		vfio_pci_core_disable(&bridge->core);
		pnv_npu2_gpu_end_change(bridge->pnv);
		return ret;
	}

	vfio_pci_core_finish_enable(&bridge->core);

	return 0;
}

static void nvlink2_bridge_close_device(struct vfio_device *core_vdev)
{
	struct nvlink2_bridge *bridge =
		container_of(core_vdev, struct nvlink2_bridge, core.vdev);

	/*
	 * This resets the bridge without calling reset_prepare(), and the GPU
	 * may still be open.
	 */
	pnv_npu2_gpu_begin_change(bridge->pnv);
	pnv_npu2_pace(bridge->core.pdev);
	vfio_pci_core_close_device(core_vdev);
	pnv_npu2_gpu_end_change(bridge->pnv);

	nvlink2_atsd_unclaim(bridge);
}

/*
 * Firmware purges the L2 and L3 caches of all cores for each write to Device
 * Control, whatever its value (purge_l2_l3_caches() in skiboot). So ignore what
 * the user writes, except for an FLR, which is a reset like any other.
 */
static ssize_t nvlink2_bridge_write_devctl(struct nvlink2_bridge *bridge,
					   const char __user *buf, size_t count,
					   loff_t *ppos)
{
	size_t high = bridge->devctl + 1 - (*ppos & VFIO_PCI_OFFSET_MASK);
	struct vfio_pci_core_device *vdev = &bridge->core;
	u8 val;

	if (high < count) {
		if (get_user(val, (const u8 __user *)buf + high))
			return -EFAULT;

		if (val & (PCI_EXP_DEVCTL_BCR_FLR >> 8)) {
			if (pm_runtime_resume_and_get(&vdev->pdev->dev))
				return -EIO;
			vfio_pci_core_ioctl(&vdev->vdev, VFIO_DEVICE_RESET, 0);
			pm_runtime_put(&vdev->pdev->dev);
		}
	}

	*ppos += count;

	return count;
}

/* Firmware refuses to be told of half a procedure, so ignore that here as well */
static ssize_t nvlink2_bridge_write_procedure(struct nvlink2_bridge *bridge,
					      const char __user *buf,
					      size_t count, loff_t *ppos)
{
	__le32 procedure;
	int ret;

	if (count == sizeof(procedure)) {
		if (copy_from_user(&procedure, buf, sizeof(procedure)))
			return -EFAULT;

		ret = pnv_npu2_bridge_arm(bridge->core.pdev,
					  le32_to_cpu(procedure));
		if (ret)
			return ret;
	}

	*ppos += count;

	return count;
}

static ssize_t nvlink2_bridge_write(struct vfio_device *core_vdev,
				    const char __user *buf, size_t count,
				    loff_t *ppos)
{
	struct nvlink2_bridge *bridge =
		container_of(core_vdev, struct nvlink2_bridge, core.vdev);
	size_t some, done = 0;
	bool procedure, devctl;
	ssize_t ret;
	u64 pos;

	if (VFIO_PCI_OFFSET_TO_INDEX(*ppos) != VFIO_PCI_CONFIG_REGION_INDEX)
		return vfio_pci_core_write(core_vdev, buf, count, ppos);

	while (done < count) {
		pos = *ppos & VFIO_PCI_OFFSET_MASK;
		some = nvlink2_split(pos, count - done, bridge->procedure, 4,
				     &procedure);
		some = nvlink2_split(pos, some, bridge->devctl, 2, &devctl);

		if (procedure)
			ret = nvlink2_bridge_write_procedure(bridge, buf + done,
							     some, ppos);
		else if (devctl)
			ret = nvlink2_bridge_write_devctl(bridge, buf + done,
							  some, ppos);
		else
			ret = vfio_pci_core_write(core_vdev, buf + done, some,
						  ppos);
		if (ret <= 0)
			return done ?: ret;
		done += ret;
	}

	return done;
}

static const struct vfio_device_ops nvlink2_bridge_ops = {
	.name		= "vfio-pci",
	.init		= vfio_pci_core_init_dev,
	.release	= vfio_pci_core_release_dev,
	.open_device	= nvlink2_bridge_open_device,
	.close_device	= nvlink2_bridge_close_device,
	.ioctl		= vfio_pci_core_ioctl,
	.device_feature	= vfio_pci_core_ioctl_feature,
	.read		= vfio_pci_core_read,
	.write		= nvlink2_bridge_write,
	.mmap		= vfio_pci_core_mmap,
	.request	= vfio_pci_core_request,
	.match		= vfio_pci_core_match,
	.bind_iommufd	= vfio_iommufd_physical_bind,
	.unbind_iommufd	= vfio_iommufd_physical_unbind,
	.attach_ioas	= vfio_iommufd_physical_attach_ioas,
	.detach_ioas	= vfio_iommufd_physical_detach_ioas,
};

/**
 * nvlink2_bridge_alloc() - Allocate the VFIO device of an NVLink bridge
 * @pdev: the bridge
 * @pnv: the GPU at the other end of its link
 *
 * Return: the device or an error pointer.
 */
struct vfio_pci_core_device *nvlink2_bridge_alloc(struct pci_dev *pdev,
						  struct pnv_npu2_gpu *pnv)
{
	struct nvlink2_bridge *bridge;

	bridge = vfio_alloc_device(nvlink2_bridge, core.vdev, &pdev->dev,
				   &nvlink2_bridge_ops);
	if (IS_ERR(bridge))
		return ERR_CAST(bridge);

	bridge->pnv = pnv;
	bridge->devctl = pci_pcie_cap(pdev) + PCI_EXP_DEVCTL;
	bridge->procedure = pci_find_capability(pdev, PCI_CAP_ID_VNDR) +
			    NVLINK2_VNDR_PROCEDURE;

	return &bridge->core;
}
