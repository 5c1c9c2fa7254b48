// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"

int faults_write(const char *path, const char *val)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, val, strlen(val)) < 0)
		ret = -errno;
	close(fd);

	return ret;
}

int faults_write_number(const char *path, long long val)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", val);
	return faults_write(path, text);
}

int faults_read_number(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[24] = "";

	if (fd < 0)
		return -1;
	read(fd, text, sizeof(text) - 1);
	close(fd);

	return atoi(text);
}

void faults_share(unsigned int *first, unsigned int *stride)
{
	const char *asked = getenv("NVLINK2_SHARE");

	if (!asked || sscanf(asked, "%u/%u", first, stride) != 2 || !*first ||
	    !*stride) {
		*first = 1;
		*stride = 1;
	}
}
