// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of the RAM of an NVLink2 GPU: bounds, moves, splits, forks
 *
 * The links are up if they can be trained, and in all cases that access the RAM.
 * For accesses while they are down see nvlink2_reset.c and nvlink2_panic.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "../../kselftest_harness.h"
#include "lib/fixture.h"

NVLINK2_FIXTURE(mapping, nvlink2_prepare_any);

static size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static void *try_map(FIXTURE_DATA(mapping) *self, uint64_t offset, size_t size)
{
	return nvlink2_map_ram(&self->nvlink2, offset, size);
}

static void *try_map_at_end(FIXTURE_DATA(mapping) *self, int64_t distance,
			    size_t size)
{
	return try_map(self, self->nvlink2.ram.size + distance, size);
}

TEST_F_TIMEOUT(mapping, first_page, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram = try_map(self, 0, page_size());

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	EXPECT_EQ(0, watch_store(ram, 0x0123456789abcdef));
	EXPECT_EQ(0x0123456789abcdef, *ram);
}

TEST_F_TIMEOUT(mapping, whole_region, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram = try_map(self, 0, self->nvlink2.ram.size);

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	EXPECT_EQ(0, watch_store(&ram[MIB / 8], 0x55aa));
	EXPECT_EQ(0x55aa, ram[MIB / 8]);
}

/* Not accessed: the aperture is larger than the RAM */
TEST_F_TIMEOUT(mapping, last_page, NVLINK2_TIMEOUT)
{
	EXPECT_NE(MAP_FAILED, try_map_at_end(self, -page_size(), page_size()));
}

/* The RAM of another GPU may follow in the physical address space */
TEST_F_TIMEOUT(mapping, past_the_end, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(MAP_FAILED, try_map_at_end(self, 0, page_size()));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F_TIMEOUT(mapping, across_the_end, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(MAP_FAILED, try_map_at_end(self, -page_size(),
					     2 * page_size()));
	EXPECT_EQ(EINVAL, errno);
}

/* At the largest offset of a region */
TEST_F_TIMEOUT(mapping, far_past_the_end, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(MAP_FAILED, try_map(self, (1ull << 40) - page_size(),
				      page_size()));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F_TIMEOUT(mapping, larger_than_the_region, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(MAP_FAILED,
		  try_map(self, 0, self->nvlink2.ram.size + page_size()));
	EXPECT_EQ(EINVAL, errno);
}

static void *map_fixed(struct vfio_dev *dev, struct vfio_region *region,
		       void *addr)
{
	return mmap(addr, 2 * MIB, PROT_READ, MAP_SHARED | MAP_FIXED, dev->fd,
		    region->offset);
}

/* A fixed address that is not page aligned is refused, not adjusted */
TEST_F_TIMEOUT(mapping, fixed_address_is_not_aligned, NVLINK2_TIMEOUT)
{
	struct vfio_dev *gpu = &self->nvlink2.gpu;
	struct vfio_region bar;
	uint8_t *place;

	place = mmap(NULL, 4 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	ASSERT_NE(MAP_FAILED, (void *)place);
	EXPECT_EQ(MAP_FAILED, map_fixed(gpu, &self->nvlink2.ram, place + 1));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, vfio_region_get(gpu, VFIO_PCI_BAR0_REGION_INDEX, &bar));
	EXPECT_EQ(MAP_FAILED, map_fixed(gpu, &bar, place + 1));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F_TIMEOUT(mapping, private, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE,
				   self->nvlink2.gpu.fd,
				   self->nvlink2.ram.offset));
	EXPECT_EQ(EINVAL, errno);
}

/* The CPU's view of the offset; for the registration see nvlink2_dma.c */
TEST_F_TIMEOUT(mapping, offset_is_where_it_says, NVLINK2_TIMEOUT)
{
	uint64_t offset = 2 * MIB + page_size(), val = 0;
	volatile uint64_t *part;

	NEED_TRAINED(self);
	part = try_map(self, offset, page_size());
	ASSERT_NE(MAP_FAILED, (void *)part);
	*part = 0xfeed;
	if (pread(self->nvlink2.gpu.fd, &val, sizeof(val),
		  self->nvlink2.ram.offset + offset) < 0)
		SKIP(return, "the region is for mapping only");
	EXPECT_EQ(0xfeed, val);
}

/* A region can be mapped again after it was unmapped */
TEST_F_TIMEOUT(mapping, map_again, NVLINK2_TIMEOUT)
{
	void *ram;
	int i;

	for (i = 0; i < 4; i++) {
		ram = try_map(self, i * MIB, MIB);
		ASSERT_NE(MAP_FAILED, ram);
		EXPECT_EQ(0, munmap(ram, MIB));
	}
}

TEST_F_TIMEOUT(mapping, several_at_once, NVLINK2_TIMEOUT)
{
	volatile uint64_t *one = try_map(self, 0, MIB);
	volatile uint64_t *two = try_map(self, 0, MIB);
	volatile uint64_t *other = try_map(self, 8 * MIB, MIB);

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, (void *)one);
	ASSERT_NE(MAP_FAILED, (void *)two);
	ASSERT_NE(MAP_FAILED, (void *)other);

	one[7] = 7;
	EXPECT_EQ(7, two[7]);
	EXPECT_EQ(0, munmap((void *)one, MIB));
	EXPECT_EQ(0, watch_store(&two[7], 8));
	EXPECT_EQ(0, watch_store(&other[7], 9));
}

