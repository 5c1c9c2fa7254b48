// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/report.h"
#include "frozen.h"
#include "storer.h"

#define COPIED_BYTES (V100_BUFFER_SIZE / 2)
#define WAIT_S 2
/* How long the host may take until it has fenced the links of a frozen GPU */
#define FENCE_WAIT_S 60

/* The copy engine in BAR 0, for what its driver would not do */
#define ENGINE 0xf00000
#define ENGINE_SIZE 0x10000
#define CONTROL (0x04 / 4)
#define CONTROL_NVLINK_TO_SYSTEM 0x111
#define STATUS (0x08 / 4)
#define STATUS_BUSY 0x1
#define SYSTEM_LO (0x10 / 4)
#define SYSTEM_HI (0x14 / 4)
#define LENGTH (0x20 / 4)
#define LINK (0x28 / 4)
/* In the guest's window, or next to it; nothing is mapped there */
#define STRAY_ADDRESS 0x7fff0000
#define STRAY_BYTES 4096

static void copy(int fd, const char *key)
{
	struct v100_copy copy = {
		.path = V100_PATH_NVLINK, .direction = V100_TO_GPU, .length = COPIED_BYTES,
	};

	if (ioctl(fd, V100_COPY, &copy))
		report_error(key, "V100_COPY");
	else
		report(key, "%#x", copy.status);
}

/* A write to memory that the guest has not mapped for the GPU: the NPU refuses it. */
void frozen_stray(const struct gpu *gpu, const char *key)
{
	int bar = open(path_join(gpu->device.path, "resource0"), O_RDWR | O_CLOEXEC);
	volatile uint32_t *engine = MAP_FAILED;

	if (bar >= 0)
		engine = mmap(NULL, ENGINE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, bar, ENGINE);
	if (engine == MAP_FAILED)
		give_up("the registers of the GPU cannot be mapped");
	engine[SYSTEM_LO] = STRAY_ADDRESS;
	engine[SYSTEM_HI] = 0;
	engine[LENGTH] = STRAY_BYTES;
	engine[LINK] = 0;
	engine[CONTROL] = CONTROL_NVLINK_TO_SYSTEM;
	while (engine[STATUS] & STATUS_BUSY)
		;
	report(key, "%#x", engine[STATUS]);
	munmap((void *)engine, ENGINE_SIZE);
	close(bar);
}

static void wait_for_fence(int fd)
{
	struct v100_info info = { .links = 1 };
	int seconds = 0;

	while (!ioctl(fd, V100_INFO, &info) && info.links && seconds++ < FENCE_WAIT_S)
		sleep(1);
	report("frozen.links", "%#x", info.links);
}

void frozen(int fd, const struct gpu *first, const struct gpu *second, unsigned int mib)
{
	struct storer *storer = storers_alloc(1);
	struct gpu_ram ram;
	long before;

	if (!storer || !show_device_tree(second, &ram) || train_links(second) < second->links ||
	    !online_ram(&ram, mib))
		give_up("the second GPU cannot be used");
	storer_start(storer, 0, &ram);
	sleep(WAIT_S);
	copy(fd, "frozen.before");
	mark("frozen");
	before = storer->rounds;
	frozen_stray(first, "frozen.refused");
	copy(fd, "frozen.after");
	wait_for_fence(fd);
	sleep(WAIT_S);
	storer_report(storer, "frozen.stores", before);
	mark("went-on");
	storer_end(storer);
}
