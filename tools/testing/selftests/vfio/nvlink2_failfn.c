// SPDX-License-Identifier: GPL-2.0
/*
 * Each firmware call behind a good sequence fails once
 *
 * Open with a guest, train, map, DMA, reset, close: with the first call of a
 * function that stands for firmware failing, then with the second, until there
 * is none left to fail. Whoever it hits has to say so when it is asked for
 * something, and to leave nothing behind: afterwards the same sequence works
 * from beginning to end. NVLINK2_SHARE=K/N in the environment fails only each
 * Nth call, beginning with the Kth, to share the work. Needs
 * CONFIG_FAIL_FUNCTION and its files in debugfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "../kselftest_harness.h"
#include "lib/engine.h"
#include "lib/faults.h"
#include "lib/fixture.h"
#include "lib/kvm.h"

#define FAIL_FUNCTION	"/sys/kernel/debug/fail_function/"
#define FAIL_TIMEOUT	20000
#define MAX_CALLS	1000
#define IOVA		(64 * MIB)
#define WINDOW_SIZE	(256 * MIB)

/* What nothing on the way says on its own account */
#define INJECTED	EXFULL

FIXTURE(failfn)
{
	struct nvlink2 nvlink2;
	struct kvm_guest guest;
	const char *function;
	bool armed;
	long locked;
	int log;
};

/*
 * @function: what fails
 * @kept: whether its error is that of the system call that runs into it. When
 *	not, it is one of many things on the way to fence links or to reset a
 *	GPU, and what counts is whether GPU RAM stays out of reach
 */
FIXTURE_VARIANT(failfn)
{
	const char *function;
	bool kept;
};

/* The LPID of the GPU */
FIXTURE_VARIANT_ADD(failfn, map_lpid)
	{ .function = "pnv_npu2_map_lpid", .kept = true };
FIXTURE_VARIANT_ADD(failfn, init_context)
	{ .function = "pnv_npu2_init_context", .kept = true };
FIXTURE_VARIANT_ADD(failfn, destroy_context)
	{ .function = "pnv_npu2_destroy_context", .kept = true };
/* Windows over NVLink, and over PCIe */
FIXTURE_VARIANT_ADD(failfn, deny_dma)
	{ .function = "pnv_npu2_deny_pe", .kept = true };
FIXTURE_VARIANT_ADD(failfn, nvlink_window)
	{ .function = "pnv_npu2_program_tve", .kept = true };
FIXTURE_VARIANT_ADD(failfn, pcie_window)
	{ .function = "pnv_pci_ioda2_program_tve", .kept = true };
FIXTURE_VARIANT_ADD(failfn, pcie_bypass)
	{ .function = "pnv_pci_ioda2_set_bypass", .kept = true };
/* Links */
FIXTURE_VARIANT_ADD(failfn, bus_reset)
	{ .function = "pnv_eeh_do_bridge_reset" };
FIXTURE_VARIANT_ADD(failfn, bridge_config_write)
	{ .function = "pnv_npu2_cfg_write" };
FIXTURE_VARIANT_ADD(failfn, bridge_config_read)
	{ .function = "pnv_npu2_cfg_read" };

static int choose_function(const char *function)
{
	char path[128], val[24];
	int ret;

	ret = faults_write(FAIL_FUNCTION "inject", function);
	if (ret)
		return ret;

	snprintf(path, sizeof(path), FAIL_FUNCTION "%s/retval", function);
	snprintf(val, sizeof(val), "%#llx", -(unsigned long long)INJECTED);
	ret = faults_write(path, val);
	if (ret)
		return ret;

	faults_write_number(FAIL_FUNCTION "interval", 1);
	faults_write_number(FAIL_FUNCTION "verbose", 0);
	faults_write(FAIL_FUNCTION "task-filter", "Y");

	return faults_write_number("/proc/self/make-it-fail", 1);
}

static void arm(unsigned int nth)
{
	faults_write_number(FAIL_FUNCTION "times", 1);
	/* The call that brings this down to one is the one that fails */
	faults_write_number(FAIL_FUNCTION "space", nth);
	faults_write_number(FAIL_FUNCTION "probability", 100);
}

static bool has_failed(void)
{
	return faults_read_number(FAIL_FUNCTION "times") == 0;
}

static void disarm(void)
{
	faults_write_number(FAIL_FUNCTION "probability", 0);
}

FIXTURE_SETUP(failfn)
{
	int ret;

	NEED_GPU();
	self->log = watch_log_begin();
	if (kvm_guest_open(&self->guest))
		SKIP(return, "no HV KVM");
	kvm_guest_close(&self->guest);
	if (access(FAIL_FUNCTION "inject", W_OK))
		SKIP(return, "no " FAIL_FUNCTION ": CONFIG_FAIL_FUNCTION");

	ret = choose_function(variant->function);
	ASSERT_EQ(0, ret)
		TH_LOG("%s cannot be made to fail", variant->function);
	self->function = variant->function;
	self->locked = watch_status("VmLck");
}

FIXTURE_TEARDOWN(failfn)
{
	disarm();
	faults_write(FAIL_FUNCTION "inject", "");
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
		TH_LOG("%s, call %u: %s, %d", self->function, nth,
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

NVLINK2_MAIN()
