// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../common/report.h"
#include "steps.h"

/* One ATSD register: three big-endian words of 64 bits. Bit 0 is the most significant. */
#define WORD_LAUNCH 0
#define WORD_AVA 1
#define WORD_STATUS 2
#define PPC_BIT(bit) (1ull << (63 - (bit)))
#define LAUNCH_ALL_OF_PID PPC_BIT(12)
#define LAUNCH_PROCESS_SCOPED PPC_BIT(13)
#define LAUNCH_PAGE_SHIFT (63 - 17)
#define LAUNCH_PAGE_64K 5ull
#define LAUNCH_PID_SHIFT (63 - 38)
#define REGISTER_SIZE 0x10000
#define TIMEOUT_S 5
/* So many reads come before each look at the clock: most launches need no look. */
#define READS 1024

volatile uint64_t *atsd_map(const struct gpu *gpu)
{
	volatile uint64_t *words;
	uint64_t where;
	int fd;

	if (!atsd_register(gpu, &where))
		return NULL;
	fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	words = mmap(NULL, REGISTER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, where);
	if (words == MAP_FAILED)
		report_error("atsd", "/dev/mem");
	close(fd);
	return words == MAP_FAILED ? NULL : words;
}

void atsd_unmap(volatile uint64_t *words)
{
	munmap((void *)words, REGISTER_SIZE);
}

void atsd_start(volatile uint64_t *words, uint64_t address, unsigned int pid)
{
	words[WORD_AVA] = htobe64(address);
	words[WORD_LAUNCH] = htobe64(LAUNCH_PROCESS_SCOPED | LAUNCH_PAGE_64K << LAUNCH_PAGE_SHIFT |
				     (uint64_t)pid << LAUNCH_PID_SHIFT);
}

void atsd_start_process(volatile uint64_t *words, unsigned int pid)
{
	words[WORD_LAUNCH] = htobe64(LAUNCH_PROCESS_SCOPED | LAUNCH_ALL_OF_PID | (uint64_t)pid << LAUNCH_PID_SHIFT);
}

uint64_t atsd_wait(volatile uint64_t *words, long *reads)
{
	uint64_t status = be64toh(words[WORD_STATUS]);
	time_t end = 0;

	for (*reads = 1; status; ++*reads) {
		if (!end)
			end = time(NULL) + TIMEOUT_S;
		else if (*reads % READS == 0 && time(NULL) >= end)
			break;
		status = be64toh(words[WORD_STATUS]);
	}
	return status;
}

void invalidate(const struct gpu *gpu, uint64_t address)
{
	volatile uint64_t *words = atsd_map(gpu);
	uint64_t status;
	long reads;

	if (!words)
		return;
	atsd_start(words, address, 1);
	status = atsd_wait(words, &reads);
	report("atsd", "status %#" PRIx64 " after %ld reads", status, reads);
	atsd_unmap(words);
}
