/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of the bench count and time; the same in host and guest. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stddef.h>

#define MAX_SAMPLES 32
#define GIB (1ul << 30)

/**
 * struct samples - values of the same quantity, to take the median of.
 * @value: in any unit.
 * @count: how many.
 */
struct samples {
	double value[MAX_SAMPLES];
	int count;
};

/**
 * now_us() - microseconds of the monotonic clock.
 */
double now_us(void);

/**
 * add_sample() - remember one more value; those beyond MAX_SAMPLES are dropped.
 * @samples: the others.
 * @value: the value.
 */
void add_sample(struct samples *samples, double value);

/**
 * median() - the middle one of the values.
 * @samples: the values, which it sorts.
 *
 * Return: 0 when there are none.
 */
double median(struct samples *samples);

/**
 * minor_faults() - page faults of this process so far.
 */
long minor_faults(void);

/**
 * page_tables_kib() - memory of this process' page tables.
 */
long page_tables_kib(void);

/**
 * report_touch() - store to each page of a mapping, and again; report the faults, both times and the page tables.
 * @key: what to report it as.
 * @memory: the mapping.
 * @size: in bytes.
 */
void report_touch(const char *key, void *memory, size_t size);

/**
 * warm_pass_us() - load one word from each cache line of a mapping that has been touched.
 * @memory: the mapping.
 * @size: in bytes.
 *
 * Return: microseconds.
 */
double warm_pass_us(const void *memory, size_t size);

/**
 * report_warm() - warm passes over two mappings in turns; report the medians.
 * @key: what to report it as; ".gpu" and ".memory" go behind it.
 * @gpu: GPU RAM.
 * @memory: ordinary memory.
 * @size: in bytes, of both.
 */
void report_warm(const char *key, const void *gpu, const void *memory, size_t size);

#endif
