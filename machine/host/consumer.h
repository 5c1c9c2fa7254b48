/* SPDX-License-Identifier: GPL-2.0 */
/* The QEMU that passes devices to a guest, and its console. */
#ifndef CONSUMER_H
#define CONSUMER_H

#include <stdbool.h>

#include "../common/nvlink.h"

/**
 * struct consumer - what the guest gets.
 * @gpu: a GPU with its bridges, or an array of them; not on the default PCI host bridge.
 * @gpus: how many, 0 for one.
 * @omit: what is not passed on, bit 0 for the GPUs, bit n for the bridge n - 1 of each.
 * @together: all on one PCI host bridge; else GPUs of each IOMMU group have one.
 * @companion: the first bridge shares its slot with "companion", an emulated device that is function 0.
 * @bridges_first: the bridges of a GPU come before it on the command line.
 * @machine: machine type, NULL for QEMU's default.
 * @arguments: more of QEMU's command line, ends with NULL, or NULL.
 * @reboots: QEMU goes on when the guest reboots.
 * @processors: how many, 0 for one.
 * @memory_mib: ordinary memory.
 * @lock_limit: how many bytes QEMU may lock, as a user that is not root, or 0 for all.
 * @memory_path: a file system of huge pages that backs it, or NULL.
 * @timeout_s: the guest is killed when it runs longer.
 * @shell: the guest offers a shell on this terminal; no time limit then.
 * @job: what the guest does, NULL for the main job.
 * @parameters: more words for the guest's command line, or NULL.
 * @command: a line for the shell that starts QEMU, instead of all of the above but @timeout_s; or NULL.
 * @watch: sees each line that the guest or QEMU says, and returns false when QEMU is to end. May be NULL.
 * @end_signal: what ends QEMU then, 0 for SIGTERM.
 * @name: of one of several guests at once, put before the keys of what it reports; or NULL.
 * @marks: file descriptor that gets a byte for each mark, which is not shown then; 0 for none.
 *
 * Where the environment has CONSUMER_COMMAND, that is the @command of all guests that have none. It finds in CONSUMER_APPEND
 * what the guest's kernel is to be told.
 */
struct consumer {
	const struct gpu *gpu;
	int gpus;
	unsigned int omit;
	bool together;
	bool companion;
	bool bridges_first;
	const char *machine;
	char *const *arguments;
	bool reboots;
	int processors;
	int memory_mib;
	unsigned long lock_limit;
	const char *memory_path;
	int timeout_s;
	bool shell;
	const char *job;
	const char *parameters;
	const char *command;
	bool (*watch)(const char *line);
	int end_signal;
	const char *name;
	int marks;
};

/**
 * consumer_run() - run a guest to its end.
 * @consumer: what it gets.
 *
 * The guest's lines that begin with "@ " go out, others behind "guest| "; what comes in is passed on.
 *
 * Return: exit status of QEMU, 128 + signal, or 124 when the guest ran out of time.
 */
int consumer_run(const struct consumer *consumer);

/**
 * consumer_pid() - the process that runs the guest, for those that watch it.
 */
int consumer_pid(void);

#endif
