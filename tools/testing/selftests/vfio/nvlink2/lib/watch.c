// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kernel-page-flags.h>

#include "watch.h"

/* See Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PRESENT		0x8000000000000000ULL
#define PAGEMAP_PFN		((1ull << 55) - 1)

static sigjmp_buf landing;

static void land(int signal)
{
	siglongjmp(landing, signal);
}

static void set_handlers(struct sigaction *old_bus, struct sigaction *old_segv)
{
	struct sigaction action = { .sa_handler = land };

	sigaction(SIGBUS, &action, old_bus);
	sigaction(SIGSEGV, &action, old_segv);
}

static int watched(void (*access)(volatile uint64_t *addr, uint64_t *val),
		   volatile void *addr, uint64_t *val)
{
	struct sigaction old_bus, old_segv;
	int signal;

	set_handlers(&old_bus, &old_segv);
	signal = sigsetjmp(landing, 1);
	if (!signal)
		access(addr, val);
	sigaction(SIGBUS, &old_bus, NULL);
	sigaction(SIGSEGV, &old_segv, NULL);

	return signal;
}

static void load(volatile uint64_t *addr, uint64_t *val)
{
	*val = *addr;
}

static void store(volatile uint64_t *addr, uint64_t *val)
{
	*addr = *val;
}

int watch_load(const volatile void *addr, uint64_t *val)
{
	return watched(load, (volatile void *)addr, val);
}

int watch_store(volatile void *addr, uint64_t val)
{
	return watched(store, addr, &val);
}

int watch_child(int pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;

	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int watch_load_in_child(const volatile void *addr)
{
	uint64_t val;
	int pid;

	pid = fork();
	if (!pid)
		_exit(watch_load(addr, &val));

	return watch_child(pid);
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

long watch_faults(const volatile void *addr)
{
	uint64_t here = 0, val;
	long before;
	int signal;

	/* Fault in the code and data of this function first */
	watch_load(&here, &val);
	faults();

	before = faults();
	signal = watch_load(addr, &val);

	return signal ? -signal : faults() - before;
}

static const char *const splats[] = {
	"WARNING:", "BUG:", "BUG at", "Oops", "Unable to handle kernel",
	"suspicious RCU usage", "possible recursive locking",
	"possible circular locking", "inconsistent lock state",
	"lock held when returning", "UBSAN:", "KASAN:", "blocked for more than",
	"self-detected stall", "Machine check", "refcount_t:",
};

int watch_log_begin(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);

	return fd;
}

/* Get the next record as a string; returns 0 at the end of the log */
static int next_record(int fd, char *record, size_t size)
{
	ssize_t got;

	do {
		got = read(fd, record, size - 1);
		/* EPIPE: records were overwritten, go on with the next one */
	} while (got < 0 && (errno == EPIPE || errno == EINTR));
	if (got <= 0)
		return 0;
	record[got] = 0;

	return 1;
}

static int is_splat(const char *record)
{
	size_t i;

	for (i = 0; i < sizeof(splats) / sizeof(*splats); i++) {
		if (strstr(record, splats[i]))
			return 1;
	}

	return 0;
}

int watch_log(int fd, char *first, size_t size)
{
	char record[2048];
	int count = 0;

	first[0] = 0;
	if (fd < 0)
		return 0;
	while (next_record(fd, record, sizeof(record))) {
		if (is_splat(record) && !count++)
			snprintf(first, size, "%s",
				 strchr(record, ';') ? strchr(record, ';') + 1 :
						       record);
	}
	close(fd);

	return count;
}

int watch_log_has(int fd, const char *word)
{
	char record[2048];
	int found = 0;

	while (fd >= 0 && next_record(fd, record, sizeof(record)))
		found |= !!strstr(record, word);

	return found;
}

static long number_from(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	size_t len = strlen(name);
	char line[256];
	long val = -1;

	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, len) && line[len] == ':')
			val = strtol(line + len + 1, NULL, 10);
	}
	if (file)
		fclose(file);

	return val;
}

long watch_status(const char *name)
{
	return number_from("/proc/self/status", name);
}

long watch_free_memory(void)
{
	return number_from("/proc/meminfo", "MemAvailable");
}

static uint64_t read_entry(const char *path, uint64_t index)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), index * sizeof(entry)) !=
	    sizeof(entry))
		entry = 0;
	close(fd);

	return entry;
}

uint64_t watch_page(const volatile void *addr)
{
	uint64_t entry = read_entry("/proc/self/pagemap", (uintptr_t)addr /
						sysconf(_SC_PAGESIZE));

	return entry & PAGEMAP_PRESENT ? entry & PAGEMAP_PFN : 0;
}

int watch_page_is_anonymous(uint64_t page)
{
	return read_entry("/proc/kpageflags", page) >> KPF_ANON & 1;
}

int watch_vm_flag(const volatile void *addr, const char *flag)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	unsigned long start, end;
	char line[512], word[8];
	int inside = 0, found = 0;

	snprintf(word, sizeof(word), " %s", flag);
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = (uintptr_t)addr >= start &&
				 (uintptr_t)addr < end;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			found = !!strstr(line + 8, word);
	}
	if (file)
		fclose(file);

	return found;
}
