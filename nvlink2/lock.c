// SPDX-License-Identifier: GPL-2.0
/*
 * The file is root's alone: who could open it, also only for reading, could hold its lock and keep root from changing
 * anything.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "lock.h"

static int open_file(void)
{
	char path[PATH_MAX];

	file_path(path, sizeof(path), "/run");
	if (mkdir(path, 0755) && errno != EEXIST)
		return -1;
	file_path(path, sizeof(path), LOCK);
	return open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int wait_for(int fd)
{
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return 0;
	if (errno != EWOULDBLOCK)
		return -1;
	fputs("nvlink2: waiting for another nvlink2 that changes this machine\n", stderr);
	return flock(fd, LOCK_EX);
}

int lock_take(void)
{
	int fd = open_file(), error;

	if (fd < 0 || !wait_for(fd))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

void lock_release(int lock)
{
	close(lock);
}
