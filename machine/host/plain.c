// SPDX-License-Identifier: GPL-2.0
/*
 * A host without NPU: vfio-pci with an ordinary device, the first whose class begins as given (0x0108 is NVMe).
 *
 * Usage: plain CLASS
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/report.h"
#include "aftermath.h"
#include "group.h"
#include "survey.h"

static bool find_class(const char *wanted, struct pci_device *device)
{
	char class[16];
	struct dirent *entry;
	bool found = false;
	DIR *devices = opendir(PCI_DEVICES);

	while (devices && !found && (entry = readdir(devices))) {
		pci_describe(device, entry->d_name);
		found = file_text(path_join(device->path, "class"), class, sizeof(class)) &&
			has_prefix(class, wanted);
	}
	if (devices)
		closedir(devices);
	return found;
}

static void survey(const struct group *group, const struct pci_device *device)
{
	struct vfio_session session;
	int fd;

	if (!vfio_begin(&session, group)) {
		report_error("vfio", "container");
		return;
	}
	fd = vfio_open(&session, device);
	if (fd < 0) {
		report_error("device", device->address);
	} else {
		report("device", "%s", device->address);
		vfio_report(fd, "device");
		close(fd);
	}
	vfio_end(&session);
}

int main(int argc, char **argv)
{
	static struct gpu gpus[MAX_GPUS];
	struct pci_device device;
	struct utsname name;
	struct group group;

	report_begin("host");
	uname(&name);
	report("kernel", "%s", name.release);
	report("gpus", "%d", gpus_find(gpus));
	if (argc < 2 || !find_class(argv[1], &device))
		give_up("no device of class %s", argc < 2 ? "?" : argv[1]);
	if (!group_of(&device, &group))
		give_up("%s has no IOMMU group", device.address);
	report("bound", "%d of %d", group_bind(&group), group.count);
	trace_begin();
	survey(&group, &device);
	trace_report();
	report("unbound", "%d of %d", group_unbind(&group), group.count);
	kernel_log_report();
	return 0;
}
