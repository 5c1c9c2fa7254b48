// SPDX-License-Identifier: GPL-2.0
/* The manual page describes this; names and meanings stay. What is not known is null. */
#include <stdio.h>

#include "json.h"
#include "list.h"

/* As text: readers of JSON round large numbers */
static void put_hex(struct json_object *object, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%#llx", (unsigned long long)value);
	json_put(object, key, json_object_new_string(text));
}

static struct json_object *function_json(const struct function *function)
{
	struct json_object *object = json_object_new_object();

	json_put_text(object, "address", function->address);
	json_put_text(object, "driver", function->driver);
	json_put_number(object, "group", function->group);
	json_put_number(object, "numa_node", function->numa_node);
	return object;
}

static struct json_object *bridge_json(const struct bridge *bridge)
{
	struct json_object *object = function_json(&bridge->function);

	json_put_number(object, "link", bridge->link);
	json_put_text(object, "slot", bridge->slot);
	json_put_number(object, "speed", bridge->speed);
	json_put_text(object, "state", link_state_name(bridge->state));
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
	json_put_number(object, "numa_node", gpu->memory_node);
	json_put(object, "online", json_object_new_int64(gpu->online));
	return object;
}

static struct json_object *gpu_json(const struct machine *machine, int index)
{
	const struct gpu *gpu = &machine->gpu[index];
	struct json_object *object = function_json(&gpu->function);
	char id[16];

	snprintf(id, sizeof(id), "%04x:%04x", gpu->function.vendor, gpu->function.device);
	json_put_text(object, "slot", gpu->slot);
	json_put_text(object, "id", gpu->function.vendor ? id : "");
	json_put_text(object, "name", gpu->name);
	json_put(object, "ram", gpu->size ? ram_json(gpu) : NULL);
	json_put(object, "bridges", bridges_json(machine, gpu->npu, index));
	return object;
}

static struct json_object *npu_json(const struct machine *machine, int index)
{
	struct json_object *object = json_object_new_object(), *gpus = json_object_new_array();
	const struct npu *npu = &machine->npu[index];
	size_t i;

	json_put_number(object, "socket", npu->chip);
	json_put_number(object, "npu", npu->index);
	json_put_text(object, "node", npu->node);
	json_put_number(object, "numa_node", npu->numa_node);
	json_put_number(object, "links", npu->links);
	json_put_number(object, "atsd_blocks", npu->atsd);
	for (i = 0; i < machine->gpus; i++)
		if (machine->gpu[i].npu == index)
			json_object_array_add(gpus, gpu_json(machine, i));
	json_put(object, "gpus", gpus);
	json_put(object, "unjoined_bridges", bridges_json(machine, index, NONE));
	return object;
}

static struct json_object *user_json(const struct group *group)
{
	struct json_object *object = json_object_new_object();

	json_put_number(object, "process", group->pid);
	json_put_text(object, "command", group->command);
	json_put_text(object, "guest", group->guest);
	return object;
}

static struct json_object *group_json(const struct group *group)
{
	struct json_object *object = json_object_new_object(), *devices = json_object_new_array();
	size_t i;

	json_put_number(object, "group", group->number);
	for (i = 0; i < group->members; i++)
		json_object_array_add(devices, function_json(&group->member[i]));
	json_put(object, "devices", devices);
	json_put(object, "user", group->pid ? user_json(group) : NULL);
	return object;
}

static struct json_object *machine_json(const struct machine *machine)
{
	struct json_object *object = json_begin(machine), *npus = json_object_new_array(),
			   *groups = json_object_new_array(), *problems = json_object_new_array();
	size_t i;

	json_put(object, "all_users_known", json_object_new_boolean(!machine->processes_hidden));
	for (i = 0; i < machine->npus; i++)
		json_object_array_add(npus, npu_json(machine, i));
	for (i = 0; i < machine->groups; i++)
		json_object_array_add(groups, group_json(&machine->group[i]));
	for (i = 0; i < machine->problems; i++)
		json_object_array_add(problems, json_object_new_string(machine->problem[i]));
	json_put(object, "npus", npus);
	json_put(object, "groups", groups);
	json_put(object, "problems", problems);
	return object;
}

bool list_json(const struct machine *machine)
{
	return json_end(machine_json(machine));
}
