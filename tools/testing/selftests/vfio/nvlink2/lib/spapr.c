// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "spapr.h"

static int result(int ret)
{
	return ret < 0 ? -errno : ret;
}

static int group_is_viable(int group_fd)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	if (ioctl(group_fd, VFIO_GROUP_GET_STATUS, &status))
		return -errno;

	return status.flags & VFIO_GROUP_FLAGS_VIABLE ? 0 : -ENODEV;
}

static int container_setup(struct spapr_container *container, int type)
{
	int ret;

	ret = group_is_viable(container->group_fd);
	if (ret)
		return ret;
	if (ioctl(container->group_fd, VFIO_GROUP_SET_CONTAINER,
		  &container->fd))
		return -errno;

	return result(ioctl(container->fd, VFIO_SET_IOMMU, type));
}

static int open_type(struct spapr_container *container, int group, int type)
{
	char path[32];
	int ret;

	container->group = group;
	container->group_fd = -1;
	container->fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (container->fd < 0)
		return -errno;

	snprintf(path, sizeof(path), "/dev/vfio/%d", group);
	container->group_fd = open(path, O_RDWR | O_CLOEXEC);
	ret = container->group_fd < 0 ? -errno :
					container_setup(container, type);
	if (ret)
		spapr_close(container);

	return ret;
}

int spapr_open(struct spapr_container *container, int group)
{
	return open_type(container, group, VFIO_SPAPR_TCE_v2_IOMMU);
}

int spapr_open_v1(struct spapr_container *container, int group)
{
	int ret = open_type(container, group, VFIO_SPAPR_TCE_IOMMU);

	if (ret)
		return ret;

	ret = result(ioctl(container->fd, VFIO_IOMMU_ENABLE));
	if (ret)
		spapr_close(container);

	return ret;
}

void spapr_close(struct spapr_container *container)
{
	if (container->group_fd >= 0)
		close(container->group_fd);
	if (container->fd >= 0)
		close(container->fd);
	container->group_fd = -1;
	container->fd = -1;
}

static int spapr_memory(struct spapr_container *container, unsigned long cmd,
			const volatile void *addr, uint64_t size)
{
	struct vfio_iommu_spapr_register_memory reg = {
		.argsz = sizeof(reg),
		.vaddr = (uintptr_t)addr,
		.size = size,
	};

	return result(ioctl(container->fd, cmd, &reg));
}

int spapr_register(struct spapr_container *container,
		   const volatile void *addr, uint64_t size)
{
	return spapr_memory(container, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, addr,
			    size);
}

int spapr_unregister(struct spapr_container *container,
		     const volatile void *addr, uint64_t size)
{
	return spapr_memory(container, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY,
			    addr, size);
}

int spapr_map(struct spapr_container *container, uint64_t iova,
	      const volatile void *addr, uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)addr,
		.iova = iova,
		.size = size,
	};

	return result(ioctl(container->fd, VFIO_IOMMU_MAP_DMA, &map));
}

int spapr_unmap(struct spapr_container *container, uint64_t iova,
		uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	return result(ioctl(container->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
}

int spapr_create_window(struct spapr_container *container,
			unsigned int page_shift, uint64_t size,
			unsigned int levels, uint64_t *start)
{
	struct vfio_iommu_spapr_tce_create create = {
		.argsz = sizeof(create),
		.page_shift = page_shift,
		.window_size = size,
		.levels = levels,
	};
	int ret;

	ret = result(ioctl(container->fd, VFIO_IOMMU_SPAPR_TCE_CREATE,
			   &create));
	*start = create.start_addr;

	return ret;
}

int spapr_remove_window(struct spapr_container *container, uint64_t start)
{
	struct vfio_iommu_spapr_tce_remove remove = {
		.argsz = sizeof(remove),
		.start_addr = start,
	};

	return result(ioctl(container->fd, VFIO_IOMMU_SPAPR_TCE_REMOVE,
			    &remove));
}

int spapr_page_sizes(struct spapr_container *container, uint64_t *sizes)
{
	struct vfio_iommu_spapr_tce_info info = { .argsz = sizeof(info) };
	int ret;

	ret = result(ioctl(container->fd, VFIO_IOMMU_SPAPR_TCE_GET_INFO,
			   &info));
	*sizes = info.ddw.pgsizes;

	return ret;
}

int spapr_default_window(struct spapr_container *container, uint64_t *size)
{
	struct vfio_iommu_spapr_tce_info info = { .argsz = sizeof(info) };
	int ret;

	ret = result(ioctl(container->fd, VFIO_IOMMU_SPAPR_TCE_GET_INFO,
			   &info));
	*size = info.dma32_window_size;

	return ret;
}

int spapr_eeh(struct spapr_container *container, uint32_t op)
{
	struct vfio_eeh_pe_op eeh = {
		.argsz = sizeof(eeh),
		.op = op,
	};

	return result(ioctl(container->fd, VFIO_EEH_PE_OP, &eeh));
}
