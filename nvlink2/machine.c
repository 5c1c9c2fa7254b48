// SPDX-License-Identifier: GPL-2.0
/*
 * The device tree joins links and GPUs: each bridge names its GPU (ibm,gpu) and each GPU its bridges (ibm,npu). So a
 * machine is described even when its kernel shows no bridges, and no list of GPUs is needed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "config.h"
#include "devices.h"
#include "files.h"
#include "groups.h"
#include "machine.h"
#include "problems.h"
#include "tree.h"

static struct bridge *bridge_by_phandle(const struct machine *machine, uint32_t phandle)
{
	size_t i;

	for (i = 0; phandle && i < machine->bridges; i++)
		if (machine->bridge[i].function.phandle == phandle)
			return &machine->bridge[i];
	return NULL;
}

/* In a guest a PCI host bridge has what belongs together */
static int npu_of_domain(struct machine *machine, const char *address)
{
	struct npu *npu;
	char name[32];
	size_t i;

	snprintf(name, sizeof(name), "domain %.*s", (int)strcspn(address, ":"), address);
	for (i = 0; i < machine->npus; i++)
		if (!strcmp(machine->npu[i].node, name))
			return i;
	npu = ARRAY_ADD(machine->npu, machine->npus);
	snprintf(npu->node, sizeof(npu->node), "%s", name);
	npu->chip = npu->index = npu->links = npu->numa_node = NONE;
	return machine->npus - 1;
}

static struct bridge *add_bridge(struct machine *machine, const struct tree *tree, const char *address)
{
	struct bridge *bridge = ARRAY_ADD(machine->bridge, machine->bridges);
	char node[128];

	snprintf(node, sizeof(node), PCI_DEVICES "/%s/of_node", address);
	tree_read_bridge(tree, bridge, node);
	bridge->npu = npu_of_domain(machine, address);
	return bridge;
}

static void find_bridges(struct machine *machine, const struct tree *tree, const struct devices *devices)
{
	const struct function *function;
	struct bridge *bridge;
	size_t i;

	for (i = 0; i < devices->count; i++) {
		function = &devices->function[i];
		if (function->vendor != VENDOR_IBM || function->device != DEVICE_NVLINK_BRIDGE)
			continue;
		bridge = bridge_by_phandle(machine, function->phandle);
		/* On a host, one that is going away while it is looked at */
		if (!bridge && machine->kind != KIND_GUEST)
			continue;
		if (!bridge)
			bridge = add_bridge(machine, tree, function->address);
		function_read(&bridge->function, function->address);
		bridge->state = config_link_state(&bridge->function);
	}
}

/* The slot code gives a GPU that has been power-cycled a new node, but the slot keeps its label */
static const struct function *function_of_gpu(const struct devices *devices, const struct bridge *bridge)
{
	const struct function *function = devices_by_phandle(devices, bridge->gpu_phandle);

	return function ? function : devices_by_slot(devices, bridge->slot);
}

static unsigned long long online_memory(int node)
{
	unsigned long long kilobytes = 0;
	char text[64];

	if (node != NONE && file_text(text, sizeof(text), "/sys/devices/system/node/node%d/meminfo", node) &&
	    sscanf(text, "Node %*d MemTotal: %llu", &kilobytes) != 1)
		return 0;
	return kilobytes * 1024;
}

static int add_gpu(struct machine *machine, const struct tree *tree, const struct devices *devices,
		   const struct bridge *bridge)
{
	const struct function *function = function_of_gpu(devices, bridge);
	struct gpu *gpu = ARRAY_ADD(machine->gpu, machine->gpus);

	function_clear(&gpu->function);
	if (function) {
		function_read(&gpu->function, function->address);
		config_name(gpu->name, sizeof(gpu->name), &gpu->function);
	}
	/* What the bridges call it */
	gpu->function.phandle = bridge->gpu_phandle;
	snprintf(gpu->slot, sizeof(gpu->slot), "%s", bridge->slot);
	gpu->npu = bridge->npu;
	/* Firmware says of the GPUs only which node they are next to */
	if (machine->npu[gpu->npu].numa_node == NONE)
		machine->npu[gpu->npu].numa_node = gpu->function.numa_node;
	tree_read_ram(tree, gpu, bridge->memory);
	gpu->online = online_memory(gpu->memory_node);
	return machine->gpus - 1;
}

static int gpu_by_phandle(const struct machine *machine, uint32_t phandle)
{
	size_t i;

	for (i = 0; i < machine->gpus; i++)
		if (machine->gpu[i].function.phandle == phandle)
			return i;
	return NONE;
}

static void find_gpus(struct machine *machine, const struct tree *tree, const struct devices *devices)
{
	struct bridge *bridge;

	for (bridge = machine->bridge; bridge < machine->bridge + machine->bridges; bridge++) {
		if (!bridge->gpu_phandle)
			continue;
		bridge->gpu = gpu_by_phandle(machine, bridge->gpu_phandle);
		if (bridge->gpu == NONE)
			bridge->gpu = add_gpu(machine, tree, devices, bridge);
		machine->gpu[bridge->gpu].bridges++;
	}
}

void machine_read(struct machine *machine)
{
	struct devices devices;
	struct tree tree;

	memset(machine, 0, sizeof(*machine));
	config_begin();
	tree_read(&tree, machine);
	devices_read(&devices);
	find_bridges(machine, &tree, &devices);
	find_gpus(machine, &tree, &devices);
	groups_read(machine);
	problems_find(machine);
	devices_free(&devices);
	tree_free(&tree);
	config_end();
}

void machine_free(struct machine *machine)
{
	groups_free(machine);
	problems_free(machine);
	free(machine->npu);
	free(machine->gpu);
	free(machine->bridge);
}

bool machine_has_nvlink2(const struct machine *machine)
{
	return machine->gpus;
}

const char *machine_why_not(const struct machine *machine)
{
	if (machine->kind == KIND_OTHER)
		return "This is not a POWER9 machine with OPAL firmware (an IBM AC922), nor a guest of one.";
	if (machine->kind == KIND_GUEST)
		return "This guest has been given no GPU with NVLink bridges; see nvlink2 qemu in its host.";
	if (machine->bridges)
		return "The NPUs are there, but firmware joins no GPU to them: the GPUs are missing or did not answer "
		       "when the machine started, or firmware does not know their slots. Look for 'NPU' in "
		       "/sys/firmware/opal/msglog.";
	if (machine->has_npu_node)
		return "Firmware found an NPU, but made no NVLink2 of it. Look for 'NPU' in /sys/firmware/opal/msglog; "
		       "skiboot 6.4 or later is needed.";
	return "Firmware shows no NPU: this machine has no GPUs on NVLink2.";
}

int machine_gpus_of(const struct machine *machine, int npu)
{
	int count = 0;
	size_t i;

	for (i = 0; i < machine->gpus; i++)
		count += machine->gpu[i].npu == npu;
	return count;
}

struct group *machine_group(const struct machine *machine, int number)
{
	size_t i;

	for (i = 0; i < machine->groups; i++)
		if (machine->group[i].number == number)
			return &machine->group[i];
	return NULL;
}

const char *link_state_name(enum link_state state)
{
	static const char *const names[] = {
		[LINK_UNKNOWN] = "unknown", [LINK_DOWN] = "down", [LINK_UP] = "up", [LINK_DEAD] = "dead",
	};

	return names[state];
}
