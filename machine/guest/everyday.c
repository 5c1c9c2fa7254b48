// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../common/boot.h"
#include "../common/config.h"
#include "../common/files.h"
#include "../common/report.h"
#include "everyday.h"

#define PROCESSORS 2
#define STORED_BYTES (1 << 20)
#define BRIDGE_STATUS 0x84
/* "machine.seconds=" in the command line says how long each way lasts */
#define SECONDS 5

/**
 * struct storer - a process that stores to GPU RAM, on a processor of its own.
 * @rounds: how often it stored and loaded all of its memory.
 * @wrong: words that it did not find again.
 * @pid: of the process.
 */
struct storer {
	volatile long rounds, wrong;
	pid_t pid;
};

static int seconds;

static void stay_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void store_for_ever(struct storer *storer, volatile uint64_t *words)
{
	size_t i, count = STORED_BYTES / sizeof(*words);

	for (;;) {
		for (i = 0; i < count; i++)
			words[i] = (uint64_t)storer->rounds << 32 | i;
		for (i = 0; i < count; i++)
			storer->wrong += words[i] != ((uint64_t)storer->rounds << 32 | i);
		storer->rounds++;
	}
}

static void start_storer(struct storer *storer, int processor, const struct gpu_ram *ram)
{
	volatile uint64_t *words;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid) {
		storer->pid = pid;
		return;
	}
	stay_on(processor);
	words = node_buffer(ram, STORED_BYTES);
	if (!words)
		_exit(1);
	store_for_ever(storer, words);
}

static bool alive(struct storer *storer)
{
	return storer->pid > 0 && !waitpid(storer->pid, NULL, WNOHANG);
}

/* Did every processor store while this lasted? */
static void report_stores(struct storer *storers, const char *way, const long *before)
{
	char key[48];
	int i;

	for (i = 0; i < PROCESSORS; i++) {
		snprintf(key, sizeof(key), "%s.stores.%d", way, i);
		report(key, "%ld rounds, %ld words wrong%s", storers[i].rounds - before[i], storers[i].wrong,
		       alive(&storers[i]) ? "" : ", ended");
	}
}

/* The ways. Each is done over and over again, and says false when it failed. */
static bool way_lspci(const struct gpu *gpu)
{
	struct config_scan scan;

	(void)gpu;
	config_scan(&scan);
	return scan.functions && !scan.failed;
}

/* As "lspci -xxx -d 1014:04ea": in the nested guest one round of all of lspci takes a second. */
static bool way_lspci_bridges(const struct gpu *gpu)
{
	unsigned char bytes[256];
	bool good = true;
	int i;

	for (i = 0; i < gpu->links; i++)
		good = file_read(path_join(gpu->bridges[i].path, "config"), bytes, sizeof(bytes)) ==
			sizeof(bytes) && good;
	return good;
}

static bool way_setpci_bridge(const struct gpu *gpu)
{
	bool good = true;
	int i;

	for (i = 0; i < gpu->links; i++) {
		good = config_command(&gpu->bridges[i], CONFIG_COMMAND_MEMORY, 0) && good;
		good = config_command(&gpu->bridges[i], 0, CONFIG_COMMAND_MEMORY) && good;
	}
	return good;
}

static bool way_enable(const struct gpu *gpu)
{
	return file_write(path_join(gpu->device.path, "enable"), "1") &&
	       file_write(path_join(gpu->device.path, "enable"), "0");
}

static bool way_setpci_gpu(const struct gpu *gpu)
{
	bool good = config_command(&gpu->device, CONFIG_COMMAND_MEMORY, 0);

	usleep(1000);
	return config_command(&gpu->device, 0, CONFIG_COMMAND_MEMORY) && good;
}

static void go(struct storer *storers, const char *way, bool (*act)(const struct gpu *), const struct gpu *gpu)
{
	time_t end = time(NULL) + seconds;
	long before[PROCESSORS], count = 0, failed = 0;
	char key[32];
	int i;

	for (i = 0; i < PROCESSORS; i++)
		before[i] = storers[i].rounds;
	while (time(NULL) < end) {
		failed += !act(gpu);
		count++;
	}
	snprintf(key, sizeof(key), "%s", way);
	report(key, "%ld times, %ld failed", count, failed);
	report_stores(storers, way, before);
}

void everyday(const struct gpu *gpu, struct gpu_ram *ram, unsigned int mib)
{
	struct storer *storers = mmap(NULL, PROCESSORS * sizeof(*storers), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char text[16] = "";
	int i;

	boot_parameter("machine.seconds=", text, sizeof(text));
	seconds = atoi(text) ? : SECONDS;
	if (storers == MAP_FAILED || !online_ram(ram, mib))
		give_up("no memory of the node");
	for (i = 0; i < PROCESSORS; i++)
		start_storer(&storers[i], i, ram);
	mark("everyday");
	go(storers, "lspci", way_lspci, gpu);
	go(storers, "lspci-bridges", way_lspci_bridges, gpu);
	go(storers, "setpci-bridge", way_setpci_bridge, gpu);
	file_write(path_join(gpu->device.path, "driver/unbind"), gpu->device.address);
	go(storers, "enable", way_enable, gpu);
	go(storers, "setpci-gpu", way_setpci_gpu, gpu);
	for (i = 0; i < PROCESSORS; i++)
		kill(storers[i].pid, SIGKILL);
	report("everyday", "done");
}

static void read_status(const struct gpu *gpu)
{
	uint32_t status;
	int i, fd[MAX_LINKS];

	for (i = 0; i < gpu->links; i++)
		fd[i] = open(path_join(gpu->bridges[i].path, "config"), O_RDONLY | O_CLOEXEC | O_SYNC);
	for (;;)
		for (i = 0; i < gpu->links; i++)
			if (pread(fd[i], &status, sizeof(status), BRIDGE_STATUS) != sizeof(status))
				_exit(1);
}

int everyday_train(const struct gpu *gpu)
{
	pid_t reader;
	int up, ended;

	fflush(stdout);
	reader = fork();
	if (!reader)
		read_status(gpu);
	up = train_links(gpu);
	ended = waitpid(reader, NULL, WNOHANG);
	kill(reader, SIGKILL);
	waitpid(reader, NULL, 0);
	report("train", "%d up, the reader %s", up, ended ? "failed" : "read");
	return up;
}
