/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of the bench do with memory; the same in host and guest. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stddef.h>

#include "cost.h"

#define GIB (1ul << 30)

/**
 * touch() - store to each page of a mapping.
 * @memory: the mapping.
 * @size: in bytes.
 * @cost: gets what it took.
 *
 * Return: how many faults there were.
 */
long touch(void *memory, size_t size, struct cost *cost);

/**
 * report_touch() - touch a mapping that nobody has touched yet, and again; report faults, costs and page tables.
 * @key: what to report it as.
 * @memory: the mapping.
 * @size: in bytes.
 */
void report_touch(const char *key, void *memory, size_t size);

/**
 * report_warm() - load from GPU RAM, from memory and from other memory in turns, all of which were touched before.
 * @key: what to report it as.
 * @gpu: GPU RAM.
 * @memory: ordinary memory.
 * @size: in bytes, of @gpu; @memory has twice as much.
 *
 * Reports passes over each word, and with ".pages" behind @key over one word in 4 KiB. What the two halves of
 * ordinary memory differ in is noise.
 */
void report_warm(const char *key, const void *gpu, const void *memory, size_t size);

#endif
