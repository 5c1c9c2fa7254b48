// SPDX-License-Identifier: GPL-2.0
/*
 * TCEs that a KVM guest makes with hypercalls
 *
 * The guest is a few instructions in real mode. Its TCE table is attached to the
 * window of a container, so that KVM maps for DMA what the guest asks for. Where
 * it has to be there, the GPU does some DMA.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <linux/userfaultfd.h>

#include "../../kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/kvm.h"
#include "lib/sysfs.h"

#define LIOBN		0x80000001
#define CHUNK		0x10000
#define WINDOW		(256 * MIB)
#define HUGE_PAGE	(2 * MIB)

/* Where the guest has its memory, and GPU RAM */
#define MEMORY_GPA	(16 * MIB)
#define RAM_GPA		0x200000000000ull

enum { SLOT_CODE, SLOT_MEMORY, SLOT_RAM };

/* What the machine had before, -1 when that has not been changed */
static long huge_pages = -1;

static void write_huge_pages(long count)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", count);
	sysfs_write_file("/proc/sys/vm/nr_hugepages", text);
}

/* Each case runs in a process of its own */
static void want_huge_pages(long count)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "r");
	long before;

	if (!file)
		return;
	if (fscanf(file, "%ld", &before) == 1 && before < count) {
		huge_pages = before;
		write_huge_pages(count);
	}
	fclose(file);
}

FIXTURE(tce)
{
	struct nvlink2 nvlink2;
	struct kvm_guest guest;
	struct kvm_vcpu vcpu;
	void *memory;
	int table;
	int log;
};

/* A window of 64 KiB pages, instead of the default one */
static int create_window(struct nvlink2 *nvlink2)
{
	uint64_t start;
	int ret;

	ret = spapr_remove_window(&nvlink2->container, 0);
	if (!ret)
		ret = spapr_create_window(&nvlink2->container, 16, WINDOW, 1,
					  &start);
	if (!ret && start)
		ret = -ERANGE;

	return ret;
}

static void *anonymous(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

FIXTURE_SETUP(tce)
{
	NEED_GPU();
	self->log = watch_log_begin();
	self->table = -1;
	self->vcpu.fd = -1;
	self->vcpu.run = MAP_FAILED;
	nvlink2_clear(&self->nvlink2, nvlink2_place());
	if (kvm_guest_open(&self->guest))
		SKIP(return, "no HV KVM");
	ASSERT_EQ(0, kvm_vcpu_open(&self->guest, &self->vcpu));
	ASSERT_EQ(0, nvlink2_open_for(&self->nvlink2, nvlink2_place(),
				      &self->guest));
	ASSERT_EQ(0, create_window(&self->nvlink2));
	self->memory = anonymous(4 * MIB);
	ASSERT_NE(MAP_FAILED, self->memory);
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_MEMORY, MEMORY_GPA,
				      self->memory, 4 * MIB));
}

FIXTURE_TEARDOWN(tce)
{
	if (self->table >= 0)
		close(self->table);
	kvm_vcpu_close(&self->vcpu);
	nvlink2_close(&self->nvlink2);
	kvm_guest_close(&self->guest);
	if (huge_pages >= 0)
		write_huge_pages(huge_pages);
	EXPECT_QUIET_LOG(self->log);
}

static int attach_table(FIXTURE_DATA(tce) *self, unsigned int page_shift)
{
	self->table = kvm_guest_tce_table(&self->guest, LIOBN, page_shift,
					  WINDOW);
	if (self->table < 0)
		return self->table;

	return kvm_guest_attach_table(&self->guest, &self->nvlink2.container,
				      self->table);
}

static long put_tce(FIXTURE_DATA(tce) *self, uint64_t ioba, uint64_t tce)
{
	return kvm_vcpu_hcall(&self->vcpu, H_PUT_TCE, LIOBN, ioba, tce, 0);
}

