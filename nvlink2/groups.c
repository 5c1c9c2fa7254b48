// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "devices.h"
#include "files.h"
#include "groups.h"

#define GROUPS "/sys/kernel/iommu_groups"
#define VFIO "/dev/vfio/"
/* A guest's name comes early on QEMU's command line */
#define MAX_CMDLINE 16384

static void read_members(struct group *group)
{
	struct names names;
	size_t i;

	names_read(&names, GROUPS "/%d/devices", group->number);
	for (i = 0; i < names.count; i++)
		function_read(ARRAY_ADD(group->member, group->members), names.name[i]);
	names_free(&names);
}

static void add_group(struct machine *machine, const struct function *function, int npu)
{
	struct group *group = machine_group(machine, function->group);

	if (function->group == NONE)
		return;
	if (!group) {
		group = ARRAY_ADD(machine->group, machine->groups);
		group->number = function->group;
		group->npu = npu;
		read_members(group);
	}
	if (group->npu != npu)
		group->npu = NONE;
}

/* "NAME,process=...", or with guest=NAME in any place */
static void take_name(struct group *group, const char *value)
{
	const char *named = !strncmp(value, "guest=", 6) ? value : strstr(value, ",guest=");

	if (named)
		value = strchr(named, '=') + 1;
	snprintf(group->guest, sizeof(group->guest), "%.*s", (int)strcspn(value, ","), value);
	make_printable(group->guest);
}

static void read_guest(struct group *group)
{
	char words[MAX_CMDLINE + 1], *word;
	ssize_t size = file_read(words, MAX_CMDLINE, "/proc/%d/cmdline", group->pid);

	words[size > 0 ? size : 0] = 0;
	for (word = words; word < words + size; word += strlen(word) + 1)
		if (!strcmp(word, "-name") && word + 6 < words + size)
			take_name(group, word + 6);
}

static void take_file(struct machine *machine, const char *file, int pid)
{
	struct group *group;
	char *end;
	long number;

	if (strncmp(file, VFIO, strlen(VFIO)) || !isdigit(file[strlen(VFIO)]))
		return;
	number = strtol(file + strlen(VFIO), &end, 10);
	group = *end || number > INT_MAX ? NULL : machine_group(machine, number);
	if (!group || group->pid)
		return;
	group->pid = pid;
	file_text(group->command, sizeof(group->command), "/proc/%d/comm", pid);
	read_guest(group);
}

static bool read_file(char *target, size_t size, const char *process, const char *fd)
{
	char path[PATH_MAX];
	ssize_t length;

	file_path(path, sizeof(path), "/proc/%s/fd/%s", process, fd);
	length = readlink(path, target, size - 1);
	target[length > 0 ? length : 0] = 0;
	return length > 0;
}

/* Return: false when the process may not be looked at. One that has ended meanwhile has no files. */
static bool look_at(const char *process, void (*visit)(void *data, const char *file, int pid), void *data)
{
	char target[PATH_MAX];
	struct names names;
	bool seen;
	size_t i;

	seen = names_read(&names, "/proc/%s/fd", process) || (errno != EACCES && errno != EPERM);
	for (i = 0; i < names.count; i++)
		if (read_file(target, sizeof(target), process, names.name[i]))
			visit(data, target, atoi(process));
	names_free(&names);
	return seen;
}

static bool look_at_all(void (*visit)(void *data, const char *file, int pid), void *data)
{
	struct names names;
	bool seen = true;
	size_t i;

	names_read(&names, "/proc");
	for (i = 0; i < names.count; i++)
		if (isdigit(names.name[i][0]))
			seen &= look_at(names.name[i], visit, data);
	names_free(&names);
	return seen;
}

static void visit_group(void *data, const char *file, int pid)
{
	take_file(data, file, pid);
}

void groups_read(struct machine *machine)
{
	size_t i;

	for (i = 0; i < machine->gpus; i++)
		add_group(machine, &machine->gpu[i].function, machine->gpu[i].npu);
	for (i = 0; i < machine->bridges; i++)
		add_group(machine, &machine->bridge[i].function, machine->bridge[i].npu);
	if (machine->groups)
		machine->processes_hidden = !look_at_all(visit_group, machine);
}

void groups_free(struct machine *machine)
{
	size_t i;

	for (i = 0; i < machine->groups; i++)
		free(machine->group[i].member);
	free(machine->group);
}

struct search {
	const char *prefix;
	int pid;
};

static void visit_prefix(void *data, const char *file, int pid)
{
	struct search *search = data;

	if (!search->pid && !strncmp(file, search->prefix, strlen(search->prefix)))
		search->pid = pid;
}

int user_of_files(const char *prefix, char *command, size_t size)
{
	struct search search = { prefix, 0 };

	look_at_all(visit_prefix, &search);
	command[0] = 0;
	if (search.pid)
		file_text(command, size, "/proc/%d/comm", search.pid);
	return search.pid;
}
