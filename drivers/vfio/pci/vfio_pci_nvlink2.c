// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO PCI NVLink2 extensions: GPUs that POWER9 reaches by NVLink2
 *
 * Such a GPU is on PCIe like any other. Over NVLink2 the processor also sees
 * its RAM, cacheable and coherent. Firmware shows the processor's end of each
 * link as a PCI function of its own, an "NVLink bridge".
 *
 * Nobody may touch GPU RAM while its links are down: that is a machine check.
 * So there is one gate, pnv_npu2_gpu_enter() and pnv_npu2_gpu_exit(), around
 * every access and around every insertion of a PTE; and whoever takes links
 * down shuts it with pnv_npu2_gpu_block(), which takes the mappings away.
 *
 * Lock order:
 *
 *   mmap_lock
 *     memory_lock of the device
 *       the gate of the GPU
 *         i_mmap_rwsem, page table locks
 *     the lock of the mm_iommu list
 *
 * dev_set->lock excludes open and close of a device from each other. What a
 * user does through the device file or a mapping of it happens between them. It
 * comes before all of these: close takes the mmap_lock of the guest's mm.
 */

#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>
#include <asm/pnv-npu2.h>

#include "vfio_pci_nvlink2.h"
#include "vfio_pci_priv.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * struct vfio_pci_nvlink2 - the NVLink2 side of a GPU or of a bridge
 * @vdev: the device
 * @gpu: the GPU, or the GPU behind the bridge, with all its bridges
 * @is_bridge: whether @vdev is a bridge
 * @ram: GPU only: aperture of its RAM; claimed while the device is open, and
 *	empty otherwise
 * @ram_region: GPU only: number of the region in @vdev
 * @revoker: GPU only: what @gpu calls to get the mappings taken away
 * @mapped: GPU only: whether a page may be mapped. Set within the gate, cleared
 *	with the gate shut
 * @guest_mm: GPU only: address space of the guest whose memory is held for it,
 *	NULL without guest
 * @fenced: GPU only: whether close has fenced the links
 * @atsd: bridge only: its ATSD registers; claimed while the device is open, and
 *	empty otherwise or when it has none
 * @devctl: bridge only: offset of the Device Control register
 * @mailbox: bridge only: offset of the registers that run link procedures
 *
 * But for @mapped, everything is constant or only changes in open and close of
 * the device.
 */
struct vfio_pci_nvlink2 {
	struct vfio_pci_core_device *vdev;
	struct pnv_npu2_gpu *gpu;
	bool is_bridge;
	struct resource ram;
	unsigned int ram_region;
	struct pnv_npu2_revoker revoker;
	bool mapped;
	struct mm_struct *guest_mm;
	bool fenced;
	struct resource atsd;
	u8 devctl;
	u8 mailbox;
};

/*
 * Vendor capability of a bridge (npu2_populate_vendor_cap() in skiboot). A write
 * to the second register chooses a procedure, reads of the first one run it.
 */
#define NVLINK2_VNDR_MAILBOX		4
#define NVLINK2_VNDR_MAILBOX_SIZE	8

/* In BAR 0 of a GPU, see nvlink2_ram_size() */
#define NVLINK2_LOCAL_MEMORY		0x100ce0

/**
 * struct nvlink2_mapping - what an mmap() of GPU RAM made
 * @nvlink2: the GPU
 * @mem: registration of the mapping as memory that can be a target of DMA
 * @vmas: VMAs that use it: one, and a second one while mremap() finds out that
 *	it is not allowed. Written under mmap_lock, or when the mm is going
 *	away
 */
struct nvlink2_mapping {
	struct vfio_pci_nvlink2 *nvlink2;
	struct mm_iommu_table_group_mem_t *mem;
	unsigned int vmas;
};

/* For those callbacks that get a position in the device file, not a region */
static struct vfio_pci_nvlink2 *
nvlink2_of_region(struct vfio_pci_core_device *vdev, loff_t pos)
{
	unsigned int i = VFIO_PCI_OFFSET_TO_INDEX(pos) - VFIO_PCI_NUM_REGIONS;

	return vdev->region[i].data;
}

static void nvlink2_ram_vma_open(struct vm_area_struct *vma)
{
	struct nvlink2_mapping *mapping = vma->vm_private_data;

	mapping->vmas++;
}

static void nvlink2_ram_vma_close(struct vm_area_struct *vma)
{
	struct nvlink2_mapping *mapping = vma->vm_private_data;

	if (--mapping->vmas)
		return;

	mm_iommu_revoke(mapping->mem);
	kfree(mapping);
}

/* Part of a mapping cannot be unmapped, protected or advised upon */
static int nvlink2_ram_vma_may_split(struct vm_area_struct *vma,
				     unsigned long addr)
{
	return -EINVAL;
}

/* Nor can a mapping be moved: who uses it for DMA knows it by its address */
static int nvlink2_ram_vma_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

/*
 * Whether there is RAM behind these pages of the aperture. A load from behind it
 * is a machine check, a store one that stops the host. To be called within the
 * gate, and with memory access of the GPU enabled.
 */
