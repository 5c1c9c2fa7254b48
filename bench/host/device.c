// SPDX-License-Identifier: GPL-2.0
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../machine/common/report.h"
#include "../common/measure.h"
#include "device.h"

#define INFO_SIZE 4096
#define VENDOR_NVIDIA 0x10de
/* The mailbox in the vendor capability of a bridge, see machine/guest/links.c. */
#define STATUS 0x84
#define STATUS_COMPLETE 0x40000000
#define CONTROL 0x88
#define CHECK_CREDITS 13
#define TIMEOUT_S 10

static const uint32_t procedures[] = { 4, 5, 6, 7, 9, 8, 10, 13 };

static uint64_t config_offset(int fd)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};

	if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info))
		give_up("a device without config space");
	return info.offset;
}

static bool is_ram(const struct vfio_region_info *info)
{
	const struct vfio_region_info_cap_type *type;
	unsigned int at = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;

	for (; at && at < INFO_SIZE; at = type->header.next) {
		type = (const void *)((const char *)info + at);
		if (type->header.id == VFIO_REGION_INFO_CAP_TYPE)
			return type->type == (__u32)(VFIO_REGION_TYPE_PCI_VENDOR_TYPE | VENDOR_NVIDIA) &&
			       type->subtype == VFIO_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM;
	}
	return false;
}

static void find_ram(struct opened *opened)
{
	struct vfio_device_info device = { .argsz = sizeof(device) };
	struct vfio_region_info *info = malloc(INFO_SIZE);
	unsigned int i;

	if (!info || ioctl(opened->gpu, VFIO_DEVICE_GET_INFO, &device))
		give_up("VFIO says nothing about the GPU");
	for (i = VFIO_PCI_NUM_REGIONS; i < device.num_regions && !opened->size; i++) {
		*info = (struct vfio_region_info){ .argsz = INFO_SIZE, .index = i };
		if (ioctl(opened->gpu, VFIO_DEVICE_GET_REGION_INFO, info) || !is_ram(info))
			continue;
		opened->offset = info->offset;
		opened->size = info->size;
	}
	free(info);
	if (!opened->size)
		give_up("the GPU has no region for its RAM");
}

void device_open(struct opened *opened, const struct vfio_session *session, const struct gpu *gpu,
		 struct cost *cost)
{
	struct watch watch = watch_start();
	int i;

	*opened = (struct opened){ .links = gpu->links };
	opened->gpu = vfio_open(session, &gpu->device);
	watch_stop(&watch, cost);
	if (opened->gpu < 0)
		give_up("%s cannot be opened", gpu->device.address);
	for (i = 0; i < gpu->links; i++) {
		opened->bridges[i] = vfio_open(session, &gpu->bridges[i]);
		if (opened->bridges[i] < 0)
			give_up("%s cannot be opened", gpu->bridges[i].address);
	}
	find_ram(opened);
}

void device_close(struct opened *opened)
{
	int i;

	for (i = 0; i < opened->links; i++)
		close(opened->bridges[i]);
	close(opened->gpu);
}

static void start_procedure(int fd, uint32_t procedure)
{
	if (pwrite(fd, &procedure, 4, config_offset(fd) + CONTROL) != 4)
		give_up("procedure %u cannot be started", procedure);
}

static void finish_procedure(int fd, uint32_t procedure)
{
	uint64_t config = config_offset(fd);
	time_t end = time(NULL) + TIMEOUT_S;
	uint32_t status = 0;

	do {
		if (pread(fd, &status, 4, config + STATUS) != 4)
			give_up("procedure %u has no status", procedure);
	} while (!(status & STATUS_COMPLETE) && time(NULL) < end);
	if (status != STATUS_COMPLETE)
		give_up("procedure %u failed: %#x", procedure, status);
}

static void enable_memory(int fd)
{
	uint64_t config = config_offset(fd);
	uint16_t command;

	if (pread(fd, &command, 2, config + PCI_COMMAND) != 2)
		give_up("the GPU's config space cannot be read");
	command |= PCI_COMMAND_MEMORY;
	if (pwrite(fd, &command, 2, config + PCI_COMMAND) != 2)
		give_up("the GPU's config space cannot be written");
}

void device_zap(const struct opened *opened)
{
	start_procedure(opened->bridges[0], CHECK_CREDITS);
}

void device_unzap(const struct opened *opened)
{
	finish_procedure(opened->bridges[0], CHECK_CREDITS);
}

void device_train(const struct opened *opened)
{
	unsigned int step;
	int i;

	for (i = 0; i < opened->links; i++) {
		for (step = 0; step < sizeof(procedures) / sizeof(procedures[0]); step++) {
			start_procedure(opened->bridges[i], procedures[step]);
			finish_procedure(opened->bridges[i], procedures[step]);
		}
	}
	enable_memory(opened->gpu);
}

void device_settle(const struct opened *opened, uint64_t size)
{
	uint64_t at, word = 0;
	long page = sysconf(_SC_PAGESIZE);

	for (at = 0; at < size; at += page)
		if (pwrite(opened->gpu, &word, sizeof(word), opened->offset + at) != sizeof(word))
			give_up("GPU RAM cannot be written through the file");
}

void *device_place(const struct opened *opened, uint64_t size)
{
	char *space = mmap(NULL, size + GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (space == MAP_FAILED)
		give_up("no address space for GPU RAM");
	munmap(space, size + GIB);
	return space + (opened->offset - (uintptr_t)space) % GIB;
}

void *device_map(const struct opened *opened, void *place, uint64_t size)
{
	return mmap(place, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, opened->gpu,
		    opened->offset);
}
