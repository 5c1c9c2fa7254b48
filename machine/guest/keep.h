/* SPDX-License-Identifier: GPL-2.0 */
/* What a guest does that is going to lose its GPU. */
#ifndef KEEP_H
#define KEEP_H

#include "steps.h"

/**
 * keep_working() - copy over each link, shoot a translation down and, if it is to, store to GPU RAM and load it again,
 * until that goes wrong or for some 20 seconds.
 * @job: begins with "touch", or leaves GPU RAM to the copy engine. Also the name of a mark, and first word of the keys.
 * @fd: from engine_open().
 * @gpu: the GPU.
 * @ram: gets the node, for "touch".
 * @mib: how much RAM the GPU has; half of it is for the node.
 */
void keep_working(const char *job, int fd, const struct gpu *gpu, struct gpu_ram *ram, unsigned int mib);

#endif