static bool nvlink2_ram_is_there(struct vfio_pci_nvlink2 *nvlink2, u64 pgoff,
				 u64 pages)
{
	u64 aperture = resource_size(&nvlink2->ram);
	void __iomem *bar0 = nvlink2->vdev->barmap[0];
	u32 local_memory = ioread32(bar0 + NVLINK2_LOCAL_MEMORY);
	u64 size = nvlink2_ram_size(local_memory, aperture);

	if (!size)
		dev_warn_ratelimited(&nvlink2->vdev->pdev->dev,
				     "GPU does not say how much RAM it has (%#x), so none can be touched\n",
				     local_memory);

	return nvlink2_pages_ok(pgoff, pages, size);
}

static vm_fault_t nvlink2_ram_insert(struct vfio_pci_nvlink2 *nvlink2,
				     struct vm_fault *vmf, u64 pgoff,
				     unsigned int order)
{
	unsigned long pfn = PHYS_PFN(nvlink2->ram.start) + pgoff;
	unsigned long within = pfn & (BIT(order) - 1);

	if (!nvlink2_ram_is_there(nvlink2, pgoff - within, BIT(order)))
		return order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;

	WRITE_ONCE(nvlink2->mapped, true);

	return vfio_pci_core_insert_pfn(vmf, pfn, order);
}

/* mmap() has made sure that the whole VMA is within the region */
static vm_fault_t nvlink2_ram_huge_fault(struct vm_fault *vmf,
					 unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct nvlink2_mapping *mapping = vma->vm_private_data;
	struct vfio_pci_nvlink2 *nvlink2 = mapping->nvlink2;
	struct vfio_pci_core_device *vdev = nvlink2->vdev;
	u64 pgoff = nvlink2_region_pgoff(vma->vm_pgoff) +
		    ((vmf->address - vma->vm_start) >> PAGE_SHIFT);
	vm_fault_t ret = VM_FAULT_SIGBUS;

	if (!nvlink2_pages_ok(pgoff, 1, resource_size(&nvlink2->ram)))
		return ret;

	down_read(&vdev->memory_lock);
	if (!vfio_pci_core_memory_accessible(vdev))
		goto out_unlock;
	if (pnv_npu2_gpu_enter(nvlink2->gpu))
		goto out_unlock;

	ret = nvlink2_ram_insert(nvlink2, vmf, pgoff, order);

	pnv_npu2_gpu_exit(nvlink2->gpu);
out_unlock:
	up_read(&vdev->memory_lock);

	/* The same fault comes again with a smaller order */
	if (!(ret & VM_FAULT_FALLBACK))
		trace_vfio_pci_nvgpu_mmap_fault(vdev->pdev,
						nvlink2->ram.start +
						PFN_PHYS(pgoff),
						vmf->address, ret);
	return ret;
}

static vm_fault_t nvlink2_ram_fault(struct vm_fault *vmf)
{
	return nvlink2_ram_huge_fault(vmf, 0);
}

static const struct vm_operations_struct nvlink2_ram_vm_ops = {
	.open		= nvlink2_ram_vma_open,
	.close		= nvlink2_ram_vma_close,
	.may_split	= nvlink2_ram_vma_may_split,
	.mremap		= nvlink2_ram_vma_mremap,
	.fault		= nvlink2_ram_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault	= nvlink2_ram_huge_fault,
#endif
};

/*
 * QEMU registers all memory of its guest for DMA, by exactly the address and
 * the length that it has mapped. This is what it finds.
 */
static int nvlink2_ram_register(struct nvlink2_mapping *mapping,
				struct vm_area_struct *vma)
{
	resource_size_t hpa = mapping->nvlink2->ram.start +
		PFN_PHYS(nvlink2_region_pgoff(vma->vm_pgoff));

	return mm_iommu_newdev(vma->vm_mm, vma->vm_start, vma_pages(vma), hpa,
			       &mapping->mem);
}

static int nvlink2_ram_map(struct vfio_pci_nvlink2 *nvlink2,
			   struct vm_area_struct *vma)
{
	struct nvlink2_mapping *mapping;
	int ret;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL_ACCOUNT);
	if (!mapping)
		return -ENOMEM;

	mapping->nvlink2 = nvlink2;
	mapping->vmas = 1;

	ret = nvlink2_ram_register(mapping, vma);
	if (ret) {
		kfree(mapping);
		return ret;
	}

	/*
	 * Cacheable, as every other mapping of it: an alias with a different
	 * attribute is a checkstop. Nothing is mapped before it is touched,
	 * because the links are not up yet when QEMU maps the region.
	 */
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP |
			  VM_DONTCOPY);
	vma->vm_private_data = mapping;
	vma->vm_ops = &nvlink2_ram_vm_ops;

	return 0;
}

static int nvlink2_ram_mmap(struct vfio_pci_core_device *vdev,
			    struct vfio_pci_region *region,
			    struct vm_area_struct *vma)
{
	struct vfio_pci_nvlink2 *nvlink2 = region->data;
	u64 pgoff = nvlink2_region_pgoff(vma->vm_pgoff);
	int ret;

	if (!nvlink2_pages_ok(pgoff, vma_pages(vma), region->size))
		return -EINVAL;