/* What the other cases rely on */
TEST_F_TIMEOUT(tce, memory_is_mapped, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint32_t *memory = self->memory, val;
	struct falcon falcon;

	NEED_FALCON(&falcon, &self->nvlink2.gpu);
	ASSERT_EQ(0, spapr_register(container, self->memory, MIB));
	ASSERT_EQ(0, attach_table(self, 16));
	EXPECT_EQ(H_SUCCESS, put_tce(self, CHUNK, (MEMORY_GPA + CHUNK) |
				     TCE_READ_WRITE));
	memory[CHUNK / 4] = NVLINK2_PATTERN;
	EXPECT_EQ(0, falcon_read(&falcon, FALCON_SYSTEM, CHUNK, &val,
				 sizeof(val)));
	EXPECT_EQ(NVLINK2_PATTERN, val);
	val = NVLINK2_PATTERN + 1;
	EXPECT_EQ(0, falcon_write(&falcon, FALCON_SYSTEM, CHUNK + 4, &val,
				  sizeof(val)));
	EXPECT_EQ(NVLINK2_PATTERN + 1, memory[CHUNK / 4 + 1]);
	falcon_close(&falcon);
	EXPECT_EQ(-EBUSY, spapr_unregister(container, self->memory, MIB));
	EXPECT_EQ(H_SUCCESS, put_tce(self, CHUNK, 0));
	EXPECT_EQ(0, spapr_unregister(container, self->memory, MIB));
}

/* KVM leaves to user space what is not registered */
TEST_F_TIMEOUT(tce, other_memory_is_too_hard, NVLINK2_TIMEOUT)
{
	ASSERT_EQ(0, attach_table(self, 16));
	EXPECT_EQ(H_TOO_HARD, put_tce(self, 0, MEMORY_GPA | TCE_READ_WRITE));
}

/*
 * A page of the guest can be larger than one of the window. When only a part of
 * it is registered, nothing of it stays mapped.
 */
TEST_F_TIMEOUT(tce, failure_gives_references_back, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;

	ASSERT_EQ(0, spapr_register(container, self->memory, MIB));
	ASSERT_EQ(0, attach_table(self, 21));
	EXPECT_EQ(H_TOO_HARD, put_tce(self, 0, MEMORY_GPA | TCE_READ_WRITE));
	EXPECT_EQ(0, spapr_unregister(container, self->memory, MIB));
}

/* The process of the guest has to be that of the container */
TEST_F_TIMEOUT(tce, guest_of_another_process, NVLINK2_TIMEOUT)
{
	struct kvm_guest guest;
	int child, ret, table;

	kvm_guest_close(&self->guest);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		ret = kvm_guest_open(&guest);
		if (!ret)
			ret = kvm_guest_attach(&guest,
					       &self->nvlink2.container);
		if (ret)
			_exit(255);
		table = kvm_guest_tce_table(&guest, LIOBN, 16, WINDOW);
		_exit(-kvm_guest_attach_table(&guest, &self->nvlink2.container,
					      table));
	}
	EXPECT_EQ(EPERM, watch_child(child));
}

/* A container of the older kind pins each page that a TCE leads to; KVM does not */
TEST_F_TIMEOUT(tce, container_that_pins, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	int group = container->group;

	nvlink2_close(&self->nvlink2);
	kvm_vcpu_close(&self->vcpu);
	kvm_guest_close(&self->guest);
	ASSERT_EQ(0, spapr_open_v1(container, group));
	/* Creates the window */
	EXPECT_EQ(0, spapr_map(container, 0, self->memory, CHUNK));
	ASSERT_EQ(0, kvm_guest_open(&self->guest));
	ASSERT_EQ(0, kvm_guest_attach(&self->guest, container));
	EXPECT_EQ(-EPERM, attach_table(self, 16));
	EXPECT_EQ(0, spapr_unmap(container, 0, CHUNK));
}

