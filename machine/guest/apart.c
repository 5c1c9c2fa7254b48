// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/report.h"
#include "apart.h"

/* Both processes have a page there. */
#define COMMON ((uint8_t *)0x100000000000)
/* Only the second one has. */
#define LONELY ((uint8_t *)0x110000000000)
#define MAX_TEXT 256

enum task {
	TELL_PASID,
	COPY_COMMON,
	COPY_LONELY,
	TAKE_COMMON_AWAY,
};

struct order {
	enum task task;
	int gpu;
};

/**
 * struct answer - to an order.
 * @status: of the engine, or the PASID.
 * @found: what arrived in GPU RAM.
 */
struct answer {
	uint32_t status;
	char found[12];
};

/**
 * struct process - one that uses the GPUs.
 * @byte: what its pages are full of.
 * @has_lonely: it has a page at LONELY.
 * @orders: pipe to it.
 * @answers: pipe from it.
 * @pid: of the process.
 */
struct process {
	uint8_t byte;
	bool has_lonely;
	int orders[2], answers[2];
	pid_t pid;
};

static bool map_at(uint8_t *where, uint8_t byte)
{
	size_t page = sysconf(_SC_PAGESIZE);

	if (mmap(where, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != where ||
	    mlock(where, page))
		return false;
	memset(where, byte, page);
	return true;
}

static bool full_of(const uint8_t *page, uint8_t byte)
{
	size_t size = sysconf(_SC_PAGESIZE);

	return page[0] == byte && !memcmp(page, page + 1, size - 1);
}

static struct answer copy(const struct ats *ats, const uint8_t *address, uint8_t byte)
{
	struct answer answer;

	memset(ats->page, 0, sysconf(_SC_PAGESIZE));
	answer.status = ats_copy(ats, address, V100_TO_GPU);
	snprintf(answer.found, sizeof(answer.found), "%s",
		 full_of(ats->page, byte) ? "its own" : full_of(ats->page, 0) ? "nothing" : "another's");
	return answer;
}

static struct answer obey(const struct process *process, const struct ats *ats, const struct order *order)
{
	switch (order->task) {
	case COPY_COMMON:
		return copy(&ats[order->gpu], COMMON, process->byte);
	case COPY_LONELY:
		return copy(&ats[order->gpu], LONELY, process->byte);
	case TAKE_COMMON_AWAY:
		return (struct answer){ mprotect(COMMON, sysconf(_SC_PAGESIZE), PROT_NONE), "" };
	case TELL_PASID:
		break;
	}
	return (struct answer){ ats->pasid, "" };
}

static void serve(const struct process *process, const struct ats_gpu *gpus, int count)
{
	struct ats ats[MAX_GPUS];
	struct answer answer;
	struct order order;
	int i;

	for (i = 0; i < count; i++)
		if (!ats_begin(&ats[i], &gpus[i]))
			_exit(1);
	if (!map_at(COMMON, process->byte) || (process->has_lonely && !map_at(LONELY, process->byte)))
		_exit(1);
	while (read(process->orders[0], &order, sizeof(order)) == sizeof(order)) {
		answer = obey(process, ats, &order);
		if (write(process->answers[1], &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	_exit(0);
}

static bool start(struct process *process, const struct ats_gpu *gpus, int count)
{
	if (pipe(process->orders) || pipe(process->answers))
		return false;
	fflush(stdout);
	process->pid = fork();
	if (!process->pid)
		serve(process, gpus, count);
	close(process->orders[0]);
	close(process->answers[1]);
	return process->pid > 0;
}

static void end(struct process *process)
{
	if (process->pid <= 0)
		return;
	kill(process->pid, SIGKILL);
	waitpid(process->pid, NULL, 0);
	close(process->orders[1]);
	close(process->answers[0]);
}

static struct answer ask(const struct process *process, enum task task, int gpu)
{
	struct order order = { task, gpu };
	struct answer answer;

	if (write(process->orders[1], &order, sizeof(order)) != sizeof(order) ||
	    read(process->answers[0], &answer, sizeof(answer)) != sizeof(answer))
		return (struct answer){ 0, "no answer" };
	return answer;
}

static void note(char *text, const char *who, const struct process *process, enum task task, int gpu)
{
	struct answer answer = ask(process, task, gpu);
	size_t length = strlen(text);

	snprintf(text + length, MAX_TEXT - length, "%s%s %#x %s", length ? ", " : "", who, answer.status, answer.found);
}

/* Each finds its own page at the same address, and none that only the other one has. */
static void use(const struct process *first, const struct process *second, int gpu, char *text)
{
	note(text, "first", first, COPY_COMMON, gpu);
	note(text, "second", second, COPY_COMMON, gpu);
	note(text, "second alone", second, COPY_LONELY, gpu);
	note(text, "first there", first, COPY_LONELY, gpu);
}

static void shoot(const struct ats_gpu *gpu, uint32_t pasid)
{
	long reads;

	atsd_start(gpu->registers, (uintptr_t)COMMON, pasid);
	if (atsd_wait(gpu->registers, &reads))
		report("apart", "error: a shootdown does not end");
}

/* An NPU passes a shootdown on to its own GPUs, which a guest has behind one PCI host bridge. */
static void shoot_at_each_npu(const struct process *first, const struct ats_gpu *gpus, int count, uint32_t pasid,
			      char texts[][MAX_TEXT])
{
	int from, other, i;

	for (from = 0; from < count; from = i) {
		shoot(&gpus[from], pasid);
		for (i = from; i < count && gpus_share_host_bridge(gpus[from].gpu, gpus[i].gpu); i++)
			note(texts[i], "first shot", first, COPY_COMMON, i);
		for (other = i; other < count; other++)
			note(texts[other], "shot elsewhere", first, COPY_COMMON, other);
	}
}

static void use_and_shoot(const struct process *first, const struct process *second, const struct ats_gpu *gpus,
			  int count)
{
	char texts[MAX_GPUS][MAX_TEXT] = { 0 };
	uint32_t pasid = ask(first, TELL_PASID, 0).status, other = ask(second, TELL_PASID, 0).status;
	int i;

	report("apart.pasids", "%u %u", pasid, other);
	for (i = 0; i < count; i++)
		use(first, second, i, texts[i]);
	ask(first, TAKE_COMMON_AWAY, 0);
	for (i = 0; i < count; i++)
		note(texts[i], "first taken", first, COPY_COMMON, i);
	shoot_at_each_npu(first, gpus, count, pasid, texts);
	for (i = 0; i < count; i++) {
		note(texts[i], "second", second, COPY_COMMON, i);
		report_about(count > 1 ? i : -1);
		report("apart", "%s", texts[i]);
		ats_forget(&gpus[i], pasid);
		ats_forget(&gpus[i], other);
	}
	report_about(-1);
}

void apart(const struct ats_gpu *gpus, int count)
{
	struct process first = { .byte = 0xa1 }, second = { .byte = 0xb2, .has_lonely = true };

	if (start(&first, gpus, count) && start(&second, gpus, count))
		use_and_shoot(&first, &second, gpus, count);
	else
		report_error("apart", "processes");
	end(&first);
	end(&second);
}
