/* SPDX-License-Identifier: GPL-2.0 */
/* What a guest does beside others that have GPUs of the same socket. */
#ifndef NEIGHBOUR_H
#define NEIGHBOUR_H

#include "steps.h"

/**
 * neighbour() - use a GPU in all ways, and have it try to reach other GPUs, until the guest is ended.
 * @engine: from engine_open().
 * @gpu: the GPU.
 * @ram: gets the node.
 * @mib: how much RAM the GPU has; half of it is for the node.
 *
 * "machine.stray=" in the command line says after how many rounds the GPU writes where it must not.
 */
void neighbour(int engine, const struct gpu *gpu, struct gpu_ram *ram, unsigned int mib);

#endif
