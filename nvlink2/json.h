/* SPDX-License-Identifier: GPL-2.0 */
/* What is printed as JSON: one object at a time, begun and ended here. */
#ifndef JSON_H
#define JSON_H

#include <json-c/json.h>

#include "machine.h"

/**
 * json_begin() - the object to print, with what says which machine it is of
 * @machine: the machine
 */
struct json_object *json_begin(const struct machine *machine);

/**
 * json_put() - a member of an object
 * @object: of which
 * @key: its name
 * @value: its value, NULL for null; no longer the caller's
 */
void json_put(struct json_object *object, const char *key, struct json_object *value);

/**
 * json_put_text() - a text, null when it is empty
 * @object: of which it is a member
 * @key: its name
 * @text: the text
 */
void json_put_text(struct json_object *object, const char *key, const char *text);

/**
 * json_put_number() - a number, null when it is NONE
 * @object: of which it is a member
 * @key: its name
 * @number: the number
 */
void json_put_number(struct json_object *object, const char *key, int number);

/**
 * json_end() - print the object and forget it
 * @object: what json_begin() gave
 *
 * Return: whether there was enough memory; says so if not.
 */
bool json_end(struct json_object *object);

#endif
