// SPDX-License-Identifier: GPL-2.0
/*
 * Each firmware call behind a good sequence fails once
 *
 * Open with a guest, train, map, DMA, reset, close: with the first of some OPAL
 * calls failing, then with the second, until there is none left to fail. Whoever
 * it hits has to say so when it is asked for something, and to leave nothing
 * behind: afterwards the same sequence works from beginning to end.
 * NVLINK2_SHARE=K/N in the environment fails only each Nth call, beginning with
 * the Kth, to share the work. Needs the module opal_fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/kvm.h"
#include "lib/reset.h"
#include "lib/sysfs.h"
#include "engine.h"
#include "faults.h"

#define OPAL_FAIL	"/sys/module/opal_fail/parameters/"
#define FAIL_TIMEOUT	20000
#define MAX_CALLS	1000
#define IOVA		(64 * MIB)
#define WINDOW_SIZE	(256 * MIB)

/* Nothing on the way says this on its own account: OPAL_TIMEOUT */
#define INJECTED_CODE	(-33)
#define INJECTED	ETIMEDOUT

/*
 * What can fail, see opal_fail.c. Calls by the PCI core are none of ours: it
 * takes all ones for an answer when an access to config space fails.
 */
#define CONFIG_READS	"opal_pci_config_read_byte,"		\
			"opal_pci_config_read_half_word,"	\
			"opal_pci_config_read_word"
#define CONFIG_WRITES	"opal_pci_config_write_byte,"		\
			"opal_pci_config_write_half_word,"	\
			"opal_pci_config_write_word"
#define BY_NPU		"pnv_npu2"
#define BY_PHB		"pnv_pci_ioda2"

FIXTURE(failfn)
{
	struct nvlink2 nvlink2;
	struct kvm_guest guest;
	const char *functions;
	long locked;
	int log;
};

/*
 * @functions: the OPAL calls of which one fails
 * @caller: who makes them
 * @kept: whether the error is that of the system call that runs into it. When
 *	not, it is one of many things on the way to fence links or to reset a
 *	GPU, and what counts is whether GPU RAM stays out of reach
 */
FIXTURE_VARIANT(failfn)
{
	const char *functions;
	const char *caller;
	bool kept;
};

/* The LPID of the GPU */
FIXTURE_VARIANT_ADD(failfn, map_lpid)
	{ "opal_npu_map_lpar", BY_NPU, .kept = true };
FIXTURE_VARIANT_ADD(failfn, init_context)
	{ "opal_npu_init_context", BY_NPU, .kept = true };
FIXTURE_VARIANT_ADD(failfn, destroy_context)
	{ "opal_npu_destroy_context", BY_NPU, .kept = true };
/* Whether DMA of the GPU is frozen */
FIXTURE_VARIANT_ADD(failfn, frozen_state)
	{ "opal_pci_next_error", BY_NPU, .kept = true };
/* Windows over NVLink, and over PCIe */
FIXTURE_VARIANT_ADD(failfn, deny_dma)
	{ "opal_pci_map_pe_dma_window_real", BY_NPU, .kept = true };
FIXTURE_VARIANT_ADD(failfn, nvlink_window)
	{ "opal_pci_map_pe_dma_window", BY_NPU, .kept = true };
FIXTURE_VARIANT_ADD(failfn, nvlink_tce_kill)
	{ "opal_pci_tce_kill", BY_NPU, .kept = true };
FIXTURE_VARIANT_ADD(failfn, pcie_window)
	{ "opal_pci_map_pe_dma_window", BY_PHB, .kept = true };
FIXTURE_VARIANT_ADD(failfn, pcie_bypass)
	{ "opal_pci_map_pe_dma_window_real", BY_PHB, .kept = true };
/* Links */
FIXTURE_VARIANT_ADD(failfn, bridge_config_write)
	{ CONFIG_WRITES, BY_NPU };
FIXTURE_VARIANT_ADD(failfn, bridge_config_read)
	{ CONFIG_READS, BY_NPU };

static int choose_calls(const char *functions, const char *caller)
{
	char line[64];
	int ret;

	ret = faults_write(OPAL_FAIL "functions", functions);
	/* Nothing at all cannot be written */
	snprintf(line, sizeof(line), "%s\n", caller);
	if (!ret)
		ret = faults_write(OPAL_FAIL "caller", line);
	if (!ret)
		ret = faults_write_number(OPAL_FAIL "code", INJECTED_CODE);
	if (!ret)
		ret = faults_write_number(OPAL_FAIL "pid", getpid());

	return ret;
}

