// SPDX-License-Identifier: GPL-2.0
/*
 * A group goes to vfio-pci as a whole or not at all: what has been changed when something fails is changed back, last
 * first. Ports of switches stay with their driver, vfio does not mind.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "attribute.h"
#include "boot.h"
#include "commands.h"
#include "devices.h"
#include "groups.h"
#include "list.h"
#include "select.h"

#define DRIVERS "/sys/bus/pci/drivers"
#define DRIVERS_PROBE "/sys/bus/pci/drivers_probe"
#define VFIO "vfio-pci"

/*
 * What may be taken from a driver, and by which device files programs use it. A driver that is not here may have a
 * file system or a network behind it.
 */
static const struct owner {
	const char *driver, *files;
} owners[] = {
	{ VFIO, NULL }, { "pci-stub", NULL }, { "nvidia", "/dev/nvidia" }, { "nouveau", "/dev/dri/" },
};

/* What has been changed, as it was before */
struct changes {
	struct function *before;
	size_t count;
};

struct job {
	bool dry_run;
	struct changes changes;
};

static bool complain(const char *address, const char *what)
{
	int error = errno;

	fprintf(stderr, "nvlink2: %s: %s: %s%s\n", address, what, strerror(error),
		error == EACCES || error == EPERM ? "; only root may" : "");
	return false;
}

static bool set_override(const char *address, const char *driver)
{
	if (attribute_write(*driver ? driver : "\n", PCI_DEVICES "/%s/driver_override", address))
		return true;
	return complain(address, "driver_override cannot be written");
}

static bool leave_driver(const struct function *function)
{
	if (!*function->driver)
		return true;
	if (attribute_write(function->address, DRIVERS "/%s/unbind", function->driver))
		return true;
	return complain(function->address, "the driver does not let it go");
}

static bool probe(const char *address)
{
	return attribute_write(address, DRIVERS_PROBE) || complain(address, "no driver would take it");
}

static bool has_driver(const struct function *function, const char *driver)
{
	struct function now = *function;

	function_read_driver(&now);
	return !strcmp(now.driver, driver);
}

/* Also when only a part of the way has been gone */
static void restore(const struct function *before)
{
	struct function now = *before;
	bool good = true;

	function_read_driver(&now);
	if (strcmp(now.driver, before->driver)) {
		good = leave_driver(&now);
		if (good && *before->driver)
			good = set_override(before->address, before->driver) && probe(before->address);
	}
	good &= set_override(before->address, before->override);
	if (!good || !has_driver(before, before->driver))
		fprintf(stderr, "nvlink2: %s could not be given back to %s: do it by hand, in " PCI_DEVICES "/%s\n",
			before->address, *before->driver ? before->driver : "no driver", before->address);
}

static void undo(struct job *job)
{
	if (job->changes.count)
		fprintf(stderr, "nvlink2: changing back what has been changed\n");
	while (job->changes.count)
		restore(&job->changes.before[--job->changes.count]);
}

static void remember(struct job *job, const struct function *function)
{
	*ARRAY_ADD(job->changes.before, job->changes.count) = *function;
}

static void say_bind(const struct function *function)
{
	printf("write " VFIO " to " PCI_DEVICES "/%s/driver_override\n", function->address);
	if (*function->driver)
		printf("write %s to " DRIVERS "/%s/unbind\n", function->address, function->driver);
	printf("write %s to " DRIVERS_PROBE "\n", function->address);
}

static bool bind_function(struct job *job, const struct function *function)
{
	const char *address = function->address;

	if (is_port(function) || !strcmp(function->driver, VFIO))
		return true;
	if (job->dry_run)
		return say_bind(function), true;
	remember(job, function);
	if (!set_override(address, VFIO) || !leave_driver(function) || !probe(address))
		return false;
	if (has_driver(function, VFIO))
		return true;
	fprintf(stderr, "nvlink2: %s: " VFIO " did not take it; the kernel's log says why\n", address);
	return false;
}

static void say_unbind(const struct function *function)
{
	printf("write %s to " DRIVERS "/%s/unbind\n", function->address, function->driver);
	printf("write nothing to " PCI_DEVICES "/%s/driver_override\n", function->address);
	printf("write %s to " DRIVERS_PROBE "\n", function->address);
}

static bool unbind_function(struct job *job, const struct function *function)
{
	const char *address = function->address;

	if (is_port(function) || strcmp(function->driver, VFIO))
		return true;
	if (job->dry_run)
		return say_unbind(function), true;
	remember(job, function);
	if (!leave_driver(function) || !set_override(address, "") || !probe(address))
		return false;
	if (!has_driver(function, VFIO))
		return true;
	fprintf(stderr, "nvlink2: %s: " VFIO " took it again, perhaps it was told to by its new_id or ids=\n", address);
	return false;
}

static bool is_free(const struct group *group)
{
	char user[160];

	if (!group->pid)
		return true;
	describe_user(user, sizeof(user), group);
	fprintf(stderr, "nvlink2: group %d is in use by %s: shut it down first\n", group->number, user);
	return false;
}

static bool may_leave(const struct function *function, const struct owner *owner)
{
	char command[32];
	int pid = owner->files ? user_of_files(owner->files, command, sizeof(command)) : 0;

	if (!pid)
		return true;
	fprintf(stderr, "nvlink2: %s: %s (process %d) uses %s*, devices of the driver %s: stop it first\n",
		function->address, *command ? command : "a program", pid, owner->files, owner->driver);
	return false;
}

