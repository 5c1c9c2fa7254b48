// SPDX-License-Identifier: GPL-2.0
/*
 * What the engine of an emulated V100 sees: DMA over PCIe and NVLink, and which
 * of its links are up
 *
 * What the ioctls answer is in the kernel's own nvlink2_dma, nvlink2_reset and
 * nvlink2_huge. "D-nn" is a line of LEDGER.md.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/fixture.h"
#include "engine.h"

/* In the window that each container starts with */
#define IOVA		(64 * MIB)
#define RAM_IOVA	(128 * MIB)
/* Where in GPU RAM the engine gets its data from or leaves it */
#define SCRATCH		(32 * MIB)
#define CHUNK		0x10000
/* A link of a V100 has so many */
#define LINK_ADDRESSES	(128 * 1024 * GIB)
/* In a huge mapping */
#define SIZE		(2 * GIB)
#define TARGET		(GIB + 512 * MIB + CHUNK)

/* Of the process that runs a case */
static struct engine engine;

#define NEED_ENGINE(self)						\
	do {								\
		if (engine_open(&engine, &(self)->nvlink2.gpu))		\
			SKIP(return, "no emulated V100: no engine");	\
	} while (0)

NVLINK2_FIXTURE(dma, nvlink2_prepare_dma);

static int map_buffer(FIXTURE_DATA(dma) *self)
{
	return spapr_map(&self->nvlink2.container, IOVA, self->mem, MIB);
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
	ret = engine_to_gpu(&engine, path, link, iova, SCRATCH, CHUNK);
	*seen = scratch[0];
	munmap((void *)scratch, CHUNK);

	return ret;
}

