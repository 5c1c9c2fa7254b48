// SPDX-License-Identifier: GPL-2.0
/* The manual page describes this; names and meanings stay. What is not known is null. */
#include <stdio.h>

#include <json-c/json.h>

#include "list.h"

static bool complete;

static void put(struct json_object *object, const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, value))
		complete = false;
}

static void put_text(struct json_object *object, const char *key, const char *text)
{
	put(object, key, *text ? json_object_new_string(text) : NULL);
}

static void put_number(struct json_object *object, const char *key, int number)
{
	put(object, key, number == NONE ? NULL : json_object_new_int(number));
}

/* As text: readers of JSON round large numbers */
static void put_hex(struct json_object *object, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%#llx", (unsigned long long)value);
	put(object, key, json_object_new_string(text));
}

static struct json_object *function_json(const struct function *function)
{
	struct json_object *object = json_object_new_object();

	put_text(object, "address", function->address);
	put_text(object, "driver", function->driver);
	put_number(object, "group", function->group);
	put_number(object, "numa_node", function->numa_node);
	return object;
}

static struct json_object *bridge_json(const struct bridge *bridge)
{
	struct json_object *object = function_json(&bridge->function);

	put_number(object, "link", bridge->link);
	put_text(object, "slot", bridge->slot);
	put_number(object, "speed", bridge->speed);
	put_text(object, "state", link_state_name(bridge->state));
	return object;
}

static struct json_object *bridges_json(const struct machine *machine, int npu, int gpu)
{
	struct json_object *array = json_object_new_array();
	const struct bridge *bridge;

	for (bridge = machine->bridge; bridge < machine->bridge + machine->bridges; bridge++)
		if (bridge->npu == npu && bridge->gpu == gpu)
			json_object_array_add(array, bridge_json(bridge));
	return array;
}

static struct json_object *ram_json(const struct gpu *gpu)
{
	struct json_object *object = json_object_new_object();

	put_hex(object, "address", gpu->base);
	put_hex(object, "aperture", gpu->size);
	put_number(object, "numa_node", gpu->memory_node);
	put(object, "online", json_object_new_int64(gpu->online));
	return object;
}

static struct json_object *gpu_json(const struct machine *machine, int index)
{
	const struct gpu *gpu = &machine->gpu[index];
	struct json_object *object = function_json(&gpu->function);
	char id[16];

	snprintf(id, sizeof(id), "%04x:%04x", gpu->function.vendor, gpu->function.device);
	put_text(object, "slot", gpu->slot);
	put_text(object, "id", gpu->function.vendor ? id : "");
	put_text(object, "name", gpu->name);
	put(object, "ram", gpu->size ? ram_json(gpu) : NULL);
	put(object, "bridges", bridges_json(machine, gpu->npu, index));
	return object;
}

static struct json_object *npu_json(const struct machine *machine, int index)
{
	struct json_object *object = json_object_new_object(), *gpus = json_object_new_array();
	const struct npu *npu = &machine->npu[index];
	size_t i;

	put_number(object, "socket", npu->chip);
	put_number(object, "npu", npu->index);
	put_text(object, "node", npu->node);
	put_number(object, "numa_node", npu->numa_node);
	put_number(object, "links", npu->links);
	put_number(object, "atsd_blocks", npu->atsd);
	for (i = 0; i < machine->gpus; i++)
		if (machine->gpu[i].npu == index)
			json_object_array_add(gpus, gpu_json(machine, i));
	put(object, "gpus", gpus);
	put(object, "unjoined_bridges", bridges_json(machine, index, NONE));
	return object;
}

static struct json_object *user_json(const struct group *group)
{
	struct json_object *object = json_object_new_object();

	put_number(object, "process", group->pid);
	put_text(object, "command", group->command);
	put_text(object, "guest", group->guest);
	return object;
}

static struct json_object *group_json(const struct group *group)
{
	struct json_object *object = json_object_new_object(), *devices = json_object_new_array();
	size_t i;

	put_number(object, "group", group->number);
	for (i = 0; i < group->members; i++)
		json_object_array_add(devices, function_json(&group->member[i]));
	put(object, "devices", devices);
	put(object, "user", group->pid ? user_json(group) : NULL);
	return object;
}

static struct json_object *machine_json(const struct machine *machine)
{
	struct json_object *object = json_object_new_object(), *npus = json_object_new_array(),
			   *groups = json_object_new_array(), *problems = json_object_new_array();
	size_t i;

	put(object, "nvlink2", json_object_new_boolean(machine_has_nvlink2(machine)));
	put_text(object, "why_not", machine_has_nvlink2(machine) ? "" : machine_why_not(machine));
	put_text(object, "model", machine->model);
	put_text(object, "firmware", machine->firmware);
	put_text(object, "kernel", machine->kernel);
	put(object, "all_users_known", json_object_new_boolean(!machine->processes_hidden));
	for (i = 0; i < machine->npus; i++)
		json_object_array_add(npus, npu_json(machine, i));
	for (i = 0; i < machine->groups; i++)
		json_object_array_add(groups, group_json(&machine->group[i]));
	for (i = 0; i < machine->problems; i++)
		json_object_array_add(problems, json_object_new_string(machine->problem[i]));
	put(object, "npus", npus);
	put(object, "groups", groups);
	put(object, "problems", problems);
	return object;
}

bool list_json(const struct machine *machine)
{
	struct json_object *object;
	const char *text;

	complete = true;
	object = machine_json(machine);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text && complete)
		puts(text);
	json_object_put(object);
	return text && complete;
}
