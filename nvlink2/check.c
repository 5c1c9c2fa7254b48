// SPDX-License-Identifier: GPL-2.0
/* Whether a GPU can be given to a guest: a line for each thing it takes, and below it what to do. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "files.h"
#include "findings.h"
#include "guest.h"
#include "list.h"

extern char **environ;

/* Of skiboot: the first that fences the right links when a GPU is reset */
#define FIRMWARE_MAJOR 6
#define FIRMWARE_MINOR 4
/* Readers of /proc/PID/smaps stop older ones (series/OLDEST) */
#define KERNEL_NEEDED 6, 12, 84

static struct findings findings;

#define say(...) findings_add(&findings, __VA_ARGS__)

/* "skiboot-v6.5-228-g82aed17a" or "v7.1" */
static void check_firmware(const struct machine *machine)
{
	unsigned int major = 0, minor = 0;
	const char *version = strpbrk(machine->firmware, "0123456789");

	if (machine->kind != KIND_HOST)
		return;
	if (!version || sscanf(version, "%u.%u", &major, &minor) < 1)
		say(NOTE, "firmware", "skiboot 6.4 or later is needed", "has no version that can be read: '%s'",
		    machine->firmware);
	else if (major < FIRMWARE_MAJOR || (major == FIRMWARE_MAJOR && minor < FIRMWARE_MINOR))
		say(BAD, "firmware", "update it: a reset of one GPU may stop others, or the machine",
		    "is %s, older than skiboot 6.4", machine->firmware);
	else
		say(GOOD, "firmware", NULL, "is %s", machine->firmware);
}

static void check_atsd(const struct machine *machine)
{
	const struct npu *npu;
	size_t i;

	for (i = 0; i < machine->npus; i++) {
		npu = &machine->npu[i];
		if (npu->chip == NONE || !machine_gpus_of(machine, i))
			continue;
		if (!npu->atsd)
			say(BAD, "firmware", "update it to skiboot 6.4 or later: guests cannot shoot down translations",
			    "lists no ATSD registers for socket %d", npu->chip);
		else if (npu->atsd == 1 && machine_gpus_of(machine, i) > 1)
			say(NOTE, "firmware", "update it to skiboot 6.4 or later: now one GPU of the socket has ATS",
			    "lists one block of ATSD registers for the %d GPUs of socket %d", machine_gpus_of(machine, i),
			    npu->chip);
	}
}

static bool is_older(const unsigned int *one, unsigned int major, unsigned int minor, unsigned int patch)
{
	if (one[0] != major)
		return one[0] < major;
	return one[1] != minor ? one[1] < minor : one[2] < patch;
}

/* Return: whether a kernel with the series is to be installed. */
static bool check_kernel(const struct machine *machine)
{
	unsigned int release[3] = { 0 };
	size_t i, shown = 0;

	for (i = 0; i < machine->bridges; i++)
		shown += has_address(&machine->bridge[i].function);
	sscanf(machine->kernel, "%u.%u.%u", &release[0], &release[1], &release[2]);
	if (!shown)
		say(BAD, "kernel", "install a kernel with the nvlink2 series, as below",
		    "%s does not know NVLink2 and shows no bridges", machine->kernel);
	else if (is_older(release, 5, 13, 0))
		say(NOTE, "kernel", "old kernels lose GPUs and hosts in ways that the series has mended: install a new one, as below",
		    "%s has NVLink2 as it was before Linux 5.13", machine->kernel);
	else if (is_older(release, KERNEL_NEEDED))
		say(BAD, "kernel", "update to 6.12.84 or later: a reader of /proc/PID/smaps can stop this one",
		    "%s shows %zu bridges, but is too old", machine->kernel, shown);
	else
		say(GOOD, "kernel", NULL, "%s shows %zu bridges", machine->kernel, shown);
	return !shown || is_older(release, KERNEL_NEEDED);
}

/* Packages are named as `make deb` of this project names them. */
static void print_plan(const struct machine *machine)
{
	printf("\n"
	       "A kernel with NVLink2, beside this one\n"
	       "  changes: it shows a bridge for each link; vfio-pci hands out GPU RAM and links; all GPUs of a socket, with their\n"
	       "           bridges, are in one IOMMU group, also for guests that have them by PCIe alone. npu2_isolate=all on the\n"
	       "           kernel's command line gives each GPU a group of its own, and cuts the links between GPUs\n"
	       "  install: apt install ./linux-image-*nvlink2*.deb ./qemu-system-ppc-nvlink2_*.deb   ('make deb' makes them)\n"
	       "           then restart the machine with that kernel, and check again\n"
	       "  go back: nvlink2 unbind --boot all; restart with %s, which stays installed and in the boot\n"
	       "           menu; to take the other one away:\n"
	       "           apt purge 'linux-image-*-nvlink2' qemu-system-ppc-nvlink2\n", machine->kernel);
}