/* Let a guest of this process map its memory in the window of the parent */
static int map_for_parent(FIXTURE_DATA(tce) *self)
{
	struct spapr_container *container = &self->nvlink2.container, own;
	struct kvm_guest guest;
	struct kvm_vcpu vcpu;
	int table;

	if (spapr_open(&own, nvlink2_other_group()) ||
	    spapr_register(&own, self->memory, MIB) ||
	    kvm_guest_open(&guest) || kvm_vcpu_open(&guest, &vcpu) ||
	    kvm_guest_memory(&guest, SLOT_MEMORY, MEMORY_GPA, self->memory,
			     MIB) ||
	    kvm_guest_attach(&guest, container))
		return -EIO;
	table = kvm_guest_tce_table(&guest, LIOBN, 16, WINDOW);
	kvm_guest_attach_table(&guest, container, table);
	kvm_vcpu_hcall(&vcpu, H_PUT_TCE, LIOBN, CHUNK,
		       MEMORY_GPA | TCE_READ_WRITE, 0);

	return 0;
}

/* What a guest of another process maps does not cost this one its references */
TEST_F_TIMEOUT(tce, same_address_in_another_process, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	int child, pipes[2], done[2];
	char status;

	if (nvlink2_other_group() < 0)
		SKIP(return, "no device of another kind: --other names one");

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, pipe(done));
	ASSERT_EQ(0, spapr_register(container, self->memory, MIB));
	ASSERT_EQ(0, spapr_map(container, 0, self->memory, CHUNK));
	kvm_vcpu_close(&self->vcpu);
	kvm_guest_close(&self->guest);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(done[1]);
		status = map_for_parent(self);
		write(pipes[1], &status, 1);
		read(done[0], &status, 1);
		_exit(0);
	}
	ASSERT_EQ(1, read(pipes[0], &status, 1));
	ASSERT_EQ(0, status);
	EXPECT_EQ(0, spapr_unmap(container, CHUNK, CHUNK));
	/* The first page is still mapped */
	EXPECT_EQ(-EBUSY, spapr_unregister(container, self->memory, MIB));
	close(done[1]);
	EXPECT_EQ(0, watch_child(child));
	EXPECT_EQ(0, spapr_unmap(container, 0, CHUNK));
	EXPECT_EQ(0, spapr_unregister(container, self->memory, MIB));
}

/* Attaching a table a second time takes nothing that is not given back */
TEST_F_TIMEOUT(tce, table_attached_twice, NVLINK2_TIMEOUT)
{
	const unsigned int windows = 4;
	uint64_t start;
	long before;
	unsigned int i;

	before = watch_free_memory();
	for (i = 0; i < windows; i++) {
		/* 4 MiB each for the table and the addresses of its pages */
		ASSERT_EQ(0, spapr_remove_window(&self->nvlink2.container, 0));
		ASSERT_EQ(0, spapr_create_window(&self->nvlink2.container, 12,
						 2 * GIB, 1, &start));
		ASSERT_EQ(0, attach_table(self, 16));
		ASSERT_EQ(0, kvm_guest_attach_table(&self->guest,
						    &self->nvlink2.container,
						    self->table));
		close(self->table);
		self->table = -1;
	}
	EXPECT_GT(windows / 2 * 8 * 1024, before - watch_free_memory());
}

/* GPU RAM is mapped for DMA while the links are up, and only then */
TEST_F_TIMEOUT(tce, ram_only_while_links_are_up, NVLINK2_TIMEOUT)
{
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	const uint32_t val = NVLINK2_PATTERN;
	struct falcon falcon;

	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, RAM_GPA, ram,
				      MIB));
	ASSERT_EQ(0, attach_table(self, 16));
	EXPECT_EQ(H_TOO_HARD, put_tce(self, 0, RAM_GPA | TCE_READ_WRITE));
	NEED_LINKS(nvlink2_train(&self->nvlink2));
	EXPECT_EQ(H_SUCCESS, put_tce(self, 0, RAM_GPA | TCE_READ_WRITE));
	NEED_FALCON(&falcon, &self->nvlink2.gpu);
	falcon_ram_store(&falcon, CHUNK / 2, 0);
	EXPECT_EQ(0, falcon_write(&falcon, FALCON_SYSTEM, CHUNK / 2, &val,
				  sizeof(val)));
	EXPECT_EQ(val, htole32(falcon_ram_load(&falcon, CHUNK / 2)));
	falcon_close(&falcon);
	ASSERT_EQ(0, vfio_dev_reset(&self->nvlink2.gpu));
	/* The TCE stays, but there is no second one */
	EXPECT_EQ(H_TOO_HARD, put_tce(self, CHUNK, RAM_GPA | TCE_READ_WRITE));
	EXPECT_EQ(H_SUCCESS, put_tce(self, 0, 0));
	EXPECT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, RAM_GPA, ram, 0));
	munmap(ram, MIB);
}

