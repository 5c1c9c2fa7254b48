// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <unistd.h>

#include "../common/report.h"
#include "survey.h"

/* Larger than any region description of vfio-pci. */
#define INFO_SIZE 4096
#define SYSLOG_SIZE_UNREAD 9

static bool join(int container, int group)
{
	return !ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) &&
	       !ioctl(container, VFIO_SET_IOMMU, VFIO_SPAPR_TCE_v2_IOMMU);
}

bool vfio_begin(struct vfio_session *session, const struct group *group)
{
	char path[32];
	int error;

	snprintf(path, sizeof(path), "/dev/vfio/%d", group->number);
	session->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (session->container < 0)
		return false;
	session->group = open(path, O_RDWR | O_CLOEXEC);
	if (session->group < 0)
		goto close_container;
	if (!join(session->container, session->group))
		goto close_group;
	return true;

close_group:
	error = errno;
	close(session->group);
	errno = error;
close_container:
	error = errno;
	close(session->container);
	errno = error;
	return false;
}

void vfio_end(struct vfio_session *session)
{
	close(session->group);
	close(session->container);
}

int vfio_open(const struct vfio_session *session, const struct pci_device *device)
{
	return ioctl(session->group, VFIO_GROUP_GET_DEVICE_FD, device->address);
}

void vfio_try(const char *key, const struct group *group, const struct pci_device *device)
{
	int fd, error, said = klogctl(SYSLOG_SIZE_UNREAD, NULL, 0);
	struct vfio_session session;

	if (!vfio_begin(&session, group)) {
		report_error(key, "container");
		return;
	}
	fd = vfio_open(&session, device);
	error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	vfio_end(&session);
	report(key, "%s, %d bytes of log", error ? strerror(error) : "opened",
	       klogctl(SYSLOG_SIZE_UNREAD, NULL, 0) - said);
}

static void report_capability(const char *name, int index, struct vfio_info_cap_header *header)
{
	struct vfio_region_info_cap_nvlink2_ssatgt *target = (void *)header;
	struct vfio_region_info_cap_nvlink2_lnkspd *speed = (void *)header;
	struct vfio_region_info_cap_type *type = (void *)header;
	char key[64];

	snprintf(key, sizeof(key), "%s.region.%d.cap.%u", name, index, header->id);
	switch (header->id) {
	case VFIO_REGION_INFO_CAP_TYPE:
		report(key, "vendor %04x subtype %u", type->type & VFIO_REGION_TYPE_PCI_VENDOR_MASK,
		       type->subtype);
		break;
	case VFIO_REGION_INFO_CAP_NVLINK2_SSATGT:
		report(key, "ssatgt %#llx", (unsigned long long)target->tgt);
		break;
	case VFIO_REGION_INFO_CAP_NVLINK2_LNKSPD:
		report(key, "lnkspd %u", speed->link_speed);
		break;
	}
}

static void report_region(const char *name, struct vfio_region_info *info)
{
	unsigned int offset;
	char key[64];

	snprintf(key, sizeof(key), "%s.region.%u", name, info->index);
	report(key, "size %#llx %s%s%s", (unsigned long long)info->size,
	       info->flags & VFIO_REGION_INFO_FLAG_READ ? "r" : "-",
	       info->flags & VFIO_REGION_INFO_FLAG_WRITE ? "w" : "-",
	       info->flags & VFIO_REGION_INFO_FLAG_MMAP ? "m" : "-");
	if (!(info->flags & VFIO_REGION_INFO_FLAG_CAPS))
		return;
	for (offset = info->cap_offset; offset && offset < INFO_SIZE;) {
		struct vfio_info_cap_header *header = (void *)((char *)info + offset);

		report_capability(name, info->index, header);
		offset = header->next;
	}
}

void vfio_report(int fd, const char *name)
{
	struct vfio_device_info device = { .argsz = sizeof(device) };
	struct vfio_region_info *info = malloc(INFO_SIZE);
	unsigned int i;

	if (!info || ioctl(fd, VFIO_DEVICE_GET_INFO, &device)) {
		report_error(name, "VFIO_DEVICE_GET_INFO");
		free(info);
		return;
	}
	for (i = 0; i < device.num_regions; i++) {
		*info = (struct vfio_region_info){ .argsz = INFO_SIZE, .index = i };
		if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, info))
			continue;
		if (info->size || i >= VFIO_PCI_NUM_REGIONS)
			report_region(name, info);
	}
	free(info);
}