	ret = nvlink2_ram_map(nvlink2, vma);
	trace_vfio_pci_nvgpu_mmap(vdev->pdev,
				  nvlink2->ram.start + PFN_PHYS(pgoff),
				  vma->vm_start, vma->vm_end - vma->vm_start,
				  ret);
	return ret;
}

static int nvlink2_ram_do_copy(struct vfio_pci_nvlink2 *nvlink2, loff_t pos,
			       void *buf, size_t count, bool iswrite)
{
	unsigned long left;
	void *ram;

	ram = memremap(nvlink2->ram.start + pos, count, MEMREMAP_WB);
	if (!ram)
		return -ENOMEM;

	if (iswrite)
		left = copy_mc_to_kernel(ram, buf, count);
	else
		left = copy_mc_to_kernel(buf, ram, count);
	memunmap(ram);

	return left ? -EIO : 0;
}

static int nvlink2_ram_copy(struct vfio_pci_nvlink2 *nvlink2, loff_t pos,
			    void *buf, size_t count, bool iswrite)
{
	struct vfio_pci_core_device *vdev = nvlink2->vdev;
	int ret = -EIO;

	down_read(&vdev->memory_lock);
	if (!vfio_pci_core_memory_accessible(vdev))
		goto out_unlock;
	if (pnv_npu2_gpu_enter(nvlink2->gpu))
		goto out_unlock;

	if (nvlink2_ram_is_there(nvlink2, PHYS_PFN(pos), 1))
		ret = nvlink2_ram_do_copy(nvlink2, pos, buf, count, iswrite);

	pnv_npu2_gpu_exit(nvlink2->gpu);
out_unlock:
	up_read(&vdev->memory_lock);

	return ret;
}

/*
 * The user's buffer may itself be GPU RAM that has to be faulted in, so it is
 * not touched with locks held. Hence @bounce, a page.
 */
static int nvlink2_ram_rw_some(struct vfio_pci_nvlink2 *nvlink2, loff_t pos,
			       char __user *buf, void *bounce, size_t count,
			       bool iswrite)
{
	int ret;

	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();

	if (iswrite && copy_from_user(bounce, buf, count))
		return -EFAULT;

	ret = nvlink2_ram_copy(nvlink2, pos, bounce, count, iswrite);
	if (ret)
		return ret;

	if (!iswrite && copy_to_user(buf, bounce, count))
		return -EFAULT;

	return 0;
}

static ssize_t nvlink2_ram_rw(struct vfio_pci_core_device *vdev,
			      char __user *buf, size_t count, loff_t *ppos,
			      bool iswrite)
{
	struct vfio_pci_nvlink2 *nvlink2 = nvlink2_of_region(vdev, *ppos);
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	size_t some, done = 0;
	void *bounce;
	int ret = 0;

	if (pos >= resource_size(&nvlink2->ram))
		return -EINVAL;
	count = min(count, resource_size(&nvlink2->ram) - pos);

	bounce = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;

	while (done < count && !ret) {
		some = min(count - done, PAGE_SIZE - offset_in_page(pos + done));
		ret = nvlink2_ram_rw_some(nvlink2, pos + done, buf + done,
					  bounce, some, iswrite);
		if (!ret)
			done += some;
	}

	free_page((unsigned long)bounce);
	*ppos += done;

	return done ?: ret;
}

static resource_size_t
nvlink2_ram_phys_start(struct vfio_pci_core_device *vdev,
		       struct vfio_pci_region *region)
{
	struct vfio_pci_nvlink2 *nvlink2 = region->data;

	return nvlink2->ram.start;
}

static int nvlink2_ram_add_capability(struct vfio_pci_core_device *vdev,
				      struct vfio_pci_region *region,
				      struct vfio_info_cap *caps)
{
	struct vfio_pci_nvlink2 *nvlink2 = region->data;
	struct vfio_region_info_cap_nvlink2_ssatgt cap =
		nvlink2_cap_ssatgt(pnv_npu2_gpu_tgt(nvlink2->gpu));

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

/* What the region needs goes after the reset, see vfio_pci_nvlink2_closed() */
static void nvlink2_region_release(struct vfio_pci_core_device *vdev,
				   struct vfio_pci_region *region)
{
}

static const struct vfio_pci_regops nvlink2_ram_regops = {
	.rw		= nvlink2_ram_rw,
	.mmap		= nvlink2_ram_mmap,
	.add_capability	= nvlink2_ram_add_capability,
	.zap		= vfio_pci_core_zap_region,
	.phys_start	= nvlink2_ram_phys_start,
	.release	= nvlink2_region_release,
};

/*
 * The gate is shut many times while links are trained. To unmap the region goes
 * through the page tables of all who have mapped it, and flushes TLBs, so do
 * that only if need be.
 */
static void nvlink2_ram_revoke(struct pnv_npu2_revoker *revoker)
{
	struct vfio_pci_nvlink2 *nvlink2 =
		container_of(revoker, struct vfio_pci_nvlink2, revoker);
	struct vfio_pci_core_device *vdev = nvlink2->vdev;

	if (!nvlink2->mapped)
		return;

	vfio_pci_core_zap_region(vdev, &vdev->region[nvlink2->ram_region]);
	nvlink2->mapped = false;
}

/* Neither the kernel nor anybody else may use the RAM of a GPU we hand out */
static int nvlink2_ram_claim(struct vfio_pci_nvlink2 *nvlink2,
			     struct resource *ram)
{
	struct pci_dev *pdev = nvlink2->vdev->pdev;
	resource_size_t size = resource_size(ram);

