// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of ATSD registers: bounds, ownership and shootdowns
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../kselftest_harness.h"
#include "lib/fixture.h"

/* Invalidate all translations of the partition */
#define LAUNCH_ALL	0x4000000000000000ull

FIXTURE(atsd)
{
	struct nvlink2 nvlink2;
	int which;
	int log;
};

static int first_with_registers(const struct nvlink2 *nvlink2)
{
	int i;

	for (i = 0; i < nvlink2->place->num_bridges; i++) {
		if (nvlink2->atsd[i].size)
			return i;
	}

	return -1;
}

FIXTURE_SETUP(atsd)
{
	NEED_GPU();
	self->log = watch_log_begin();
	ASSERT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
	self->which = first_with_registers(&self->nvlink2);
}

FIXTURE_TEARDOWN(atsd)
{
	nvlink2_close(&self->nvlink2);
	EXPECT_QUIET_LOG(self->log);
}

static void *map_atsd(struct nvlink2 *nvlink2, int which, uint64_t offset,
		      size_t size)
{
	return vfio_region_mmap(&nvlink2->bridge[which], &nvlink2->atsd[which],
				offset, size);
}

#define NEED_ATSD(self)						\
	do {							\
		if ((self)->which < 0)				\
			SKIP(return, "no ATSD registers");	\
	} while (0)

TEST_F_TIMEOUT(atsd, registers, NVLINK2_TIMEOUT)
{
	volatile void *regs;

	NEED_ATSD(self);
	regs = map_atsd(&self->nvlink2, self->which, 0, NVLINK2_ATSD_SIZE);
	ASSERT_NE(MAP_FAILED, (void *)regs);
	nvlink2_atsd_write(regs, NVLINK2_ATSD_AVA, 0x123456780000);
	EXPECT_EQ(0, nvlink2_atsd_read(regs, NVLINK2_ATSD_STATUS));
}

TEST_F_TIMEOUT(atsd, past_the_end, NVLINK2_TIMEOUT)
{
	NEED_ATSD(self);
	EXPECT_EQ(MAP_FAILED, map_atsd(&self->nvlink2, self->which,
				       NVLINK2_ATSD_SIZE, NVLINK2_ATSD_SIZE));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F_TIMEOUT(atsd, far_past_the_end, NVLINK2_TIMEOUT)
{
	NEED_ATSD(self);
	EXPECT_EQ(MAP_FAILED, map_atsd(&self->nvlink2, self->which,
				       (1ull << 40) - NVLINK2_ATSD_SIZE,
				       NVLINK2_ATSD_SIZE));
	EXPECT_EQ(EINVAL, errno);
}

/* The next block may belong to another guest */
TEST_F_TIMEOUT(atsd, across_the_end, NVLINK2_TIMEOUT)
{
	NEED_ATSD(self);
	EXPECT_EQ(MAP_FAILED, map_atsd(&self->nvlink2, self->which, 0,
				       2 * NVLINK2_ATSD_SIZE));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F_TIMEOUT(atsd, map_twice, NVLINK2_TIMEOUT)
{
	void *one, *two;

	NEED_ATSD(self);
	one = map_atsd(&self->nvlink2, self->which, 0, NVLINK2_ATSD_SIZE);
	two = map_atsd(&self->nvlink2, self->which, 0, NVLINK2_ATSD_SIZE);
	ASSERT_NE(MAP_FAILED, one);
	ASSERT_NE(MAP_FAILED, two);
	EXPECT_EQ(0, munmap(one, NVLINK2_ATSD_SIZE));
	EXPECT_EQ(0, nvlink2_atsd_read(two, NVLINK2_ATSD_STATUS));
}

/* As for GPU RAM, see nvlink2_mapping.c */
TEST_F_TIMEOUT(atsd, not_inherited_by_fork, NVLINK2_TIMEOUT)
{
	void *regs;

	NEED_ATSD(self);
	regs = map_atsd(&self->nvlink2, self->which, 0, NVLINK2_ATSD_SIZE);
	ASSERT_NE(MAP_FAILED, regs);
	EXPECT_EQ(SIGSEGV, watch_load_in_child(regs));
}

static uint64_t wait_for_shootdown(volatile void *regs)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t status;
	int ms;

	for (ms = 0; ms < 2000; ms++) {
		status = nvlink2_atsd_read(regs, NVLINK2_ATSD_STATUS);
		if (!status)
			return 0;
		nanosleep(&pause, NULL);
	}

	return status;
}

TEST_F_TIMEOUT(atsd, shootdown_completes, NVLINK2_TIMEOUT)
{
	volatile void *regs;

	NEED_ATSD(self);
	NEED_LINKS(nvlink2_train(&self->nvlink2));
	regs = map_atsd(&self->nvlink2, self->which, 0, NVLINK2_ATSD_SIZE);
	ASSERT_NE(MAP_FAILED, (void *)regs);
	nvlink2_atsd_write(regs, NVLINK2_ATSD_LAUNCH, LAUNCH_ALL);
	EXPECT_EQ(0, wait_for_shootdown(regs));
}

/* The registers belong to the NPU, which a reset of the GPU does not affect */
TEST_F_TIMEOUT(atsd, survive_reset_of_the_gpu, NVLINK2_TIMEOUT)
{
	volatile void *regs;
	uint64_t val;

	NEED_ATSD(self);
	regs = map_atsd(&self->nvlink2, self->which, 0, NVLINK2_ATSD_SIZE);
	ASSERT_NE(MAP_FAILED, (void *)regs);
	ASSERT_EQ(0, vfio_dev_reset(&self->nvlink2.gpu));
	EXPECT_EQ(0, watch_load((void *)((uintptr_t)regs + NVLINK2_ATSD_STATUS),
				&val));
	EXPECT_EQ(0, val);
}

/*
 * Before skiboot 6.2, firmware lists one block of registers for all bridges of
 * an NPU. Only one user can have it.
 */
TEST_F_TIMEOUT(atsd, no_register_twice, NVLINK2_TIMEOUT)
{
	struct nvlink2 neighbour;
	volatile void *mine, *theirs;
	int which;

	NEED_ATSD(self);
	NEED_NEIGHBOUR(self, neighbour);

	ASSERT_EQ(0, nvlink2_open_devices(&neighbour));
	which = first_with_registers(&neighbour);
	if (which >= 0) {
		mine = map_atsd(&self->nvlink2, self->which, 0,
				NVLINK2_ATSD_SIZE);
		theirs = map_atsd(&neighbour, which, 0, NVLINK2_ATSD_SIZE);
		nvlink2_atsd_write(mine, NVLINK2_ATSD_AVA, 0x111111110000);
		nvlink2_atsd_write(theirs, NVLINK2_ATSD_AVA, 0x222222220000);
		EXPECT_NE(nvlink2_atsd_read(theirs, NVLINK2_ATSD_AVA),
			  nvlink2_atsd_read(mine, NVLINK2_ATSD_AVA));
		munmap((void *)theirs, NVLINK2_ATSD_SIZE);
	}
	nvlink2_close_devices(&neighbour);
}

NVLINK2_MAIN()
