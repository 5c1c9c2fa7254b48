// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

const char *path_join(const char *directory, const char *name)
{
	static char paths[2][PATH_MAX];
	static int turn;

	turn = !turn;
	snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", directory, name);
	return paths[turn];
}

ssize_t file_read(const char *path, void *buffer, size_t size)
{
	size_t got = 0;
	ssize_t n = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (got < size && (n = read(fd, (char *)buffer + got, size - got)) > 0)
		got += n;
	close(fd);
	return n < 0 ? -1 : (ssize_t)got;
}

bool file_text(const char *path, char *text, size_t size)
{
	ssize_t got = file_read(path, text, size - 1);

	text[got > 0 ? got : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	return got >= 0;
}

bool file_write(const char *path, const char *text)
{
	ssize_t wrote;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	wrote = write(fd, text, strlen(text));
	close(fd);
	return wrote == (ssize_t)strlen(text);
}

int property_cells(const char *node, const char *name, uint64_t *cells, int width, int room)
{
	unsigned char raw[256];
	ssize_t size = file_read(path_join(node, name), raw, sizeof(raw));
	int n, byte;

	if (size < width)
		return 0;
	for (n = 0; n < room && n < size / width; n++)
		for (cells[n] = 0, byte = 0; byte < width; byte++)
			cells[n] = cells[n] << 8 | raw[n * width + byte];
	return n;
}

bool has_prefix(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}
