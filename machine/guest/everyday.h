/* SPDX-License-Identifier: GPL-2.0 */
/* What an administrator does in a guest, while its processors store to GPU RAM. */
#ifndef EVERYDAY_H
#define EVERYDAY_H

#include "steps.h"

/**
 * everyday_train() - train_links(), while somebody else reads the status of every link all the time.
 * @gpu: the GPU.
 *
 * Return: how many links are up.
 */
int everyday_train(const struct gpu *gpu);

/**
 * everyday() - lspci, setpci and "enable", while each processor stores to GPU RAM and loads it again.
 * @gpu: the GPU; its driver is unbound on the way.
 * @ram: gets the node.
 * @mib: how much RAM the GPU has.
 */
void everyday(const struct gpu *gpu, struct gpu_ram *ram, unsigned int mib);

#endif
