// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO PCI support for NVLink2 GPUs: open and close of a GPU
 *
 * Open claims the aperture of GPU RAM, assigns the GPU to the LPID of the guest
 * and adds the region with the RAM. Close fences the links, resets the GPU and
 * then takes back the rest. See vfio_pci_nvlink2.h for the lock order.
 */

#include <linux/ioport.h>
#include <linux/kvm_host.h>
#include <linux/mmu_context.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>
#include <asm/kvm_book3s_64.h>
#include <asm/pnv-npu2.h>

#include "vfio_pci_nvlink2.h"

/* Get the aperture if firmware describes the GPU well enough to offer its RAM */
static int nvlink2_gpu_get_aperture(struct nvlink2_gpu *gpu,
				    struct resource *ram)
{
	int ret;

	ret = pnv_npu2_gpu_ram(gpu->pnv, ram);
	if (ret)
		return ret;

	/* A region cannot be larger, and QEMU maps it as a whole */
	if (resource_size(ram) > VFIO_PCI_OFFSET_MASK)
		return -ENODEV;

	/* The register with the size of the RAM has to be there */
	if (pci_resource_len(gpu->core.pdev, 0) <
	    NVLINK2_LOCAL_MEMORY + sizeof(u32))
		return -ENODEV;

	return 0;
}

/* Make sure that neither the kernel nor another driver uses the GPU RAM */
static int nvlink2_gpu_claim_ram(struct nvlink2_gpu *gpu, struct resource *ram)
{
	struct pci_dev *pdev = gpu->core.pdev;
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

	gpu->ram = DEFINE_RES_MEM(ram->start, size);

	return 0;
}

static void nvlink2_gpu_unclaim_ram(struct nvlink2_gpu *gpu)
{
	release_mem_region(gpu->ram.start, resource_size(&gpu->ram));
	gpu->ram = (struct resource) {};
}

#ifdef CONFIG_KVM_BOOK3S_HV_POSSIBLE
/*
 * Get the LPID of a guest that the GPU can translate for. The NPU walks radix
 * trees only, and may do so until nvlink2_put_lpid().
 */
static int nvlink2_get_lpid(struct kvm *kvm, unsigned int *lpid)
{
	int ret = kvmppc_get_radix(kvm);

	if (!ret)
		*lpid = kvm->arch.lpid;

	return ret;
}

static void nvlink2_put_lpid(struct kvm *kvm)
{
	kvmppc_put_radix(kvm);
}
#else
static int nvlink2_get_lpid(struct kvm *kvm, unsigned int *lpid)
{
	return -EINVAL;
}

static void nvlink2_put_lpid(struct kvm *kvm)
{
}
#endif

static void nvlink2_gpu_put_guest(struct nvlink2_gpu *gpu)
{
	if (gpu->guest)
		nvlink2_put_lpid(gpu->guest);
	gpu->guest = NULL;
}

/*
 * Take the LPID of a guest back. Called after a reset of the GPU, or when it has
 * no LPID.
 */
static int nvlink2_gpu_unmap_lpar(struct nvlink2_gpu *gpu)
{
	int ret = pnv_npu2_gpu_unmap_lpar(gpu->pnv);

	if (ret)
		dev_err_ratelimited(&gpu->core.pdev->dev,
				    "GPU could not be taken back from its guest (%d); it stays closed until that works\n",
				    ret);
	else
		nvlink2_gpu_put_guest(gpu);

	return ret;
}

/*
 * Take the LPID back before VFIO drops its reference on the guest. If that fails,
 * the guest stays radix for the rest of its life.
 */
static void nvlink2_gpu_leave_guest(struct nvlink2_gpu *gpu)
{
	nvlink2_gpu_unmap_lpar(gpu);
	gpu->guest = NULL;
}

static void nvlink2_gpu_unhold_guest(struct nvlink2_gpu *gpu)
{
	if (!gpu->guest_mm)
		return;

	mm_iommu_unhold(gpu->guest_mm);
	mmdrop(gpu->guest_mm);
	gpu->guest_mm = NULL;
}

