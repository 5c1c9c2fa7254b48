// SPDX-License-Identifier: GPL-2.0
/*
 * A line for each device, in a file that sorts before the rule of udev that loads drivers. The file is replaced as a
 * whole; lines about other devices stay.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "files.h"

#define RULES "/etc/udev/rules.d/60-nvlink2.rules"
#define HEADER "# Written by nvlink2 bind --boot; nvlink2 unbind --boot takes lines away."
#define RULES_DIR "/etc/udev/rules.d"

static bool is_about(const char *line, const char *address)
{
	char match[64];

	snprintf(match, sizeof(match), "KERNEL==\"%s\"", address);
	return strstr(line, match);
}

static bool is_about_chosen(const char *line, const struct machine *machine, const bool *chosen)
{
	size_t g, i;

	for (g = 0; g < machine->groups; g++)
		for (i = 0; chosen[g] && i < machine->group[g].members; i++)
			if (is_about(line, machine->group[g].member[i].address))
				return true;
	return false;
}

/*
 * Gives how many lines stay; the header does not count, for it is written anew. -1 with errno set when not all was read.
 */
static int copy_others(FILE *to, FILE *from, const struct machine *machine, const bool *chosen)
{
	char *line = NULL;
	size_t size = 0;
	int count = 0, error;

	errno = 0;
	while (from && getline(&line, &size, from) >= 0) {
		if (!strncmp(line, HEADER, strlen(HEADER)) || is_about_chosen(line, machine, chosen))
			continue;
		line[strcspn(line, "\n")] = 0;
		fprintf(to, "%s\n", line);
		count++;
	}
	error = errno;
	free(line);
	errno = error;
	return from && !feof(from) ? -1 : count;
}

/* The driver may have looked at the device before it was allowed to take it: ask again */
static void write_rule(FILE *to, const char *address, const char *driver)
{
	fprintf(to, "ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"%s\", ATTR{driver_override}=\"%s\", "
		"RUN{builtin}+=\"kmod load %s\", RUN+=\"/bin/sh -c 'echo %%k > /sys/bus/pci/drivers_probe'\"\n",
		address, driver, driver);
}

static int write_rules(FILE *to, const struct machine *machine, const bool *chosen, const char *driver)
{
	const struct group *group;
	int count = 0;
	size_t g, i;

	for (g = 0; g < machine->groups; g++) {
		group = &machine->group[g];
		for (i = 0; chosen[g] && driver && i < group->members; i++) {
			if (is_port(&group->member[i]))
				continue;
			write_rule(to, group->member[i].address, driver);
			count++;
		}
	}
	return count;
}

static bool fail(const char *path)
{
	fprintf(stderr, "nvlink2: %s: %s. What is bound now stays so until the machine is started anew\n", path,
		strerror(errno));
	return false;
}

static bool give_up(const char *temporary, const char *path)
{
	int error = errno;

	unlink(temporary);
	errno = error;
	return fail(path);
}

static bool replace(const char *temporary, const char *path, int rules)
{
	if (rules ? !rename(temporary, path) : (!unlink(temporary) && (!unlink(path) || errno == ENOENT)))
		return true;
	return give_up(temporary, path);
}

static bool make_directory(void)
{
	char path[PATH_MAX];

	file_path(path, sizeof(path), RULES_DIR);
	return !mkdir(path, 0755) || errno == EEXIST || fail(path);
}

/* Closes what is written */
static bool write_all(FILE *to, FILE *from, const struct machine *machine, const bool *chosen, const char *driver,
		      int *rules)
{
	int others, error;

	fputs(HEADER "\n", to);
	others = copy_others(to, from, machine, chosen);
	error = errno;
	*rules = others + write_rules(to, machine, chosen, driver);
	if (ferror(to) | fclose(to))
		return false;
	errno = error;
	return others >= 0;
}

static bool rewrite(const char *path, const struct machine *machine, const bool *chosen, const char *driver)
{
	char temporary[PATH_MAX + 8];
	FILE *from, *to;
	bool good;
	int rules;

	from = fopen(path, "re");
	if (!from && errno != ENOENT)
		return fail(path);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	to = fopen(temporary, "we");
	if (!to) {
		if (from)
			fclose(from);
		return fail(temporary);
	}
	good = write_all(to, from, machine, chosen, driver, &rules);
	if (from)
		fclose(from);
	return good ? replace(temporary, path, rules) : give_up(temporary, path);
}

static void say_devices(const struct machine *machine, const bool *chosen)
{
	size_t g, i;

	for (g = 0; g < machine->groups; g++)
		for (i = 0; chosen[g] && i < machine->group[g].members; i++)
			if (!is_port(&machine->group[g].member[i]))
				printf("%s\n", machine->group[g].member[i].address);
}

bool boot_write(const struct machine *machine, const bool *chosen, const char *driver, bool dry_run)
{
	char path[PATH_MAX];

	file_path(path, sizeof(path), RULES);
	if (dry_run) {
		printf("%s " RULES "%s\n", driver ? "write rules of udev to" : "take rules of udev out of", driver ? ":" : ", for:");
		write_rules(stdout, machine, chosen, driver);
		if (!driver)
			say_devices(machine, chosen);
		return true;
	}
	if (!make_directory() || !rewrite(path, machine, chosen, driver))
		return false;
	printf("%s\n", driver ? "and so at each start of the machine, by " RULES : "and no more at its start");
	return true;
}
