// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of what the platform computes for NVLink2 GPUs
 */

#include <kunit/test.h>
#include <linux/pci.h>

#include <asm/pci-bridge.h>

#include "npu2.h"
#include "pci.h"

/* Runs procedures as firmware would, all of them successful but @fails */
static bool train(const u32 *procedures, unsigned int num, u32 fails)
{
	int last = 1;
	u16 done = 0;
	unsigned int i;

	for (i = 0; i < num; i++) {
		done = pnv_npu2_procedures_after(done, last, procedures[i]);
		last = procedures[i] == fails ? -EAGAIN : procedures[i];
	}

	return pnv_npu2_is_trained(done, last);
}

static void npu2_test_training(struct kunit *test)
{
	static const u32 full[] = { 4, 5, 6, 7, 9, 8, 10, 13 };
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, train(full, ARRAY_SIZE(full), 0));
	for (i = 0; i < ARRAY_SIZE(full); i++)
		KUNIT_EXPECT_FALSE(test, train(full, i, 0));

	KUNIT_EXPECT_FALSE(test, train(full, ARRAY_SIZE(full), 4));
	KUNIT_EXPECT_FALSE(test, train(full, ARRAY_SIZE(full), 9));
	KUNIT_EXPECT_FALSE(test, train(full, ARRAY_SIZE(full), 10));
	KUNIT_EXPECT_FALSE(test, train(full, ARRAY_SIZE(full), 13));
}

static void npu2_test_shortcuts(struct kunit *test)
{
	static const u32 unfence[] = { 10, 13 };
	static const u32 no_phy_reset[] = { 9, 10, 13 };
	static const u32 reset_after[] = { 4, 9, 10, 4, 10, 13 };
	static const u32 reset_last[] = { 4, 9, 10, 13, 4 };
	static const u32 calibrated[] = { 4, 9, 10, 13, 6, 13 };
	static const u32 retrain[] = { 4, 9, 10, 13, 10, 13 };

	KUNIT_EXPECT_FALSE(test, train(unfence, ARRAY_SIZE(unfence), 0));
	KUNIT_EXPECT_FALSE(test, train(no_phy_reset, ARRAY_SIZE(no_phy_reset), 0));
	KUNIT_EXPECT_FALSE(test, train(reset_after, ARRAY_SIZE(reset_after), 0));
	KUNIT_EXPECT_FALSE(test, train(reset_last, ARRAY_SIZE(reset_last), 0));
	KUNIT_EXPECT_FALSE(test, train(calibrated, ARRAY_SIZE(calibrated), 0));
	KUNIT_EXPECT_TRUE(test, train(retrain, ARRAY_SIZE(retrain), 0));
}

static bool does_nothing(u32 procedure)
{
	return procedure == 1 || procedure == 11 || procedure == 12;
}

/* What takes lanes down after a training, and what leaves the link trained */
static void npu2_test_disturbed(struct kunit *test)
{
	u32 procedures[] = { 4, 5, 6, 7, 9, 8, 10, 13, 0, 13 };
	unsigned int i;

	for (i = 0; i < 14; i++) {
		bool ok = does_nothing(i) || i == 13;

		procedures[8] = i;
		KUNIT_EXPECT_EQ_MSG(test, train(procedures, 9, 0), ok,
				    "procedure %u", i);
		KUNIT_EXPECT_EQ_MSG(test, train(procedures, 10, 0),
				    ok || i == 10,
				    "procedure %u and CHECK_CREDITS", i);
		KUNIT_EXPECT_EQ(test, pnv_npu2_procedure_is_idle(i),
				does_nothing(i));
	}
}

/* A procedure that runs, or fails, and one that will never run */
static void npu2_test_unfinished(struct kunit *test)
{
	u32 procedures[] = { 4, 5, 6, 7, 9, 8, 10, 13, 0 };
	unsigned int i;

	for (i = 0; i < 16; i++) {
		procedures[8] = i;
		KUNIT_EXPECT_EQ_MSG(test, train(procedures, 9, i),
				    does_nothing(i), "procedure %u", i);
	}
}

