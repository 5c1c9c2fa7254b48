/* SPDX-License-Identifier: GPL-2.0 */
/* Processes that store to GPU RAM and load it again, until they are ended. */
#ifndef STORER_H
#define STORER_H

#include <sys/types.h>

#include "steps.h"

/**
 * struct storer - a process that stores to GPU RAM, on a processor of its own.
 * @rounds: how often it stored and loaded all of its memory.
 * @wrong: words that it did not find again.
 * @pid: of the process.
 */
struct storer {
	volatile long rounds, wrong;
	pid_t pid;
};

/**
 * storers_alloc() - memory that they share with who looks at them.
 * @count: how many.
 */
struct storer *storers_alloc(int count);

/**
 * storer_start() - begin to store.
 * @storer: from storers_alloc().
 * @processor: where.
 * @ram: the node to take memory from.
 */
void storer_start(struct storer *storer, int processor, const struct gpu_ram *ram);

/**
 * storer_report() - say how far it came.
 * @storer: who.
 * @key: of the report.
 * @before: rounds that do not count.
 */
void storer_report(struct storer *storer, const char *key, long before);

/**
 * storer_end() - end the process.
 * @storer: who.
 */
void storer_end(struct storer *storer);

#endif
