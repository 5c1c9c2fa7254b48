/* SPDX-License-Identifier: GPL-2.0 */
/* Processes whose memory a GPU writes to with ATS, until they are ended. */
#ifndef COPIER_H
#define COPIER_H

#include <sys/types.h>

/**
 * struct copier - a process that has a GPU write to its memory, one copy after the other.
 * @copies: how many there were.
 * @failed: how many of them failed.
 * @pid: of the process.
 */
struct copier {
	volatile long copies, failed;
	pid_t pid;
};

/**
 * copiers_alloc() - memory that they share with who looks at them.
 * @count: how many.
 */
struct copier *copiers_alloc(int count);

/**
 * copier_start() - begin to copy from the beginning of GPU RAM, whatever is there, over the first link.
 * @copier: from copiers_alloc().
 * @engine: from engine_open().
 */
void copier_start(struct copier *copier, int engine);

#endif
