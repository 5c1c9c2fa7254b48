// SPDX-License-Identifier: GPL-2.0
/*
 * ATS: the engine of an emulated V100 uses addresses of two processes of a guest
 *
 * The guest is a CPU that touches its memory. Its process table and the trees of
 * its processes are written here, in the formats of the Power ISA 3.0.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/kvm.h>

#include "kselftest_harness.h"
#include "lib/fixture.h"
#include "engine.h"

#define PAGE			0x10000ULL
/* Where the guest has its memory, and where in GPU RAM the engine puts it */
#define GUEST			(16 * MIB)
#define SCRATCH			(32 * MIB)

/* Both processes have a page at the first address, one has one at the second */
#define COMMON			0x100000000000ULL
#define LONELY			0x100000010000ULL

#define PPC_BIT(bit)		(1ULL << (63 - (bit)))
/* A tree of addresses with 52 bits, whose root has 2^13 entries */
#define TREE_52_BITS		(2ULL << 61 | 5ULL << 5)
#define ROOT_BITS		13
#define TABLE_BITS		9
#define LEAVES_BITS		5
#define ENTRY_VALID		PPC_BIT(0)
#define ENTRY_LEAF		PPC_BIT(1)
/* Referenced, changed, can be read and written */
#define LEAF_ACCESS		(PPC_BIT(55) | PPC_BIT(56) | PPC_BIT(61) | \
				 PPC_BIT(62))
/* The smallest process table, of 4 KiB; its entries have 16 bytes */
#define PROCESS_TABLE_RADIX	PPC_BIT(0)

#define LAUNCH_WHOLE_PROCESS	PPC_BIT(12)
#define LAUNCH_OF_A_PROCESS	PPC_BIT(13)
#define LAUNCH_64K		(5ULL << (63 - 17))
#define LAUNCH_PID(pid)		((uint64_t)(pid) << (63 - 38))

/* Of the memory of the guest; each process has four of them */
enum page {
	PROCESS_TABLE,
	ROOT,
	TABLES,
	COMMON_PAGE,
	LONELY_PAGE,
	PAGES = 1 + 2 * 4,
};

/* Processes by their PASIDs, which are their numbers in the process table */
#define FIRST			5
#define SECOND			6

static struct engine engine;

FIXTURE(ats)
{
	struct nvlink2 nvlink2;
	struct kvm_guest guest;
	struct kvm_vcpu vcpu;
	uint64_t *memory;
	volatile uint64_t *scratch;
	volatile void *atsd;
	int log;
};

static enum page page_of(int pasid, enum page page)
{
	return page + 4 * (pasid - FIRST);
}

static uint64_t *memory_of(FIXTURE_DATA(ats) *self, enum page page)
{
	return self->memory + page * PAGE / sizeof(*self->memory);
}

static uint64_t address_of(enum page page)
{
	return GUEST + page * PAGE;
}

static uint64_t entry(uint64_t addr, uint64_t bits)
{
	return htobe64(ENTRY_VALID | addr | bits);
}

/* The last tables of both addresses are the same */
static uint64_t *leaf_of(FIXTURE_DATA(ats) *self, int pasid, uint64_t addr)
{
	uint64_t *tables = memory_of(self, page_of(pasid, TABLES));

	return &tables[(2 << TABLE_BITS) +
		       (addr >> 16) % (1 << LEAVES_BITS)];
}

static void give(FIXTURE_DATA(ats) *self, int pasid, uint64_t addr,
		 enum page page, uint64_t content)
{
	memory_of(self, page_of(pasid, page))[0] = content;
	*leaf_of(self, pasid, addr) = entry(address_of(page_of(pasid, page)),
					    ENTRY_LEAF | LEAF_ACCESS);
}

static void take(FIXTURE_DATA(ats) *self, int pasid, uint64_t addr)
{
	*leaf_of(self, pasid, addr) = 0;
	__sync_synchronize();
}

static void write_tree(FIXTURE_DATA(ats) *self, int pasid)
{
	uint64_t *root = memory_of(self, page_of(pasid, ROOT));
	uint64_t *tables = memory_of(self, page_of(pasid, TABLES));
	uint64_t addr = address_of(page_of(pasid, TABLES));

	memory_of(self, PROCESS_TABLE)[2 * pasid] =
		htobe64(TREE_52_BITS | address_of(page_of(pasid, ROOT)) |
			ROOT_BITS);
	root[COMMON >> 39] = entry(addr, TABLE_BITS);
	addr += 8 << TABLE_BITS;
	tables[(COMMON >> 30) % (1 << TABLE_BITS)] = entry(addr, TABLE_BITS);
	addr += 8 << TABLE_BITS;
	tables[(1 << TABLE_BITS) + (COMMON >> 21) % (1 << TABLE_BITS)] =
		entry(addr, LEAVES_BITS);
}

