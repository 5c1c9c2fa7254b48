// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "spapr.h"
#include "sysfs.h"

static int open_attribute(const char *bdf, const char *attribute, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/%s", bdf, attribute);
	return open(path, flags | O_CLOEXEC);
}

static ssize_t read_attribute(const char *bdf, const char *attribute,
			      void *buf, size_t size)
{
	int fd = open_attribute(bdf, attribute, O_RDONLY);
	ssize_t got;

	if (fd < 0)
		return -1;
	got = read(fd, buf, size);
	close(fd);

	return got;
}

uint32_t sysfs_number(const char *bdf, const char *attribute)
{
	char text[32] = "";

	if (read_attribute(bdf, attribute, text, sizeof(text) - 1) <= 0)
		return 0;

	return strtoul(text, NULL, 0);
}

static int write_file(int fd, const char *value)
{
	ssize_t size = strlen(value);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, size) != size)
		ret = -errno;
	close(fd);

	return ret;
}

int sysfs_write_file(const char *path, const char *value)
{
	return write_file(open(path, O_WRONLY | O_CLOEXEC), value);
}

int sysfs_write(const char *bdf, const char *attribute, const char *value)
{
	return write_file(open_attribute(bdf, attribute, O_WRONLY), value);
}

int sysfs_cells(const char *bdf, const char *property, uint32_t *cells, int max)
{
	uint8_t raw[64];
	char path[64];
	ssize_t got;
	int i;

	snprintf(path, sizeof(path), "of_node/%s", property);
	got = read_attribute(bdf, path, raw, sizeof(raw));
	if (got < 0)
		return 0;

	for (i = 0; i < max && i < got / 4; i++)
		cells[i] = (uint32_t)raw[4 * i] << 24 | raw[4 * i + 1] << 16 |
			   raw[4 * i + 2] << 8 | raw[4 * i + 3];

	return i;
}

static void link_name(const char *bdf, const char *link, char *name,
		      size_t size)
{
	char path[256], target[256] = "";

	snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/%s", bdf, link);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		target[0] = 0;
	snprintf(name, size, "%s",
		 strrchr(target, '/') ? strrchr(target, '/') + 1 : "");
}

int sysfs_group(const char *bdf)
{
	char name[16];

	link_name(bdf, "iommu_group", name, sizeof(name));
	return name[0] ? atoi(name) : -1;
}

void sysfs_driver(const char *bdf, char *name, size_t size)
{
	link_name(bdf, "driver", name, size);
}

uint32_t sysfs_config(const char *bdf, unsigned int where, unsigned int size)
{
	int fd = open_attribute(bdf, "config", O_RDONLY);
	uint8_t bytes[4];
	uint32_t val = 0;
	ssize_t got;

	if (fd < 0)
		return ~0u;
	got = pread(fd, bytes, size, where);
	close(fd);
	if (got != (ssize_t)size)
		return ~0u;

	while (size--)
		val = val << 8 | bytes[size];

	return val;
}

int sysfs_config_write(const char *bdf, unsigned int where, unsigned int size,
		       uint32_t val)
{
	int fd = open_attribute(bdf, "config", O_WRONLY);
	uint8_t bytes[4];
	unsigned int i;
	ssize_t put;

	if (fd < 0)
		return -errno;
	for (i = 0; i < size; i++, val >>= 8)
		bytes[i] = val;
	put = pwrite(fd, bytes, size, where);
	close(fd);

	return put == (ssize_t)size ? 0 : -EIO;
}

unsigned int sysfs_capability(const char *bdf, uint8_t id)
{
	unsigned int pos = sysfs_config(bdf, PCI_CAPABILITY_LIST, 1);
	int left = 48;

	while (pos >= 0x40 && pos < 0x100 && left--) {
		if (sysfs_config(bdf, pos + PCI_CAP_LIST_ID, 1) == id)
			return pos;
		pos = sysfs_config(bdf, pos + PCI_CAP_LIST_NEXT, 1);
	}

	return 0;
}

void sysfs_port(const char *bdf, char *name, size_t size)
{
	char path[256], target[256] = "", *last, *port;

	name[0] = 0;
	snprintf(path, sizeof(path), SYSFS_DEVICES "/%s", bdf);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		return;

	last = strrchr(target, '/');
	if (!last)
		return;
	*last = 0;
	port = strrchr(target, '/');
	/* A root bus is called pciDOMAIN:BUS */
	if (port && strncmp(port, "/pci", 4))
		snprintf(name, size, "%s", port + 1);
}

int sysfs_exists(const char *bdf)
{
	char path[256];

	snprintf(path, sizeof(path), SYSFS_DEVICES "/%s", bdf);
	return !access(path, F_OK);
}

static int unbind(const char *bdf)
{
	return sysfs_write(bdf, "driver/unbind", bdf);
}

int sysfs_bind(const char *bdf)
{
	char driver[32];
	int ret;

	sysfs_driver(bdf, driver, sizeof(driver));
	if (!strcmp(driver, "vfio-pci"))
		return 0;
	if (driver[0]) {
		ret = unbind(bdf);
		if (ret)
			return ret;
	}
	ret = sysfs_write(bdf, "driver_override", "vfio-pci");
	if (ret)
		return ret;

	return sysfs_write_file("/sys/bus/pci/drivers_probe", bdf);
}

int sysfs_for_each_in_group(int group, int (*fn)(const char *bdf))
{
	struct dirent *entry;
	char path[64];
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices",
		 group);
	dir = opendir(path);
	if (!dir)
		return 0;

	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && !fn(entry->d_name))
			count++;
	}
	closedir(dir);

	return count;
}
