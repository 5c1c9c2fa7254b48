// SPDX-License-Identifier: GPL-2.0
/*
 * GPU RAM as a target of DMA, and DMA of the GPU over PCIe and NVLink
 *
 * What DMA really does is only seen where there is an engine to ask for some,
 * on the emulated machine. The answers of ioctls are seen everywhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "lib/engine.h"
#include "lib/fixture.h"

#define BUFFER_SIZE	MIB
/* In the window that each container starts with */
#define IOVA		(64 * MIB)
#define RAM_IOVA	(128 * MIB)
/* Where in GPU RAM the engine gets its data from or leaves it */
#define SCRATCH		(32 * MIB)
#define CHUNK		0x10000

FIXTURE(dma)
{
	struct nvlink2 nvlink2;
	struct engine engine;
	uint64_t *buffer;
	size_t page;
	int no_engine;
	int log;
};

static uint64_t *anonymous(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

FIXTURE_SETUP(dma)
{
	NEED_GPU();
	self->log = watch_log_begin();
	self->page = sysconf(_SC_PAGESIZE);
	ASSERT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
	ASSERT_EQ(0, nvlink2_train(&self->nvlink2));
	self->no_engine = engine_open(&self->engine, &self->nvlink2.gpu);

	self->buffer = anonymous(BUFFER_SIZE);
	ASSERT_NE(MAP_FAILED, self->buffer);
	ASSERT_EQ(0, spapr_register(&self->nvlink2.container, self->buffer,
				    BUFFER_SIZE));
}

FIXTURE_TEARDOWN(dma)
{
	if (!self->no_engine)
		engine_close(&self->engine);
	nvlink2_close(&self->nvlink2);
	EXPECT_QUIET_LOG(self->log);
}

static void close_gpu(FIXTURE_DATA(dma) *self)
{
	if (!self->no_engine)
		engine_close(&self->engine);
	self->no_engine = 1;
	nvlink2_close_devices(&self->nvlink2);
}

#define NEED_ENGINE(self)						\
	do {								\
		if ((self)->no_engine)					\
			SKIP(return, "no emulated V100: no engine for DMA"); \
	} while (0)

static int map_buffer(FIXTURE_DATA(dma) *self)
{
	return spapr_map(&self->nvlink2.container, IOVA, self->buffer,
			 BUFFER_SIZE);
}

/* From system memory to GPU RAM; says what the GPU has then */
static int copy_in(FIXTURE_DATA(dma) *self, enum engine_path path, int link,
		   uint64_t iova, uint64_t *seen)
{
	volatile uint64_t *scratch;
	int ret;

	scratch = nvlink2_map_ram(&self->nvlink2, SCRATCH, CHUNK);
	if ((void *)scratch == MAP_FAILED)
		return -errno;

	/* Through the first mapping of all, for kernels that have only one */
	scratch[0] = 0;
	ret = engine_to_gpu(&self->engine, path, link, iova, SCRATCH, CHUNK);
	*seen = scratch[0];
	munmap((void *)scratch, CHUNK);

	return ret;
}

TEST_F_TIMEOUT(dma, memory_over_pcie, NVLINK2_TIMEOUT)
{
	uint64_t seen;

	NEED_ENGINE(self);
	ASSERT_EQ(0, map_buffer(self));
	self->buffer[0] = 0x1111;
	EXPECT_EQ(ENGINE_OK, copy_in(self, ENGINE_PCIE, 0, IOVA, &seen));
	EXPECT_EQ(0x1111, seen);
}

TEST_F_TIMEOUT(dma, memory_over_each_link, NVLINK2_TIMEOUT)
{
	volatile uint64_t *scratch;
	int i;

	NEED_ENGINE(self);
	ASSERT_EQ(0, map_buffer(self));
	scratch = nvlink2_map_ram(&self->nvlink2, SCRATCH, CHUNK);
	ASSERT_NE(MAP_FAILED, (void *)scratch);
	for (i = 0; i < self->nvlink2.place->num_bridges; i++) {
		self->buffer[0] = 0x2222 + i;
		EXPECT_EQ(ENGINE_OK, engine_to_gpu(&self->engine,
						   ENGINE_NVLINK, i, IOVA,
						   SCRATCH, CHUNK));
		EXPECT_EQ(0x2222 + i, scratch[0]);
	}
}

/* D-52: a TCE that is gone is gone from the caches of both bridges */
TEST_F_TIMEOUT(dma, unmapped_memory_is_out_of_reach, NVLINK2_TIMEOUT)
{
	uint64_t seen;

	NEED_ENGINE(self);
	ASSERT_EQ(0, map_buffer(self));
	EXPECT_EQ(ENGINE_OK, engine_to_gpu(&self->engine, ENGINE_PCIE, 0, IOVA,
					   SCRATCH, CHUNK));
	EXPECT_EQ(ENGINE_OK, engine_to_gpu(&self->engine, ENGINE_NVLINK, 0,
					   IOVA, SCRATCH, CHUNK));
	ASSERT_EQ(0, spapr_unmap(&self->nvlink2.container, IOVA, BUFFER_SIZE));

	self->buffer[0] = 0x3333;
	EXPECT_NE(ENGINE_OK, engine_to_gpu(&self->engine, ENGINE_PCIE, 0, IOVA,
					   SCRATCH, CHUNK));
	EXPECT_NE(ENGINE_OK, copy_in(self, ENGINE_NVLINK, 0, IOVA, &seen));
	EXPECT_EQ(0, seen);
}

/* The window that a container starts with is made when it is first needed */
static int forget_default_window(FIXTURE_DATA(dma) *self)
{
	return spapr_remove_window(&self->nvlink2.container, 0);
}

/* D-50: without a window there is no DMA, rather than DMA to anywhere */
TEST_F_TIMEOUT(dma, no_window_no_dma, NVLINK2_TIMEOUT)
{
	uint64_t start, seen;

	NEED_ENGINE(self);
	ASSERT_EQ(0, forget_default_window(self));
	ASSERT_EQ(0, spapr_create_window(&self->nvlink2.container, 16,
					 256 * MIB, 1, &start));
	ASSERT_EQ(0, spapr_remove_window(&self->nvlink2.container, start));
	EXPECT_EQ(ENGINE_TVE_DENY, copy_in(self, ENGINE_NVLINK, 0, 16 * MIB,
					   &seen));
}

/* D-50: as it is before anything has been mapped */
TEST_F_TIMEOUT(dma, nothing_mapped_no_dma, NVLINK2_TIMEOUT)
{
	uint64_t seen;

	NEED_ENGINE(self);
	EXPECT_NE(ENGINE_OK, copy_in(self, ENGINE_NVLINK, 0, 16 * MIB, &seen));
}

/* D-51: of two windows one goes, and the other one is what remains */
TEST_F_TIMEOUT(dma, other_window_remains, NVLINK2_TIMEOUT)
{
	uint64_t start, seen;

	NEED_ENGINE(self);
	ASSERT_EQ(0, map_buffer(self));
	ASSERT_EQ(0, spapr_create_window(&self->nvlink2.container, 16,
					 256 * MIB, 1, &start));
	ASSERT_NE(0, start);
	ASSERT_EQ(0, spapr_remove_window(&self->nvlink2.container, start));

	self->buffer[0] = 0x4444;
	EXPECT_EQ(ENGINE_OK, copy_in(self, ENGINE_NVLINK, 0, IOVA, &seen));
	EXPECT_EQ(0x4444, seen);
}

/* D-83: the pages of a table that is not made are not charged */
TEST_F_TIMEOUT(dma, failed_window_charges_nothing, NVLINK2_TIMEOUT)
{
	uint64_t start;
	long before;
	int i;

	ASSERT_EQ(0, forget_default_window(self));
	before = watch_status("VmLck");
	for (i = 0; i < 4; i++)
		EXPECT_GT(0, spapr_create_window(&self->nvlink2.container, 16,
						 1ull << 40, 5, &start));
	EXPECT_EQ(before, watch_status("VmLck"));
}

/* GPU RAM is found registered by the address and length that it was mapped */
TEST_F_TIMEOUT(dma, ram_is_registered, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	ASSERT_NE(MAP_FAILED, ram);
	EXPECT_EQ(0, spapr_register(container, ram, MIB));
	EXPECT_EQ(0, spapr_map(container, RAM_IOVA, ram, MIB));
	EXPECT_EQ(0, spapr_unmap(container, RAM_IOVA, MIB));
	EXPECT_EQ(0, spapr_unregister(container, ram, MIB));
}

/* As QEMU does: everything at once, 128 GiB on a real machine */
TEST_F_TIMEOUT(dma, whole_ram_is_registered, NVLINK2_TIMEOUT)
{
	uint64_t size = self->nvlink2.ram.size;
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, size);

	ASSERT_NE(MAP_FAILED, ram);
	EXPECT_EQ(0, spapr_register(&self->nvlink2.container, ram, size));
	EXPECT_EQ(0, spapr_unregister(&self->nvlink2.container, ram, size));
}

