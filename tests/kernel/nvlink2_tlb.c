// SPDX-License-Identifier: GPL-2.0
/*
 * No translation of GPU RAM is left behind
 *
 * To read or write the file of a GPU the kernel maps a page of its RAM for a
 * moment. When the mapping is gone, its translation must be gone from the TLB as
 * well: the processor could prefetch through it when the links are down. Needs
 * the module tlb_peek, which looks.
 */
#include <stdlib.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/fixture.h"
#include "faults.h"

#define TLB_PEEK	"/sys/module/tlb_peek/parameters/"
#define ROUNDS		50
#define STRIDE		0x10000

NVLINK2_FIXTURE(tlb, nvlink2_prepare_mapped);

#define NEED_TLB_PEEK()							\
	do {								\
		if (access(TLB_PEEK "pid", W_OK))			\
			SKIP(return, "the module tlb_peek is not loaded"); \
	} while (0)

FIXTURE_VARIANT(tlb)
{
	ssize_t (*access)(int fd, void *buf, size_t count, off_t pos);
};

static ssize_t put(int fd, void *buf, size_t count, off_t pos)
{
	return pwrite(fd, buf, count, pos);
}

FIXTURE_VARIANT_ADD(tlb, read) { pread };
FIXTURE_VARIANT_ADD(tlb, write) { put };

TEST_F_TIMEOUT(tlb, nothing_is_left, NVLINK2_TIMEOUT)
{
	uint64_t val = 1;
	int i;

	NEED_TLB_PEEK();
	faults_write_number(TLB_PEEK "looks", 0);
	faults_write_number(TLB_PEEK "reached", 0);
	ASSERT_EQ(0, faults_write_number(TLB_PEEK "pid", getpid()));
	for (i = 0; i < ROUNDS; i++)
		ASSERT_EQ((ssize_t)sizeof(val),
			  variant->access(self->nvlink2.gpu.fd, &val,
					  sizeof(val),
					  self->nvlink2.ram.offset +
					  i * STRIDE));
	faults_write_number(TLB_PEEK "pid", 0);
	EXPECT_EQ(ROUNDS, faults_read_number(TLB_PEEK "looks"));
	EXPECT_EQ(0, faults_read_number(TLB_PEEK "reached"));
}

NVLINK2_MAIN()