/* RESET_NTL and CHECK_CREDITS take the fence away */
static void npu2_test_fenced(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 16; i++) {
		KUNIT_EXPECT_FALSE(test, pnv_npu2_is_fenced_after(false, i));
		KUNIT_EXPECT_EQ_MSG(test, pnv_npu2_is_fenced_after(true, i),
				    i != 10 && i != 13, "procedure %u", i);
	}
}

/* Firmware names the first frozen PE: of those with higher numbers it says nothing */
static void npu2_test_frozen(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, pnv_npu2_is_frozen(false, -ENOENT, 5));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_is_frozen(true, -ENOENT, 5));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_is_frozen(true, 6, 5));
	KUNIT_EXPECT_TRUE(test, pnv_npu2_is_frozen(false, 5, 5));
	KUNIT_EXPECT_TRUE(test, pnv_npu2_is_frozen(true, 4, 5));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_is_frozen(false, 4, 5));
	KUNIT_EXPECT_TRUE(test, pnv_npu2_is_frozen(true, 0, 5));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_is_frozen(false, 0, 5));
}

/* Writes of one, two and four bytes to the register at 0x3e, or beside it */
static void npu2_test_write(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, pnv_npu2_write_sets(0x3e, 2, 0x40, 0x3e, 0x40));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_write_sets(0x3e, 2, 0xffbf, 0x3e, 0x40));
	KUNIT_EXPECT_TRUE(test, pnv_npu2_write_sets(0x3e, 1, 0x40, 0x3e, 0x40));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_write_sets(0x3f, 1, 0x40, 0x3e, 0x40));
	KUNIT_EXPECT_TRUE(test, pnv_npu2_write_sets(0x3f, 1, 0x04, 0x3e, 0x400));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_write_sets(0x3e, 1, 0x400, 0x3e, 0x400));
	KUNIT_EXPECT_TRUE(test, pnv_npu2_write_sets(0x3c, 4, 0x400000, 0x3e, 0x40));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_write_sets(0x3c, 4, 0x40, 0x3e, 0x40));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_write_sets(0x3c, 2, 0x40, 0x3e, 0x40));
	KUNIT_EXPECT_TRUE(test, pnv_npu2_write_sets(0x3e, 4, 0x40, 0x3e, 0x40));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_write_sets(0x40, 4, ~0, 0x3e, 0xffff));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_write_sets(0x38, 4, ~0, 0x3e, 0xffff));
}