TEST_F_TIMEOUT(dma, part_is_not_registered, NVLINK2_TIMEOUT)
{
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	ASSERT_NE(MAP_FAILED, ram);
	EXPECT_GT(0, spapr_register(&self->nvlink2.container, ram, MIB / 2));
}

/* A value gets into GPU RAM at SCRATCH without any mapping of it */
static int put_to_scratch(FIXTURE_DATA(dma) *self, uint64_t val)
{
	int ret = map_buffer(self);

	self->buffer[0] = val;
	if (!ret)
		ret = engine_to_gpu(&self->engine, ENGINE_PCIE, 0, IOVA,
				    SCRATCH, CHUNK);

	return ret;
}

/* From there, by DMA, to where the TCEs of a mapping lead */
static int write_ram_by_dma(FIXTURE_DATA(dma) *self, volatile uint64_t *ram)
{
	int ret;

	ret = spapr_map(&self->nvlink2.container, RAM_IOVA, (void *)ram, CHUNK);
	if (ret)
		return ret;
	ret = engine_to_system(&self->engine, ENGINE_PCIE, 0, RAM_IOVA, SCRATCH,
			       CHUNK);
	spapr_unmap(&self->nvlink2.container, RAM_IOVA, CHUNK);

	return ret;
}

TEST_F_TIMEOUT(dma, ram_is_written, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	NEED_ENGINE(self);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	ram[0] = 0;
	ASSERT_EQ(ENGINE_OK, put_to_scratch(self, 0x5555));
	ASSERT_EQ(ENGINE_OK, write_ram_by_dma(self, ram));
	EXPECT_EQ(0x5555, ram[0]);
}

