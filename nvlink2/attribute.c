// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attribute.h"

extern char **environ;

bool attribute_write(const char *text, const char *format, ...)
{
	char below[PATH_MAX], path[PATH_MAX];
	ssize_t length = strlen(text), written;
	va_list args;
	int fd, error;

	va_start(args, format);
	vsnprintf(below, sizeof(below), format, args);
	va_end(args);
	file_path(path, sizeof(path), "%s", below);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return false;
	written = write(fd, text, length);
	error = errno;
	close(fd);
	errno = written < 0 ? error : EIO;
	return written == length;
}

bool module_load(const char *name)
{
	char program[] = "modprobe", quiet[] = "-q", word[64], *argv[] = { program, quiet, word, NULL };
	int status;
	pid_t pid;

	snprintf(word, sizeof(word), "%s", name);
	if (posix_spawnp(&pid, program, NULL, NULL, argv, environ))
		return false;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}
