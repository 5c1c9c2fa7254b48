// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../../machine/common/report.h"
#include "measure.h"

#define CACHE_LINE 128
#define WARM_PASSES 7

double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

void add_sample(struct samples *samples, double value)
{
	if (samples->count < MAX_SAMPLES)
		samples->value[samples->count++] = value;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double median(struct samples *samples)
{
	if (!samples->count)
		return 0;
	qsort(samples->value, samples->count, sizeof(samples->value[0]), compare);
	return samples->value[samples->count / 2];
}

long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

long page_tables_kib(void)
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

static double store_to_pages(void *memory, size_t size)
{
	long page = sysconf(_SC_PAGESIZE);
	double begin = now_us();
	size_t at;

	for (at = 0; at < size; at += page)
		*((volatile uint64_t *)memory + at / sizeof(uint64_t)) = at;
	return now_us() - begin;
}

void report_touch(const char *key, void *memory, size_t size)
{
	long faults = minor_faults(), tables = page_tables_kib();
	double first = store_to_pages(memory, size), again;

	faults = minor_faults() - faults;
	tables = page_tables_kib() - tables;
	again = store_to_pages(memory, size);
	report(key, "mib %zu faults %ld us %.0f again_us %.0f tables_kib %ld", size >> 20, faults, first,
	       again, tables);
}

double warm_pass_us(const void *memory, size_t size)
{
	const volatile uint64_t *words = memory;
	double begin = now_us();
	size_t at;

	for (at = 0; at < size; at += CACHE_LINE)
		(void)words[at / sizeof(*words)];
	return now_us() - begin;
}

void report_warm(const char *key, const void *gpu, const void *memory, size_t size)
{
	struct samples of_gpu = { 0 }, of_memory = { 0 }, ratio = { 0 };
	double a, b;
	int i;

	for (i = 0; i < WARM_PASSES; i++) {
		a = warm_pass_us(gpu, size);
		b = warm_pass_us(memory, size);
		add_sample(&of_gpu, a);
		add_sample(&of_memory, b);
		add_sample(&ratio, a / b);
	}
	report(key, "mib %zu gpu_us %.0f memory_us %.0f ratio %.3f", size >> 20, median(&of_gpu),
	       median(&of_memory), median(&ratio));
}
