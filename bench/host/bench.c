// SPDX-License-Identifier: GPL-2.0
/*
 * What GPU RAM costs the host, and then a guest.
 *
 * Usage: bench GIB, where 0 leaves out what is measured in the host
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../../machine/common/files.h"
#include "../../machine/common/report.h"
#include "../../machine/host/group.h"
#include "../common/measure.h"
#include "device.h"
#include "dma.h"
#include "guest.h"
#include "kvm.h"
#include "probe.h"
#include "stages.h"

#define OPENINGS 3
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define MAP_ROUNDS 34
#define ZAPS 9
#define WARM_BYTES (256ul << 20)

static void choose(struct gpu *gpu, struct group *group)
{
	static struct gpu gpus[MAX_GPUS];

	if (!gpus_find(gpus))
		give_up("no GPU with NVLink bridges");
	*gpu = gpus[0];
	if (!group_of(&gpu->device, group) || group_bind(group) < group->count)
		give_up("vfio-pci did not take the group of %s", gpu->device.address);
}

/* The control lets a device be mapped once each time it is opened. */
static void map_often(const struct opened *opened, uint64_t bytes, struct cost *map, struct cost *unmap)
{
	void *place = device_place(opened, bytes), *memory;
	struct watch watch;
	int i;

	for (i = 0; i < MAP_ROUNDS; i++) {
		watch = watch_start();
		memory = device_map(opened, place, bytes);
		if (memory == MAP_FAILED)
			return;
		watch_stop(&watch, map);
		watch = watch_start();
		munmap(memory, bytes);
		watch_stop(&watch, unmap);
	}
}

static void report_mmap(const char *key, uint64_t bytes, struct cost *map, struct cost *unmap)
{
	report(key, "mib %lu times %d us %.1f slowest_us %.1f insns %.0f most_insns %.0f munmap_us %.1f "
	       "munmap_insns %.0f", (unsigned long)bytes >> 20, map->us.count, median(&map->us),
	       quantile(&map->us, 1), median(&map->insns), quantile(&map->insns, 1), median(&unmap->us),
	       median(&unmap->insns));
}

/* Both sizes each time the GPU is open, so that whatever changes meanwhile changes for both. */
static void bench_mmap(const struct vfio_session *session, const struct gpu *gpu)
{
	struct cost map[2] = { 0 }, unmap[2] = { 0 }, open = { 0 };
	uint64_t bytes[2] = { GIB };
	struct opened opened;
	int i;

	for (i = 0; i < 2 * OPENINGS; i++) {
		device_open(&opened, session, gpu, &open);
		bytes[1] = opened.size;
		map_often(&opened, bytes[i % 2], &map[i % 2], &unmap[i % 2]);
		device_close(&opened);
	}
	report_mmap("bench.mmap.gib", bytes[0], &map[0], &unmap[0]);
	report_mmap("bench.mmap.all", bytes[1], &map[1], &unmap[1]);
	report("bench.open", "us %.0f insns %.0f", median(&open.us), median(&open.insns));
}

/*
 * What NVLink2 adds to opening a PCI device. Ours opens a GPU or a bridge as a whole, with the reset that any PCI device gets
 * to be subtracted; the control has functions for what is added.
 */
static const struct {
	const char *name;
	int sign;
} open_functions[] = {
	{ "nvlink2_gpu_open_device", 1 }, { "nvlink2_bridge_open_device", 1 }, { "vfio_pci_core_enable", -1 },
	{ "vfio_pci_nvdia_v100_nvlink2_init", 1 }, { "vfio_pci_ibm_npu2_init", 1 },
};

static void watch_open(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(open_functions); i++)
		probe_time(open_functions[i].name, open_functions[i].name);
}

/* A GPU and its bridges together. */
static void report_open(int openings)
{
	double us, sum = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(open_functions); i++) {
		us = probe_us(open_functions[i].name);
		sum += us > 0 ? us * open_functions[i].sign : 0;
	}
	if (sum)
		report("bench.open.nvlink2", "us %.0f", sum / openings);
	else
		report("bench.open.nvlink2", "no function of NVLink2 was called");
}

