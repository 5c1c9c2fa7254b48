// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

/* Of several guests at once the first one waits for the last one. */
#define MARK_TIMEOUT_MS 900000

static const char *side = "?";
static char subject[16];

void report_begin(const char *name)
{
	side = name;
	setvbuf(stdout, NULL, _IOLBF, 1024);
}

void report_about(int gpu)
{
	if (gpu < 0)
		subject[0] = 0;
	else
		snprintf(subject, sizeof(subject), "gpu%d.", gpu);
}

void report(const char *key, const char *format, ...)
{
	char value[512];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	printf("@ %s.%s%s=%s\n", side, subject, key, value);
	fflush(stdout);
}

void report_error(const char *key, const char *what)
{
	report(key, "error: %s: %s", what, strerror(errno));
}

void mark_of(const char *who, const char *name)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char byte = 0;

	printf("@ mark %s.%s\n", who, name);
	fflush(stdout);
	while (byte != '\n' && poll(&input, 1, MARK_TIMEOUT_MS) > 0)
		if (read(STDIN_FILENO, &byte, 1) != 1)
			break;
}

void mark(const char *name)
{
	mark_of(side, name);
}

void give_up(const char *format, ...)
{
	char reason[512];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	report_about(-1);
	report("stopped", "%s", reason);
	exit(1);
}
