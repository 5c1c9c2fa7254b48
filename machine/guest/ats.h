/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ATS: a process gives the GPU an address of its own, and takes it back. A user has the GPU's driver for this: it hears
 * of every change to the address space and shoots translations down. Here the process does.
 */
#ifndef ATS_H
#define ATS_H

#include "steps.h"

/**
 * struct ats_gpu - a GPU whose links are trained and whose RAM is a node.
 * @gpu: the GPU.
 * @engine: from engine_open().
 * @ram: the node.
 * @registers: from atsd_map().
 */
struct ats_gpu {
	const struct gpu *gpu;
	int engine;
	struct gpu_ram ram;
	volatile uint64_t *registers;
};

/**
 * struct ats - what one process copies with.
 * @gpu: the GPU.
 * @pasid: of the process.
 * @page: GPU RAM, as the processor sees it.
 * @gpu_offset: the same, as the GPU sees it.
 */
struct ats {
	const struct ats_gpu *gpu;
	uint32_t pasid;
	uint8_t *page;
	uint64_t gpu_offset;
};

/**
 * ats_begin() - what this process copies with.
 * @ats: gets it.
 * @gpu: the GPU.
 *
 * Return: false when there is no page of GPU RAM.
 */
bool ats_begin(struct ats *ats, const struct ats_gpu *gpu);

/**
 * ats_copy() - copy a page over the first link.
 * @ats: from ats_begin(), of this process.
 * @address: any, the GPU has it translated.
 * @direction: V100_TO_GPU or V100_TO_SYSTEM.
 *
 * Return: what the engine says, 0 when it says nothing.
 */
uint32_t ats_copy(const struct ats *ats, const void *address, int direction);

/**
 * ats_forget() - shoot down all translations of a process: its addresses may come to mean something else.
 * @gpu: whose register is used.
 * @pasid: of the process.
 */
void ats_forget(const struct ats_gpu *gpu, uint32_t pasid);

/**
 * ats_take_away() - change a page that the GPU has translated: the GPU reaches it all the same, until a shootdown. Memory
 * of the kernel it must never reach.
 * @gpu: the GPU.
 */
void ats_take_away(const struct ats_gpu *gpu);

#endif
