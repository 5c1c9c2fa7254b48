// SPDX-License-Identifier: GPL-2.0
/*
 * Huge mappings of the RAM of an NVLink2 GPU
 *
 * The kernel uses the largest pages for which the address and the offset of a
 * mapping are congruent. Most cases here are run three times, with mappings for
 * which these are pages of 1 GiB, of 2 MiB and of the smallest size.
 */
#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <linux/pci_regs.h>

#include "../../kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/kvm.h"

#define SIZE		(2 * GIB)
#define SMALLEST	0x10000
/* In the window that each container starts with */
#define IOVA		(64 * MIB)

static void *map_at(struct nvlink2 *nvlink2, uint64_t shift)
{
	return nvlink2_map_ram_shifted(nvlink2, 0, SIZE, shift);
}

#define NEED_GIGABYTES(self)						\
	do {								\
		if (nvlink2_ram_size(&(self)->nvlink2) < SIZE)		\
			SKIP(return, "less than 2 GiB of GPU RAM");	\
	} while (0)

static long count_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

/* The number of faults of a store to each page of the smallest size */
static long faults_of_range(volatile uint8_t *ram, size_t size)
{
	long before;
	size_t at;

	count_faults();
	before = count_faults();
	for (at = 0; at < size; at += SMALLEST)
		ram[at] = NVLINK2_PATTERN & 0xff;

	return count_faults() - before;
}

NVLINK2_FIXTURE(anywhere, nvlink2_prepare_trained);

/* The pages are as large as address and offset of the mapping allow */
TEST_F_TIMEOUT(anywhere, address_suits, NVLINK2_TIMEOUT)
{
	static const struct {
		uint64_t offset, size;
		long faults;
	} maps[] = {
		{ 0, GIB, 1 },
		{ GIB, GIB, 1 },
		{ 2 * MIB, GIB, 512 },
		{ 0, 64 * MIB, 32 },
		{ 2 * MIB, 64 * MIB, 32 },
		{ GIB - 2 * MIB, 4 * MIB, 2 },
		/* 2 MiB and 1 GiB without their first pages, and 1 GiB */
		{ SMALLEST, SIZE - SMALLEST, 31 + 511 + 1 },
	};
	unsigned int i;
	void *ram;

	NEED_GIGABYTES(self);
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		ram = nvlink2_map_ram(&self->nvlink2, maps[i].offset,
				      maps[i].size);
		ASSERT_NE(MAP_FAILED, ram);
		EXPECT_EQ(maps[i].faults, faults_of_range(ram, maps[i].size))
			TH_LOG("mapping %u", i);
		munmap(ram, maps[i].size);
	}
}

/*
 * A memory slot that is smaller than the page of 1 GiB behind it: the guest gets
 * pages of 2 MiB.
 */
TEST_F_TIMEOUT(anywhere, slot_within_a_gigabyte, NVLINK2_TIMEOUT)
{
	const uint64_t gpa = 0x200000000000, size = GIB - 2 * MIB;
	struct kvm_guest guest;
	struct kvm_vcpu vcpu;
	uint64_t val = 0;
	uint8_t *ram;

	NEED_GIGABYTES(self);
	if (kvm_guest_open(&guest))
		SKIP(return, "no HV KVM");
	ASSERT_EQ(0, kvm_vcpu_open(&guest, &vcpu));
	if (kvm_guest_statistic("num_2M_pages") < 0)
		SKIP(return, "debugfs has no guests");

	ram = nvlink2_map_ram(&self->nvlink2, 0, SIZE);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	ASSERT_EQ(0, watch_store(ram + 4 * MIB + SMALLEST, NVLINK2_PATTERN));
	ASSERT_EQ(0, kvm_guest_memory(&guest, 1, gpa, ram, size));
	EXPECT_EQ(0, kvm_vcpu_load(&vcpu, gpa + 4 * MIB + SMALLEST, &val));
	EXPECT_EQ(NVLINK2_PATTERN, val);
	EXPECT_EQ(1, kvm_guest_statistic("num_2M_pages"));
	EXPECT_EQ(0, kvm_guest_statistic("num_1G_pages"));
	EXPECT_NE(0, kvm_vcpu_load(&vcpu, gpa + size, &val));

	/* The whole GiB is one page */
	ASSERT_EQ(0, kvm_guest_memory(&guest, 2, gpa + GIB, ram + GIB, GIB));
	EXPECT_EQ(0, kvm_vcpu_load(&vcpu, gpa + GIB, &val));
	EXPECT_EQ(1, kvm_guest_statistic("num_1G_pages"));

	kvm_vcpu_close(&vcpu);
	kvm_guest_close(&guest);
	munmap(ram, SIZE);
}