/* D-02: a mapping that begins later was registered as if it began at 0 */
TEST_F_TIMEOUT(dma, ram_is_written_at_its_offset, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram;

	NEED_ENGINE(self);
	ram = nvlink2_map_ram(&self->nvlink2, 8 * MIB, MIB);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	ram[0] = 0;
	ASSERT_EQ(ENGINE_OK, put_to_scratch(self, 0x6666));
	ASSERT_EQ(ENGINE_OK, write_ram_by_dma(self, ram));
	EXPECT_EQ(0x6666, ram[0]);
}

/* D-04, D-16: an address that was GPU RAM once */
TEST_F_TIMEOUT(dma, stale_address_cannot_be_mapped, NVLINK2_TIMEOUT)
{
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, munmap(ram, MIB));
	EXPECT_GT(0, spapr_map(&self->nvlink2.container, RAM_IOVA, ram, CHUNK));
}

/* D-04: registration by the container does not outlive the mapping either */
TEST_F_TIMEOUT(dma, registered_stale_address, NVLINK2_TIMEOUT)
{
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, spapr_register(&self->nvlink2.container, ram, MIB));
	ASSERT_EQ(0, munmap(ram, MIB));
	EXPECT_GT(0, spapr_map(&self->nvlink2.container, RAM_IOVA, ram, CHUNK));
}

/* D-16: other memory at an address that was GPU RAM is that other memory */
TEST_F_TIMEOUT(dma, other_memory_at_stale_address, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, CHUNK), *memory;

	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, munmap(ram, CHUNK));
	memory = mmap(ram, CHUNK, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(ram, memory);

	EXPECT_GT(0, spapr_map(container, RAM_IOVA, memory, CHUNK));
	EXPECT_EQ(0, spapr_register(container, memory, CHUNK));
	EXPECT_EQ(0, spapr_map(container, RAM_IOVA, memory, CHUNK));
	EXPECT_EQ(0, spapr_unmap(container, RAM_IOVA, CHUNK));
	EXPECT_EQ(0, spapr_unregister(container, memory, CHUNK));
}

/* D-04 */
TEST_F_TIMEOUT(dma, no_mapping_after_close, NVLINK2_TIMEOUT)
{
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, spapr_register(&self->nvlink2.container, ram, MIB));
	munmap(ram, MIB);
	close_gpu(self);
	EXPECT_GT(0, spapr_map(&self->nvlink2.container, RAM_IOVA, ram, CHUNK));
}

