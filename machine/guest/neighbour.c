// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../common/boot.h"
#include "../common/report.h"
#include "frozen.h"
#include "neighbour.h"
#include "peer.h"

#define PAUSE_US 500000
#define TOUCHED_BYTES (1 << 20)
#define COPIED_BYTES (V100_BUFFER_SIZE / 2)
#define SHOT_ADDRESS 0x10000000
#define DONE 0x2
#define NO_SUCH_LINK 0x106
/* Nothing else of GPU RAM that is not in the node is used. */
#define PEER_BYTES 4096

/**
 * struct work - what is done in each round.
 * @engine: from engine_open().
 * @gpu: the GPU.
 * @gpu_offset: GPU RAM that the kernel does not know of.
 * @buffer: what the driver has for DMA: first half is the source, second half gets what comes back.
 * @memory: the same, of this process, for ATS.
 * @words: GPU RAM that the processor touches.
 */
struct work {
	int engine;
	const struct gpu *gpu;
	uint64_t gpu_offset;
	uint8_t *buffer, *memory;
	volatile uint64_t *words;
};

static bool copy(const struct work *work, int path, int link, int direction)
{
	struct v100_copy copy = {
		.path = path, .link = link, .direction = direction, .length = COPIED_BYTES,
		.gpu_offset = work->gpu_offset,
	};
	uint32_t offset = direction == V100_TO_SYSTEM ? COPIED_BYTES : 0;

	if (path == V100_PATH_ATS)
		copy.address = (uintptr_t)work->memory + offset;
	else
		copy.buffer_offset = offset;
	return !ioctl(work->engine, V100_COPY, &copy) && copy.status == DONE;
}

static bool there_and_back(const struct work *work, int path, int link, int round)
{
	uint8_t *bytes = path == V100_PATH_ATS ? work->memory : work->buffer;

	memset(bytes, round * 16 + link, COPIED_BYTES);
	memset(bytes + COPIED_BYTES, 0xff, COPIED_BYTES);
	return copy(work, path, link, V100_TO_GPU) && copy(work, path, link, V100_TO_SYSTEM) &&
	       !memcmp(bytes, bytes + COPIED_BYTES, COPIED_BYTES);
}

static size_t touch(const struct work *work, uint64_t round)
{
	size_t i, count = TOUCHED_BYTES / sizeof(*work->words), wrong = 0;

	for (i = 0; i < count; i++)
		work->words[i] = round << 32 | i;
	for (i = 0; i < count; i++)
		wrong += work->words[i] != (round << 32 | i);
	return wrong;
}

/* Return: how many links lead to another GPU. Reached are those over which its RAM came. */
static int try_peers(const struct work *work, int *reached)
{
	int link, tries = 0;
	uint32_t status;

	for (link = 0; link < PEER_LINKS; link++) {
		status = peer_read(work->engine, link, 0, work->gpu_offset, PEER_BYTES);
		tries += status != NO_SUCH_LINK;
		*reached += status == DONE;
	}
	return tries;
}

static void run_round(const struct work *work, int round)
{
	int link, links = work->gpu->links, copied = 0, with_ats = 0, reached = 0, tries;
	size_t wrong;

	for (link = 0; link < links; link++) {
		copied += there_and_back(work, V100_PATH_NVLINK, link, round);
		with_ats += there_and_back(work, V100_PATH_ATS, link, round);
	}
	invalidate(work->gpu, SHOT_ADDRESS);
	tries = try_peers(work, &reached);
	wrong = touch(work, round);
	report("neighbour.beat", "%d: %d of %d links copied, %d with ATS, %zu words wrong, %d of %d other ends reached",
	       round, copied, links, with_ats, wrong, reached, tries);
}

static bool prepare(struct work *work, struct gpu_ram *ram, unsigned int mib)
{
	work->buffer = mmap(NULL, V100_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, work->engine, 0);
	work->memory = mmap(NULL, V100_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (work->buffer == MAP_FAILED || work->memory == MAP_FAILED || mlock(work->memory, V100_BUFFER_SIZE))
		return false;
	if (online_ram(ram, mib / 2))
		work->words = node_buffer(ram, TOUCHED_BYTES);
	return work->words;
}

void neighbour(int engine, const struct gpu *gpu, struct gpu_ram *ram, unsigned int mib)
{
	struct work work = { .engine = engine, .gpu = gpu, .gpu_offset = (uint64_t)mib / 2 << 20 };
	char text[16] = "";
	int round;

	boot_parameter("machine.stray=", text, sizeof(text));
	if (!prepare(&work, ram, mib))
		give_up("no memory of the node, or no buffers");
	for (round = 1;; round++) {
		run_round(&work, round);
		if (round == atoi(text)) {
			mark("stray");
			frozen_stray(gpu, "neighbour.stray");
		}
		usleep(PAUSE_US);
	}
}
