// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO PCI support for NVLink2 GPUs: the region of a GPU with its RAM
 *
 * The region is the aperture, in which the CPU sees the RAM of the GPU as
 * cacheable and coherent memory. Pages are mapped when they are accessed and
 * unmapped before a link goes down. See vfio_pci_nvlink2.h for the rules and
 * the lock order.
 */

#include <linux/align.h>
#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/memory-failure.h>
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/pci.h>
#include <linux/pfn_t.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>
#include <kunit/visibility.h>
#include <asm/pnv-npu2.h>
#include <asm/tlbflush.h>

#include "vfio_pci_nvlink2.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* Made by mmap() of GPU RAM */
struct nvlink2_mapping {
	struct nvlink2_gpu *gpu;	/* constant */
	struct mm_iommu_table_group_mem_t *mem;	/* registration; constant */
	unsigned int vmas;		/* 2 while mremap() has copied the VMA and
					 * ->mremap() is about to refuse;
					 * mmap_lock
					 */
};

static void nvlink2_ram_vma_open(struct vm_area_struct *vma)
{
	struct nvlink2_mapping *mapping = vma->vm_private_data;

	mmap_assert_write_locked(vma->vm_mm);

	mapping->vmas++;
}

static void nvlink2_ram_vma_close(struct vm_area_struct *vma)
{
	struct nvlink2_mapping *mapping = vma->vm_private_data;

	/* munmap() has downgraded the lock, but still excludes other writers */
	mmap_assert_locked(vma->vm_mm);

	if (--mapping->vmas)
		return;

	mm_iommu_revoke(mapping->mem);
	kfree(mapping);
}

/*
 * The registration of a mapping with mm_iommu has the address and length of the
 * whole mapping. Refuse what would change either: munmap(), mprotect() and
 * madvise() of a part, and mremap().
 */
static int nvlink2_ram_vma_may_split(struct vm_area_struct *vma,
				     unsigned long addr)
{
	return -EINVAL;
}

static int nvlink2_ram_vma_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

/*
 * Size of the RAM of a V100: a magnitude, a scale of at least 1 MiB, and
 * whether a 16th is used for ECC, see gp102_fb_vidmem_size() in nouveau. 0 if
 * @local_memory makes no sense: larger than the aperture, as when the GPU does
 * not answer, or an error code of the GPU's internal bus. These codes begin
 * with 0xbad.
 */
VISIBLE_IF_KUNIT u64 nvlink2_ram_size(u32 local_memory, u64 aperture)
{
	u64 size = (u64)FIELD_GET(GENMASK(9, 4), local_memory) <<
		   (FIELD_GET(GENMASK(3, 0), local_memory) + 20);

	if (local_memory & BIT(30))
		size = size / 16 * 15;

	if (local_memory >> 20 == 0xbad || size > aperture)
		return 0;

	return size;
}

/*
 * Find out how much of the aperture, from its start on, is RAM; 0 if that is not
 * known. On the emulated machine, a load from the rest is a machine check, and a
 * store is one that stops the host.
 *
 * The register is in BAR 0, which the user can write to and switch off. So read
 * it before the user can, at open; later only if the firmware of the GPU had not
 * set it up by then.
 */
static u64 nvlink2_ram_get_size(struct nvlink2_gpu *gpu)
{
	struct vfio_pci_core_device *vdev = &gpu->core;
	u64 size = READ_ONCE(gpu->ram_size);
	u32 local_memory;
	__le32 bytes;

	if (size)
		return size;

	/* For user space: in the byte order of the device */
	if (vfio_pci_core_ioread32(vdev, true, (__force u32 *)&bytes,
				   vdev->barmap[0] + NVLINK2_LOCAL_MEMORY))
		return 0;

	local_memory = le32_to_cpu(bytes);
	size = nvlink2_ram_size(local_memory, resource_size(&gpu->ram));
	if (!size)
		dev_warn_ratelimited(&vdev->pdev->dev,
				     "size of GPU RAM makes no sense: register is 0x%08x\n",
				     local_memory);
	WRITE_ONCE(gpu->ram_size, size);

	return size;
}