/* A failed mmap() leaves no state behind */
TEST_F_TIMEOUT(mapping, map_after_failure, NVLINK2_TIMEOUT)
{
	void *page;

	page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, spapr_register(&self->nvlink2.container, page,
				    page_size()));
	ASSERT_EQ(0, munmap(page, page_size()));

	/* The address is still registered, so it cannot become GPU RAM */
	EXPECT_EQ(MAP_FAILED,
		  mmap(page, page_size(), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, self->nvlink2.gpu.fd,
		       self->nvlink2.ram.offset));

	EXPECT_EQ(0, spapr_unregister(&self->nvlink2.container, page,
				      page_size()));
	EXPECT_NE(MAP_FAILED, try_map(self, 0, page_size()));
}

/* The registration for DMA would keep the old address */
TEST_F_TIMEOUT(mapping, move_is_refused, NVLINK2_TIMEOUT)
{
	void *ram = try_map(self, 0, MIB), *place;

	ASSERT_NE(MAP_FAILED, ram);
	place = mmap(NULL, MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, place);
	EXPECT_EQ(MAP_FAILED, mremap(ram, MIB, MIB,
				     MREMAP_MAYMOVE | MREMAP_FIXED, place));
	EXPECT_EQ(EINVAL, errno);
	if (self->nvlink2.trained)
		EXPECT_EQ(0, watch_store(ram, 1));
}

TEST_F_TIMEOUT(mapping, hole_is_refused, NVLINK2_TIMEOUT)
{
	uint8_t *ram = try_map(self, 0, MIB);

	ASSERT_NE(MAP_FAILED, (void *)ram);
	EXPECT_EQ(-1, munmap(ram + MIB / 2, page_size()));
	EXPECT_EQ(EINVAL, errno);
	if (self->nvlink2.trained)
		EXPECT_EQ(0, watch_store(ram + MIB / 2, 1));
	EXPECT_EQ(0, munmap(ram, MIB));
}

/* Shrinking splits a mapping as well */
TEST_F_TIMEOUT(mapping, shrinking_is_refused, NVLINK2_TIMEOUT)
{
	void *ram = try_map(self, 0, MIB);

	ASSERT_NE(MAP_FAILED, ram);
	EXPECT_EQ(MAP_FAILED, mremap(ram, MIB, MIB / 2, 0));
}

