// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO PCI support for NVLink2 GPUs: the region of a bridge with ATSD registers
 *
 * A guest writes to these registers of the NPU (address translation shootdown,
 * ATSD) to invalidate translations that its GPU has cached. See
 * vfio_pci_nvlink2.h for the lock order.
 */

#include <linux/align.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>
#include <asm/pnv-npu2.h>

#include "trace.h"
#include "vfio_pci_nvlink2.h"

/* The last of the three registers, after LAUNCH at 0 and AVA at 8 */
#define NVLINK2_ATSD_STATUS	0x10

static int nvlink2_atsd_mmap(struct vfio_pci_core_device *vdev,
			     struct vfio_pci_region *region,
			     struct vm_area_struct *vma)
{
	struct nvlink2_bridge *bridge = to_nvlink2_bridge(vdev);
	u64 pgoff = nvlink2_region_pgoff(vma->vm_pgoff);
	resource_size_t start = bridge->atsd.start + PFN_PHYS(pgoff);
	unsigned long size = vma->vm_end - vma->vm_start;
	int ret;

	if (!nvlink2_pages_ok(pgoff, vma_pages(vma), region->size))
		return -EINVAL;

	/*
	 * A reset of a GPU or a bridge leaves the ATSD registers accessible, so
	 * these PTEs are not zapped.
	 */
	vm_flags_set(vma, VM_DONTCOPY);
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);

	ret = io_remap_pfn_range(vma, vma->vm_start, PHYS_PFN(start), size,
				 vma->vm_page_prot);
	trace_vfio_pci_npu2_mmap(vdev->pdev, start, vma->vm_start, size, ret);

	return ret;
}

/* Access one whole register: part of LAUNCH would launch another shootdown */
static ssize_t nvlink2_atsd_rw(struct vfio_pci_core_device *vdev,
			       char __user *buf, size_t count, loff_t *ppos,
			       bool iswrite)
{
	struct nvlink2_bridge *bridge = to_nvlink2_bridge(vdev);
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK;
	void __iomem *atsd;
	u64 val = 0;

	if (!bridge->atsd.flags || count != sizeof(val) ||
	    !IS_ALIGNED(pos, sizeof(val)) || pos > NVLINK2_ATSD_STATUS)
		return -EINVAL;

	if (iswrite && copy_from_user(&val, buf, sizeof(val)))
		return -EFAULT;

	atsd = ioremap(bridge->atsd.start, PNV_NPU2_ATSD_SIZE);
	if (!atsd)
		return -ENOMEM;

	/* In the byte order of the register, as through a mapping */
	if (iswrite)
		__raw_writeq(val, atsd + pos);
	else
		val = __raw_readq(atsd + pos);
	iounmap(atsd);

	if (!iswrite && copy_to_user(buf, &val, sizeof(val)))
		return -EFAULT;

	*ppos += count;

	return count;
}

static int nvlink2_atsd_add_capability(struct vfio_pci_core_device *vdev,
				       struct vfio_pci_region *region,
				       struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_nvlink2_lnkspd lnkspd = {
		.header.id = VFIO_REGION_INFO_CAP_NVLINK2_LNKSPD,
		.header.version = 1,
	};
	int ret;

	ret = nvlink2_add_ssatgt(caps,
				 pnv_npu2_gpu_tgt(to_nvlink2_bridge(vdev)->pnv));
	if (ret)
		return ret;

	/* A link trained at a wrong speed fails without an error: never guess */
	if (pnv_npu2_bridge_speed(vdev->pdev, &lnkspd.link_speed))
		return 0;

	return vfio_info_add_capability(caps, &lnkspd.header, sizeof(lnkspd));
}

/* The claim of the registers ends later, when the bridge has been reset */
static void nvlink2_atsd_release(struct vfio_pci_core_device *vdev,
				 struct vfio_pci_region *region)
{
}

static const struct vfio_pci_regops nvlink2_atsd_regops = {
	.rw		= nvlink2_atsd_rw,
	.mmap		= nvlink2_atsd_mmap,
	.add_capability	= nvlink2_atsd_add_capability,
	.release	= nvlink2_atsd_release,
};

/**
 * nvlink2_atsd_claim() - Claim the ATSD registers of a bridge
 * @bridge: the bridge
 *
 * Firmware sets the LPID of a guest in the registers of one bridge of each GPU
 * only (opal_npu_map_lpar() in skiboot). The other bridges have none.
 */
void nvlink2_atsd_claim(struct nvlink2_bridge *bridge)
{
	struct pci_dev *pdev = bridge->core.pdev;
	phys_addr_t start;

	lockdep_assert_held(&bridge->core.vdev.dev_set->lock);

	if (pnv_npu2_bridge_atsd(pdev, &start))
		return;

	if (!request_mem_region_exclusive(start, PNV_NPU2_ATSD_SIZE,
					  "vfio-pci nvlink2")) {
		pci_warn(pdev, "ATSD registers at %pa not offered: in use by another bridge\n",
			 &start);
		return;
	}

	bridge->atsd = DEFINE_RES_MEM(start, PNV_NPU2_ATSD_SIZE);
}

/**
 * nvlink2_atsd_unclaim() - Release the ATSD registers of a bridge
 * @bridge: the bridge, with or without registers
 */
void nvlink2_atsd_unclaim(struct nvlink2_bridge *bridge)
{
	lockdep_assert_held(&bridge->core.vdev.dev_set->lock);

	if (!bridge->atsd.flags)
		return;

	release_mem_region(bridge->atsd.start, PNV_NPU2_ATSD_SIZE);
	bridge->atsd = (struct resource) {};
}

/**
 * nvlink2_atsd_add_region() - Add the region with the ATSD registers of a bridge
 * @bridge: the bridge
 *
 * A bridge without registers has an empty region, for the capabilities.
 *
 * Return: 0 or a negative errno.
 */
int nvlink2_atsd_add_region(struct nvlink2_bridge *bridge)
{
	size_t size = 0;
	u32 flags = 0;

	if (bridge->atsd.flags) {
		size = PNV_NPU2_ATSD_SIZE;
		flags = VFIO_REGION_INFO_FLAG_READ |
			VFIO_REGION_INFO_FLAG_WRITE |
			VFIO_REGION_INFO_FLAG_MMAP;
	}

	return vfio_pci_core_register_dev_region(&bridge->core,
			PCI_VENDOR_ID_IBM | VFIO_REGION_TYPE_PCI_VENDOR_TYPE,
			VFIO_REGION_SUBTYPE_IBM_NVLINK2_ATSD,
			&nvlink2_atsd_regops, size, flags, NULL);
}
