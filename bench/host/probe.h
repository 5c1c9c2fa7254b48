/* SPDX-License-Identifier: GPL-2.0 */
/* Functions of the kernel that are counted or timed. */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>

/**
 * probe_count() - begin to count the calls of a function.
 * @name: what the probe is called.
 * @function: the function.
 *
 * Return: false when there is no such function.
 */
bool probe_count(const char *name, const char *function);

/**
 * probe_hits() - how many calls there were.
 * @name: from probe_count().
 *
 * Return: -1 when nobody counts.
 */
long probe_hits(const char *name);

/**
 * probe_time() - begin to record when a function is called and when it returns.
 * @name: what the probe is called.
 * @function: the function.
 *
 * Return: false when there is no such function.
 */
bool probe_time(const char *name, const char *function);

/**
 * probe_us() - what the calls of a function took together since probe_time(), in microseconds.
 * @name: from probe_time().
 *
 * Return: 0 when there was none.
 */
double probe_us(const char *name);

#endif
