/* SPDX-License-Identifier: GPL-2.0 */
/* What the user named on the command line. */
#ifndef SELECT_H
#define SELECT_H

#include "machine.h"

/**
 * struct selection - GPUs, or groups
 * @gpu: for each GPU of the machine, whether it is named
 * @group: for each group of the machine, whether it is named, or one of its devices
 * @all: "all" was named
 */
struct selection {
	bool *gpu, *group, all;
};

/**
 * select_words() - find what words name, or say what they do not name
 * @selection: gets it, to be given to select_free() always
 * @machine: the machine
 * @words: slots, addresses, groups, or "all"; ends with NULL
 *
 * Return: whether each word names something.
 */
bool select_words(struct selection *selection, const struct machine *machine, char **words);

/**
 * select_free() - forget it
 * @selection: what select_words() gave
 */
void select_free(struct selection *selection);

/**
 * say_no_nvlink2() - tell the user that there is none here
 * @machine: the machine
 *
 * Return: the status to exit with.
 */
int say_no_nvlink2(const struct machine *machine);

#endif
