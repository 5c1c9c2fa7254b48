/* SPDX-License-Identifier: GPL-2.0 */
/* What most programs here set up for each case */
#ifndef SELFTESTS_VFIO_FIXTURE_H
#define SELFTESTS_VFIO_FIXTURE_H

#include "nvlink2.h"
#include "watch.h"

/* A reset takes two seconds or more, and debug kernels take their time */
#define NVLINK2_TIMEOUT		240

#define MIB			0x100000ULL

/* What is as large is mapped with huge pages where the kernel can */
#define HUGE			(4 * MIB)

#define NEED_GPU()							\
	do {								\
		const char *missing = nvlink2_missing();		\
									\
		if (missing)						\
			SKIP(return, "%s", missing);			\
	} while (0)

/* No case may leave anything in the log that a kernel developer must read */
#define EXPECT_QUIET_LOG(fd)						\
	do {								\
		char first[256];					\
									\
		EXPECT_EQ(0, watch_log(fd, first, sizeof(first)))	\
			TH_LOG("kernel: %s", first);			\
	} while (0)

#define NEED_NEIGHBOUR(self, neighbour)					\
	do {								\
		(neighbour) = (struct nvlink2){				\
			.container = (self)->nvlink2.container,		\
			.place = nvlink2_neighbour(),			\
		};							\
		if (!(neighbour).place)					\
			SKIP(return, "no other GPU in the group");	\
	} while (0)

#define NVLINK2_PATTERN		0x1234

/*
 * What state a GPU is brought to: it is open; its links are up; as
 * nvlink2_prepare_open(), but with the first MiB of the RAM mapped; its links
 * are up, the first MiB is mapped and begins with NVLINK2_PATTERN.
 */
int nvlink2_prepare_open(struct nvlink2 *nvlink2, volatile uint64_t **ram);
int nvlink2_prepare_trained(struct nvlink2 *nvlink2, volatile uint64_t **ram);
int nvlink2_prepare_untrained(struct nvlink2 *nvlink2, volatile uint64_t **ram);
int nvlink2_prepare_mapped(struct nvlink2 *nvlink2, volatile uint64_t **ram);
void nvlink2_put_away(struct nvlink2 *nvlink2, volatile uint64_t *ram);

/* A fixture that is a GPU in one of these states, and what is mapped of it */
#define NVLINK2_FIXTURE(fixture, prepare)				\
	FIXTURE(fixture)						\
	{								\
		struct nvlink2 nvlink2;					\
		volatile uint64_t *ram;					\
		int log;						\
	};								\
	FIXTURE_SETUP(fixture)						\
	{								\
		NEED_GPU();						\
		self->log = watch_log_begin();				\
		ASSERT_EQ(0, prepare(&self->nvlink2, &self->ram));	\
	}								\
	FIXTURE_TEARDOWN(fixture)					\
	{								\
		nvlink2_put_away(&self->nvlink2, self->ram);		\
		EXPECT_QUIET_LOG(self->log);				\
	}								\
	struct nvlink2

#endif /* SELFTESTS_VFIO_FIXTURE_H */
