/* SPDX-License-Identifier: GPL-2.0 */
/* Files of sysfs, procfs and the device tree, below a root that can be another directory than /. */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PRINTF(text, values) __attribute__((format(printf, text, values)))

/**
 * struct names - the entries of a directory, sorted
 * @name: each
 * @count: how many
 */
struct names {
	char **name;
	size_t count;
};

/**
 * files_set_root() - have all other paths begin at a directory
 * @root: the directory; "" is the machine itself
 */
void files_set_root(const char *root);

/**
 * files_root() - what files_set_root() was given
 */
const char *files_root(void);

/**
 * file_path() - a path below the root
 * @path: gets it; empty when it does not fit
 * @size: room in @path
 * @format: printf() format of the path as the machine has it
 */
void file_path(char *path, size_t size, const char *format, ...) PRINTF(3, 4);

/**
 * file_exists() - whether there is a file, whatever it is
 * @format: printf() format of its path
 */
bool file_exists(const char *format, ...) PRINTF(1, 2);

/**
 * file_read() - up to @size bytes of a file
 * @buffer: gets them
 * @size: room in @buffer
 * @format: printf() format of its path
 *
 * Return: how many came, or -1 with errno set.
 */
ssize_t file_read(void *buffer, size_t size, const char *format, ...) PRINTF(3, 4);

/**
 * file_text() - the first line of a file, or the first string of a property
 * @text: gets it, with a '?' for each byte that is not printable ASCII; empty when there is none
 * @size: room in @text
 * @format: printf() format of its path
 *
 * Return: whether the file could be read.
 */
bool file_text(char *text, size_t size, const char *format, ...) PRINTF(3, 4);

/**
 * file_number() - a file that has one number, decimal or with 0x
 * @value: gets it
 * @format: printf() format of its path
 *
 * Return: whether there is one.
 */
bool file_number(long long *value, const char *format, ...) PRINTF(2, 3);

/**
 * file_link() - the last component of where a symbolic link leads
 * @name: gets it, as file_text() does
 * @size: room in @name
 * @format: printf() format of the path of the link
 *
 * Return: whether there is such a link.
 */
bool file_link(char *name, size_t size, const char *format, ...) PRINTF(3, 4);

/**
 * file_has_line() - whether a line of a file has a word in it
 * @word: the word
 * @format: printf() format of the path
 *
 * Return: 1, 0, or -1 with errno set when the file cannot be read.
 */
int file_has_line(const char *word, const char *format, ...) PRINTF(2, 3);

/**
 * property_cells() - a property of the device tree as numbers of 32 bits
 * @cells: gets them, and zeros after them
 * @room: how many fit
 * @format: printf() format of the path
 *
 * Return: how many there are, 0 when there is no such property.
 */
int property_cells(uint32_t *cells, int room, const char *format, ...) PRINTF(3, 4);

/**
 * property_has_string() - whether a property is a list of strings with this one among them
 * @string: the string
 * @format: printf() format of the path
 */
bool property_has_string(const char *string, const char *format, ...) PRINTF(2, 3);

/**
 * names_read() - list a directory
 * @names: gets the entries, but for those that begin with a dot; to be given to names_free() always
 * @format: printf() format of the path
 *
 * Return: whether it could be read.
 */
bool names_read(struct names *names, const char *format, ...) PRINTF(2, 3);

/**
 * names_free() - forget what names_read() found
 * @names: the entries
 */
void names_free(struct names *names);

/**
 * make_printable() - replace what a terminal or JSON would stumble over
 * @text: each byte that is not printable ASCII becomes a '?'
 */
void make_printable(char *text);

#endif
