// SPDX-License-Identifier: GPL-2.0
/*
 * Reads and writes of the device files of NVLink2 GPUs and their bridges
 *
 * When the flags of the RAM region do not offer reads and writes, each of them
 * has to fail. ATSD registers have 64 bits and are big endian.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "../../kselftest_harness.h"
#include "lib/fixture.h"

FIXTURE(rw)
{
	struct nvlink2 nvlink2;
	struct vfio_dev *bridge;
	struct vfio_region *atsd;
	int log;
};

FIXTURE_SETUP(rw)
{
	volatile uint64_t *none;
	int i;

	NEED_GPU();
	self->log = watch_log_begin();
	ASSERT_EQ(0, nvlink2_prepare_any(&self->nvlink2, &none));
	for (i = 0; i < self->nvlink2.place->num_bridges; i++) {
		if (!self->nvlink2.atsd[i].size || self->atsd)
			continue;
		self->bridge = &self->nvlink2.bridge[i];
		self->atsd = &self->nvlink2.atsd[i];
	}
}

FIXTURE_TEARDOWN(rw)
{
	nvlink2_close(&self->nvlink2);
	EXPECT_QUIET_LOG(self->log);
}

/* Volatile, or the compiler warns of a NULL buffer */
static void *volatile nowhere;

static int ram_read(FIXTURE_DATA(rw) *self, void *buf, size_t size,
		    uint64_t offset)
{
	ssize_t got = pread(self->nvlink2.gpu.fd, buf, size,
			    self->nvlink2.ram.offset + offset);

	return got < 0 ? -errno : got;
}

static int ram_write(FIXTURE_DATA(rw) *self, const void *buf, size_t size,
		     uint64_t offset)
{
	ssize_t put = pwrite(self->nvlink2.gpu.fd, buf, size,
			     self->nvlink2.ram.offset + offset);

	return put < 0 ? -errno : put;
}

static int atsd_read(FIXTURE_DATA(rw) *self, void *buf, size_t size,
		     uint64_t offset)
{
	ssize_t got = pread(self->bridge->fd, buf, size,
			    self->atsd->offset + offset);

	return got < 0 ? -errno : got;
}

static int atsd_write(FIXTURE_DATA(rw) *self, const void *buf, size_t size,
		      uint64_t offset)
{
	ssize_t put = pwrite(self->bridge->fd, buf, size,
			     self->atsd->offset + offset);

	return put < 0 ? -errno : put;
}

static bool ram_is_readable(FIXTURE_DATA(rw) *self)
{
	return self->nvlink2.ram.flags & VFIO_REGION_INFO_FLAG_READ;
}

#define NEED_ATSD(self)						\
	do {							\
		if (!(self)->atsd)				\
			SKIP(return, "no ATSD registers");	\
	} while (0)

/* The flags tell whether the file can be read, and it shows the same RAM */
TEST_F_TIMEOUT(rw, ram_read, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram;
	uint64_t val = 0;

	NEED_TRAINED(self);
	ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	ram[3] = 0xabcd;

	if (!ram_is_readable(self)) {
		EXPECT_GT(0, ram_read(self, &val, sizeof(val), 24));
		EXPECT_EQ(0, val);
		return;
	}
	EXPECT_EQ(sizeof(val), ram_read(self, &val, sizeof(val), 24));
	EXPECT_EQ(0xabcd, val);
}

TEST_F_TIMEOUT(rw, ram_write, NVLINK2_TIMEOUT)
{
	uint64_t val = 0x1234;
	volatile uint64_t *ram;

	NEED_TRAINED(self);
	ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	ram[5] = 0;

	if (!ram_is_readable(self)) {
		EXPECT_GT(0, ram_write(self, &val, sizeof(val), 40));
		EXPECT_EQ(0, ram[5]);
		return;
	}
	EXPECT_EQ(sizeof(val), ram_write(self, &val, sizeof(val), 40));
	EXPECT_EQ(0x1234, ram[5]);
}

TEST_F_TIMEOUT(rw, ram_past_the_end, NVLINK2_TIMEOUT)
{
	uint64_t val = 0;

	EXPECT_GE(0, ram_read(self, &val, sizeof(val),
			      self->nvlink2.ram.size));
	EXPECT_GE(0, ram_write(self, &val, sizeof(val),
			       self->nvlink2.ram.size));
	EXPECT_GE(0, ram_read(self, &val, sizeof(val), (1ull << 40) - 8));
}

TEST_F_TIMEOUT(rw, ram_to_nowhere, NVLINK2_TIMEOUT)
{
	EXPECT_GT(0, ram_read(self, nowhere, 8, 0));
	EXPECT_GT(0, ram_write(self, nowhere, 8, 0));
}

