// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "copier.h"
#include "driver/v100_copy.h"

/* So much that the engine has hardly any time without a copy */
#define COPIED_BYTES (8 << 20)
#define STATUS_DONE 0x2

static void copy_for_ever(struct copier *copier, int engine, void *memory)
{
	struct v100_copy copy = {
		.path = V100_PATH_ATS, .direction = V100_TO_SYSTEM, .length = COPIED_BYTES, .address = (uintptr_t)memory,
	};

	for (;;) {
		copier->failed += ioctl(engine, V100_COPY, &copy) || copy.status != STATUS_DONE;
		copier->copies++;
	}
}

struct copier *copiers_alloc(int count)
{
	void *memory = mmap(NULL, count * sizeof(struct copier), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void copier_start(struct copier *copier, int engine)
{
	void *memory;

	fflush(stdout);
	copier->pid = fork();
	if (copier->pid)
		return;
	memory = mmap(NULL, COPIED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || mlock(memory, COPIED_BYTES))
		_exit(1);
	memset(memory, 0xff, COPIED_BYTES);
	copy_for_ever(copier, engine, memory);
}
