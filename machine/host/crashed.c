// SPDX-License-Identifier: GPL-2.0
/*
 * What a crash kernel has: the memory of the kernel before it, and the devices.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/config.h"
#include "../common/report.h"
#include "aftermath.h"
#include "prepare.h"

#define VMCORE "/proc/vmcore"
#define MAX_SEGMENTS 64

struct core {
	int fd;
	Elf64_Ehdr header;
	Elf64_Phdr segments[MAX_SEGMENTS];
};

static bool core_read(const struct core *core, void *bytes, size_t size, off_t where)
{
	return pread(core->fd, bytes, size, where) == (ssize_t)size;
}

static bool core_open(struct core *core)
{
	core->fd = open(VMCORE, O_RDONLY | O_CLOEXEC);
	if (core->fd < 0 || !core_read(core, &core->header, sizeof(core->header), 0))
		return false;
	if (memcmp(core->header.e_ident, ELFMAG, SELFMAG) || core->header.e_phnum > MAX_SEGMENTS)
		return false;
	return core_read(core, core->segments, core->header.e_phnum * sizeof(core->segments[0]),
			 core->header.e_phoff);
}

/* A line of VMCOREINFO, which the dead kernel wrote for whoever reads its memory. */
static void report_note(const struct core *core, const Elf64_Phdr *segment, const char *word)
{
	char *notes = calloc(1, segment->p_filesz + 1), *found = NULL;

	if (notes && core_read(core, notes, segment->p_filesz, segment->p_offset))
		found = memmem(notes, segment->p_filesz, word, strlen(word));
	report("core.release", "%.*s", found ? (int)strcspn(found, "\n") : 0, found ? found : "");
	free(notes);
}

/* The first and the last page of each piece of memory: of all of it that would take too long. */
static void report_memory(const struct core *core, const Elf64_Phdr *segment, int number)
{
	static char page[65536];
	uint64_t last = segment->p_filesz > sizeof(page) ? segment->p_filesz - sizeof(page) : 0;
	bool read = core_read(core, page, sizeof(page), segment->p_offset) &&
		    core_read(core, page, sizeof(page), segment->p_offset + last);
	char key[32];

	snprintf(key, sizeof(key), "core.memory.%d", number);
	report(key, "%#llx of %#llx, %s", (unsigned long long)segment->p_paddr, (unsigned long long)segment->p_filesz,
	       read ? "read" : "not read");
}

static void report_core(void)
{
	static struct core core;
	int i;

	if (!core_open(&core)) {
		report_error("core", VMCORE);
		return;
	}
	report("core", "%d segments", core.header.e_phnum);
	for (i = 0; i < core.header.e_phnum; i++) {
		if (core.segments[i].p_type == PT_NOTE)
			report_note(&core, &core.segments[i], "OSRELEASE=");
		if (core.segments[i].p_type == PT_LOAD)
			report_memory(&core, &core.segments[i], i);
	}
	close(core.fd);
}

int main(void)
{
	struct config_scan scan;
	struct gpu gpu;

	report_begin("host");
	choose_gpu(0, &gpu);
	config_scan(&scan);
	report("scan", "%d functions, %d failed", scan.functions, scan.failed);
	kernel_log_report();
	firmware_log_report();
	report_core();
	mark("core");
	kernel_log_report();
	return 0;
}