	if (region_intersects(ram->start, size, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT) {
		pci_warn(pdev, "%pR of GPU RAM is memory of this system; offline and remove it first\n",
			 ram);
		return -EBUSY;
	}

	if (mm_iommu_dev_is_mapped(ram->start, size)) {
		dev_warn_ratelimited(&pdev->dev,
				     "TCEs that an earlier user of the GPU made still translate to %pR of its RAM; close the VFIO container that holds them\n",
				     ram);
		return -EBUSY;
	}

	if (!request_mem_region_exclusive(ram->start, size, "vfio-pci nvlink2")) {
		pci_warn(pdev, "%pR of GPU RAM is in use by another driver\n",
			 ram);
		return -EBUSY;
	}

	nvlink2->ram = DEFINE_RES_MEM(ram->start, size);

	return 0;
}

static void nvlink2_ram_unclaim(struct vfio_pci_nvlink2 *nvlink2)
{
	release_mem_region(nvlink2->ram.start, resource_size(&nvlink2->ram));
	nvlink2->ram = (struct resource) {};
}

static int nvlink2_ram_add_region(struct vfio_pci_nvlink2 *nvlink2)
{
	struct vfio_pci_core_device *vdev = nvlink2->vdev;

	nvlink2->ram_region = vdev->num_regions;

	return vfio_pci_core_register_dev_region(vdev,
			PCI_VENDOR_ID_NVIDIA | VFIO_REGION_TYPE_PCI_VENDOR_TYPE,
			VFIO_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM,
			&nvlink2_ram_regops, resource_size(&nvlink2->ram),
			VFIO_REGION_INFO_FLAG_READ |
			VFIO_REGION_INFO_FLAG_WRITE |
			VFIO_REGION_INFO_FLAG_MMAP, nvlink2);
}

#ifdef CONFIG_KVM_BOOK3S_HV_POSSIBLE
/*
 * LPID of a guest that the GPU can translate for: the NPU walks radix trees, and
 * 0 is the host. A guest may leave radix later, but its LPID stays its own.
 */
static unsigned int nvlink2_lpid(struct kvm *kvm)
{
	return kvm->arch.radix ? kvm->arch.lpid : 0;
}
#else
static unsigned int nvlink2_lpid(struct kvm *kvm)
{
	return 0;
}
#endif

static int nvlink2_lpar_unmap(struct vfio_pci_nvlink2 *nvlink2)
{
	int ret = pnv_npu2_gpu_unmap_lpar(nvlink2->gpu);

	if (ret)
		dev_err_ratelimited(&nvlink2->vdev->pdev->dev,
				    "GPU could not be taken back from its guest (%d); it stays closed until that works\n",
				    ret);

	return ret;
}

/*
 * The GPU keeps translations of guest memory, and only the guest shoots them
 * down. So what is registered of that memory has to stay, until a reset or
 * fenced links keep the GPU from using them.
 */
static void nvlink2_guest_hold(struct vfio_pci_nvlink2 *nvlink2,
			       struct kvm *kvm)
{
	mmgrab(kvm->mm);
	mm_iommu_hold(kvm->mm);
	nvlink2->guest_mm = kvm->mm;
}

static void nvlink2_guest_unhold(struct vfio_pci_nvlink2 *nvlink2)
{
	if (!nvlink2->guest_mm)
		return;

	mm_iommu_unhold(nvlink2->guest_mm);
	mmdrop(nvlink2->guest_mm);
	nvlink2->guest_mm = NULL;
}

/*
 * VFIO holds the reference on the guest, and with it the LPID, from before the
 * device is opened until after it is closed.
 */
static int nvlink2_lpar_map(struct vfio_pci_nvlink2 *nvlink2)
{
	struct pci_dev *pdev = nvlink2->vdev->pdev;
	struct kvm *kvm = nvlink2->vdev->vdev.kvm;
	unsigned int lpid;
	int ret;

	/* Left from the last user only if firmware refused to take it back */
	ret = nvlink2_lpar_unmap(nvlink2);
	if (ret || !kvm)
		return ret;

	lpid = nvlink2_lpid(kvm);
	if (!lpid) {
		dev_warn_ratelimited(&pdev->dev, "NVLink2 needs a radix guest of HV KVM\n");
		return -EINVAL;
	}

	nvlink2_guest_hold(nvlink2, kvm);

	ret = pnv_npu2_gpu_map_lpar(nvlink2->gpu, lpid);
	if (ret) {
		pci_warn(pdev, "GPU could not be assigned to LPID %u (%d)\n",
			 lpid, ret);
		nvlink2_guest_unhold(nvlink2);
	}

	return ret;
}

/* An error means that what firmware says is not enough to offer the RAM */
static int nvlink2_gpu_describe(struct vfio_pci_nvlink2 *nvlink2,
				struct resource *ram)
{
	int ret;

