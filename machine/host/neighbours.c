// SPDX-License-Identifier: GPL-2.0
/*
 * Two guests at once, each with one GPU of the same socket, which has its GPU try to reach the other one all the time.
 * While the first guest works, the second one is killed, loses its GPU or a page of its RAM, reboots, looks around, or makes
 * its GPU fail, and while nobody has its GPU that is reset, by others than VFIO; then the first one is replaced while the
 * second one works. Whoever watches injects faults at the marks.
 *
 * Usage: neighbours [PART]...
 *        neighbours alone PART...
 *
 * PART is the name of a row of the table at the end; without, all but "power" and "slot". "alone" is without the first
 * guest, for parts in which nobody has the second GPU.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../common/config.h"
#include "../common/files.h"
#include "../common/report.h"
#include "aftermath.h"
#include "group.h"
#include "prepare.h"
#include "survey.h"
#include "together.h"
#include "unused.h"

#define GUEST_MEMORY_MIB 512
#define GUEST_TIMEOUT_S 1500
#define ROUNDS_BEFORE 3
#define ROUNDS_AFTER 2
#define WAIT_S 300
#define SCANS 3

/* Shared with the processes that run guests */
struct life {
	volatile long rounds;
	volatile bool stopped;
	volatile bool end;
};

static struct life *lives;
static struct taken taken;
static long rounds;
static pid_t resetter;

static bool watch_life(struct life *life, const char *line)
{
	if (strstr(line, "neighbour.beat="))
		life->rounds++;
	if (strstr(line, "kvm run failed"))
		life->stopped = true;
	return !life->stopped && !life->end;
}

static bool watch_first(const char *line)
{
	return watch_life(&lives[0], line);
}

static bool watch_second(const char *line)
{
	return watch_life(&lives[1], line);
}

static struct consumer neighbour(int index, bool (*watch)(const char *line))
{
	static const char *const names[] = { "gpu0", "gpu1" };

	lives[index] = (struct life){ 0 };
	return (struct consumer){
		.gpu = &taken.gpus[index], .memory_mib = GUEST_MEMORY_MIB, .timeout_s = GUEST_TIMEOUT_S,
		.job = "neighbour", .name = names[index], .watch = watch, .end_signal = SIGKILL,
	};
}

static void wait_for_rounds(const struct beside *guest, const struct life *life, long wanted)
{
	time_t end = time(NULL) + WAIT_S;

	while (life->rounds < wanted && !beside_ended(guest) && time(NULL) < end)
		usleep(50000);
}

/* Whatever became of the neighbour: how many rounds did a guest do since, if it is asked to do some more? */
static void goes_on(const char *part, const struct beside *guest, const struct life *life, long before)
{
	char key[48];
	long after = life->rounds;

	wait_for_rounds(guest, life, after + ROUNDS_AFTER);
	snprintf(key, sizeof(key), "goes-on.%s", part);
	report(key, "%ld rounds meanwhile, %ld later%s", after - before, life->rounds - after,
	       life->stopped ? ", stopped" : "");
}

/* The second guest ends when it has done so many rounds. */
static bool watch_for_kill(const char *line)
{
	return watch_second(line) && lives[1].rounds < ROUNDS_BEFORE;
}

static int run_second(bool (*watch)(const char *line), const char *job, const char *parameters)
{
	struct consumer consumer = neighbour(1, watch);

	consumer.job = job;
	consumer.parameters = parameters;
	return consumer_run(&consumer);
}

static void kill_second(const char *part)
{
	report(part, "%d", run_second(watch_for_kill, "neighbour", NULL));
}

/* The guest's console must be read while the reset takes its time. */
static void reset_beside(const struct pci_device *device)
{
	fflush(stdout);
	resetter = fork();
	if (resetter)
		return;
	file_write(path_join(device->path, "reset"), "1");
	_exit(0);
}

static bool watch_for_reset(const char *line)
{
	long before = lives[1].rounds;
	bool on = watch_second(line);

	if (before < ROUNDS_BEFORE && lives[1].rounds == ROUNDS_BEFORE)
		reset_beside(&taken.gpus[1].device);
	return on;
}

/* Somebody in the host resets the GPU that the second guest stores to. */
static void reset_second(const char *part)
{
	int status;

	resetter = 0;
	status = run_second(watch_for_reset, "neighbour", NULL);
	if (resetter > 0)
		waitpid(resetter, NULL, 0);
	report(part, "%d%s", status, lives[1].stopped ? " stopped" : "");
}

/*
 * A page of the RAM of the second GPU: its aperture is behind that of the first one. ATSD registers, which are claimed
 * under the same name, are a page.
 */
static bool poison_ram(void)
{
	char line[128], address[32];
	unsigned long long start, end, last = 0;
	FILE *iomem = fopen("/proc/iomem", "re");

	while (iomem && fgets(line, sizeof(line), iomem))
		if (strstr(line, ": vfio-pci nvlink2") && sscanf(line, "%llx-%llx", &start, &end) == 2 &&
		    end - start >= 1 << 20)
			last = start;
	if (iomem)
		fclose(iomem);
	snprintf(address, sizeof(address), "%#llx", last);
	return last && file_write("/sys/devices/system/memory/hard_offline_page", address);
}

static bool watch_for_poison(const char *line)
{
	long before = lives[1].rounds;
	bool on = watch_second(line);

	if (before < ROUNDS_BEFORE && lives[1].rounds == ROUNDS_BEFORE)
		on &= poison_ram();
	return on;
}

/* A memory error in the RAM of the GPU of the second guest. */
static void poison_second(const char *part)
{
	report(part, "%d", run_second(watch_for_poison, "neighbour", NULL));
}