/* Pages that the CPU has not stored to are not in the tree of the guest */
static int make_memory(FIXTURE_DATA(ats) *self)
{
	int ret;

	self->memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if ((void *)self->memory == MAP_FAILED)
		return -errno;
	ret = kvm_guest_memory(&self->guest, 1, GUEST, self->memory,
			       PAGES * PAGE);
	if (!ret)
		ret = kvm_vcpu_open(&self->guest, &self->vcpu);
	if (!ret)
		ret = kvm_vcpu_store(&self->vcpu, GUEST, PAGE, PAGES);
	memset(self->memory, 0, PAGES * PAGE);

	return ret;
}

static int make_processes(FIXTURE_DATA(ats) *self)
{
	struct kvm_ppc_mmuv3_cfg mmu = {
		.flags = KVM_PPC_MMUV3_RADIX | KVM_PPC_MMUV3_GTSE,
		.process_table = PROCESS_TABLE_RADIX | GUEST,
	};

	write_tree(self, FIRST);
	write_tree(self, SECOND);
	give(self, FIRST, COMMON, COMMON_PAGE, 0xa1);
	give(self, SECOND, COMMON, COMMON_PAGE, 0xb2);
	give(self, SECOND, LONELY, LONELY_PAGE, 0xb3);
	__sync_synchronize();

	return ioctl(self->guest.vm, KVM_PPC_CONFIGURE_V3_MMU, &mmu) ? -errno :
								       0;
}

static int make_guest(FIXTURE_DATA(ats) *self)
{
	int ret = make_memory(self);

	return ret ?: make_processes(self);
}

static int open_gpu(FIXTURE_DATA(ats) *self)
{
	struct nvlink2 *nvlink2 = &self->nvlink2;
	int ret;

	ret = nvlink2_open_for(nvlink2, nvlink2_place(), &self->guest);
	if (!ret)
		ret = engine_open(&engine, &nvlink2->gpu);
	if (!ret)
		ret = nvlink2_train(nvlink2);
	if (ret)
		return ret;
	self->scratch = nvlink2_map_ram(nvlink2, SCRATCH, PAGE);
	self->atsd = vfio_region_mmap(&nvlink2->bridge[0], &nvlink2->atsd[0], 0,
				      NVLINK2_ATSD_SIZE);

	return (void *)self->scratch == MAP_FAILED ||
	       (void *)self->atsd == MAP_FAILED ? -errno : 0;
}

/* A GPU is open as long as something of it is mapped */
static void close_gpu(FIXTURE_DATA(ats) *self)
{
	munmap((void *)self->scratch, PAGE);
	munmap((void *)self->atsd, NVLINK2_ATSD_SIZE);
	engine_close(&engine);
	nvlink2_close(&self->nvlink2);
}

FIXTURE_SETUP(ats)
{
	int ret;

	NEED_GPU();
	self->log = watch_log_begin();
	nvlink2_clear(&self->nvlink2, nvlink2_place());
	self->vcpu.run = MAP_FAILED;
	self->vcpu.fd = -1;
	if (kvm_guest_open(&self->guest))
		SKIP(return, "no HV KVM");
	ASSERT_EQ(0, make_guest(self));
	ret = open_gpu(self);
	if (ret == -ENODEV)
		SKIP(return, NO_ENGINE);
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(ats)
{
	nvlink2_close(&self->nvlink2);
	kvm_vcpu_close(&self->vcpu);
	kvm_guest_close(&self->guest);
	EXPECT_QUIET_LOG(self->log);
}

/* What a process has at an address, by way of the GPU; 0 if that is refused */
static uint64_t seen_by(FIXTURE_DATA(ats) *self, int pasid, uint64_t addr)
{
	int ret;

	self->scratch[0] = 0;
	engine_set_pasid(&engine, pasid);
	ret = engine_to_gpu(&engine, ENGINE_ATS, 0, addr, SCRATCH, PAGE);
	if (ret == ENGINE_ATS_REFUSED)
		return 0;

	return ret == ENGINE_OK ? self->scratch[0] : ~0ULL;
}

/* Returns the status, which is 0 when the shootdown has ended */
static uint64_t shoot(FIXTURE_DATA(ats) *self, uint64_t launch, uint64_t addr)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t status = ~0ULL;
	int ms;

	nvlink2_atsd_write(self->atsd, NVLINK2_ATSD_AVA, addr);
	nvlink2_atsd_write(self->atsd, NVLINK2_ATSD_LAUNCH, launch);
	for (ms = 0; status && ms < 2000; ms++) {
		nanosleep(&pause, NULL);
		status = nvlink2_atsd_read(self->atsd, NVLINK2_ATSD_STATUS);
	}

	return status;
}

