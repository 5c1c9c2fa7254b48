// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/config.h"
#include "../common/files.h"
#include "../common/report.h"
#include "vendor.h"

#define VENDOR_IBM 0x1014
#define NTL_BAR 0
#define GENID_BAR 2
#define PROPERTY_ROOM 64

/**
 * struct vendor_watch - shared with the process that reads once a second.
 * @gpus: whose bridges are read.
 * @count: how many.
 * @rounds: how often all bridges were read.
 * @wrong: how often one was not IBM's.
 * @pid: of the process.
 */
struct vendor_watch {
	const struct gpu *gpus;
	int count;
	volatile long rounds, wrong;
	pid_t pid;
};

static unsigned long number_of(const struct pci_device *device, const char *attribute)
{
	char text[32];

	file_text(path_join(device->path, attribute), text, sizeof(text));
	return strtoul(text, NULL, 0);
}

/* A line of "resource" for each BAR: first and last address, flags. Return: the size, 0 when it has no address. */
static uint64_t bar_size(const struct pci_device *device, int bar)
{
	uint64_t first = 0, last = 0, flags;
	char text[1024], *line = text;
	ssize_t got;

	got = file_read(path_join(device->path, "resource"), text, sizeof(text) - 1);
	text[got > 0 ? got : 0] = 0;
	while (line && bar--)
		line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
	if (!line || sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64, &first, &last, &flags) != 3 || !first)
		return 0;
	return last - first + 1;
}

/* Return: whether it can be mapped, and answers. */
static bool bar_answers(const struct pci_device *device, int bar)
{
	volatile uint32_t *words;
	bool answers;
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "resource%d", bar);
	fd = open(path_join(device->path, name), O_RDWR | O_SYNC | O_CLOEXEC);
	words = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (words == MAP_FAILED)
		return false;
	answers = *words != UINT32_MAX;
	munmap((void *)words, sysconf(_SC_PAGESIZE));
	return answers;
}

static bool is_enabled(const struct pci_device *device)
{
	uint16_t command[3] = { 0 };

	file_read(path_join(device->path, "config"), command, sizeof(command));
	return le16toh(command[CONFIG_COMMAND / 2]) & CONFIG_COMMAND_MEMORY;
}

static void check_pci(const struct pci_device *bridge, int number)
{
	char key[32];

	snprintf(key, sizeof(key), "vendor.pci.%d", number);
	report(key, "class %#08lx id %04lx:%04lx irq %lu", number_of(bridge, "class"), number_of(bridge, "vendor"),
	       number_of(bridge, "device"), number_of(bridge, "irq"));
}

static void check_bars(const struct pci_device *bridge, int number)
{
	char key[32];

	snprintf(key, sizeof(key), "vendor.bars.%d", number);
	if (!file_write(path_join(bridge->path, "enable"), "1"))
		report_error(key, "enable");
	else
		report(key, "%#" PRIx64 " %s, %#" PRIx64 " %s, %s", bar_size(bridge, NTL_BAR),
		       bar_answers(bridge, NTL_BAR) ? "answers" : "is mute", bar_size(bridge, GENID_BAR),
		       bar_answers(bridge, GENID_BAR) ? "answers" : "is mute", is_enabled(bridge) ? "enabled" : "disabled");
}

static ssize_t property_size(const char *node, const char *name)
{
	unsigned char bytes[PROPERTY_ROOM];

	return file_read(path_join(node, name), bytes, sizeof(bytes));
}

/* The last number of ibm,associativity is the node, in all of its forms. */
static int node_of(const char *memory)
{
	uint64_t numbers[8];
	int count = property_cells(memory, "ibm,associativity", numbers, 4, 8);

	return count ? (int)numbers[count - 1] : -1;
}

static void check_tree(const struct pci_device *bridge, int number)
{
	char key[32], memory[128] = "none";
	uint64_t region = 0;

	property_cells(bridge->node, "memory-region", &region, 4, 1);
	snprintf(key, sizeof(key), "vendor.tree.%d", number);
	if (!region || !node_by_phandle(region, memory, sizeof(memory)))
		report(key, "error: no memory-region");
	else
		report(key, "ibm,device-tgt-addr of %zd, memory-region of %zd, reg of %zd bytes, node %d",
		       property_size(bridge->node, "ibm,device-tgt-addr"), property_size(bridge->node, "memory-region"),
		       property_size(memory, "reg"), node_of(memory));
}

void vendor_check(const struct gpu *gpu)
{
	int i;

	report("bars", "%#" PRIx64 " %#" PRIx64 " %#" PRIx64, bar_size(&gpu->device, 0), bar_size(&gpu->device, 1),
	       bar_size(&gpu->device, 3));
	for (i = 0; i < gpu->links; i++) {
		check_pci(&gpu->bridges[i], i);
		check_bars(&gpu->bridges[i], i);
		check_tree(&gpu->bridges[i], i);
	}
}

static bool is_ibm(const struct pci_device *bridge)
{
	uint16_t id = 0;

	return file_read(path_join(bridge->path, "config"), &id, sizeof(id)) == sizeof(id) && le16toh(id) == VENDOR_IBM;
}

static void read_all(struct vendor_watch *watch)
{
	int i, link;

	for (i = 0; i < watch->count; i++)
		for (link = 0; link < watch->gpus[i].links; link++)
			watch->wrong += !is_ibm(&watch->gpus[i].bridges[link]);
	watch->rounds++;
}

struct vendor_watch *vendor_watch_begin(const struct gpu *gpus, int count)
{
	struct vendor_watch *watch = mmap(NULL, sizeof(*watch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	pid_t pid;

	if (watch == MAP_FAILED)
		return NULL;
	watch->gpus = gpus;
	watch->count = count;
	fflush(stdout);
	pid = fork();
	while (!pid) {
		read_all(watch);
		sleep(1);
	}
	watch->pid = pid;
	return watch;
}

void vendor_watch_end(struct vendor_watch *watch)
{
	if (!watch || watch->pid < 0) {
		report("vendor.alive", "error: nobody reads");
		return;
	}
	kill(watch->pid, SIGKILL);
	waitpid(watch->pid, NULL, 0);
	read_all(watch);
	report("vendor.alive", "%ld times, %ld not IBM's", watch->rounds, watch->wrong);
}
