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

/**
 * event_record() - begin to record a trace event of this process.
 * @name: as "system/event".
 *
 * Return: false when there is no such event.
 */
bool event_record(const char *name);

/**
 * event_longest_us() - the longest time from one event to another that follows it, in microseconds.
 * @first: the event, without its system.
 * @last: the other one.
 *
 * Return: 0 when there is no such pair.
 */
double event_longest_us(const char *first, const char *last);

/**
 * probes_forget() - forget what was recorded so far.
 */
void probes_forget(void);

#endif
