// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO PCI support for NVLink2 GPUs: KUnit tests
 */

#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/sizes.h>

#include "vfio_pci_nvlink2.h"

#define APERTURE	(128ULL << 30)
#define PAGES		(APERTURE >> PAGE_SHIFT)

static const struct nvlink2_pages_case {
	const char *what;
	u64 pgoff, pages, size;
	bool ok;
} nvlink2_pages_cases[] = {
	{ "whole", 0, PAGES, APERTURE, true },
	{ "last page", PAGES - 1, 1, APERTURE, true },
	{ "nothing", 0, 0, APERTURE, false },
	{ "too long", 0, PAGES + 1, APERTURE, false },
	{ "across the end", PAGES - 1, 2, APERTURE, false },
	{ "at the end", PAGES, 1, APERTURE, false },
	{ "length wraps", 1, U64_MAX, APERTURE, false },
	{ "offset wraps", U64_MAX, 1, APERTURE, false },
	{ "sum wraps", U64_MAX - 1, 2, APERTURE, false },
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
	{ "largest", 0x20c, APERTURE },
	{ "smallest", 0x10, SZ_1M },
	{ "larger than the aperture", 0x21c, 0 },
	{ "not set up", 0, 0 },
	{ "GPU does not answer", U32_MAX, 0 },
	{ "register does not exist", 0xbadf1100, 0 },
	{ "access not allowed", 0xbadf5040, 0 },
};

KUNIT_ARRAY_PARAM_DESC(nvlink2_ram_size, nvlink2_ram_size_cases, what);

static void nvlink2_test_ram_size(struct kunit *test)
{
	const struct nvlink2_ram_size_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, nvlink2_ram_size(c->local_memory, APERTURE),
			c->size);
}

/* Accesses to config space, cut at the mailbox [0x84, 0x8c) */
static const struct nvlink2_split_case {
	const char *what;
	u64 pos;
	size_t count;
	size_t split;
	bool inside;
} nvlink2_split_cases[] = {
	{ "before", 0x40, 4, 4, false },
	{ "up to it", 0x80, 4, 4, false },
	{ "into it", 0x82, 4, 2, false },
	{ "across it", 0, 0x100, 0x84, false },
	{ "first byte", 0x84, 1, 1, true },
	{ "all of it", 0x84, 8, 8, true },
	{ "out of it", 0x88, 8, 4, true },
	{ "last byte", 0x8b, 2, 1, true },
	{ "past the end", 0x8c, 4, 4, false },
	{ "far past the end", 0x1000, SIZE_MAX, SIZE_MAX, false },
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

static struct kunit_case nvlink2_test_cases[] = {
	KUNIT_CASE_PARAM(nvlink2_test_pages, nvlink2_pages_gen_params),
	KUNIT_CASE_PARAM(nvlink2_test_ram_size, nvlink2_ram_size_gen_params),
	KUNIT_CASE_PARAM(nvlink2_test_split, nvlink2_split_gen_params),
	{}
};

static struct kunit_suite nvlink2_test_suite = {
	.name = "vfio_pci_nvlink2",
	.test_cases = nvlink2_test_cases,
};

kunit_test_suite(nvlink2_test_suite);
