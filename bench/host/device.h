/* SPDX-License-Identifier: GPL-2.0 */
/* The GPU under measurement, and the bridges that make its RAM reachable. */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../machine/host/survey.h"
#include "../common/cost.h"

/**
 * struct opened - a GPU and its bridges, opened through VFIO.
 * @gpu: file descriptor of the GPU.
 * @bridges: those of the bridges.
 * @links: how many.
 * @offset: of the GPU RAM region in @gpu.
 * @size: its size.
 */
struct opened {
	int gpu, bridges[MAX_LINKS], links;
	uint64_t offset, size;
};

/**
 * device_open() - open GPU and bridges, and find the GPU RAM region.
 * @opened: gets the result.
 * @session: with the group.
 * @gpu: which GPU.
 * @cost: gets what it took to open the GPU.
 *
 * Gives up when it cannot.
 */
void device_open(struct opened *opened, const struct vfio_session *session, const struct gpu *gpu,
		 struct cost *cost);

/**
 * device_close() - the opposite; the GPU is reset.
 * @opened: from device_open().
 */
void device_close(struct opened *opened);

/**
 * device_train() - run the link procedures, and let the GPU answer to its memory space.
 * @opened: from device_open().
 *
 * Gives up when a link does not come up: GPU RAM must not be touched then.
 */
void device_train(const struct opened *opened);

/**
 * device_zap() - start the last procedure of the training of a link again, which takes the mappings of GPU RAM away.
 * @opened: from device_open(), trained.
 */
void device_zap(const struct opened *opened);

/**
 * device_unzap() - let that procedure run, after which the links are up again.
 * @opened: as above.
 */
void device_unzap(const struct opened *opened);

/**
 * device_settle() - write to each page of GPU RAM through the device file.
 * @opened: from device_open().
 * @size: in bytes, from the start of the region.
 *
 * An emulator has no memory behind RAM that nobody has written to, and must not be measured getting it.
 */
void device_settle(const struct opened *opened, uint64_t size);

/**
 * device_place() - an address for GPU RAM at which the largest pages can be used.
 * @opened: from device_open().
 * @size: in bytes, from the start of the region.
 *
 * Gives up when there is none. The kernel uses a page of 1 GiB where address and offset are congruent modulo 1 GiB,
 * and does not look for such an address itself. Nothing else may be mapped before device_map().
 *
 * Return: the address; nothing is mapped there.
 */
void *device_place(const struct opened *opened, uint64_t size);

/**
 * device_map() - map GPU RAM.
 * @opened: from device_open().
 * @place: where, from device_place().
 * @size: in bytes, from the start of the region.
 *
 * Return: the mapping, or MAP_FAILED.
 */
void *device_map(const struct opened *opened, void *place, uint64_t size);

#endif