static struct pnv_npu2 *npu2_test_npu(struct kunit *test)
{
	struct pnv_npu2 *npu = kunit_kzalloc(test, sizeof(*npu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, npu);
	return npu;
}

struct npu2_test_gate {
	struct pnv_npu2_gpu *gpu;
	unsigned int revoked;
};

static void npu2_test_revoke(void *data)
{
	((struct npu2_test_gate *)data)->revoked++;
}

/* A GPU without links is up when asked, one with a link that was never seen not */
static void npu2_test_gate_init(struct kunit *test, struct npu2_test_gate *gate,
				unsigned int num_bridges)
{
	struct pnv_npu2 *npu = kunit_kzalloc(test, sizeof(*npu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, npu);
	raw_spin_lock_init(&npu->mailbox_lock);
	gate->gpu = &npu->gpu[0];
	gate->gpu->npu = npu;
	gate->gpu->hose = kunit_kzalloc(test, sizeof(*gate->gpu->hose), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, gate->gpu->hose);
	gate->gpu->num_bridges = num_bridges;
	gate->gpu->bridge[0].gpu = gate->gpu;
	gate->revoked = 0;
	pnv_npu2_gate_init(gate->gpu);
	KUNIT_ASSERT_EQ(test, pnv_npu2_gpu_set_revoke(gate->gpu, npu2_test_revoke,
						      gate), 0);
}

static int npu2_test_touch(struct npu2_test_gate *gate)
{
	int ret = pnv_npu2_gpu_enter(gate->gpu);

	if (!ret)
		pnv_npu2_gpu_exit(gate->gpu);
	return ret;
}

static void npu2_test_begin(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_gpu_begin_change(gpu);
}

static void npu2_test_begin_end(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_gpu_begin_change(gpu);
	pnv_npu2_gpu_end_change(gpu);
}

static void npu2_test_nested(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_gpu_begin_change(gpu);
	pnv_npu2_gpu_begin_change(gpu);
	pnv_npu2_gpu_end_change(gpu);
}

static void npu2_test_assert(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_gate_enter_reset(gpu, NPU2_RESET_OF_GPU);
	pnv_npu2_gate_enter_reset(gpu, NPU2_RESET_OF_GPU);
}

static void npu2_test_assert_deassert(struct pnv_npu2_gpu *gpu)
{
	npu2_test_assert(gpu);
	pnv_npu2_gate_leave_reset(gpu, NPU2_RESET_OF_GPU);
}

static void npu2_test_two_resets(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_gate_enter_reset(gpu, NPU2_RESET_OF_GPU);
	pnv_npu2_gate_enter_reset(gpu, NPU2_RESET_OF_NPU);
	pnv_npu2_gate_leave_reset(gpu, NPU2_RESET_OF_GPU);
}

static void npu2_test_stray_deassert(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_gate_leave_reset(gpu, NPU2_RESET_OF_GPU);
}

static void npu2_test_reset_in_reset(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_gate_begin_reset(gpu);
	npu2_test_assert_deassert(gpu);
}

static void npu2_test_deassert_in_reset(struct pnv_npu2_gpu *gpu)
{
	npu2_test_assert(gpu);
	pnv_npu2_gate_begin_reset(gpu);
	pnv_npu2_gate_leave_reset(gpu, NPU2_RESET_OF_GPU);
}

static void npu2_test_reset_twice(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_gate_begin_reset(gpu);
	pnv_npu2_gate_begin_reset(gpu);
	pnv_npu2_gate_end_reset(gpu);
}

static void npu2_test_resets_over(struct pnv_npu2_gpu *gpu)
{
	npu2_test_reset_twice(gpu);
	pnv_npu2_gate_end_reset(gpu);
}

static void npu2_test_arm(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_try_arm(&gpu->bridge[0], 4);
}

static void npu2_test_arm_check_credits(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_try_arm(&gpu->bridge[0], 13);
}

static void npu2_test_arm_idle(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_try_arm(&gpu->bridge[0], 1);
	pnv_npu2_try_arm(&gpu->bridge[0], 11);
	pnv_npu2_try_arm(&gpu->bridge[0], 12);
}

static void npu2_test_fence(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_gpu_fence(gpu);
}

static void npu2_test_fence_in_change(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_gpu_begin_change(gpu);
	pnv_npu2_gpu_fence(gpu);
}

/* The table beside enum pnv_npu2_links, from UP on */
static const struct npu2_gate_case {
	const char *what;
	void (*event)(struct pnv_npu2_gpu *gpu);
	enum pnv_npu2_links links;
	unsigned int revoked;
	int touch;
} npu2_gate_cases[] = {
	{ "begin a change", npu2_test_begin, NPU2_LINKS_CHANGING, 1, -EAGAIN },
	{ "begin and end a change", npu2_test_begin_end, NPU2_LINKS_DOWN, 1, 0 },
	{ "change within a change", npu2_test_nested, NPU2_LINKS_CHANGING, 1, -EAGAIN },
	{ "reset asserted twice", npu2_test_assert, NPU2_LINKS_CHANGING, 1, -EAGAIN },
	{ "reset that is over", npu2_test_assert_deassert, NPU2_LINKS_DOWN, 1, 0 },
	{ "reset of NPU and GPU", npu2_test_two_resets, NPU2_LINKS_CHANGING, 1, -EAGAIN },
	{ "end of no reset", npu2_test_stray_deassert, NPU2_LINKS_UP, 0, 0 },
	{ "fence", npu2_test_fence, NPU2_LINKS_DOWN, 1, 0 },
	{ "EEH within a reset", npu2_test_reset_in_reset, NPU2_LINKS_CHANGING, 1, -EAGAIN },
	{ "end of EEH in a reset", npu2_test_deassert_in_reset, NPU2_LINKS_CHANGING, 1, -EAGAIN },
	{ "reset within a reset", npu2_test_reset_twice, NPU2_LINKS_CHANGING, 1, -EAGAIN },
	{ "both over", npu2_test_resets_over, NPU2_LINKS_DOWN, 1, 0 },
	{ "procedure", npu2_test_arm, NPU2_LINKS_DOWN, 1, 0 },
	{ "CHECK_CREDITS", npu2_test_arm_check_credits, NPU2_LINKS_DOWN, 1, 0 },
	{ "procedures that do nothing", npu2_test_arm_idle, NPU2_LINKS_UP, 0, 0 },
	{ "fence in a change", npu2_test_fence_in_change, NPU2_LINKS_CHANGING, 1, -EAGAIN },
};

KUNIT_ARRAY_PARAM_DESC(npu2_gate, npu2_gate_cases, what);

static void npu2_test_gate(struct kunit *test)
{
	const struct npu2_gate_case *c = test->param_value;
	struct npu2_test_gate gate;

	npu2_test_gate_init(test, &gate, 0);
	KUNIT_EXPECT_EQ(test, gate.gpu->links, NPU2_LINKS_DOWN);
	KUNIT_EXPECT_EQ(test, npu2_test_touch(&gate), 0);
	KUNIT_EXPECT_EQ(test, gate.gpu->links, NPU2_LINKS_UP);
	KUNIT_EXPECT_EQ(test, gate.revoked, 0);

	c->event(gate.gpu);
	KUNIT_EXPECT_EQ(test, gate.gpu->links, c->links);
	KUNIT_EXPECT_EQ(test, gate.revoked, c->revoked);
	KUNIT_EXPECT_EQ(test, npu2_test_touch(&gate), c->touch);
}

static void npu2_test_gate_down(struct kunit *test)
{
	struct npu2_test_gate gate;

	npu2_test_gate_init(test, &gate, 1);
	KUNIT_EXPECT_EQ(test, npu2_test_touch(&gate), -EIO);
	KUNIT_EXPECT_EQ(test, gate.gpu->links, NPU2_LINKS_DOWN);
	npu2_test_begin(gate.gpu);
	KUNIT_EXPECT_EQ(test, npu2_test_touch(&gate), -EAGAIN);
	KUNIT_EXPECT_EQ(test, gate.revoked, 0);
}

static bool npu2_test_may_change(struct pnv_npu2_gpu *gpu, bool flr)
{
	bool may;

	raw_spin_lock_irq(&gpu->npu->mailbox_lock);
	may = pnv_npu2_may_change(&gpu->bridge[0], flr);
	raw_spin_unlock_irq(&gpu->npu->mailbox_lock);

	return may;
}

/* Writes by anybody: the rows of the table for them, in each state */
static void npu2_test_config_write(struct kunit *test)
{
	struct npu2_test_gate gate;

	npu2_test_gate_init(test, &gate, 0);
	KUNIT_EXPECT_TRUE(test, npu2_test_may_change(gate.gpu, true));
	KUNIT_EXPECT_TRUE(test, npu2_test_may_change(gate.gpu, false));
	KUNIT_EXPECT_TRUE(test, pnv_npu2_gpu_may_go(gate.gpu));

	npu2_test_touch(&gate);
	KUNIT_ASSERT_EQ(test, gate.gpu->links, NPU2_LINKS_UP);
	KUNIT_EXPECT_FALSE(test, npu2_test_may_change(gate.gpu, true));
	KUNIT_EXPECT_FALSE(test, npu2_test_may_change(gate.gpu, false));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_gpu_may_go(gate.gpu));

	pnv_npu2_gpu_begin_change(gate.gpu);
	KUNIT_EXPECT_TRUE(test, npu2_test_may_change(gate.gpu, true));
	KUNIT_EXPECT_FALSE(test, npu2_test_may_change(gate.gpu, false));
	KUNIT_EXPECT_TRUE(test, pnv_npu2_gpu_may_go(gate.gpu));
	KUNIT_EXPECT_EQ(test, gate.revoked, 1);
}

/* A GPU that goes has to be trained again, one that may not go does not */
static void npu2_test_go(struct kunit *test)
{
	struct npu2_test_gate gate;

	npu2_test_gate_init(test, &gate, 1);
	gate.gpu->links = NPU2_LINKS_UP;
	gate.gpu->bridge[0].procedures = 1;
	KUNIT_EXPECT_FALSE(test, pnv_npu2_gpu_may_go(gate.gpu));
	KUNIT_EXPECT_EQ(test, gate.gpu->bridge[0].procedures, 1);

	gate.gpu->links = NPU2_LINKS_DOWN;
	KUNIT_EXPECT_TRUE(test, pnv_npu2_gpu_may_go(gate.gpu));
	KUNIT_EXPECT_EQ(test, gate.gpu->bridge[0].procedures, 0);

	gate.gpu->bridge[0].procedures = 1;
	pnv_npu2_gpu_begin_change(gate.gpu);
	KUNIT_EXPECT_TRUE(test, pnv_npu2_gpu_may_go(gate.gpu));
	KUNIT_EXPECT_EQ(test, gate.gpu->bridge[0].procedures, 0);
}

/* Arming by VFIO; there is no bridge to arm. Firmware would be asked in DOWN */
static void npu2_test_try_arm(struct kunit *test)
{
	struct npu2_test_gate gate;

	npu2_test_gate_init(test, &gate, 1);
	KUNIT_EXPECT_EQ(test, pnv_npu2_try_arm(&gate.gpu->bridge[0], 4), -ENODEV);
	KUNIT_EXPECT_EQ(test, gate.gpu->links, NPU2_LINKS_DOWN);

	pnv_npu2_gate_begin_reset(gate.gpu);
	KUNIT_EXPECT_EQ(test, pnv_npu2_try_arm(&gate.gpu->bridge[0], 4), -EAGAIN);
	KUNIT_EXPECT_EQ(test, pnv_npu2_try_arm(&gate.gpu->bridge[0], 1), -EAGAIN);
	pnv_npu2_gate_end_reset(gate.gpu);
	KUNIT_EXPECT_EQ(test, pnv_npu2_try_arm(&gate.gpu->bridge[0], 4), -ENODEV);
	KUNIT_EXPECT_EQ(test, gate.revoked, 0);

	pnv_npu2_gpu_clear_revoke(gate.gpu, &gate);
	KUNIT_EXPECT_EQ(test, pnv_npu2_try_arm(&gate.gpu->bridge[0], 4), -EACCES);
	KUNIT_EXPECT_EQ(test, pnv_npu2_try_arm(&gate.gpu->bridge[0], 1), -EACCES);
}

/* However many ask for a fence, each waits as long as one; a fence is free */
static void npu2_test_pace(struct kunit *test)
{
	struct npu2_test_gate gate;
	struct pnv_npu2_bridge *bridge;
	long first, second;

	npu2_test_gate_init(test, &gate, 1);
	bridge = &gate.gpu->bridge[0];
	bridge->next_fence = jiffies;
	KUNIT_EXPECT_LE(test, pnv_npu2_until_fence(bridge), 0);
	first = pnv_npu2_until_fence(bridge);
	second = pnv_npu2_until_fence(bridge);
	KUNIT_EXPECT_LE(test, first, HZ / 10);
	KUNIT_EXPECT_LE(test, second, first);

	bridge->next_fence = jiffies + HZ;
	KUNIT_EXPECT_GT(test, pnv_npu2_until_fence(bridge), 0);
	bridge->fenced = true;
	KUNIT_EXPECT_EQ(test, pnv_npu2_until_fence(bridge), 0);
}

/* A bridge that was never found cannot be fenced */
static void npu2_test_fence_unknown(struct kunit *test)
{
	struct npu2_test_gate gate;

	npu2_test_gate_init(test, &gate, 1);
	KUNIT_EXPECT_EQ(test, pnv_npu2_gpu_fence(gate.gpu), -ENODEV);
}

static void npu2_test_atsd(struct kunit *test)
{
	struct pnv_npu2 *npu = npu2_test_npu(test);

	KUNIT_EXPECT_EQ(test, pnv_npu2_atsd_of_link(npu, 0), 0);

	npu->num_atsd = 3;
	npu->atsd[0] = 0x6030200800000;
	npu->atsd[1] = 0x6030200810008;
	npu->atsd[2] = 0x6030200820000;
	KUNIT_EXPECT_EQ(test, pnv_npu2_atsd_of_link(npu, 0), 0x6030200800000);
	KUNIT_EXPECT_EQ(test, pnv_npu2_atsd_of_link(npu, 1), 0);
	KUNIT_EXPECT_EQ(test, pnv_npu2_atsd_of_link(npu, 2), 0x6030200820000);
	KUNIT_EXPECT_EQ(test, pnv_npu2_atsd_of_link(npu, 3), 0);
	KUNIT_EXPECT_EQ(test, pnv_npu2_atsd_of_link(npu, U32_MAX), 0);

	/* Firmware that has one block for the whole NPU */
	npu->num_atsd = 1;
	KUNIT_EXPECT_EQ(test, pnv_npu2_atsd_of_link(npu, 5), 0x6030200800000);
}

/* With owners of their own, GPUs do not share a block of registers */
static void npu2_test_atsd_isolated(struct kunit *test)
{
	struct pnv_npu2 *npu = npu2_test_npu(test);

	npu->num_gpus = 2;
	npu->gpu[0].npu = npu;
	npu->gpu[1].npu = npu;

	npu->num_atsd = 1;
	KUNIT_EXPECT_TRUE(test, pnv_npu2_gpu_has_atsd(&npu->gpu[0]));
	KUNIT_EXPECT_TRUE(test, pnv_npu2_gpu_has_atsd(&npu->gpu[1]));

	npu->isolate = true;
	KUNIT_EXPECT_TRUE(test, pnv_npu2_gpu_has_atsd(&npu->gpu[0]));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_gpu_has_atsd(&npu->gpu[1]));