/* Nothing is mapped through a window that its container has removed */
TEST_F_TIMEOUT(tce, removed_window_maps_nothing, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);

	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, RAM_GPA, ram,
				      MIB));
	ASSERT_EQ(0, spapr_register(container, self->memory, MIB));
	ASSERT_EQ(0, nvlink2_train_any(&self->nvlink2));
	ASSERT_EQ(0, attach_table(self, 16));
	EXPECT_EQ(H_SUCCESS, put_tce(self, 0, MEMORY_GPA | TCE_READ_WRITE));
	ASSERT_EQ(0, spapr_remove_window(container, 0));
	EXPECT_EQ(H_TOO_HARD, put_tce(self, 0, MEMORY_GPA | TCE_READ_WRITE));
	EXPECT_EQ(H_TOO_HARD, put_tce(self, CHUNK, RAM_GPA | TCE_READ_WRITE));
	EXPECT_EQ(H_SUCCESS, put_tce(self, 0, 0));

	EXPECT_EQ(0, spapr_unregister(container, self->memory, MIB));
	EXPECT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, RAM_GPA, ram, 0));
	munmap(ram, MIB);
	nvlink2_close_devices(&self->nvlink2);
	EXPECT_EQ(0, nvlink2_open_devices(&self->nvlink2));
}

static void *reset_gpu(void *arg)
{
	struct nvlink2 *nvlink2 = arg;

	vfio_dev_reset(&nvlink2->gpu);

	return NULL;
}

/* Nobody waits for the end of a reset, as another processor may have to end it */
TEST_F_TIMEOUT(tce, ram_during_reset, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	unsigned int again = 0;
	pthread_t thread;
	int ret;

	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, RAM_GPA, ram,
				      MIB));
	ASSERT_EQ(0, attach_table(self, 16));
	ASSERT_EQ(0, spapr_register(container, ram, MIB));
	EXPECT_EQ(-EIO, spapr_map(container, CHUNK, ram, CHUNK));

	ASSERT_EQ(0, pthread_create(&thread, NULL, reset_gpu, &self->nvlink2));
	while (pthread_tryjoin_np(thread, NULL)) {
		EXPECT_EQ(H_TOO_HARD,
			  put_tce(self, 0, RAM_GPA | TCE_READ_WRITE));
		ret = spapr_map(container, CHUNK, ram, CHUNK);
		EXPECT_TRUE(ret == -EIO || ret == -EAGAIN);
		again += ret == -EAGAIN;
		usleep(1000);
	}
	EXPECT_NE(0, again);
	EXPECT_EQ(-EIO, spapr_map(container, CHUNK, ram, CHUNK));
	EXPECT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, RAM_GPA, ram, 0));
	munmap(ram, MIB);
}

/* The guest has what is in the slot, however large the page of the host is */
TEST_F_TIMEOUT(tce, slot_smaller_than_its_page, NVLINK2_TIMEOUT)
{
	const uint64_t gpa = 64 * MIB;
	uint64_t *page, val = 0;

	want_huge_pages(4);
	page = mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		    MAP_ANONYMOUS | MAP_HUGETLB | 21 << MAP_HUGE_SHIFT, -1, 0);
	if ((void *)page == MAP_FAILED)
		SKIP(return, "no huge pages of 2 MiB");
	page[0] = NVLINK2_PATTERN;
	page[CHUNK / 8] = NVLINK2_PATTERN + 1;
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, gpa, page,
				      CHUNK));
	EXPECT_EQ(0, kvm_vcpu_load(&self->vcpu, gpa, &val));
	EXPECT_EQ(NVLINK2_PATTERN, val);
	EXPECT_EQ(KVM_EXIT_MMIO, kvm_vcpu_load(&self->vcpu, gpa + CHUNK, &val));
	EXPECT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, gpa, page, 0));
	munmap(page, HUGE_PAGE);
}