/* The kernel uses an address that it is asked for, whatever pages fit there */
TEST_F_TIMEOUT(anywhere, address_asked_for, NVLINK2_TIMEOUT)
{
	uint8_t *place = mmap(NULL, SIZE + 2 * GIB, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			      0);

	ASSERT_NE(MAP_FAILED, (void *)place);
	munmap(place, SIZE + 2 * GIB);
	place += GIB - (uintptr_t)place % GIB + SMALLEST;
	EXPECT_EQ((void *)place,
		  mmap(place, SIZE, PROT_READ, MAP_SHARED,
		       self->nvlink2.gpu.fd, self->nvlink2.ram.offset));
}

/* One fault for each GiB */
TEST_F_TIMEOUT(anywhere, two_faults, NVLINK2_TIMEOUT)
{
	void *ram;

	NEED_GIGABYTES(self);
	ram = nvlink2_map_ram(&self->nvlink2, 0, SIZE);
	ASSERT_NE(MAP_FAILED, ram);
	EXPECT_EQ(2, faults_of_range(ram, SIZE));
	EXPECT_EQ(0, faults_of_range(ram, SIZE));
	munmap(ram, SIZE);
}

/* Mappings with different page sizes show the same RAM */
TEST_F_TIMEOUT(anywhere, each_size_shows_the_same, NVLINK2_TIMEOUT)
{
	static const uint64_t shifts[] = { 0, 2 * MIB, SMALLEST };
	static const uint64_t places[] = { 0, SMALLEST - 8, GIB - 8,
					   GIB + SMALLEST };
	volatile uint8_t *ram[ARRAY_SIZE(shifts)];
	unsigned int i, j, k;
	uint64_t val;

	NEED_GIGABYTES(self);
	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		ram[i] = map_at(&self->nvlink2, shifts[i]);
		ASSERT_NE(MAP_FAILED, (void *)ram[i]);
	}
	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		for (j = 0; j < ARRAY_SIZE(places); j++) {
			val = 0x1000 * i + j + 1;
			ASSERT_EQ(0, watch_store(ram[i] + places[j], val));
			for (k = 0; k < ARRAY_SIZE(shifts); k++)
				EXPECT_EQ(val, *(volatile uint64_t *)
					       (ram[k] + places[j]));
		}
	}
	for (i = 0; i < ARRAY_SIZE(shifts); i++)
		munmap((void *)ram[i], SIZE);
}

/* A mapping with each page size, accessed at its beginning, middle and end */
FIXTURE(huge)
{
	struct nvlink2 nvlink2;
	volatile uint8_t *ram;
	int log;
};

FIXTURE_VARIANT(huge)
{
	uint64_t shift;
	uint64_t unit;
	uint64_t walk;	/* bytes that are loaded page by page */
};

FIXTURE_VARIANT_ADD(huge, gigabytes)
	{ .shift = 0, .unit = GIB, .walk = SIZE };
FIXTURE_VARIANT_ADD(huge, megabytes)
	{ .shift = 2 * MIB, .unit = 2 * MIB, .walk = 256 * MIB };
FIXTURE_VARIANT_ADD(huge, small)
	{ .shift = SMALLEST, .unit = 0, .walk = 16 * MIB };

static void *at(FIXTURE_DATA(huge) *self, unsigned int which)
{
	static const uint64_t places[] = { 0, GIB - SMALLEST, SIZE - 8 };

	return (void *)(self->ram + places[which % ARRAY_SIZE(places)]);
}

#define PLACES		3

FIXTURE_SETUP(huge)
{
	volatile uint64_t *none;
	unsigned int i;

	NEED_GPU();
	self->log = watch_log_begin();
	NEED_LINKS(nvlink2_prepare_trained(&self->nvlink2, &none));
	NEED_GIGABYTES(self);
	self->ram = map_at(&self->nvlink2, variant->shift);
	ASSERT_NE(MAP_FAILED, (void *)self->ram);
	for (i = 0; i < PLACES; i++)
		ASSERT_EQ(0, watch_store(at(self, i), NVLINK2_PATTERN + i));
}

FIXTURE_TEARDOWN(huge)
{
	munmap((void *)self->ram, SIZE);
	nvlink2_close(&self->nvlink2);
	EXPECT_QUIET_LOG(self->log);
}