static int config_has_nvlink2(const struct machine *machine)
{
	return file_has_line("CONFIG_VFIO_PCI_NVLINK2=y", "/boot/config-%s", machine->kernel);
}

/* The driver's functions are in the list of symbols when it is loaded, without their addresses for most users */
static void check_vfio(const struct machine *machine)
{
	bool loaded = file_exists("/sys/bus/pci/drivers/vfio-pci");
	int found = loaded ? file_has_line("nvlink2", "/proc/kallsyms") : config_has_nvlink2(machine);

	if (found > 0)
		say(GOOD, "vfio-pci", NULL, "has NVLink2%s", loaded ? "" : ", and is not loaded yet");
	else if (found)
		say(NOTE, "vfio-pci", loaded ? "see CONFIG_VFIO_PCI_NVLINK2 in the kernel's configuration" :
		    "modprobe vfio-pci, and check again", "may have NVLink2 or not: nothing here tells");
	else
		say(BAD, "vfio-pci", "install a kernel with CONFIG_VFIO_PCI_NVLINK2=y",
		    "of this kernel hands no GPU RAM to guests");
}

static void check_kvm(const struct machine *machine)
{
	int radix = file_has_line(": Radix", "/proc/cpuinfo");

	if (machine->kind != KIND_HOST)
		return;
	if (!radix)
		say(BAD, "MMU", "start the kernel without disable_radix", "is hash: GPUs go to radix guests only");
	else if (radix > 0)
		say(GOOD, "MMU", NULL, "is radix");
	if (!file_exists("/dev/kvm"))
		say(BAD, "KVM", "modprobe kvm_hv; if that is refused, the kernel's log says why", "is not there");
	else
		say(GOOD, "KVM", NULL, "is there");
}

static void check_problems(const struct machine *machine)
{
	size_t i;

	for (i = 0; i < machine->problems; i++)
		say(BAD, "devices", NULL, "%s", machine->problem[i]);
}

/* Ports keep their driver, so they do not count */
static size_t count_bound(const struct group *group, size_t *devices, const struct function **other)
{
	const struct function *member;
	size_t bound = 0;

	*other = NULL;
	*devices = 0;
	for (member = group->member; member < group->member + group->members; member++) {
		if (is_port(member))
			continue;
		++*devices;
		bound += is_for_guests(member);
		if (*member->driver && !is_for_guests(member))
			*other = member;
	}
	return bound;
}

static void check_group(const struct machine *machine, const struct group *group)
{
	const struct function *other;
	size_t devices, bound = count_bound(group, &devices, &other);
	char user[160], advice[64];

	snprintf(advice, sizeof(advice), "nvlink2 bind %d", group->number);
	describe_user(user, sizeof(user), group);
	if (*user)
		say(GOOD, "group", NULL, "%d is in use by %s", group->number, user);
	else if (other)
		say(NOTE, "group", advice, "%d: %s has the driver %s", group->number, other->address, other->driver);
	else if (!bound)
		say(NOTE, "group", advice, "%d: none of its %zu devices is bound to vfio-pci", group->number, devices);
	else if (bound < devices)
		say(NOTE, "group", advice, "%d: only %zu of its %zu devices are bound to vfio-pci", group->number, bound,
		    devices);
	else if (!file_exists("/dev/vfio/vfio"))
		say(BAD, "group", "modprobe vfio_iommu_spapr_tce", "%d: there is no /dev/vfio/vfio to open it by", group->number);
	else
		say(GOOD, "group", NULL, "%d: %zu of %zu devices are bound to vfio-pci, %s", group->number, bound,
		    devices, describe_no_user(machine));
}

/* Each scan tells KVM that it changes all of a guest's memory, pinned or not: change_pud_range() in mm/mprotect.c */
static void check_balancing(void)
{
	long long mode;

	if (file_number(&mode, "/proc/sys/kernel/numa_balancing") && mode)
		say(NOTE, "balancing", "sysctl kernel.numa_balancing=0: a GPU that translates by ATS does not find memory of the "
		    "guest while the host looks who uses it", "of NUMA nodes is on in this kernel");
}

static void check_isolation(const struct machine *machine)
{
	size_t i, alone = 0, shared = 0;
	const struct group *group;
	int gpus;

	for (group = machine->group; group < machine->group + machine->groups; group++) {
		for (i = 0, gpus = 0; i < machine->gpus; i++)
			gpus += machine->gpu[i].function.group == group->number;
		alone += gpus == 1;
		shared += gpus > 1;
	}
	if (shared)
		say(GOOD, "isolation", NULL, "%s", "none between the GPUs of a socket: they are in one group and go to one guest");
	else if (alone)
		say(GOOD, "isolation", NULL, "each GPU has a group of its own");
}

