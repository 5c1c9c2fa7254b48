// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../machine/common/files.h"
#include "probe.h"

#define TRACING "/sys/kernel/tracing"

/* More than one probe may be there: each is appended. */
static bool probe_add(char kind, const char *name, const char *function)
{
	int fd = open(TRACING "/kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC), length;
	char text[160];
	bool done;

	/* Why: see trace_begin() of the demo. A kernel that optimizes no probes does not have the file. */
	file_write("/proc/sys/debug/kprobes-optimization", "0");
	length = snprintf(text, sizeof(text), "%c:%s %s", kind, name, function);
	done = fd >= 0 && write(fd, text, length) == length;
	if (fd >= 0)
		close(fd);
	snprintf(text, sizeof(text), TRACING "/events/kprobes/%s/enable", name);
	return done && file_write(text, "1");
}

bool probe_count(const char *name, const char *function)
{
	return probe_add('p', name, function);
}

long probe_hits(const char *name)
{
	FILE *profile = fopen(TRACING "/kprobe_profile", "r");
	long hits = -1, count, missed;
	char found[64];

	while (profile && fscanf(profile, "%63s %ld %ld", found, &count, &missed) == 3)
		if (!strcmp(name, found))
			hits = count + missed;
	if (profile)
		fclose(profile);
	return hits;
}

/* A return probe leaves one line in the trace, and when the function was called only its own probe tells. */
bool probe_time(const char *name, const char *function)
{
	char back[64];

	snprintf(back, sizeof(back), "%s_back", name);
	return probe_add('p', name, function) && probe_add('r', back, function);
}

/* 'task-1 [000] d..1 12.345678: name: (function+0x8/0x100)': the time of it, if it is about this probe or event */
static bool moment(const char *line, const char *name, double *us)
{
	char wanted[80];
	const char *at;

	snprintf(wanted, sizeof(wanted), ": %s: ", name);
	at = strstr(line, wanted);
	while (at && at > line && at[-1] != ' ')
		at--;
	if (!at || sscanf(at, "%lf", us) != 1)
		return false;
	*us *= 1e6;
	return true;
}

double probe_us(const char *name)
{
	FILE *trace = fopen(TRACING "/trace", "r");
	double begin = 0, end, sum = 0;
	char line[512], back[64];

	snprintf(back, sizeof(back), "%s_back", name);
	while (trace && fgets(line, sizeof(line), trace)) {
		if (!moment(line, name, &begin) && moment(line, back, &end))
			sum += end - begin;
	}
	if (trace)
		fclose(trace);
	return sum;
}

bool event_record(const char *name)
{
	char path[128], filter[32];

	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	snprintf(path, sizeof(path), TRACING "/events/%s/filter", name);
	if (!file_write(path, filter))
		return false;
	snprintf(path, sizeof(path), TRACING "/events/%s/enable", name);
	return file_write(path, "1");
}

double event_longest_us(const char *first, const char *last)
{
	FILE *trace = fopen(TRACING "/trace", "r");
	double begin = 0, end, longest = 0;
	char line[512];

	while (trace && fgets(line, sizeof(line), trace)) {
		if (moment(line, first, &begin) || !begin || !moment(line, last, &end))
			continue;
		longest = end - begin > longest ? end - begin : longest;
		begin = 0;
	}
	if (trace)
		fclose(trace);
	return longest;
}

void probes_forget(void)
{
	/* To open it like this is what empties it. */
	int fd = open(TRACING "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
}