/* The table of the guest, attached to a window of 2 MiB pages */
static int attach_large_table(FIXTURE_DATA(tce) *self,
			      struct spapr_container *other)
{
	uint64_t start;
	int ret = spapr_open(other, nvlink2_other_group());

	if (!ret)
		ret = spapr_remove_window(other, 0);
	if (!ret)
		ret = spapr_create_window(other, 21, WINDOW, 1, &start);
	if (!ret)
		ret = kvm_guest_attach(&self->guest, other);
	if (ret)
		return ret;
	self->table = kvm_guest_tce_table(&self->guest, LIOBN, 21, WINDOW);
	if (self->table < 0)
		return self->table;

	return kvm_guest_attach_table(&self->guest, other, self->table);
}

/* @huge of @pages 2 MiB with a page of their own, the others in small ones */
static uint8_t *huge_and_small(unsigned int huge, unsigned int pages)
{
	uint8_t *memory = mmap(NULL, (pages + 1) * HUGE_PAGE,
			       PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if ((void *)memory == MAP_FAILED)
		return NULL;
	memory += HUGE_PAGE - (uintptr_t)memory % HUGE_PAGE;
	madvise(memory, pages * HUGE_PAGE, MADV_NOHUGEPAGE);
	want_huge_pages(4);
	if (mmap(memory, huge * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		 MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED | 21 << MAP_HUGE_SHIFT,
		 -1, 0) == MAP_FAILED)
		return NULL;

	return memory;
}

#define HUGE_GPA	(64 * MIB)

/* Small pages behind a huge one do not become one */
TEST_F_TIMEOUT(tce, small_pages_behind_a_huge_one, NVLINK2_TIMEOUT)
{
	uint8_t *memory = huge_and_small(1, 2);
	struct spapr_container other;

	if (nvlink2_other_group() < 0)
		SKIP(return, "no device of another kind: --other names one");
	if (!memory)
		SKIP(return, "no huge pages of 2 MiB");
	ASSERT_EQ(0, attach_large_table(self, &other));
	ASSERT_EQ(0, spapr_register(&other, memory, 2 * HUGE_PAGE));
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, HUGE_GPA, memory,
				      2 * HUGE_PAGE));
	EXPECT_EQ(H_TOO_HARD, put_tce(self, HUGE_PAGE, (HUGE_GPA + HUGE_PAGE) |
				      TCE_READ_WRITE));
	EXPECT_EQ(0, spapr_unregister(&other, memory, 2 * HUGE_PAGE));
	spapr_close(&other);
}

/* The middle of a huge page is no place for an IOMMU page as large as that */
TEST_F_TIMEOUT(tce, slot_in_the_middle_of_a_huge_page, NVLINK2_TIMEOUT)
{
	uint8_t *memory = huge_and_small(2, 2);
	struct spapr_container other;

	if (nvlink2_other_group() < 0)
		SKIP(return, "no device of another kind: --other names one");
	if (!memory)
		SKIP(return, "no huge pages of 2 MiB");
	ASSERT_EQ(0, attach_large_table(self, &other));
	ASSERT_EQ(0, spapr_register(&other, memory, 2 * HUGE_PAGE));
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, HUGE_GPA,
				      memory + CHUNK, HUGE_PAGE));
	EXPECT_EQ(H_TOO_HARD, put_tce(self, 0, HUGE_GPA | TCE_READ_WRITE));
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, HUGE_GPA, memory,
				      0));
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, HUGE_GPA, memory,
				      HUGE_PAGE));
	EXPECT_EQ(H_SUCCESS, put_tce(self, 0, HUGE_GPA | TCE_READ_WRITE));
	EXPECT_EQ(H_SUCCESS, put_tce(self, 0, 0));
	EXPECT_EQ(0, spapr_unregister(&other, memory, 2 * HUGE_PAGE));
	spapr_close(&other);
}

/* A page whose first access ends in a fault for user space */
static int delay_fault(void *page, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)page, .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	/* It can only be polled when it does not block */
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg)) {
		close(fd);
		return -EIO;
	}

	return fd;
}