static bool nvlink2_ram_has_pages(struct nvlink2_gpu *gpu, u64 pgoff, u64 pages)
{
	u64 size = nvlink2_ram_get_size(gpu);

	if (!size)
		dev_warn_ratelimited(&gpu->core.pdev->dev,
				     "size of GPU RAM is not known, no access to it\n");

	return nvlink2_pages_ok(pgoff, pages, size);
}

/*
 * POWER9 does not set the C bit of a page table entry: a store without it faults.
 * Nobody asks which pages of GPU RAM are dirty, so an entry is made with it where
 * the fault that makes it is one of a store, or, for small pages, always.
 */
static vm_fault_t nvlink2_ram_insert(struct vm_fault *vmf, unsigned long pfn,
				     unsigned int order)
{
	unsigned long prot = pgprot_val(vmf->vma->vm_page_prot);
	bool write = vmf->flags & FAULT_FLAG_WRITE;

	if (!order)
		return vmf_insert_pfn_prot(vmf->vma, vmf->address, pfn,
					   __pgprot(prot | _PAGE_DIRTY));
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV),
					  write);
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PUD_PFNMAP) && order == PUD_ORDER)
		return vmf_insert_pfn_pud(vmf, __pfn_to_pfn_t(pfn, PFN_DEV),
					  write);

	return VM_FAULT_FALLBACK;
}

/*
 * Wait for the end of a reset, if possible without the lock of the address
 * space, which the other threads of the user need. Then the fault is repeated.
 *
 * A vCPU waits here as a reader of kvm->srcu, so whoever changes a memslot of that
 * guest waits too. A reset ends by itself, and below a switch so does one that is
 * asked for by EEH. Without a switch the user can leave it asserted: it then stops
 * nobody but its own guest, which it can kill.
 */
static vm_fault_t nvlink2_ram_wait(struct vm_fault *vmf,
				   struct pnv_npu2_gpu *pnv)
{
	struct file *file;

	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY))
		return pnv_npu2_gpu_wait(pnv) ? VM_FAULT_SIGBUS :
						VM_FAULT_NOPAGE;

	if (!(vmf->flags & FAULT_FLAG_RETRY_NOWAIT)) {
		/*
		 * The VMA can be gone after this. The file keeps the device open
		 * and this module loaded.
		 */
		file = get_file(vmf->vma->vm_file);
		release_fault_lock(vmf);
		pnv_npu2_gpu_wait(pnv);
		fput(file);
	}

	return VM_FAULT_RETRY;
}

static vm_fault_t nvlink2_ram_huge_fault(struct vm_fault *vmf,
					 unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct nvlink2_mapping *mapping = vma->vm_private_data;
	struct nvlink2_gpu *gpu = mapping->gpu;
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	u64 pgoff = nvlink2_region_pgoff(vma->vm_pgoff) +
		    ((addr - vma->vm_start) >> PAGE_SHIFT);
	unsigned long pfn = PHYS_PFN(gpu->ram.start) + pgoff;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	bool has_pages;
	int err;

	if (!is_aligned_for_order(vma, addr, pfn, order))
		return VM_FAULT_FALLBACK;
	/* A smaller page may still be within the RAM */
	has_pages = nvlink2_ram_has_pages(gpu, pgoff, BIT(order));
	if (!has_pages && order)
		return VM_FAULT_FALLBACK;

	err = has_pages ? pnv_npu2_gpu_enter(gpu->pnv) : -EIO;
	if (err == -EAGAIN)
		return nvlink2_ram_wait(vmf, gpu->pnv);
	if (!err) {
		ret = nvlink2_ram_insert(vmf, pfn, order);
		pnv_npu2_gpu_exit(gpu->pnv);
	}

	/* After a fallback the fault is repeated with a smaller order */
	if (!(ret & VM_FAULT_FALLBACK))
		trace_vfio_pci_nvgpu_mmap_fault(gpu->core.pdev, PFN_PHYS(pfn) +
						vmf->address - addr,
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

static int nvlink2_ram_mmap(struct vfio_pci_core_device *vdev,
			    struct vfio_pci_region *region,
			    struct vm_area_struct *vma)
{
	struct nvlink2_gpu *gpu = to_nvlink2_gpu(vdev);
	u64 pgoff = nvlink2_region_pgoff(vma->vm_pgoff);
	resource_size_t start = gpu->ram.start + PFN_PHYS(pgoff);
	struct nvlink2_mapping *mapping;
	int ret = -ENOMEM;

	if (!nvlink2_pages_ok(pgoff, vma_pages(vma), region->size))
		return -EINVAL;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL_ACCOUNT);
	if (!mapping)
		goto out_trace;
	mapping->gpu = gpu;
	mapping->vmas = 1;

	/*
	 * QEMU registers all memory of a guest for DMA, with the address and
	 * length that it has mapped. VFIO_IOMMU_SPAPR_REGISTER_MEMORY looks for
	 * exactly these.
	 */
	ret = mm_iommu_newdev(vma->vm_mm, vma->vm_start, vma_pages(vma), start,
			      pnv_npu2_gpu_ready, gpu->pnv, &mapping->mem);
	if (ret) {
		kfree(mapping);
		goto out_trace;
	}

	/*
	 * Keep the default cacheable attribute, which all mappings of GPU RAM
	 * have: POWER9 checkstops on aliases with different attributes.
	 */
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP |
			  VM_DONTCOPY);
	vma->vm_private_data = mapping;
	vma->vm_ops = &nvlink2_ram_vm_ops;

out_trace:
	trace_vfio_pci_nvgpu_mmap(vdev->pdev, start, vma->vm_start,
				  vma->vm_end - vma->vm_start, ret);
	return ret;
}

