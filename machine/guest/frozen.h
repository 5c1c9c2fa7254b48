/* SPDX-License-Identifier: GPL-2.0 */
/* A guest with two GPUs, one of which hardware freezes since it writes to where it must not. */
#ifndef FROZEN_H
#define FROZEN_H

#include "steps.h"

/**
 * frozen() - have the first GPU write to memory that it was not given, and store to the RAM of the second all the time.
 * @fd: from engine_open(), of the first GPU.
 * @first: the first GPU, with trained links.
 * @second: the second GPU, with links that are not trained.
 * @mib: how much RAM it has.
 */
void frozen(int fd, const struct gpu *first, const struct gpu *second, unsigned int mib);

/**
 * frozen_stray() - have a GPU write over NVLink to memory that the guest has not mapped for it.
 * @gpu: the GPU.
 * @key: of the report of what the engine says.
 */
void frozen_stray(const struct gpu *gpu, const char *key);

#endif