/* D-04: nor does it in a container that other devices are in */
TEST_F_TIMEOUT(dma, no_mapping_after_close_elsewhere, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *stranger = nvlink2_stranger();
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	struct spapr_container other;

	if (!stranger)
		SKIP(return, "no second group of NVLink2 GPUs");

	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, spapr_open(&other, stranger->group));
	EXPECT_EQ(0, spapr_register(&other, ram, MIB));
	munmap(ram, MIB);
	close_gpu(self);
	EXPECT_GT(0, spapr_map(&other, RAM_IOVA, ram, CHUNK));
	spapr_close(&other);
}

/* D-05: nobody gets the GPU while anything can still reach its RAM */
TEST_F_TIMEOUT(dma, gpu_stays_closed_while_mapped, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, spapr_map(container, RAM_IOVA, ram, CHUNK));
	munmap(ram, MIB);
	close_gpu(self);

	EXPECT_EQ(-EBUSY, nvlink2_open_devices(&self->nvlink2));
	nvlink2_close_devices(&self->nvlink2);
	EXPECT_EQ(0, spapr_unmap(container, RAM_IOVA, CHUNK));
	EXPECT_EQ(0, nvlink2_open_devices(&self->nvlink2));
}

/* D-05: also when it is another container that can */
TEST_F_TIMEOUT(dma, gpu_stays_closed_while_mapped_elsewhere, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *stranger = nvlink2_stranger();
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB), *page;
	struct spapr_container other;

	if (!stranger)
		SKIP(return, "no second group of NVLink2 GPUs");

	ASSERT_NE(MAP_FAILED, ram);
	page = anonymous(CHUNK);
	ASSERT_EQ(0, spapr_open(&other, stranger->group));
	/* What enables a container is that anything has been registered */
	ASSERT_EQ(0, spapr_register(&other, page, CHUNK));
	EXPECT_EQ(0, spapr_map(&other, RAM_IOVA, ram, CHUNK));
	munmap(ram, MIB);
	close_gpu(self);

	EXPECT_EQ(-EBUSY, nvlink2_open_devices(&self->nvlink2));
	nvlink2_close_devices(&self->nvlink2);
	spapr_close(&other);
	EXPECT_EQ(0, nvlink2_open_devices(&self->nvlink2));
}

/* D-05: the log tells the administrator why the GPU stays closed */
TEST_F_TIMEOUT(dma, log_says_why_gpu_stays_closed, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	int log = watch_log_begin();

	ASSERT_NE(MAP_FAILED, ram);
	if (log < 0)
		SKIP(return, "/dev/kmsg cannot be read");
	ASSERT_EQ(0, spapr_map(container, RAM_IOVA, ram, CHUNK));
	munmap(ram, MIB);
	close_gpu(self);

	ASSERT_EQ(-EBUSY, nvlink2_open_devices(&self->nvlink2));
	EXPECT_TRUE(watch_log_has(log, self->nvlink2.place->gpu));
	close(log);
	EXPECT_EQ(0, spapr_unmap(container, RAM_IOVA, CHUNK));
}

TEST_F_TIMEOUT(dma, mapped_memory_stays_registered, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;

	ASSERT_EQ(0, map_buffer(self));
	EXPECT_EQ(-EBUSY, spapr_unregister(container, self->buffer,
					   BUFFER_SIZE));
	EXPECT_EQ(0, spapr_unmap(container, IOVA, BUFFER_SIZE));
	EXPECT_EQ(0, spapr_unregister(container, self->buffer, BUFFER_SIZE));
}

TEST_F_TIMEOUT(dma, registered_once, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(-EBUSY, spapr_register(&self->nvlink2.container, self->buffer,
					 BUFFER_SIZE));
	EXPECT_EQ(-EINVAL, spapr_register(&self->nvlink2.container,
					  self->buffer, BUFFER_SIZE / 2));
}

/* No pages are no memory; the kernel has nothing to warn of */
TEST_F_TIMEOUT(dma, nothing_to_register, NVLINK2_TIMEOUT)
{
	EXPECT_GT(0, spapr_register(&self->nvlink2.container, self->buffer, 0));
	EXPECT_GT(0, spapr_unregister(&self->nvlink2.container, self->buffer,
				      0));
}

TEST_F_TIMEOUT(dma, locked_memory_is_given_back, NVLINK2_TIMEOUT)
{
	long before = watch_status("VmLck");
	uint64_t *memory = anonymous(BUFFER_SIZE);

	ASSERT_EQ(0, spapr_register(&self->nvlink2.container, memory,
				    BUFFER_SIZE));
	EXPECT_EQ(before + BUFFER_SIZE / 1024, watch_status("VmLck"));
	ASSERT_EQ(0, spapr_unregister(&self->nvlink2.container, memory,
				      BUFFER_SIZE));
	EXPECT_EQ(before, watch_status("VmLck"));
}

