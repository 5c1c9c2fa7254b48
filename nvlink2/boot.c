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
#define RULE "ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"%s\", ATTR{driver_override}=\"%s\", " \
	"RUN{builtin}+=\"kmod load %s\", RUN+=\"/bin/sh -c 'echo %%k > /sys/bus/pci/drivers_probe'\""

/*
 * What the file is to have. @chosen: for each group of the machine, whether its rules are written anew. @driver: the driver that
 * they name; NULL when they are only taken out. @take_all: take those of other devices out as well.
 */
struct rules {
	const struct machine *machine;
	const bool *chosen;
	const char *driver;
	bool take_all;
};

static bool is_about(const char *line, const char *address)
{
	char match[64];

	snprintf(match, sizeof(match), "KERNEL==\"%s\"", address);
	return strstr(line, match);
}

static bool is_about_chosen(const char *line, const struct rules *rules)
{
	const struct group *group = rules->machine->group;
	size_t g, i;

	for (g = 0; g < rules->machine->groups; g++)
		for (i = 0; rules->chosen[g] && i < group[g].members; i++)
			if (is_about(line, group[g].member[i].address))
				return true;
	return false;
}

/* A line as write_rule() writes it, whichever device it is about */
static bool is_rule(const char *line)
{
	char address[16], driver[64], again[512];

	if (sscanf(line, "ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"%15[^\"]\", ATTR{driver_override}=\"%63[^\"]\"",
		   address, driver) != 2)
		return false;
	snprintf(again, sizeof(again), RULE, address, driver, driver);
	return !strcmp(line, again);
}

/*
 * Gives how many lines stay; the header does not count, for it is written anew. -1 with errno set when not all was read.
 */
static int copy_others(FILE *to, FILE *from, const struct rules *rules)
{
	char *line = NULL;
	size_t size = 0;
	int count = 0, error;

	errno = 0;
	while (from && getline(&line, &size, from) >= 0) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, HEADER, strlen(HEADER)) || is_about_chosen(line, rules) ||
		    (rules->take_all && is_rule(line)))
			continue;
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
	fprintf(to, RULE "\n", address, driver, driver);
}

static int write_rules(FILE *to, const struct rules *rules)
{
	const struct group *group;
	int count = 0;
	size_t g, i;

	for (g = 0; g < rules->machine->groups; g++) {
		group = &rules->machine->group[g];
		for (i = 0; rules->chosen[g] && rules->driver && i < group->members; i++) {
			if (is_port(&group->member[i]))
				continue;
			write_rule(to, group->member[i].address, rules->driver);
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

static bool replace(const char *temporary, const char *path, int count)
{
	if (count ? !rename(temporary, path) : (!unlink(temporary) && (!unlink(path) || errno == ENOENT)))
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
static bool write_all(FILE *to, FILE *from, const struct rules *rules, int *count)
{
	int others, error;

	fputs(HEADER "\n", to);
	others = copy_others(to, from, rules);
	error = errno;
	*count = others + write_rules(to, rules);
	if (ferror(to) | fclose(to))
		return false;
	errno = error;
	return others >= 0;
}

static bool rewrite(const char *path, const struct rules *rules)
{
	char temporary[PATH_MAX + 8];
	FILE *from, *to;
	bool good;
	int count;

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
	good = write_all(to, from, rules, &count);
	if (from)
		fclose(from);
	return good ? replace(temporary, path, count) : give_up(temporary, path);
}

static void say_devices(const struct rules *rules)
{
	const struct group *group = rules->machine->group;
	size_t g, i;

	for (g = 0; g < rules->machine->groups; g++)
		for (i = 0; rules->chosen[g] && i < group[g].members; i++)
			if (!is_port(&group[g].member[i]))
				printf("%s\n", group[g].member[i].address);
}

static void say_rules(const struct rules *rules)
{
	if (rules->driver) {
		printf("write rules of udev to " RULES ":\n");
		write_rules(stdout, rules);
	} else if (rules->take_all) {
		printf("take all rules of nvlink2 out of " RULES "\n");
	} else {
		printf("take rules of udev out of " RULES ", for:\n");
		say_devices(rules);
	}
}

bool boot_write(const struct machine *machine, const struct selection *selection, const char *driver, bool dry_run)
{
	struct rules rules = {
		.machine = machine, .chosen = selection->group, .driver = driver, .take_all = selection->all && !driver,
	};
	char path[PATH_MAX];

	file_path(path, sizeof(path), RULES);
	if (dry_run) {
		say_rules(&rules);
		return true;
	}
	if (!make_directory() || !rewrite(path, &rules))
		return false;
	printf("%s\n", driver ? "and so at each start of the machine, by " RULES : "and no more at its start");
	return true;
}