	npu->num_atsd = 8;
	KUNIT_EXPECT_TRUE(test, pnv_npu2_gpu_has_atsd(&npu->gpu[1]));
}

/* Bridges of a board with six GPUs; the other links lead to GPUs or nowhere */
static void npu2_test_peer_links(struct kunit *test)
{
	struct pnv_npu2 *npu = npu2_test_npu(test);
	struct pnv_npu2_gpu *gpu = &npu->gpu[0];
	struct device_node *dn, *ends[PNV_NPU2_MAX_LINKS];

	dn = kunit_kcalloc(test, 3, sizeof(*dn), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dn);
	gpu->num_bridges = 2;
	gpu->bridge[0].dn = &dn[0];
	gpu->bridge[1].dn = &dn[1];

	ends[0] = &dn[2];
	ends[1] = &dn[0];
	ends[2] = &dn[2];
	ends[3] = NULL;
	ends[4] = &dn[2];
	ends[5] = &dn[1];
	KUNIT_EXPECT_EQ(test, pnv_npu2_find_peer_links(gpu, ends), 0);
	KUNIT_EXPECT_EQ(test, gpu->peer_links, 0x1d);

	/* A bridge at the end of two links, and one at the end of none */
	ends[4] = &dn[1];
	KUNIT_EXPECT_EQ(test, pnv_npu2_find_peer_links(gpu, ends), -EINVAL);
	ends[4] = &dn[2];
	ends[5] = &dn[2];
	KUNIT_EXPECT_EQ(test, pnv_npu2_find_peer_links(gpu, ends), -EINVAL);
}