/*
 * Enter the gate. A reset of the links that is under way ends before: this is no
 * fault whose caller would try again.
 */
static int nvlink2_ram_enter(struct nvlink2_gpu *gpu)
{
	int ret;

	while ((ret = pnv_npu2_gpu_enter(gpu->pnv)) == -EAGAIN) {
		ret = pnv_npu2_gpu_wait(gpu->pnv);
		if (ret)
			return ret;
	}

	return ret;
}

/* Copy @count bytes within a page of GPU RAM from or to @buf */
static int nvlink2_ram_copy(struct nvlink2_gpu *gpu, u64 pos, void *buf,
			    size_t count, bool iswrite)
{
	unsigned long left, start;
	int ret;
	void *ram;

	if (!nvlink2_ram_has_pages(gpu, PHYS_PFN(pos), 1))
		return -EIO;

	ret = nvlink2_ram_enter(gpu);
	if (ret)
		return ret;

	ram = memremap(gpu->ram.start + pos, count, MEMREMAP_WB);
	if (!ram) {
		ret = -ENOMEM;
		goto exit_gate;
	}

	if (iswrite)
		left = copy_mc_to_kernel(ram, buf, count);
	else
		left = copy_mc_to_kernel(buf, ram, count);
	ret = left ? -EIO : 0;

	/*
	 * memunmap() leaves the translation in the TLB until some later flush.
	 * The processor could prefetch through it when the links are down.
	 */
	start = (unsigned long)PTR_ALIGN_DOWN(ram, PAGE_SIZE);
	memunmap(ram);
	flush_tlb_kernel_range(start, start + PAGE_SIZE);

exit_gate:
	pnv_npu2_gpu_exit(gpu->pnv);

	return ret;
}

/*
 * User memory can be GPU RAM itself, with a fault that takes the gate. Copy it
 * with no lock held, a page at a time through a buffer.
 */
static ssize_t nvlink2_ram_rw(struct vfio_pci_core_device *vdev,
			      char __user *buf, size_t count, loff_t *ppos,
			      bool iswrite)
{
	struct nvlink2_gpu *gpu = to_nvlink2_gpu(vdev);
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK;
	size_t some, done;
	void *page;
	int ret = 0;

	if (pos >= resource_size(&gpu->ram))
		return -EINVAL;
	count = min(count, resource_size(&gpu->ram) - pos);

	page = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;

	for (done = 0; done < count; done += some) {
		some = min(count - done, PAGE_SIZE - offset_in_page(pos + done));

		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		cond_resched();

		if (iswrite && copy_from_user(page, buf + done, some)) {
			ret = -EFAULT;
			break;
		}

		ret = nvlink2_ram_copy(gpu, pos + done, page, some, iswrite);
		if (ret)
			break;

		if (!iswrite && copy_to_user(buf + done, page, some)) {
			ret = -EFAULT;
			break;
		}
	}

	free_page((unsigned long)page);
	*ppos += done;

	return done ?: ret;
}

