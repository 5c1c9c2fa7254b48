// SPDX-License-Identifier: GPL-2.0
/*
 * The device tree as firmware before skiboot 6.2 makes it: one block of ATSD registers for each NPU instead of eight.
 * What firmware does with them is not changed: the LPID of a GPU goes into the block of its first link. Skiboot before 6.3
 * left all of them to the host.
 */
#include <stdint.h>

/* Devicetree Specification, chapter 5 */
#define FDT_BEGIN_NODE	1
#define FDT_END_NODE	2
#define FDT_PROP	3
#define FDT_NOP		4

struct fdt {
	uint32_t magic, totalsize, off_struct, off_strings;
};

static int same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static uint32_t *words_after(uint32_t *at, uint32_t bytes)
{
	return at + (bytes + 3) / 4;
}

/* The value is cut, and what it was is nothing. */
static void shorten(uint32_t *length, uint32_t bytes)
{
	uint32_t *word = words_after(length + 2, bytes), *end = words_after(length + 2, *length);

	if (*length <= bytes)
		return;
	*length = bytes;
	while (word < end)
		*word++ = FDT_NOP;
}

static uint32_t *skip_name(uint32_t *at)
{
	const char *name = (const char *)at;
	uint32_t length = 0;

	while (name[length])
		length++;
	return words_after(at, length + 1);
}

void one_atsd(struct fdt *fdt);

void one_atsd(struct fdt *fdt)
{
	const char *strings = (const char *)fdt + fdt->off_strings;
	uint32_t *at = (uint32_t *)((char *)fdt + fdt->off_struct), *next;

	for (;; at = next) {
		switch (*at) {
		case FDT_BEGIN_NODE:
			next = skip_name(at + 1);
			break;
		case FDT_PROP:
			next = words_after(at + 3, at[1]);
			if (same(strings + at[2], "ibm,mmio-atsd"))
				shorten(&at[1], sizeof(uint64_t));
			break;
		case FDT_END_NODE:
		case FDT_NOP:
			next = at + 1;
			break;
		default:
			return;
		}
	}
}
