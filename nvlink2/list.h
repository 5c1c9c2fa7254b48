/* SPDX-License-Identifier: GPL-2.0 */
/* What is in the machine, for people and for programs. */
#ifndef LIST_H
#define LIST_H

#include "machine.h"

/**
 * list_tree() - print it as a tree of lines
 * @machine: the machine
 */
void list_tree(const struct machine *machine);

/**
 * list_json() - print it as JSON
 * @machine: the machine
 *
 * Return: whether there was enough memory; says so if not.
 */
bool list_json(const struct machine *machine);

/**
 * list_svg() - print it as a picture
 * @machine: the machine
 */
void list_svg(const struct machine *machine);

/**
 * text_or() - a text that may be empty
 * @text: the text
 * @otherwise: what to take when it is
 */
const char *text_or(const char *text, const char *otherwise);

/**
 * describe_user() - who has a group
 * @text: gets it, empty when nobody has it
 * @size: room in @text
 * @group: the group
 */
void describe_user(char *text, size_t size, const struct group *group);

/**
 * describe_no_user() - what to say of a group when describe_user() knows none
 * @machine: the machine
 */
const char *describe_no_user(const struct machine *machine);

/**
 * describe_number() - a number that firmware may leave out
 * @text: gets it
 * @size: room in @text
 * @number: the number, or NONE
 *
 * Return: @text.
 */
const char *describe_number(char *text, size_t size, int number);

/**
 * describe_size() - a number of bytes for people
 * @text: gets it
 * @size: room in @text
 * @bytes: the number
 */
void describe_size(char *text, size_t size, unsigned long long bytes);

#endif