static bool may_take(const struct function *function)
{
	size_t i;

	if (is_port(function) || !*function->driver || !strcmp(function->driver, VFIO))
		return true;
	for (i = 0; i < sizeof(owners) / sizeof(*owners); i++)
		if (!strcmp(function->driver, owners[i].driver))
			return may_leave(function, &owners[i]);
	fprintf(stderr, "nvlink2: %s has the driver %s, and what uses it is not known. If nothing does: echo %s > " DRIVERS
		"/%s/unbind\n", function->address, function->driver, function->address, function->driver);
	return false;
}

static bool ram_is_free(const struct machine *machine, const struct group *group)
{
	const struct gpu *gpu;
	char size[32];

	for (gpu = machine->gpu; gpu < machine->gpu + machine->gpus; gpu++) {
		if (gpu->function.group != group->number || !gpu->online)
			continue;
		describe_size(size, sizeof(size), gpu->online);
		fprintf(stderr, "nvlink2: %s: %s of its RAM is memory of this machine (node %d). Its driver has brought it "
			"there: start the machine without that driver\n", gpu->function.address, size, gpu->memory_node);
		return false;
	}
	return true;
}

static bool may_bind(const struct machine *machine, const struct group *group)
{
	bool good = is_free(group) && ram_is_free(machine, group);
	size_t i;

	for (i = 0; i < group->members && good; i++)
		good = may_take(&group->member[i]);
	return good;
}

/* An override that does not fit would come back cut, as that of another driver */
static bool can_be_undone(const struct group *group)
{
	const struct function *member;

	for (member = group->member; member < group->member + group->members; member++) {
		if (is_port(member) || strlen(member->override) < sizeof(member->override) - 1)
			continue;
		fprintf(stderr, "nvlink2: %s: its driver_override is too long for the name of a driver, '%s...': empty it first\n",
			member->address, member->override);
		return false;
	}
	return true;
}

static bool change_group(struct job *job, const struct group *group, bool bind)
{
	size_t i;

	for (i = 0; i < group->members; i++)
		if (!(bind ? bind_function : unbind_function)(job, &group->member[i]))
			return false;
	return true;
}

/* Everything is asked before anything is changed */
static bool may_change(const struct machine *machine, const bool *chosen, bool bind)
{
	const struct group *group;
	size_t i;

	for (i = 0; i < machine->groups; i++) {
		group = &machine->group[i];
		if (chosen[i] && (!(bind ? may_bind(machine, group) : is_free(group)) || !can_be_undone(group)))
			return false;
	}
	return true;
}

/*
 * Between two writes nobody may end us with half a group; who wanted to does after the last one. module_load() comes
 * before, so modprobe can be ended.
 */
static void hold_signals(sigset_t *before)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, before);
}

static bool change_each(const struct machine *machine, struct job *job, const bool *chosen, bool bind)
{
	size_t i;

	for (i = 0; i < machine->groups; i++) {
		if (!chosen[i] || change_group(job, &machine->group[i], bind))
			continue;
		undo(job);
		return false;
	}
	return true;
}

static bool change_groups(const struct machine *machine, struct job *job, const bool *chosen, bool bind)
{
	sigset_t before;
	bool good;

	hold_signals(&before);
	good = change_each(machine, job, chosen, bind);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return good;
}

static bool have_driver(const struct job *job)
{
	if (file_exists(DRIVERS "/" VFIO) || job->dry_run)
		return true;
	if (module_load(VFIO) && file_exists(DRIVERS "/" VFIO))
		return true;
	fputs("nvlink2: the kernel has no PCI driver " VFIO " and modprobe finds none\n", stderr);
	return false;
}

static bool each_has_group(const struct machine *machine, const struct selection *selection)
{
	const struct gpu *gpu;
	size_t i;

	for (i = 0; i < machine->gpus; i++) {
		gpu = &machine->gpu[i];
		if (!selection->gpu[i] || machine_group(machine, gpu->function.group))
			continue;
		fprintf(stderr, "nvlink2: %s %s is in no IOMMU group; see nvlink2 check\n", gpu->slot,
			gpu->function.address);
		return false;
	}
	return true;
}

static void say_done(const struct machine *machine, const struct job *job, const bool *chosen, bool bind)
{
	const struct group *group;
	int changed;
	size_t i;

	for (group = machine->group; group < machine->group + machine->groups; group++) {
		if (!chosen[group - machine->group] || job->dry_run)
			continue;
		for (i = 0, changed = 0; i < group->members; i++)
			changed += !is_port(&group->member[i]) && bind != !strcmp(group->member[i].driver, VFIO);
		printf("group %d: %d devices %s " VFIO "\n", group->number, changed, bind ? "bound to" : "taken from");
	}
}

static bool change(const struct machine *machine, const struct options *options, struct job *job,
		   const struct selection *selection, bool bind)
{
	if (!each_has_group(machine, selection) || !may_change(machine, selection->group, bind))
		return false;
	if ((bind && !have_driver(job)) || !change_groups(machine, job, selection->group, bind))
		return false;
	say_done(machine, job, selection->group, bind);
	return !options->boot || boot_write(machine, selection, bind ? VFIO : NULL, job->dry_run);
}

static int change_selected(const struct machine *machine, const struct options *options, bool bind)
{
	struct job job = { .dry_run = options->dry_run };
	struct selection selection;
	bool good;

	if (!machine_has_nvlink2(machine))
		return say_no_nvlink2(machine);
	good = select_words(&selection, machine, options->word) && change(machine, options, &job, &selection, bind);
	select_free(&selection);
	free(job.changes.before);
	return good ? EXIT_GOOD : EXIT_FAILED;
}

int command_bind(const struct machine *machine, const struct options *options)
{
	return change_selected(machine, options, true);
}

int command_unbind(const struct machine *machine, const struct options *options)
{
	return change_selected(machine, options, false);
}
