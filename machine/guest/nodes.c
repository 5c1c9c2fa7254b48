// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "../common/boot.h"
#include "../common/files.h"
#include "../common/report.h"
#include "../common/tree.h"
#include "nodes.h"
#include "steps.h"

#define NODES "/sys/devices/system/node"
#define MAX_NODES 16
/* Of each GPU, whatever it has */
#define ADDED_MIB 256
#define USED_BYTES (4 << 20)

/* What of the device tree is about NVLink2 or NUMA; the PCI host bridge 0 has no GPUs */
static char *words[] = {
	"/npuphb", "/memory@", "/pci@800000020000001/", "/pci@800000020000002/", "/rtas/ibm,associativity",
	"/rtas/ibm,max-associativity", NULL
};

static bool is_set(const char *parameter)
{
	char text[8];

	return boot_parameter(parameter, text, sizeof(text)) && !strcmp(text, "1");
}

static size_t store_and_load(uint64_t *memory, size_t count, uint64_t seed)
{
	size_t i, wrong = 0;

	for (i = 0; i < count; i++)
		memory[i] = seed + i;
	for (i = 0; i < count; i++)
		wrong += memory[i] != seed + i;
	return wrong;
}

static void use(const struct gpu_ram *ram, int index)
{
	uint64_t *memory = node_buffer(ram, USED_BYTES);
	char key[16];

	snprintf(key, sizeof(key), "node.%d", index);
	if (memory)
		report(key, "%d at %#" PRIx64 ", %zu words wrong", ram->node, ram->base,
		       store_and_load(memory, USED_BYTES / sizeof(*memory), ram->base));
	else
		report_error(key, "memory of the node");
}

static void report_distances(void)
{
	char path[64], text[128], key[16];
	int node;

	for (node = 0; node < MAX_NODES; node++) {
		snprintf(path, sizeof(path), NODES "/node%d/distance", node);
		if (!file_text(path, text, sizeof(text)))
			continue;
		snprintf(key, sizeof(key), "distance.%d", node);
		report(key, "%s", text);
	}
}

static void add(const struct gpu *gpu, struct gpu_ram *ram)
{
	if (!show_device_tree(gpu, ram))
		give_up("the device tree has no RAM of %s", gpu->device.address);
	if (train_links(gpu) < gpu->links)
		give_up("not every link of %s came up", gpu->device.address);
	if (!online_ram(ram, ADDED_MIB))
		give_up("the RAM of %s could not be added", gpu->device.address);
}

void nodes(const struct gpu *gpus, int count)
{
	struct gpu_ram ram[MAX_GPUS];
	int i;

	report("tree", "%d", tree_show(words));
	for (i = 0; i < count; i++)
		add(&gpus[i], &ram[i]);
	if (is_set("machine.hold="))
		mark("held");
	for (i = 0; i < count; i++)
		use(&ram[i], i);
	report_distances();
	report("nodes", "%d", count);
	if (is_set("machine.reboot="))
		reboot(RB_AUTOBOOT);
}
