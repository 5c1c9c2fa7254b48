// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../common/boot.h"
#include "../common/config.h"
#include "../common/files.h"
#include "../common/report.h"
#include "everyday.h"
#include "storer.h"

#define PROCESSORS 2
#define BRIDGE_STATUS 0x84
/* "machine.seconds=" in the command line says how long each way lasts */
#define SECONDS 5

static int seconds;

/* Did every processor store while this lasted? */
static void report_stores(struct storer *storers, const char *way, const long *before)
{
	char key[48];
	int i;

	for (i = 0; i < PROCESSORS; i++) {
		snprintf(key, sizeof(key), "%s.stores.%d", way, i);
		storer_report(&storers[i], key, before[i]);
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
	struct storer *storers = storers_alloc(PROCESSORS);
	char text[16] = "";
	int i;

	boot_parameter("machine.seconds=", text, sizeof(text));
	seconds = atoi(text) ? : SECONDS;
	if (!storers || !online_ram(ram, mib))
		give_up("no memory of the node");
	for (i = 0; i < PROCESSORS; i++)
		storer_start(&storers[i], i, ram);
	mark("everyday");
	go(storers, "lspci", way_lspci, gpu);
	go(storers, "lspci-bridges", way_lspci_bridges, gpu);
	go(storers, "setpci-bridge", way_setpci_bridge, gpu);
	file_write(path_join(gpu->device.path, "driver/unbind"), gpu->device.address);
	go(storers, "enable", way_enable, gpu);
	go(storers, "setpci-gpu", way_setpci_gpu, gpu);
	for (i = 0; i < PROCESSORS; i++)
		storer_end(&storers[i]);
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
