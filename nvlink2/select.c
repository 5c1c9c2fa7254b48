// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "array.h"
#include "commands.h"
#include "select.h"

static void take_group(struct selection *selection, const struct machine *machine, int number)
{
	const struct group *group = machine_group(machine, number);

	if (group)
		selection->group[group - machine->group] = true;
}

static void take_gpu(struct selection *selection, const struct machine *machine, size_t index)
{
	selection->gpu[index] = true;
	take_group(selection, machine, machine->gpu[index].function.group);
}

/* "4:3:0.0" is not taken, but the domain may be left out where it is 0, as lspci does */
static bool is_address(const char *word, const struct function *function)
{
	return has_address(function) && (!strcasecmp(word, function->address) ||
		(!strncmp(function->address, "0000:", 5) && !strcasecmp(word, function->address + 5)));
}

static bool is_group(const char *word, const struct function *function)
{
	char *end;
	long number = strtol(word, &end, 10);

	return end != word && !*end && function->group != NONE && number == function->group;
}

static bool take_word(struct selection *selection, const struct machine *machine, const char *word)
{
	const struct bridge *bridge;
	bool found = false, all = !strcmp(word, "all");
	const struct gpu *gpu;
	size_t i;

	for (i = 0; i < machine->gpus; i++) {
		gpu = &machine->gpu[i];
		if (!all && (!*word || strcasecmp(word, gpu->slot)) && !is_address(word, &gpu->function) && !is_group(word, &gpu->function))
			continue;
		take_gpu(selection, machine, i);
		found = true;
	}
	for (i = 0; i < machine->bridges && !found; i++) {
		bridge = &machine->bridge[i];
		if (!is_address(word, &bridge->function) && !is_group(word, &bridge->function))
			continue;
		if (bridge->gpu != NONE)
			take_gpu(selection, machine, bridge->gpu);
		take_group(selection, machine, bridge->function.group);
		found = true;
	}
	return found;
}

static void say_gpu(const struct gpu *gpu)
{
	fprintf(stderr, " %s (", *gpu->slot ? gpu->slot : "a GPU without a slot");
	fputs(has_address(&gpu->function) ? gpu->function.address : "not shown by this kernel", stderr);
	if (gpu->function.group != NONE)
		fprintf(stderr, ", group %d", gpu->function.group);
	fputs(")", stderr);
}

static void say_what_there_is(const struct machine *machine, const char *word)
{
	size_t i;

	fprintf(stderr, "nvlink2: '%s' is no GPU with NVLink2, none of its bridges and not the group of one. There are:",
		word);
	for (i = 0; i < machine->gpus; i++) {
		fputs(i ? "," : "", stderr);
		say_gpu(&machine->gpu[i]);
	}
	fputs("\n", stderr);
}

bool select_words(struct selection *selection, const struct machine *machine, char **words)
{
	selection->gpu = calloc(machine->gpus + 1, sizeof(*selection->gpu));
	selection->group = calloc(machine->groups + 1, sizeof(*selection->group));
	selection->all = false;
	if (!selection->gpu || !selection->group)
		return fputs("nvlink2: out of memory\n", stderr), false;
	for (; *words; words++) {
		selection->all |= !strcmp(*words, "all");
		if (take_word(selection, machine, *words))
			continue;
		say_what_there_is(machine, *words);
		return false;
	}
	return true;
}

void select_free(struct selection *selection)
{
	free(selection->gpu);
	free(selection->group);
}

int say_no_nvlink2(const struct machine *machine)
{
	fprintf(stderr, "nvlink2: no NVLink2 here. %s\n", machine_why_not(machine));
	return EXIT_NO_NVLINK2;
}
