// SPDX-License-Identifier: GPL-2.0
/*
 * Defects of VFIO, KVM and powernv that any PCI device has and that chance seldom shows
 *
 * For a kernel that pauses where the races are, as tests/fixes has them: in
 * pause_for(), a task of that name. One case at a time: without the fix some of
 * them stop the host. The device that NVLINK2_OTHER names is in one container, a
 * GPU in another one. tests/full/49-fixes.t runs this.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "kselftest_harness.h"
#include "faults.h"
#include "lib/fixture.h"
#include "lib/kvm.h"
#include "lib/sysfs.h"

#define PAUSING		"-pauses"	/* In the release of such a kernel */
#define PAUSE_US	200000		/* pause_for() */
#define LIOBN		0x80000001
#define WINDOW		(256 * MIB)
/* The default window has pages of this size, the others of CHUNK */
#define SMALL_PAGE	4096
#define CHUNK		0x10000
#define MEMORY_GPA	(16 * MIB)
#define LARGE_GPA	0x200000000000ull
#define BAR_GPA		0x300000000000ull
#define VENDOR_NVIDIA	0x10de

enum { SLOT_CODE, SLOT_MEMORY, SLOT_OTHER };

FIXTURE(fixes)
{
	struct spapr_container container, second;
	struct kvm_guest guest;
	struct kvm_vcpu vcpu, vcpu2;
	void *memory;
	uint64_t start;
	int table;
	int log;
};

static bool kernel_pauses(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.release, PAUSING);
}

/* Without the series nothing knows GPUs by their links */
static const char *gpu(void)
{
	static char bdf[BDF_LEN];
	struct dirent *entry;
	DIR *dir = opendir(SYSFS_DEVICES);

	while (dir && !bdf[0] && (entry = readdir(dir))) {
		if (sysfs_number(entry->d_name, "vendor") == VENDOR_NVIDIA)
			snprintf(bdf, sizeof(bdf), "%.15s", entry->d_name);
	}
	if (dir)
		closedir(dir);

	return bdf;
}

static int open_group(struct spapr_container *container, const char *bdf)
{
	sysfs_for_each_in_group(sysfs_group(bdf), sysfs_bind);

	return spapr_open(container, sysfs_group(bdf));
}

FIXTURE_SETUP(fixes)
{
	if (!kernel_pauses())
		SKIP(return, "no kernel with pauses: see tests/fixes");
	self->log = watch_log_begin();
	self->table = -1;
	ASSERT_EQ(0, open_group(&self->container, getenv("NVLINK2_OTHER")));
	ASSERT_EQ(0, open_group(&self->second, gpu()));
	self->memory = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
	ASSERT_EQ(0, kvm_guest_open(&self->guest));
	ASSERT_EQ(0, kvm_vcpu_open(&self->guest, &self->vcpu));
	ASSERT_EQ(0, kvm_vcpu_open(&self->guest, &self->vcpu2));
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_MEMORY, MEMORY_GPA,
				      self->memory, 4 * MIB));
}

FIXTURE_TEARDOWN(fixes)
{
	if (self->table >= 0)
		close(self->table);
	kvm_vcpu_close(&self->vcpu);
	kvm_vcpu_close(&self->vcpu2);
	kvm_guest_close(&self->guest);
	spapr_close(&self->second);
	spapr_close(&self->container);
	EXPECT_QUIET_LOG(self->log);
}

/* A task that pauses by its name; a thread of its own, so that it can have one */
struct slow {
	FIXTURE_DATA(fixes) *self;
	long (*act)(FIXTURE_DATA(fixes) *self);
	const char *name;
	unsigned int delay_us;
	long result;
	bool paused;
	int log;
	pthread_t thread;
};

/* What pause_for() logs, since watch_log_begin() */
static bool log_has_pause(int log, const char *name)
{
	char line[32];
	bool found;

	snprintf(line, sizeof(line), "%s pauses", name);
	found = watch_log_has(log, line);
	close(log);

	return found;
}

static void *be_slow(void *arg)
{
	struct slow *slow = arg;

	usleep(slow->delay_us);
	prctl(PR_SET_NAME, slow->name);
	slow->result = slow->act(slow->self);
	prctl(PR_SET_NAME, "nvlink2_fixes");

	return NULL;
}

static void begin(struct slow *slow)
{
	slow->log = watch_log_begin();
	pthread_create(&slow->thread, NULL, be_slow, slow);
}

/* Begin, and come back in the middle of its pause */
static void begin_and_wait(struct slow *slow)
{
	begin(slow);
	usleep(PAUSE_US / 2);
}

