// SPDX-License-Identifier: GPL-2.0
/*
 * What GPU RAM costs a guest.
 *
 * Usage: bench
 */
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../machine/common/files.h"
#include "../../machine/common/report.h"
#include "../../machine/guest/steps.h"
#include "../common/measure.h"

/* What is left of the GPU's is for the kernel's own use of the node. */
#define GPU_RAM_MIB 2048
#define TOUCHED ((GPU_RAM_MIB - 64ul) << 20)
#define BYTES (1024ul << 20)
#define WARM_BYTES (256ul << 20)
#define LAUNCHES 2000

static void *buffer(size_t size, int node)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long nodes[16] = { 0 };

	nodes[node / 64] = 1ul << node % 64;
	if (memory == MAP_FAILED ||
	    syscall(SYS_mbind, memory, size, MPOL_BIND, nodes, sizeof(nodes) * 8, 0))
		give_up("no memory of node %d", node);
	return memory;
}

/* Marks are where the host reads KVM's counters, so each step is between two of them. */
static void use_memory(const struct gpu_ram *ram)
{
	void *gpu = buffer(TOUCHED, ram->node), *memory = buffer(BYTES, 0);

	mark("touch_gpu");
	report_touch("bench.touch.gpu", gpu, TOUCHED);
	mark("touch_memory");
	report_touch("bench.touch.memory", memory, BYTES);
	mark("warm");
	report_warm("bench.warm", gpu, memory, WARM_BYTES);
	munmap(gpu, TOUCHED);
	munmap(memory, BYTES);
}

static void launch_often(volatile uint64_t *words, struct cost *all, struct cost *start)
{
	struct watch watch = watch_start(), one;
	long reads;
	int i;

	for (i = 0; i < LAUNCHES; i++) {
		one = watch_start();
		atsd_start(words, (uint64_t)i << 16, 1);
		watch_stop(&one, start);
		if (atsd_wait(words, &reads))
			give_up("a shootdown does not end");
	}
	watch_stop(&watch, all);
}

/* What leaves the guest while it does nothing for as long is not the launches' doing. */
static void launch(const struct gpu *gpu)
{
	volatile uint64_t *words = atsd_map(gpu);
	struct cost all = { 0 }, start = { 0 };
	double begin, length;

	if (!words)
		give_up("no ATSD register");
	launch_often(words, &all, &start);
	all = (struct cost){ 0 };
	mark("launch");
	begin = now_us();
	launch_often(words, &all, &start);
	length = now_us() - begin;
	mark("idle");
	begin = now_us();
	while (now_us() < begin + length)
		;
	mark("done");
	atsd_unmap(words);
	report("bench.launch", "count %d us %.2f insns %.0f", LAUNCHES, median(&all.us) / LAUNCHES,
	       median(&start.insns) - watch_insns());
}

int main(void)
{
	static struct gpu gpus[MAX_GPUS];
	struct gpu_ram ram;

	report_begin("guest");
	instructions_count();
	if (!gpus_find(gpus) || !show_device_tree(&gpus[0], &ram))
		give_up("no GPU with NVLink bridges");
	if (train_links(&gpus[0]) < gpus[0].links)
		give_up("not every link came up: GPU RAM must not be touched");
	/* The host keeps GPU RAM out of reach while the GPU's memory space is off, and no driver switches it on. */
	if (!file_write(path_join(gpus[0].device.path, "enable"), "1"))
		give_up("%s cannot be enabled", gpus[0].device.address);
	mark("online");
	if (!online_ram(&ram, GPU_RAM_MIB))
		give_up("GPU RAM cannot be used as memory");
	use_memory(&ram);
	launch(&gpus[0]);
	instructions_end();
	return 0;
}
