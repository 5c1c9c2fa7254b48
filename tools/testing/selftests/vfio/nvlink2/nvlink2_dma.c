// SPDX-License-Identifier: GPL-2.0
/*
 * GPU RAM as a target of DMA: registration, TCEs and windows
 *
 * Most cases check the answers of the kernel. Where memory has to be there for
 * DMA, the GPU does some; see nvlink2_falcon.c for the ways of it.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest_harness.h"
#include "lib/fixture.h"

/* Bus addresses in the window that each container starts with */
#define IOVA		(64 * MIB)
#define RAM_IOVA	(128 * MIB)
#define CHUNK		0x10000

static void *anonymous(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

NVLINK2_FIXTURE(dma, nvlink2_prepare_dma);

/* The GPU finds this at an address for DMA, all ones when DMA is refused */
static uint64_t seen_by_gpu(struct falcon *falcon, uint64_t iova)
{
	uint64_t val = 0;

	if (falcon_read(falcon, FALCON_SYSTEM, iova, &val, sizeof(val)))
		return ~0ull;

	return val;
}

/* The default window is created when it is first needed, also by a removal */
static int forget_default_window(FIXTURE_DATA(dma) *self)
{
	return spapr_remove_window(&self->nvlink2.container, 0);
}

/* A failed window is not accounted as locked memory */
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

/* GPU RAM is registered by the address and the length of its mapping */
TEST_F_TIMEOUT(dma, ram_is_registered, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, ram);
	EXPECT_EQ(0, spapr_register(container, ram, MIB));
	EXPECT_EQ(0, spapr_map(container, RAM_IOVA, ram, MIB));
	EXPECT_EQ(0, spapr_unmap(container, RAM_IOVA, MIB));
	EXPECT_EQ(0, spapr_unregister(container, ram, MIB));
}

/* A mapping that begins later is not registered as if it began at 0 */
TEST_F_TIMEOUT(dma, ram_is_written_at_its_offset, NVLINK2_TIMEOUT)
{
	const uint64_t offset = 8 * MIB;
	const uint32_t val = 0x66666666;
	volatile uint32_t *ram;
	struct falcon falcon;

	NEED_TRAINED(self);
	ram = nvlink2_map_ram(&self->nvlink2, offset, MIB);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	NEED_FALCON(&falcon, &self->nvlink2.gpu);
	ram[0] = 0;
	ASSERT_EQ(0, spapr_map(&self->nvlink2.container, RAM_IOVA, ram, CHUNK));
	EXPECT_EQ(0, falcon_write(&falcon, FALCON_SYSTEM, RAM_IOVA, &val,
				  sizeof(val)));
	EXPECT_EQ(val, ram[0]);
	EXPECT_EQ(val, htole32(falcon_ram_load(&falcon, offset)));
	falcon_close(&falcon);
	EXPECT_EQ(0, spapr_unmap(&self->nvlink2.container, RAM_IOVA, CHUNK));
	munmap((void *)ram, MIB);
}

/* QEMU registers all of it at once, 128 GiB on a real machine */
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

/* An address where GPU RAM was mapped before is not registered any more */
TEST_F_TIMEOUT(dma, stale_address_cannot_be_mapped, NVLINK2_TIMEOUT)
{
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, munmap(ram, MIB));
	EXPECT_GT(0, spapr_map(&self->nvlink2.container, RAM_IOVA, ram, CHUNK));
}

/* A registration by the container does not outlive the mapping either */
TEST_F_TIMEOUT(dma, registered_stale_address, NVLINK2_TIMEOUT)
{
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, spapr_register(&self->nvlink2.container, ram, MIB));
	ASSERT_EQ(0, munmap(ram, MIB));
	EXPECT_GT(0, spapr_map(&self->nvlink2.container, RAM_IOVA, ram, CHUNK));
}

/* Other memory at such an address is not mistaken for GPU RAM */
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

