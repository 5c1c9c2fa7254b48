// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/report.h"
#include "steps.h"

/*
 * The bridge's vendor capability, little-endian: a procedure is started by writing its number
 * to CONTROL, and STATUS says when it is complete and how it ended.
 */
#define PCI_CAP_VENDOR 0x80
#define STATUS (PCI_CAP_VENDOR + 4)
#define STATUS_COMPLETE 0x40000000
#define STATUS_CODE 0x0000000f
#define CONTROL (PCI_CAP_VENDOR + 8)
#define FLAGS (PCI_CAP_VENDOR + 0xd)
#define FLAG_DL_RESET 0x2
#define TIMEOUT_S 5

/* The order in which the GPU driver runs them, from phy_reset to check_credits. */
static const uint32_t procedures[] = { 4, 5, 6, 7, 9, 8, 10, 13 };

static bool run_procedure(int fd, uint32_t procedure, uint32_t *status)
{
	time_t end = time(NULL) + TIMEOUT_S;

	if (pwrite(fd, &procedure, 4, CONTROL) != 4)
		return false;
	do {
		if (pread(fd, status, 4, STATUS) != 4)
			return false;
	} while (!(*status & STATUS_COMPLETE) && time(NULL) < end);
	return *status & STATUS_COMPLETE && !(*status & STATUS_CODE);
}

static bool train(int fd, const char *key)
{
	uint32_t status = 0;
	uint8_t flags = 0;
	size_t i;

	for (i = 0; i < sizeof(procedures) / sizeof(procedures[0]); i++) {
		if (run_procedure(fd, procedures[i], &status))
			continue;
		report(key, "procedure %u failed, status %#x", procedures[i], status);
		return false;
	}
	pread(fd, &flags, 1, FLAGS);
	report(key, "up, flags %#x", flags);
	return flags & FLAG_DL_RESET;
}

int train_links(const struct gpu *gpu)
{
	int link, fd, up = 0;
	char key[16];

	for (link = 0; link < gpu->links; link++) {
		snprintf(key, sizeof(key), "link.%d", link);
		fd = open(path_join(gpu->bridges[link].path, "config"), O_RDWR | O_CLOEXEC | O_SYNC);
		if (fd < 0) {
			report_error(key, "config space");
			continue;
		}
		up += train(fd, key);
		close(fd);
	}
	report("links.up", "%d", up);
	return up;
}