static int touch_all(FIXTURE_DATA(huge) *self)
{
	unsigned int i;
	int signal = 0;

	for (i = 0; i < PLACES && !signal; i++)
		signal = watch_store(at(self, i), NVLINK2_PATTERN + i);

	return signal;
}

/* The signal that all accesses raise, or -1 when they differ */
static int signal_of_all(FIXTURE_DATA(huge) *self)
{
	int signal = watch_store(at(self, 0), 1);
	unsigned int i;

	for (i = 1; i < PLACES; i++) {
		if (watch_store(at(self, i), 1) != signal)
			return -1;
	}

	return signal;
}

static long faults_of_all(FIXTURE_DATA(huge) *self)
{
	long faults = 0;
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		faults += watch_faults(at(self, i));

	return faults;
}

/* A training procedure removes all mappings, and the last one leaves links up */
static int remove_mappings(struct nvlink2 *nvlink2)
{
	return nvlink2_run_procedure(&nvlink2->bridge[0],
				     NVLINK2_CHECK_CREDITS);
}

TEST_F_TIMEOUT(huge, faults, NVLINK2_TIMEOUT)
{
	uint64_t unit = variant->unit ?: (uint64_t)sysconf(_SC_PAGESIZE);

	ASSERT_EQ(0, remove_mappings(&self->nvlink2));
	EXPECT_EQ(variant->walk / unit,
		  faults_of_range(self->ram, variant->walk));
	EXPECT_EQ(0, faults_of_range(self->ram, variant->walk));
}

/* GPU RAM over NVLink does not depend on the BARs */
TEST_F_TIMEOUT(huge, memory_disabled, NVLINK2_TIMEOUT)
{
	struct vfio_dev *gpu = &self->nvlink2.gpu;
	uint32_t command = vfio_config_read(gpu, PCI_COMMAND, 2);

	EXPECT_EQ(0, faults_of_all(self));
	ASSERT_EQ(0, vfio_config_write(gpu, PCI_COMMAND, 2,
				       command & ~PCI_COMMAND_MEMORY));
	EXPECT_EQ(0, faults_of_all(self));
	EXPECT_EQ(0, touch_all(self));
	ASSERT_EQ(0, remove_mappings(&self->nvlink2));
	EXPECT_LT(0, faults_of_all(self));
	EXPECT_EQ(0, touch_all(self));
	ASSERT_EQ(0, vfio_config_write(gpu, PCI_COMMAND, 2, command));
}

TEST_F_TIMEOUT(huge, reset, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(0, faults_of_all(self));
	ASSERT_EQ(0, vfio_dev_reset(&self->nvlink2.gpu));
	NEED_LINKS(nvlink2_train(&self->nvlink2));
	EXPECT_LT(0, faults_of_all(self));
	EXPECT_EQ(0, touch_all(self));
}

