// SPDX-License-Identifier: GPL-2.0
/*
 * A clock that runs faster, for an emulator whose guest mostly waits
 *
 * A reset of a GPU, and on Linux 5.10 of a bridge, is nearly all pauses that
 * kernel and firmware make for the sake of real hardware. Loaded into QEMU with
 * LD_PRELOAD, this lets QEMU's monotonic clock, from which it takes the time of
 * the guest, run CLOCK_SPEED times as fast as that of the host. To the guest all
 * pauses are as long as ever, and its processors are slow.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#define NS_PER_S	1000000000LL

static int (*real_clock_gettime)(clockid_t clock, struct timespec *now);
static int (*real_ppoll)(struct pollfd *fds, nfds_t count,
			 const struct timespec *timeout, const sigset_t *mask);
static long long speed = 1;
static long long begin;

static long long in_ns(const struct timespec *time)
{
	return time->tv_sec * NS_PER_S + time->tv_nsec;
}

static struct timespec from_ns(long long ns)
{
	return (struct timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
}

__attribute__((constructor))
static void start(void)
{
	const char *wanted = getenv("CLOCK_SPEED");
	struct timespec now;

	real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	real_ppoll = dlsym(RTLD_NEXT, "ppoll");
	real_clock_gettime(CLOCK_MONOTONIC, &now);
	begin = in_ns(&now);
	if (wanted)
		speed = atoi(wanted);
	/* Not for what QEMU starts */
	unsetenv("LD_PRELOAD");
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int ret = real_clock_gettime(clock, now);

	if (!ret && clock == CLOCK_MONOTONIC)
		*now = from_ns(begin + (in_ns(now) - begin) * speed);

	return ret;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	  const sigset_t *mask)
{
	struct timespec shorter;

	if (timeout)
		shorter = from_ns((in_ns(timeout) + speed - 1) / speed);

	return real_ppoll(fds, count, timeout ? &shorter : NULL, mask);
}

/* What ppoll() is called in a program that was built with _FORTIFY_SOURCE */
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		const sigset_t *mask, size_t size)
{
	(void)size;

	return ppoll(fds, count, timeout, mask);
}
