/* SPDX-License-Identifier: GPL-2.0 */
/* DMA mapping of GPU RAM and of ordinary memory. */
#ifndef DMA_H
#define DMA_H

#include "device.h"

/**
 * dma_bench() - map and unmap both for DMA in turns, and report the times.
 * @session: with the group; gets a window of its own.
 * @ram: a mapping of the whole GPU RAM region.
 * @size: of the region, which is registered as a whole.
 * @memory: ordinary memory that has been touched.
 * @bytes: how much of each is mapped for DMA; size of @memory.
 */
void dma_bench(const struct vfio_session *session, void *ram, uint64_t size, void *memory,
	       uint64_t bytes);

#endif
