// SPDX-License-Identifier: GPL-2.0
/*
 * Another kernel takes over: by kexec after a guest used a GPU, by kexec while a guest stores to GPU RAM, or because this
 * kernel crashes then. The command line has to have "retain_initrd", and for the crash "crashkernel=".
 *
 * Usage: kexec used|in-use|crash JOB [ARGUMENT]...
 *        kexec taken-over JOB [ARGUMENT]...
 *        kexec groups [apart|shared]...
 *
 * JOB is what the other kernel does, after it was looked at: it starts with the second form. With the third form nobody uses
 * a GPU; each word is a kernel that takes over, with a group for each GPU or one for all, and the GPUs are tried in each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/boot.h"
#include "../common/files.h"
#include "../common/report.h"
#include "aftermath.h"
#include "consumer.h"
#include "prepare.h"
#include "survey.h"

#define KEXEC "/sbin/kexec"
#define KERNEL "/boot/vmlinux"
#define INITRD "/sys/firmware/initrd"
#define COMMAND_LINE "console=hvc0 quiet panic=-1 retain_initrd"
/* What distributions give a crash kernel */
#define CRASH_PARAMETERS "maxcpus=1 irqpoll noirqdistrib reset_devices"
#define GUEST_MEMORY_MIB 512
#define GUEST_TIMEOUT_S 240
#define BEATS_BEFORE 3

static bool crash;
static int beats;

/* parameters: of the other kernel. job: what it does, with its arguments. */
static void load(const char *parameters, const char *mode, char **job)
{
	char append[512];
	char *const argv[] = {
		KEXEC, "--kexec-syscall", crash ? "--load-panic" : "--load", "--initrd=" INITRD, append, KERNEL, NULL
	};
	int status, at;

	at = snprintf(append, sizeof(append), "--command-line=%s %s machine.job=kexec,%s", COMMAND_LINE,
		      parameters, mode);
	for (; *job && at < (int)sizeof(append); job++)
		at += snprintf(append + at, sizeof(append) - at, ",%s", *job);
	status = boot_run(argv);
	report("loaded", "%d", status);
	if (status)
		give_up("kexec does not take the other kernel");
}

/* Does not return */
static void leave(void)
{
	char *const argv[] = { KEXEC, "--exec", "--no-ifdown", NULL };

	report("leaves", crash ? "by a crash" : "by kexec");
	if (!crash)
		boot_run(argv);
	else if (!file_write("/proc/sysrq-trigger", "c"))
		report_error("crash", "/proc/sysrq-trigger");
	give_up("the other kernel did not start");
}

static bool watch(const char *line)
{
	if (strstr(line, ".beat=") && ++beats == BEATS_BEFORE) {
		mark("in-use");
		leave();
	}
	return true;
}

static void use_and_leave(bool wait, char **job)
{
	struct consumer consumer = {
		.memory_mib = GUEST_MEMORY_MIB, .timeout_s = GUEST_TIMEOUT_S,
		.job = wait ? NULL : "touch-kexec", .watch = wait ? NULL : watch,
	};
	static struct taken taken;

	check_kvm();
	take_gpus(&taken, ONE_GPU, 0);
	load(crash ? CRASH_PARAMETERS : "", "taken-over", job);
	consumer.gpu = taken.gpus;
	report("consumer", "%d", consumer_run(&consumer));
	if (!wait)
		give_up("the guest ended before another kernel took over");
	leave();
}

static void take_over(char **job)
{
	char path[64];

	mark("taken-over");
	snprintf(path, sizeof(path), "/jobs/%s", job[0]);
	execv(path, job);
	give_up("the host image has no job called '%s'", job[0]);
}

static void mark_of_kernel(const char *name, int left)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%d", name, left);
	mark(text);
}

/* left: how many kernels are to come, after which the marks are named. */
static void try_groups(int left)
{
	static struct taken taken;
	struct group group;
	int i;

	mark_of_kernel("found", left);
	report("says-cut", "%d", kernel_log_count("NVLinks to other GPUs are cut"));
	take_gpus(&taken, ALL_GPUS, 0);
	for (i = 0; i < taken.gpu_count; i++) {
		report_about(i);
		if (group_of(&taken.gpus[i].device, &group))
			vfio_try("open", &group, &taken.gpus[i].device);
	}
	report_about(-1);
	mark_of_kernel("tried", left);
	give_back(&taken);
	kernel_log_report();
}

static int groups(int left, char **kernels)
{
	try_groups(left);
	if (!left)
		return 0;
	load(strcmp(*kernels, "apart") ? "" : "npu2_isolate=all", "groups", kernels + 1);
	leave();
	return 1;
}

int main(int argc, char **argv)
{
	report_begin("host");
	if (argc > 1 && !strcmp(argv[1], "groups"))
		return groups(argc - 2, argv + 2);
	if (argc < 3)
		give_up("kexec: no job for the other kernel");
	crash = !strcmp(argv[1], "crash");
	if (!strcmp(argv[1], "taken-over"))
		take_over(argv + 2);
	else
		use_and_leave(!strcmp(argv[1], "used"), argv + 2);
	return 1;
}
