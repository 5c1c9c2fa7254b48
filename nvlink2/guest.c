// SPDX-License-Identifier: GPL-2.0
/*
 * The rules are those of QEMU (docs/system/ppc/nvlink2.rst): a GPU comes with all its bridges, GPUs of different groups
 * have a PCI host bridge each, with nothing else on it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "guest.h"
#include "list.h"

#define MAX_GPUS 6
#define GIB (1ull << 30)
#define MIB (1ull << 20)

/* 256 GiB for the windows that a host bridge with GPUs may have */
#define WINDOWS (256 * GIB)

unsigned long long lock_limit(unsigned long long memory, int host_bridges)
{
	int all = host_bridges + 1;

	return memory + memory / 128 + all * (WINDOWS + 4 * MIB) + 16 * MIB;
}

static void add_device(struct guest *guest, const struct function *function, int *slot, int number, bool is_gpu)
{
	struct passed *device = ARRAY_ADD(guest->device, guest->devices);

	device->function = function;
	device->host_bridge = guest->host_bridges;
	device->slot = ++*slot;
	device->number = number;
	device->is_gpu = is_gpu;
}

static void add_gpu(struct guest *guest, const struct machine *machine, int index, int *slot, int *gpus, int *bridges)
{
	size_t i;

	add_device(guest, &machine->gpu[index].function, slot, (*gpus)++, true);
	for (i = 0; i < machine->bridges; i++)
		if (machine->bridge[i].gpu == index)
			add_device(guest, &machine->bridge[i].function, slot, (*bridges)++, false);
}

/* All members of a group: one that no guest gets keeps the group from vfio as well, unless it is a port */
static bool is_unbound(const struct group *group)
{
	size_t i;

	for (i = 0; i < group->members; i++)
		if (!is_port(&group->member[i]) && !is_for_guests(&group->member[i]))
			return true;
	return false;
}

static void add_devices(struct guest *guest, const struct machine *machine, const bool *chosen)
{
	int gpus = 0, bridges = 0, slot;
	size_t g, i;

	for (g = 0; g < machine->groups; g++) {
		for (i = 0, slot = 0; i < machine->gpus; i++)
			if (chosen[i] && machine->gpu[i].function.group == machine->group[g].number)
				add_gpu(guest, machine, i, &slot, &gpus, &bridges);
		if (!slot)
			continue;
		guest->host_bridges++;
		guest->unbound |= is_unbound(&machine->group[g]);
		if (!*guest->user)
			describe_user(guest->user, sizeof(guest->user), &machine->group[g]);
	}
}

static bool refuse(const struct gpu *gpu, const char *why)
{
	fprintf(stderr, "nvlink2: %s %s: %s\n", gpu->slot, gpu->function.address, why);
	return false;
}

static bool is_complete(const struct machine *machine, int index)
{
	const struct gpu *gpu = &machine->gpu[index];
	const struct bridge *bridge;

	if (gpu->function.group == NONE)
		return refuse(gpu, "is in no IOMMU group, so it cannot be passed on; see nvlink2 check");
	for (bridge = machine->bridge; bridge < machine->bridge + machine->bridges; bridge++) {
		if (bridge->gpu != index)
			continue;
		if (!has_address(&bridge->function))
			return refuse(gpu, "the kernel does not show its bridges, so its NVLinks cannot be passed on; see "
				      "nvlink2 check");
		if (bridge->function.group != gpu->function.group)
			return refuse(gpu, "its bridges are in another group; see nvlink2 check");
	}
	return true;
}

static bool can_be_passed(const struct machine *machine, const bool *chosen)
{
	int count = 0;
	size_t i;

	for (i = 0; i < machine->gpus; i++) {
		if (chosen[i] && !is_complete(machine, i))
			return false;
		count += chosen[i];
	}
	if (!count) {
		fputs("nvlink2: that is no GPU, nor a bridge that leads to one: a guest would have no NVLink2\n", stderr);
		return false;
	}
	if (count <= MAX_GPUS)
		return true;
	fprintf(stderr, "nvlink2: a guest can have %d GPUs with NVLink2, not %d\n", MAX_GPUS, count);
	return false;
}

int guest_plan(struct guest *guest, const struct machine *machine, const struct options *options)
{
	struct selection selection;
	bool good;

	memset(guest, 0, sizeof(*guest));
	if (!machine_has_nvlink2(machine))
		return say_no_nvlink2(machine);
	good = select_words(&selection, machine, options->word) && can_be_passed(machine, selection.gpu);
	if (good)
		add_devices(guest, machine, selection.gpu);
	select_free(&selection);
	guest->lock_limit = lock_limit(options->memory, guest->host_bridges);
	return good ? EXIT_GOOD : EXIT_FAILED;
}

void guest_free(struct guest *guest)
{
	free(guest->device);
}