static int boots;

static bool watch_boots(const char *line)
{
	return !strstr(line, "@ guest.nodes=") || ++boots < 2;
}

static void reboot_second(const char *part)
{
	struct consumer consumer = neighbour(1, watch_boots);

	consumer.job = "nodes";
	consumer.parameters = "machine.reboot=1";
	consumer.reboots = true;
	boots = 0;
	consumer_run(&consumer);
	report(part, "%d boots", boots);
}

/* In the host and in the second guest; each way of that one lasts a second. */
static void look_around(const char *part)
{
	struct config_scan scan;
	struct consumer consumer = neighbour(1, NULL);
	int i, failed = 0;

	for (i = 0; i < SCANS; i++) {
		config_scan(&scan);
		failed += scan.failed;
	}
	consumer.job = "everyday";
	consumer.parameters = "machine.seconds=1";
	consumer.processors = 2;
	report(part, "%d, %d of %d functions failed", consumer_run(&consumer), failed, scan.functions * SCANS);
}

static bool watch_stray(const char *line)
{
	return watch_second(line) && !strstr(line, "neighbour.stray=");
}

/* Its GPU writes to where it must not, and hardware freezes the PE. */
static void freeze_second(const char *part)
{
	report(part, "%d", run_second(watch_stray, "neighbour", "machine.stray=2"));
	mark("frozen");
	vfio_try("frozen", &taken.groups[1], &taken.gpus[1].device);
	mark("thaw");
	vfio_try("thawed", &taken.groups[1], &taken.gpus[1].device);
}

/* A GPU that does not take the word of which links to cut is for nobody. */
static void deafen_second(const char *part)
{
	mark("deaf");
	vfio_try(part, &taken.groups[1], &taken.gpus[1].device);
	mark("hears");
	vfio_try("hears", &taken.groups[1], &taken.gpus[1].device);
}

/* Nobody has the second GPU, and others than VFIO reset it. */
static void reset_idle(const char *part)
{
	unused_idle(part, &taken.gpus[1], &taken.groups[1]);
}

static void reset_by_power(const char *part)
{
	unused_power(part, &taken.gpus[1], &taken.groups[1]);
}

static void reset_by_port(const char *part)
{
	unused_port(part, &taken.gpus[1], &taken.groups[1]);
}

static void recover_second(const char *part)
{
	unused_recover(part, &taken.gpus[1], &taken.groups[1]);
}

static void slot_second(const char *part)
{
	unused_slot(part, &taken.gpus[1], &taken.groups[1]);
}

static void find_second(const char *part)
{
	unused_rescan(part, &taken.gpus[1], &taken.groups[1]);
}

static const struct {
	const char *name;
	void (*act)(const char *part);
} parts[] = {
	{ "kill", kill_second },
	{ "reset", reset_second },
	{ "poison", poison_second },
	{ "reboot", reboot_second },
	{ "look", look_around },
	{ "freeze", freeze_second },
	{ "deaf", deafen_second },
	{ "idle", reset_idle },
	{ "power", reset_by_power },
	{ "port", reset_by_port },
	{ "recover", recover_second },
	{ "rescan", find_second },
	{ "slot", slot_second },
};

static bool wanted(int argc, char **argv, const char *name)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	/* Which need a machine that was started otherwise */
	return argc == 1 && strcmp(name, "power") && strcmp(name, "slot");
}

/* QEMU ends at the next line that the guest says. */
static int end_guest(struct beside *guest, struct life *life)
{
	life->end = true;
	return beside_wait(guest);
}

static bool start_guest(int index, struct beside *guest, bool (*watch)(const char *line))
{
	const struct consumer consumer = neighbour(index, watch);

	if (!beside_start(guest, &consumer))
		return false;
	wait_for_rounds(guest, &lives[index], 1);
	return lives[index].rounds;
}

/* The first one is killed, and another one gets its GPU. */
static void replace_first(struct beside *first)
{
	struct beside second;

	if (!start_guest(1, &second, watch_second))
		give_up("no second guest");
	mark("both");
	rounds = lives[1].rounds;
	report("replaced", "%d", end_guest(first, &lives[0]));
	if (!start_guest(0, first, watch_first))
		give_up("nobody in the place of the first guest");
	goes_on("replaced", &second, &lives[1], rounds);
	report("second", "%d", end_guest(&second, &lives[1]));
}

/* first: the guest that has to go on meanwhile, or NULL. */
static void run_parts(int argc, char **argv, const struct beside *first)
{
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!wanted(argc, argv, parts[i].name))
			continue;
		rounds = lives[0].rounds;
		parts[i].act(parts[i].name);
		if (first)
			goes_on(parts[i].name, first, &lives[0], rounds);
	}
}

static void run_beside_first(int argc, char **argv)
{
	struct beside first;

	if (!start_guest(0, &first, watch_first))
		give_up("no first guest");
	run_parts(argc, argv, &first);
	if (wanted(argc, argv, "replace"))
		replace_first(&first);
	report("first", "%d", end_guest(&first, &lives[0]));
}

int main(int argc, char **argv)
{
	report_begin("host");
	check_kvm();
	take_gpus(&taken, ALL_GPUS, 0);
	need_groups_apart(&taken);
	lives = mmap(NULL, 2 * sizeof(*lives), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (lives == MAP_FAILED || taken.gpu_count < 2)
		give_up("no memory, or no second GPU");
	if (argc > 1 && !strcmp(argv[1], "alone"))
		run_parts(argc, argv, NULL);
	else
		run_beside_first(argc, argv);
	mark("after");
	give_back(&taken);
	logs_report();
	return 0;
}
