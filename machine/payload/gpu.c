// SPDX-License-Identifier: GPL-2.0
#include "gpu.h"
#include "npu.h"

#define PCI_COMMAND		0x04
#define   COMMAND_MEMORY	0x2
#define   COMMAND_MASTER	0x4
#define PCI_BAR0		0x10
#define PCI_MEMORY_BASE		0x20
#define PCI_BRIDGE_CONTROL	0x3e
#define   BRIDGE_BUS_RESET	0x40
#define GPU_PM_CONTROL		0x64

#define BAR0_PCI		0x80000000
#define BRIDGE_WINDOW		0x80f08000	/* 0x80000000 to 0x80ffffff */

#define SETTLE			1000000

static const u64 bridges[] = { 0x000, 0x100, GPU_PORT_BDFN };

u32 gpu_read(u32 reg)
{
	return read32le(GPU_PHB_M32 + reg);
}

void gpu_write(u32 reg, u32 value)
{
	write32le(GPU_PHB_M32 + reg, value);
}

void gpu_enable(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bridges); i++) {
		config_write32(GPU_PHB, bridges[i], PCI_MEMORY_BASE, BRIDGE_WINDOW);
		config_write16(GPU_PHB, bridges[i], PCI_COMMAND, COMMAND_MEMORY | COMMAND_MASTER);
	}
	config_write32(GPU_PHB, GPU_BDFN, PCI_BAR0, BAR0_PCI);
	gpu_bus_master(1);
}

void gpu_bus_master(int on)
{
	config_write16(GPU_PHB, GPU_BDFN, PCI_COMMAND, COMMAND_MEMORY | (on ? COMMAND_MASTER : 0));
}

void gpu_power(unsigned int state)
{
	config_write16(GPU_PHB, GPU_BDFN, GPU_PM_CONTROL, state);
}

static void settle(void)
{
	volatile unsigned int i;

	for (i = 0; i < SETTLE; i++)
		;
}

/* By the bridge above, which firmware listens to: it fences the links first */
void gpu_reset(void)
{
	u16 control = config_read16(GPU_PHB, GPU_PORT_BDFN, PCI_BRIDGE_CONTROL);

	config_write16(GPU_PHB, GPU_PORT_BDFN, PCI_BRIDGE_CONTROL, control | BRIDGE_BUS_RESET);
	settle();
	config_write16(GPU_PHB, GPU_PORT_BDFN, PCI_BRIDGE_CONTROL, control);
	settle();
	gpu_enable();
}

void gpu_start_nvlink(void)
{
	gpu_write(GPU_PRI_MASTER, 0x4);
	gpu_write(GPU_PRI_RING, 0x2);
	gpu_write(GPU_ENABLE, gpu_read(GPU_ENABLE) | GPU_ENABLE_NVLINK);
}

static u32 copy(u32 control, u64 system, u64 gpu, u32 length)
{
	u32 status;

	gpu_write(ENGINE_SYSTEM_LO, system);
	gpu_write(ENGINE_SYSTEM_HI, system >> 32);
	gpu_write(ENGINE_GPU_LO, gpu);
	gpu_write(ENGINE_GPU_HI, gpu >> 32);
	gpu_write(ENGINE_LENGTH, length);
	gpu_write(ENGINE_CONTROL, control | ENGINE_START);
	do {
		status = gpu_read(ENGINE_STATUS);
	} while (status & ENGINE_BUSY);
	return status;
}

u32 copy_in(enum path path, u64 from, u64 gpu, u32 length)
{
	return copy(path << 4, from, gpu, length);
}

u32 copy_out(enum path path, u64 to, u64 gpu, u32 length)
{
	return copy(path << 4 | ENGINE_TO_SYSTEM, to, gpu, length);
}
