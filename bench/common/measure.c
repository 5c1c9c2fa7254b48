// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../machine/common/report.h"
#include "measure.h"

/* The emulator translates so much at a time, whatever the size of a page. */
#define SMALL_PAGE 4096
#define TOUCHES 5
#define WARM_PASSES 31
#define AREAS 3
#define PARTS 32

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static long page_tables_kib(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];
	long kib = 0;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmPTE: %ld kB", &kib) == 1)
			break;
	if (status)
		fclose(status);
	return kib;
}

long touch(void *memory, size_t size, struct cost *cost)
{
	long page = sysconf(_SC_PAGESIZE), faults = minor_faults();
	struct watch watch = watch_start();
	size_t at;

	for (at = 0; at < size; at += page)
		*((volatile uint64_t *)memory + at / sizeof(uint64_t)) = at;
	watch_stop(&watch, cost);
	return minor_faults() - faults;
}

void report_touch(const char *key, void *memory, size_t size)
{
	struct cost first = { 0 }, again = { 0 };
	long faults, tables = page_tables_kib();
	int i;

	faults = touch(memory, size, &first);
	tables = page_tables_kib() - tables;
	for (i = 0; i < TOUCHES; i++)
		touch(memory, size, &again);
	report(key, "mib %zu faults %ld tables_kib %ld us %.0f insns %.0f again_us %.0f again_insns %.0f",
	       size >> 20, faults, tables, median(&first.us), median(&first.insns), median(&again.us),
	       median(&again.insns));
}

/* A pass as a program makes it, or one that does little else than miss the TLB, each of its parts on its own. */
static void load(const void *memory, size_t size, size_t stride, struct cost costs[PARTS])
{
	const volatile uint64_t *words = memory;
	struct watch watch;
	size_t at = 0, end;
	int part;

	for (part = 0; part < PARTS; part++) {
		watch = watch_start();
		end = size / PARTS * (part + 1) / sizeof(*words);
		for (; at < end; at += stride / sizeof(*words))
			(void)words[at];
		watch_stop(&watch, &costs[part]);
	}
}

/*
 * Whoever else uses the computer can only add time, so the shortest is the one that was disturbed least. A part of a
 * pass is short enough to be left alone now and then.
 */
static double shortest_us(struct cost costs[PARTS])
{
	double us = 0;
	int part;

	for (part = 0; part < PARTS; part++)
		us += quantile(&costs[part].us, 0);
	return us;
}

static double usual_insns(struct cost costs[PARTS])
{
	double insns = 0;
	int part;

	for (part = 0; part < PARTS; part++)
		insns += median(&costs[part].insns);
	return insns;
}

static void load_in_turns(const char *key, const void *const areas[AREAS], size_t size, size_t stride)
{
	static struct cost costs[AREAS][PARTS];
	int pass, i;

	memset(costs, 0, sizeof(costs));
	for (pass = 0; pass < WARM_PASSES; pass++)
		for (i = 0; i < AREAS; i++)
			load(areas[(pass + i) % AREAS], size, stride, costs[(pass + i) % AREAS]);
	report(key, "mib %zu gpu_us %.0f memory_us %.0f other_us %.0f gpu_insns %.0f memory_insns %.0f",
	       size >> 20, shortest_us(costs[0]), shortest_us(costs[1]), shortest_us(costs[2]),
	       usual_insns(costs[0]), usual_insns(costs[1]));
}

void report_warm(const char *key, const void *gpu, const void *memory, size_t size)
{
	const void *const areas[AREAS] = { gpu, memory, (const char *)memory + size };
	char pages_key[64];

	load_in_turns(key, areas, size, sizeof(uint64_t));
	snprintf(pages_key, sizeof(pages_key), "%s.pages", key);
	load_in_turns(pages_key, areas, size, SMALL_PAGE);
}
