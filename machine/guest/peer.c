// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../common/report.h"
#include "driver/v100_copy.h"
#include "peer.h"

uint32_t peer_read(int engine, int link, uint64_t from, uint64_t gpu_offset, uint32_t length)
{
	struct v100_copy copy = {
		.path = V100_PATH_PEER, .direction = V100_TO_GPU, .link = link, .length = length, .address = from,
		.gpu_offset = gpu_offset,
	};

	return ioctl(engine, V100_COPY, &copy) ? 0 : copy.status;
}

void peer_report(int engine, uint64_t gpu_offset)
{
	char text[PEER_LINKS * 12] = "";
	int link, at = 0;

	for (link = 0; link < PEER_LINKS; link++)
		at += snprintf(text + at, sizeof(text) - at, "%s%#x", link ? " " : "",
			       peer_read(engine, link, 0, gpu_offset, sysconf(_SC_PAGESIZE)));
	report("peer", "%s", text);
}