static long end(struct slow *slow)
{
	pthread_join(slow->thread, NULL);
	slow->paused = log_has_pause(slow->log, slow->name);

	return slow->result;
}

/* Containers of one process share what either registers */
static int prepare_registered(FIXTURE_DATA(fixes) *self)
{
	void *own = self->memory + 3 * MIB;
	int ret;

	ret = spapr_register(&self->container, own, MIB);
	/* Creates the default window */
	if (!ret)
		ret = spapr_map(&self->container, MIB, own, SMALL_PAGE);
	if (!ret)
		ret = spapr_register(&self->second, self->memory, MIB);

	return ret;
}

static long map_page(FIXTURE_DATA(fixes) *self)
{
	return spapr_map(&self->container, 0, self->memory, SMALL_PAGE);
}

static void map_while_unregistered(struct __test_metadata *_metadata,
				   FIXTURE_DATA(fixes) *self, const char *name)
{
	struct slow map = { self, map_page, name };
	int unregistered;

	ASSERT_EQ(0, prepare_registered(self));
	begin_and_wait(&map);
	unregistered = spapr_unregister(&self->second, self->memory, MIB);
	EXPECT_TRUE(end(&map) || unregistered)
		TH_LOG("mapped, and unregistered");
	EXPECT_TRUE(map.paused);
}

TEST_F_TIMEOUT(fixes, map_races_unregister, NVLINK2_TIMEOUT)
{
	map_while_unregistered(_metadata, self, "maps-awake");
}

/* By then RCU has freed the registration */
TEST_F_TIMEOUT(fixes, map_one_step, NVLINK2_TIMEOUT)
{
	map_while_unregistered(_metadata, self, "maps-asleep");
}

TEST_F_TIMEOUT(fixes, owner_under_lock, NVLINK2_TIMEOUT)
{
	int log = watch_log_begin(), child = fork();

	if (!child) {
		prctl(PR_SET_NAME, "no-owner-yet");
		_exit(-map_page(self));
	}
	usleep(PAUSE_US / 2);
	ASSERT_EQ(0, spapr_register(&self->container, self->memory, MIB));
	EXPECT_EQ(EPERM, watch_child(child));
	EXPECT_TRUE(log_has_pause(log, "no-owner-yet"));
}

/* Fail one allocation of a page; returns -ENOENT when it was never made */
static int map_with_failure(struct spapr_container *container, uint64_t iova,
			    void *memory, unsigned int nth)
{
	char left[8] = "";
	int file, ret;

	faults_write("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	faults_write("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	file = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (file < 0)
		return -ENOENT;
	dprintf(file, "%u", nth);
	ret = spapr_map(container, iova, memory, CHUNK);
	pread(file, left, sizeof(left) - 1, 0);
	pwrite(file, "0", 1, 0);
	close(file);

	return atoi(left) ? -ENOENT : ret;
}

/*
 * The first TCE in a table of two levels takes two pages: one for the user
 * address, then one for the TCE
 */
static void map_and_fail(struct __test_metadata *_metadata,
			 FIXTURE_DATA(fixes) *self, unsigned int nth)
{
	struct spapr_container *container = &self->container;
	long locked;

	ASSERT_EQ(0, prepare_registered(self));
	ASSERT_EQ(0, spapr_create_window(container, 16, WINDOW, 2,
					 &self->start));
	ASSERT_EQ(0, spapr_unregister(&self->second, self->memory, MIB));
	locked = watch_status("VmLck");
	ASSERT_EQ(0, spapr_register(container, self->memory, MIB));
	EXPECT_EQ(-ENOMEM, map_with_failure(container, self->start,
					    self->memory, nth));
	EXPECT_EQ(0, spapr_unregister(container, self->memory, MIB));
	EXPECT_EQ(locked, watch_status("VmLck"));
}

TEST_F_TIMEOUT(fixes, check_user_address, NVLINK2_TIMEOUT)
{
	map_and_fail(_metadata, self, 1);
}

TEST_F_TIMEOUT(fixes, put_right_reference, NVLINK2_TIMEOUT)
{
	map_and_fail(_metadata, self, 2);
}

/* A window, and a table of the guest for it with pages of this size */
static int prepare_table(FIXTURE_DATA(fixes) *self, unsigned int page_shift)
{
	int ret;

	ret = spapr_register(&self->container, self->memory, MIB);
	if (!ret)
		ret = spapr_remove_window(&self->container, 0);
	if (!ret)
		ret = spapr_create_window(&self->container, 16, WINDOW, 1,
					  &self->start);
	if (!ret)
		ret = kvm_guest_attach(&self->guest, &self->container);
	if (ret)
		return ret;
	self->table = kvm_guest_tce_table(&self->guest, LIOBN, page_shift,
					  WINDOW);

	return self->table < 0 ? self->table : 0;
}

static long attach(FIXTURE_DATA(fixes) *self)
{
	return kvm_guest_attach_table(&self->guest, &self->container,
				      self->table);
}

static int prepare_attached(FIXTURE_DATA(fixes) *self, unsigned int page_shift)
{
	int ret = prepare_table(self, page_shift);

	return ret ? ret : attach(self);
}

static long put_tce(FIXTURE_DATA(fixes) *self)
{
	return kvm_vcpu_hcall(&self->vcpu, H_PUT_TCE, LIOBN, 0,
			      MEMORY_GPA | TCE_READ_WRITE, 0);
}

/* With slub_debug=FZP what has been freed is no empty table */
TEST_F_TIMEOUT(fixes, table_rcu, NVLINK2_TIMEOUT)
{
	struct slow slow = { self, attach, "attaches" };

	ASSERT_EQ(0, prepare_table(self, 16));
	begin_and_wait(&slow);
	EXPECT_EQ(0, spapr_remove_window(&self->container, self->start));
	EXPECT_EQ(-EINVAL, end(&slow));
	EXPECT_TRUE(slow.paused);
}

static long detach(FIXTURE_DATA(fixes) *self)
{
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = KVM_DEV_VFIO_GROUP_DEL,
		.addr = (uintptr_t)&self->container.group_fd,
	};

	return ioctl(self->guest.attach, KVM_SET_DEVICE_ATTR, &attr) ?
		-errno : 0;
}

