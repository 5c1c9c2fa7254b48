/* SPDX-License-Identifier: GPL-2.0 */
/* What comes before a guest with GPUs, and after it. Each of these gives up when it cannot be done. */
#ifndef PREPARE_H
#define PREPARE_H

#include "group.h"

/**
 * enum choice - which GPUs.
 * @ONE_GPU: one.
 * @GPUS_OF_GROUP: those that share the IOMMU group of one, which are those of a socket.
 * @ALL_GPUS: those of all sockets.
 */
enum choice { ONE_GPU, GPUS_OF_GROUP, ALL_GPUS };

/**
 * struct taken - GPUs whose groups are bound to vfio-pci.
 * @gpus: the GPUs, ordered by address.
 * @gpu_count: how many.
 * @groups: theirs, each once.
 * @group_count: how many.
 */
struct taken {
	struct gpu gpus[MAX_GPUS];
	int gpu_count;
	struct group groups[MAX_GPUS];
	int group_count;
};

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
 * own_group() - bind the group of a GPU to vfio-pci.
 * @gpu: the GPU.
 * @group: gets the group.
 */
void own_group(const struct gpu *gpu, struct group *group);

/**
 * take_gpus() - find GPUs that have NVLink bridges, and bind their groups to vfio-pci.
 * @taken: gets GPUs and groups.
 * @choice: which GPUs; of each of several it is reported as such.
 * @index: one of them, in the order of their addresses.
 */
void take_gpus(struct taken *taken, enum choice choice, int index);

/**
 * take_two_gpus() - the same for the first two GPUs, which have to be of one group.
 * @taken: gets them.
 */
void take_two_gpus(struct taken *taken);

/**
 * need_groups_apart() - make sure that no two GPUs share an IOMMU group: two guests cannot share one.
 * @taken: from take_gpus(); given back if they do.
 */
void need_groups_apart(const struct taken *taken);

/**
 * give_back() - take the groups from vfio-pci again, and report of how many functions.
 * @taken: from take_gpus().
 */
void give_back(const struct taken *taken);

#endif
