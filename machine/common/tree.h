/* SPDX-License-Identifier: GPL-2.0 */
/* The device tree that a kernel was given. */
#ifndef TREE_H
#define TREE_H

/**
 * tree_show() - print properties in hexadecimal, as "tree| path bytes".
 * @words: those whose path has one of these words in it; ends with NULL.
 *
 * Return: 0, or -1 when the tree cannot be read.
 */
int tree_show(char **words);

#endif
