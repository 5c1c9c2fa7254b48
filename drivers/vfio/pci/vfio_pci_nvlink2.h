/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO PCI NVLink2 extensions: what can be computed without a device
 */
#ifndef VFIO_PCI_NVLINK2_H
#define VFIO_PCI_NVLINK2_H

#include <linux/align.h>
#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/vfio_pci_core.h>

/* An ATSD register block: a page of its own, of which three words are used */
#define NVLINK2_ATSD_SIZE	SZ_64K
#define NVLINK2_ATSD_STATUS	0x10	/* after LAUNCH at 0 and AVA at 8 */

/* First page of a mapping, counted from the start of its region */
static inline u64 nvlink2_region_pgoff(u64 vm_pgoff)
{
	return vm_pgoff & (VFIO_PCI_OFFSET_MASK >> PAGE_SHIFT);
}

/* Whether @pages from @pgoff on are within a region of @size bytes */
static inline bool nvlink2_pages_ok(u64 pgoff, u64 pages, u64 size)
{
	u64 region_pages = size >> PAGE_SHIFT;

	return pages && pgoff < region_pages && pages <= region_pages - pgoff;
}

/*
 * How much RAM a V100 has, by the register in which its own firmware leaves it:
 * a magnitude, a scale of 1 MiB at least, and whether a 16th is taken for ECC
 * (gp102_fb_vidmem_size() in nouveau). 0 if that cannot be: more than the
 * aperture, as when the GPU does not answer, or an error code of its internal
 * bus, which all start in the same way.
 */
static inline u64 nvlink2_ram_size(u32 local_memory, u64 aperture)
{
	u64 size = (u64)FIELD_GET(GENMASK(9, 4), local_memory) <<
		   (FIELD_GET(GENMASK(3, 0), local_memory) + 20);

	if (local_memory & BIT(30))
		size = size / 16 * 15;

	if (local_memory >> 20 == 0xbad || size > aperture)
		return 0;

	return size;
}

/* What QEMU pairs a bridge with its GPU by, see VFIO_REGION_INFO_CAP_NVLINK2_SSATGT */
static inline struct vfio_region_info_cap_nvlink2_ssatgt
nvlink2_cap_ssatgt(u64 tgt)
{
	return (struct vfio_region_info_cap_nvlink2_ssatgt) {
		.header.id = VFIO_REGION_INFO_CAP_NVLINK2_SSATGT,
		.header.version = 1,
		.tgt = tgt,
	};
}

/* For the guest's device tree, see VFIO_REGION_INFO_CAP_NVLINK2_LNKSPD */
static inline struct vfio_region_info_cap_nvlink2_lnkspd
nvlink2_cap_lnkspd(u32 speed)
{
	return (struct vfio_region_info_cap_nvlink2_lnkspd) {
		.header.id = VFIO_REGION_INFO_CAP_NVLINK2_LNKSPD,
		.header.version = 1,
		.link_speed = speed,
	};
}

/* Anything but a whole register could launch a shootdown that nobody meant */
static inline bool nvlink2_atsd_access_ok(u64 pos, size_t count)
{
	return count == sizeof(u64) && IS_ALIGNED(pos, sizeof(u64)) &&
	       pos <= NVLINK2_ATSD_STATUS;
}

/*
 * How many of @count bytes from @pos on are, like the first one, all inside or
 * all outside of @len bytes from @start on; @inside tells which.
 */
static inline size_t nvlink2_split(u64 pos, size_t count, u64 start, u64 len,
				   bool *inside)
{
	*inside = pos >= start && pos < start + len;
	if (*inside)
		return min_t(u64, count, start + len - pos);

	return pos < start ? min_t(u64, count, start - pos) : count;
}

#endif /* VFIO_PCI_NVLINK2_H */