/* An error of the bus within the GPU has some of the bits set */
static void npu2_test_cut(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, pnv_npu2_is_cut(0x00150000, 0x15));
	KUNIT_EXPECT_TRUE(test, pnv_npu2_is_cut(0x003f0001, 0x15));
	KUNIT_EXPECT_TRUE(test, pnv_npu2_is_cut(0, 0));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_is_cut(0, 0x15));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_is_cut(0x00140000, 0x15));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_is_cut(0x15, 0x15));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_is_cut(0xbadf1100, 0x15));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_is_cut(0xbad0015f, 0));
	KUNIT_EXPECT_FALSE(test, pnv_npu2_is_cut(0xffffffff, 0x15));
}

static void npu2_test_reset(struct kunit *test)
{
	struct pnv_npu2 *npu = npu2_test_npu(test);
	struct pnv_npu2_gpu *gpu = &npu->gpu[0];
	struct pci_controller *npu_hose, *gpu_hose, *other_hose;
	struct pci_bus *bus;

	npu->phb = kunit_kzalloc(test, sizeof(*npu->phb), GFP_KERNEL);
	npu_hose = kunit_kzalloc(test, sizeof(*npu_hose), GFP_KERNEL);
	gpu_hose = kunit_kzalloc(test, sizeof(*gpu_hose), GFP_KERNEL);
	other_hose = kunit_kzalloc(test, sizeof(*other_hose), GFP_KERNEL);
	bus = kunit_kzalloc(test, sizeof(*bus), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, npu->phb && npu_hose && gpu_hose && other_hose && bus);

	npu->phb->hose = npu_hose;
	gpu->npu = npu;
	gpu->hose = gpu_hose;
	gpu->bdfn = PCI_DEVID(3, 0);

	KUNIT_EXPECT_EQ(test, pnv_npu2_reset_of(gpu, npu_hose, NULL), NPU2_RESET_OF_NPU);
	KUNIT_EXPECT_EQ(test, pnv_npu2_reset_of(gpu, gpu_hose, NULL), NPU2_RESET_OF_GPU);
	KUNIT_EXPECT_EQ(test, pnv_npu2_reset_of(gpu, other_hose, NULL), 0);

	bus->busn_res.start = 2;
	bus->busn_res.end = 4;
	KUNIT_EXPECT_EQ(test, pnv_npu2_reset_of(gpu, gpu_hose, bus), NPU2_RESET_OF_GPU);
	bus->busn_res.start = 4;
	KUNIT_EXPECT_EQ(test, pnv_npu2_reset_of(gpu, gpu_hose, bus), 0);
	bus->busn_res.start = 2;
	bus->busn_res.end = 2;
	KUNIT_EXPECT_EQ(test, pnv_npu2_reset_of(gpu, gpu_hose, bus), 0);
}

