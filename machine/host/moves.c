// SPDX-License-Identifier: GPL-2.0
/*
 * The two GPUs of a socket and all of their bridges go from guest to guest: the QEMU of one is killed while its guest
 * stores to GPU RAM, the next one is started at once. Each guest looks for what the one before has left.
 *
 * Usage: moves [ROUNDS]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/report.h"
#include "aftermath.h"
#include "consumer.h"
#include "prepare.h"

#define GUEST_MEMORY_MIB 512
#define GUEST_PROCESSORS 2
#define GUEST_TIMEOUT_S 240
#define ROUNDS 3
#define BEATS_BEFORE 3

static int beats;

static bool watch(const char *line)
{
	if (strstr(line, "kvm run failed")) {
		report("qemu", "%s", line);
		return false;
	}
	return !strstr(line, ".beat=") || ++beats < BEATS_BEFORE;
}

static long meminfo(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "r");
	size_t length = strlen(name);
	char line[128];
	long kib = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, length) && line[length] == ':')
			kib = strtol(line + length + 1, NULL, 10);
	if (file)
		fclose(file);
	return kib;
}

static void move(const struct gpu *gpus, int round)
{
	char parameters[48], key[32];
	const struct consumer consumer = {
		.gpu = gpus, .gpus = 2, .processors = GUEST_PROCESSORS, .memory_mib = GUEST_MEMORY_MIB,
		.timeout_s = GUEST_TIMEOUT_S, .job = "moved", .parameters = parameters, .watch = watch,
		.end_signal = SIGKILL,
	};

	beats = 0;
	snprintf(parameters, sizeof(parameters), "machine.round=%d", round);
	report("round", "%d", round);
	report("consumer", "%d", consumer_run(&consumer));
	snprintf(key, sizeof(key), "memory.%d", round);
	report(key, "%ld KiB free, %ld KiB of slabs", meminfo("MemFree"), meminfo("Slab"));
}

int main(int argc, char **argv)
{
	int round, rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
	struct group group;
	struct gpu gpus[2];

	report_begin("host");
	check_kvm();
	choose_gpu(0, &gpus[0]);
	choose_gpu(1, &gpus[1]);
	own_group(&gpus[0], &group);
	if (!group_has(&group, &gpus[1].device))
		give_up("the two GPUs are in two groups");
	for (round = 1; round <= rounds; round++)
		move(gpus, round);
	mark("after");
	report("unbound", "%d of %d", group_unbind(&group), group.count);
	kernel_log_report();
	firmware_log_report();
	return 0;
}
