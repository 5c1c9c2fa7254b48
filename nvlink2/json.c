// SPDX-License-Identifier: GPL-2.0
/* The manual page describes what is printed; names and meanings stay. What is not known is null. */
#include <stdio.h>

#include "json.h"

static bool complete;

void json_put(struct json_object *object, const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, value))
		complete = false;
}

void json_put_text(struct json_object *object, const char *key, const char *text)
{
	json_put(object, key, *text ? json_object_new_string(text) : NULL);
}

void json_put_number(struct json_object *object, const char *key, int number)
{
	json_put(object, key, number == NONE ? NULL : json_object_new_int(number));
}

struct json_object *json_begin(const struct machine *machine)
{
	struct json_object *object = json_object_new_object();
	bool nvlink2 = machine_has_nvlink2(machine);

	complete = true;
	json_put(object, "nvlink2", json_object_new_boolean(nvlink2));
	json_put_text(object, "why_not", nvlink2 ? "" : machine_why_not(machine));
	json_put_text(object, "model", machine->model);
	json_put_text(object, "firmware", machine->firmware);
	json_put_text(object, "kernel", machine->kernel);
	return object;
}

bool json_end(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text && complete)
		puts(text);
	else
		fputs("nvlink2: out of memory\n", stderr);
	json_object_put(object);
	return text && complete;
}