static void arm(unsigned int nth)
{
	faults_write_number(OPAL_FAIL "failed", 0);
	faults_write_number(OPAL_FAIL "calls", 0);
	faults_write_number(OPAL_FAIL "skip", nth - 1);
	faults_write_number(OPAL_FAIL "times", 1);
}

static bool has_failed(void)
{
	return faults_read_number(OPAL_FAIL "failed") > 0;
}

static void disarm(void)
{
	faults_write_number(OPAL_FAIL "times", 0);
}

static void choose_nothing(void)
{
	disarm();
	faults_write(OPAL_FAIL "functions", "\n");
	faults_write(OPAL_FAIL "caller", "\n");
}

#define NEED_OPAL_FAIL()						\
	do {								\
		if (access(OPAL_FAIL "functions", W_OK))		\
			SKIP(return, "the module opal_fail is not loaded"); \
	} while (0)

FIXTURE_SETUP(failfn)
{
	NEED_GPU();
	self->log = watch_log_begin();
	if (kvm_guest_open(&self->guest))
		SKIP(return, "no HV KVM");
	kvm_guest_close(&self->guest);
	NEED_OPAL_FAIL();

	ASSERT_EQ(0, choose_calls(variant->functions, variant->caller))
		TH_LOG("%s cannot be made to fail", variant->functions);
	self->functions = variant->functions;
	self->locked = watch_status("VmLck");
}

FIXTURE_TEARDOWN(failfn)
{
	choose_nothing();
	EXPECT_QUIET_LOG(self->log);
}

/*
 * Whatever is asked of the kernel. An error is that of firmware, or EIO of what
 * needs links that are up, and where @must says so firmware's error is not
 * swallowed.
 */
struct asked {
	struct __test_metadata *_metadata;
	bool kept;
	bool armed;
	bool seen;
	int ret;
};

static int answer(struct asked *asked, const char *what, int ret, bool must)
{
	struct __test_metadata *_metadata = asked->_metadata;
	bool now = asked->armed && !asked->seen && has_failed();

	asked->seen |= now;
	if (ret)
		asked->ret = ret;

	EXPECT_TRUE(!ret || (asked->seen && ret == -INJECTED) ||
		    (asked->seen && !asked->kept && ret == -EIO))
		TH_LOG("%s: %d", what, ret);
	if (now && must && asked->kept)
		EXPECT_EQ(-INJECTED, ret) TH_LOG("%s", what);

	return ret;
}

static int open_for_guest(FIXTURE_DATA(failfn) *self)
{
	return nvlink2_open_for(&self->nvlink2, nvlink2_place(), &self->guest);
}

static int touch(void *ram)
{
	return watch_store(ram, 0x1234) ? -EIO : 0;
}

/* To and from a window of its own, as a guest does with all of its memory */
static void use_for_dma(FIXTURE_DATA(failfn) *self, struct asked *asked,
			void *ram)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint64_t start;

	if (answer(asked, "register", spapr_register(container, ram, MIB),
		   true))
		return;
	if (!answer(asked, "first window",
		    spapr_create_window(container, 16, WINDOW_SIZE, 1, &start),
		    true)) {
		answer(asked, "map", spapr_map(container, start + IOVA, ram,
					       MIB), true);
		answer(asked, "unmap", spapr_unmap(container, start + IOVA,
						   MIB), true);
		/* Gone for the user, whatever firmware says */
		answer(asked, "remove", spapr_remove_window(container, start),
		       false);
	}
	answer(asked, "unregister", spapr_unregister(container, ram, MIB),
	       true);
}

static void use_ram(FIXTURE_DATA(failfn) *self, struct asked *asked)
{
	void *ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	struct __test_metadata *_metadata = asked->_metadata;

	ASSERT_NE(MAP_FAILED, ram);
	answer(asked, "touch", touch(ram), false);
	use_for_dma(self, asked, ram);
	answer(asked, "reset", vfio_dev_reset(&self->nvlink2.gpu), false);
	/* Nobody has trained the links again, so nobody may touch anything */
	EXPECT_EQ(-EIO, touch(ram));
	answer(asked, "train again", nvlink2_train(&self->nvlink2), false);
	answer(asked, "touch again", touch(ram), false);
	munmap(ram, MIB);
}

