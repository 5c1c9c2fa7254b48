// SPDX-License-Identifier: GPL-2.0
/*
 * NVLink2 GPUs of KVM guests
 *
 * The NPU is given the LPID of a guest when a GPU is opened for it, and then
 * translates addresses of the GPU by the page tables of the guest. KVM uses the
 * LPID for another guest when this one is destroyed, so a guest must live as
 * long as its GPU is open. Its directory in debugfs shows whether it does.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "../../kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/kvm.h"
#include "lib/sysfs.h"

FIXTURE(kvm)
{
	struct nvlink2 nvlink2;
	struct kvm_guest guest;
	int log;
};

FIXTURE_SETUP(kvm)
{
	NEED_GPU();
	self->log = watch_log_begin();
	nvlink2_clear(&self->nvlink2, nvlink2_place());
	if (kvm_guest_open(&self->guest))
		SKIP(return, "no HV KVM");
}

FIXTURE_TEARDOWN(kvm)
{
	nvlink2_close(&self->nvlink2);
	kvm_guest_close(&self->guest);
	EXPECT_QUIET_LOG(self->log);
}

static int open_with_guest(FIXTURE_DATA(kvm) *self)
{
	return nvlink2_open_for(&self->nvlink2, nvlink2_place(), &self->guest);
}

static void *anonymous(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

#define NEED_DEBUGFS()						\
	do {							\
		if (kvm_guests_alive() < 0)				\
			SKIP(return, "debugfs has no guests");	\
	} while (0)

TEST_F_TIMEOUT(kvm, open_with_guest, NVLINK2_TIMEOUT)
{
	ASSERT_EQ(0, open_with_guest(self));
	ASSERT_EQ(0, nvlink2_train_any(&self->nvlink2));
}

/* The guest, and with it its LPID, exists as long as the GPU is open */
TEST_F_TIMEOUT(kvm, guest_outlives_its_descriptors, NVLINK2_TIMEOUT)
{
	NEED_DEBUGFS();
	ASSERT_EQ(0, open_with_guest(self));
	kvm_guest_close(&self->guest);
	EXPECT_EQ(1, kvm_guests_alive());
}

/* And no longer */
TEST_F_TIMEOUT(kvm, guest_goes_with_the_gpu, NVLINK2_TIMEOUT)
{
	NEED_DEBUGFS();
	ASSERT_EQ(0, open_with_guest(self));
	nvlink2_close(&self->nvlink2);
	kvm_guest_close(&self->guest);
	EXPECT_EQ(0, kvm_guests_alive());
}

/* The GPU can be given from one guest to the next */
TEST_F_TIMEOUT(kvm, one_guest_after_another, NVLINK2_TIMEOUT)
{
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, open_with_guest(self));
		nvlink2_close(&self->nvlink2);
		kvm_guest_close(&self->guest);
		ASSERT_EQ(0, kvm_guest_open(&self->guest));
	}
}

/* The NPU only walks radix page tables, and a hash guest has none */
TEST_F_TIMEOUT(kvm, hash_guest_is_refused, NVLINK2_TIMEOUT)
{
	uint32_t order = 24;

	if (ioctl(self->guest.vm, KVM_PPC_ALLOCATE_HTAB, &order))
		SKIP(return, "KVM here has no hash guests");

	EXPECT_EQ(-EINVAL, open_with_guest(self));
}

/* Nor does KVM free the tables of one that has the GPU */
TEST_F_TIMEOUT(kvm, guest_stays_radix, NVLINK2_TIMEOUT)
{
	struct kvm_ppc_mmuv3_cfg hash = {};
	uint32_t order = 24;
	int ret;

	ASSERT_EQ(0, open_with_guest(self));
	EXPECT_EQ(-1, ioctl(self->guest.vm, KVM_PPC_ALLOCATE_HTAB, &order));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-1, ioctl(self->guest.vm, KVM_PPC_CONFIGURE_V3_MMU, &hash));
	EXPECT_EQ(EBUSY, errno);
	nvlink2_close(&self->nvlink2);

	ret = ioctl(self->guest.vm, KVM_PPC_ALLOCATE_HTAB, &order);
	if (ret && errno != EBUSY)
		SKIP(return, "KVM here has no hash guests");
	EXPECT_EQ(0, ret);
}

/* A failed open for a hash guest leaves the GPU to others */
TEST_F_TIMEOUT(kvm, refused_guest_leaves_nothing, NVLINK2_TIMEOUT)
{
	uint32_t order = 24;

	if (ioctl(self->guest.vm, KVM_PPC_ALLOCATE_HTAB, &order))
		SKIP(return, "KVM here has no hash guests");

	EXPECT_EQ(-EINVAL, open_with_guest(self));
	nvlink2_close(&self->nvlink2);
	kvm_guest_close(&self->guest);
	EXPECT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
}

