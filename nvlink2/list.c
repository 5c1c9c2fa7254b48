// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "list.h"

const char *text_or(const char *text, const char *otherwise)
{
	return *text ? text : otherwise;
}

void describe_user(char *text, size_t size, const struct group *group)
{
	text[0] = 0;
	if (group->pid && *group->guest)
		snprintf(text, size, "guest %s (%s, process %d)", group->guest, group->command, group->pid);
	else if (group->pid)
		snprintf(text, size, "%s (process %d)", *group->command ? group->command : "a program", group->pid);
}

const char *describe_no_user(const struct machine *machine)
{
	return machine->processes_hidden ? "who has it only root can see" : "nobody has it";
}

const char *describe_number(char *text, size_t size, int number)
{
	if (number == NONE)
		snprintf(text, size, "?");
	else
		snprintf(text, size, "%d", number);
	return text;
}

void describe_size(char *text, size_t size, unsigned long long bytes)
{
	if (bytes >> 30)
		snprintf(text, size, "%llu GiB", bytes >> 30);
	else
		snprintf(text, size, "%llu MiB", bytes >> 20);
}

static void print_number(const char *before, int number)
{
	if (number != NONE)
		printf("%s%d", before, number);
}

static void print_function(const struct function *function)
{
	if (!has_address(function)) {
		printf("not shown by this kernel");
		return;
	}
	printf("%s  driver %s", function->address, text_or(function->driver, "none"));
	print_number("  group ", function->group);
}

static void print_ram(const struct gpu *gpu)
{
	char size[32];

	if (!gpu->size)
		return;
	describe_size(size, sizeof(size), gpu->size);
	printf("  |  |    RAM behind %#llx, aperture of %s", (unsigned long long)gpu->base, size);
	print_number(", NUMA node ", gpu->memory_node);
	if (gpu->online) {
		describe_size(size, sizeof(size), gpu->online);
		printf(", %s in use as memory of this machine", size);
	}
	printf("\n");
}

static void print_link(const struct bridge *bridge)
{
	printf("  |  +- link");
	print_number(" ", bridge->link);
	printf(" %-7s  bridge ", link_state_name(bridge->state));
	print_function(&bridge->function);
	print_number("  speed ", bridge->speed);
	printf("\n");
}

static void print_gpu(const struct machine *machine, int index)
{
	const struct gpu *gpu = &machine->gpu[index];
	size_t i;

	printf("  +- GPU %s  ", *gpu->slot ? gpu->slot : "without a slot");
	print_function(&gpu->function);
	print_number("  NUMA node ", gpu->function.numa_node);
	printf("\n");
	if (*gpu->name)
		printf("  |  |    %s\n", gpu->name);
	print_ram(gpu);
	for (i = 0; i < machine->bridges; i++)
		if (machine->bridge[i].gpu == index)
			print_link(&machine->bridge[i]);
}

static void print_npu(const struct machine *machine, int index)
{
	const struct npu *npu = &machine->npu[index];
	size_t i;

	if (npu->chip != NONE)
		printf("Socket %d", npu->chip);
	else
		printf("PCI %s", npu->node);
	print_number(", NUMA node ", npu->numa_node);
	print_number(": NPU ", npu->index);
	if (npu->chip != NONE)
		printf(" (%s)", npu->node);
	if (npu->chip != NONE && npu->links != NONE)
		printf(", %d links", npu->links);
	if (npu->chip != NONE)
		printf(", %d blocks of ATSD registers", npu->atsd);
	printf("\n");
	for (i = 0; i < machine->gpus; i++)
		if (machine->gpu[i].npu == index)
			print_gpu(machine, i);
	for (i = 0; i < machine->bridges; i++)
		if (machine->bridge[i].npu == index && machine->bridge[i].gpu == NONE)
			print_link(&machine->bridge[i]);
}

static void print_group(const struct machine *machine, const struct group *group)
{
	size_t i, gpus = 0, bridges = 0;
	char user[160];

	for (i = 0; i < machine->gpus; i++)
		gpus += machine->gpu[i].function.group == group->number;
	for (i = 0; i < machine->bridges; i++)
		bridges += machine->bridge[i].function.group == group->number;
	printf("Group %d: %zu GPUs, %zu bridges", group->number, gpus, bridges);
	if (group->members > gpus + bridges)
		printf(", %zu other devices", group->members - gpus - bridges);
	describe_user(user, sizeof(user), group);
	if (*user)
		printf("; %s has it\n", user);
	else
		printf("; %s\n", describe_no_user(machine));
}

static void print_head(const struct machine *machine)
{
	printf("%s", *machine->model ? machine->model : "A machine without a name");
	if (*machine->firmware)
		printf(", firmware %s", machine->firmware);
	printf(", Linux %s\n", text_or(machine->kernel, "none"));
}

void list_tree(const struct machine *machine)
{
	size_t i;

	print_head(machine);
	for (i = 0; i < machine->npus; i++)
		print_npu(machine, i);
	for (i = 0; i < machine->groups; i++)
		print_group(machine, &machine->group[i]);
	for (i = 0; i < machine->problems; i++)
		printf("! %s\n", machine->problem[i]);
	if (!machine_has_nvlink2(machine))
		printf("No NVLink2 here. %s\n", machine_why_not(machine));
}
