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

#define MAP_ROUNDS 3

static void choose(struct gpu *gpu, struct group *group)
{
	static struct gpu gpus[MAX_GPUS];

	if (!gpus_find(gpus))
		give_up("no GPU with NVLink bridges");
	*gpu = gpus[0];
	if (!group_of(&gpu->device, group) || group_bind(group) < group->count)
		give_up("vfio-pci did not take the group of %s", gpu->device.address);
}

/* Opens anew each time: the control lets a device be mapped only once. */
static void bench_mmap(const struct vfio_session *session, const struct gpu *gpu, uint64_t size,
		       const char *key, struct samples *open_us)
{
	struct samples map = { 0 }, unmap = { 0 };
	struct opened opened;
	double begin, mapped;
	uint64_t bytes;
	void *memory;
	int i;

	for (i = 0; i < MAP_ROUNDS; i++) {
		device_open(&opened, session, gpu);
		add_sample(open_us, opened.open_us);
		bytes = size ? size : opened.size;
		begin = now_us();
		memory = device_map(&opened, bytes);
		mapped = now_us();
		munmap(memory, bytes);
		add_sample(&map, mapped - begin);
		add_sample(&unmap, now_us() - mapped);
		device_close(&opened);
	}
	report(key, "mib %llu mmap_us %.1f munmap_us %.1f", (unsigned long long)bytes >> 20,
	       median(&map), median(&unmap));
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

static void bench_zap(const struct opened *opened, void *ram, uint64_t bytes)
{
	double begin, mapped;

	begin = now_us();
	device_set_memory(opened, false);
	mapped = now_us() - begin;
	begin = now_us();
	device_set_memory(opened, false);
	report("bench.zap", "mib %llu mapped_us %.0f unmapped_us %.0f",
	       (unsigned long long)bytes >> 20, mapped, now_us() - begin);
	device_set_memory(opened, true);
	report_touch("bench.touch.after_zap", ram, bytes);
}

static void bench_ram(const struct vfio_session *session, const struct gpu *gpu, uint64_t bytes)
{
	void *memory = ordinary_memory(bytes), *ram;
	struct opened opened;
	double begin;

	device_open(&opened, session, gpu);
	device_train(&opened);
	device_settle(&opened, bytes);
	ram = device_map(&opened, opened.size);
	report("bench.address", "%p of 1 GiB %#lx", ram, (unsigned long)ram % GIB);
	report_touch("bench.touch.gpu", ram, bytes);
	report_touch("bench.touch.memory", memory, bytes);
	report_warm("bench.warm", ram, memory, bytes);
	dma_bench(session, ram, opened.size, memory, bytes < GIB ? bytes : GIB);
	bench_zap(&opened, ram, bytes);
	begin = now_us();
	munmap(ram, opened.size);
	report("bench.munmap", "mib %llu us %.0f", (unsigned long long)bytes >> 20,
	       now_us() - begin);
	munmap(memory, bytes);
	device_close(&opened);
}

static void bench_host(const struct group *group, const struct gpu *gpu, uint64_t bytes)
{
	struct samples open_us = { 0 };
	struct vfio_session session;

	if (!vfio_begin(&session, group))
		give_up("no VFIO container");
	bench_mmap(&session, gpu, GIB, "bench.mmap.gib", &open_us);
	bench_mmap(&session, gpu, 0, "bench.mmap.all", &open_us);
	report("bench.open", "us %.0f", median(&open_us));
	bench_ram(&session, gpu, bytes);
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