static struct kunit_case npu2_test_cases[] = {
	KUNIT_CASE(npu2_test_training),
	KUNIT_CASE(npu2_test_shortcuts),
	KUNIT_CASE(npu2_test_disturbed),
	KUNIT_CASE(npu2_test_unfinished),
	KUNIT_CASE(npu2_test_fenced),
	KUNIT_CASE(npu2_test_frozen),
	KUNIT_CASE(npu2_test_write),
	KUNIT_CASE_PARAM(npu2_test_gate, npu2_gate_gen_params),
	KUNIT_CASE(npu2_test_gate_down),
	KUNIT_CASE(npu2_test_config_write),
	KUNIT_CASE(npu2_test_go),
	KUNIT_CASE(npu2_test_try_arm),
	KUNIT_CASE(npu2_test_pace),
	KUNIT_CASE(npu2_test_fence_unknown),
	KUNIT_CASE(npu2_test_atsd),
	KUNIT_CASE(npu2_test_atsd_isolated),
	KUNIT_CASE(npu2_test_peer_links),
	KUNIT_CASE(npu2_test_cut),
	KUNIT_CASE(npu2_test_reset),
	{}
};

static struct kunit_suite npu2_test_suite = {
	.name = "pnv-npu2",
	.test_cases = npu2_test_cases,
};

kunit_test_suite(npu2_test_suite);
