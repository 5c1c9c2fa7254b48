// SPDX-License-Identifier: GPL-2.0
/*
 * What the program nvlink2 says of this machine, does to it, and how a guest runs that is started by the command line
 * that it prints.
 *
 * Usage: tool SLOT
 *
 * Each thing it says is a fact: its status, then its lines with a tab between them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "../common/boot.h"
#include "../common/report.h"
#include "aftermath.h"
#include "consumer.h"
#include "prepare.h"

#define GUEST_TIMEOUT_S 900
#define GUEST "--memory 512M --cpus 1 --name alpha -- -no-reboot -bios /usr/share/qemu/slof.bin -kernel /boot/vmlinux " \
	"-initrd /boot/guest.cpio -append 'console=hvc0 quiet oops=panic panic=-1'"
/* More than the list of a machine with six GPUs has */
#define MAX_OUTPUT 65536

static const char *slot;

static void run(const char *key, const char *command)
{
	static char output[MAX_OUTPUT];
	size_t length = 0;
	char line[256], *end;
	FILE *pipe;

	snprintf(line, sizeof(line), "%s 2>&1", command);
	pipe = popen(line, "r");
	if (!pipe) {
		report_error(key, command);
		return;
	}
	length = fread(output, 1, sizeof(output) - 1, pipe);
	output[length] = 0;
	for (end = output; (end = strchr(end, '\n')); end++)
		*end = '\t';
	/* More than report() takes */
	printf("@ host.%s=%d\t%s\n", key, WEXITSTATUS(pclose(pipe)), output);
	fflush(stdout);
}

static void run_on_slot(const char *key, const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "%s %s", command, slot);
	run(key, line);
}

/* The guest waits at its mark, its GPU in use */
static bool watch(const char *line)
{
	if (!strstr(line, "@ mark guest.running"))
		return true;
	run("tool.used", "nvlink2 list --json");
	run_on_slot("tool.unbind-used", "nvlink2 unbind");
	return true;
}

static void start_guest(void)
{
	struct consumer consumer = { .timeout_s = GUEST_TIMEOUT_S, .watch = watch };
	char command[512];

	snprintf(command, sizeof(command), "eval \"$(nvlink2 qemu %s " GUEST ")\"", slot);
	consumer.command = command;
	report("consumer", "%d", consumer_run(&consumer));
}

int main(int argc, char **argv)
{
	char *const install[] = { "/bin/busybox", "--install", "-s", "/bin", NULL };

	report_begin("host");
	slot = argc > 1 ? argv[1] : "all";
	boot_run(install);
	check_kvm();
	run("tool.before", "nvlink2 list --json");
	run("tool.tree", "nvlink2 list");
	run("tool.check-before", "nvlink2 check");
	run_on_slot("tool.bind", "nvlink2 bind");
	run("tool.bound", "nvlink2 list --json");
	run("tool.check", "nvlink2 check");
	run_on_slot("tool.qemu", "nvlink2 qemu");
	run_on_slot("tool.libvirt", "nvlink2 libvirt");
	start_guest();
	run_on_slot("tool.unbind", "nvlink2 unbind");
	run("tool.after", "nvlink2 list --json");
	kernel_log_report();
	return 0;
}