static void check_links(const struct machine *machine)
{
	size_t i, states[LINK_DEAD + 1] = { 0 };

	for (i = 0; i < machine->bridges; i++)
		if (has_address(&machine->bridge[i].function) && machine->bridge[i].gpu != NONE)
			states[machine->bridge[i].state]++;
	if (states[LINK_DEAD])
		say(BAD, "links", "see the kernel's log for EEH, then start the machine anew", "%zu do not answer",
		    states[LINK_DEAD]);
	else if (states[LINK_UNKNOWN])
		say(NOTE, "links", "only root may read their state", "%zu in a state that is not known", states[LINK_UNKNOWN]);
	else
		say(GOOD, "links", NULL, "%zu are up, %zu down; drivers in guests train them", states[LINK_UP],
		    states[LINK_DOWN]);
}

/* Return: 1 when QEMU's help for a device has a word in it, 0 when it has not, -1 when QEMU does not run. */
static int help_has(const char *qemu, char *device, const char *word)
{
	char machine[] = "-machine", none[] = "none", option[] = "-device", program[4096];
	char *argv[] = { program, machine, none, option, device, NULL };
	posix_spawn_file_actions_t actions;
	char *line = NULL;
	size_t size = 0;
	int ends[2], status = -1, found = 0;
	FILE *stream;
	pid_t pid;

	snprintf(program, sizeof(program), "%s", qemu);
	if (pipe(ends))
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	if (posix_spawnp(&pid, program, &actions, NULL, argv, environ))
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	stream = fdopen(ends[0], "r");
	while (stream && getline(&line, &size, stream) >= 0)
		found |= !!strstr(line, word);
	free(line);
	if (stream)
		fclose(stream);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 127 ? -1 : found;
}

static void check_qemu(const struct options *options)
{
	const char *qemu = options->qemu ? options->qemu : "qemu-system-ppc64";
	char new[] = "vfio-pci,help", old[] = "spapr-pci-host-bridge,help";
	int found = strchr(qemu, '/') && access(qemu, X_OK) ? -1 : help_has(qemu, new, "nvlink2=");

	if (found < 0)
		say(BAD, "QEMU", "install qemu-system-ppc-nvlink2, or name one with NVLink2 by --qemu", "%s does not run", qemu);
	else if (found)
		say(GOOD, "QEMU", NULL, "%s has NVLink2", qemu);
	else if (help_has(qemu, old, "atsd=") > 0)
		say(BAD, "QEMU", "install qemu-system-ppc-nvlink2, which is QEMU 10.0 with NVLink2, beside it",
		    "%s has NVLink2 as it was until QEMU 8.1, which ends with an assertion on this kernel", qemu);
	else
		say(BAD, "QEMU", "install qemu-system-ppc-nvlink2 beside it; QEMU dropped NVLink2 in 8.2",
		    "%s has no NVLink2", qemu);
}

/* For root no limit counts */
static void check_lock_limit(const struct options *options)
{
	unsigned long long needed = lock_limit(options->memory, 1);
	char memory[32], have[32], advice[128];
	struct rlimit limit;

	describe_size(memory, sizeof(memory), options->memory);
	if (!geteuid())
		say(GOOD, "lock limit", NULL, "does not count for root");
	else if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= needed)
		say(GOOD, "lock limit", NULL, "is enough for a guest with %s", memory);
	else {
		describe_size(have, sizeof(have), limit.rlim_max);
		snprintf(advice, sizeof(advice), "in /etc/security/limits.conf: USER - memlock %llu; libvirt does that itself",
			 needed >> 10);
		say(NOTE, "lock limit", advice, "is %s, too small for a guest with %s", have, memory);
	}
}

/* Return: whether another kernel is to be installed. */
static bool check_all(const struct machine *machine, const struct options *options)
{
	bool other_kernel;
	size_t i;

	check_firmware(machine);
	check_atsd(machine);
	other_kernel = check_kernel(machine);
	if (machine->kind == KIND_HOST)
		check_vfio(machine);
	check_kvm(machine);
	check_problems(machine);
	for (i = 0; i < machine->groups; i++)
		check_group(machine, &machine->group[i]);
	check_isolation(machine);
	check_links(machine);
	if (machine->kind == KIND_HOST) {
		check_balancing();
		check_qemu(options);
		check_lock_limit(options);
	}
	return other_kernel && machine->kind == KIND_HOST;
}

int command_check(const struct machine *machine, const struct options *options)
{
	bool nvlink2 = machine_has_nvlink2(machine), other_kernel = nvlink2 && check_all(machine, options), good = true;

	if (options->json)
		good = findings_json(&findings, machine, other_kernel);
	else if (!nvlink2)
		printf("No NVLink2 here. %s\n", machine_why_not(machine));
	else
		findings_print(&findings);
	if (other_kernel && !options->json)
		print_plan(machine);
	good &= !findings.of[BAD];
	findings_free(&findings);
	if (!good)
		return EXIT_FAILED;
	return nvlink2 ? EXIT_GOOD : EXIT_NO_NVLINK2;
}
