// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../common/config.h"
#include "../common/files.h"
#include "../common/report.h"
#include "aftermath.h"
#include "survey.h"
#include "unused.h"

#define SLOTS "/sys/bus/pci/slots"
#define RECOVER "/sys/kernel/debug/powerpc/eeh_force_recover"
#define RECOVERED "EEH: Recovery successful"
/* EEH itself sleeps for five seconds. */
#define RECOVERY_S 120
#define BRIDGE_CONTROL 0x3e
#define BRIDGE_CONTROL_RESET 0x40
/* What PCIe gives a port that is reset, and a device after it */
#define RESET_US 2000
#define READY_US 200000

static bool reset_by(const struct gpu *gpu, const char *method)
{
	return file_write(path_join(gpu->device.path, "reset_method"), method) &&
	       file_write(path_join(gpu->device.path, "reset"), "1");
}

static bool reset_idle(const struct gpu *gpu)
{
	return reset_by(gpu, "bus");
}

static bool reset_by_power(const struct gpu *gpu)
{
	return reset_by(gpu, "pm");
}

static bool config_word(int fd, off_t offset, uint16_t clear, uint16_t set)
{
	uint16_t value;

	if (pread(fd, &value, sizeof(value), offset) != sizeof(value))
		return false;
	value = htole16((le16toh(value) & ~clear) | set);
	return pwrite(fd, &value, sizeof(value), offset) == sizeof(value);
}

static bool reset_by_port(const struct gpu *gpu)
{
	int fd = open(path_join(gpu->device.path, "../config"), O_RDWR | O_CLOEXEC | O_SYNC);
	bool done;

	if (fd < 0)
		return false;
	done = config_word(fd, BRIDGE_CONTROL, 0, BRIDGE_CONTROL_RESET);
	usleep(RESET_US);
	done = config_word(fd, BRIDGE_CONTROL, BRIDGE_CONTROL_RESET, 0) && done;
	usleep(READY_US);
	close(fd);
	return done;
}

static bool find_again(const struct gpu *gpu)
{
	return file_write(path_join(gpu->device.path, "remove"), "1") && access(gpu->device.path, F_OK) &&
	       file_write("/sys/bus/pci/rescan", "1") && !access(gpu->device.path, F_OK);
}

static bool recover(const struct gpu *gpu)
{
	time_t end = time(NULL) + RECOVERY_S;
	int before = kernel_log_count(RECOVERED);
	char pe[16], where[32];

	if (!file_text(path_join(gpu->device.path, "eeh_pe_config_addr"), pe, sizeof(pe)))
		return false;
	snprintf(where, sizeof(where), "%.4s:%s", gpu->device.address, pe);
	if (!file_write(RECOVER, where))
		return false;
	while (kernel_log_count(RECOVERED) == before && time(NULL) < end)
		usleep(100000);
	return kernel_log_count(RECOVERED) > before && !access(gpu->device.path, F_OK);
}

/* By its switch "power" in sysfs. An address of a slot has no function. */
static bool switch_slot(const struct gpu *gpu, const char *value)
{
	DIR *slots = opendir(SLOTS);
	struct dirent *entry;
	char path[288], address[16];
	bool done = false;

	while (slots && !done && (entry = readdir(slots))) {
		snprintf(path, sizeof(path), SLOTS "/%.255s", entry->d_name);
		if (file_text(path_join(path, "address"), address, sizeof(address)) && *address &&
		    has_prefix(gpu->device.address, address))
			done = file_write(path_join(path, "power"), value);
	}
	if (slots)
		closedir(slots);
	return done;
}

static bool reset_by_slot(const struct gpu *gpu)
{
	return switch_slot(gpu, "0") && access(gpu->device.path, F_OK) && switch_slot(gpu, "1") &&
	       !access(gpu->device.path, F_OK);
}

static const char *memory_of(const struct pci_device *device)
{
	unsigned char bytes[64];

	if (file_read(path_join(device->path, "config"), bytes, sizeof(bytes)) != sizeof(bytes))
		return "unknown";
	return bytes[CONFIG_COMMAND] & CONFIG_COMMAND_MEMORY ? "on" : "off";
}

/* Is it in its old group, with its bridges? */
static void report_group(const char *part, bool done, const struct gpu *gpu, int before)
{
	struct group group = { .number = -1 };
	int i, bridges = 0;

	group_of(&gpu->device, &group);
	for (i = 0; i < gpu->links; i++)
		bridges += group_has(&group, &gpu->bridges[i]);
	report(part, "%s, memory %s, %s group of %d functions, %d of %d bridges in it", done ? "done" : "not done",
	       memory_of(&gpu->device), group.number == before ? "the same" : "another", group.count, bridges,
	       gpu->links);
}

static void hold_open(const char *part, const struct gpu *gpu, const struct group *group)
{
	struct vfio_session session;
	char key[32];
	int fd;

	snprintf(key, sizeof(key), "%s.open", part);
	if (!vfio_begin(&session, group)) {
		report_error(key, "container");
		return;
	}
	fd = vfio_open(&session, &gpu->device);
	report(key, "%s", fd < 0 ? strerror(errno) : "opened");
	mark(key);
	if (fd >= 0)
		close(fd);
	vfio_end(&session);
}

static void reset_unused(const char *part, const struct gpu *gpu, struct group *group, bool (*act)(const struct gpu *gpu))
{
	int before = group->number;
	bool done;

	group_unbind(group);
	done = act(gpu);
	report_group(part, done, gpu, before);
	mark(part);
	if (!group_of(&gpu->device, group))
		give_up("%s has no IOMMU group after '%s'", gpu->device.address, part);
	group_bind(group);
	hold_open(part, gpu, group);
}

void unused_idle(const char *part, const struct gpu *gpu, struct group *group)
{
	reset_unused(part, gpu, group, reset_idle);
}

void unused_power(const char *part, const struct gpu *gpu, struct group *group)
{
	reset_unused(part, gpu, group, reset_by_power);
}

void unused_slot(const char *part, const struct gpu *gpu, struct group *group)
{
	reset_unused(part, gpu, group, reset_by_slot);
}

void unused_port(const char *part, const struct gpu *gpu, struct group *group)
{
	reset_unused(part, gpu, group, reset_by_port);
	reset_unused("found", gpu, group, find_again);
}

void unused_recover(const char *part, const struct gpu *gpu, struct group *group)
{
	reset_unused(part, gpu, group, recover);
}

void unused_rescan(const char *part, const struct gpu *gpu, struct group *group)
{
	reset_unused(part, gpu, group, find_again);
}
