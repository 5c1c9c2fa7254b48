// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../machine/common/report.h"
#include "../../machine/guest/steps.h"
#include "../common/measure.h"
#include "shootdown.h"

/* See machine/guest/atsd.c for the register. */
#define WORD_LAUNCH 0
#define WORD_AVA 1
#define WORD_STATUS 2
#define PPC_BIT(bit) (1ull << (63 - (bit)))
#define LAUNCH_PROCESS_SCOPED PPC_BIT(13)
#define LAUNCH_PAGE_SHIFT (63 - 17)
#define LAUNCH_PAGE_64K 5ull
#define LAUNCH_PID_SHIFT (63 - 38)
#define REGISTER_SIZE 0x10000
#define MOST_POLLS 1000000

static void launch(volatile uint64_t *words, uint64_t address)
{
	long polls = 0;

	words[WORD_AVA] = htobe64(address);
	words[WORD_LAUNCH] = htobe64(LAUNCH_PROCESS_SCOPED | LAUNCH_PAGE_64K << LAUNCH_PAGE_SHIFT |
				     1ull << LAUNCH_PID_SHIFT);
	while (words[WORD_STATUS] && ++polls < MOST_POLLS)
		;
	if (polls == MOST_POLLS)
		give_up("a shootdown does not end");
}

void bench_launches(const struct gpu *gpu, int count)
{
	volatile uint64_t *words;
	double begin;
	uint64_t where;
	int i, fd;

	if (!atsd_register(gpu, &where))
		give_up("no ATSD register");
	fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	words = mmap(NULL, REGISTER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, where);
	if (words == MAP_FAILED)
		give_up("the ATSD register cannot be mapped");
	begin = now_us();
	for (i = 0; i < count; i++)
		launch(words, (uint64_t)i << 16);
	report("bench.launch", "count %d us %.2f", count, (now_us() - begin) / count);
	munmap((void *)words, REGISTER_SIZE);
	close(fd);
}
