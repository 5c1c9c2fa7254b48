// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/files.h"
#include "group.h"

#define DRIVER "vfio-pci"

/* The last word of where a symbolic link points to. */
static bool link_target(const char *path, char *name, size_t size)
{
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	const char *last;

	if (length < 0)
		return false;
	target[length] = 0;
	last = strrchr(target, '/');
	snprintf(name, size, "%.63s", last ? last + 1 : target);
	return true;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

bool group_of(const struct pci_device *device, struct group *group)
{
	char number[16], members[64];
	struct dirent **entries;
	int i, count;

	group->count = 0;
	if (!link_target(path_join(device->path, "iommu_group"), number, sizeof(number)))
		return false;
	group->number = atoi(number);
	snprintf(members, sizeof(members), "/sys/kernel/iommu_groups/%d/devices", group->number);
	count = scandir(members, &entries, not_hidden, alphasort);
	for (i = 0; i < count; i++) {
		if (group->count < MAX_MEMBERS)
			pci_describe(&group->members[group->count++], entries[i]->d_name);
		free(entries[i]);
	}
	return group->count > 0;
}

bool group_has(const struct group *group, const struct pci_device *device)
{
	int i;

	for (i = 0; i < group->count; i++)
		if (!strcmp(group->members[i].address, device->address))
			return true;
	return false;
}

static bool driver_is(const struct pci_device *device, const char *wanted)
{
	char name[64];

	if (!link_target(path_join(device->path, "driver"), name, sizeof(name)))
		return !wanted;
	return wanted && !strcmp(name, wanted);
}

static void leave_driver(const struct pci_device *device)
{
	char unbind[128];

	snprintf(unbind, sizeof(unbind), "%s/driver/unbind", device->path);
	file_write(unbind, device->address);
}

int group_bind(const struct group *group)
{
	const struct pci_device *member;
	int i, bound = 0;

	for (i = 0; i < group->count; i++) {
		member = &group->members[i];
		if (!driver_is(member, DRIVER))
			leave_driver(member);
		file_write(path_join(member->path, "driver_override"), DRIVER);
		file_write("/sys/bus/pci/drivers_probe", member->address);
		bound += driver_is(member, DRIVER);
	}
	return bound;
}

int group_unbind(const struct group *group)
{
	const struct pci_device *member;
	int i, free_now = 0;

	for (i = 0; i < group->count; i++) {
		member = &group->members[i];
		leave_driver(member);
		file_write(path_join(member->path, "driver_override"), "\n");
		free_now += driver_is(member, NULL);
	}
	return free_now;
}