/* The largest pages the host has for memory: 1 GiB ones if the command line reserved some. */
static void *ordinary_memory(uint64_t bytes)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);
	bool huge = memory != MAP_FAILED;

	if (!huge)
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory == MAP_FAILED)
		give_up("no memory");
	report("bench.memory", "%s", huge ? "hugetlb" : "transparent huge pages at best");
	return memory;
}

static void zap(const struct opened *opened, struct cost *cost)
{
	struct watch watch = watch_start();

	device_zap(opened);
	watch_stop(&watch, cost);
}

/* After each zap a touch is a first one, if there is anything to zap: the control leaves GPU RAM mapped. */
static void bench_zap(const struct opened *opened, void *ram, uint64_t bytes)
{
	struct cost mapped = { 0 }, unmapped = { 0 }, first = { 0 };
	long faults;
	int i;

	for (i = 0; i < ZAPS; i++) {
		zap(opened, &mapped);
		zap(opened, &unmapped);
		device_unzap(opened);
		faults = touch(ram, bytes, &first);
	}
	report("bench.zap", "mib %lu us %.0f insns %.0f unmapped_us %.0f unmapped_insns %.0f",
	       (unsigned long)bytes >> 20, median(&mapped.us), median(&mapped.insns),
	       median(&unmapped.us), median(&unmapped.insns));
	report("bench.touch.after_zap", "mib %lu faults %ld us %.0f insns %.0f",
	       (unsigned long)bytes >> 20, faults, median(&first.us), median(&first.insns));
}

static void bench_munmap(void *ram, uint64_t size, uint64_t touched)
{
	struct watch watch = watch_start();
	struct cost cost = { 0 };

	munmap(ram, size);
	watch_stop(&watch, &cost);
	report("bench.munmap", "mib %lu us %.0f insns %.0f", (unsigned long)touched >> 20, median(&cost.us),
	       median(&cost.insns));
}

static void bench_ram(const struct vfio_session *session, const struct gpu *gpu, uint64_t bytes)
{
	void *memory = ordinary_memory(bytes), *ram;
	struct cost open = { 0 };
	struct opened opened;

	device_open(&opened, session, gpu, &open);
	device_train(&opened);
	device_settle(&opened, bytes);
	ram = device_map(&opened, device_place(&opened, opened.size), opened.size);
	if (ram == MAP_FAILED)
		give_up("GPU RAM cannot be mapped");
	report("bench.address", "%p of 1 GiB %#lx", ram, (unsigned long)ram % GIB);
	report_touch("bench.touch.gpu", ram, bytes);
	report_touch("bench.touch.memory", memory, bytes);
	report_warm("bench.warm", ram, memory, WARM_BYTES);
	dma_bench(session, ram, opened.size, memory, GIB);
	bench_zap(&opened, ram, bytes);
	bench_munmap(ram, opened.size, bytes);
	munmap(memory, bytes);
	device_close(&opened);
}

static void bench_host(const struct group *group, const struct gpu *gpu, uint64_t bytes)
{
	struct vfio_session session;

	if (!vfio_begin(&session, group))
		give_up("no VFIO container");
	instructions_count();
	watch_open();
	bench_mmap(&session, gpu);
	report_open(2 * OPENINGS);
	stages_bench(&session, gpu);
	bench_ram(&session, gpu, bytes);
	instructions_end();
	vfio_end(&session);
}

int main(int argc, char **argv)
{
	uint64_t bytes = (argc > 1 ? strtoull(argv[1], NULL, 10) : 1) * GIB;
	struct utsname name;
	struct group group;
	struct gpu gpu;

	report_begin("host");
	uname(&name);
	report("kernel", "%s", name.release);
	choose(&gpu, &group);
	kvm_watch();
	if (bytes)
		bench_host(&group, &gpu, bytes);
	report("consumer", "%d", guest_run(&gpu));
	group_unbind(&group);
	return 0;
}
