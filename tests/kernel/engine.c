// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <errno.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "engine.h"

#define BAR0_SIZE		0x1000000
#define LINK_DISABLE		0xa00148
#define ENGINE			0xf00000
#define ENGINE_ID		(ENGINE + 0x00)
#define   ENGINE_ID_VALUE		0x4e564c32
#define ENGINE_CONTROL		(ENGINE + 0x04)
#define   CONTROL_START			0x1
#define   CONTROL_PATH_SHIFT		4
#define   CONTROL_TO_SYSTEM		0x100
#define ENGINE_STATUS		(ENGINE + 0x08)
#define   STATUS_BUSY			0x1
#define   STATUS_ERROR			0x4
#define   STATUS_CODE_SHIFT		8
#define ENGINE_SYSTEM_ADDR	(ENGINE + 0x10)
#define ENGINE_GPU_ADDR		(ENGINE + 0x18)
#define ENGINE_LENGTH		(ENGINE + 0x20)
#define ENGINE_LINK		(ENGINE + 0x28)
#define ENGINE_LINK_STATE	(ENGINE + 0x2c)
#define ENGINE_RAM_MIB		(ENGINE + 0x30)
#define ENGINE_PASID		(ENGINE + 0x34)
#define COPY_TIMEOUT_MS		10000

static uint32_t reg_read(struct engine *engine, unsigned int reg)
{
	return le32toh(engine->regs[reg / 4]);
}

static void reg_write(struct engine *engine, unsigned int reg, uint32_t val)
{
	engine->regs[reg / 4] = htole32(val);
}

static int map_registers(struct engine *engine)
{
	struct vfio_region bar;
	uint32_t command;
	int ret;

	ret = vfio_region_get(engine->dev, VFIO_PCI_BAR0_REGION_INDEX, &bar);
	if (ret)
		return ret;
	if (bar.size < BAR0_SIZE)
		return -ENODEV;

	command = vfio_config_read(engine->dev, PCI_COMMAND, 2);
	ret = vfio_config_write(engine->dev, PCI_COMMAND, 2, command |
				PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (ret)
		return ret;

	engine->regs = vfio_region_mmap(engine->dev, &bar, 0, BAR0_SIZE);

	return engine->regs == MAP_FAILED ? -errno : 0;
}

int engine_open(struct engine *engine, struct vfio_dev *dev)
{
	int ret;

	engine->dev = dev;
	ret = map_registers(engine);
	if (ret)
		return ret;

	if (reg_read(engine, ENGINE_ID) != ENGINE_ID_VALUE) {
		engine_close(engine);
		return -ENODEV;
	}

	return 0;
}

void engine_close(struct engine *engine)
{
	munmap((void *)engine->regs, BAR0_SIZE);
}

static int wait_for_engine(struct engine *engine)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint32_t status;
	int ms;

	for (ms = 0; ms < COPY_TIMEOUT_MS; ms++) {
		status = reg_read(engine, ENGINE_STATUS);
		if (!(status & STATUS_BUSY))
			return status & STATUS_ERROR ?
			       (status >> STATUS_CODE_SHIFT) & 0xff : ENGINE_OK;
		nanosleep(&pause, NULL);
	}

	return -ETIMEDOUT;
}

static int copy(struct engine *engine, uint32_t control, int link,
		uint64_t system, uint64_t gpu, uint32_t length)
{
	reg_write(engine, ENGINE_SYSTEM_ADDR, system);
	reg_write(engine, ENGINE_SYSTEM_ADDR + 4, system >> 32);
	reg_write(engine, ENGINE_GPU_ADDR, gpu);
	reg_write(engine, ENGINE_GPU_ADDR + 4, gpu >> 32);
	reg_write(engine, ENGINE_LENGTH, length);
	reg_write(engine, ENGINE_LINK, link);
	/* The engine sees what was written to memory before this */
	__sync_synchronize();
	reg_write(engine, ENGINE_CONTROL, control | CONTROL_START);

	return wait_for_engine(engine);
}

int engine_to_gpu(struct engine *engine, enum engine_path path, int link,
		  uint64_t system, uint64_t gpu, uint32_t length)
{
	return copy(engine, path << CONTROL_PATH_SHIFT, link, system, gpu,
		    length);
}

int engine_to_system(struct engine *engine, enum engine_path path, int link,
		     uint64_t system, uint64_t gpu, uint32_t length)
{
	return copy(engine, path << CONTROL_PATH_SHIFT | CONTROL_TO_SYSTEM,
		    link, system, gpu, length);
}

uint32_t engine_links(struct engine *engine)
{
	return reg_read(engine, ENGINE_LINK_STATE);
}

void engine_set_pasid(struct engine *engine, uint32_t pasid)
{
	reg_write(engine, ENGINE_PASID, pasid);
}

uint64_t engine_ram_size(struct engine *engine)
{
	return (uint64_t)reg_read(engine, ENGINE_RAM_MIB) << 20;
}

uint32_t engine_links_off(struct engine *engine)
{
	return reg_read(engine, LINK_DISABLE);
}
