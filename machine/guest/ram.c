// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/report.h"
#include "steps.h"

#define BLOCKS "/sys/devices/system/memory"
#define TEST_BYTES (32 << 20)
#define MIB 20

static uint64_t block_size(void)
{
	char text[32];

	file_text(BLOCKS "/block_size_bytes", text, sizeof(text));
	return strtoull(text, NULL, 16);
}

/* The node that a memory block belongs to is a symbolic link in its directory. */
static int node_of_block(const char *block)
{
	struct dirent *entry;
	int node = -1;
	DIR *directory = opendir(block);

	if (!directory)
		return -1;
	while (node < 0 && (entry = readdir(directory)))
		if (sscanf(entry->d_name, "node%d", &node) != 1)
			node = -1;
	closedir(directory);
	return node;
}

static void probe_block(uint64_t address)
{
	char text[32];

	snprintf(text, sizeof(text), "%#" PRIx64, address);
	if (!file_write(BLOCKS "/probe", text))
		report_error("ram.probe", text);
}

static bool online_block(struct gpu_ram *ram, uint64_t address, uint64_t size)
{
	char block[64];

	snprintf(block, sizeof(block), BLOCKS "/memory%" PRIu64, address / size);
	if (!file_write(path_join(block, "state"), "online_movable")) {
		report_error("ram.online", block);
		return false;
	}
	ram->node = node_of_block(block);
	return true;
}

/*
 * As the vendor's daemon does it: all blocks are there before one is used, and the last one is used first. Else Linux 5.10
 * stops where blocks are as small as its largest free pages: it looks at the block behind one.
 */
bool online_ram(struct gpu_ram *ram, unsigned int mib)
{
	uint64_t size = block_size(), end = ram->base + ((uint64_t)mib << MIB), address;
	int blocks = 0;

	if (!size)
		return false;
	for (address = ram->base; address + size <= end; address += size)
		probe_block(address);
	while (address > ram->base) {
		address -= size;
		blocks += online_block(ram, address, size);
	}
	report("ram.online", "%" PRIu64 " MiB of %u in node %d", blocks * (size >> MIB), mib,
	       ram->node);
	return blocks > 0 && ram->node >= 0;
}

static bool bind(void *memory, size_t size, int node)
{
	unsigned long nodes[16] = { 0 };

	nodes[node / 64] = 1ul << node % 64;
	return !syscall(SYS_mbind, memory, size, MPOL_BIND, nodes, sizeof(nodes) * 8, 0);
}

void *node_buffer(const struct gpu_ram *ram, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (bind(memory, size, ram->node) && !mlock(memory, size))
		return memory;
	munmap(memory, size);
	return NULL;
}

static int pages_elsewhere(char *memory, size_t size, int node)
{
	size_t page = sysconf(_SC_PAGESIZE), at;
	int status, elsewhere = 0;

	for (at = 0; at < size; at += page) {
		void *address = memory + at;

		if (syscall(SYS_move_pages, 0, 1ul, &address, NULL, &status, 0) || status != node)
			elsewhere++;
	}
	return elsewhere;
}

static uint64_t pattern(size_t i, int pass)
{
	return (i + 1) * 0x9e3779b97f4a7c15 ^ (pass ? ~0ull : 0);
}

static size_t test_memory(uint64_t *words, size_t count)
{
	size_t i, wrong = 0;
	int pass;

	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < count; i++)
			words[i] = pattern(i, pass);
		for (i = 0; i < count; i++)
			wrong += words[i] != pattern(i, pass);
	}
	return wrong;
}

void use_ram(const struct gpu_ram *ram)
{
	uint64_t *words = node_buffer(ram, TEST_BYTES);
	size_t wrong;

	if (!words) {
		report_error("program", "memory of the node");
		return;
	}
	wrong = test_memory(words, TEST_BYTES / sizeof(*words));
	report("program", "%d MiB, %zu words wrong, %d pages elsewhere", TEST_BYTES >> MIB, wrong,
	       pages_elsewhere((char *)words, TEST_BYTES, ram->node));
	munmap(words, TEST_BYTES);
}
