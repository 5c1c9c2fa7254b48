/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VFIO containers with the sPAPR TCE v2 backend, and devices in them
 *
 * Functions that can fail return 0 or a negative errno, unless their comment
 * says something else.
 */
#ifndef SELFTESTS_VFIO_NVLINK2_SPAPR_H
#define SELFTESTS_VFIO_NVLINK2_SPAPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BDF_LEN		16

/**
 * struct spapr_container - a container with one IOMMU group
 * @fd: file descriptor of the container
 * @group_fd: file descriptor of the group
 * @group: number of the group
 */
struct spapr_container {
	int fd;
	int group_fd;
	int group;
};

/**
 * struct vfio_region - what VFIO_DEVICE_GET_REGION_INFO says of a region
 * @index: number of the region
 * @flags: VFIO_REGION_INFO_FLAG_*
 * @size: in bytes
 * @offset: offset in the device file
 * @type: of a device-specific region, 0 for any other
 * @subtype: of a device-specific region
 * @tgt: NVLink2 target address, 0 when there is no such capability
 * @speed: NVLink2 link speed, 0 when there is no such capability
 */
struct vfio_region {
	unsigned int index;
	uint32_t flags;
	uint64_t size;
	uint64_t offset;
	uint32_t type;
	uint32_t subtype;
	uint64_t tgt;
	uint32_t speed;
};

/**
 * struct vfio_dev - a device of a group
 * @fd: file descriptor of the device, -1 when it is closed
 * @bdf: name in sysfs
 * @config: region of the configuration space
 */
struct vfio_dev {
	int fd;
	char bdf[BDF_LEN];
	struct vfio_region config;
};

int spapr_open(struct spapr_container *container, int group);
/* The older backend, which pins what is mapped instead of what is registered */
int spapr_open_v1(struct spapr_container *container, int group);
void spapr_close(struct spapr_container *container);

int spapr_register(struct spapr_container *container,
		   const volatile void *addr, uint64_t size);
int spapr_unregister(struct spapr_container *container,
		     const volatile void *addr, uint64_t size);
int spapr_map(struct spapr_container *container, uint64_t iova,
	      const volatile void *addr, uint64_t size);
int spapr_unmap(struct spapr_container *container, uint64_t iova,
		uint64_t size);
int spapr_create_window(struct spapr_container *container,
			unsigned int page_shift, uint64_t size,
			unsigned int levels, uint64_t *start);
int spapr_remove_window(struct spapr_container *container, uint64_t start);
int spapr_page_sizes(struct spapr_container *container, uint64_t *sizes);
/* The size of the window at 0 that a container starts with */
int spapr_default_window(struct spapr_container *container, uint64_t *size);
/* Returns a negative errno or what the operation gives, e.g. a PE state */
int spapr_eeh(struct spapr_container *container, uint32_t op);

int vfio_dev_open(struct spapr_container *container, const char *bdf,
		  struct vfio_dev *dev);
void vfio_dev_close(struct vfio_dev *dev);
int vfio_dev_reset(struct vfio_dev *dev);
/* @container is the one with the group of all devices that the reset affects */
int vfio_dev_hot_reset(struct vfio_dev *dev, struct spapr_container *container);
/* Let the MSI of the device signal an eventfd, or have none any more with -1 */
int vfio_dev_set_msi(struct vfio_dev *dev, int eventfd);
unsigned int vfio_dev_num_regions(struct vfio_dev *dev);
int vfio_region_get(struct vfio_dev *dev, unsigned int index,
		    struct vfio_region *region);
/* -ENOENT when the device has no region of that type */
int vfio_region_find(struct vfio_dev *dev, uint32_t type, uint32_t subtype,
		     struct vfio_region *region);
void *vfio_region_mmap(struct vfio_dev *dev, const struct vfio_region *region,
		       uint64_t offset, size_t size);

/* Configuration space as VFIO presents it, 1, 2 or 4 bytes */
uint32_t vfio_config_read(struct vfio_dev *dev, unsigned int where,
			  unsigned int size);
int vfio_config_write(struct vfio_dev *dev, unsigned int where,
		      unsigned int size, uint32_t val);
/* 0 when the device has no such capability */
unsigned int vfio_config_capability(struct vfio_dev *dev, uint8_t id);

#endif /* SELFTESTS_VFIO_NVLINK2_SPAPR_H */
