// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "files.h"

#define CONFIG_SIZE 4096

static bool scan_function(const char *address, uint64_t *sum)
{
	unsigned char bytes[CONFIG_SIZE];
	struct pci_device device;
	ssize_t size, i;
	bool ones = true;

	pci_describe(&device, address);
	size = file_read(path_join(device.path, "config"), bytes, sizeof(bytes));
	for (i = 0; i < size; i++) {
		ones = ones && bytes[i] == 0xff;
		*sum = (*sum ^ bytes[i]) * 0x100000001b3;
	}
	return size >= 64 && !ones;
}

void config_scan(struct config_scan *scan)
{
	DIR *devices = opendir(PCI_DEVICES);
	struct dirent *entry;

	*scan = (struct config_scan){ 0 };
	while (devices && (entry = readdir(devices))) {
		if (entry->d_name[0] == '.')
			continue;
		scan->functions++;
		scan->failed += !scan_function(entry->d_name, &scan->sum);
	}
	if (devices)
		closedir(devices);
}

bool config_command(const struct pci_device *device, uint16_t clear, uint16_t set)
{
	int fd = open(path_join(device->path, "config"), O_RDWR | O_CLOEXEC | O_SYNC);
	uint16_t value;
	bool done;

	if (fd < 0)
		return false;
	done = pread(fd, &value, sizeof(value), CONFIG_COMMAND) == sizeof(value);
	value = htole16((le16toh(value) & ~clear) | set);
	done = done && pwrite(fd, &value, sizeof(value), CONFIG_COMMAND) == sizeof(value);
	close(fd);
	return done;
}