/* A GPU can be opened without a guest, and has no translation then */
TEST_F_TIMEOUT(kvm, without_guest, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *memory = anonymous(MIB);
	long locked;

	kvm_guest_close(&self->guest);
	ASSERT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
	locked = watch_status("VmLck");
	EXPECT_EQ(0, spapr_register(container, memory, MIB));
	EXPECT_LT(locked, watch_status("VmLck"));
	EXPECT_EQ(0, spapr_unregister(container, memory, MIB));
	/* Nothing is held for a GPU that has no guest */
	EXPECT_EQ(locked, watch_status("VmLck"));
}

/*
 * VFIO looks for the guest when a device is opened. A guest that comes later is
 * not the guest of the GPU, so the GPU does not keep it alive.
 */
TEST_F_TIMEOUT(kvm, guest_after_open, NVLINK2_TIMEOUT)
{
	NEED_DEBUGFS();
	ASSERT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
	ASSERT_EQ(0, kvm_guest_attach(&self->guest, &self->nvlink2.container));
	kvm_guest_close(&self->guest);
	EXPECT_EQ(0, kvm_guests_alive());
	EXPECT_EQ(0, nvlink2_train_any(&self->nvlink2));
}

/*
 * Firmware before skiboot 6.2 lists one block of ATSD registers for each NPU, and
 * a block acts for one LPID.
 */
static bool has_one_block(void)
{
	uint32_t cells[16];

	return sysfs_cells(nvlink2_place()->bridge[0], "../ibm,mmio-atsd",
			   cells, ARRAY_SIZE(cells)) == 2;
}

static int with_registers(struct nvlink2 *nvlink2)
{
	int i, found = 0;

	for (i = 0; i < nvlink2->place->num_bridges; i++)
		found += !!nvlink2->atsd[i].size;

	return found;
}

/* The second GPU of a guest has none, is told so, and works otherwise */
TEST_F_TIMEOUT(kvm, one_atsd_block_for_two_gpus, NVLINK2_TIMEOUT)
{
	struct nvlink2 neighbour;
	int log;

	if (!has_one_block())
		SKIP(return, "firmware lists more ATSD registers than one");

	ASSERT_EQ(0, open_with_guest(self));
	NEED_NEIGHBOUR(self, neighbour);
	EXPECT_EQ(1, with_registers(&self->nvlink2));
	log = watch_log_begin();
	ASSERT_EQ(0, nvlink2_open_devices(&neighbour));
	EXPECT_EQ(0, with_registers(&neighbour));
	EXPECT_TRUE(watch_log_has(log, "not offered"));
	EXPECT_EQ(0, nvlink2_train_any(&neighbour));
	nvlink2_close_devices(&neighbour);
	close(log);
}

/* With another LPID in the block, the first guest would shoot at the second */
TEST_F_TIMEOUT(kvm, one_atsd_block_for_two_guests, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	struct nvlink2 neighbour;
	struct kvm_guest other;
	int ret;

	if (!has_one_block())
		SKIP(return, "firmware lists more ATSD registers than one");

	ASSERT_EQ(0, open_with_guest(self));
	NEED_NEIGHBOUR(self, neighbour);
	ASSERT_EQ(0, kvm_guest_open(&other));
	ASSERT_EQ(0, kvm_guest_attach(&other, container));
	ret = vfio_dev_open(container, neighbour.place->gpu, &neighbour.gpu);
	EXPECT_EQ(-EBUSY, ret);
	if (!ret)
		vfio_dev_close(&neighbour.gpu);
	kvm_guest_close(&other);
}

/* A MiB that a container has registered, and the first page of it */
struct memory {
	void *addr;
	uint64_t page;
	long charged;
};

static int register_memory(struct spapr_container *container,
			   struct memory *memory)
{
	int ret;

	memory->addr = anonymous(MIB);
	if (memory->addr == MAP_FAILED)
		return -errno;
	ret = spapr_register(container, memory->addr, MIB);
	memory->charged = watch_status("VmLck");
	/* Registration may have migrated it out of ZONE_MOVABLE */
	memory->page = watch_page(memory->addr);

	return ret;
}

/* Not mapped any more, but still accounted and not free */
#define EXPECT_KEPT(memory)						\
	do {								\
		EXPECT_EQ((memory).charged, watch_status("VmLck"));	\
		if ((memory).page)					\
			EXPECT_TRUE(watch_page_is_anonymous((memory).page)); \
	} while (0)

