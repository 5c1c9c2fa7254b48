// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that is read here can vanish at any time, be unreadable for this user, or hold anything. What cannot be
 * had is absent; nothing here ends the program.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

#define PROPERTY_SIZE 1024

static const char *root = "";

void files_set_root(const char *path)
{
	root = path;
}

const char *files_root(void)
{
	return root;
}

/* A path that does not fit is no path: a part of it would be another file */
static void path_below_root(char *path, size_t size, const char *format, va_list args)
{
	int length = snprintf(path, size, "%s", root), more;

	if (length < 0 || (size_t)length >= size) {
		path[0] = 0;
		return;
	}
	more = vsnprintf(path + length, size - length, format, args);
	if (more < 0 || (size_t)more >= size - length)
		path[0] = 0;
}

#define PATH_FROM(path, format)							\
	do {									\
		va_list args_;							\
										\
		va_start(args_, format);					\
		path_below_root(path, sizeof(path), format, args_);		\
		va_end(args_);							\
	} while (0)

void file_path(char *path, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	path_below_root(path, size, format, args);
	va_end(args);
}

bool file_exists(const char *format, ...)
{
	char path[PATH_MAX];

	PATH_FROM(path, format);
	return !access(path, F_OK);
}

/* A read may give less than there is, so read until nothing comes. Never blocks, whatever the path leads to. */
static ssize_t read_path(const char *path, void *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t have = 0;
	ssize_t count = 1;
	int error;

	if (fd < 0)
		return -1;
	while (have < size && count > 0) {
		count = read(fd, (char *)buffer + have, size - have);
		if (count > 0)
			have += count;
	}
	error = errno;
	close(fd);
	errno = error;
	return count < 0 ? -1 : (ssize_t)have;
}

ssize_t file_read(void *buffer, size_t size, const char *format, ...)
{
	char path[PATH_MAX];

	PATH_FROM(path, format);
	return read_path(path, buffer, size);
}

void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static bool read_text(char *text, size_t size, const char *path)
{
	ssize_t length = read_path(path, text, size - 1);

	text[length > 0 ? length : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	make_printable(text);
	return length >= 0;
}

bool file_text(char *text, size_t size, const char *format, ...)
{
	char path[PATH_MAX];

	PATH_FROM(path, format);
	return read_text(text, size, path);
}

bool file_number(long long *value, const char *format, ...)
{
	char path[PATH_MAX], text[64], *end;

	PATH_FROM(path, format);
	if (!read_text(text, sizeof(text), path))
		return false;
	errno = 0;
	*value = strtoll(text, &end, 0);
	return end != text && !*end && !errno;
}

bool file_link(char *name, size_t size, const char *format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	ssize_t length;

	name[0] = 0;
	PATH_FROM(path, format);
	length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return false;
	target[length] = 0;
	last = strrchr(target, '/');
	snprintf(name, size, "%s", last ? last + 1 : target);
	make_printable(name);
	return true;
}

int file_has_line(const char *word, const char *format, ...)
{
	char path[PATH_MAX], *line = NULL;
	size_t size = 0;
	FILE *stream;
	int found = 0;

	PATH_FROM(path, format);
	stream = fopen(path, "re");
	if (!stream)
		return -1;
	while (!found && getline(&line, &size, stream) >= 0)
		found = !!strstr(line, word);
	free(line);
	fclose(stream);
	return found;
}

int property_cells(uint32_t *cells, int room, const char *format, ...)
{
	char path[PATH_MAX];
	ssize_t size;
	int i, count;

	PATH_FROM(path, format);
	size = read_path(path, cells, room * sizeof(*cells));
	count = size < 0 ? 0 : size / sizeof(*cells);
	/* The beginning of a cell is none */
	memset(cells + count, 0, (room - count) * sizeof(*cells));
	for (i = 0; i < count; i++)
		cells[i] = be32toh(cells[i]);
	return count;
}

bool property_has_string(const char *string, const char *format, ...)
{
	char path[PATH_MAX], strings[PROPERTY_SIZE + 1], *at;
	ssize_t size;

	PATH_FROM(path, format);
	size = read_path(path, strings, PROPERTY_SIZE);
	if (size <= 0)
		return false;
	strings[size] = 0;
	for (at = strings; at < strings + size; at += strlen(at) + 1)
		if (!strcmp(at, string))
			return true;
	return false;
}

static int by_name(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

static bool add_name(struct names *names, const char *name)
{
	char **more = reallocarray(names->name, names->count + 1, sizeof(*more));

	if (!more)
		return false;
	names->name = more;
	more[names->count] = strdup(name);
	if (!more[names->count])
		return false;
	names->count++;
	return true;
}

bool names_read(struct names *names, const char *format, ...)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool good = true;
	DIR *directory;

	names->name = NULL;
	names->count = 0;
	PATH_FROM(path, format);
	directory = opendir(path);
	if (!directory)
		return false;
	while (good && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			good = add_name(names, entry->d_name);
	closedir(directory);
	if (names->count)
		qsort(names->name, names->count, sizeof(*names->name), by_name);
	return good;
}

void names_free(struct names *names)
{
	while (names->count)
		free(names->name[--names->count]);
	free(names->name);
	names->name = NULL;
}
