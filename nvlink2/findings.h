/* SPDX-License-Identifier: GPL-2.0 */
/* What nvlink2 check has found, for people and for programs. */
#ifndef FINDINGS_H
#define FINDINGS_H

#include "files.h"
#include "machine.h"

enum verdict { GOOD, NOTE, BAD };

/**
 * struct finding - one thing that was looked at
 * @verdict: how it is
 * @about: what it is, a word or two
 * @text: what was found
 * @advice: what to do, or empty
 */
struct finding {
	enum verdict verdict;
	const char *about;
	char text[768], advice[256];
};

/**
 * struct findings - all of them, in the order of the checks
 * @finding: each
 * @count: how many
 * @of: how many by verdict
 */
struct findings {
	struct finding *finding;
	size_t count;
	unsigned int of[BAD + 1];
};

/**
 * findings_add() - one more
 * @findings: gets it
 * @verdict: how it is
 * @about: what it is, a constant
 * @advice: what to do unless @verdict is GOOD; or NULL
 * @format: printf() format of what was found
 */
void findings_add(struct findings *findings, enum verdict verdict, const char *about, const char *advice,
		  const char *format, ...) PRINTF(5, 6);

/**
 * findings_print() - a line for each, below it what to do, and how many there are
 * @findings: all of them
 */
void findings_print(const struct findings *findings);

/**
 * findings_json() - print them as JSON
 * @findings: all of them
 * @machine: that they are of
 * @other_kernel: whether another kernel is to be installed
 *
 * Return: whether there was enough memory; says so if not.
 */
bool findings_json(const struct findings *findings, const struct machine *machine, bool other_kernel);

/**
 * findings_free() - forget them
 * @findings: all of them
 */
void findings_free(struct findings *findings);

#endif
