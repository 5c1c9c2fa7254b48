// SPDX-License-Identifier: GPL-2.0
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../machine/common/files.h"
#include "../../machine/common/report.h"
#include "kvm.h"

#define TRACING "/sys/kernel/tracing"
#define PROBE "bench_stage2"
#define KVM "/sys/kernel/debug/kvm/*-*"

void kvm_watch(void)
{
	if (!file_write(TRACING "/kprobe_events", "p:" PROBE " kvmppc_book3s_instantiate_page") ||
	    !file_write(TRACING "/events/kprobes/" PROBE "/enable", "1"))
		report_error("bench.kvm", "kprobe on kvmppc_book3s_instantiate_page");
}

static long probe_hits(void)
{
	FILE *profile = fopen(TRACING "/kprobe_profile", "r");
	char name[64];
	long hits = -1, count, missed;

	while (profile && fscanf(profile, "%63s %ld %ld", name, &count, &missed) == 3)
		if (!strcmp(name, PROBE))
			hits = count + missed;
	if (profile)
		fclose(profile);
	return hits;
}

/* The sum of a counter over all files that match; -1 when none does. */
static long counter(const char *pattern)
{
	glob_t found;
	char text[32];
	long sum = 0;
	size_t i;

	if (glob(pattern, 0, NULL, &found))
		return -1;
	for (i = 0; i < found.gl_pathc; i++)
		if (file_text(found.gl_pathv[i], text, sizeof(text)))
			sum += atol(text);
	globfree(&found);
	return sum;
}

void kvm_report(const char *mark)
{
	long exits = counter(KVM "/sum_exits"), mmio = counter(KVM "/mmio_exits");
	char key[64];

	/* 5.10 has shorter names for them. */
	if (exits < 0)
		exits = counter(KVM "/exits");
	if (mmio < 0)
		mmio = counter(KVM "/mmio");
	snprintf(key, sizeof(key), "bench.kvm.%.32s", mark);
	report(key, "stage2 %ld pages_2m %ld pages_1g %ld exits %ld mmio %ld", probe_hits(),
	       counter(KVM "/*2M*"), counter(KVM "/*1G*"), exits, mmio);
}