/* The kernel maps GPU RAM page by page for this */
TEST_F_TIMEOUT(rw, ram_read_across_pages, NVLINK2_TIMEOUT)
{
	const size_t size = MIB - 24;
	volatile uint64_t *ram;
	uint64_t *buf;
	size_t i;

	NEED_TRAINED(self);
	if (!ram_is_readable(self))
		SKIP(return, "the region is for mapping only");

	ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	for (i = 0; i < MIB / 8; i++)
		ram[i] = i;

	buf = malloc(size);
	ASSERT_NE(NULL, buf);
	EXPECT_EQ(size, ram_read(self, buf, size, 8));
	for (i = 0; i < size / 8; i++)
		ASSERT_EQ(i + 1, buf[i]);
	free(buf);
}

TEST_F_TIMEOUT(rw, atsd_register, NVLINK2_TIMEOUT)
{
	uint64_t val = htobe64(0x7654321000000000), back = 0;

	NEED_ATSD(self);
	EXPECT_EQ(8, atsd_write(self, &val, 8, NVLINK2_ATSD_AVA));
	EXPECT_EQ(8, atsd_read(self, &back, 8, NVLINK2_ATSD_AVA));
	EXPECT_EQ(8, atsd_read(self, &back, 8, NVLINK2_ATSD_STATUS));
}

/* The file and a mapping have the same byte order */
TEST_F_TIMEOUT(rw, atsd_agrees_with_mapping, NVLINK2_TIMEOUT)
{
	uint64_t val = htobe64(0x0000123456780000), back = 0;
	volatile void *regs;

	NEED_ATSD(self);
	regs = vfio_region_mmap(self->bridge, self->atsd, 0, NVLINK2_ATSD_SIZE);
	ASSERT_NE(MAP_FAILED, (void *)regs);
	ASSERT_EQ(8, atsd_write(self, &val, 8, NVLINK2_ATSD_AVA));
	ASSERT_EQ(8, atsd_read(self, &back, 8, NVLINK2_ATSD_AVA));
	EXPECT_EQ(be64toh(back), nvlink2_atsd_read(regs, NVLINK2_ATSD_AVA));
}

/* Only whole registers; for writes see nvlink2_panic.c */
TEST_F_TIMEOUT(rw, atsd_wrong_size, NVLINK2_TIMEOUT)
{
	static const size_t sizes[] = { 1, 2, 4, 16, 24 };
	uint8_t buf[32] = { 0 };
	unsigned int i;

	NEED_ATSD(self);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		EXPECT_EQ(-EINVAL, atsd_read(self, buf, sizes[i],
					     NVLINK2_ATSD_AVA));
}

TEST_F_TIMEOUT(rw, atsd_not_aligned, NVLINK2_TIMEOUT)
{
	uint64_t val = 0;

	NEED_ATSD(self);
	EXPECT_EQ(-EINVAL, atsd_read(self, &val, 8, NVLINK2_ATSD_AVA + 4));
	EXPECT_EQ(-EINVAL, atsd_read(self, &val, 8, NVLINK2_ATSD_AVA + 1));
}

/* There are three registers; the rest of the block is not documented */
TEST_F_TIMEOUT(rw, atsd_after_the_last, NVLINK2_TIMEOUT)
{
	uint64_t val = 0;

	NEED_ATSD(self);
	EXPECT_EQ(-EINVAL, atsd_read(self, &val, 8, NVLINK2_ATSD_STATUS + 8));
	EXPECT_EQ(-EINVAL, atsd_write(self, &val, 8, NVLINK2_ATSD_STATUS + 8));
	EXPECT_EQ(-EINVAL, atsd_write(self, &val, 8, NVLINK2_ATSD_SIZE - 8));
	EXPECT_EQ(-EINVAL, atsd_write(self, &val, 8, NVLINK2_ATSD_SIZE));
	EXPECT_EQ(-EINVAL, atsd_write(self, &val, 8, (1ull << 40) - 8));
}

TEST_F_TIMEOUT(rw, atsd_to_nowhere, NVLINK2_TIMEOUT)
{
	NEED_ATSD(self);
	EXPECT_EQ(-EFAULT, atsd_read(self, nowhere, 8, NVLINK2_ATSD_AVA));
	EXPECT_EQ(-EFAULT, atsd_write(self, nowhere, 8, NVLINK2_ATSD_AVA));
}

TEST_F_TIMEOUT(rw, empty_region, NVLINK2_TIMEOUT)
{
	uint64_t val = 0;
	int i, empty = 0;

	for (i = 0; i < self->nvlink2.place->num_bridges; i++) {
		if (self->nvlink2.atsd[i].size)
			continue;
		empty++;
		EXPECT_GE(0, pread(self->nvlink2.bridge[i].fd, &val, 8,
				   self->nvlink2.atsd[i].offset));
		EXPECT_GE(0, pwrite(self->nvlink2.bridge[i].fd, &val, 8,
				    self->nvlink2.atsd[i].offset));
	}
	if (!empty)
		SKIP(return, "each bridge has ATSD registers");
}

NVLINK2_MAIN()
