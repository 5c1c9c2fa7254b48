// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"

/* Powers of two only: most calls find that there is room already */
static int needs_room(size_t count)
{
	return !(count & (count - 1));
}

void *array_grow(void *array, size_t count, size_t size)
{
	if (needs_room(count))
		array = reallocarray(array, count ? 2 * count : 1, size);
	if (!array) {
		fputs("nvlink2: out of memory\n", stderr);
		exit(1);
	}
	return memset((char *)array + count * size, 0, size), array;
}
