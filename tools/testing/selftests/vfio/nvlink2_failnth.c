// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation behind a good sequence fails once
 *
 * Open, map, register, map for DMA, reset, read, close: with the first
 * allocation failing, then with the second, until none is left to fail. Whoever
 * it hits says -ENOMEM or does without; then everything is opened again, which
 * only works when nothing was left behind. NVLINK2_SHARE=K/N in the environment
 * fails only each Nth, beginning with the Kth, to share the work. Needs
 * CONFIG_FAULT_INJECTION and CONFIG_FAILSLAB or CONFIG_FAIL_PAGE_ALLOC.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "../kselftest_harness.h"
#include "lib/fixture.h"

#define FAIL_TIMEOUT	7200
#define MAX_NTH		20000
#define IOVA		(64 * MIB)

FIXTURE(failnth)
{
	int file;
	int log;
};

static int write_number(const char *path, const char *val)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, val, strlen(val)) < 0)
		ret = -errno;
	close(fd);

	return ret;
}

/* Also those that would wait: it is they that a kernel relies on */
static void fail_all_kinds(void)
{
	write_number("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	write_number("/sys/kernel/debug/failslab/verbose", "0");
	write_number("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	write_number("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem",
		     "N");
	write_number("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	write_number("/sys/kernel/debug/fail_page_alloc/verbose", "0");
}

FIXTURE_SETUP(failnth)
{
	NEED_GPU();
	self->log = watch_log_begin();
	fail_all_kinds();
	self->file = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->file < 0)
		SKIP(return, "no /proc/self/fail-nth: CONFIG_FAULT_INJECTION");
}

FIXTURE_TEARDOWN(failnth)
{
	if (self->file >= 0)
		close(self->file);
	EXPECT_QUIET_LOG(self->log);
}

static void arm(int file, unsigned int nth)
{
	char val[16];

	snprintf(val, sizeof(val), "%u", nth);
	pwrite(file, val, strlen(val), 0);
}

/* What is left of the count: 0 when the failure has happened */
static int disarm(int file)
{
	char val[16] = "";

	pread(file, val, sizeof(val) - 1, 0);
	arm(file, 0);

	return atoi(val);
}

static void use_ram(struct nvlink2 *nvlink2)
{
	void *ram = nvlink2_map_ram(nvlink2, 0, MIB);
	uint64_t val;

	if (ram == MAP_FAILED)
		return;
	/* A fault that gets no page table is repeated or is a SIGBUS */
	watch_store(ram, 1);
	if (!spapr_register(&nvlink2->container, ram, MIB)) {
		if (!spapr_map(&nvlink2->container, IOVA, ram, MIB))
			spapr_unmap(&nvlink2->container, IOVA, MIB);
		spapr_unregister(&nvlink2->container, ram, MIB);
	}
	pread(nvlink2->gpu.fd, &val, sizeof(val), nvlink2->ram.offset);
	munmap(ram, MIB);
}

static int sequence(struct nvlink2 *nvlink2)
{
	uint64_t start;
	int ret;

	ret = nvlink2_open(nvlink2, nvlink2_place());
	if (ret)
		return ret;
	nvlink2_train(nvlink2);
	use_ram(nvlink2);
	if (!spapr_create_window(&nvlink2->container, 16, 256 * MIB, 1, &start))
		spapr_remove_window(&nvlink2->container, start);
	vfio_dev_reset(&nvlink2->gpu);
	nvlink2_close(nvlink2);

	return 0;
}

/* Without any failure */
static int check(struct nvlink2 *nvlink2)
{
	int ret = nvlink2_open(nvlink2, nvlink2_place());

	if (!ret)
		nvlink2_close(nvlink2);

	return ret;
}

static void share(unsigned int *first, unsigned int *stride)
{
	const char *asked = getenv("NVLINK2_SHARE");

	*first = 1;
	*stride = 1;
	if (asked && (sscanf(asked, "%u/%u", first, stride) != 2 || !*stride))
		*stride = 1;
}

TEST_F_TIMEOUT(failnth, open_map_dma_reset_close, FAIL_TIMEOUT)
{
	struct nvlink2 nvlink2;
	unsigned int nth, stride;
	int left = 0;

	ASSERT_EQ(0, sequence(&nvlink2));
	share(&nth, &stride);
	for (; nth < MAX_NTH && !left; nth += stride) {
		arm(self->file, nth);
		sequence(&nvlink2);
		left = disarm(self->file);
		ASSERT_EQ(0, check(&nvlink2))
			TH_LOG("after failure of allocation %u", nth);
		TH_LOG("allocation %u: %s", nth, left ? "not reached" : "failed");
	}
	EXPECT_LT(nth, MAX_NTH);
}

NVLINK2_MAIN()
