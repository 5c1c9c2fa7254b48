// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../machine/common/report.h"
#include "cost.h"

#define MODULE "instructions"
#define SPRN_UPMC5 775

/* The counter is of the CPU, so the process must not go to another one. */
static bool stay(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

void instructions_count(void)
{
	int fd = open("/" MODULE ".ko", O_RDONLY | O_CLOEXEC);

	if (!stay() || fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		report_error("bench.instructions", "cannot be counted");
	if (fd >= 0)
		close(fd);
}

void instructions_end(void)
{
	cpu_set_t all;

	syscall(SYS_delete_module, MODULE, O_NONBLOCK);
	CPU_ZERO(&all);
	for (int i = 0; i < CPU_SETSIZE; i++)
		CPU_SET(i, &all);
	sched_setaffinity(0, sizeof(all), &all);
}

/* The hardware's counter has 32 bits; differences are right as long as it wraps once at most. */
static uint32_t instructions(void)
{
	unsigned long value;

	asm volatile("mfspr %0, %1" : "=r"(value) : "i"(SPRN_UPMC5) : "memory");
	return value;
}

double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

struct watch watch_start(void)
{
	struct watch watch = { .us = now_us() };

	watch.insns = instructions();
	return watch;
}

static void add_sample(struct samples *samples, double value)
{
	if (samples->count < MAX_SAMPLES)
		samples->value[samples->count++] = value;
}

void watch_stop(const struct watch *watch, struct cost *cost)
{
	uint32_t insns = instructions() - watch->insns;

	add_sample(&cost->us, now_us() - watch->us);
	add_sample(&cost->insns, insns);
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double quantile(struct samples *samples, double part)
{
	if (!samples->count)
		return 0;
	qsort(samples->value, samples->count, sizeof(samples->value[0]), compare);
	return samples->value[(int)((samples->count - 1) * part + 0.5)];
}

double median(struct samples *samples)
{
	return quantile(samples, 0.5);
}

double watch_insns(void)
{
	struct cost cost = { 0 };
	struct watch watch;
	int i;

	for (i = 0; i < MAX_SAMPLES; i++) {
		watch = watch_start();
		watch_stop(&watch, &cost);
	}
	return median(&cost.insns);
}
