// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of what VFIO PCI NVLink2 computes without a device
 */

#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/module.h>

#include "vfio_pci_nvlink2.h"

#define REGION_SIZE	(128ULL << 30)
#define REGION_PAGES	(REGION_SIZE >> PAGE_SHIFT)

static void nvlink2_test_pgoff(struct kunit *test)
{
	u64 first = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_NUM_REGIONS) >> PAGE_SHIFT;
	u64 last = (VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_NUM_REGIONS + 1) >>
		    PAGE_SHIFT) - 1;

	KUNIT_EXPECT_EQ(test, nvlink2_region_pgoff(first), 0);
	KUNIT_EXPECT_EQ(test, nvlink2_region_pgoff(first + 5), 5);
	KUNIT_EXPECT_EQ(test, nvlink2_region_pgoff(last),
			VFIO_PCI_OFFSET_MASK >> PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, nvlink2_region_pgoff(last + 1), 0);
}

static const struct nvlink2_pages_case {
	const char *what;
	u64 pgoff, pages, size;
	bool ok;
} nvlink2_pages_cases[] = {
	{ "whole", 0, REGION_PAGES, REGION_SIZE, true },
	{ "first page", 0, 1, REGION_SIZE, true },
	{ "last page", REGION_PAGES - 1, 1, REGION_SIZE, true },
	{ "second half", REGION_PAGES / 2, REGION_PAGES / 2, REGION_SIZE, true },
	{ "nothing", 0, 0, REGION_SIZE, false },
	{ "too long", 0, REGION_PAGES + 1, REGION_SIZE, false },
	{ "across the end", REGION_PAGES - 1, 2, REGION_SIZE, false },
	{ "at the end", REGION_PAGES, 1, REGION_SIZE, false },
	{ "far behind", REGION_PAGES * 4, 1, REGION_SIZE, false },
	{ "length wraps", 1, U64_MAX, REGION_SIZE, false },
	{ "offset wraps", U64_MAX, 1, REGION_SIZE, false },
	{ "sum wraps", U64_MAX - 1, 2, REGION_SIZE, false },
	{ "empty region", 0, 1, 0, false },
	{ "less than a page", 0, 1, PAGE_SIZE - 1, false },
};

KUNIT_ARRAY_PARAM_DESC(nvlink2_pages, nvlink2_pages_cases, what);

static void nvlink2_test_pages(struct kunit *test)
{
	const struct nvlink2_pages_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, nvlink2_pages_ok(c->pgoff, c->pages, c->size),
			c->ok);
}

static const struct nvlink2_ram_size_case {
	const char *what;
	u32 local_memory;
	u64 size;
} nvlink2_ram_size_cases[] = {
	{ "32 GiB", 0x20a, 32ULL << 30 },
	{ "16 GiB", 0x10a, 16ULL << 30 },
	{ "with ECC", 0x4000010a, 15ULL << 30 },
	{ "other bits", 0x3000010a, 16ULL << 30 },
	{ "largest", 0x20c, REGION_SIZE },
	{ "smallest", 0x10, SZ_1M },
	{ "larger than the aperture", 0x21c, 0 },
	{ "not set up", 0, 0 },
	{ "GPU is gone", U32_MAX, 0 },
	{ "register is not there", 0xbadf1100, 0 },
	{ "access not allowed", 0xbadf5040, 0 },
};

KUNIT_ARRAY_PARAM_DESC(nvlink2_ram_size, nvlink2_ram_size_cases, what);

static void nvlink2_test_ram_size(struct kunit *test)
{
	const struct nvlink2_ram_size_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, nvlink2_ram_size(c->local_memory, REGION_SIZE),
			c->size);
}

