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
	static const u32 retrain[] = { 4, 9, 10, 13, 10, 13 };

	KUNIT_EXPECT_FALSE(test, train(unfence, ARRAY_SIZE(unfence), 0));
	KUNIT_EXPECT_FALSE(test, train(no_phy_reset, ARRAY_SIZE(no_phy_reset), 0));
	KUNIT_EXPECT_FALSE(test, train(reset_after, ARRAY_SIZE(reset_after), 0));
	KUNIT_EXPECT_FALSE(test, train(reset_last, ARRAY_SIZE(reset_last), 0));
	KUNIT_EXPECT_TRUE(test, train(retrain, ARRAY_SIZE(retrain), 0));
}

static struct pnv_npu2 *npu2_test_npu(struct kunit *test)
{
	struct pnv_npu2 *npu = kunit_kzalloc(test, sizeof(*npu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, npu);
	return npu;
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
	KUNIT_CASE(npu2_test_atsd),
	KUNIT_CASE(npu2_test_reset),
	{}
};

static struct kunit_suite npu2_test_suite = {
	.name = "pnv-npu2",
	.test_cases = npu2_test_cases,
};

kunit_test_suite(npu2_test_suite);
