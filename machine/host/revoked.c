// SPDX-License-Identifier: GPL-2.0
/*
 * Guests that lose their GPU while they use it: somebody in the host resets the GPU, or one of its bridges, behind the
 * back of QEMU. A guest that stores to GPU RAM then cannot go on; one that leaves it to the copy engine can. Whatever
 * they do the host stays as it is, and the last guest gets the same GPU for the main job.
 *
 * Usage: revoked [GPU]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/report.h"
#include "aftermath.h"
#include "consumer.h"
#include "prepare.h"

#define GUEST_MEMORY_MIB 512
#define GUEST_TIMEOUT_S 240
#define BEATS_BEFORE 5

/**
 * struct loss - how a guest loses its GPU.
 * @job: what the guest does and what is reset, and first word of the keys.
 * @device: what is reset.
 * @beats: how often the guest said that it is at work.
 * @resetter: the process that resets it, 0 before.
 */
static struct loss {
	const char *job;
	const struct pci_device *device;
	int beats;
	pid_t resetter;
} loss;

static const char *key(const char *what)
{
	static char key[32];

	snprintf(key, sizeof(key), "%s.%s", loss.job, what);
	return key;
}

/* The guest's console must be read while it takes its time. */
static void reset_beside(void)
{
	fflush(stdout);
	loss.resetter = fork();
	if (loss.resetter)
		return;
	if (file_write(path_join(loss.device->path, "reset"), "1"))
		report(key("reset"), "%s", loss.device->address);
	else
		report_error(key("reset"), loss.device->address);
	_exit(0);
}

/* QEMU stops the guest, and does not end, when KVM cannot go on. */
static bool watch(const char *line)
{
	if (strstr(line, ".beat=") && ++loss.beats == BEATS_BEFORE)
		reset_beside();
	if (!strstr(line, "kvm run failed"))
		return true;
	report(key("qemu"), "%s", line);
	return false;
}

static void lose(struct consumer *consumer, const char *job, const struct pci_device *device)
{
	int status;

	loss = (struct loss){ .job = job, .device = device };
	consumer->job = job;
	consumer->watch = watch;
	status = consumer_run(consumer);
	if (loss.resetter > 0)
		waitpid(loss.resetter, NULL, 0);
	report(key("consumer"), "%d", status);
	mark(job);
}

static void use(struct consumer *consumer)
{
	consumer->job = NULL;
	consumer->watch = NULL;
	mark("before");
	report("consumer", "%d", consumer_run(consumer));
	mark("after");
}

int main(int argc, char **argv)
{
	struct consumer consumer = {
		.memory_mib = GUEST_MEMORY_MIB, .timeout_s = GUEST_TIMEOUT_S,
	};
	static struct taken taken;
	const struct gpu *gpu = taken.gpus;

	report_begin("host");
	check_kvm();
	take_gpus(&taken, ONE_GPU, argc > 1 ? atoi(argv[1]) : 0);
	trace_begin();
	consumer.gpu = gpu;
	lose(&consumer, "touch-gpu", &gpu->device);
	lose(&consumer, "touch-bridge", &gpu->bridges[0]);
	lose(&consumer, "copy-gpu", &gpu->device);
	lose(&consumer, "copy-bridge", &gpu->bridges[0]);
	use(&consumer);
	give_back(&taken);
	logs_report();
	return 0;
}
