// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../common/boot.h"
#include "../common/files.h"
#include "../common/report.h"
#include "copier.h"
#include "moved.h"
#include "storer.h"

#define GPUS 2
#define STATUS_DONE 0x2
/* Pieces of GPU RAM that are looked at, spread over all of it */
#define PIECES 32
#define PIECE_BYTES (V100_BUFFER_SIZE / 2)
#define PIECE_WORDS (PIECE_BYTES / 8)
/* Words that a guest leaves; the lowest bits are its round */
#define SIGNATURE 0x4f776e6572200000ull
#define ROUND_MASK 0xffffull
#define BEATS 600
#define PAUSE_US 200000

/**
 * struct look - what was found in the RAM of a GPU.
 * @pieces: how many could be read.
 * @own: words that this guest has left.
 * @others: words that another guest has left.
 * @set: words that are not 0.
 */
struct look {
	int pieces;
	long own, others, set;
};

static uint64_t own_word;

static bool copy(int fd, int direction, uint64_t gpu_offset)
{
	struct v100_copy copy = {
		.path = V100_PATH_NVLINK, .direction = direction, .length = PIECE_BYTES, .gpu_offset = gpu_offset,
	};

	return !ioctl(fd, V100_COPY, &copy) && copy.status == STATUS_DONE;
}

static void count_words(const uint64_t *words, struct look *look)
{
	int i;

	for (i = 0; i < PIECE_WORDS; i++) {
		look->set += !!words[i];
		if (words[i] == own_word)
			look->own++;
		else if ((words[i] & ~ROUND_MASK) == SIGNATURE)
			look->others++;
	}
}

static struct look look_at(int fd, uint64_t *words, uint64_t step)
{
	struct look look = { 0 };
	int i;

	for (i = 0; i < PIECES; i++) {
		if (!copy(fd, V100_TO_SYSTEM, i * step))
			continue;
		look.pieces++;
		count_words(words, &look);
	}
	return look;
}

static int leave(int fd, uint64_t *words, uint64_t step)
{
	int i, left = 0;

	for (i = 0; i < PIECE_WORDS; i++)
		words[i] = own_word;
	for (i = 0; i < PIECES; i++)
		left += copy(fd, V100_TO_GPU, i * step);
	return left;
}

/* What was left is looked at as well: it has to be seen where it is. */
static void look_and_leave(int index, int fd, unsigned int mib)
{
	uint64_t step = ((uint64_t)mib << 20) / PIECES;
	uint64_t *words = mmap(NULL, V100_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct look before, after;
	char key[32];
	int left;

	if (words == MAP_FAILED)
		give_up("no buffer of the copy engine");
	before = look_at(fd, words, step);
	left = leave(fd, words, step);
	after = look_at(fd, words, step);
	munmap(words, V100_BUFFER_SIZE);
	snprintf(key, sizeof(key), "moved.found.%d", index);
	report(key, "%d pieces, %ld words of others, %ld words set", before.pieces, before.others, before.set);
	snprintf(key, sizeof(key), "moved.left.%d", index);
	report(key, "%d pieces, %ld of %d words seen", left, after.own, after.pieces * PIECE_WORDS);
}

/* Return: the engine. */
static int prepare(int index, const struct gpu *gpu, struct gpu_ram *ram)
{
	struct v100_info info;
	int fd;

	if (!show_device_tree(gpu, ram) || train_links(gpu) < gpu->links)
		give_up("GPU %d cannot be used", index);
	fd = engine_open(gpu, &info);
	if (fd < 0)
		give_up("no copy engine of GPU %d", index);
	look_and_leave(index, fd, info.ram_mib);
	if (!online_ram(ram, info.ram_mib))
		give_up("no memory of GPU %d", index);
	return fd;
}

static bool at_work(const struct storer *storers, const struct copier *copiers)
{
	return storers[0].rounds && storers[1].rounds && copiers[0].copies && copiers[1].copies;
}

static void beat(const struct storer *storers, const struct copier *copiers, int number)
{
	report("moved.beat", "%d: %ld and %ld rounds, %ld words wrong, %ld and %ld copies with ATS, %ld failed", number,
	       storers[0].rounds, storers[1].rounds, storers[0].wrong + storers[1].wrong, copiers[0].copies,
	       copiers[1].copies, copiers[0].failed + copiers[1].failed);
}

void moved(const struct gpu *gpus)
{
	struct storer *storers = storers_alloc(GPUS);
	struct copier *copiers = copiers_alloc(GPUS);
	struct gpu_ram ram[GPUS];
	int i, engines[GPUS];
	char text[16] = "";

	boot_parameter("machine.round=", text, sizeof(text));
	own_word = SIGNATURE | (atoi(text) & ROUND_MASK);
	if (!storers || !copiers)
		give_up("no memory");
	for (i = 0; i < GPUS; i++)
		engines[i] = prepare(i, &gpus[i], &ram[i]);
	for (i = 0; i < GPUS; i++) {
		storer_start(&storers[i], i, &ram[i]);
		copier_start(&copiers[i], engines[i]);
	}
	for (i = 0; i < BEATS; i++) {
		usleep(PAUSE_US);
		if (at_work(storers, copiers))
			beat(storers, copiers, i);
	}
}
