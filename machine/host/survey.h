/* SPDX-License-Identifier: GPL-2.0 */
/* What VFIO shows of a device to whoever opens it. */
#ifndef SURVEY_H
#define SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "group.h"

/**
 * struct vfio_session - an open container with one group in it.
 * @container: file descriptor.
 * @group: file descriptor.
 */
struct vfio_session {
	int container, group;
};

/**
 * vfio_begin() - open a group in a container of its own, with the IOMMU type that QEMU uses.
 * @session: gets the file descriptors.
 * @group: the group, bound to vfio-pci.
 *
 * Return: false with errno set.
 */
bool vfio_begin(struct vfio_session *session, const struct group *group);

/**
 * vfio_end() - close the group and the container.
 * @session: the session.
 */
void vfio_end(struct vfio_session *session);

/**
 * vfio_open() - open a device of the group.
 * @session: the session.
 * @device: the function.
 *
 * Return: a file descriptor, or -1 with errno set.
 */
int vfio_open(const struct vfio_session *session, const struct pci_device *device);

/**
 * vfio_try() - open and close a device, and report what came of it and how much the kernel said to that.
 * @key: of the report.
 * @group: its group.
 * @device: the function.
 */
void vfio_try(const char *key, const struct group *group, const struct pci_device *device);

/**
 * vfio_report() - report the regions of a device and their capabilities.
 * @fd: the device.
 * @name: what to call it, first word of the keys.
 */
void vfio_report(int fd, const char *name);

#endif