/*
 * Let the GPU translate addresses of the guest that its group has been added
 * to, if any. VFIO has a reference on the guest, and so on its LPID, from
 * before open until after close.
 *
 * The GPU caches translations, and only the guest can invalidate them. Keep all
 * registered memory of the guest pinned until the GPU has been reset or its links
 * have been fenced.
 */
static int nvlink2_gpu_map_lpar(struct nvlink2_gpu *gpu)
{
	struct pci_dev *pdev = gpu->core.pdev;
	struct kvm *kvm = gpu->core.vdev.kvm;
	unsigned int lpid;
	int ret;

	/* Retry if firmware has not taken the LPID of the last user back */
	ret = nvlink2_gpu_unmap_lpar(gpu);
	if (ret || !kvm)
		return ret;

	ret = nvlink2_get_lpid(kvm, &lpid);
	if (ret) {
		dev_warn_ratelimited(&pdev->dev, "NVLink2 needs a radix guest of HV KVM\n");
		return ret;
	}

	gpu->guest = kvm;
	mmgrab(kvm->mm);
	mm_iommu_hold(kvm->mm);
	gpu->guest_mm = kvm->mm;

	ret = pnv_npu2_gpu_map_lpar(gpu->pnv, lpid);
	if (ret) {
		pci_warn(pdev, "GPU could not be assigned to LPID %u (%d)\n",
			 lpid, ret);
		nvlink2_gpu_unhold_guest(gpu);
		nvlink2_gpu_put_guest(gpu);
	}

	return ret;
}

/*
 * Add what a GPU has because of NVLink2. Success without a region means that
 * the device is opened as a plain PCI device.
 */
static int nvlink2_gpu_setup(struct nvlink2_gpu *gpu)
{
	struct vfio_pci_core_device *vdev = &gpu->core;
	struct resource ram;
	int ret;

	lockdep_assert_held(&vdev->vdev.dev_set->lock);

	/* vfio_pci_core_enable() has reset the GPU, and with that its links */
	if (pnv_npu2_gpu_isolate(gpu->pnv)) {
		dev_warn_ratelimited(&vdev->pdev->dev, "GPU has links to other GPUs; it stays closed until they can be cut\n");
		return -EIO;
	}

	ret = nvlink2_gpu_get_aperture(gpu, &ram);
	if (ret) {
		pci_info(vdev->pdev, "GPU RAM not offered: firmware does not describe it fully\n");
		return 0;
	}

	/*
	 * vfio_pci_core_enable() has reset the GPU. Without the reset, work of
	 * the last user on the GPU would go on over NVLink2.
	 */
	if (!vdev->reset_works || !pnv_npu2_gpu_was_reset(gpu->pnv)) {
		dev_warn_ratelimited(&vdev->pdev->dev, "GPU could not be reset; it stays closed until that works\n");
		return -EIO;
	}

	/*
	 * The guest memory of the last user is still held if the close could
	 * neither fence the links nor reset the GPU.
	 */
	nvlink2_gpu_unhold_guest(gpu);

	ret = vfio_pci_core_setup_barmap(vdev, 0);
	if (ret)
		return ret;

	ret = nvlink2_gpu_claim_ram(gpu, &ram);
	if (ret)
		return ret;

	ret = nvlink2_gpu_map_lpar(gpu);
	if (ret)
		goto unclaim_ram;

	ret = nvlink2_ram_add_region(gpu);
	if (ret)
		goto unmap_lpar;

	ret = pnv_npu2_gpu_set_revoke(gpu->pnv, nvlink2_ram_revoke, gpu);
	if (ret)
		goto unmap_lpar;

	return 0;

unmap_lpar:
	nvlink2_gpu_leave_guest(gpu);
	nvlink2_gpu_unhold_guest(gpu);
unclaim_ram:
	nvlink2_gpu_unclaim_ram(gpu);
	return ret;
}

