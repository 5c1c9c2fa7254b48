/* SPDX-License-Identifier: GPL-2.0 */
/* IOMMU groups and their drivers. */
#ifndef GROUP_H
#define GROUP_H

#include <stdbool.h>

#include "../common/nvlink.h"

#define MAX_MEMBERS 32

/**
 * struct group - an IOMMU group.
 * @number: of the group.
 * @members: its functions, ordered by address.
 * @count: how many.
 */
struct group {
	int number;
	struct pci_device members[MAX_MEMBERS];
	int count;
};

/**
 * group_of() - the IOMMU group of a function.
 * @device: the function.
 * @group: gets it.
 *
 * Return: false when the function has no group.
 */
bool group_of(const struct pci_device *device, struct group *group);

/**
 * group_has() - true when a function is a member.
 * @group: the group.
 * @device: the function.
 */
bool group_has(const struct group *group, const struct pci_device *device);

/**
 * group_bind() - bind every member to vfio-pci.
 * @group: the group.
 *
 * Return: how many are bound now.
 */
int group_bind(const struct group *group);

/**
 * group_unbind() - take every member from vfio-pci again.
 * @group: the group.
 *
 * Return: how many have no driver now.
 */
int group_unbind(const struct group *group);

#endif
