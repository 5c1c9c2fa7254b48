// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware that fails while it is used, or before: what the guest loses is its own, the host goes on, and the next user
 * gets a GPU that works or an error. Whoever watches injects the faults at the marks.
 *
 * Usage: faults [stuck|lost|frozen|purge|resets|power|use]...
 */
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/report.h"
#include "aftermath.h"
#include "consumer.h"
#include "prepare.h"
#include "survey.h"

#define GUEST_MEMORY_MIB 512
#define GUEST_TIMEOUT_S 240
#define BEATS_STUCK 2
#define BEATS_BEFORE_RESET 5
/* In the vendor capability of a bridge, see machine/guest/links.c. */
#define CONTROL 0x88
#define RESET_NTL 10
#define PROCEDURES 14
#define RESETS 10

static int beats;

/* A guest is killed that waits for a shootdown. */
static bool watch_stuck(const char *line)
{
	return !strstr(line, ".beat=") || ++beats < BEATS_STUCK;
}

static void stuck(const struct gpu *gpu)
{
	const struct consumer consumer = {
		.gpu = gpu, .memory_mib = GUEST_MEMORY_MIB, .timeout_s = GUEST_TIMEOUT_S,
		.job = "copy-stuck", .watch = watch_stuck, .end_signal = SIGKILL,
	};

	report("stuck.consumer", "%d", consumer_run(&consumer));
	mark("stuck");
}

/* The GPU has lost its BARs, and the kernel knows only what it read while the GPU did not answer. */
static void find_again(struct group *group, const struct gpu *gpu)
{
	group_unbind(group);
	file_write(path_join(gpu->device.path, "remove"), "1");
	file_write("/sys/bus/pci/rescan", "1");
	own_group(gpu, group);
}

static void lost(struct group *group, const struct gpu *gpu)
{
	mark("lose");
	vfio_try("lost.first", group, &gpu->device);
	vfio_try("lost.second", group, &gpu->device);
	mark("find");
	find_again(group, gpu);
	vfio_try("found", group, &gpu->device);
}

static bool watch_frozen(const char *line)
{
	if (!strstr(line, "kvm run failed"))
		return true;
	report("frozen.qemu", "%s", line);
	return false;
}

/* Two GPUs, of which one gets a frozen PE. */
static void frozen(const struct group *group, const struct gpu *gpus)
{
	const struct consumer consumer = {
		.gpu = gpus, .gpus = 2, .memory_mib = GUEST_MEMORY_MIB, .timeout_s = GUEST_TIMEOUT_S,
		.job = "frozen", .watch = watch_frozen,
	};

	report("frozen.consumer", "%d", consumer_run(&consumer));
	vfio_try("frozen.first", group, &gpus[0].device);
	vfio_try("frozen.second", group, &gpus[1].device);
	mark("error");
	vfio_try("error.first", group, &gpus[0].device);
	vfio_try("error.second", group, &gpus[1].device);
	mark("hide");
	vfio_try("hidden.first", group, &gpus[0].device);
	vfio_try("hidden.second", group, &gpus[1].device);
	mark("thaw");
	vfio_try("thawed", group, &gpus[0].device);
	vfio_try("thawed.second", group, &gpus[1].device);
}

/* The caches cannot be purged, and so firmware refuses the write that resets the GPU after it has fenced the links. */
static void purge(const struct group *group, const struct gpu *gpu)
{
	mark("clog");
	vfio_try("clogged", group, &gpu->device);
	mark("clogged");
	vfio_try("unclogged", group, &gpu->device);
}