/* Nobody is charged for what is unmapped while TCEs lead to it: it is bounded */
TEST_F_TIMEOUT(dma, few_left_behind, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	const int many = 4096;
	void *ram;
	int i;

	NEED_TRAINED(self);
	for (i = 0; i < many; i++) {
		ram = nvlink2_map_ram(&self->nvlink2, 0, CHUNK);
		if (ram == MAP_FAILED)
			break;
		ASSERT_EQ(0, spapr_map(container, RAM_IOVA + i * CHUNK, ram,
				       CHUNK));
		/* The next one is elsewhere */
		ASSERT_EQ(ram, mmap(ram, CHUNK, PROT_NONE, MAP_PRIVATE |
				    MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	}
	EXPECT_LT(i, many);
	EXPECT_EQ(ENOSPC, errno);

	while (i--)
		EXPECT_EQ(0, spapr_unmap(container, RAM_IOVA + i * CHUNK,
					 CHUNK));
	EXPECT_NE(MAP_FAILED, nvlink2_map_ram(&self->nvlink2, 0, CHUNK));
}

/* A registration does not outlive the last close of the GPU */
TEST_F_TIMEOUT(dma, no_mapping_after_close, NVLINK2_TIMEOUT)
{
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, spapr_register(&self->nvlink2.container, ram, MIB));
	munmap(ram, MIB);
	nvlink2_close_devices(&self->nvlink2);
	EXPECT_GT(0, spapr_map(&self->nvlink2.container, RAM_IOVA, ram, CHUNK));
}

/* Nor does one that the container of another group has made */
TEST_F_TIMEOUT(dma, no_mapping_after_close_elsewhere, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *stranger = nvlink2_stranger();
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	struct spapr_container other;

	NEED_TRAINED(self);
	if (!stranger)
		SKIP(return, "no second group of NVLink2 GPUs");

	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, spapr_open(&other, stranger->group));
	EXPECT_EQ(0, spapr_register(&other, ram, MIB));
	munmap(ram, MIB);
	nvlink2_close_devices(&self->nvlink2);
	EXPECT_GT(0, spapr_map(&other, RAM_IOVA, ram, CHUNK));
	spapr_close(&other);
}

/* The GPU cannot be opened again while TCEs lead to its RAM */
TEST_F_TIMEOUT(dma, gpu_stays_closed_while_mapped, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, spapr_map(container, RAM_IOVA, ram, CHUNK));
	munmap(ram, MIB);
	nvlink2_close_devices(&self->nvlink2);

	EXPECT_EQ(-EBUSY, nvlink2_open_devices(&self->nvlink2));
	nvlink2_close_devices(&self->nvlink2);
	EXPECT_EQ(0, spapr_unmap(container, RAM_IOVA, CHUNK));
	EXPECT_EQ(0, nvlink2_open_devices(&self->nvlink2));
}

/* Nor while TCEs of another container do */
TEST_F_TIMEOUT(dma, gpu_stays_closed_while_mapped_elsewhere, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *stranger = nvlink2_stranger();
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB), *page;
	struct spapr_container other;

	NEED_TRAINED(self);
	if (!stranger)
		SKIP(return, "no second group of NVLink2 GPUs");

	ASSERT_NE(MAP_FAILED, ram);
	page = anonymous(CHUNK);
	ASSERT_EQ(0, spapr_open(&other, stranger->group));
	/* The first registration is what enables a container */
	ASSERT_EQ(0, spapr_register(&other, page, CHUNK));
	EXPECT_EQ(0, spapr_map(&other, RAM_IOVA, ram, CHUNK));
	munmap(ram, MIB);
	nvlink2_close_devices(&self->nvlink2);

	EXPECT_EQ(-EBUSY, nvlink2_open_devices(&self->nvlink2));
	nvlink2_close_devices(&self->nvlink2);
	spapr_close(&other);
	EXPECT_EQ(0, nvlink2_open_devices(&self->nvlink2));
}

/* The log tells the administrator why the GPU cannot be opened */
TEST_F_TIMEOUT(dma, log_says_why_gpu_stays_closed, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	int log = watch_log_begin();

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, ram);
	if (log < 0)
		SKIP(return, "/dev/kmsg cannot be read");
	ASSERT_EQ(0, spapr_map(container, RAM_IOVA, ram, CHUNK));
	munmap(ram, MIB);
	nvlink2_close_devices(&self->nvlink2);

	ASSERT_EQ(-EBUSY, nvlink2_open_devices(&self->nvlink2));
	EXPECT_TRUE(watch_log_has(log, self->nvlink2.place->gpu));
	close(log);
	EXPECT_EQ(0, spapr_unmap(container, RAM_IOVA, CHUNK));
}

TEST_F_TIMEOUT(dma, mapped_memory_stays_registered, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	volatile void *buffer = self->mem;
	struct falcon falcon;

	NEED_FALCON(&falcon, &self->nvlink2.gpu);
	ASSERT_EQ(0, spapr_map(container, IOVA, buffer, MIB));
	EXPECT_EQ(-EBUSY, spapr_unregister(container, buffer, MIB));
	self->mem[CHUNK / 8] = NVLINK2_PATTERN;
	EXPECT_EQ(NVLINK2_PATTERN, seen_by_gpu(&falcon, IOVA + CHUNK));
	falcon_close(&falcon);
	EXPECT_EQ(0, spapr_unmap(container, IOVA, MIB));
	EXPECT_EQ(0, spapr_unregister(container, buffer, MIB));
}

