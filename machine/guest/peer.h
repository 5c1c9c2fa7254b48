/* SPDX-License-Identifier: GPL-2.0 */
/* What a GPU reaches of other GPUs over links that no IOMMU looks at. */
#ifndef PEER_H
#define PEER_H

#include <stdint.h>

/* Links of a GPU, wherever they lead */
#define PEER_LINKS 6

/**
 * peer_read() - have the engine read the RAM of the GPU at the other end of a link.
 * @engine: from engine_open().
 * @link: one of the GPU's own links.
 * @from: where in the RAM of the other GPU.
 * @gpu_offset: where it goes to.
 * @length: bytes.
 *
 * Return: what the engine says, 0 when it says nothing.
 */
uint32_t peer_read(int engine, int link, uint64_t from, uint64_t gpu_offset, uint32_t length);

/**
 * peer_report() - report of each link whether a page of another GPU's RAM comes over it.
 * @engine: from engine_open().
 * @gpu_offset: of a page that it may go to.
 */
void peer_report(int engine, uint64_t gpu_offset);

#endif
