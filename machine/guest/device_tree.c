// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/files.h"
#include "../common/report.h"
#include "steps.h"

#define MAX_REGISTERS 8

static void show_bridge(const struct gpu *gpu, int link, char *memory, size_t size)
{
	const char *node = gpu->bridges[link].node;
	uint64_t target = 0, speed = 0, region = 0, parent = 0, self = 0;
	char key[32];

	property_cells(node, "ibm,device-tgt-addr", &target, 8, 1);
	property_cells(node, "ibm,nvlink-speed", &speed, 4, 1);
	property_cells(node, "ibm,gpu", &parent, 4, 1);
	property_cells(gpu->device.node, "phandle", &self, 4, 1);
	snprintf(key, sizeof(key), "bridge.%d", link);
	if (!property_cells(node, "memory-region", &region, 4, 1) ||
	    !node_by_phandle(region, memory, size))
		snprintf(memory, size, "none");
	report(key, "%s ibm,gpu %s tgt %#" PRIx64 " speed %" PRIu64 " memory %s",
	       gpu->bridges[link].address, parent && parent == self ? "ok" : "wrong", target,
	       speed, strrchr(memory, '/') ? strrchr(memory, '/') + 1 : memory);
}

static bool show_memory(const char *node, struct gpu_ram *ram)
{
	char compatible[64], status[16];
	uint64_t reg[2];

	if (property_cells(node, "reg", reg, 8, 2) != 2)
		return false;
	file_text(path_join(node, "compatible"), compatible, sizeof(compatible));
	ram->base = reg[0];
	ram->aperture = reg[1];
	ram->node = -1;
	snprintf(status, sizeof(status), "%s",
		 property_cells(node, "linux,usable-memory", reg, 8, 2) == 2 && !reg[1] ?
		 "unused" : "in use");
	report("ram", "base %#" PRIx64 " aperture %#" PRIx64 " %s, %s at boot", ram->base,
	       ram->aperture, compatible, status);
	return true;
}

/* The property belongs to the PCI host bridge that GPU and bridges share. */
static int atsd_registers(const struct gpu *gpu, uint64_t *registers)
{
	char parent[PATH_MAX];

	if (!realpath(path_join(gpu->device.node, ".."), parent))
		return 0;
	return property_cells(parent, "ibm,mmio-atsd", registers, 8, MAX_REGISTERS);
}

bool atsd_register(const struct gpu *gpu, uint64_t *address)
{
	uint64_t registers[MAX_REGISTERS];
	char list[256] = "";
	int i, count, length = 0;

	count = atsd_registers(gpu, registers);
	for (i = 0; i < count; i++)
		length += snprintf(list + length, sizeof(list) - length, "%s%#" PRIx64,
				   i ? " " : "", registers[i]);
	report("atsd.registers", "%s", list);
	*address = count ? registers[0] : 0;
	return count > 0;
}

bool show_device_tree(const struct gpu *gpu, struct gpu_ram *ram)
{
	char memory[128] = "none";
	int link;

	report("gpu", "%s ibm,npu %d", gpu->device.address, gpu->links);
	for (link = 0; link < gpu->links; link++)
		show_bridge(gpu, link, memory, sizeof(memory));
	return show_memory(memory, ram);
}