/* GPU RAM is no memory of this system, so nobody is charged for it */
TEST_F_TIMEOUT(dma, ram_is_not_charged, NVLINK2_TIMEOUT)
{
	long before = watch_status("VmLck");
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, 64 * MIB);

	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, spapr_register(&self->nvlink2.container, ram, 64 * MIB));
	EXPECT_EQ(before, watch_status("VmLck"));
}

/* A container belongs to the process that used it first */
TEST_F_TIMEOUT(dma, other_process_is_refused, NVLINK2_TIMEOUT)
{
	int pid = fork();

	if (!pid)
		_exit(-spapr_register(&self->nvlink2.container, self->buffer,
				      BUFFER_SIZE));
	EXPECT_EQ(EPERM, watch_child(pid));
}

TEST_F_TIMEOUT(dma, not_aligned, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint8_t *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	ASSERT_NE(MAP_FAILED, (void *)ram);
	EXPECT_EQ(-EINVAL, spapr_map(container, RAM_IOVA, ram + 1, CHUNK));
	EXPECT_EQ(-EINVAL, spapr_map(container, RAM_IOVA + 1, ram, CHUNK));
	EXPECT_EQ(-EINVAL, spapr_map(container, RAM_IOVA, ram, CHUNK + 1));
}

TEST_F_TIMEOUT(dma, longer_than_mapping, NVLINK2_TIMEOUT)
{
	uint8_t *ram = mmap(NULL, 2 * MIB, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)ram);
	ASSERT_EQ(ram, mmap(ram, MIB, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED, self->nvlink2.gpu.fd,
			    self->nvlink2.ram.offset));
	EXPECT_GT(0, spapr_map(&self->nvlink2.container, RAM_IOVA,
			       ram + MIB - CHUNK, 2 * CHUNK));
	/* Nor is the part that would have fitted left mapped */
	munmap(ram, MIB);
	close_gpu(self);
	EXPECT_EQ(0, nvlink2_open_devices(&self->nvlink2));
}

/* D-60, D-68: windows come and go in any order, and each answer is an errno */
TEST_F_TIMEOUT(dma, windows_in_any_order, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint64_t one, two, three;
	int i;

	ASSERT_EQ(0, forget_default_window(self));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, spapr_create_window(container, 16, 256 * MIB, 1,
						 &one));
		ASSERT_EQ(0, spapr_create_window(container, 12, 256 * MIB, 2,
						 &two));
		EXPECT_EQ(-ENOSPC, spapr_create_window(container, 16,
						       256 * MIB, 1, &three));
		EXPECT_EQ(0, spapr_remove_window(container, i & 1 ? one : two));
		EXPECT_EQ(0, spapr_remove_window(container, i & 1 ? two : one));
		EXPECT_GT(0, spapr_remove_window(container, one));
	}
}

/* Less than a page is no window, and certainly not a larger one */
TEST_F_TIMEOUT(dma, window_smaller_than_a_page, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint64_t start;

	ASSERT_EQ(0, forget_default_window(self));
	EXPECT_EQ(-EINVAL, spapr_create_window(container, 16, 1 << 14, 1,
					       &start));
	EXPECT_EQ(-EINVAL, spapr_create_window(container, 16, 0, 1, &start));
}

/*
 * Pages of 1 << 144 bytes are not those of 1 << 16. A kernel that takes them for
 * that refuses them later, only UBSAN has something to say in between.
 */
TEST_F_TIMEOUT(dma, page_size_out_of_range, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint64_t start;

	ASSERT_EQ(0, forget_default_window(self));
	EXPECT_EQ(-EINVAL, spapr_create_window(container, 144, 256 * MIB, 1,
					       &start));
	EXPECT_EQ(-EINVAL, spapr_create_window(container, 64, 256 * MIB, 1,
					       &start));
}

/* An NPU takes fewer page sizes than a PHB: the group has what both take */
TEST_F_TIMEOUT(dma, page_sizes_of_both, NVLINK2_TIMEOUT)
{
	uint64_t sizes, start;

	ASSERT_EQ(0, spapr_page_sizes(&self->nvlink2.container, &sizes));
	EXPECT_EQ(0, sizes & ~(1ull << 12 | 1ull << 16));
	EXPECT_EQ(-EINVAL, spapr_create_window(&self->nvlink2.container, 21,
					       1024 * MIB, 1, &start));
}

NVLINK2_MAIN()
