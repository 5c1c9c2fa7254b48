// SPDX-License-Identifier: GPL-2.0
/*
 * What DMA of a GPU over NVLink does not reach
 *
 * What it reaches, and what is refused over PCIe, is in the kernel's own
 * nvlink2_falcon and nvlink2_dma. What a real machine does when its NPU refuses
 * DMA, or when the links of a GPU go whose RAM is a target of DMA, is not known:
 * these cases are for an emulated one. "D-nn" is a line of LEDGER.md.
 */
#include <errno.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "lib/fixture.h"

/* In the window that each container starts with */
#define IOVA		(64 * MIB)
#define RAM_IOVA	(128 * MIB)
/* Without a window this is the real address of memory of the kernel */
#define SOMEWHERE	(16 * MIB)
#define CHUNK		0x10000
/* A link of a V100 has so many */
#define LINK_ADDRESSES	(128 * 1024 * GIB)

FIXTURE(dma)
{
	struct nvlink2 nvlink2;
	struct falcon falcon;
	volatile uint64_t *mem;
	int log;
};

FIXTURE_SETUP(dma)
{
	NEED_GPU();
	self->log = watch_log_begin();
	ASSERT_EQ(0, nvlink2_prepare_dma(&self->nvlink2, &self->mem));
	NEED_TRAINED(self);
	NEED_FALCON(&self->falcon, &self->nvlink2.gpu);
}

FIXTURE_TEARDOWN(dma)
{
	falcon_close(&self->falcon);
	nvlink2_put_away(&self->nvlink2, self->mem);
	EXPECT_QUIET_LOG(self->log);
}

static int map_buffer(FIXTURE_DATA(dma) *self)
{
	return spapr_map(&self->nvlink2.container, IOVA, self->mem, MIB);
}

static void over_nvlink(FIXTURE_DATA(dma) *self, bool nvlink)
{
	falcon_route(&self->falcon,
		     nvlink ? falcon_active_links(&self->falcon) : 0);
}

#define REFUSED		(~0ULL)

/* What the GPU reads, REFUSED when it is not let */
static uint64_t seen(FIXTURE_DATA(dma) *self, uint64_t iova)
{
	uint64_t val = 0;

	if (falcon_read(&self->falcon, FALCON_SYSTEM, iova, &val, sizeof(val)))
		return 0;

	return val;
}

/* D-52: a TCE that is gone is gone from the caches of both bridges */
TEST_F_TIMEOUT(dma, unmapped_memory_over_both, NVLINK2_TIMEOUT)
{
	int nvlink;

	ASSERT_EQ(0, map_buffer(self));
	self->mem[0] = 0x3333;
	for (nvlink = 0; nvlink < 2; nvlink++) {
		over_nvlink(self, nvlink);
		EXPECT_EQ(0x3333, seen(self, IOVA));
	}
	ASSERT_EQ(0, spapr_unmap(&self->nvlink2.container, IOVA, MIB));
	for (nvlink = 0; nvlink < 2; nvlink++) {
		over_nvlink(self, nvlink);
		EXPECT_EQ(REFUSED, seen(self, IOVA));
	}
}

/* The window that a container starts with is made when it is first needed */
static int forget_default_window(FIXTURE_DATA(dma) *self)
{
	return spapr_remove_window(&self->nvlink2.container, 0);
}

/* D-50: without a window there is no DMA, rather than DMA to anywhere */
TEST_F_TIMEOUT(dma, no_window_no_dma, NVLINK2_TIMEOUT)
{
	uint64_t start;

	ASSERT_EQ(0, forget_default_window(self));
	ASSERT_EQ(0, spapr_create_window(&self->nvlink2.container, 16,
					 256 * MIB, 1, &start));
	ASSERT_EQ(0, spapr_remove_window(&self->nvlink2.container, start));
	over_nvlink(self, true);
	EXPECT_EQ(REFUSED, seen(self, SOMEWHERE));
}

/* D-50: as it is before anything has been mapped */
TEST_F_TIMEOUT(dma, nothing_mapped_no_dma, NVLINK2_TIMEOUT)
{
	over_nvlink(self, true);
	EXPECT_EQ(REFUSED, seen(self, SOMEWHERE));
}

/*
 * The second window of a container begins above what a link has address bits
 * for. What is left of an address is translated by the window that was set last.
 */
TEST_F_TIMEOUT(dma, window_of_64_bits, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	const uint64_t offset = IOVA + MIB;
	uint64_t start;

	ASSERT_EQ(0, map_buffer(self));
	ASSERT_EQ(0, spapr_create_window(container, 16, 256 * MIB, 1, &start));
	ASSERT_LT(LINK_ADDRESSES, start);
	ASSERT_EQ(0, spapr_map(container, start + offset, self->mem, MIB));

	self->mem[0] = 0x7777;
	EXPECT_EQ(0x7777, seen(self, start + offset));
	EXPECT_EQ(0x7777, seen(self, IOVA));
	over_nvlink(self, true);
	EXPECT_EQ(0x7777, seen(self, start + offset));
	EXPECT_EQ(REFUSED, seen(self, IOVA));

	ASSERT_EQ(0, spapr_unmap(container, start + offset, MIB));
	EXPECT_EQ(REFUSED, seen(self, start + offset));
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
	ASSERT_EQ(0, nvlink2_open_devices(&neighbour));
	ASSERT_EQ(0, nvlink2_train(&neighbour));
	ram = nvlink2_map_ram(&neighbour, 0, MIB);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	ASSERT_EQ(0, spapr_map(&self->nvlink2.container, RAM_IOVA, ram, CHUNK));
	ram[0] = 0x8888;
	EXPECT_EQ(0x8888, seen(self, RAM_IOVA));

	ASSERT_EQ(0, vfio_dev_reset(&neighbour.gpu));
	EXPECT_EQ(REFUSED, seen(self, RAM_IOVA));
	ASSERT_EQ(0, nvlink2_train(&neighbour));
	ram[0] = 0x9999;
	EXPECT_EQ(0x9999, seen(self, RAM_IOVA));
	EXPECT_EQ(0, spapr_unmap(&self->nvlink2.container, RAM_IOVA, CHUNK));
	munmap((void *)ram, MIB);
	nvlink2_close_devices(&neighbour);
}

NVLINK2_MAIN()