TEST_F_TIMEOUT(dma, registered_once, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;

	EXPECT_EQ(-EBUSY, spapr_register(container, self->mem, MIB));
	EXPECT_EQ(-EINVAL, spapr_register(container, self->mem, MIB / 2));
}

/* A length of 0 is an error, but not worth a warning in the log */
TEST_F_TIMEOUT(dma, nothing_to_register, NVLINK2_TIMEOUT)
{
	EXPECT_GT(0, spapr_register(&self->nvlink2.container, self->mem, 0));
	EXPECT_GT(0, spapr_unregister(&self->nvlink2.container, self->mem, 0));
}

/* A range whose second page is not there is refused with an errno */
TEST_F_TIMEOUT(dma, nothing_behind_the_first_page, NVLINK2_TIMEOUT)
{
	uint8_t *memory = anonymous(2 * CHUNK);

	ASSERT_NE(MAP_FAILED, (void *)memory);
	munmap(memory + CHUNK, CHUNK);
	errno = 0;
	EXPECT_EQ(-EFAULT, spapr_register(&self->nvlink2.container, memory,
					  2 * CHUNK));
	EXPECT_EQ(-ENOENT, spapr_unregister(&self->nvlink2.container, memory,
					    2 * CHUNK));
	munmap(memory, CHUNK);
}

TEST_F_TIMEOUT(dma, locked_memory_is_given_back, NVLINK2_TIMEOUT)
{
	long before = watch_status("VmLck");
	void *memory = anonymous(MIB);

	ASSERT_EQ(0, spapr_register(&self->nvlink2.container, memory, MIB));
	EXPECT_EQ(before + (long)MIB / 1024, watch_status("VmLck"));
	ASSERT_EQ(0, spapr_unregister(&self->nvlink2.container, memory, MIB));
	EXPECT_EQ(before, watch_status("VmLck"));
}

/* GPU RAM is not pinned, so it is not accounted as locked memory */
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
		_exit(-spapr_register(&self->nvlink2.container, self->mem,
				      MIB));
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

/* A mapping that begins in the window has to end there as well */
TEST_F_TIMEOUT(dma, longer_than_window, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint64_t size;

	ASSERT_EQ(0, spapr_default_window(container, &size));
	EXPECT_EQ(-EINVAL, spapr_map(container, size - CHUNK, self->mem,
				     2 * CHUNK));
	EXPECT_EQ(0, spapr_map(container, size - CHUNK, self->mem, CHUNK));
	EXPECT_EQ(-EINVAL, spapr_unmap(container, size - CHUNK, 2 * CHUNK));
	EXPECT_EQ(0, spapr_unmap(container, size - CHUNK, CHUNK));
}

/* VFIO_IOMMU_UNMAP_DMA returns an errno or 0, never 1 */
TEST_F_TIMEOUT(dma, unmap_not_aligned, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;

	EXPECT_EQ(-EINVAL, spapr_unmap(container, IOVA + 1, CHUNK));
	EXPECT_EQ(-EINVAL, spapr_unmap(container, IOVA, CHUNK + 1));
	EXPECT_EQ(0, spapr_unmap(container, IOVA, CHUNK));
}

/*
 * A container can map what another one of the process has registered. The memory
 * stays when that one is closed, and goes with the last TCE.
 */
TEST_F_TIMEOUT(dma, registered_by_a_closed_container, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	struct spapr_container other;
	uint64_t *memory = anonymous(MIB);
	struct falcon falcon;
	long before, tables;

	if (nvlink2_other_group() < 0)
		SKIP(return, "no device of another kind: --other names one");

	ASSERT_NE(MAP_FAILED, (void *)memory);
	NEED_FALCON(&falcon, &self->nvlink2.gpu);
	memory[0] = NVLINK2_PATTERN;
	/* Creates the default window, which is accounted as well */
	ASSERT_EQ(0, spapr_map(container, RAM_IOVA, self->mem, CHUNK));
	before = watch_status("VmLck");
	ASSERT_EQ(0, spapr_open(&other, nvlink2_other_group()));
	ASSERT_EQ(0, spapr_register(&other, memory, MIB));
	tables = watch_status("VmLck") - before - (long)MIB / 1024;
	ASSERT_EQ(0, spapr_map(container, IOVA, memory, CHUNK));
	spapr_close(&other);
	EXPECT_EQ(before + (long)MIB / 1024, watch_status("VmLck"))
		TH_LOG("tables: %ld kB", tables);
	EXPECT_EQ(NVLINK2_PATTERN, seen_by_gpu(&falcon, IOVA));
	falcon_close(&falcon);
	EXPECT_GT(0, spapr_map(container, IOVA + CHUNK, memory, CHUNK));
	EXPECT_EQ(0, spapr_unmap(container, IOVA, CHUNK));
	EXPECT_EQ(before, watch_status("VmLck"));
	EXPECT_EQ(0, munmap(memory, MIB));
}