static int supply_page(int fd, void *page, size_t size)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)page, .len = size },
	};

	return ioctl(fd, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;
}

struct indirect {
	struct kvm_vcpu *vcpu;
	uint64_t list;
	long ret;
};

static void *put_tce_indirect(void *arg)
{
	struct indirect *indirect = arg;

	indirect->ret = kvm_vcpu_hcall(indirect->vcpu, H_PUT_TCE_INDIRECT,
				       LIOBN, 0, indirect->list, 16);
	return NULL;
}

/* A table that is closed stays while a hypercall waits for a page */
TEST_F_TIMEOUT(tce, table_closed_in_hypercall, NVLINK2_TIMEOUT)
{
	const uint64_t gpa = 64 * MIB;
	struct indirect indirect = { .vcpu = &self->vcpu, .list = gpa };
	struct pollfd event = { .events = POLLIN };
	pthread_t thread;
	void *list;

	list = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, list);
	event.fd = delay_fault(list, CHUNK);
	if (event.fd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, gpa, list,
				      CHUNK));
	self->table = kvm_guest_tce_table(&self->guest, LIOBN, 16, WINDOW);
	ASSERT_LE(0, self->table);
	ASSERT_EQ(0, pthread_create(&thread, NULL, put_tce_indirect,
				    &indirect));
	EXPECT_EQ(1, poll(&event, 1, 60000));
	EXPECT_EQ(POLLIN, event.revents);
	close(self->table);
	self->table = -1;
	/* Some grace periods */
	sleep(2);
	EXPECT_EQ(0, supply_page(event.fd, list, CHUNK));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(H_SUCCESS, indirect.ret);
	EXPECT_EQ(H_TOO_HARD, put_tce(self, 0, 0));
	close(event.fd);
	EXPECT_EQ(0, kvm_guest_memory(&self->guest, SLOT_RAM, gpa, list, 0));
}

#define RACE_SECONDS	5

struct race {
	FIXTURE_DATA(tce) *self;
	volatile int stop;
	long calls;
};

static void *map_and_unmap(void *arg)
{
	struct race *race = arg;

	for (; !race->stop; race->calls++) {
		put_tce(race->self, race->calls % 64 * CHUNK,
			MEMORY_GPA | TCE_READ_WRITE);
		put_tce(race->self, race->calls % 64 * CHUNK, 0);
		kvm_vcpu_hcall(&race->self->vcpu, H_STUFF_TCE, LIOBN, 0, 0,
			       64);
	}

	return NULL;
}

/* Tables and groups come and go while the guest maps and unmaps */
TEST_F_TIMEOUT(tce, tables_come_and_go, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	struct race race = { .self = self };
	time_t end = time(NULL) + RACE_SECONDS;
	pthread_t thread;

	ASSERT_EQ(0, spapr_register(container, self->memory, MIB));
	ASSERT_EQ(0, pthread_create(&thread, NULL, map_and_unmap, &race));
	while (time(NULL) < end) {
		EXPECT_EQ(0, attach_table(self, 16));
		sched_yield();
		close(self->table);
	}
	self->table = -1;
	race.stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LT(0, race.calls);
	/* What is mapped goes with the window */
	EXPECT_EQ(0, spapr_remove_window(container, 0));
	EXPECT_EQ(0, spapr_unregister(container, self->memory, MIB));
}

struct entry {
	FIXTURE_DATA(tce) *self;
	struct kvm_vcpu *vcpu;
	uint64_t tce;
	time_t end;
};

static void *put_one_entry(void *arg)
{
	struct entry *entry = arg;

	while (time(NULL) < entry->end) {
		kvm_vcpu_hcall(entry->vcpu, H_PUT_TCE, LIOBN, 0, entry->tce, 0);
		kvm_vcpu_hcall(entry->vcpu, H_PUT_TCE, LIOBN, 0, 0, 0);
	}

	return NULL;
}

static void *map_one_entry(void *arg)
{
	struct entry *entry = arg;
	struct spapr_container *container = &entry->self->nvlink2.container;

	while (time(NULL) < entry->end) {
		spapr_map(container, 0, entry->self->memory + MIB, CHUNK);
		spapr_unmap(container, 0, CHUNK);
	}

	return NULL;
}

