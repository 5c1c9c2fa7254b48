// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../../machine/common/report.h"
#include "../common/measure.h"
#include "dma.h"

#define ROUNDS 5
#define WINDOW_PAGE_SHIFT 16

/**
 * struct dma_times - what one kind of memory takes.
 * @map: microseconds to map it.
 * @unmap: to unmap it.
 */
struct dma_times {
	struct samples map, unmap;
};

static bool register_memory(int container, void *memory, uint64_t size, const char *key)
{
	struct vfio_iommu_spapr_register_memory reg = {
		.argsz = sizeof(reg), .vaddr = (uintptr_t)memory, .size = size,
	};
	double begin = now_us();

	if (ioctl(container, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, &reg)) {
		report_error(key, "VFIO_IOMMU_SPAPR_REGISTER_MEMORY");
		return false;
	}
	report(key, "mib %llu us %.0f", (unsigned long long)size >> 20, now_us() - begin);
	return true;
}

static void unregister_memory(int container, void *memory, uint64_t size)
{
	struct vfio_iommu_spapr_register_memory reg = {
		.argsz = sizeof(reg), .vaddr = (uintptr_t)memory, .size = size,
	};

	ioctl(container, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, &reg);
}

static bool create_window(int container, uint64_t size, uint64_t *start)
{
	struct vfio_iommu_spapr_tce_info info = { .argsz = sizeof(info) };
	struct vfio_iommu_spapr_tce_remove remove = { .argsz = sizeof(remove) };
	struct vfio_iommu_spapr_tce_create create = {
		.argsz = sizeof(create), .page_shift = WINDOW_PAGE_SHIFT, .window_size = size,
		.levels = 1,
	};

	/* The default window is too small for a GiB, and an NPU has room for one only. */
	if (!ioctl(container, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info)) {
		remove.start_addr = info.dma32_window_start;
		ioctl(container, VFIO_IOMMU_SPAPR_TCE_REMOVE, &remove);
	}
	if (ioctl(container, VFIO_IOMMU_SPAPR_TCE_CREATE, &create)) {
		report_error("bench.dma", "VFIO_IOMMU_SPAPR_TCE_CREATE");
		return false;
	}
	*start = create.start_addr;
	report("bench.dma.window", "start %#llx page %d", (unsigned long long)*start,
	       1 << WINDOW_PAGE_SHIFT);
	return true;
}

static bool map_once(int container, uint64_t iova, void *memory, uint64_t bytes,
		     struct dma_times *times)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory, .iova = iova, .size = bytes,
	};
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = bytes,
	};
	double begin = now_us(), mapped;

	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map)) {
		report_error("bench.dma", "VFIO_IOMMU_MAP_DMA");
		return false;
	}
	mapped = now_us();
	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap)) {
		report_error("bench.dma", "VFIO_IOMMU_UNMAP_DMA");
		return false;
	}
	add_sample(&times->map, mapped - begin);
	add_sample(&times->unmap, now_us() - mapped);
	return true;
}

static void map_in_turns(int container, uint64_t iova, void *ram, void *memory, uint64_t bytes)
{
	struct dma_times of_ram = { 0 }, of_memory = { 0 };
	int i;

	for (i = 0; i < ROUNDS; i++)
		if (!map_once(container, iova, ram, bytes, &of_ram) ||
		    !map_once(container, iova, memory, bytes, &of_memory))
			return;
	report("bench.dma.map", "mib %llu gpu_us %.0f memory_us %.0f", (unsigned long long)bytes >> 20,
	       median(&of_ram.map), median(&of_memory.map));
	report("bench.dma.unmap", "mib %llu gpu_us %.0f memory_us %.0f",
	       (unsigned long long)bytes >> 20, median(&of_ram.unmap), median(&of_memory.unmap));
}

void dma_bench(const struct vfio_session *session, void *ram, uint64_t size, void *memory,
	       uint64_t bytes)
{
	int container = session->container;
	uint64_t iova;

	if (!register_memory(container, memory, bytes, "bench.dma.register.memory"))
		return;
	if (register_memory(container, ram, size, "bench.dma.register.gpu")) {
		if (create_window(container, bytes, &iova))
			map_in_turns(container, iova, ram, memory, bytes);
		unregister_memory(container, ram, size);
	}
	unregister_memory(container, memory, bytes);
}
