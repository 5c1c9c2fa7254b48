// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "spapr.h"

#define MAX_REGION_INFO		4096
#define MAX_CAPABILITIES	48

int vfio_dev_open(struct spapr_container *container, const char *bdf,
		  struct vfio_dev *dev)
{
	snprintf(dev->bdf, sizeof(dev->bdf), "%s", bdf);
	dev->fd = ioctl(container->group_fd, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (dev->fd < 0) {
		dev->fd = -1;
		return -errno;
	}

	return vfio_region_get(dev, VFIO_PCI_CONFIG_REGION_INDEX, &dev->config);
}

void vfio_dev_close(struct vfio_dev *dev)
{
	if (dev->fd >= 0)
		close(dev->fd);
	dev->fd = -1;
}

int vfio_dev_reset(struct vfio_dev *dev)
{
	return ioctl(dev->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

int vfio_dev_hot_reset(struct vfio_dev *dev, struct spapr_container *container)
{
	struct {
		struct vfio_pci_hot_reset reset;
		int32_t group_fd;
	} arg = {
		.reset.argsz = sizeof(arg),
		.reset.count = 1,
		.group_fd = container->group_fd,
	};

	return ioctl(dev->fd, VFIO_DEVICE_PCI_HOT_RESET, &arg) ? -errno : 0;
}

int vfio_dev_set_msi(struct vfio_dev *dev, int eventfd)
{
	struct {
		struct vfio_irq_set set;
		int32_t eventfd;
	} arg = {
		.set.argsz = sizeof(arg),
		.set.flags = VFIO_IRQ_SET_DATA_EVENTFD |
			     VFIO_IRQ_SET_ACTION_TRIGGER,
		.set.index = VFIO_PCI_MSI_IRQ_INDEX,
		.set.count = 1,
		.eventfd = eventfd,
	};

	if (eventfd < 0) {
		arg.set.flags = VFIO_IRQ_SET_DATA_NONE |
				VFIO_IRQ_SET_ACTION_TRIGGER;
		arg.set.count = 0;
	}

	return ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, &arg) ? -errno : 0;
}

unsigned int vfio_dev_num_regions(struct vfio_dev *dev)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return ioctl(dev->fd, VFIO_DEVICE_GET_INFO, &info) ? 0 :
							     info.num_regions;
}

static void parse_capability(const struct vfio_info_cap_header *header,
			     struct vfio_region *region)
{
	const struct vfio_region_info_cap_type *type = (const void *)header;
	const struct vfio_region_info_cap_nvlink2_ssatgt *ssatgt =
		(const void *)header;
	const struct vfio_region_info_cap_nvlink2_lnkspd *lnkspd =
		(const void *)header;

	switch (header->id) {
	case VFIO_REGION_INFO_CAP_TYPE:
		region->type = type->type;
		region->subtype = type->subtype;
		break;
	case VFIO_REGION_INFO_CAP_NVLINK2_SSATGT:
		region->tgt = ssatgt->tgt;
		break;
	case VFIO_REGION_INFO_CAP_NVLINK2_LNKSPD:
		region->speed = lnkspd->link_speed;
		break;
	}
}

static int parse_capabilities(const struct vfio_region_info *info,
			      struct vfio_region *region)
{
	const struct vfio_info_cap_header *header;
	uint32_t at = info->cap_offset;

	while (at) {
		if (at + sizeof(*header) > info->argsz)
			return -EPROTO;
		header = (const void *)((const char *)info + at);
		parse_capability(header, region);
		/* Do not loop on a list that does not advance */
		if (header->next && header->next <= at)
			return -EPROTO;
		at = header->next;
	}

	return 0;
}

int vfio_region_get(struct vfio_dev *dev, unsigned int index,
		    struct vfio_region *region)
{
	union {
		struct vfio_region_info info;
		char room[MAX_REGION_INFO];
	} u = { .info.argsz = sizeof(u), .info.index = index };

	memset(region, 0, sizeof(*region));
	if (ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &u.info))
		return -errno;

	region->index = index;
	region->flags = u.info.flags;
	region->size = u.info.size;
	region->offset = u.info.offset;
	if (!(u.info.flags & VFIO_REGION_INFO_FLAG_CAPS))
		return 0;

	return parse_capabilities(&u.info, region);
}

int vfio_region_find(struct vfio_dev *dev, uint32_t type, uint32_t subtype,
		     struct vfio_region *region)
{
	unsigned int i, count = vfio_dev_num_regions(dev);
	int ret;

	for (i = VFIO_PCI_NUM_REGIONS; i < count; i++) {
		ret = vfio_region_get(dev, i, region);
		if (ret)
			return ret;
		if (region->type == type && region->subtype == subtype)
			return 0;
	}

	return -ENOENT;
}

void *vfio_region_mmap(struct vfio_dev *dev, const struct vfio_region *region,
		       uint64_t offset, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd,
		    region->offset + offset);
}

uint32_t vfio_config_read(struct vfio_dev *dev, unsigned int where,
			  unsigned int size)
{
	uint8_t bytes[4] = { 0 };
	uint32_t val = 0;

	if (pread(dev->fd, bytes, size, dev->config.offset + where) !=
	    (ssize_t)size)
		return ~0u;

	while (size--)
		val = val << 8 | bytes[size];

	return val;
}

int vfio_config_write(struct vfio_dev *dev, unsigned int where,
		      unsigned int size, uint32_t val)
{
	uint8_t bytes[4];
	unsigned int i;

	for (i = 0; i < size; i++, val >>= 8)
		bytes[i] = val;

	if (pwrite(dev->fd, bytes, size, dev->config.offset + where) !=
	    (ssize_t)size)
		return -errno;

	return 0;
}

unsigned int vfio_config_capability(struct vfio_dev *dev, uint8_t id)
{
	unsigned int at = vfio_config_read(dev, PCI_CAPABILITY_LIST, 1);
	int ttl = MAX_CAPABILITIES;

	for (; at && ttl--; at = vfio_config_read(dev, at + 1, 1)) {
		if (vfio_config_read(dev, at, 1) == id)
			return at;
	}

	return 0;
}