	ret = pnv_npu2_gpu_ram(nvlink2->gpu, ram);
	if (ret)
		return ret;

	if (!pnv_npu2_gpu_tgt(nvlink2->gpu))
		return -ENODEV;

	/* A region cannot be larger, and QEMU wants to map it as a whole */
	if (!PAGE_ALIGNED(ram->start) || !PAGE_ALIGNED(resource_size(ram)) ||
	    resource_size(ram) > VFIO_PCI_OFFSET_MASK)
		return -ENODEV;

	/* Nor can it be touched without knowing how much there is */
	if (pci_resource_len(nvlink2->vdev->pdev, 0) <
	    NVLINK2_LOCAL_MEMORY + sizeof(u32))
		return -ENODEV;

	return 0;
}

static int nvlink2_gpu_open(struct vfio_pci_nvlink2 *nvlink2)
{
	struct resource ram;
	int ret;

	ret = nvlink2_gpu_describe(nvlink2, &ram);
	if (ret) {
		pci_info(nvlink2->vdev->pdev, "GPU RAM not offered: firmware does not describe it fully\n");
		return 0;
	}

	/*
	 * The reset that came before this is what ends the work of the last
	 * user on the GPU, which would otherwise go on over NVLink2.
	 */
	if (!nvlink2->vdev->reset_works) {
		dev_warn_ratelimited(&nvlink2->vdev->pdev->dev, "GPU could not be reset; it stays closed until that works\n");
		return -EIO;
	}

	/* Left from the last user only if the GPU could not be stopped then */
	nvlink2_guest_unhold(nvlink2);

	ret = vfio_pci_core_setup_barmap(nvlink2->vdev, 0);
	if (ret)
		return ret;

	ret = nvlink2_ram_claim(nvlink2, &ram);
	if (ret)
		return ret;

	ret = nvlink2_lpar_map(nvlink2);
	if (ret)
		goto unclaim_ram;

	ret = nvlink2_ram_add_region(nvlink2);
	if (ret)
		goto unmap_lpar;

	nvlink2->revoker.revoke = nvlink2_ram_revoke;
	ret = pnv_npu2_gpu_set_revoker(nvlink2->gpu, &nvlink2->revoker);
	if (ret)
		goto unmap_lpar;

	return 0;

unmap_lpar:
	nvlink2_lpar_unmap(nvlink2);
	nvlink2_guest_unhold(nvlink2);
unclaim_ram:
	nvlink2_ram_unclaim(nvlink2);
	return ret;
}

static int nvlink2_atsd_mmap(struct vfio_pci_core_device *vdev,
			     struct vfio_pci_region *region,
			     struct vm_area_struct *vma)
{
	struct vfio_pci_nvlink2 *nvlink2 = region->data;
	u64 pgoff = nvlink2_region_pgoff(vma->vm_pgoff);
	resource_size_t start = nvlink2->atsd.start + PFN_PHYS(pgoff);
	unsigned long size = vma->vm_end - vma->vm_start;
	int ret;

	if (!nvlink2_pages_ok(pgoff, vma_pages(vma), region->size))
		return -EINVAL;

	/* Registers of the NPU, which are there whatever is being reset */
	vm_flags_set(vma, VM_DONTCOPY);
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);

	ret = io_remap_pfn_range(vma, vma->vm_start, PHYS_PFN(start), size,
				 vma->vm_page_prot);
	trace_vfio_pci_npu2_mmap(vdev->pdev, start, vma->vm_start, size, ret);

