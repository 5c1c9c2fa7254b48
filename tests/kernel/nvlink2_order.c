// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that TCEs lead to is given back after the TCEs have been invalidated
 *
 * Until then a device can write to it by what the hardware remembers of the TCE.
 * The emulated machine remembers none, so the module tce_order looks at the order
 * in which the kernel does things.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/kvm.h"
#include "faults.h"

#define TCE_ORDER	"/sys/module/tce_order/parameters/"
#define LIOBN		0x80000001
#define WINDOW		(256 * MIB)
#define PAGE		0x10000
/* More than the kernel invalidates at a time */
#define PAGES		200
#define MEMORY_GPA	(16 * MIB)

FIXTURE(order)
{
	struct nvlink2 nvlink2;
	struct kvm_guest guest;
	struct kvm_vcpu vcpu;
	uint8_t *memory;
	int table;
};

static int create_window(struct spapr_container *container)
{
	uint64_t start;
	int ret = spapr_remove_window(container, 0);

	return ret ?: spapr_create_window(container, 16, WINDOW, 1, &start);
}

FIXTURE_SETUP(order)
{
	struct spapr_container *container = &self->nvlink2.container;

	NEED_GPU();
	if (access(TCE_ORDER "pid", W_OK))
		SKIP(return, "the module tce_order is not loaded");
	self->vcpu.fd = -1;
	self->vcpu.run = MAP_FAILED;
	nvlink2_clear(&self->nvlink2, nvlink2_place());
	if (kvm_guest_open(&self->guest))
		SKIP(return, "no HV KVM");
	ASSERT_EQ(0, kvm_vcpu_open(&self->guest, &self->vcpu));
	ASSERT_EQ(0, nvlink2_open_for(&self->nvlink2, nvlink2_place(), &self->guest));
	ASSERT_EQ(0, create_window(container));
	self->memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->memory);
	ASSERT_EQ(0, spapr_register(container, self->memory, PAGES * PAGE));
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, 1, MEMORY_GPA, self->memory,
				      PAGES * PAGE));
	self->table = kvm_guest_tce_table(&self->guest, LIOBN, 16, WINDOW);
	ASSERT_LE(0, self->table);
	ASSERT_EQ(0, kvm_guest_attach_table(&self->guest, container, self->table));

	faults_write_number(TCE_ORDER "unmaps", 0);
	faults_write_number(TCE_ORDER "early", 0);
	faults_write_number(TCE_ORDER "changes", 0);
	faults_write_number(TCE_ORDER "kills", 0);
	ASSERT_EQ(0, faults_write_number(TCE_ORDER "pid", getpid()));
}

FIXTURE_TEARDOWN(order)
{
	faults_write_number(TCE_ORDER "pid", 0);
	close(self->table);
	kvm_vcpu_close(&self->vcpu);
	nvlink2_close(&self->nvlink2);
	kvm_guest_close(&self->guest);
}

#define EXPECT_ORDER(expected)						\
	do {								\
		EXPECT_EQ(expected, faults_read_number(TCE_ORDER "unmaps")); \
		EXPECT_EQ(0, faults_read_number(TCE_ORDER "early"));	\
		EXPECT_LE(expected, faults_read_number(TCE_ORDER "changes")); \
		EXPECT_LT(0, faults_read_number(TCE_ORDER "kills"));	\
	} while (0)

TEST_F_TIMEOUT(order, vfio_unmaps, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;

	ASSERT_EQ(0, spapr_map(container, 0, self->memory, PAGES * PAGE));
	EXPECT_EQ(0, faults_read_number(TCE_ORDER "unmaps"));
	ASSERT_EQ(0, spapr_unmap(container, 0, PAGES * PAGE));
	EXPECT_ORDER(PAGES);
}

TEST_F_TIMEOUT(order, vfio_replaces, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;

	ASSERT_EQ(0, spapr_map(container, 0, self->memory, PAGES * PAGE));
	ASSERT_EQ(0, spapr_map(container, 0, self->memory, PAGES * PAGE));
	EXPECT_ORDER(PAGES);
}

TEST_F_TIMEOUT(order, vfio_removes_the_window, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;

	ASSERT_EQ(0, spapr_map(container, 0, self->memory, PAGES * PAGE));
	ASSERT_EQ(0, spapr_remove_window(container, 0));
	EXPECT_ORDER(PAGES);
}

TEST_F_TIMEOUT(order, kvm_replaces_and_unmaps, NVLINK2_TIMEOUT)
{
	uint64_t tce = MEMORY_GPA | TCE_READ_WRITE;
	int i;

	for (i = 0; i < 2 * PAGES; i++)
		ASSERT_EQ(H_SUCCESS, kvm_vcpu_hcall(&self->vcpu, H_PUT_TCE, LIOBN,
						    i / 2 * PAGE, tce + i / 2 * PAGE, 0));
	EXPECT_ORDER(PAGES);
	ASSERT_EQ(H_SUCCESS, kvm_vcpu_hcall(&self->vcpu, H_STUFF_TCE, LIOBN, 0, 0, PAGES));
	EXPECT_ORDER(2 * PAGES);
}

NVLINK2_MAIN()
