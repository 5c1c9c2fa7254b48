// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/report.h"
#include "keep.h"

#define BEATS 200
#define BEATS_AFTER 3
#define PAUSE_US 100000
#define TOUCHED_BYTES (1 << 20)
#define COPIED_BYTES (V100_BUFFER_SIZE / 2)
#define STATUS_DONE 0x2
#define SHOT_ADDRESS 0x10000000

/**
 * struct work - what is done over and over again.
 * @engine: from engine_open().
 * @gpu: the GPU.
 * @gpu_offset: GPU RAM that the engine copies to, which the kernel does not know of.
 * @buffer: system memory: first half is the source, second half gets what comes back.
 * @words: GPU RAM that the processor touches, NULL for none.
 */
struct work {
	int engine;
	const struct gpu *gpu;
	uint64_t gpu_offset;
	uint8_t *buffer;
	uint64_t *words;
};

/* Return: what the engine says, 0 when it says nothing. */
static uint32_t copy(const struct work *work, int link, int direction)
{
	struct v100_copy copy = {
		.path = V100_PATH_NVLINK, .link = link, .direction = direction,
		.length = COPIED_BYTES, .gpu_offset = work->gpu_offset,
		.buffer_offset = direction == V100_TO_SYSTEM ? COPIED_BYTES : 0,
	};

	return ioctl(work->engine, V100_COPY, &copy) ? 0 : copy.status;
}

/* There and back over each link. Return: over how many it went well. */
static int copy_all(const struct work *work, int beat, char *statuses, size_t size)
{
	uint32_t there, back;
	int link, good = 0, at = 0;

	for (link = 0; link < work->gpu->links; link++) {
		memset(work->buffer, beat * 16 + link, COPIED_BYTES);
		memset(work->buffer + COPIED_BYTES, 0xff, COPIED_BYTES);
		there = copy(work, link, V100_TO_GPU);
		back = copy(work, link, V100_TO_SYSTEM);
		at += snprintf(statuses + at, size - at, " %#x/%#x", there, back);
		good += there == STATUS_DONE && back == STATUS_DONE &&
			!memcmp(work->buffer, work->buffer + COPIED_BYTES, COPIED_BYTES);
	}
	return good;
}

static size_t touch(volatile uint64_t *words, uint64_t beat)
{
	size_t i, count = TOUCHED_BYTES / sizeof(*words), wrong = 0;

	for (i = 0; i < count; i++)
		words[i] = beat << 32 | i;
	for (i = 0; i < count; i++)
		wrong += words[i] != (beat << 32 | i);
	return wrong;
}

static bool run_beat(const struct work *work, const char *job, int beat)
{
	int good, links = work->gpu->links;
	char key[32], statuses[128];
	size_t wrong = 0;

	good = copy_all(work, beat, statuses, sizeof(statuses));
	invalidate(work->gpu, SHOT_ADDRESS);
	if (work->words)
		wrong = touch(work->words, beat);
	snprintf(key, sizeof(key), "%s.beat", job);
	report(key, "%d: %d of %d links copied,%s, %zu words wrong", beat, good, links, statuses, wrong);
	return good == links && !wrong;
}

static void run_beats(const struct work *work, const char *job)
{
	int beat, bad = 0;
	char key[32];

	mark(job);
	for (beat = 0; beat < BEATS && bad < BEATS_AFTER; beat++) {
		bad += !run_beat(work, job, beat);
		usleep(PAUSE_US);
	}
	snprintf(key, sizeof(key), "%s.end", job);
	report(key, "%d beats, %d bad", beat, bad);
}

void keep_working(const char *job, int fd, const struct gpu *gpu, struct gpu_ram *ram, unsigned int mib)
{
	struct work work = { .engine = fd, .gpu = gpu, .gpu_offset = (uint64_t)mib / 2 << 20 };

	work.buffer = mmap(NULL, V100_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (work.buffer == MAP_FAILED)
		give_up("no buffer of the copy engine");
	if (has_prefix(job, "touch")) {
		if (online_ram(ram, mib / 2))
			work.words = node_buffer(ram, TOUCHED_BYTES);
		if (!work.words)
			give_up("no memory of the node");
	}
	run_beats(&work, job);
}
