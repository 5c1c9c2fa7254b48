// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/report.h"
#include "storer.h"

#define STORED_BYTES (1 << 20)

static void stay_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void store_for_ever(struct storer *storer, volatile uint64_t *words)
{
	size_t i, count = STORED_BYTES / sizeof(*words);

	for (;;) {
		for (i = 0; i < count; i++)
			words[i] = (uint64_t)storer->rounds << 32 | i;
		for (i = 0; i < count; i++)
			storer->wrong += words[i] != ((uint64_t)storer->rounds << 32 | i);
		storer->rounds++;
	}
}

struct storer *storers_alloc(int count)
{
	void *memory = mmap(NULL, count * sizeof(struct storer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void storer_start(struct storer *storer, int processor, const struct gpu_ram *ram)
{
	volatile uint64_t *words;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid) {
		storer->pid = pid;
		return;
	}
	stay_on(processor);
	words = node_buffer(ram, STORED_BYTES);
	if (!words)
		_exit(1);
	store_for_ever(storer, words);
}

static bool alive(struct storer *storer)
{
	return storer->pid > 0 && !waitpid(storer->pid, NULL, WNOHANG);
}

void storer_report(struct storer *storer, const char *key, long before)
{
	report(key, "%ld rounds, %ld words wrong%s", storer->rounds - before, storer->wrong,
	       alive(storer) ? "" : ", ended");
}

void storer_end(struct storer *storer)
{
	kill(storer->pid, SIGKILL);
}