/* mprotect() leaves a mapping that can be removed and faulted in again */
TEST_F_TIMEOUT(huge, protection_of_the_whole, NVLINK2_TIMEOUT)
{
	uint64_t val = 0;

	ASSERT_EQ(0, mprotect((void *)self->ram, SIZE, PROT_READ));
	EXPECT_EQ(SIGSEGV, signal_of_all(self));
	EXPECT_EQ(0, watch_load(at(self, 1), &val));
	EXPECT_EQ(NVLINK2_PATTERN + 1, val);

	ASSERT_EQ(0, remove_mappings(&self->nvlink2));
	EXPECT_EQ(0, watch_load(at(self, 1), &val));
	EXPECT_EQ(NVLINK2_PATTERN + 1, val);
	ASSERT_EQ(0, mprotect((void *)self->ram, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, touch_all(self));
}

/* The mapping is not removed between PROT_NONE and back */
TEST_F_TIMEOUT(huge, no_protection_and_back, NVLINK2_TIMEOUT)
{
	uint64_t val = 0;

	ASSERT_EQ(0, mprotect((void *)self->ram, SIZE, PROT_NONE));
	EXPECT_EQ(SIGSEGV, signal_of_all(self));
	ASSERT_EQ(0, mprotect((void *)self->ram, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, watch_load(at(self, 2), &val));
	EXPECT_EQ(NVLINK2_PATTERN + 2, val);
	EXPECT_EQ(0, touch_all(self));
}

TEST_F_TIMEOUT(huge, parts_are_refused, NVLINK2_TIMEOUT)
{
	uint8_t *ram = (uint8_t *)self->ram;

	EXPECT_EQ(-1, munmap(ram + GIB, SMALLEST));
	EXPECT_EQ(-1, mprotect(ram, GIB, PROT_READ));
	EXPECT_EQ(MAP_FAILED, mremap(ram, SIZE, GIB, 0));
	EXPECT_EQ(MAP_FAILED, mremap(ram, SIZE, 2 * SIZE, MREMAP_MAYMOVE));
	EXPECT_EQ(0, faults_of_all(self));
}

/* Registered as a whole, mapped in the middle of a page: DMA gets there */
TEST_F_TIMEOUT(huge, target_of_dma, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	const uint64_t offset = GIB + 512 * MIB + SMALLEST;
	const uint32_t val = 0x77777777;
	uint8_t *ram = (uint8_t *)self->ram;
	struct falcon falcon;

	NEED_FALCON(&falcon, &self->nvlink2.gpu);
	ASSERT_EQ(0, spapr_register(container, ram, SIZE));
	ASSERT_EQ(0, spapr_map(container, IOVA, ram + offset, SMALLEST));
	EXPECT_EQ(0, falcon_write(&falcon, FALCON_SYSTEM, IOVA, &val,
				  sizeof(val)));
	EXPECT_EQ(val, *(volatile uint32_t *)(ram + offset));
	EXPECT_EQ(val, htole32(falcon_ram_load(&falcon, offset)));
	falcon_close(&falcon);
	EXPECT_EQ(0, spapr_unmap(container, IOVA, SMALLEST));
	EXPECT_EQ(0, spapr_unregister(container, ram, SIZE));
}

TEST_F_TIMEOUT(huge, unmapped_and_mapped_again, NVLINK2_TIMEOUT)
{
	uint64_t val = 0;

	ASSERT_EQ(0, munmap((void *)self->ram, SIZE));
	EXPECT_EQ(SIGSEGV, watch_load(at(self, 0), &val));
	self->ram = map_at(&self->nvlink2, variant->shift);
	ASSERT_NE(MAP_FAILED, (void *)self->ram);
	EXPECT_EQ(0, watch_load(at(self, 2), &val));
	EXPECT_EQ(NVLINK2_PATTERN + 2, val);
}

TEST_F_TIMEOUT(huge, not_inherited_by_fork, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(SIGSEGV, watch_load_in_child(at(self, 0)));
	EXPECT_EQ(SIGSEGV, watch_load_in_child(at(self, 2)));
	EXPECT_EQ(0, faults_of_all(self));
}

/*
 * GPU RAM has no struct page. Neither the page table walk without locks, as for
 * a futex, nor the one with locks may look for it.
 */
TEST_F_TIMEOUT(huge, no_pages_to_be_pinned, NVLINK2_TIMEOUT)
{
	char path[] = "/proc/self/mem";
	uint64_t val = 0;
	FILE *mem;

	EXPECT_EQ(-1, syscall(SYS_futex, at(self, 1), FUTEX_WAKE, 1, NULL, NULL,
			      0));
	EXPECT_EQ(EFAULT, errno);

	mem = fopen(path, "re");
	ASSERT_NE(NULL, mem);
	EXPECT_EQ(-1, pread(fileno(mem), &val, sizeof(val),
			    (uintptr_t)at(self, 1)));
	EXPECT_EQ(0, val);
	fclose(mem);
}

static void read_all(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		;
	if (file)
		fclose(file);
}

/* Other page table walkers leave the mapping alone */
TEST_F_TIMEOUT(huge, walked_for_statistics, NVLINK2_TIMEOUT)
{
	static const int advice[] = { MADV_COLD, MADV_PAGEOUT, MADV_DONTNEED,
				      MADV_WILLNEED, MADV_POPULATE_READ };
	unsigned char resident[2];
	unsigned int i;

	watch_vm_flag(self->ram, "io");
	read_all("/proc/self/smaps_rollup");
	read_all("/proc/self/numa_maps");
	watch_page(self->ram);
	mincore((void *)self->ram, sizeof(resident) * sysconf(_SC_PAGESIZE),
		resident);
	syscall(SYS_mbind, self->ram, SIZE, MPOL_PREFERRED, NULL, 0,
		MPOL_MF_MOVE | MPOL_MF_STRICT);
	for (i = 0; i < ARRAY_SIZE(advice); i++)
		madvise((void *)self->ram, SIZE, advice[i]);
	EXPECT_EQ(0, touch_all(self));
}

NVLINK2_MAIN()
