// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel uses the description of an NPU as a whole or not at all (pnv_npu2_read_topology()), so each of these is
 * worth a line.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "devices.h"
#include "files.h"
#include "list.h"
#include "problems.h"

#define MAX_LINKS 64

static void problem(struct machine *machine, const char *format, ...) PRINTF(2, 3);

static void problem(struct machine *machine, const char *format, ...)
{
	char **text = ARRAY_ADD(machine->problem, machine->problems);
	va_list args;

	va_start(args, format);
	if (vasprintf(text, format, args) < 0)
		machine->problems--;
	va_end(args);
}

/* What to call a bridge that may have no address */
static const char *name_of(const struct bridge *bridge)
{
	static char name[64];
	char number[16];

	if (has_address(&bridge->function))
		return bridge->function.address;
	snprintf(name, sizeof(name), "link %s of %s",
		 describe_number(number, sizeof(number), bridge->link), *bridge->slot ? bridge->slot : "no slot");
	return name;
}

static bool gpu_names(const struct gpu *gpu, uint32_t phandle)
{
	uint32_t phandles[MAX_LINKS];
	int i, count;

	count = property_cells(phandles, MAX_LINKS, PCI_DEVICES "/%s/of_node/ibm,npu", gpu->function.address);
	for (i = 0; i < count; i++)
		if (phandles[i] == phandle)
			return true;
	return false;
}

static void check_join(struct machine *machine, const struct bridge *bridge)
{
	const struct gpu *gpu = bridge->gpu == NONE ? NULL : &machine->gpu[bridge->gpu];

	if (!gpu)
		problem(machine, "%s: firmware joins no GPU to this link (no ibm,gpu). Slot %s is empty, or its GPU did "
			"not answer at boot", name_of(bridge), *bridge->slot ? bridge->slot : "without a label");
	else if (has_address(&gpu->function) && !gpu_names(gpu, bridge->function.phandle))
		problem(machine, "%s: names GPU %s, which does not name it (ibm,npu). Firmware describes the machine "
			"wrongly, or the GPU has been switched off and on", name_of(bridge), gpu->function.address);
}

static void check_properties(struct machine *machine, const struct bridge *bridge)
{
	if (bridge->gpu == NONE)
		return;
	if (bridge->link == NONE)
		problem(machine, "%s: its link has no number (ibm,nvlink, ibm,npu-link-index). The kernel refuses this "
			"NPU: update the firmware", name_of(bridge));
	if (!bridge->memory || !bridge->has_target)
		problem(machine, "%s: no RAM of the GPU is described (memory-region, ibm,device-tgt-addr). The GPU is "
			"without NVLink2: update the firmware", name_of(bridge));
	if (bridge->speed == NONE)
		problem(machine, "%s: the speed of the link is not known (ibm,nvlink-speed). Drivers in guests may not "
			"train it: update the firmware", name_of(bridge));
	if (bridge->state == LINK_DEAD)
		problem(machine, "%s: reads as all ones, the bridge is dead. Look for EEH in the kernel's log; start the "
			"machine anew", name_of(bridge));
}

static void check_number(struct machine *machine, size_t index)
{
	const struct bridge *bridge = &machine->bridge[index];
	size_t i;

	for (i = 0; i < index && bridge->link != NONE; i++) {
		if (machine->bridge[i].npu != bridge->npu || machine->bridge[i].link != bridge->link)
			continue;
		problem(machine, "%s: has the same link %d as another bridge of its NPU. The kernel refuses this NPU: "
			"firmware describes the machine wrongly", name_of(bridge), bridge->link);
		return;
	}
}

static void check_memory(struct machine *machine, size_t index)
{
	const struct bridge *bridge = &machine->bridge[index];
	size_t i;

	for (i = 0; i < index && bridge->gpu != NONE; i++) {
		if (machine->bridge[i].gpu != bridge->gpu)
			continue;
		if (machine->bridge[i].memory != bridge->memory)
			problem(machine, "%s: leads to other RAM than the first bridge of its GPU (memory-region). The GPU "
				"is without NVLink2: firmware describes the machine wrongly", name_of(bridge));
		return;
	}
}

static void check_group(struct machine *machine, const struct bridge *bridge)
{
	const struct gpu *gpu = bridge->gpu == NONE ? NULL : &machine->gpu[bridge->gpu];

	if (!gpu || !has_address(&bridge->function) || machine->kind != KIND_HOST)
		return;
	if (bridge->function.group == NONE)
		problem(machine, "%s: is in no IOMMU group. The kernel could not isolate it: see its log",
			name_of(bridge));
	else if (has_address(&gpu->function) && bridge->function.group != gpu->function.group)
		problem(machine, "%s: is in group %d, its GPU %s in another. This kernel has no NVLink2: install one "
			"that has", name_of(bridge), bridge->function.group, gpu->function.address);
}

static void check_hidden(struct machine *machine, int npu)
{
	size_t i, hidden = 0;

	for (i = 0; i < machine->bridges; i++)
		hidden += machine->bridge[i].npu == npu && !has_address(&machine->bridge[i].function);
	if (hidden)
		problem(machine, "%s: the kernel shows %zu of its bridges not at all. %s", machine->npu[npu].node, hidden,
			"Linux 5.13 and later has no NVLink2: install a kernel with the nvlink2 series (see nvlink2 check)");
}

static void check_gpu(struct machine *machine, const struct gpu *gpu)
{
	if (!has_address(&gpu->function))
		problem(machine, "%s: the kernel has no PCI device for this GPU. It was removed, or does not answer: "
			"echo 1 > /sys/bus/pci/rescan, see the kernel's log", *gpu->slot ? gpu->slot : "a GPU");
	if (!gpu->size)
		problem(machine, "%s: firmware says nothing of the RAM of this GPU (memory-region)",
			has_address(&gpu->function) ? gpu->function.address : gpu->slot);
}

void problems_find(struct machine *machine)
{
	size_t i;

	for (i = 0; i < machine->npus; i++)
		check_hidden(machine, i);
	for (i = 0; i < machine->bridges; i++) {
		check_join(machine, &machine->bridge[i]);
		check_properties(machine, &machine->bridge[i]);
		check_group(machine, &machine->bridge[i]);
		check_number(machine, i);
		check_memory(machine, i);
	}
	for (i = 0; i < machine->gpus; i++)
		check_gpu(machine, &machine->gpu[i]);
}

void problems_free(struct machine *machine)
{
	while (machine->problems)
		free(machine->problem[--machine->problems]);
	free(machine->problem);
}