static void nvlink2_test_atsd_access(struct kunit *test)
{
	u64 pos;

	for (pos = 0; pos < 0x20; pos++)
		KUNIT_EXPECT_EQ(test, nvlink2_atsd_access_ok(pos, 8),
				pos == 0 || pos == 8 || pos == 0x10);

	KUNIT_EXPECT_FALSE(test, nvlink2_atsd_access_ok(5, 3));
	KUNIT_EXPECT_FALSE(test, nvlink2_atsd_access_ok(0, 0));
	KUNIT_EXPECT_FALSE(test, nvlink2_atsd_access_ok(0, 1));
	KUNIT_EXPECT_FALSE(test, nvlink2_atsd_access_ok(0, 4));
	KUNIT_EXPECT_FALSE(test, nvlink2_atsd_access_ok(0, 16));
	KUNIT_EXPECT_FALSE(test, nvlink2_atsd_access_ok(NVLINK2_ATSD_SIZE - 8, 8));
	KUNIT_EXPECT_FALSE(test, nvlink2_atsd_access_ok(U64_MAX - 7, 8));
}

static const struct nvlink2_split_case {
	const char *what;
	u64 pos;
	size_t count;
	size_t split;
	bool inside;
} nvlink2_split_cases[] = {
	/* of the range [0x84, 0x8c) */
	{ "before", 0x40, 4, 4, false },
	{ "up to it", 0x80, 4, 4, false },
	{ "into it", 0x82, 4, 2, false },
	{ "across it", 0, 0x100, 0x84, false },
	{ "first byte", 0x84, 1, 1, true },
	{ "all of it", 0x84, 8, 8, true },
	{ "out of it", 0x88, 8, 4, true },
	{ "last byte", 0x8b, 2, 1, true },
	{ "behind", 0x8c, 4, 4, false },
	{ "far behind", 0x1000, SIZE_MAX, SIZE_MAX, false },
};

KUNIT_ARRAY_PARAM_DESC(nvlink2_split, nvlink2_split_cases, what);

static void nvlink2_test_split(struct kunit *test)
{
	const struct nvlink2_split_case *c = test->param_value;
	bool inside;

	KUNIT_EXPECT_EQ(test, nvlink2_split(c->pos, c->count, 0x84, 8, &inside),
			c->split);
	KUNIT_EXPECT_EQ(test, inside, c->inside);
}

/* What QEMU and others compiled against these layouts */
static void nvlink2_test_capabilities(struct kunit *test)
{
	struct vfio_region_info_cap_nvlink2_ssatgt ssatgt =
		nvlink2_cap_ssatgt(0x8000000000000ULL);
	struct vfio_region_info_cap_nvlink2_lnkspd lnkspd =
		nvlink2_cap_lnkspd(9);

	KUNIT_EXPECT_EQ(test, ssatgt.header.id, 4);
	KUNIT_EXPECT_EQ(test, ssatgt.header.version, 1);
	KUNIT_EXPECT_EQ(test, ssatgt.header.next, 0);
	KUNIT_EXPECT_EQ(test, ssatgt.tgt, 0x8000000000000ULL);
	KUNIT_EXPECT_EQ(test, sizeof(ssatgt), 16);

	KUNIT_EXPECT_EQ(test, lnkspd.header.id, 5);
	KUNIT_EXPECT_EQ(test, lnkspd.header.version, 1);
	KUNIT_EXPECT_EQ(test, lnkspd.header.next, 0);
	KUNIT_EXPECT_EQ(test, lnkspd.link_speed, 9);
	KUNIT_EXPECT_EQ(test, lnkspd.__pad, 0);
	KUNIT_EXPECT_EQ(test, sizeof(lnkspd), 16);
}

static struct kunit_case nvlink2_test_cases[] = {
	KUNIT_CASE(nvlink2_test_pgoff),
	KUNIT_CASE_PARAM(nvlink2_test_pages, nvlink2_pages_gen_params),
	KUNIT_CASE_PARAM(nvlink2_test_ram_size, nvlink2_ram_size_gen_params),
	KUNIT_CASE(nvlink2_test_atsd_access),
	KUNIT_CASE_PARAM(nvlink2_test_split, nvlink2_split_gen_params),
	KUNIT_CASE(nvlink2_test_capabilities),
	{}
};

static struct kunit_suite nvlink2_test_suite = {
	.name = "vfio_pci_nvlink2",
	.test_cases = nvlink2_test_cases,
};

kunit_test_suite(nvlink2_test_suite);

MODULE_DESCRIPTION("KUnit tests of VFIO PCI NVLink2");
MODULE_LICENSE("GPL");
