// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../common/report.h"
#include "steps.h"

#define DEVICE "/dev/v100-copy-"
#define STATUS_DONE 0x2

/**
 * struct round - system memory to GPU RAM and back.
 * @fd: the engine.
 * @buffer: system memory: first half is the source, second half gets what comes back. The driver's buffer, or memory of
 *	this process for V100_PATH_ATS.
 * @pages: GPU RAM, as the processor sees it.
 * @gpu_offset: of every page, as the GPU sees it.
 */
struct round {
	int fd;
	uint8_t *buffer;
	uint8_t *pages;
	uint64_t *gpu_offset;
};

int engine_open(const struct gpu *gpu, struct v100_info *info)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), DEVICE "%s", gpu->device.address);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, V100_INFO, info)) {
		report_error("engine", path);
		return -1;
	}
	report("engine", "boot0 %#x engine %#x ram %u MiB links %#x dma %#llx", info->boot_0,
	       info->engine, info->ram_mib, info->links, (unsigned long long)info->bus_address);
	return fd;
}

static uint64_t physical(const void *address)
{
	uint64_t entry = 0, page = sysconf(_SC_PAGESIZE), at = (uintptr_t)address;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		pread(fd, &entry, sizeof(entry), at / page * sizeof(entry));
		close(fd);
	}
	return entry >> 63 ? (entry & ((1ull << 55) - 1)) * page + at % page : 0;
}

static bool locate(const struct gpu_ram *ram, uint8_t *pages, size_t size, uint64_t *offsets)
{
	size_t page = sysconf(_SC_PAGESIZE), i;
	uint64_t at;

	for (i = 0; i < size / page; i++) {
		memset(pages + i * page, 0, page);
		at = physical(pages + i * page);
		if (at < ram->base || at - ram->base >= ram->aperture)
			return false;
		offsets[i] = at - ram->base;
	}
	return true;
}

uint8_t *node_page(const struct gpu_ram *ram, uint64_t *gpu_offset)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint8_t *memory = node_buffer(ram, page);

	return memory && locate(ram, memory, page, gpu_offset) ? memory : NULL;
}

static uint32_t run(const struct round *round, const char *key, int path, int link, int direction)
{
	size_t page = sysconf(_SC_PAGESIZE), half = V100_BUFFER_SIZE / 2, i, offset;
	struct v100_copy copy;

	for (i = 0; i < half / page; i++) {
		copy = (struct v100_copy){
			.path = path, .link = link, .direction = direction, .length = page,
			.gpu_offset = round->gpu_offset[i],
		};
		offset = i * page + (direction == V100_TO_SYSTEM ? half : 0);
		if (path == V100_PATH_ATS)
			copy.address = (uintptr_t)(round->buffer + offset);
		else
			copy.buffer_offset = offset;
		if (ioctl(round->fd, V100_COPY, &copy)) {
			report_error(key, "V100_COPY");
			return copy.status;
		}
		if (copy.status != STATUS_DONE || copy.copied != page)
			return copy.status ? copy.status : ~0u;
	}
	return STATUS_DONE;
}

static void fill(uint8_t *bytes, size_t count, unsigned int seed)
{
	while (count--) {
		seed = seed * 1103515245 + 12345;
		*bytes++ = seed >> 16;
	}
}

/* The processor checks both ends: what arrived in GPU RAM, and what came back. */
static void copy_and_compare(const struct round *round, const char *key, int path, int link)
{
	size_t half = V100_BUFFER_SIZE / 2;
	uint32_t there, back = 0;
	bool arrived, returned;

	fill(round->buffer, half, path * 16 + link + 1);
	memset(round->buffer + half, 0, half);
	memset(round->pages, 0, half);
	there = run(round, key, path, link, V100_TO_GPU);
	arrived = !memcmp(round->buffer, round->pages, half);
	if (there == STATUS_DONE)
		back = run(round, key, path, link, V100_TO_SYSTEM);
	returned = !memcmp(round->buffer, round->buffer + half, half);
	report(key, "to gpu %#x %s, back %#x %s, %zu KiB", there, arrived ? "equal" : "different",
	       back, returned ? "equal" : "different", half >> 10);
}

/* The GPU is given a pointer to memory that nobody has mapped for DMA. */
static void every_link_with_ats(struct round *round, const struct gpu *gpu)
{
	char key[32];
	int link;

	round->buffer = mmap(NULL, V100_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (round->buffer == MAP_FAILED || mlock(round->buffer, V100_BUFFER_SIZE)) {
		report_error("copy", "memory of the process");
		return;
	}
	for (link = 0; link < gpu->links; link++) {
		snprintf(key, sizeof(key), "copy.ats.%d", link);
		copy_and_compare(round, key, V100_PATH_ATS, link);
	}
	munmap(round->buffer, V100_BUFFER_SIZE);
}

static void every_path(struct round *round, const struct gpu *gpu)
{
	char key[32];
	int link;

	copy_and_compare(round, "copy.pcie", V100_PATH_PCIE, 0);
	for (link = 0; link < gpu->links; link++) {
		snprintf(key, sizeof(key), "copy.nvlink.%d", link);
		copy_and_compare(round, key, V100_PATH_NVLINK, link);
	}
	every_link_with_ats(round, gpu);
}

void use_engine(int fd, const struct gpu *gpu, const struct gpu_ram *ram)
{
	uint64_t offsets[V100_BUFFER_SIZE / 2 / 4096];
	struct round round = { .fd = fd, .gpu_offset = offsets };

	round.buffer = mmap(NULL, V100_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	round.pages = node_buffer(ram, V100_BUFFER_SIZE / 2);
	if (round.buffer == MAP_FAILED || !round.pages)
		report_error("copy", "buffers");
	else if (!locate(ram, round.pages, V100_BUFFER_SIZE / 2, offsets))
		report("copy", "error: memory of the node is not in GPU RAM");
	else
		every_path(&round, gpu);
}
