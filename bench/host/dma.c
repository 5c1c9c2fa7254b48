// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../../machine/common/report.h"
#include "dma.h"

#define ROUNDS 11
#define PAGE_SHIFT 16

/**
 * struct dma_cost - what one kind of memory takes.
 * @map: to map it.
 * @unmap: to unmap it.
 */
struct dma_cost {
	struct cost map, unmap;
};

static bool register_memory(int container, void *memory, uint64_t size, const char *key)
{
	struct vfio_iommu_spapr_register_memory reg = {
		.argsz = sizeof(reg), .vaddr = (uintptr_t)memory, .size = size,
	};
	struct watch watch = watch_start();
	struct cost cost = { 0 };

	if (ioctl(container, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, &reg)) {
		report_error(key, "VFIO_IOMMU_SPAPR_REGISTER_MEMORY");
		return false;
	}
	watch_stop(&watch, &cost);
	report(key, "mib %llu us %.0f insns %.0f", (unsigned long long)size >> 20, median(&cost.us),
	       median(&cost.insns));
	return true;
}

static void unregister_memory(int container, void *memory, uint64_t size)
{
	struct vfio_iommu_spapr_register_memory reg = {
		.argsz = sizeof(reg), .vaddr = (uintptr_t)memory, .size = size,
	};

	ioctl(container, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, &reg);
}

/* Of the window; an NPU has no larger ones than 64 KiB. */
static unsigned int largest_page(int container)
{
	struct vfio_iommu_spapr_tce_info info = { .argsz = sizeof(info) };
	unsigned int shift = PAGE_SHIFT;

	if (!ioctl(container, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info) && info.flags & VFIO_IOMMU_SPAPR_INFO_DDW)
		while (info.ddw.pgsizes >> shift > 1)
			shift++;
	return shift;
}

/* An NPU has room for one window: whatever is there goes. */
static void remove_window(int container, uint64_t start)
{
	struct vfio_iommu_spapr_tce_remove remove = { .argsz = sizeof(remove), .start_addr = start };

	ioctl(container, VFIO_IOMMU_SPAPR_TCE_REMOVE, &remove);
}

static bool create_window(int container, uint64_t size, unsigned int shift, uint64_t *start)
{
	struct vfio_iommu_spapr_tce_info info = { .argsz = sizeof(info) };
	struct vfio_iommu_spapr_tce_create create = {
		.argsz = sizeof(create), .page_shift = shift, .window_size = size, .levels = 1,
	};

	if (!ioctl(container, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info))
		remove_window(container, info.dma32_window_start);
	if (ioctl(container, VFIO_IOMMU_SPAPR_TCE_CREATE, &create)) {
		report_error("bench.dma", "VFIO_IOMMU_SPAPR_TCE_CREATE");
		return false;
	}
	*start = create.start_addr;
	return true;
}

static bool map_once(int container, uint64_t iova, void *memory, uint64_t bytes,
		     struct dma_cost *cost)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory, .iova = iova, .size = bytes,
	};
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = bytes,
	};
	struct watch watch = watch_start();

	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map)) {
		report_error("bench.dma", "VFIO_IOMMU_MAP_DMA");
		return false;
	}
	watch_stop(&watch, &cost->map);
	watch = watch_start();
	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap)) {
		report_error("bench.dma", "VFIO_IOMMU_UNMAP_DMA");
		return false;
	}
	watch_stop(&watch, &cost->unmap);
	return true;
}

static void report_pair(const char *what, unsigned int shift, uint64_t bytes, struct cost *ram, struct cost *memory)
{
	char key[64];

	snprintf(key, sizeof(key), "bench.dma.%s", what);
	report(key, "page_kib %lu mib %lu gpu_us %.0f memory_us %.0f gpu_insns %.0f memory_insns %.0f",
	       1ul << (shift - 10), (unsigned long)bytes >> 20, median(&ram->us), median(&memory->us),
	       median(&ram->insns), median(&memory->insns));
}

static void map_in_turns(int container, unsigned int shift, void *ram, void *memory, uint64_t bytes)
{
	struct dma_cost of_ram = { 0 }, of_memory = { 0 };
	uint64_t iova;
	int i;

	if (!create_window(container, bytes, shift, &iova))
		return;
	for (i = 0; i < ROUNDS; i++)
		if (!map_once(container, iova, ram, bytes, &of_ram) ||
		    !map_once(container, iova, memory, bytes, &of_memory))
			break;
	if (i == ROUNDS) {
		report_pair("map", shift, bytes, &of_ram.map, &of_memory.map);
		report_pair("unmap", shift, bytes, &of_ram.unmap, &of_memory.unmap);
	}
	remove_window(container, iova);
}

void dma_bench(const struct vfio_session *session, void *ram, uint64_t size, void *memory,
	       uint64_t bytes)
{
	int container = session->container;

	if (!register_memory(container, memory, bytes, "bench.dma.register.memory"))
		return;
	if (register_memory(container, ram, size, "bench.dma.register.gpu")) {
		map_in_turns(container, largest_page(container), ram, memory, bytes);
		unregister_memory(container, ram, size);
	}
	unregister_memory(container, memory, bytes);
}
