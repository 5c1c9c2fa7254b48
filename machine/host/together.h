/* SPDX-License-Identifier: GPL-2.0 */
/* Guests that run at the same time: each has a process beside this one that runs its QEMU. */
#ifndef TOGETHER_H
#define TOGETHER_H

#include <stdbool.h>
#include <sys/types.h>

#include "consumer.h"

/**
 * struct beside - a process that runs a guest.
 * @pid: of the process, which runs QEMU as a child.
 * @to: what is written here goes to the guest.
 * @marks: a byte comes from here for each mark of the guest, and the end when it has ended.
 */
struct beside {
	pid_t pid;
	int to, marks;
};

/**
 * beside_start() - start a guest, with consumer_run() in a process of its own.
 * @beside: gets it.
 * @consumer: what the guest gets; it must have a name. What it watches with shares no memory with this process.
 *
 * Return: false with errno set.
 */
bool beside_start(struct beside *beside, const struct consumer *consumer);

/**
 * beside_ended() - true when the guest has ended.
 * @beside: from beside_start().
 */
bool beside_ended(const struct beside *beside);

/**
 * beside_wait() - wait for the end of a guest.
 * @beside: from beside_start().
 *
 * Return: what consumer_run() said.
 */
int beside_wait(struct beside *beside);

/**
 * together_run() - run guests to their ends, which stand still at their marks until all others have reached theirs.
 * @consumers: what they get.
 * @count: how many.
 * @statuses: gets what consumer_run() said of each.
 *
 * The only mark of such guests is "running".
 */
void together_run(const struct consumer *consumers, int count, int *statuses);

#endif
