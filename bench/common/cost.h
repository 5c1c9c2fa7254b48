/* SPDX-License-Identifier: GPL-2.0 */
/* What something takes: microseconds, and instructions of the CPU, kernel included. */
#ifndef COST_H
#define COST_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_SAMPLES 128

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
 * struct cost - what the same thing took each time.
 * @us: microseconds.
 * @insns: instructions; all 0 when nobody counts them.
 */
struct cost {
	struct samples us, insns;
};

/**
 * struct watch - a moment.
 * @us: of the monotonic clock.
 * @insns: of the CPU so far.
 */
struct watch {
	double us;
	uint32_t insns;
};

/**
 * instructions_count() - begin to count instructions, and stay on one CPU.
 *
 * Reports why when it cannot.
 */
void instructions_count(void);

/**
 * instructions_end() - count no longer.
 */
void instructions_end(void);

/**
 * now_us() - microseconds of the monotonic clock.
 */
double now_us(void);

/**
 * watch_start() - remember this moment.
 */
struct watch watch_start(void);

/**
 * watch_stop() - add what passed since.
 * @watch: the moment.
 * @cost: where to; samples beyond MAX_SAMPLES are dropped.
 */
void watch_stop(const struct watch *watch, struct cost *cost);

/**
 * watch_insns() - the instructions of a watch itself, which matter where there are few others.
 */
double watch_insns(void);

/**
 * quantile() - the value below which a part of the values is.
 * @samples: the values, which it sorts.
 * @part: between 0, the smallest, and 1, the largest.
 *
 * Return: 0 when there are none.
 */
double quantile(struct samples *samples, double part);

/**
 * median() - the middle one of the values.
 * @samples: the values, which it sorts.
 */
double median(struct samples *samples);

#endif
