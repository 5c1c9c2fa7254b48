// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "devices.h"
#include "files.h"

#define CLASS_PORT 0x0604

bool has_address(const struct function *function)
{
	return function->address[0];
}

bool is_port(const struct function *function)
{
	return function->class >> 8 == CLASS_PORT;
}

bool is_for_guests(const struct function *function)
{
	return !strcmp(function->driver, "vfio-pci");
}

static uint32_t read_id(const char *address, const char *name)
{
	long long value;

	return file_number(&value, PCI_DEVICES "/%s/%s", address, name) ? value : 0;
}

static void read_identity(struct function *function, const char *address)
{
	snprintf(function->address, sizeof(function->address), "%s", address);
	function->vendor = read_id(address, "vendor");
	function->device = read_id(address, "device");
	property_cells(&function->phandle, 1, PCI_DEVICES "/%s/of_node/phandle", address);
}

void devices_read(struct devices *devices)
{
	struct names names;
	size_t i;

	memset(devices, 0, sizeof(*devices));
	names_read(&names, PCI_DEVICES);
	for (i = 0; i < names.count; i++)
		read_identity(ARRAY_ADD(devices->function, devices->count), names.name[i]);
	names_free(&names);
}

void devices_free(struct devices *devices)
{
	free(devices->function);
}

const struct function *devices_by_phandle(const struct devices *devices, uint32_t phandle)
{
	size_t i;

	for (i = 0; phandle && i < devices->count; i++)
		if (devices->function[i].phandle == phandle)
			return &devices->function[i];
	return NULL;
}

const struct function *devices_by_slot(const struct devices *devices, const char *slot)
{
	const struct function *function;
	char label[32];
	size_t i;

	for (i = 0; *slot && i < devices->count; i++) {
		function = &devices->function[i];
		if (function->vendor == VENDOR_NVIDIA &&
		    file_text(label, sizeof(label), PCI_DEVICES "/%s/of_node/../ibm,slot-label", function->address) &&
		    !strcmp(label, slot))
			return function;
	}
	return NULL;
}

void function_clear(struct function *function)
{
	memset(function, 0, sizeof(*function));
	function->group = NONE;
	function->numa_node = NONE;
}

void function_read_driver(struct function *function)
{
	file_link(function->driver, sizeof(function->driver), PCI_DEVICES "/%s/driver", function->address);
	file_text(function->override, sizeof(function->override), PCI_DEVICES "/%s/driver_override", function->address);
	if (!strcmp(function->override, "(null)"))
		function->override[0] = 0;
}

static int group_of(const char *address)
{
	char number[16], *end;
	long value;

	if (!file_link(number, sizeof(number), PCI_DEVICES "/%s/iommu_group", address))
		return NONE;
	value = strtol(number, &end, 10);
	return *end || value < 0 || value > 0x7fffffff ? NONE : value;
}

void function_read(struct function *function, const char *address)
{
	long long node;

	function_clear(function);
	read_identity(function, address);
	function->class = read_id(address, "class");
	function->group = group_of(address);
	if (file_number(&node, PCI_DEVICES "/%s/numa_node", address))
		function->numa_node = node;
	function_read_driver(function);
}