static int nvlink2_gpu_open_device(struct vfio_device *core_vdev)
{
	struct vfio_pci_core_device *vdev =
		container_of(core_vdev, struct vfio_pci_core_device, vdev);
	int ret;

	ret = vfio_pci_core_enable(vdev);
	if (ret)
		return ret;

	ret = nvlink2_gpu_setup(to_nvlink2_gpu(vdev));
	if (ret) {
		vfio_pci_core_disable(vdev);
		return ret;
	}

	vfio_pci_core_finish_enable(vdev);

	return 0;
}

/* The user is the cause, and can be so over and over */
static int nvlink2_gpu_fence(struct nvlink2_gpu *gpu)
{
	int ret;

	pnv_npu2_gpu_begin_change(gpu->pnv);
	pnv_npu2_pace(gpu->core.pdev);
	ret = pnv_npu2_gpu_fence(gpu->pnv);
	pnv_npu2_gpu_end_change(gpu->pnv);

	return ret;
}

/*
 * Fence the links, so that nothing accesses GPU RAM during the reset of the GPU
 * and after it. There is no mapping left, each has held the device open.
 */
static void nvlink2_gpu_close_prepare(struct nvlink2_gpu *gpu)
{
	int ret;

	lockdep_assert_held(&gpu->core.vdev.dev_set->lock);

	/* First, or the user of the bridges could take the fence away again */
	pnv_npu2_gpu_clear_revoke(gpu->pnv, gpu);

	ret = nvlink2_gpu_fence(gpu);
	if (ret)
		pci_warn(gpu->core.pdev, "links could not be fenced (%d)\n",
			 ret);
	gpu->links_fenced = !ret;
}

/*
 * Release what the GPU could use until its reset. VFIO still has a reference on
 * the guest.
 */
static void nvlink2_gpu_close_finish(struct nvlink2_gpu *gpu)
{
	lockdep_assert_held(&gpu->core.vdev.dev_set->lock);

	nvlink2_gpu_leave_guest(gpu);

	/*
	 * Without a fence and without a reset, the GPU may use its translations
	 * until the next reset.
	 */
	if (gpu->links_fenced ||
	    (!gpu->core.needs_reset && pnv_npu2_gpu_was_reset(gpu->pnv)))
		nvlink2_gpu_unhold_guest(gpu);

	nvlink2_gpu_unclaim_ram(gpu);
}

static void nvlink2_gpu_close_device(struct vfio_device *core_vdev)
{
	struct vfio_pci_core_device *vdev =
		container_of(core_vdev, struct vfio_pci_core_device, vdev);
	struct nvlink2_gpu *gpu = to_nvlink2_gpu(vdev);
	bool has_ram = gpu->ram.flags;

	if (has_ram)
		nvlink2_gpu_close_prepare(gpu);
	vfio_pci_core_close_device(core_vdev);
	if (has_ram)
		nvlink2_gpu_close_finish(gpu);
}

/*
 * Refuse the low-power states: the kernel would put the GPU to sleep and wake
 * it up at any time, and its links go down with that.
 */
static int nvlink2_gpu_feature(struct vfio_device *core_vdev, u32 flags,
			       void __user *arg, size_t argsz)
{
	switch (flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY:
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP:
		return -ENOTTY;
	default:
		return vfio_pci_core_ioctl_feature(core_vdev, flags, arg,
						   argsz);
	}
}

/*
 * Write the low byte of PMCSR. A GPU that leaves D0 takes its end of the links
 * down, and firmware does not notice. Fence the CPU end before. Fence it again
 * when the GPU is or was asleep: bridges do not sleep, so the user can have run
 * the training procedures in the meantime, or have written something else than
 * what was seen here first. A link that is fenced already costs nothing. While
 * GPU RAM can be mapped, the platform refuses the write.
 */
