// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../common/report.h"
#include "ats.h"

/* Linux maps all memory there, for itself. */
#define KERNEL_ADDRESS ((void *)0xc000000000000000)

/**
 * struct shared - a page with two addresses.
 * @address: what the GPU is given, and what is taken away.
 * @alias: stays, so that the page is still there to be looked at, and belongs to nobody else.
 */
struct shared {
	uint8_t *address, *alias;
};

struct shots {
	int count, endless;
};

/**
 * struct way - how a page is taken away.
 * @key: of the report.
 * @direction: what the GPU can no longer do.
 * @take: takes it away.
 * @give: gives it back.
 */
struct way {
	const char *key;
	int direction;
	bool (*take)(const struct shared *shared, size_t size);
	bool (*give)(const struct shared *shared, size_t size);
};

static bool take_all(const struct shared *shared, size_t size)
{
	return !munmap(shared->address, size);
}

/* An old size of 0 leaves the pages where they are, and maps them once more. */
static bool map_again(const struct shared *shared, size_t size)
{
	return mremap(shared->alias, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, shared->address) == shared->address;
}

static bool take_access(const struct shared *shared, size_t size)
{
	return !mprotect(shared->address, size, PROT_NONE);
}

static bool take_stores(const struct shared *shared, size_t size)
{
	return !mprotect(shared->address, size, PROT_READ);
}

static bool give_access(const struct shared *shared, size_t size)
{
	return !mprotect(shared->address, size, PROT_READ | PROT_WRITE);
}

static const struct way ways[] = {
	{ "ats.unmapped", V100_TO_GPU, take_all, map_again },
	{ "ats.no-access", V100_TO_GPU, take_access, give_access },
	{ "ats.read-only", V100_TO_SYSTEM, take_stores, give_access },
};

static bool share(struct shared *shared, size_t size)
{
	shared->address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared->address == MAP_FAILED)
		return false;
	shared->alias = mremap(shared->address, 0, size, MREMAP_MAYMOVE);
	return shared->alias != MAP_FAILED;
}

uint32_t ats_copy(const struct ats *ats, const void *address, int direction)
{
	struct v100_copy copy = {
		.path = V100_PATH_ATS, .direction = direction, .length = sysconf(_SC_PAGESIZE),
		.address = (uintptr_t)address, .gpu_offset = ats->gpu_offset,
	};

	return ioctl(ats->gpu->engine, V100_COPY, &copy) ? 0 : copy.status;
}

/* One copy at the address, with bytes that were not there before, and whether they arrived. */
static void try_copy(const struct ats *ats, const struct shared *shared, int direction, const char *when, char *text,
		     size_t size)
{
	uint8_t *from = direction == V100_TO_GPU ? shared->alias : ats->page;
	uint8_t *to = direction == V100_TO_GPU ? ats->page : shared->alias;
	size_t page = sysconf(_SC_PAGESIZE), length = strlen(text);
	static uint8_t byte;
	uint32_t status;

	memset(from, ++byte, page);
	memset(to, 0, page);
	status = ats_copy(ats, shared->address, direction);
	snprintf(text + length, size - length, "%s%s %#x %s", length ? ", " : "", when, status,
		 memcmp(from, to, page) ? "nothing" : "all");
}

bool ats_begin(struct ats *ats, const struct ats_gpu *gpu)
{
	struct v100_info info;

	*ats = (struct ats){ .gpu = gpu };
	if (ioctl(gpu->engine, V100_INFO, &info))
		return false;
	ats->pasid = info.pasid;
	ats->page = node_page(&gpu->ram, &ats->gpu_offset);
	return ats->page;
}

void ats_forget(const struct ats_gpu *gpu, uint32_t pasid)
{
	long reads;

	atsd_start_process(gpu->registers, pasid);
	if (atsd_wait(gpu->registers, &reads))
		report("ats", "error: a shootdown does not end");
}

static void shoot(const struct ats *ats, struct shots *shots, const void *address, uint32_t pasid)
{
	long reads;

	atsd_start(ats->gpu->registers, (uintptr_t)address, pasid);
	shots->count++;
	shots->endless += !!atsd_wait(ats->gpu->registers, &reads);
}

/* No reference and change bits, no translation: the processor has to store first. */
static void touch(uint8_t *address)
{
	*(volatile uint8_t *)address = 0xff;
}

/* Return: what could not be done, or NULL. */
static const char *take_away(const struct ats *ats, const struct way *way, struct shots *shots, char *text, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct shared shared;

	if (!share(&shared, page))
		return "memory";
	touch(shared.address);
	try_copy(ats, &shared, way->direction, "mapped", text, size);
	if (!way->take(&shared, page))
		return "taking it away";
	try_copy(ats, &shared, way->direction, "taken", text, size);
	shoot(ats, shots, shared.address, ats->pasid + 1);
	try_copy(ats, &shared, way->direction, "another shot", text, size);
	shoot(ats, shots, shared.address, ats->pasid);
	try_copy(ats, &shared, way->direction, "shot", text, size);
	if (!way->give(&shared, page))
		return "giving it back";
	touch(shared.address);
	try_copy(ats, &shared, way->direction, "given", text, size);
	munmap(shared.address, page);
	munmap(shared.alias, page);
	return NULL;
}

void ats_take_away(const struct ats_gpu *gpu)
{
	struct shots shots = { 0 };
	const char *failed;
	char text[256];
	struct ats ats;
	size_t i;

	if (!ats_begin(&ats, gpu)) {
		report("ats", "error: no page of GPU RAM");
		return;
	}
	/* What was copied before may be remembered for addresses that the kernel gives away again. */
	ats_forget(gpu, ats.pasid);
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		text[0] = 0;
		failed = take_away(&ats, &ways[i], &shots, text, sizeof(text));
		if (failed)
			report_error(ways[i].key, failed);
		else
			report(ways[i].key, "%s", text);
		ats_forget(gpu, ats.pasid);
	}
	report("ats.kernel", "%#x", ats_copy(&ats, KERNEL_ADDRESS, V100_TO_GPU));
	report("atsd", "%d shootdowns, %d without end", shots.count, shots.endless);
}
