// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation behind a good sequence fails once
 *
 * Open, map, register, map for DMA, reset, read, close: each with the first
 * allocation failing, then with the second, until none is left to fail. Whoever
 * it hits says so or does without; then the same is done without any failure,
 * which only works when nothing was left behind. NVLINK2_SHARE=K/N in the
 * environment fails only each Nth, beginning with the Kth, to share the work.
 * Needs CONFIG_FAULT_INJECTION and CONFIG_FAILSLAB or CONFIG_FAIL_PAGE_ALLOC.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "kselftest_harness.h"
#include "faults.h"
#include "lib/fixture.h"
#include "lib/kvm.h"

#define FAIL_TIMEOUT	7200
#define MAX_NTH		20000
#define IOVA		(64 * MIB)

FIXTURE(failnth)
{
	struct nvlink2 nvlink2;
	struct kvm_guest guest;
	long locked;
	int file;
	int log;
};

/* Also those that would wait: it is they that a kernel relies on */
static void fail_all_kinds(void)
{
	faults_write("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	faults_write("/sys/kernel/debug/failslab/verbose", "0");
	faults_write("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	faults_write("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem",
		     "N");
	faults_write("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	faults_write("/sys/kernel/debug/fail_page_alloc/verbose", "0");
}

FIXTURE_SETUP(failnth)
{
	NEED_GPU();
	self->log = watch_log_begin();
	fail_all_kinds();
	self->file = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->file < 0)
		SKIP(return, "no /proc/self/fail-nth: CONFIG_FAULT_INJECTION");
	if (kvm_guest_open(&self->guest))
		SKIP(return, "no HV KVM");
	self->locked = watch_status("VmLck");
}

FIXTURE_TEARDOWN(failnth)
{
	kvm_guest_close(&self->guest);
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

/* For a guest, as QEMU does it */
static int open_gpu(FIXTURE_DATA(failnth) *self)
{
	return nvlink2_open_for(&self->nvlink2, nvlink2_place(), &self->guest);
}

static void close_gpu(FIXTURE_DATA(failnth) *self)
{
	nvlink2_close(&self->nvlink2);
	if (self->guest.attach >= 0)
		close(self->guest.attach);
	self->guest.attach = -1;
}

static int touch(void *ram)
{
	return watch_store(ram, 1) ? -EIO : 0;
}

static int map_for_dma(struct nvlink2 *nvlink2, void *ram)
{
	struct spapr_container *container = &nvlink2->container;
	uint64_t start;
	int ret, err;

	ret = spapr_create_window(container, 16, 256 * MIB, 2, &start);
	if (ret)
		return ret;
	ret = spapr_map(container, start + IOVA, ram, MIB);
	if (!ret)
		ret = spapr_unmap(container, start + IOVA, MIB);
	err = spapr_remove_window(container, start);

	return ret ? ret : err;
}

static int register_and_map(struct nvlink2 *nvlink2, void *ram)
{
	int ret, err;

	ret = spapr_register(&nvlink2->container, ram, MIB);
	if (ret)
		return ret;
	ret = map_for_dma(nvlink2, ram);
	err = spapr_unregister(&nvlink2->container, ram, MIB);

	return ret ? ret : err;
}

static int read_and_write(struct nvlink2 *nvlink2)
{
	uint64_t val;

	if (pread(nvlink2->gpu.fd, &val, sizeof(val), nvlink2->ram.offset) !=
	    sizeof(val))
		return -errno;
	if (pwrite(nvlink2->gpu.fd, &val, sizeof(val), nvlink2->ram.offset) !=
	    sizeof(val))
		return -errno;

	return 0;
}

/* What the owner of an open GPU does all day */
static int use_gpu(FIXTURE_DATA(failnth) *self)
{
	struct nvlink2 *nvlink2 = &self->nvlink2;
	void *ram = nvlink2_map_ram(nvlink2, 0, MIB);
	struct vfio_region region;
	int ret;

	if (ram == MAP_FAILED)
		return -errno;
	/* A fault that gets no page table is repeated or is a SIGBUS */
	ret = touch(ram);
	if (!ret)
		ret = register_and_map(nvlink2, ram);
	if (!ret)
		ret = read_and_write(nvlink2);
	if (!ret)
		ret = vfio_region_get(&nvlink2->gpu, nvlink2->ram.index,
				      &region);
	/* The failure may hit this, and does not hit it twice */
	if (munmap(ram, MIB))
		ret = munmap(ram, MIB) ? -errno : -ENOMEM;

	return ret;
}

static int reset_gpu(FIXTURE_DATA(failnth) *self)
{
	return vfio_dev_reset(&self->nvlink2.gpu);
}

/*
 * Fail one allocation after the other in act(). check() says whether all is as
 * it was before, and makes it so where a failure has taken something away.
 */
static void fail_each(struct __test_metadata *_metadata,
		      FIXTURE_DATA(failnth) *self,
		      int (*act)(FIXTURE_DATA(failnth) *self),
		      int (*check)(FIXTURE_DATA(failnth) *self))
{
	unsigned int nth, stride, refused = 0, count = 0;
	int left = 0, ret;

	faults_share(&nth, &stride);
	for (; nth < MAX_NTH && !left; nth += stride) {
		arm(self->file, nth);
		ret = act(self);
		left = disarm(self->file);
		count += !left;
		refused += !left && ret;
		EXPECT_TRUE(!ret || !left) TH_LOG("%d without a failure", ret);
		ASSERT_EQ(0, check(self))
			TH_LOG("after failure of allocation %u", nth);
	}
	EXPECT_LT(nth, MAX_NTH);
	TH_LOG("%u allocations failed, %u times with an error", count, refused);
}

static int open_and_leave_open(FIXTURE_DATA(failnth) *self)
{
	int ret = open_gpu(self);

	if (ret)
		close_gpu(self);

	return ret;
}

static int closes_and_opens(FIXTURE_DATA(failnth) *self)
{
	int ret;

	close_gpu(self);
	if (watch_status("VmLck") != self->locked)
		return -EBUSY;
	ret = open_gpu(self);
	close_gpu(self);

	return ret;
}

TEST_F_TIMEOUT(failnth, open, FAIL_TIMEOUT)
{
	fail_each(_metadata, self, open_and_leave_open, closes_and_opens);
}

static int close_it(FIXTURE_DATA(failnth) *self)
{
	close_gpu(self);
	return 0;
}

/* Each failure needs a GPU that is open and has been used */
static int opens_and_is_used(FIXTURE_DATA(failnth) *self)
{
	int ret;

	if (watch_status("VmLck") != self->locked)
		return -EBUSY;
	ret = open_gpu(self);
	if (!ret)
		ret = nvlink2_train(&self->nvlink2);

	return ret ? ret : use_gpu(self);
}

TEST_F_TIMEOUT(failnth, close, FAIL_TIMEOUT)
{
	ASSERT_EQ(0, opens_and_is_used(self));
	fail_each(_metadata, self, close_it, opens_and_is_used);
	close_gpu(self);
}

TEST_F_TIMEOUT(failnth, map_and_dma, FAIL_TIMEOUT)
{
	ASSERT_EQ(0, open_gpu(self));
	ASSERT_EQ(0, nvlink2_train(&self->nvlink2));
	fail_each(_metadata, self, use_gpu, use_gpu);
	close_gpu(self);
	EXPECT_EQ(self->locked, watch_status("VmLck"));
}

static int trains_and_is_used(FIXTURE_DATA(failnth) *self)
{
	int ret = nvlink2_train(&self->nvlink2);

	return ret ? ret : use_gpu(self);
}

TEST_F_TIMEOUT(failnth, reset, FAIL_TIMEOUT)
{
	ASSERT_EQ(0, open_gpu(self));
	fail_each(_metadata, self, reset_gpu, trains_and_is_used);
	close_gpu(self);
}

NVLINK2_MAIN()