	return ret;
}

static ssize_t nvlink2_atsd_rw(struct vfio_pci_core_device *vdev,
			       char __user *buf, size_t count, loff_t *ppos,
			       bool iswrite)
{
	struct vfio_pci_nvlink2 *nvlink2 = nvlink2_of_region(vdev, *ppos);
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	void __iomem *atsd;
	u64 val = 0;

	if (!nvlink2->atsd.flags || !nvlink2_atsd_access_ok(pos, count))
		return -EINVAL;

	if (iswrite && copy_from_user(&val, buf, sizeof(val)))
		return -EFAULT;

	atsd = ioremap(nvlink2->atsd.start, NVLINK2_ATSD_SIZE);
	if (!atsd)
		return -ENOMEM;

	/* The bytes of @buf are those of the register, as if it were mapped */
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
	struct vfio_pci_nvlink2 *nvlink2 = region->data;
	struct vfio_region_info_cap_nvlink2_ssatgt ssatgt =
		nvlink2_cap_ssatgt(pnv_npu2_gpu_tgt(nvlink2->gpu));
	struct vfio_region_info_cap_nvlink2_lnkspd lnkspd;
	u32 speed;
	int ret;

	ret = vfio_info_add_capability(caps, &ssatgt.header, sizeof(ssatgt));
	if (ret)
		return ret;

	/* Only firmware knows the speed, and a guess would fail silently */
	if (pnv_npu2_bridge_speed(vdev->pdev, &speed))
		return 0;

	lnkspd = nvlink2_cap_lnkspd(speed);

	return vfio_info_add_capability(caps, &lnkspd.header, sizeof(lnkspd));
}

static const struct vfio_pci_regops nvlink2_atsd_regops = {
	.rw		= nvlink2_atsd_rw,
	.mmap		= nvlink2_atsd_mmap,
	.add_capability	= nvlink2_atsd_add_capability,
	.release	= nvlink2_region_release,
};

/* To do without is normal: firmware ties one register to the LPID of a GPU */
static void nvlink2_atsd_claim(struct vfio_pci_nvlink2 *nvlink2)
{
	struct pci_dev *pdev = nvlink2->vdev->pdev;
	phys_addr_t start;

	if (pnv_npu2_bridge_atsd(pdev, &start))
		return;

	if (!start || !IS_ALIGNED(start, NVLINK2_ATSD_SIZE) ||
	    !request_mem_region_exclusive(start, NVLINK2_ATSD_SIZE,
					  "vfio-pci nvlink2")) {
		pci_warn(pdev, "ATSD registers at %pa not offered: not aligned, or in use by another bridge\n",
			 &start);
		return;
	}

	nvlink2->atsd = DEFINE_RES_MEM(start, NVLINK2_ATSD_SIZE);
}

static void nvlink2_atsd_unclaim(struct vfio_pci_nvlink2 *nvlink2)
{
	if (!nvlink2->atsd.flags)
		return;

	release_mem_region(nvlink2->atsd.start, NVLINK2_ATSD_SIZE);
	nvlink2->atsd = (struct resource) {};
}

/* The region also stands for the bridge, so it is there without registers */
static int nvlink2_atsd_add_region(struct vfio_pci_nvlink2 *nvlink2)
{
	size_t size = 0;
	u32 flags = 0;

	if (nvlink2->atsd.flags) {
		size = NVLINK2_ATSD_SIZE;
		flags = VFIO_REGION_INFO_FLAG_READ |
			VFIO_REGION_INFO_FLAG_WRITE |
			VFIO_REGION_INFO_FLAG_MMAP;
	}

	return vfio_pci_core_register_dev_region(nvlink2->vdev,
			PCI_VENDOR_ID_IBM | VFIO_REGION_TYPE_PCI_VENDOR_TYPE,
			VFIO_REGION_SUBTYPE_IBM_NVLINK2_ATSD,
			&nvlink2_atsd_regops, size, flags, nvlink2);
}

static int nvlink2_bridge_open(struct vfio_pci_nvlink2 *nvlink2)
{
	int ret;

	/* Without this the bridge cannot be paired with its GPU */
	if (!pnv_npu2_gpu_tgt(nvlink2->gpu)) {
		pci_info(nvlink2->vdev->pdev, "NVLink2 not offered: firmware does not describe it fully\n");
		return 0;
	}

	nvlink2_atsd_claim(nvlink2);

	ret = nvlink2_atsd_add_region(nvlink2);
	if (ret)
		nvlink2_atsd_unclaim(nvlink2);

	return ret;
}

/**
 * vfio_pci_nvlink2_open() - Offer what a device has because of NVLink2
 * @nvlink2: NVLink2 side of the device, may be NULL
 *
 * To be called between vfio_pci_core_enable() and
 * vfio_pci_core_finish_enable(). When it fails, the device is to be closed as
 * if it had not.
 *
 * Return: 0, also when there is nothing to offer and the device is just a PCI
 * device; -EIO when the device could not be reset; -EBUSY when its RAM is in
 * use, and -EINVAL when the guest that it is for cannot be served, for which
 * the log tells the reason; or another negative error.
 */
int vfio_pci_nvlink2_open(struct vfio_pci_nvlink2 *nvlink2)
{
	if (!nvlink2)
		return 0;

	if (nvlink2->is_bridge)
		return nvlink2_bridge_open(nvlink2);

	return nvlink2_gpu_open(nvlink2);
}

static void nvlink2_gpu_close(struct vfio_pci_nvlink2 *nvlink2)
{
	int ret;

	if (!nvlink2->ram.flags)
		return;

	ret = pnv_npu2_gpu_fence(nvlink2->gpu);
	if (ret)
		pci_warn(nvlink2->vdev->pdev, "links could not be fenced (%d)\n",
			 ret);
	nvlink2->fenced = !ret;

	pnv_npu2_gpu_clear_revoker(nvlink2->gpu, &nvlink2->revoker);
}

static void nvlink2_gpu_closed(struct vfio_pci_nvlink2 *nvlink2)
{
	if (!nvlink2->ram.flags)
		return;

	nvlink2_lpar_unmap(nvlink2);
	/* Without either the GPU may go on, and only its next reset ends that */
	if (nvlink2->fenced || !nvlink2->vdev->needs_reset)
		nvlink2_guest_unhold(nvlink2);
	nvlink2_ram_unclaim(nvlink2);
}

/**
 * vfio_pci_nvlink2_close() - Stop NVLink2 before a device is reset and closed
 * @nvlink2: NVLink2 side of the device, may be NULL
 *
 * For a GPU, fences the links, so that nothing reaches GPU RAM while the GPU is
 * being reset, nor afterwards. No mapping exists any more, each held the device
 * open. For a bridge, takes the mappings of GPU RAM away until the bridge has
 * been reset; vfio_pci_core_disable() does that without announcing it.
 */
void vfio_pci_nvlink2_close(struct vfio_pci_nvlink2 *nvlink2)
{
	if (!nvlink2)
		return;

	if (nvlink2->is_bridge)
		pnv_npu2_gpu_block(nvlink2->gpu);
	else
		nvlink2_gpu_close(nvlink2);
}

/**
 * vfio_pci_nvlink2_closed() - Let go of what the user of a device had
 * @nvlink2: NVLink2 side of the device, may be NULL
 *
 * To be called when the device has been reset and closed, which is what ends
 * its translations, and while the guest is still referenced.
 */
void vfio_pci_nvlink2_closed(struct vfio_pci_nvlink2 *nvlink2)
{
	if (!nvlink2)
		return;

	if (nvlink2->is_bridge) {
		pnv_npu2_gpu_unblock(nvlink2->gpu);
		nvlink2_atsd_unclaim(nvlink2);
	} else {
		nvlink2_gpu_closed(nvlink2);
	}
}

/**
 * vfio_pci_nvlink2_reset_prepare() - A GPU or bridge is about to be reset
 * @nvlink2: NVLink2 side of the device, may be NULL
 *
 * Whoever resets it. Context: device lock held, memory_lock may be.
 */
void vfio_pci_nvlink2_reset_prepare(struct vfio_pci_nvlink2 *nvlink2)
{
	if (nvlink2)
		pnv_npu2_gpu_block(nvlink2->gpu);
}

/**
 * vfio_pci_nvlink2_reset_done() - The counterpart of ..._reset_prepare()
 * @nvlink2: NVLink2 side of the device, may be NULL
 */
void vfio_pci_nvlink2_reset_done(struct vfio_pci_nvlink2 *nvlink2)
{
	if (nvlink2)
		pnv_npu2_gpu_unblock(nvlink2->gpu);
}

/**
 * vfio_pci_nvlink2_refuses() - Ask whether a device cannot have a feature
 * @nvlink2: NVLink2 side of the device, may be NULL
 * @feature: flags of VFIO_DEVICE_FEATURE
 *
 * The kernel would put a GPU to sleep, and wake it up, when it likes, and the
 * links of the GPU go down with that; see nvlink2_power_write().
 *
 * Return: whether the feature is refused.
 */
bool vfio_pci_nvlink2_refuses(struct vfio_pci_nvlink2 *nvlink2, u32 feature)
{
	if (!nvlink2 || nvlink2->is_bridge)
		return false;

	switch (feature & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY:
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP:
		return true;
	default:
		return false;
	}
}

/**
 * vfio_pci_nvlink2_watches() - Ask who handles an access to a device file
 * @nvlink2: NVLink2 side of the device, may be NULL
 * @pos: position in the file
 *
 * Return: whether vfio_pci_nvlink2_config_rw() does, rather than the core.
 */
bool vfio_pci_nvlink2_watches(struct vfio_pci_nvlink2 *nvlink2, loff_t pos)
{
	return nvlink2 &&
	       VFIO_PCI_OFFSET_TO_INDEX(pos) == VFIO_PCI_CONFIG_REGION_INDEX;
}

static ssize_t nvlink2_core_rw(struct vfio_pci_nvlink2 *nvlink2,
			       char __user *buf, size_t count, loff_t *ppos,
			       bool iswrite)
{
	struct vfio_device *core_vdev = &nvlink2->vdev->vdev;

	if (iswrite)
		return vfio_pci_core_write(core_vdev, buf, count, ppos);

	return vfio_pci_core_read(core_vdev, buf, count, ppos);
}

/* For what can take the link down, or up halfway */
static ssize_t nvlink2_blocked_rw(struct vfio_pci_nvlink2 *nvlink2,
				  char __user *buf, size_t count, loff_t *ppos,
				  bool iswrite)
{
	ssize_t ret;

	pnv_npu2_gpu_block(nvlink2->gpu);
	ret = nvlink2_core_rw(nvlink2, buf, count, ppos, iswrite);
	pnv_npu2_gpu_unblock(nvlink2->gpu);

	return ret;
}

/*
 * Firmware purges the L2 and L3 caches of the chip for every write to Device
 * Control, whatever is written, so the user's do not get through to it. There
 * is nothing to control but FLR, which is a reset like any other.
 */
static ssize_t nvlink2_devctl_write(struct vfio_pci_nvlink2 *nvlink2,
				    char __user *buf, size_t count,
				    loff_t *ppos)
{
	struct vfio_pci_core_device *vdev = nvlink2->vdev;
	size_t high = nvlink2->devctl + 1 - (*ppos & VFIO_PCI_OFFSET_MASK);
	u8 val;

	if (high < count) {
		if (get_user(val, (u8 __user *)buf + high))
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

/*
 * A GPU that sleeps takes its end of the links down, and firmware does not know.
 * Fence ours before; and after it woke up, because a bridge does not sleep, so
 * the user can have been through the training with it in the meantime.
 */
static ssize_t nvlink2_power_write(struct vfio_pci_nvlink2 *nvlink2,
				   char __user *buf, size_t count,
				   loff_t *ppos)
{
	struct pci_dev *pdev = nvlink2->vdev->pdev;
	bool awake = pdev->current_state == PCI_D0;
	ssize_t ret;
	u8 val;

	if (get_user(val, (u8 __user *)buf))
		return -EFAULT;

	pnv_npu2_gpu_block(nvlink2->gpu);
	if (val & PCI_PM_CTRL_STATE_MASK)
		pnv_npu2_gpu_fence(nvlink2->gpu);
	ret = nvlink2_core_rw(nvlink2, buf, count, ppos, true);
	if (!awake || pdev->current_state != PCI_D0)
		pnv_npu2_gpu_fence(nvlink2->gpu);
	pnv_npu2_gpu_unblock(nvlink2->gpu);

	return ret;
}

static ssize_t nvlink2_gpu_config_rw_some(struct vfio_pci_nvlink2 *nvlink2,
					  char __user *buf, size_t count,
					  loff_t *ppos, bool iswrite)
{
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	u8 pm_cap = nvlink2->vdev->pdev->pm_cap;
	bool power = false;

	if (iswrite && pm_cap)
		count = nvlink2_split(pos, count, pm_cap + PCI_PM_CTRL, 1,
				      &power);
	if (power)
		return nvlink2_power_write(nvlink2, buf, count, ppos);

	return nvlink2_core_rw(nvlink2, buf, count, ppos, iswrite);
}

/* As much of an access as is handled in one way */
static ssize_t nvlink2_config_rw_some(struct vfio_pci_nvlink2 *nvlink2,
				      char __user *buf, size_t count,
				      loff_t *ppos, bool iswrite)
{
	bool mailbox, devctl = false, command = false;
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;

	if (!nvlink2->is_bridge)
		return nvlink2_gpu_config_rw_some(nvlink2, buf, count, ppos,
						  iswrite);

	count = nvlink2_split(pos, count, nvlink2->mailbox,
			      NVLINK2_VNDR_MAILBOX_SIZE, &mailbox);
	if (iswrite) {
		count = nvlink2_split(pos, count, nvlink2->devctl, 2, &devctl);
		count = nvlink2_split(pos, count, PCI_COMMAND, 2, &command);
	}

	if (devctl)
		return nvlink2_devctl_write(nvlink2, buf, count, ppos);

	if (mailbox || command)
		return nvlink2_blocked_rw(nvlink2, buf, count, ppos, iswrite);

	return nvlink2_core_rw(nvlink2, buf, count, ppos, iswrite);
}

/**
 * vfio_pci_nvlink2_config_rw() - Access the config space of a GPU or bridge
 * @nvlink2: NVLink2 side of the device
 * @buf: the user's buffer
 * @count: number of bytes
 * @ppos: position in the device file
 * @iswrite: whether to write
 *
 * Return: number of bytes, or a negative error.
 */
ssize_t vfio_pci_nvlink2_config_rw(struct vfio_pci_nvlink2 *nvlink2,
				   char __user *buf, size_t count,
				   loff_t *ppos, bool iswrite)
{
	size_t done = 0;
	ssize_t ret;

	while (done < count) {
		ret = nvlink2_config_rw_some(nvlink2, buf + done, count - done,
					     ppos, iswrite);
		if (ret <= 0)
			return ret;
		done += ret;
	}

	return done;
}

static void nvlink2_probe_bridge(struct vfio_pci_nvlink2 *nvlink2)
{
	struct pci_dev *pdev = nvlink2->vdev->pdev;

	nvlink2->is_bridge = true;
	nvlink2->devctl = pci_pcie_cap(pdev) + PCI_EXP_DEVCTL;
	nvlink2->mailbox = pci_find_capability(pdev, PCI_CAP_ID_VNDR) +
			   NVLINK2_VNDR_MAILBOX;
}

/**
 * vfio_pci_nvlink2_probe() - Find out whether a device has to do with NVLink2
 * @vdev: the device
 *
 * Return: its NVLink2 side, NULL when it has none, or an error pointer.
 */
struct vfio_pci_nvlink2 *
vfio_pci_nvlink2_probe(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_nvlink2 *nvlink2;
	struct pnv_npu2_gpu *gpu;

	gpu = pnv_npu2_gpu_get(vdev->pdev);
	if (gpu == ERR_PTR(-ENODEV))
		return NULL;
	if (IS_ERR(gpu))
		return ERR_CAST(gpu);

	nvlink2 = kzalloc(sizeof(*nvlink2), GFP_KERNEL);
	if (!nvlink2) {
		pnv_npu2_gpu_put(gpu);
		return ERR_PTR(-ENOMEM);
	}

	nvlink2->vdev = vdev;
	nvlink2->gpu = gpu;
	if (pnv_npu2_is_bridge(vdev->pdev))
		nvlink2_probe_bridge(nvlink2);

	return nvlink2;
}

/**
 * vfio_pci_nvlink2_remove() - The counterpart of vfio_pci_nvlink2_probe()
 * @nvlink2: NVLink2 side of the device, may be NULL
 */
void vfio_pci_nvlink2_remove(struct vfio_pci_nvlink2 *nvlink2)
{
	if (!nvlink2)
		return;

	pnv_npu2_gpu_put(nvlink2->gpu);
	kfree(nvlink2);
}
