/* SPDX-License-Identifier: GPL-2.0 */
/* Arrays that grow. */
#ifndef ARRAY_H
#define ARRAY_H

#include <stddef.h>

/**
 * array_grow() - room for one more element, or the end of the program
 * @array: the array, NULL when it is empty
 * @count: how many elements it has
 * @size: of one of them
 *
 * Return: the array, with a zeroed element at its end.
 */
void *array_grow(void *array, size_t count, size_t size);

/* Append a zeroed element, and give its address */
#define ARRAY_ADD(array, count)							\
	((array) = array_grow((array), (count), sizeof(*(array))), &(array)[(count)++])

#endif
