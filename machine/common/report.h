/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of the images say to machine/demo: lines that begin with "@ ". */
#ifndef REPORT_H
#define REPORT_H

#include <stdnoreturn.h>

/**
 * report_begin() - name the side that speaks.
 * @side: first word of every key, "host" or "guest".
 */
void report_begin(const char *side);

/**
 * report_about() - say which of several GPUs the facts to come are about.
 * @gpu: "gpu<n>." is put before each key, -1 for nothing.
 */
void report_about(int gpu);

/**
 * report() - state one fact as "@ side.key=value".
 * @key: without the side.
 * @format: printf format of the value, one line.
 */
void report(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * report_error() - state that a fact could not be had, with the reason in errno.
 * @key: the fact.
 * @what: what was tried.
 */
void report_error(const char *key, const char *what);

/**
 * mark() - say "@ mark side.name" and wait until a line comes in.
 * @name: the point that was reached.
 *
 * The other end looks at the machine while this side stands still. Gives up after a quarter of an hour.
 */
void mark(const char *name);

/**
 * mark_of() - the same for another side, all of which stands still.
 * @who: the side.
 * @name: the point that was reached.
 */
void mark_of(const char *who, const char *name);

/**
 * give_up() - report why this side cannot go on, and exit with status 1.
 * @format: printf format of the reason.
 */
noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