static int nvlink2_ram_add_capability(struct vfio_pci_core_device *vdev,
				      struct vfio_pci_region *region,
				      struct vfio_info_cap *caps)
{
	return nvlink2_add_ssatgt(caps,
				  pnv_npu2_gpu_tgt(to_nvlink2_gpu(vdev)->pnv));
}

/* The claim of the RAM ends later, when the GPU has been reset */
static void nvlink2_ram_release(struct vfio_pci_core_device *vdev,
				struct vfio_pci_region *region)
{
	unregister_pfn_address_space(&to_nvlink2_gpu(vdev)->pfns);
}

/*
 * Other VMAs of the address space map BARs, ATSD registers, or another part of
 * the RAM: whoever has only those is not told of the error.
 */
static int nvlink2_ram_vma_pgoff(struct vm_area_struct *vma, unsigned long pfn,
				 pgoff_t *pgoff)
{
	struct nvlink2_mapping *mapping = vma->vm_private_data;
	unsigned long first;

	if (vma->vm_ops != &nvlink2_ram_vm_ops)
		return -ENOENT;

	first = PHYS_PFN(mapping->gpu->ram.start) +
		nvlink2_region_pgoff(vma->vm_pgoff);
	if (pfn < first || pfn - first >= vma_pages(vma))
		return -ENOENT;

	*pgoff = vma->vm_pgoff + (pfn - first);

	return 0;
}

/* Without CONFIG_MEMORY_FAILURE nobody is told of errors */
static int nvlink2_ram_register_pfns(struct nvlink2_gpu *gpu)
{
	int ret;

	gpu->pfns = (struct pfn_address_space) {
		.node.start = PHYS_PFN(gpu->ram.start),
		.node.last = PHYS_PFN(gpu->ram.end),
		.mapping = gpu->core.vdev.inode->i_mapping,
		.pfn_to_vma_pgoff = nvlink2_ram_vma_pgoff,
	};
	ret = register_pfn_address_space(&gpu->pfns);

	return ret == -EOPNOTSUPP ? 0 : ret;
}

static const struct vfio_pci_regops nvlink2_ram_regops = {
	.rw		= nvlink2_ram_rw,
	.mmap		= nvlink2_ram_mmap,
	.add_capability	= nvlink2_ram_add_capability,
	.release	= nvlink2_ram_release,
};

/**
 * nvlink2_ram_add_region() - Add the region with the RAM of a GPU
 * @gpu: the GPU, with its aperture claimed and BAR 0 mapped, before the user gets
 *	access to it
 *
 * Return: 0 or a negative errno.
 */
int nvlink2_ram_add_region(struct nvlink2_gpu *gpu)
{
	const u32 type = PCI_VENDOR_ID_NVIDIA | VFIO_REGION_TYPE_PCI_VENDOR_TYPE;
	const u32 subtype = VFIO_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM;
	const u32 flags = VFIO_REGION_INFO_FLAG_READ |
			  VFIO_REGION_INFO_FLAG_WRITE |
			  VFIO_REGION_INFO_FLAG_MMAP;
	struct vfio_pci_core_device *vdev = &gpu->core;
	int ret;

	gpu->ram_region = vdev->num_regions;
	gpu->ram_size = 0;
	nvlink2_ram_get_size(gpu);

	ret = nvlink2_ram_register_pfns(gpu);
	if (ret)
		return ret;

	ret = vfio_pci_core_register_dev_region(vdev, type, subtype,
						&nvlink2_ram_regops,
						resource_size(&gpu->ram),
						flags, NULL);
	if (ret)
		unregister_pfn_address_space(&gpu->pfns);

	return ret;
}

/**
 * nvlink2_ram_revoke() - Unmap the RAM of a GPU from user space
 * @data: the struct nvlink2_gpu
 *
 * Callback for pnv_npu2_gpu_set_revoke(), called with the gate held for write.
 */
void nvlink2_ram_revoke(void *data)
{
	struct nvlink2_gpu *gpu = data;
	unsigned int index = VFIO_PCI_NUM_REGIONS + gpu->ram_region;

	unmap_mapping_range(gpu->core.vdev.inode->i_mapping,
			    VFIO_PCI_INDEX_TO_OFFSET(index),
			    resource_size(&gpu->ram), true);
}
