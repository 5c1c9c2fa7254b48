/* SPDX-License-Identifier: GPL-2.0 */
/* A guest with two GPUs, one of which hardware is going to freeze. */
#ifndef FROZEN_H
#define FROZEN_H

#include "steps.h"

/**
 * frozen() - copy with the first GPU, and store to the RAM of the second all the time, before and after the mark.
 * @fd: from engine_open(), of the first GPU.
 * @second: the second GPU, with links that are not trained.
 * @mib: how much RAM it has.
 */
void frozen(int fd, const struct gpu *second, unsigned int mib);

#endif
