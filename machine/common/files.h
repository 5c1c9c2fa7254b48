/* SPDX-License-Identifier: GPL-2.0 */
/* Small files: sysfs attributes, tracefs switches and device tree properties. */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * path_join() - directory and name in a buffer that the second next call reuses.
 * @directory: without a slash at its end.
 * @name: what to append.
 */
const char *path_join(const char *directory, const char *name);

/**
 * file_read() - up to @size bytes of a file.
 * @path: the file.
 * @buffer: gets them.
 * @size: room in @buffer.
 *
 * Return: how many came, or -1 with errno set.
 */
ssize_t file_read(const char *path, void *buffer, size_t size);

/**
 * file_text() - the first line of a file, without its end of line.
 * @path: the file.
 * @text: gets it, empty when the file cannot be read.
 * @size: room in @text.
 *
 * Return: false when the file cannot be read.
 */
bool file_text(const char *path, char *text, size_t size);

/**
 * file_write() - write a text to an existing file in one go.
 * @path: the file.
 * @text: the text.
 *
 * Return: false with errno set when the file refuses it.
 */
bool file_write(const char *path, const char *text);

/**
 * property_cells() - a device tree property as big-endian numbers.
 * @node: the node's directory.
 * @name: the property.
 * @cells: gets them.
 * @width: bytes of one number, 4 or 8.
 * @room: how many fit in @cells.
 *
 * Return: how many there are, 0 when there is no such property.
 */
int property_cells(const char *node, const char *name, uint64_t *cells, int width, int room);

/**
 * has_prefix() - true when @text begins with @prefix.
 * @text: the text.
 * @prefix: the prefix.
 */
bool has_prefix(const char *text, const char *prefix);

#endif