static ssize_t nvlink2_gpu_write_pmcsr(struct nvlink2_gpu *gpu,
				       const char __user *buf, loff_t *ppos)
{
	struct pci_dev *pdev = gpu->core.pdev;
	bool awake = pdev->current_state == PCI_D0;
	ssize_t ret;
	u8 val;

	if (get_user(val, (const u8 __user *)buf))
		return -EFAULT;

	if (val & PCI_PM_CTRL_STATE_MASK)
		nvlink2_gpu_fence(gpu);
	ret = vfio_pci_core_write(&gpu->core.vdev, buf, 1, ppos);
	if (!awake || pdev->current_state != PCI_D0)
		nvlink2_gpu_fence(gpu);

	return ret;
}

static ssize_t nvlink2_gpu_write(struct vfio_device *core_vdev,
				 const char __user *buf, size_t count,
				 loff_t *ppos)
{
	struct nvlink2_gpu *gpu =
		container_of(core_vdev, struct nvlink2_gpu, core.vdev);
	u8 pm_cap = gpu->core.pdev->pm_cap;
	size_t some, done = 0;
	bool pmcsr;
	ssize_t ret;

	if (VFIO_PCI_OFFSET_TO_INDEX(*ppos) != VFIO_PCI_CONFIG_REGION_INDEX ||
	    !pm_cap)
		return vfio_pci_core_write(core_vdev, buf, count, ppos);

	while (done < count) {
		some = nvlink2_split(*ppos & VFIO_PCI_OFFSET_MASK, count - done,
				     pm_cap + PCI_PM_CTRL, 1, &pmcsr);
		if (pmcsr)
			ret = nvlink2_gpu_write_pmcsr(gpu, buf + done, ppos);
		else
			ret = vfio_pci_core_write(core_vdev, buf + done, some,
						  ppos);
		if (ret <= 0)
			return done ?: ret;
		done += ret;
	}

	return done;
}

static void nvlink2_gpu_release(struct vfio_device *core_vdev)
{
	struct nvlink2_gpu *gpu =
		container_of(core_vdev, struct nvlink2_gpu, core.vdev);

	/*
	 * Keep the memory pinned: the GPU may still write to it, and it must not
	 * be given to another process.
	 */
	if (gpu->guest_mm)
		pci_err(gpu->core.pdev, "GPU could not be stopped; memory of its last guest stays pinned\n");

	vfio_pci_core_release_dev(core_vdev);
}

static const struct vfio_device_ops nvlink2_gpu_ops = {
	.name		= "vfio-pci",
	.init		= vfio_pci_core_init_dev,
	.release	= nvlink2_gpu_release,
	.open_device	= nvlink2_gpu_open_device,
	.close_device	= nvlink2_gpu_close_device,
	.ioctl		= vfio_pci_core_ioctl,
	.device_feature	= nvlink2_gpu_feature,
	.read		= vfio_pci_core_read,
	.write		= nvlink2_gpu_write,
	.mmap		= vfio_pci_core_mmap,
	.request	= vfio_pci_core_request,
	.match		= vfio_pci_core_match,
	.bind_iommufd	= vfio_iommufd_physical_bind,
	.unbind_iommufd	= vfio_iommufd_physical_unbind,
	.attach_ioas	= vfio_iommufd_physical_attach_ioas,
	.detach_ioas	= vfio_iommufd_physical_detach_ioas,
};

/**
 * nvlink2_gpu_alloc() - Allocate the VFIO device of a GPU
 * @pdev: the GPU
 * @pnv: the same GPU of the platform
 *
 * Return: the device or an error pointer.
 */
struct vfio_pci_core_device *nvlink2_gpu_alloc(struct pci_dev *pdev,
					       struct pnv_npu2_gpu *pnv)
{
	struct nvlink2_gpu *gpu;

	gpu = vfio_alloc_device(nvlink2_gpu, core.vdev, &pdev->dev,
				&nvlink2_gpu_ops);
	if (IS_ERR(gpu))
		return ERR_CAST(gpu);

	gpu->pnv = pnv;

	return &gpu->core;
}
