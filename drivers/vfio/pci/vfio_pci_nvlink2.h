/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO PCI support for NVLink2 GPUs behind a POWER9 NPU: private declarations
 *
 * vfio-pci hands out two kinds of devices with NVLink2: the GPU on its PCIe
 * bus, and its NVLink bridges, the PCI functions that firmware emulates for the
 * CPU end of each link. Terms are those of the glossary in
 * arch/powerpc/platforms/powernv/npu2.h. The files, from the bottom up:
 *
 *   vfio_pci_nvlink2_ram.c	region of a GPU with its RAM
 *   vfio_pci_nvlink2_gpu.c	open and close of a GPU, its guest, power states
 *   vfio_pci_nvlink2_atsd.c	region of a bridge with its ATSD registers
 *   vfio_pci_nvlink2_bridge.c	open and close of a bridge, its config space
 *   vfio_pci_nvlink2.c		what vfio_pci.c uses
 *
 * An access to GPU RAM while a link of the GPU is down can stop the host, see
 * npu2-gate.c beside that file. Each access, and each insertion of a PTE, is
 * therefore between pnv_npu2_gpu_enter() and pnv_npu2_gpu_exit(). Code that takes
 * a link down calls a function of the platform, which calls nvlink2_ram_revoke()
 * to remove the PTEs.
 *
 * Nothing else removes them: GPU RAM does not depend on memory enable in COMMAND,
 * which switches the BARs.
 *
 * Lock order, outermost first:
 *
 *   vfio_device_set::lock		open and close, which may unpin guest memory
 *     kvm->arch.mmu_setup_lock		to keep the guest radix
 *     pnv_npu2.lock of the platform	to assign the GPU to an LPID
 *     mmap_lock
 *       vfio_pci_core_device::memory_lock	to read the size of the RAM
 *       the gate of the GPU
 *         i_mmap_rwsem, page table locks
 *       the lock of the mm_iommu list
 *
 * A reset takes memory_lock for write, then the gate for write. An error of the
 * RAM takes the locks of memory_failure(), which open and close take as well, and
 * within these i_mmap_rwsem alone.
 *
 * Locks below the gate that belong to the platform are in npu2.h.
 */
#ifndef VFIO_PCI_NVLINK2_H
#define VFIO_PCI_NVLINK2_H

#include <linux/ioport.h>
#include <linux/memory-failure.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/types.h>
#include <linux/vfio_pci_core.h>

struct pnv_npu2_gpu;

/*
 * BAR 0 of a GPU: the register in which the firmware of the GPU leaves the size
 * of its RAM, see nvlink2_ram_size()
 */
#define NVLINK2_LOCAL_MEMORY	0x100ce0

/*
 * Fields marked "dev_set" are written with vfio_device_set::lock held, by open
 * and close. They are constant while the device is open.
 */
struct nvlink2_gpu {
	struct vfio_pci_core_device core;
	struct pnv_npu2_gpu *pnv;	/* GPU of the platform; constant */
	struct resource ram;		/* aperture if claimed, or empty; dev_set */
	struct pfn_address_space pfns;	/* those of the aperture; dev_set */
	unsigned int ram_region;	/* index in core.region; dev_set */
	u64 ram_size;			/* bytes of RAM, 0 if not known yet; set
					 * by any fault, to the same value
					 */
	struct kvm *guest;		/* has the LPID, and stays radix, or NULL;
					 * dev_set
					 */
	struct mm_struct *guest_mm;	/* its memory is held, or NULL; dev_set */
	bool links_fenced;		/* by close; dev_set */
};

struct nvlink2_bridge {
	struct vfio_pci_core_device core;
	struct pnv_npu2_gpu *pnv;	/* GPU of the link; constant */
	struct resource atsd;		/* registers if claimed, or empty; dev_set */
	u8 devctl;			/* offset of Device Control; constant */
	u8 procedure;			/* offset of PROCEDURE; constant */
};

static inline struct nvlink2_gpu *
to_nvlink2_gpu(struct vfio_pci_core_device *core)
{
	return container_of(core, struct nvlink2_gpu, core);
}

static inline struct nvlink2_bridge *
to_nvlink2_bridge(struct vfio_pci_core_device *core)
{
	return container_of(core, struct nvlink2_bridge, core);
}

/* First page of a mapping, relative to its region */
static inline u64 nvlink2_region_pgoff(u64 vm_pgoff)
{
	return vm_pgoff & (VFIO_PCI_OFFSET_MASK >> PAGE_SHIFT);
}

/* Check that @pages from page @pgoff on are within a region of @size bytes */
static inline bool nvlink2_pages_ok(u64 pgoff, u64 pages, u64 size)
{
	u64 region_pages = size >> PAGE_SHIFT;

	return pages && pgoff < region_pages && pages <= region_pages - pgoff;
}

/*
 * Cut an access of @count bytes at @pos where it enters or leaves the @len
 * bytes from @start on. Returns the length of the first part; @inside tells
 * whether this part is within the @len bytes.
 */
static inline size_t nvlink2_split(u64 pos, size_t count, u64 start, u64 len,
				   bool *inside)
{
	*inside = pos >= start && pos < start + len;
	if (*inside)
		return min_t(u64, count, start + len - pos);

	return pos < start ? min_t(u64, count, start - pos) : count;
}

/* QEMU finds the bridges of a GPU by equal values of this capability */
static inline int nvlink2_add_ssatgt(struct vfio_info_cap *caps, u64 tgt)
{
	struct vfio_region_info_cap_nvlink2_ssatgt cap = {
		.header.id = VFIO_REGION_INFO_CAP_NVLINK2_SSATGT,
		.header.version = 1,
		.tgt = tgt,
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

int nvlink2_ram_add_region(struct nvlink2_gpu *gpu);
void nvlink2_ram_revoke(void *data);

struct vfio_pci_core_device *nvlink2_gpu_alloc(struct pci_dev *pdev,
					       struct pnv_npu2_gpu *pnv);

void nvlink2_atsd_claim(struct nvlink2_bridge *bridge);
void nvlink2_atsd_unclaim(struct nvlink2_bridge *bridge);
int nvlink2_atsd_add_region(struct nvlink2_bridge *bridge);

struct vfio_pci_core_device *nvlink2_bridge_alloc(struct pci_dev *pdev,
						  struct pnv_npu2_gpu *pnv);

#if IS_ENABLED(CONFIG_KUNIT)
u64 nvlink2_ram_size(u32 local_memory, u64 aperture);
#endif

#endif /* VFIO_PCI_NVLINK2_H */