/* A procedure is armed, not run. */
static bool arm_and_reset(int fd, uint32_t procedure)
{
	struct vfio_region_info config = { .argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX };

	return !ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &config) &&
	       pwrite(fd, &procedure, sizeof(procedure), config.offset + CONTROL) == sizeof(procedure) &&
	       !ioctl(fd, VFIO_DEVICE_RESET);
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How often a user can have all caches purged: not at all where the link stays fenced, else ten times a second. */
static void reset_bridge(int fd)
{
	uint32_t procedure;
	int i, done = 0;
	long begin;

	done += arm_and_reset(fd, RESET_NTL);
	mark("fenced");
	for (procedure = 0; procedure < PROCEDURES - 1; procedure++)
		if (procedure != RESET_NTL)
			done += arm_and_reset(fd, procedure);
	mark("still-fenced");
	begin = milliseconds();
	for (i = 0; i < RESETS; i++)
		done += arm_and_reset(fd, RESET_NTL);
	report("resets", "%d done, the last %d in %ld ms", done, RESETS, milliseconds() - begin);
	mark("fenced-again");
}

static void resets(const struct group *group, const struct gpu *gpu)
{
	struct vfio_session session;
	int user, fd;

	if (!vfio_begin(&session, group)) {
		report_error("resets", "container");
		return;
	}
	/* Procedures are for the links of a GPU that has a user. */
	user = vfio_open(&session, &gpu->device);
	fd = vfio_open(&session, &gpu->bridges[0]);
	if (user < 0 || fd < 0)
		report_error("resets", "GPU or bridge");
	else
		reset_bridge(fd);
	close(fd);
	close(user);
	vfio_end(&session);
}

static const struct pci_device *reset_device;

/* The guest's console must be read while a reset takes its time. */
static void reset_beside(void)
{
	fflush(stdout);
	if (fork())
		return;
	if (file_write(path_join(reset_device->path, "reset"), "1"))
		report("power.reset", "%s", reset_device->address);
	else
		report_error("power.reset", reset_device->address);
	_exit(0);
}

static bool watch_power(const char *line)
{
	if (strstr(line, ".beat=") && ++beats == BEATS_BEFORE_RESET)
		reset_beside();
	if (!strstr(line, "kvm run failed"))
		return true;
	report("power.qemu", "%s", line);
	return false;
}

/* The GPU is reset by its power state, which does not go over the bus, under a guest that stores to its RAM. */
static void power(const struct gpu *gpu)
{
	const struct consumer consumer = {
		.gpu = gpu, .memory_mib = GUEST_MEMORY_MIB, .timeout_s = GUEST_TIMEOUT_S,
		.job = "touch-power", .watch = watch_power,
	};
	char methods[64];

	file_text(path_join(gpu->device.path, "reset_method"), methods, sizeof(methods));
	report("power.methods", "%s", methods);
	reset_device = &gpu->device;
	beats = 0;
	report("power.consumer", "%d", consumer_run(&consumer));
	mark("power");
	wait(NULL);
}

static void use(const struct gpu *gpu)
{
	const struct consumer consumer = {
		.gpu = gpu, .memory_mib = GUEST_MEMORY_MIB, .timeout_s = GUEST_TIMEOUT_S,
	};

	mark("before");
	report("consumer", "%d", consumer_run(&consumer));
	mark("after");
}

static bool wanted(int argc, char **argv, const char *part)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], part))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static struct taken taken;
	struct group *group = taken.groups;
	const struct gpu *gpus = taken.gpus;

	report_begin("host");
	check_kvm();
	take_two_gpus(&taken);
	trace_begin();
	if (wanted(argc, argv, "stuck"))
		stuck(&gpus[0]);
	if (wanted(argc, argv, "lost"))
		lost(group, &gpus[0]);
	if (wanted(argc, argv, "frozen"))
		frozen(group, gpus);
	if (wanted(argc, argv, "purge"))
		purge(group, &gpus[0]);
	if (wanted(argc, argv, "resets"))
		resets(group, &gpus[0]);
	if (wanted(argc, argv, "power"))
		power(&gpus[0]);
	if (wanted(argc, argv, "use"))
		use(&gpus[0]);
	give_back(&taken);
	logs_report();
	return 0;
}
