// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "devices.h"
#include "files.h"
#include "tree.h"

#define NPU_PHB "ibm,ioda2-npu2-phb"
#define NPU "ibm,power9-npu"
#define GPU_RAM "ibm,coherent-device-memory"
/* More than any NPU has of bridges or registers */
#define MAX_CELLS 128

static bool begins(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static uint32_t cell(const char *node, const char *name, uint32_t missing)
{
	uint32_t value;

	return property_cells(&value, 1, "%s/%s", node, name) ? value : missing;
}

static enum kind kind_of_machine(void)
{
	if (file_exists(TREE "/ibm,opal"))
		return KIND_HOST;
	return file_exists(TREE "/rtas") || file_exists(TREE "/hypervisor") ? KIND_GUEST : KIND_OTHER;
}

static void read_identity(struct machine *machine)
{
	machine->kind = kind_of_machine();
	file_text(machine->model, sizeof(machine->model), TREE "/model");
	file_text(machine->kernel, sizeof(machine->kernel), "/proc/sys/kernel/osrelease");
	file_text(machine->firmware, sizeof(machine->firmware), TREE "/ibm,opal/firmware/version");
}

/* The children of an NPU's node whose names begin like that of a link */
static void read_links(struct tree *tree, const char *npu)
{
	struct marked *link;
	struct names names;
	char node[600];
	size_t i;

	names_read(&names, "%s", npu);
	for (i = 0; i < names.count; i++) {
		if (!begins(names.name[i], "link"))
			continue;
		snprintf(node, sizeof(node), "%s/%s", npu, names.name[i]);
		link = ARRAY_ADD(tree->link, tree->links);
		link->phandle = cell(node, "phandle", 0);
		link->link = cell(node, "ibm,npu-link-index", NONE);
	}
	names_free(&names);
}

static void read_chip(struct tree *tree, struct machine *machine, const char *chip)
{
	struct names names;
	char node[600];
	size_t i;

	names_read(&names, "%s", chip);
	for (i = 0; i < names.count; i++) {
		snprintf(node, sizeof(node), "%s/%s", chip, names.name[i]);
		if (!begins(names.name[i], "npu@") || !property_has_string(NPU, "%s/compatible", node))
			continue;
		machine->has_npu_node = true;
		read_links(tree, node);
	}
	names_free(&names);
}

static void read_memory(struct tree *tree, const char *node)
{
	uint32_t cells[MAX_CELLS];
	struct marked *memory;
	int count;

	if (!property_has_string(GPU_RAM, "%s/compatible", node))
		return;
	memory = ARRAY_ADD(tree->memory, tree->memories);
	memory->phandle = cell(node, "phandle", 0);
	memory->numa_node = NONE;
	if (property_cells(cells, 4, "%s/reg", node) == 4) {
		memory->base = (uint64_t)cells[0] << 32 | cells[1];
		memory->size = (uint64_t)cells[2] << 32 | cells[3];
	}
	count = property_cells(cells, MAX_CELLS, "%s/ibm,associativity", node);
	if (count > 1)
		memory->numa_node = cells[count - 1];
}

static void add_bridges(struct tree *tree, struct machine *machine, const char *phb)
{
	struct bridge *bridge;
	struct names names;
	char node[600];
	size_t i;

	names_read(&names, "%s", phb);
	for (i = 0; i < names.count; i++) {
		snprintf(node, sizeof(node), "%s/%s", phb, names.name[i]);
		if (!file_exists("%s/ibm,nvlink", node) && !file_exists("%s/ibm,gpu", node))
			continue;
		bridge = ARRAY_ADD(machine->bridge, machine->bridges);
		function_clear(&bridge->function);
		bridge->npu = machine->npus - 1;
		tree_read_bridge(tree, bridge, node);
	}
	names_free(&names);
}

static void read_phb(struct tree *tree, struct machine *machine, const char *node)
{
	uint32_t cells[MAX_CELLS];
	struct npu *npu;

	if (!property_has_string(NPU_PHB, "%s/compatible", node))
		return;
	npu = ARRAY_ADD(machine->npu, machine->npus);
	snprintf(npu->node, sizeof(npu->node), "%s", node + strlen(TREE));
	make_printable(npu->node);
	npu->chip = cell(node, "ibm,chip-id", NONE);
	npu->index = cell(node, "ibm,npu-index", NONE);
	npu->links = cell(node, "ibm,links", NONE);
	npu->atsd = property_cells(cells, MAX_CELLS, "%s/ibm,mmio-atsd", node) / 2;
	npu->numa_node = NONE;
	add_bridges(tree, machine, node);
}

static void read_nodes(struct tree *tree, struct machine *machine, const struct names *names, bool phbs)
{
	const char *name;
	char node[600];
	size_t i;

	for (i = 0; i < names->count; i++) {
		name = names->name[i];
		snprintf(node, sizeof(node), TREE "/%s", name);
		if (phbs && begins(name, "pciex@"))
			read_phb(tree, machine, node);
		else if (!phbs && begins(name, "xscom@"))
			read_chip(tree, machine, node);
		else if (!phbs && begins(name, "npuphb"))
			read_links(tree, node);
		else if (!phbs && begins(name, "memory@"))
			read_memory(tree, node);
	}
}

void tree_read(struct tree *tree, struct machine *machine)
{
	struct names names;

	memset(tree, 0, sizeof(*tree));
	read_identity(machine);
	names_read(&names, TREE);
	/* Bridges lead to the other nodes, so those come first */
	read_nodes(tree, machine, &names, false);
	read_nodes(tree, machine, &names, true);
	names_free(&names);
}

void tree_free(struct tree *tree)
{
	free(tree->link);
	free(tree->memory);
}

static const struct marked *by_phandle(const struct marked *nodes, size_t count, uint32_t phandle)
{
	size_t i;

	for (i = 0; phandle && i < count; i++)
		if (nodes[i].phandle == phandle)
			return &nodes[i];
	return NULL;
}

void tree_read_bridge(const struct tree *tree, struct bridge *bridge, const char *node)
{
	const struct marked *link = by_phandle(tree->link, tree->links, cell(node, "ibm,nvlink", 0));
	uint32_t target[2] = { 0 };

	bridge->function.phandle = cell(node, "phandle", 0);
	bridge->gpu = NONE;
	bridge->gpu_phandle = cell(node, "ibm,gpu", 0);
	bridge->memory = cell(node, "memory-region", 0);
	bridge->link = link ? link->link : NONE;
	bridge->speed = cell(node, "ibm,nvlink-speed", NONE);
	property_cells(target, 2, "%s/ibm,device-tgt-addr", node);
	bridge->has_target = target[0] || target[1];
	file_text(bridge->slot, sizeof(bridge->slot), "%s/ibm,loc-code", node);
}

void tree_read_ram(const struct tree *tree, struct gpu *gpu, uint32_t phandle)
{
	const struct marked *memory = by_phandle(tree->memory, tree->memories, phandle);

	gpu->memory_node = NONE;
	if (!memory)
		return;
	gpu->base = memory->base;
	gpu->size = memory->size;
	gpu->memory_node = memory->numa_node;
}