static int sequence(struct __test_metadata *_metadata,
		    FIXTURE_DATA(failfn) *self, bool kept, bool armed)
{
	struct asked asked = {
		._metadata = _metadata,
		.kept = kept,
		.armed = armed,
	};

	if (answer(&asked, "guest", kvm_guest_open(&self->guest), true))
		return asked.ret;
	if (!answer(&asked, "open", open_for_guest(self), true)) {
		answer(&asked, "train", nvlink2_train(&self->nvlink2), false);
		use_ram(self, &asked);
		nvlink2_close(&self->nvlink2);
	}
	kvm_guest_close(&self->guest);

	return asked.ret;
}

/* Open without a guest, the GPU translates nothing */
static void translates_for_nobody(struct __test_metadata *_metadata,
				  FIXTURE_DATA(failfn) *self)
{
	struct engine engine;
	uint64_t val;

	ASSERT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
	EXPECT_EQ(0, nvlink2_train(&self->nvlink2));
	if (!engine_open(&engine, &self->nvlink2.gpu)) {
		EXPECT_EQ(ENGINE_ATS_REFUSED,
			  engine_to_system(&engine, ENGINE_ATS, 0,
					   (uintptr_t)&val, 0, sizeof(val)));
		engine_close(&engine);
	}
	nvlink2_close(&self->nvlink2);
}

static void is_as_before(struct __test_metadata *_metadata,
			 FIXTURE_DATA(failfn) *self)
{
	if (kvm_guests_alive() >= 0)
		EXPECT_EQ(0, kvm_guests_alive());
	EXPECT_EQ(self->locked, watch_status("VmLck"));
	EXPECT_EQ(0, sequence(_metadata, self, true, false));
	translates_for_nobody(_metadata, self);
}

/* D-09, D-53, D-55, D-57, D-58 */
TEST_F_TIMEOUT(failfn, each_call, FAIL_TIMEOUT)
{
	unsigned int nth, stride;
	bool failed = true;
	int ret;

	ASSERT_EQ(0, sequence(_metadata, self, true, false));
	faults_share(&nth, &stride);
	for (; nth < MAX_CALLS && failed; nth += stride) {
		arm(nth);
		ret = sequence(_metadata, self, variant->kept, true);
		failed = has_failed();
		disarm();
		TH_LOG("%s, call %u: %s, %d", self->functions, nth,
		       failed ? "failed" : "not reached", ret);
		/* One that is never called would pass for the wrong reason */
		EXPECT_TRUE(failed || nth > 1);
		if (failed)
			is_as_before(_metadata, self);
		ASSERT_TRUE(__test_passed(_metadata))
			TH_LOG("after failure of call %u", nth);
	}
	EXPECT_LT(nth, MAX_CALLS);
}

/* A link that may not have been fenced is not taken for fenced */
NVLINK2_FIXTURE(fence, nvlink2_prepare_mapped);

FIXTURE_VARIANT(fence)
{
	const char *functions;
};

FIXTURE_VARIANT_ADD(fence, config_read) { CONFIG_READS };
FIXTURE_VARIANT_ADD(fence, config_write) { CONFIG_WRITES };

TEST_F_TIMEOUT(fence, failure_is_seen, NVLINK2_TIMEOUT)
{
	int log = watch_log_begin();

	NEED_OPAL_FAIL();
	ASSERT_EQ(0, choose_calls(variant->functions, BY_NPU));
	arm(1);
	vfio_dev_reset(&self->nvlink2.gpu);
	EXPECT_TRUE(has_failed());
	choose_nothing();
	EXPECT_TRUE(watch_log_has(log, "cannot fence"));
	EXPECT_EQ(SIGBUS, watch_store(self->mem, 1));
	EXPECT_EQ(0, nvlink2_train(&self->nvlink2));
	EXPECT_EQ(0, watch_store(self->mem, 1));
	close(log);
}

/* A GPU whose slot firmware does not reset, which EEH asks it for */
NVLINK2_FIXTURE(unreset, nvlink2_prepare_mapped);