TEST_F_TIMEOUT(fixes, serialize_removal, NVLINK2_TIMEOUT)
{
	struct slow slow = { self, detach, "detaches" };

	ASSERT_EQ(0, prepare_attached(self, 16));
	begin_and_wait(&slow);
	close(self->table);
	self->table = -1;
	EXPECT_EQ(0, end(&slow));
	EXPECT_TRUE(slow.paused);
}

/* The same of a link between a table and a group, which KVM follows */
TEST_F_TIMEOUT(fixes, invalidate_rcu, NVLINK2_TIMEOUT)
{
	struct slow slow = { self, put_tce, "invalidates" };

	ASSERT_EQ(0, prepare_attached(self, 16));
	begin_and_wait(&slow);
	EXPECT_EQ(0, spapr_remove_window(&self->container, self->start));
	end(&slow);
	EXPECT_TRUE(slow.paused);
}

/* A page of the guest of which only a half is registered */
TEST_F_TIMEOUT(fixes, cleared_references, NVLINK2_TIMEOUT)
{
	long locked;

	ASSERT_EQ(0, prepare_attached(self, 21));
	ASSERT_EQ(0, spapr_unregister(&self->container, self->memory, MIB));
	locked = watch_status("VmLck");
	ASSERT_EQ(0, spapr_register(&self->container, self->memory, MIB));
	EXPECT_EQ(H_TOO_HARD, put_tce(self));
	EXPECT_EQ(0, spapr_unregister(&self->container, self->memory, MIB));
	EXPECT_EQ(locked, watch_status("VmLck"));
}

static int register_device_memory(FIXTURE_DATA(fixes) *self)
{
	int ret;

	prctl(PR_SET_NAME, "has-device");
	ret = spapr_register(&self->container, self->memory, MIB);
	prctl(PR_SET_NAME, "nvlink2_fixes");

	return ret ? ret : map_page(self);
}

/* The kernel says when a task sleeps that RCU takes for a reader */
TEST_F_TIMEOUT(fixes, devmem_leave_rcu, NVLINK2_TIMEOUT)
{
	ASSERT_EQ(0, register_device_memory(self));
	usleep(PAUSE_US);
	EXPECT_EQ(0, spapr_unmap(&self->container, 0, SMALL_PAGE));
	EXPECT_EQ(0, spapr_unregister(&self->container, self->memory, MIB));
}

/* Clear the TCE of the parent as its guest does, with another one */
static int clear_for_parent(FIXTURE_DATA(fixes) *self)
{
	struct kvm_guest guest;
	struct kvm_vcpu vcpu;
	int table;

	if (kvm_guest_open(&guest) || kvm_vcpu_open(&guest, &vcpu) ||
	    kvm_guest_attach(&guest, &self->container))
		return -EIO;
	table = kvm_guest_tce_table(&guest, LIOBN, 16, WINDOW);
	if (kvm_guest_attach_table(&guest, &self->container, table))
		return -EPERM;
	kvm_vcpu_hcall(&vcpu, H_PUT_TCE, LIOBN, 0, 0, 0);

	return 0;
}