TEST_F_TIMEOUT(dma, longer_than_mapping, NVLINK2_TIMEOUT)
{
	uint8_t *ram = mmap(NULL, 2 * MIB, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	ASSERT_EQ(ram, mmap(ram, MIB, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED, self->nvlink2.gpu.fd,
			    self->nvlink2.ram.offset));
	EXPECT_GT(0, spapr_map(&self->nvlink2.container, RAM_IOVA,
			       ram + MIB - CHUNK, 2 * CHUNK));
	/* The part that would have fitted is not left mapped */
	munmap(ram, MIB);
	nvlink2_close_devices(&self->nvlink2);
	EXPECT_EQ(0, nvlink2_open_devices(&self->nvlink2));
}

/* GPU RAM is not made a target of DMA while the links are down */
TEST_F_TIMEOUT(dma, only_while_links_are_up, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, spapr_register(container, ram, MIB));
	ASSERT_EQ(0, spapr_map(container, RAM_IOVA, ram, CHUNK));
	ASSERT_EQ(0, vfio_dev_reset(&self->nvlink2.gpu));
	EXPECT_EQ(-EIO, spapr_map(container, RAM_IOVA + MIB, ram, CHUNK));
	NEED_LINKS(nvlink2_train(&self->nvlink2));
	EXPECT_EQ(0, spapr_map(container, RAM_IOVA + 2 * MIB, ram, CHUNK));

	/* The GPU can be opened again, as nothing is left of what failed */
	EXPECT_EQ(0, spapr_unmap(container, RAM_IOVA, CHUNK));
	EXPECT_EQ(0, spapr_unmap(container, RAM_IOVA + 2 * MIB, CHUNK));
	munmap(ram, MIB);
	nvlink2_close_devices(&self->nvlink2);
	EXPECT_EQ(0, nvlink2_open_devices(&self->nvlink2));
}

/* Windows can be removed in any order, and all errors are errnos */
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

/* Of two windows one goes, and the other one is what remains, for PHB and NPU */
TEST_F_TIMEOUT(dma, other_window_remains, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	struct falcon falcon;
	uint64_t start;

	ASSERT_EQ(0, spapr_map(container, IOVA, self->mem, MIB));
	ASSERT_EQ(0, spapr_create_window(container, 16, 256 * MIB, 1, &start));
	ASSERT_NE(0, start);
	ASSERT_EQ(0, spapr_remove_window(container, start));

	NEED_FALCON(&falcon, &self->nvlink2.gpu);
	self->mem[0] = NVLINK2_PATTERN;
	EXPECT_EQ(NVLINK2_PATTERN, seen_by_gpu(&falcon, IOVA));
	if (self->nvlink2.trained) {
		falcon_route(&falcon, falcon_active_links(&falcon));
		EXPECT_EQ(NVLINK2_PATTERN, seen_by_gpu(&falcon, IOVA));
	}
	falcon_close(&falcon);
}

/* A window smaller than a page is refused, not rounded up */
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
 * A shift by the whole register size or more is undefined. Without a check the
 * window is refused as well, but only later, and UBSAN reports the shift.
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

/* A group offers the page sizes that both its NPU and its PHB support */
TEST_F_TIMEOUT(dma, page_sizes_of_both, NVLINK2_TIMEOUT)
{
	uint64_t sizes, start;

	ASSERT_EQ(0, spapr_page_sizes(&self->nvlink2.container, &sizes));
	EXPECT_EQ(0, sizes & ~(1ull << 12 | 1ull << 16));
	EXPECT_EQ(-EINVAL, spapr_create_window(&self->nvlink2.container, 21,
					       1024 * MIB, 1, &start));
}

NVLINK2_MAIN()
