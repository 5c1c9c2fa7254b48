// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../common/report.h"
#include "frozen.h"
#include "storer.h"

#define COPIED_BYTES (V100_BUFFER_SIZE / 2)
#define WAIT_S 2

static void copy(int fd, const char *key)
{
	struct v100_copy copy = {
		.path = V100_PATH_NVLINK, .direction = V100_TO_GPU, .length = COPIED_BYTES,
	};

	if (ioctl(fd, V100_COPY, &copy))
		report_error(key, "V100_COPY");
	else
		report(key, "%#x", copy.status);
}

void frozen(int fd, const struct gpu *second, unsigned int mib)
{
	struct storer *storer = storers_alloc(1);
	struct gpu_ram ram;
	long before;

	if (!storer || !show_device_tree(second, &ram) || train_links(second) < second->links ||
	    !online_ram(&ram, mib))
		give_up("the second GPU cannot be used");
	storer_start(storer, 0, &ram);
	sleep(WAIT_S);
	copy(fd, "frozen.before");
	mark("frozen");
	before = storer->rounds;
	copy(fd, "frozen.after");
	sleep(WAIT_S);
	storer_report(storer, "frozen.stores", before);
	mark("went-on");
	storer_end(storer);
}