TEST_F_TIMEOUT(fixes, devmem_by_pfn, NVLINK2_TIMEOUT)
{
	int child;

	ASSERT_EQ(0, register_device_memory(self));
	child = fork();
	if (!child)
		_exit(-clear_for_parent(self));
	EXPECT_EQ(EPERM, watch_child(child));
	EXPECT_EQ(0, spapr_unmap(&self->container, 0, SMALL_PAGE));
}

static long store_first(FIXTURE_DATA(fixes) *self)
{
	return kvm_vcpu_store(&self->vcpu, BAR_GPA, 8, 1);
}

static long store_second(FIXTURE_DATA(fixes) *self)
{
	return kvm_vcpu_store(&self->vcpu2, BAR_GPA, 8, 1);
}

static void *map_bar(struct vfio_dev *dev, size_t size)
{
	struct vfio_region region;

	vfio_config_write(dev, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	if (vfio_region_get(dev, VFIO_PCI_BAR1_REGION_INDEX, &region))
		return MAP_FAILED;

	return vfio_region_mmap(dev, &region, 0, size);
}

/*
 * The first one to fault marks the PTE of the second one as written. A thread
 * cannot be created while somebody pauses in a fault.
 */
TEST_F_TIMEOUT(fixes, soft_dirty, NVLINK2_TIMEOUT)
{
	struct slow first = { self, store_first, "faults", PAUSE_US };
	struct slow second = { self, store_second, "writes-its-pte",
			       PAUSE_US * 3 / 2 };
	struct vfio_dev dev;
	void *bar;

	ASSERT_EQ(0, vfio_dev_open(&self->second, gpu(), &dev));
	bar = map_bar(&dev, MIB);
	ASSERT_NE(MAP_FAILED, bar);
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_OTHER, BAR_GPA, bar,
				      MIB));
	begin(&first);
	begin(&second);
	EXPECT_EQ(0, end(&first));
	EXPECT_EQ(0, end(&second));
	EXPECT_TRUE(first.paused && second.paused);
	EXPECT_EQ(0, kvm_guest_memory(&self->guest, SLOT_OTHER, BAR_GPA, bar,
				      0));
	munmap(bar, MIB);
	vfio_dev_close(&dev);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);

	return time.tv_sec + time.tv_nsec / 1e9;
}

/* As many addresses as the RAM of a GPU has, and one page */
TEST_F_TIMEOUT(fixes, unmap_range, NVLINK2_TIMEOUT)
{
	const size_t size = 128 * GIB;
	double begun, took;
	void *ram;

	ram = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, SLOT_OTHER, LARGE_GPA, ram,
				      size));
	EXPECT_EQ(0, kvm_vcpu_store(&self->vcpu, LARGE_GPA, 8, 1));
	begun = now();
	EXPECT_EQ(0, madvise(ram, size, MADV_DONTNEED));
	took = now() - begun;
	EXPECT_GT(0.1, took)
		TH_LOG("unmapped in %.3f s", took);
	EXPECT_EQ(0, kvm_guest_memory(&self->guest, SLOT_OTHER, LARGE_GPA, ram,
				      0));
}

TEST_F_TIMEOUT(fixes, reset_waits_once, NVLINK2_TIMEOUT)
{
	struct vfio_dev dev;
	double begun, took;

	ASSERT_EQ(0, vfio_dev_open(&self->second, gpu(), &dev));
	begun = now();
	EXPECT_EQ(0, vfio_dev_reset(&dev));
	took = now() - begun;
	EXPECT_GT(1.0, took)
		TH_LOG("reset in %.3f s", took);
	vfio_dev_close(&dev);
}

/* With no_reset_by_firmware on the command line */
TEST_F_TIMEOUT(fixes, fundamental_reset_ends, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->second;
	struct vfio_dev dev;
	char port[BDF_LEN];

	ASSERT_EQ(0, vfio_dev_open(container, gpu(), &dev));
	EXPECT_EQ(0, spapr_eeh(container, VFIO_EEH_PE_ENABLE));
	EXPECT_EQ(0, spapr_eeh(container, VFIO_EEH_PE_RESET_FUNDAMENTAL));
	EXPECT_EQ(0, spapr_eeh(container, VFIO_EEH_PE_RESET_DEACTIVATE));
	sysfs_port(gpu(), port, sizeof(port));
	EXPECT_EQ(0, sysfs_config(port, PCI_BRIDGE_CONTROL, 2) &
		     PCI_BRIDGE_CTL_BUS_RESET)
		TH_LOG("%s holds its bus in reset", port);
	EXPECT_EQ(0, spapr_eeh(container, VFIO_EEH_PE_CONFIGURE));
	vfio_dev_close(&dev);
}

NVLINK2_MAIN()
