/* SPDX-License-Identifier: GPL-2.0 */
/* What most programs here set up for each case */
#ifndef SELFTESTS_VFIO_FIXTURE_H
#define SELFTESTS_VFIO_FIXTURE_H

#include "nvlink2.h"
#include "watch.h"

/* A reset takes two seconds or more, and debug kernels take their time */
#define NVLINK2_TIMEOUT		240

#define MIB			0x100000ULL

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

#endif /* SELFTESTS_VFIO_FIXTURE_H */