TEST_F_TIMEOUT(unreset, links_stay_down, NVLINK2_TIMEOUT)
{
	NEED_OPAL_FAIL();
	ASSERT_EQ(0, choose_calls("opal_pci_reset", "pnv_eeh_bridge_reset"));
	arm(1);
	EXPECT_EQ(-EIO, reset_fundamentally_by_eeh(&self->nvlink2));
	EXPECT_TRUE(has_failed());
	choose_nothing();
	EXPECT_EQ(SIGBUS, watch_store(self->mem, 1));
	EXPECT_EQ(0, reset_fundamentally_by_eeh(&self->nvlink2));
	EXPECT_EQ(SIGBUS, watch_store(self->mem, 1));
	EXPECT_EQ(0, nvlink2_train(&self->nvlink2));
	EXPECT_EQ(0, watch_store(self->mem, 1));
}

/* A GPU that is closed, with links that cannot be fenced and a reset that fails */
/* A GPU whose links are not fenced when it is closed, and which is not reset */
FIXTURE(stuck)
{
	struct nvlink2 nvlink2;
	struct kvm_guest guest;
	uint8_t *memory;
	long charged;
	int log;
};

FIXTURE_VARIANT(stuck)
{
	const char *functions;
};

/*
 * The fence is read back by bytes, and whether a GPU is there after its reset by
 * words. The kernel waits a minute for it.
 */
FIXTURE_VARIANT_ADD(stuck, absent) {
	"opal_pci_config_read_byte,opal_pci_config_read_word"
};

/*
 * Links are fenced, and a bus is reset, by half words. A bus that was not reset
 * answers at once, and the PCI core takes that for a reset.
 */
FIXTURE_VARIANT_ADD(stuck, refused) { "opal_pci_config_write_half_word" };

#define BY_PLATFORM	"pnv_"
#define ALWAYS		1000000
/* The PCI core tries each way to reset it, and waits as long after each */
#define STUCK_TIMEOUT	(3 * NVLINK2_TIMEOUT)

static int fail_always(const char *functions)
{
	int ret = choose_calls(functions, BY_PLATFORM);

	faults_write_number(OPAL_FAIL "skip", 0);
	faults_write_number(OPAL_FAIL "times", ALWAYS);
	return ret;
}

/* Memory of the guest that stays pinned because a GPU may still translate to it */
FIXTURE_SETUP(stuck)
{
	NEED_GPU();
	self->log = watch_log_begin();
	if (kvm_guest_open(&self->guest))
		SKIP(return, "no HV KVM");
	NEED_OPAL_FAIL();

	ASSERT_EQ(0, nvlink2_open_for(&self->nvlink2, nvlink2_place(),
				      &self->guest));
	/* Links that are known to be fenced are left alone */
	ASSERT_EQ(0, nvlink2_train(&self->nvlink2));
	self->memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->memory);
	self->charged = watch_status("VmLck");
	ASSERT_EQ(0, spapr_register(&self->nvlink2.container, self->memory,
				    MIB));
	ASSERT_EQ(0, spapr_unregister(&self->nvlink2.container, self->memory,
				      MIB));
	ASSERT_EQ(self->charged + (long)MIB / 1024, watch_status("VmLck"));

	/* Calls of this process fail, and another one would let the GPU sleep */
	ASSERT_EQ(0, sysfs_write(nvlink2_place()->gpu, "power/control", "on"));
	ASSERT_EQ(0, fail_always(variant->functions));
	vfio_dev_close(&self->nvlink2.gpu);
	choose_nothing();
}

/* The BARs of a GPU that was not there after its reset are lost */
static int find_again(const char *bdf)
{
	int ret = sysfs_write(bdf, "remove", "1");

	if (!ret)
		ret = sysfs_write_file("/sys/bus/pci/rescan", "1");
	return ret ?: sysfs_bind(bdf);
}

FIXTURE_TEARDOWN(stuck)
{
	nvlink2_close(&self->nvlink2);
	kvm_guest_close(&self->guest);
	EXPECT_EQ(0, find_again(nvlink2_place()->gpu));
	ASSERT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
	EXPECT_EQ(0, nvlink2_train(&self->nvlink2));
	nvlink2_close(&self->nvlink2);
	EXPECT_QUIET_LOG(self->log);
}