/*
 * Whether the page is free cannot be checked, as it may be in use again. But
 * memory that is not accounted is not pinned either.
 */
#define EXPECT_GIVEN_BACK(memory)					\
	EXPECT_EQ((memory).charged - (long)MIB / 1024, watch_status("VmLck"))

/*
 * A GPU caches translations to the memory of its guest, and only the guest can
 * invalidate them. So registered memory stays pinned until the GPU is closed.
 */
TEST_F_TIMEOUT(kvm, unregistered_memory_stays, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	struct memory memory;

	ASSERT_EQ(0, open_with_guest(self));
	ASSERT_EQ(0, register_memory(container, &memory));
	EXPECT_EQ(0, spapr_unregister(container, memory.addr, MIB));
	EXPECT_EQ(0, munmap(memory.addr, MIB));
	EXPECT_KEPT(memory);
	nvlink2_close_devices(&self->nvlink2);
	EXPECT_GIVEN_BACK(memory);
}

/* Closing a container cannot fail, so its memory stays pinned as well */
TEST_F_TIMEOUT(kvm, memory_of_closed_container_stays, NVLINK2_TIMEOUT)
{
	struct spapr_container other;
	struct memory memory;
	long tables;

	if (nvlink2_other_group() < 0)
		SKIP(return, "no device of another kind: --other names one");

	ASSERT_EQ(0, open_with_guest(self));
	tables = watch_status("VmLck");
	ASSERT_EQ(0, spapr_open(&other, nvlink2_other_group()));
	ASSERT_EQ(0, register_memory(&other, &memory));
	/* The accounting of the TCE table ends with the container */
	tables = memory.charged - tables - MIB / 1024;
	memory.charged -= tables;
	spapr_close(&other);
	EXPECT_EQ(0, munmap(memory.addr, MIB));
	EXPECT_KEPT(memory);
	nvlink2_close_devices(&self->nvlink2);
	EXPECT_GIVEN_BACK(memory);
}

/* With two GPUs, the memory stays until the last one is closed */
TEST_F_TIMEOUT(kvm, memory_stays_for_the_neighbour, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	struct nvlink2 neighbour;
	struct memory memory;

	ASSERT_EQ(0, open_with_guest(self));
	NEED_NEIGHBOUR(self, neighbour);
	ASSERT_EQ(0, nvlink2_open_devices(&neighbour));
	ASSERT_EQ(0, register_memory(container, &memory));
	EXPECT_EQ(0, spapr_unregister(container, memory.addr, MIB));
	EXPECT_EQ(0, munmap(memory.addr, MIB));
	nvlink2_close_devices(&self->nvlink2);
	EXPECT_KEPT(memory);
	nvlink2_close_devices(&neighbour);
	EXPECT_GIVEN_BACK(memory);
}

/* Memory can be registered again at an address, as for hot-plug in QEMU */
TEST_F_TIMEOUT(kvm, memory_is_registered_again, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	struct memory memory;
	int i;

	ASSERT_EQ(0, open_with_guest(self));
	ASSERT_EQ(0, register_memory(container, &memory));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, spapr_unregister(container, memory.addr, MIB));
		EXPECT_EQ(-ENOENT, spapr_unregister(container, memory.addr,
						    MIB));
		EXPECT_EQ(0, spapr_register(container, memory.addr, MIB));
		EXPECT_EQ(-EBUSY, spapr_register(container, memory.addr, MIB));
	}
	/* Each registration is accounted, as each pins its own pages */
	EXPECT_EQ(memory.charged + 3 * (long)MIB / 1024,
		  watch_status("VmLck"));
	nvlink2_close_devices(&self->nvlink2);
	EXPECT_EQ(memory.charged, watch_status("VmLck"));
	EXPECT_EQ(0, spapr_unregister(container, memory.addr, MIB));
	EXPECT_EQ(0, munmap(memory.addr, MIB));
	EXPECT_GIVEN_BACK(memory);
}

