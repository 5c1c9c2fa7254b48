// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "kvm.h"

#define DEBUGFS_KVM	"/sys/kernel/debug/kvm"
#define VM_TYPE_HV	1

int kvm_guest_open(struct kvm_guest *guest)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	guest->vm = -1;
	guest->attach = -1;
	if (kvm < 0)
		return -ENODEV;
	guest->vm = ioctl(kvm, KVM_CREATE_VM, VM_TYPE_HV);
	close(kvm);

	return guest->vm < 0 ? -ENODEV : 0;
}

int kvm_guest_attach(struct kvm_guest *guest,
		     struct spapr_container *container)
{
	struct kvm_create_device create = { .type = KVM_DEV_TYPE_VFIO };
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = KVM_DEV_VFIO_GROUP_ADD,
		.addr = (uintptr_t)&container->group_fd,
	};

	if (ioctl(guest->vm, KVM_CREATE_DEVICE, &create))
		return -errno;
	guest->attach = create.fd;

	return ioctl(create.fd, KVM_SET_DEVICE_ATTR, &attr) ? -errno : 0;
}

void kvm_guest_close(struct kvm_guest *guest)
{
	if (guest->attach >= 0)
		close(guest->attach);
	if (guest->vm >= 0)
		close(guest->vm);
	guest->attach = -1;
	guest->vm = -1;
}

int kvm_guests_alive(void)
{
	struct dirent *entry;
	char prefix[16];
	int count = 0;
	DIR *dir;

	dir = opendir(DEBUGFS_KVM);
	if (!dir)
		return -1;
	snprintf(prefix, sizeof(prefix), "%d-", getpid());
	while ((entry = readdir(dir)))
		count += !strncmp(entry->d_name, prefix, strlen(prefix));
	closedir(dir);

	return count;
}
