// SPDX-License-Identifier: GPL-2.0
/*
 * The two GPUs of a socket and all of their bridges go from guest to guest: the QEMU of one is killed while its guest
 * stores to GPU RAM and the GPUs write to its memory with ATS, the next one is started at once. Each guest looks for
 * what the one before has left, and the host for memory that is not free again.
 *
 * Usage: moves [ROUNDS]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
/* What the first guest may leave in the host for all guests to come, and each later one */
#define FIRST_MARGIN_KIB (64 << 10)
#define MARGIN_KIB (16 << 10)
#define SETTLE_S 60

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

/* Memory that was pinned for DMA is given back after a grace period of RCU, some time after the end of QEMU. */
static long settle(const char *key, long wanted)
{
	time_t end = time(NULL) + SETTLE_S;

	while (meminfo("MemFree") < wanted && time(NULL) < end)
		usleep(100000);
	report(key, "%ld KiB free, %ld KiB of slabs", meminfo("MemFree"), meminfo("Slab"));
	return meminfo("MemFree");
}

static void move(const struct gpu *gpus, int round)
{
	char parameters[48];
	const struct consumer consumer = {
		.gpu = gpus, .gpus = 2, .processors = GUEST_PROCESSORS, .memory_mib = GUEST_MEMORY_MIB,
		.timeout_s = GUEST_TIMEOUT_S, .job = "moved", .parameters = parameters, .watch = watch,
		.end_signal = SIGKILL,
	};

	beats = 0;
	snprintf(parameters, sizeof(parameters), "machine.round=%d", round);
	report("round", "%d", round);
	report("consumer", "%d", consumer_run(&consumer));
}

/* All but the first are started as soon as the one before is gone. */
static void move_all(const struct gpu *gpus, int rounds)
{
	long free = settle("memory.before", 0);
	int round;

	move(gpus, 1);
	free = settle("memory.first", free - FIRST_MARGIN_KIB);
	for (round = 2; round <= rounds; round++)
		move(gpus, round);
	settle("memory.last", free - MARGIN_KIB);
}

int main(int argc, char **argv)
{
	static struct taken taken;

	report_begin("host");
	check_kvm();
	take_two_gpus(&taken);
	move_all(taken.gpus, argc > 1 ? atoi(argv[1]) : ROUNDS);
	mark("after");
	give_back(&taken);
	logs_report();
	return 0;
}
