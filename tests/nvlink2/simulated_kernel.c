// SPDX-License-Identifier: GPL-2.0
/*
 * In place of nvlink2/attribute.c: what a kernel does when an attribute of sysfs is written, done to the files of a
 * fixture. Each write is a line of the file "writes"; it carries its number, from 1.
 *
 *   SIMULATED_FAIL=N,M...     these writes fail and change nothing
 *   SIMULATED_REFUSE=ADDRESS  vfio-pci does not take this device, and nobody is told
 *   SIMULATED_SIGNAL=N        the user presses Ctrl-C, ends the session and so on at this write
 *   SIMULATED_NO_MODULES=1    modprobe finds nothing
 *
 * A device of a fixture may have a file "default", the name of the driver that takes it when none is asked for.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attribute.h"

#define DEVICES "/sys/bus/pci/devices"
#define DRIVERS "/sys/bus/pci/drivers"

static int number;

static bool is_to_fail(void)
{
	const char *list = getenv("SIMULATED_FAIL");
	char *end;

	while (list && *list) {
		if (strtol(list, &end, 10) == number)
			return true;
		list = *end ? end + 1 : end;
	}
	return false;
}

static void interrupt(void)
{
	const char *when = getenv("SIMULATED_SIGNAL");

	if (!when || atoi(when) != number)
		return;
	raise(SIGINT);
	raise(SIGTERM);
	raise(SIGHUP);
}

static void record(const char *path, const char *text)
{
	char name[PATH_MAX];
	FILE *log;

	file_path(name, sizeof(name), "/writes");
	log = fopen(name, "a");
	if (!log)
		abort();
	fprintf(log, "%d %s %s\n", ++number, path, *text == '\n' ? "-" : text);
	fclose(log);
}

static void put(const char *path, const char *text)
{
	char name[PATH_MAX];
	FILE *file;

	file_path(name, sizeof(name), "%s", path);
	file = fopen(name, "w");
	if (!file)
		abort();
	fputs(text, file);
	fclose(file);
}

static bool leave(const char *driver, const char *address)
{
	char name[PATH_MAX], bound[64];

	if (!file_link(bound, sizeof(bound), DEVICES "/%s/driver", address) || strcmp(bound, driver)) {
		errno = ENODEV;
		return false;
	}
	file_path(name, sizeof(name), DEVICES "/%s/driver", address);
	return !unlink(name);
}

static void take(const char *driver, const char *address)
{
	const char *refused = getenv("SIMULATED_REFUSE");
	char name[PATH_MAX], target[PATH_MAX];

	if (!*driver || !file_exists(DRIVERS "/%s", driver) ||
	    (refused && !strcmp(refused, address) && !strcmp(driver, "vfio-pci")))
		return;
	file_path(name, sizeof(name), DEVICES "/%s/driver", address);
	snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver);
	if (symlink(target, name))
		abort();
}

static bool probe(const char *address)
{
	char driver[64];

	if (!file_exists(DEVICES "/%s", address)) {
		errno = ENODEV;
		return false;
	}
	if (file_link(driver, sizeof(driver), DEVICES "/%s/driver", address))
		return true;
	file_text(driver, sizeof(driver), DEVICES "/%s/driver_override", address);
	if (!*driver || !strcmp(driver, "(null)"))
		file_text(driver, sizeof(driver), DEVICES "/%s/default", address);
	take(driver, address);
	return true;
}

static bool react(const char *path, const char *text)
{
	char driver[64];

	if (strstr(path, "/driver_override")) {
		put(path, text);
		return true;
	}
	if (!strcmp(path, "/sys/bus/pci/drivers_probe"))
		return probe(text);
	if (sscanf(path, DRIVERS "/%63[^/]/unbind", driver) == 1)
		return leave(driver, text);
	errno = ENOENT;
	return false;
}

bool attribute_write(const char *text, const char *format, ...)
{
	char path[PATH_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	record(path, text);
	interrupt();
	if (is_to_fail()) {
		errno = EIO;
		return false;
	}
	return react(path, text);
}

bool module_load(const char *name)
{
	char path[PATH_MAX];

	if (getenv("SIMULATED_NO_MODULES"))
		return false;
	file_path(path, sizeof(path), DRIVERS "/%s", name);
	return !mkdir(path, 0755);
}