/* Refused because of VM_DONTEXPAND and VM_PFNMAP */
TEST_F_TIMEOUT(mapping, growth_is_refused, NVLINK2_TIMEOUT)
{
	void *ram = try_map(self, 0, MIB);

	ASSERT_NE(MAP_FAILED, ram);
	EXPECT_EQ(MAP_FAILED, mremap(ram, MIB, 2 * MIB, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
}

/* An old length of 0 asks for a second mapping of the same range */
TEST_F_TIMEOUT(mapping, duplicate_is_refused, NVLINK2_TIMEOUT)
{
	void *ram = try_map(self, 0, MIB);

	ASSERT_NE(MAP_FAILED, ram);
	EXPECT_EQ(MAP_FAILED, mremap(ram, 0, MIB, MREMAP_MAYMOVE));
}

TEST_F_TIMEOUT(mapping, protection_of_a_part_is_refused, NVLINK2_TIMEOUT)
{
	void *ram = try_map(self, 0, MIB);

	ASSERT_NE(MAP_FAILED, ram);
	EXPECT_EQ(-1, mprotect(ram, MIB / 2, PROT_READ));
}

TEST_F_TIMEOUT(mapping, protection_of_the_whole, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram = try_map(self, 0, MIB);
	uint64_t val;

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	*ram = 0x1234;
	ASSERT_EQ(0, mprotect((void *)ram, MIB, PROT_READ));
	EXPECT_EQ(SIGSEGV, watch_store(ram, 1));
	EXPECT_EQ(0, watch_load(ram, &val));
	EXPECT_EQ(0x1234, val);
}

/* A child with a copy of the mapping would keep the GPU open */
TEST_F_TIMEOUT(mapping, not_inherited_by_fork, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram = try_map(self, 0, page_size());

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	*ram = 1;
	EXPECT_EQ(SIGSEGV, watch_load_in_child(ram));
}

/* Nor can a program ask for a copy */
TEST_F_TIMEOUT(mapping, dofork_is_refused, NVLINK2_TIMEOUT)
{
	void *ram = try_map(self, 0, page_size());

	ASSERT_NE(MAP_FAILED, ram);
	if (madvise(ram, page_size(), MADV_NORMAL))
		SKIP(return, "no madvise()");
	EXPECT_EQ(-1, madvise(ram, page_size(), MADV_DOFORK));
	EXPECT_EQ(EINVAL, errno);
}

/* The GPU can be opened again while a child of its last user is alive */
TEST_F_TIMEOUT(mapping, child_does_not_hold_the_gpu, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram = try_map(self, 0, page_size());
	int child, done[2], closed[2];
	char byte = 0;

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	*ram = 1;
	ASSERT_EQ(0, pipe(done));
	ASSERT_EQ(0, pipe(closed));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		nvlink2_close(&self->nvlink2);
		write(closed[1], &byte, 1);
		close(done[1]);
		read(done[0], &byte, 1);
		_exit(0);
	}

	close(done[0]);
	close(closed[1]);
	munmap((void *)ram, page_size());
	nvlink2_close(&self->nvlink2);
	/* The group is busy until the child has closed its descriptors */
	EXPECT_EQ(1, read(closed[0], &byte, 1));
	close(closed[0]);
	EXPECT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
	close(done[1]);
	EXPECT_EQ(0, watch_child(child));
}

/* A core dump does not contain the GPU RAM, which has an aperture of 128 GiB */
TEST_F_TIMEOUT(mapping, not_in_core_dumps, NVLINK2_TIMEOUT)
{
	void *ram = try_map(self, 0, page_size());

	ASSERT_NE(MAP_FAILED, ram);
	EXPECT_TRUE(watch_vm_flag(ram, "dd"));
	EXPECT_TRUE(watch_vm_flag(ram, "io"));
	EXPECT_EQ(-1, madvise(ram, page_size(), MADV_DODUMP));
}

/* Pages without struct page cannot be pinned, so ptrace does not reach them */
TEST_F_TIMEOUT(mapping, not_readable_by_ptrace, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram = try_map(self, 0, page_size());
	int mem = open("/proc/self/mem", O_RDWR);
	uint64_t val = 0;

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	ASSERT_LE(0, mem);
	*ram = 0x77;
	EXPECT_EQ(-1, pread(mem, &val, sizeof(val), (uintptr_t)ram));
	EXPECT_EQ(0, val);
	close(mem);
}

/* The kernel can copy to GPU RAM on behalf of its user */
TEST_F_TIMEOUT(mapping, target_of_a_system_call, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram = try_map(self, 0, page_size());
	uint64_t val = 0x99;
	int pipes[2];

	NEED_TRAINED(self);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(8, write(pipes[1], &val, sizeof(val)));
	EXPECT_EQ(8, read(pipes[0], (void *)ram, sizeof(val)));
	EXPECT_EQ(0x99, *ram);
	close(pipes[0]);
	close(pipes[1]);
}

NVLINK2_MAIN()