/* A reset that works ends it: that of the next open */
TEST_F_TIMEOUT(stuck, memory_stays_until_the_next_reset, STUCK_TIMEOUT)
{
	EXPECT_EQ(self->charged + (long)MIB / 1024, watch_status("VmLck"));
	ASSERT_EQ(0, vfio_dev_open(&self->nvlink2.container,
				   nvlink2_place()->gpu, &self->nvlink2.gpu));
	EXPECT_EQ(self->charged, watch_status("VmLck"));
}

/* An open without a reset is refused, and ends nothing */
TEST_F_TIMEOUT(stuck, memory_stays_when_it_is_not_opened, STUCK_TIMEOUT)
{
	ASSERT_EQ(0, fail_always(variant->functions));
	EXPECT_GT(0, vfio_dev_open(&self->nvlink2.container,
				   nvlink2_place()->gpu, &self->nvlink2.gpu));
	choose_nothing();
	EXPECT_EQ(self->charged + (long)MIB / 1024, watch_status("VmLck"));
}

/* There is nobody left to wait for a reset */
TEST_F_TIMEOUT(stuck, log_says_what_stays, STUCK_TIMEOUT)
{
	const char *bdf = nvlink2_place()->gpu;
	int log;

	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		SKIP(return, "kmemleak would report what stays");
	log = watch_log_begin();
	ASSERT_EQ(0, sysfs_write(bdf, "driver/unbind", bdf));
	EXPECT_TRUE(watch_log_has(log, "memory of its last guest stays"));
	EXPECT_EQ(self->charged + (long)MIB / 1024, watch_status("VmLck"));
	close(log);
}

/* Bridges that come while firmware does not stop their DMA */
FIXTURE(isolation)
{
	const struct nvlink2_place *place;
	int group;
};

FIXTURE_VARIANT(isolation)
{
	const char *functions;
};

FIXTURE_VARIANT_ADD(isolation, window) { "opal_pci_map_pe_dma_window_real" };
FIXTURE_VARIANT_ADD(isolation, tce_kill) { "opal_pci_tce_kill" };

static int find_bridges_again(const struct nvlink2_place *place)
{
	int i, ret = 0;

	for (i = 0; i < place->num_bridges && !ret; i++)
		ret = sysfs_write(place->bridge[i], "remove", "1");

	return ret ?: sysfs_write_file("/sys/bus/pci/rescan", "1");
}

FIXTURE_SETUP(isolation)
{
	NEED_GPU();
	NEED_OPAL_FAIL();
	self->place = nvlink2_place();
	self->group = sysfs_group(self->place->bridge[0]);
	ASSERT_LE(0, self->group);
	ASSERT_EQ(0, choose_calls(variant->functions, BY_NPU));
}

/* What was refused is handed out once firmware does as it is told */
FIXTURE_TEARDOWN(isolation)
{
	struct nvlink2 nvlink2;
	int i;

	choose_nothing();
	ASSERT_EQ(0, find_bridges_again(self->place));
	for (i = 0; i < self->place->num_bridges; i++) {
		EXPECT_EQ(self->group, sysfs_group(self->place->bridge[i]));
		EXPECT_EQ(0, sysfs_bind(self->place->bridge[i]));
	}
	ASSERT_EQ(0, nvlink2_open(&nvlink2, self->place));
	EXPECT_EQ(0, nvlink2_train(&nvlink2));
	nvlink2_close(&nvlink2);
}

TEST_F_TIMEOUT(isolation, failure_leaves_bridges_without_group, NVLINK2_TIMEOUT)
{
	char driver[32];
	int i, log = watch_log_begin();

	faults_write_number(OPAL_FAIL "failed", 0);
	faults_write_number(OPAL_FAIL "skip", 0);
	faults_write_number(OPAL_FAIL "times", ALWAYS);
	ASSERT_EQ(0, find_bridges_again(self->place));
	EXPECT_TRUE(has_failed());
	EXPECT_TRUE(watch_log_has(log, "Left without IOMMU group"));
	for (i = 0; i < self->place->num_bridges; i++) {
		EXPECT_GT(0, sysfs_group(self->place->bridge[i]));
		sysfs_bind(self->place->bridge[i]);
		sysfs_driver(self->place->bridge[i], driver, sizeof(driver));
		EXPECT_STREQ("", driver);
	}
	close(log);
}

NVLINK2_MAIN()
