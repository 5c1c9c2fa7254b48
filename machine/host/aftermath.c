// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>

#include "../common/files.h"
#include "../common/report.h"
#include "aftermath.h"

#define TRACING "/sys/kernel/tracing"
/* There is no tracepoint for it: the third argument of the OPAL call is the LPID that firmware is to set. */
#define LPID_PROBE "p:nvlink2/map_lpar opal_npu_map_lpar lpid=%gpr5:u32"
#define FIRMWARE_LOG "/sys/firmware/opal/msglog"
#define MAX_LOG (4 << 20)
#define MAX_EVENTS 16
/* What the kernel says of the links that it has cut, in its log and by its tracepoint */
#define CUT "NVLinks to other GPUs are cut: links "
#define CUT_EVENT "pnv_npu2_isolate: gpu="
#define SYSLOG_READ_ALL 3

/* What a sane kernel's log does not have */
static const char *const bad_words[] = {
	"WARNING:", "BUG:", "Oops", "Call Trace:", "Unable to handle", "suspicious RCU",
	"possible recursive locking", "possible circular locking", "inconsistent lock state",
	"blocked for more than", "self-detected stall", "detected stalls", "soft lockup",
	"hard LOCKUP", "UBSAN:", "KASAN:", "kmemleak:", "Machine check", "MCE: ", "HMI",
	"Hypervisor Maintenance", "checkstop", "EEH: ", "cannot fence", "cannot deny DMA",
	"cannot take back", "Kernel panic", "Memory failure: ",
	NULL
};

/* What it has at each boot, all the same */
static const char *const good_words[] = {
	"EEH: PowerNV platform initialized", "EEH: PCI Enhanced I/O Error Handling Enabled",
	"EEH: Capable adapter found",
	NULL
};

struct event {
	char name[48];
	int count;
};

static char *read_all(const char *path)
{
	char *text = malloc(MAX_LOG);
	ssize_t size;

	if (!text)
		return NULL;
	size = file_read(path, text, MAX_LOG - 1);
	text[size > 0 ? size : 0] = 0;
	return text;
}

/*
 * An optimized probe restores r13 when it is through, also on another processor than it began on: the
 * paca of a kernel that can be preempted would be wrong then, see tests/selftests/init
 */
void trace_begin(void)
{
	if (!file_write("/proc/sys/debug/kprobes-optimization", "0"))
		report_error("trace", "probes that are not optimized");
	if (!file_write(TRACING "/events/vfio_pci/enable", "1"))
		report_error("trace", "tracepoints of vfio_pci");
	if (!file_write(TRACING "/kprobe_events", LPID_PROBE) ||
	    !file_write(TRACING "/events/nvlink2/enable", "1"))
		report_error("lpid", "probe of opal_npu_map_lpar");
	/* A kernel without NPU has none */
	file_write(TRACING "/events/pnv_npu2/pnv_npu2_isolate/enable", "1");
}

static char *read_log(void)
{
	char *text = calloc(1, MAX_LOG);

	if (text && klogctl(SYSLOG_READ_ALL, text, MAX_LOG - 1) >= 0)
		return text;
	report_error("log", "klogctl");
	free(text);
	return NULL;
}

/* "task-1 [000] ..... 12.345: event: fields": the name is the word before the second colon. */
static bool event_name(char *line, char *name, size_t size)
{
	char *begin = strstr(line, ": "), *end;

	if (*line == '#' || !begin)
		return false;
	begin += 2;
	end = strstr(begin, ": ");
	if (!end)
		return false;
	snprintf(name, size, "%.*s", (int)(end - begin), begin);
	return true;
}

static void count_event(struct event *events, const char *name)
{
	int i;

	for (i = 0; i < MAX_EVENTS && events[i].count; i++)
		if (!strcmp(events[i].name, name))
			break;
	if (i == MAX_EVENTS)
		return;
	snprintf(events[i].name, sizeof(events[i].name), "%s", name);
	events[i].count++;
}

static void note_lpid(char *lpids, size_t size, const char *line)
{
	const char *value = strstr(line, " lpid=");
	size_t length = strlen(lpids);

	if (value)
		snprintf(lpids + length, size - length, "%s%s", length ? " " : "", value + 6);
}

void trace_report(void)
{
	struct event events[MAX_EVENTS] = { 0 };
	char *text = read_all(TRACING "/trace"), *line, name[48], key[64], lpids[128] = "";
	int i;

	for (line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		if (!event_name(line, name, sizeof(name)))
			continue;
		count_event(events, name);
		note_lpid(lpids, sizeof(lpids), line);
		printf("trace| %s\n", line);
	}
	for (i = 0; i < MAX_EVENTS && events[i].count; i++) {
		snprintf(key, sizeof(key), "trace.%.47s", events[i].name);
		report(key, "%d", events[i].count);
	}
	if (*lpids)
		report("lpid", "%s", lpids);
	free(text);
}

static bool has_one_of(const char *line, const char *const *words)
{
	for (; *words; words++)
		if (strstr(line, *words))
			return true;
	return false;
}

void kernel_log_report(void)
{
	char *text = read_log(), *line, first[256] = "";
	int bad = 0;

	if (!text)
		return;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		printf("dmesg| %s\n", line);
		if (has_one_of(line, bad_words) && !has_one_of(line, good_words) && !bad++)
			snprintf(first, sizeof(first), ": %s", line);
	}
	report("log", "%d warnings%s", bad, first);
	free(text);
}

int kernel_log_count(const char *words)
{
	char *text = read_log(), *at = text;
	int count = 0;

	for (; at && (at = strstr(at, words)); at++)
		count++;
	free(text);
	return count;
}

/* What the kernel has said of it when it found the GPU, 0 for nothing */
static unsigned int links_in_log(const char *address)
{
	char *text = read_log(), *line, *at;
	unsigned int links = 0;

	for (line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		at = strstr(line, CUT);
		if (at && strstr(line, address))
			links = strtoul(at + sizeof(CUT) - 1, NULL, 16);
	}
	free(text);
	return links;
}

void cut_report(const char *address)
{
	char *text = read_all(TRACING "/trace"), *line, *at, gpu[24];
	unsigned int links, wanted = links_in_log(address);
	int ret, good = 0, bad = 0;

	for (line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		at = strstr(line, CUT_EVENT);
		if (!at || sscanf(at, CUT_EVENT "%23s links=%x ret=%d", gpu, &links, &ret) != 3 || strcmp(gpu, address))
			continue;
		if (ret || links != wanted)
			bad++;
		else
			good++;
	}
	free(text);
	report("cut", "links %#x, %d times since, %d failed", wanted, good, bad);
}

/* "[    1.234567890,3] text": a warning has the level 4, and what is worse a smaller one */
static bool is_complaint(const char *line)
{
	int level;

	return sscanf(line, "[%*[ 0-9.],%d]", &level) == 1 && level <= 4;
}

void firmware_log_report(void)
{
	static const char *const wanted[] = { "NPU", "CRESET", "re-init with flags", NULL };
	char *text = read_all(FIRMWARE_LOG), *line;

	for (line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n"))
		if (has_one_of(line, wanted) || is_complaint(line))
			printf("opal| %s\n", line);
	free(text);
}

void logs_report(void)
{
	trace_report();
	kernel_log_report();
	firmware_log_report();
}