/*
 * CPUs of the guest and the container change one TCE at once. What is counted
 * for it too often or not often enough shows up when the memory is unregistered.
 */
TEST_F_TIMEOUT(tce, entry_of_two_cpus, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	struct entry entry[] = {
		{ self, &self->vcpu, MEMORY_GPA | TCE_READ_WRITE },
		{ self, NULL, (MEMORY_GPA + MIB) | TCE_READ_WRITE },
	};
	struct kvm_vcpu second;
	pthread_t threads[3];
	unsigned int i;

	ASSERT_EQ(0, kvm_vcpu_open(&self->guest, &second));
	entry[1].vcpu = &second;
	for (i = 0; i < ARRAY_SIZE(entry); i++)
		ASSERT_EQ(0, spapr_register(container, self->memory + i * MIB,
					    MIB));
	ASSERT_EQ(0, attach_table(self, 16));
	entry[0].end = time(NULL) + RACE_SECONDS;
	entry[1].end = entry[0].end;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, i < 2 ?
					    put_one_entry : map_one_entry,
					    &entry[i % 2]));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	kvm_vcpu_close(&second);
	EXPECT_EQ(H_SUCCESS, put_tce(self, 0, 0));
	for (i = 0; i < ARRAY_SIZE(entry); i++)
		EXPECT_EQ(0, spapr_unregister(container,
					      self->memory + i * MIB, MIB));
}

static long put_list(FIXTURE_DATA(tce) *self, uint64_t gpa, uint64_t count)
{
	return kvm_vcpu_hcall(&self->vcpu, H_PUT_TCE_INDIRECT, LIOBN, 0, gpa,
			      count);
}

/* A TCE in a list that permits nothing maps nothing, and unmaps what is there */
TEST_F_TIMEOUT(tce, list_without_permissions, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	const uint64_t list = MEMORY_GPA + 2 * MIB;
	uint64_t *tces = self->memory + 2 * MIB;

	ASSERT_EQ(0, spapr_register(container, self->memory, MIB));
	ASSERT_EQ(0, attach_table(self, 16));
	tces[0] = htobe64(MEMORY_GPA);
	tces[1] = htobe64(MEMORY_GPA | TCE_READ_WRITE);
	EXPECT_EQ(H_SUCCESS, put_list(self, list, 2));
	tces[1] = htobe64(MEMORY_GPA);
	EXPECT_EQ(H_SUCCESS, put_list(self, list, 2));
	EXPECT_EQ(0, spapr_unregister(container, self->memory, MIB));
}

#define LIST_LEN	512

static void *change_list(void *arg)
{
	struct race *race = arg;
	volatile uint64_t *tces = race->self->memory + 2 * MIB;
	const uint64_t tce = MEMORY_GPA | TCE_READ_WRITE;
	unsigned int i;

	for (i = 0; !race->stop; i++)
		tces[LIST_LEN - 1] = htobe64(i & 1 ? tce | 0x100 : tce);

	return NULL;
}

/* Another CPU changes the last TCE of a list while KVM reads it, twice */
TEST_F_TIMEOUT(tce, list_that_changes, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint64_t *tces = self->memory + 2 * MIB;
	struct race race = { .self = self };
	time_t end = time(NULL) + RACE_SECONDS;
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, spapr_register(container, self->memory, MIB));
	ASSERT_EQ(0, attach_table(self, 16));
	for (i = 0; i < LIST_LEN; i++)
		tces[i] = htobe64(MEMORY_GPA | TCE_READ_WRITE);
	ASSERT_EQ(0, pthread_create(&thread, NULL, change_list, &race));
	while (time(NULL) < end || race.calls < 16) {
		EXPECT_NE(LONG_MIN, put_list(self, MEMORY_GPA + 2 * MIB,
					     LIST_LEN));
		race.calls++;
	}
	race.stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, spapr_unmap(container, 0, LIST_LEN * CHUNK));
	EXPECT_EQ(0, spapr_unregister(container, self->memory, MIB));
}

NVLINK2_MAIN()
