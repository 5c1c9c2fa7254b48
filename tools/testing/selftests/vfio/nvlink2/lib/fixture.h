/* SPDX-License-Identifier: GPL-2.0 */
/* Common set-up and tear-down of the test cases */
#ifndef SELFTESTS_VFIO_NVLINK2_FIXTURE_H
#define SELFTESTS_VFIO_NVLINK2_FIXTURE_H

#include <errno.h>

#include "falcon.h"
#include "nvlink2.h"
#include "watch.h"

/*
 * In seconds. A reset takes two or more, and debug kernels are slow. Where this is
 * not enough: USERCFLAGS=-DNVLINK2_TIMEOUT=...
 */
#ifndef NVLINK2_TIMEOUT
#define NVLINK2_TIMEOUT		240
#endif

/* A size for which the kernel can use pages of 2 MiB */
#define HUGE			(4 * MIB)

#define NEED_GPU()							\
	do {								\
		const char *missing = nvlink2_missing();		\
									\
		if (missing)						\
			SKIP(return, "%s", missing);			\
	} while (0)

/* For what fails with -ENOLINK where links do not train */
#define NEED_LINKS(result)						\
	do {								\
		int result_ = (result);					\
									\
		if (result_ == -ENOLINK)				\
			SKIP(return, NVLINK2_NO_LINKS);			\
		ASSERT_EQ(0, result_);					\
	} while (0)

/* Of a fixture that trains the links if they can be trained */
#define NEED_TRAINED(self)						\
	do {								\
		if (!(self)->nvlink2.trained)				\
			SKIP(return, NVLINK2_NO_LINKS);			\
	} while (0)

/* The engine of the GPU that does DMA, as falcon_open() has it */
#define NEED_FALCON(falcon, gpu)					\
	do {								\
		int opened_ = falcon_open(falcon, gpu);			\
									\
		if (opened_ == -ENODEV)					\
			SKIP(return, "the GPU is no V100, whose DMA is "	\
			     "known");					\
		ASSERT_EQ(0, opened_);					\
	} while (0)

/* No test case may cause a warning in the kernel log */
#define EXPECT_QUIET_LOG(fd)						\
	do {								\
		char first[256];					\
									\
		EXPECT_EQ(0, watch_log(fd, first, sizeof(first)))	\
			TH_LOG("kernel: %s", first);			\
	} while (0)

#define NEED_NEIGHBOUR(self, neighbour)					\
	do {								\
		nvlink2_clear(&(neighbour), nvlink2_neighbour());	\
		if (!(neighbour).place)					\
			SKIP(return, "no other GPU in the group");	\
		(neighbour).container = (self)->nvlink2.container;	\
	} while (0)

#define NVLINK2_PATTERN		0x1234

/* Open the GPU */
int nvlink2_prepare_open(struct nvlink2 *nvlink2, volatile uint64_t **mem);
/* The same, and train its links */
int nvlink2_prepare_trained(struct nvlink2 *nvlink2, volatile uint64_t **mem);
/* Open the GPU and map the first MiB of its RAM, with the links still down */
int nvlink2_prepare_untrained(struct nvlink2 *nvlink2, volatile uint64_t **mem);
/* Open, train, map the first MiB and store NVLINK2_PATTERN at its beginning */
int nvlink2_prepare_mapped(struct nvlink2 *nvlink2, volatile uint64_t **mem);
/* Open the GPU, and train its links if that is possible: see NEED_TRAINED() */
int nvlink2_prepare_any(struct nvlink2 *nvlink2, volatile uint64_t **mem);
/* The same, and register a MiB of ordinary memory for DMA */
int nvlink2_prepare_dma(struct nvlink2 *nvlink2, volatile uint64_t **mem);
/* Undo any of them */
void nvlink2_put_away(struct nvlink2 *nvlink2, volatile uint64_t *mem);

/* A fixture with a GPU in the state that one of these functions brings it to */
#define NVLINK2_FIXTURE(fixture, prepare)				\
	FIXTURE(fixture)						\
	{								\
		struct nvlink2 nvlink2;					\
		/* The first MiB of the RAM, or ordinary memory */	\
		volatile uint64_t *mem;					\
		int log;						\
	};								\
	FIXTURE_SETUP(fixture)						\
	{								\
		NEED_GPU();						\
		self->log = watch_log_begin();				\
		NEED_LINKS(prepare(&self->nvlink2, &self->mem));	\
	}								\
	FIXTURE_TEARDOWN(fixture)					\
	{								\
		nvlink2_put_away(&self->nvlink2, self->mem);		\
		EXPECT_QUIET_LOG(self->log);				\
	}								\
	struct nvlink2

#endif /* SELFTESTS_VFIO_NVLINK2_FIXTURE_H */
