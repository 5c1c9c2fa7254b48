/* SPDX-License-Identifier: GPL-2.0 */
/* IOMMU groups, and the processes that have them. */
#ifndef GROUPS_H
#define GROUPS_H

#include "machine.h"

/**
 * groups_read() - find the groups of all GPUs and bridges, and who has them
 * @machine: has GPUs and bridges, gets the groups
 */
void groups_read(struct machine *machine);

/**
 * groups_free() - forget them
 * @machine: the machine
 */
void groups_free(struct machine *machine);

/**
 * user_of_files() - find a process that has a file open
 * @prefix: how the path of the file begins
 * @command: gets the name of its program
 * @size: room in @command
 *
 * Return: the process, or 0 when no process that may be looked at has one.
 */
int user_of_files(const char *prefix, char *command, size_t size);

#endif
