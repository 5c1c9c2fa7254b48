// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "nvlink.h"

#define DEVICE_TREE "/proc/device-tree"

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

void pci_describe(struct pci_device *device, const char *address)
{
	snprintf(device->address, sizeof(device->address), "%.12s", address);
	snprintf(device->path, sizeof(device->path), PCI_DEVICES "/%.12s", address);
	snprintf(device->node, sizeof(device->node), PCI_DEVICES "/%.12s/of_node", address);
}

static bool has_phandle(const char *node, uint64_t wanted)
{
	uint64_t phandle;

	return property_cells(node, "phandle", &phandle, 4, 1) == 1 && phandle == wanted;
}

static bool device_by_phandle(struct dirent **entries, int count, uint64_t phandle,
			      struct pci_device *found)
{
	int i;

	for (i = 0; i < count; i++) {
		pci_describe(found, entries[i]->d_name);
		if (has_phandle(found->node, phandle))
			return true;
	}
	return false;
}

static bool gpu_describe(struct dirent **entries, int count, const char *address, struct gpu *gpu)
{
	uint64_t phandles[MAX_LINKS];
	int i, links;

	memset(gpu, 0, sizeof(*gpu));
	pci_describe(&gpu->device, address);
	links = property_cells(gpu->device.node, "ibm,npu", phandles, 4, MAX_LINKS);
	for (i = 0; i < links; i++)
		if (device_by_phandle(entries, count, phandles[i], &gpu->bridges[gpu->links]))
			gpu->links++;
	return links > 0;
}

int gpus_find(struct gpu *gpus)
{
	struct dirent **entries;
	int i, count, found = 0;

	count = scandir(PCI_DEVICES, &entries, not_hidden, alphasort);
	for (i = 0; i < count && found < MAX_GPUS; i++)
		if (gpu_describe(entries, count, entries[i]->d_name, &gpus[found]))
			found++;
	while (count-- > 0)
		free(entries[count]);
	return found;
}

bool gpus_share_host_bridge(const struct gpu *one, const struct gpu *other)
{
	return !strncmp(one->device.address, other->device.address, strlen("0000"));
}

bool node_by_phandle(uint32_t phandle, char *path, int size)
{
	struct dirent *entry;
	bool found = false;
	DIR *tree;

	tree = opendir(DEVICE_TREE);
	if (!tree)
		return false;
	while (!found && (entry = readdir(tree))) {
		snprintf(path, size, DEVICE_TREE "/%s", entry->d_name);
		found = not_hidden(entry) && has_phandle(path, phandle);
	}
	closedir(tree);
	return found;
}