TEST_F_TIMEOUT(dma, memory_over_pcie, NVLINK2_TIMEOUT)
{
	uint64_t seen;

	NEED_ENGINE(self);
	ASSERT_EQ(0, map_buffer(self));
	self->mem[0] = 0x1111;
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
		self->mem[0] = 0x2222 + i;
		EXPECT_EQ(ENGINE_OK, engine_to_gpu(&engine,
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
	EXPECT_EQ(ENGINE_OK, engine_to_gpu(&engine, ENGINE_PCIE, 0, IOVA,
					   SCRATCH, CHUNK));
	EXPECT_EQ(ENGINE_OK, engine_to_gpu(&engine, ENGINE_NVLINK, 0,
					   IOVA, SCRATCH, CHUNK));
	ASSERT_EQ(0, spapr_unmap(&self->nvlink2.container, IOVA, MIB));

	self->mem[0] = 0x3333;
	EXPECT_NE(ENGINE_OK, engine_to_gpu(&engine, ENGINE_PCIE, 0, IOVA,
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

	self->mem[0] = 0x4444;
	EXPECT_EQ(ENGINE_OK, copy_in(self, ENGINE_NVLINK, 0, IOVA, &seen));
	EXPECT_EQ(0x4444, seen);
}

/*
 * The second window of a container begins above what a link has address bits
 * for. What is left of an address is translated by the window that was set last.
 */
TEST_F_TIMEOUT(dma, window_of_64_bits, NVLINK2_TIMEOUT)
{
	uint64_t start, seen;

	NEED_ENGINE(self);
	ASSERT_EQ(0, map_buffer(self));
	ASSERT_EQ(0, spapr_create_window(&self->nvlink2.container, 16,
					 256 * MIB, 1, &start));
	ASSERT_LT(LINK_ADDRESSES, start);
	ASSERT_EQ(0, spapr_map(&self->nvlink2.container, start + IOVA + MIB,
			       self->mem, MIB));

	self->mem[0] = 0x7777;
	EXPECT_EQ(ENGINE_OK, copy_in(self, ENGINE_PCIE, 0, start + IOVA + MIB,
				     &seen));
	EXPECT_EQ(ENGINE_OK, copy_in(self, ENGINE_NVLINK, 0, start + IOVA + MIB,
				     &seen));
	EXPECT_EQ(0x7777, seen);
	EXPECT_EQ(ENGINE_OK, copy_in(self, ENGINE_PCIE, 0, IOVA, &seen));
	EXPECT_NE(ENGINE_OK, copy_in(self, ENGINE_NVLINK, 0, IOVA, &seen));

	ASSERT_EQ(0, spapr_unmap(&self->nvlink2.container, start + IOVA + MIB,
				 MIB));
	EXPECT_NE(ENGINE_OK, copy_in(self, ENGINE_NVLINK, 0, start + IOVA + MIB,
				     &seen));
}

/* A value gets into GPU RAM at SCRATCH without any mapping of it */
static int put_to_scratch(FIXTURE_DATA(dma) *self, uint64_t val)
{
	int ret = map_buffer(self);

	self->mem[0] = val;
	if (!ret)
		ret = engine_to_gpu(&engine, ENGINE_PCIE, 0, IOVA,
				    SCRATCH, CHUNK);

	return ret;
}

/* From there, by DMA, to where the TCEs of a mapping lead */
static int write_ram_by_dma(FIXTURE_DATA(dma) *self, volatile uint64_t *ram)
{
	int ret;

	ret = spapr_map(&self->nvlink2.container, RAM_IOVA, ram, CHUNK);
	if (ret)
		return ret;
	ret = engine_to_system(&engine, ENGINE_PCIE, 0, RAM_IOVA, SCRATCH,
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

/*
 * TCEs to the RAM of a GPU stay when it is reset. DMA of another GPU to it fails
 * then, and works again when the links have been trained.
 */
TEST_F_TIMEOUT(dma, ram_of_a_neighbour_over_a_reset, NVLINK2_TIMEOUT)
{
	struct nvlink2 neighbour;
	volatile uint64_t *ram;

	NEED_NEIGHBOUR(self, neighbour);
	NEED_ENGINE(self);
	ASSERT_EQ(0, nvlink2_open_devices(&neighbour));
	ASSERT_EQ(0, nvlink2_train(&neighbour));
	ram = nvlink2_map_ram(&neighbour, 0, MIB);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	ASSERT_EQ(0, spapr_map(&self->nvlink2.container, RAM_IOVA, ram, CHUNK));
	ASSERT_EQ(ENGINE_OK, put_to_scratch(self, 0x8888));

	ASSERT_EQ(0, vfio_dev_reset(&neighbour.gpu));
	EXPECT_NE(ENGINE_OK, engine_to_system(&engine, ENGINE_PCIE, 0, RAM_IOVA,
					      SCRATCH, CHUNK));
	ASSERT_EQ(0, nvlink2_train(&neighbour));
	ram[0] = 0;
	EXPECT_EQ(ENGINE_OK, engine_to_system(&engine, ENGINE_PCIE, 0, RAM_IOVA,
					      SCRATCH, CHUNK));
	EXPECT_EQ(0x8888, ram[0]);
	EXPECT_EQ(0, spapr_unmap(&self->nvlink2.container, RAM_IOVA, CHUNK));
	munmap((void *)ram, MIB);
	nvlink2_close_devices(&neighbour);
}

NVLINK2_FIXTURE(reset, nvlink2_prepare_mapped);

/* D-66: links of others are none of a bridge's business when it is closed */
TEST_F_TIMEOUT(reset, neighbour_keeps_its_links, NVLINK2_TIMEOUT)
{
	struct nvlink2 neighbour;
	uint32_t links;

	NEED_NEIGHBOUR(self, neighbour);
	NEED_ENGINE(self);

	links = engine_links(&engine);
	EXPECT_EQ((1 << self->nvlink2.place->num_bridges) - 1, links);
	ASSERT_EQ(0, nvlink2_open_devices(&neighbour));
	nvlink2_close_devices(&neighbour);
	EXPECT_EQ(links, engine_links(&engine));
}

/* As in nvlink2_huge: 1 GiB, 2 MiB and the smallest pages */
NVLINK2_FIXTURE(huge, nvlink2_prepare_trained);

FIXTURE_VARIANT(huge)
{
	uint64_t shift;
};

FIXTURE_VARIANT_ADD(huge, gigabytes) { .shift = 0 };
FIXTURE_VARIANT_ADD(huge, megabytes) { .shift = 2 * MIB };
FIXTURE_VARIANT_ADD(huge, small) { .shift = CHUNK };

/* Registered as a whole, mapped in the middle of a page: DMA gets there */
TEST_F_TIMEOUT(huge, target_of_dma, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint64_t *buffer;
	uint8_t *ram;

	NEED_ENGINE(self);
	if (nvlink2_ram_size(&self->nvlink2) < SIZE)
		SKIP(return, "less than 2 GiB of GPU RAM");
	ram = nvlink2_map_ram_shifted(&self->nvlink2, 0, SIZE, variant->shift);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	buffer = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)buffer);
	buffer[0] = 0x7777;
	ASSERT_EQ(0, spapr_register(container, buffer, CHUNK));
	ASSERT_EQ(0, spapr_register(container, ram, SIZE));
	ASSERT_EQ(0, spapr_map(container, IOVA, buffer, CHUNK));
	ASSERT_EQ(0, spapr_map(container, RAM_IOVA, ram + TARGET, CHUNK));

	EXPECT_EQ(ENGINE_OK, engine_to_gpu(&engine, ENGINE_PCIE, 0, IOVA,
					   SCRATCH, CHUNK));
	EXPECT_EQ(ENGINE_OK, engine_to_system(&engine, ENGINE_PCIE, 0, RAM_IOVA,
					      SCRATCH, CHUNK));
	EXPECT_EQ(0x7777, *(volatile uint64_t *)(ram + TARGET));
	EXPECT_EQ(0, spapr_unmap(container, RAM_IOVA, CHUNK));
	EXPECT_EQ(0, spapr_unregister(container, ram, SIZE));
}

NVLINK2_MAIN()
