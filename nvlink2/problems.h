/* SPDX-License-Identifier: GPL-2.0 */
/* What contradicts itself or is missing, so that NVLink2 does not work or not all of it. */
#ifndef PROBLEMS_H
#define PROBLEMS_H

#include "machine.h"

/**
 * problems_find() - look for them
 * @machine: has all else, gets them
 */
void problems_find(struct machine *machine);

/**
 * problems_free() - forget them
 * @machine: the machine
 */
void problems_free(struct machine *machine);

#endif