/* A memory slot with GPU RAM can be created before the links are up */
TEST_F_TIMEOUT(kvm, ram_as_memory_of_guest, NVLINK2_TIMEOUT)
{
	struct kvm_userspace_memory_region slot = {
		.memory_size = 16 * MIB,
		.guest_phys_addr = 0x200000000000,
	};
	void *ram;

	ASSERT_EQ(0, open_with_guest(self));
	ram = nvlink2_map_ram(&self->nvlink2, 0, 16 * MIB);
	ASSERT_NE(MAP_FAILED, ram);
	slot.userspace_addr = (uintptr_t)ram;
	ASSERT_EQ(0, ioctl(self->guest.vm, KVM_SET_USER_MEMORY_REGION, &slot));
	ASSERT_EQ(0, nvlink2_train_any(&self->nvlink2));
	if (self->nvlink2.trained)
		EXPECT_EQ(0, watch_store(ram, 1));
	ASSERT_EQ(0, vfio_dev_reset(&self->nvlink2.gpu));
	slot.memory_size = 0;
	EXPECT_EQ(0, ioctl(self->guest.vm, KVM_SET_USER_MEMORY_REGION, &slot));
	munmap(ram, 16 * MIB);
}

/* Two GPUs of one guest share its LPID */
TEST_F_TIMEOUT(kvm, neighbour_for_the_same_guest, NVLINK2_TIMEOUT)
{
	struct nvlink2 neighbour;

	ASSERT_EQ(0, open_with_guest(self));
	NEED_NEIGHBOUR(self, neighbour);
	ASSERT_EQ(0, nvlink2_open_devices(&neighbour));
	EXPECT_EQ(0, nvlink2_train_any(&neighbour));
	nvlink2_close_devices(&neighbour);
}

/* GPUs in different groups can belong to different guests */
TEST_F_TIMEOUT(kvm, stranger_for_another_guest, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *place = nvlink2_stranger();
	struct nvlink2 stranger = { .place = place };
	struct kvm_guest guest;

	if (!place)
		SKIP(return, "no second group of NVLink2 GPUs");
	ASSERT_EQ(0, open_with_guest(self));
	ASSERT_EQ(0, kvm_guest_open(&guest));
	ASSERT_EQ(0, spapr_open(&stranger.container, place->group));
	ASSERT_EQ(0, kvm_guest_attach(&guest, &stranger.container));
	ASSERT_EQ(0, nvlink2_open_devices(&stranger));
	EXPECT_EQ(0, nvlink2_train_any(&stranger));
	nvlink2_close(&stranger);
	kvm_guest_close(&guest);
}

#define GUEST_CPUS	2
#define GUEST_RAM	0x200000000000ULL
#define SMALLEST	0x10000

/* A processor of the guest, which goes through its RAM again and again */
struct processor {
	struct kvm_vcpu vcpu;
	pthread_t thread;
	const volatile bool *enough;
	int ret;
};

static void *store_until_enough(void *arg)
{
	struct processor *processor = arg;

	do {
		processor->ret = kvm_vcpu_store(&processor->vcpu, GUEST_RAM,
						SMALLEST, MIB / SMALLEST);
	} while (!processor->ret && !*processor->enough);

	return NULL;
}

/* What a guest stores to does not go because somebody looks at the bridges */
TEST_F_TIMEOUT(kvm, stores_beside_reads_of_config_space, NVLINK2_TIMEOUT)
{
	struct processor processor[GUEST_CPUS];
	volatile bool enough = false;
	void *ram;
	int i, round;

	for (i = 0; i < GUEST_CPUS; i++)
		ASSERT_EQ(0, kvm_vcpu_open(&self->guest, &processor[i].vcpu));
	ASSERT_EQ(0, open_with_guest(self));
	NEED_LINKS(nvlink2_train(&self->nvlink2));
	ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, 1, GUEST_RAM, ram, MIB));
	for (i = 0; i < GUEST_CPUS; i++) {
		processor[i].enough = &enough;
		ASSERT_EQ(0, pthread_create(&processor[i].thread, NULL,
					    store_until_enough, &processor[i]));
	}
	for (round = 0; round < 8; round++)
		nvlink2_read_config_space(&self->nvlink2);
	enough = true;
	for (i = 0; i < GUEST_CPUS; i++) {
		pthread_join(processor[i].thread, NULL);
		EXPECT_EQ(0, processor[i].ret);
		kvm_vcpu_close(&processor[i].vcpu);
	}
	munmap(ram, MIB);
}

/* The kernel closes everything in the right order for a killed process */
TEST_F_TIMEOUT(kvm, process_is_killed, NVLINK2_TIMEOUT)
{
	int ready[2], child;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		/* Only the process that created a guest can use it */
		kvm_guest_close(&self->guest);
		if (!kvm_guest_open(&self->guest) && !open_with_guest(self))
			write(ready[1], "x", 1);
		pause();
	}
	kvm_guest_close(&self->guest);
	EXPECT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(-SIGKILL, watch_child(child));
	EXPECT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
}

NVLINK2_MAIN()
