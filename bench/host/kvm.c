// SPDX-License-Identifier: GPL-2.0
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../../machine/common/files.h"
#include "../../machine/common/report.h"
#include "kvm.h"
#include "probe.h"

#define PROBE "bench_stage2"
#define KVM "/sys/kernel/debug/kvm/*-*"
/* A trace buffer of its own, so that everything in it is an exit. */
#define EXITS "/sys/kernel/tracing/instances/bench_exits"
#define EXIT_EVENT EXITS "/events/kvm_hv/kvm_guest_exit/"
/* Not for interrupts of the host: decrementer, external, doorbell, virtualization; nor 0, for having no reason. */
#define CAUSED "trap != 0x980 && trap != 0x500 && trap != 0xe80 && trap != 0xea0 && trap != 0"

static void watch_exits(void)
{
	mkdir(EXITS, 0755);
	if (!file_write(EXIT_EVENT "filter", CAUSED) || !file_write(EXIT_EVENT "enable", "1"))
		report_error("bench.kvm", EXIT_EVENT);
}

/* What was written, whether it is still in the buffer or not. */
static long events(const char *path)
{
	FILE *stats = fopen(path, "r");
	long sum = 0, count;
	char line[80];

	while (stats && fgets(line, sizeof(line), stats))
		if (sscanf(line, "entries: %ld", &count) == 1 || sscanf(line, "overrun: %ld", &count) == 1 ||
		    sscanf(line, "dropped events: %ld", &count) == 1)
			sum += count;
	if (stats)
		fclose(stats);
	return sum;
}

static long caused_exits(void)
{
	glob_t found;
	long sum = 0;
	size_t i;

	if (glob(EXITS "/per_cpu/cpu*/stats", 0, NULL, &found))
		return -1;
	for (i = 0; i < found.gl_pathc; i++)
		sum += events(found.gl_pathv[i]);
	globfree(&found);
	return sum;
}

void kvm_watch(void)
{
	if (!probe_count(PROBE, "kvmppc_book3s_instantiate_page"))
		report_error("bench.kvm", "kprobe on kvmppc_book3s_instantiate_page");
	watch_exits();
}

/* The sum of a counter over all files that match; -1 when none does. */
static long counter(const char *pattern)
{
	glob_t found;
	char text[32];
	long sum = 0;
	size_t i;

	if (glob(pattern, 0, NULL, &found))
		return -1;
	for (i = 0; i < found.gl_pathc; i++)
		if (file_text(found.gl_pathv[i], text, sizeof(text)))
			sum += atol(text);
	globfree(&found);
	return sum;
}

/* The same counter has another name in 5.10. */
static long either(const char *pattern, const char *old)
{
	long value = counter(pattern);

	return value < 0 ? counter(old) : value;
}

/* KiB of the stage-2 page tables of all guests below the top level. */
static long tables_kib(void)
{
	FILE *slabs = fopen("/proc/slabinfo", "r");
	long active, total, size, bytes = -1;
	char line[256], name[64];

	while (slabs && fgets(line, sizeof(line), slabs)) {
		if (sscanf(line, "%63s %ld %ld %ld", name, &active, &total, &size) != 4 ||
		    (!has_prefix(name, "kvm-pte") && !has_prefix(name, "kvm-pmd")))
			continue;
		bytes = (bytes < 0 ? 0 : bytes) + active * size;
	}
	if (slabs)
		fclose(slabs);
	return bytes < 0 ? -1 : bytes >> 10;
}

void kvm_report(const char *mark)
{
	char key[64];

	snprintf(key, sizeof(key), "bench.kvm.%.32s", mark);
	report(key, "stage2 %ld tables_kib %ld pages_2m %ld pages_1g %ld caused %ld exits %ld timer %ld mmio %ld",
	       probe_hits(PROBE), tables_kib(), counter(KVM "/*2M*"), counter(KVM "/*1G*"), caused_exits(),
	       either(KVM "/sum_exits", KVM "/exits"), either(KVM "/dec_exits", KVM "/dec"),
	       either(KVM "/mmio_exits", KVM "/mmio"));
}
