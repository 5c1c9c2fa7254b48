/* SPDX-License-Identifier: GPL-2.0 */
/* What comes before a guest with a GPU. Each of these gives up when it cannot be done. */
#ifndef PREPARE_H
#define PREPARE_H

#include "group.h"

/**
 * check_kvm() - report the kernel, and make sure that it can run guests.
 */
void check_kvm(void);

/**
 * choose_gpu() - find a GPU that has NVLink bridges.
 * @index: which one, in the order of their addresses.
 * @gpu: gets it.
 */
void choose_gpu(int index, struct gpu *gpu);

/**
 * choose_neighbours() - find the GPUs that share the group of one: those of a socket. Reports each as one of several.
 * @index: one of them, in the order of their addresses.
 * @gpus: room for MAX_GPUS.
 *
 * Return: how many.
 */
int choose_neighbours(int index, struct gpu *gpus);

/**
 * own_group() - bind the group of a GPU to vfio-pci.
 * @gpu: the GPU.
 * @group: gets the group.
 */
void own_group(const struct gpu *gpu, struct group *group);

#endif
