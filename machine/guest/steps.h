/* SPDX-License-Identifier: GPL-2.0 */
/* The steps of the guest's main job. Each reports what it found; machine/demo judges. */
#ifndef STEPS_H
#define STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/nvlink.h"
#include "driver/v100_copy.h"

/**
 * struct gpu_ram - GPU RAM as the device tree shows it, and as it is used.
 * @base: guest physical address of the aperture.
 * @aperture: its size; how much of it is RAM only the GPU knows.
 * @node: NUMA node it was added to, -1 before.
 */
struct gpu_ram {
	uint64_t base;
	uint64_t aperture;
	int node;
};

/**
 * show_device_tree() - report what joins GPU, bridges, GPU RAM and ATSD registers.
 * @gpu: the GPU.
 * @ram: gets where the GPU RAM is.
 *
 * Return: false when there is no GPU RAM.
 */
bool show_device_tree(const struct gpu *gpu, struct gpu_ram *ram);

/**
 * atsd_register() - report ibm,mmio-atsd and give its first entry.
 * @gpu: the GPU.
 * @address: gets the guest physical address.
 *
 * Return: false when there is none.
 */
bool atsd_register(const struct gpu *gpu, uint64_t *address);

/**
 * train_links() - run the link procedures of every bridge through its vendor capability.
 * @gpu: the GPU.
 *
 * Return: how many links are up.
 */
int train_links(const struct gpu *gpu);

/**
 * online_ram() - add GPU RAM as a NUMA node, the way the GPU driver does it.
 * @ram: gets the node.
 * @mib: how much RAM the GPU has.
 */
bool online_ram(struct gpu_ram *ram, unsigned int mib);

/**
 * use_ram() - run an ordinary memory test bound to the node.
 * @ram: the node.
 */
void use_ram(const struct gpu_ram *ram);

/**
 * node_buffer() - memory of the node, locked.
 * @ram: the node.
 * @size: in bytes.
 *
 * Return: NULL with errno set when the node cannot give it.
 */
void *node_buffer(const struct gpu_ram *ram, size_t size);

/**
 * node_page() - a page of the node, as processor and GPU see it.
 * @ram: the node.
 * @gpu_offset: gets where in GPU RAM it is.
 *
 * Return: NULL when the node cannot give it, or gives what is not GPU RAM.
 */
uint8_t *node_page(const struct gpu_ram *ram, uint64_t *gpu_offset);

/**
 * engine_open() - the GPU's copy engine.
 * @gpu: the GPU.
 * @info: gets what the GPU says of itself.
 *
 * Return: a file descriptor or -1.
 */
int engine_open(const struct gpu *gpu, struct v100_info *info);

/**
 * use_engine() - copy system memory to GPU RAM and back, over every path, and compare. With ATS it is memory of this
 * process.
 * @fd: from engine_open().
 * @gpu: the GPU.
 * @ram: its node.
 */
void use_engine(int fd, const struct gpu *gpu, const struct gpu_ram *ram);

/**
 * atsd_map() - map the first ATSD register, as root may.
 * @gpu: the GPU.
 *
 * Return: its words; NULL when there is none, which has been reported.
 */
volatile uint64_t *atsd_map(const struct gpu *gpu);

/**
 * atsd_unmap() - the opposite.
 * @words: from atsd_map().
 */
void atsd_unmap(volatile uint64_t *words);

/**
 * atsd_start() - launch a shootdown of one page.
 * @words: from atsd_map().
 * @address: effective address of the page.
 * @pid: whose.
 */
void atsd_start(volatile uint64_t *words, uint64_t address, unsigned int pid);

/**
 * atsd_start_process() - launch a shootdown of all that a process has.
 * @words: from atsd_map().
 * @pid: whose.
 */
void atsd_start_process(volatile uint64_t *words, unsigned int pid);

/**
 * atsd_wait() - wait for the end of a shootdown.
 * @words: from atsd_map().
 * @reads: gets how often the status was read.
 *
 * Return: the status, which is not 0 when the shootdown did not end within some seconds.
 */
uint64_t atsd_wait(volatile uint64_t *words, long *reads);

/**
 * invalidate() - launch one shootdown through the first ATSD register and wait for its end.
 * @gpu: the GPU.
 * @address: effective address it is about.
 */
void invalidate(const struct gpu *gpu, uint64_t address);

#endif