TEST_F_TIMEOUT(ats, each_process_has_its_own_memory, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(0xa1, seen_by(self, FIRST, COMMON));
	EXPECT_EQ(0xb2, seen_by(self, SECOND, COMMON));
	EXPECT_EQ(0xb3, seen_by(self, SECOND, LONELY));
	EXPECT_EQ(0, seen_by(self, FIRST, LONELY));
	/* A PASID without process */
	EXPECT_EQ(0, seen_by(self, SECOND + 1, COMMON));
}

/* Both have lost the page, the GPU remembers it for one of them */
TEST_F_TIMEOUT(ats, shootdown_leaves_the_other_process, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(0xa1, seen_by(self, FIRST, COMMON));
	EXPECT_EQ(0xb2, seen_by(self, SECOND, COMMON));
	take(self, FIRST, COMMON);
	take(self, SECOND, COMMON);
	EXPECT_EQ(0xa1, seen_by(self, FIRST, COMMON));

	ASSERT_EQ(0, shoot(self, LAUNCH_OF_A_PROCESS | LAUNCH_64K |
			   LAUNCH_PID(FIRST), COMMON));
	EXPECT_EQ(0, seen_by(self, FIRST, COMMON));
	EXPECT_EQ(0xb2, seen_by(self, SECOND, COMMON));

	ASSERT_EQ(0, shoot(self, LAUNCH_OF_A_PROCESS | LAUNCH_64K |
			   LAUNCH_PID(SECOND), COMMON));
	EXPECT_EQ(0, seen_by(self, SECOND, COMMON));
}

/* As for a process that ends */
TEST_F_TIMEOUT(ats, shootdown_of_a_whole_process, NVLINK2_TIMEOUT)
{
	give(self, FIRST, LONELY, LONELY_PAGE, 0xa2);
	EXPECT_EQ(0xa1, seen_by(self, FIRST, COMMON));
	EXPECT_EQ(0xa2, seen_by(self, FIRST, LONELY));
	EXPECT_EQ(0xb3, seen_by(self, SECOND, LONELY));
	take(self, FIRST, COMMON);
	take(self, FIRST, LONELY);
	take(self, SECOND, LONELY);

	ASSERT_EQ(0, shoot(self, LAUNCH_OF_A_PROCESS | LAUNCH_WHOLE_PROCESS |
			   LAUNCH_PID(FIRST), 0));
	EXPECT_EQ(0, seen_by(self, FIRST, COMMON));
	EXPECT_EQ(0, seen_by(self, FIRST, LONELY));
	EXPECT_EQ(0xb3, seen_by(self, SECOND, LONELY));
}

/* Of the guest that comes next, whose processes have the same numbers */
TEST_F_TIMEOUT(ats, next_guest_has_its_own_memory, NVLINK2_TIMEOUT)
{
	uint64_t *before = self->memory;

	EXPECT_EQ(0xa1, seen_by(self, FIRST, COMMON));
	close_gpu(self);
	kvm_vcpu_close(&self->vcpu);
	kvm_guest_close(&self->guest);

	ASSERT_EQ(0, kvm_guest_open(&self->guest));
	ASSERT_EQ(0, make_guest(self));
	ASSERT_NE(before, self->memory);
	give(self, FIRST, COMMON, COMMON_PAGE, 0xc3);
	take(self, SECOND, COMMON);
	ASSERT_EQ(0, open_gpu(self));
	EXPECT_EQ(0xc3, seen_by(self, FIRST, COMMON));
	EXPECT_EQ(0, seen_by(self, SECOND, COMMON));
}

NVLINK2_MAIN()
