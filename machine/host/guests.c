// SPDX-License-Identifier: GPL-2.0
/*
 * Guests in many shapes, one after another: with one GPU and with several, with bridges left out, of other machine
 * types, some that reboot, some whose monitor is asked.
 *
 * Usage: guests SHAPE[:WORD]...
 *
 * SHAPE is the name of a row of the table below; WORD is a machine type, or how often to reboot.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/report.h"
#include "aftermath.h"
#include "consumer.h"
#include "monitor.h"
#include "prepare.h"

#define GUEST_MEMORY_MIB 512
/* Only for what hangs: on a busy machine a guest with four GPUs has taken five minutes. */
#define GUEST_TIMEOUT_S 900

/*
 * What a user may lock by Debian's default, and what libvirt sets for a guest with GPU RAM: its memory, 256 GiB for each
 * PCI host bridge with NVLink2, and a share for tables and devices.
 */
#define LITTLE (8ul << 20)
#define ENOUGH ((256ul << 30) + ((GUEST_MEMORY_MIB + 512ul) << 20))

/* Of an answer, its end */
#define SHOWN 480

struct shape {
	const char *name;
	int gpus;
	unsigned int omit;
	bool together;
	bool companion;
	bool bridges_first;
	unsigned long lock_limit;
	const char *parameters;
	char *const *arguments;
	bool reboots;
	/* To the monitor while the guest stands still; ends with NULL */
	const char *const *questions;
};

static char *const with_monitor[] = { MONITOR_ARGUMENTS, NULL };
static char *const with_nodes[] = {
	"-object", "memory-backend-ram,id=m0,size=256M", "-object", "memory-backend-ram,id=m1,size=256M",
	"-smp", "2", "-numa", "node,nodeid=0,cpus=0,memdev=m0", "-numa", "node,nodeid=1,cpus=1,memdev=m1",
	"-numa", "dist,src=0,dst=1,val=40", NULL
};

static char *const without_nvlink2[] = { "-global", "vfio-pci.nvlink2=off", NULL };

/* Some of the RAM of its first GPU */
#define GPU_RAM "0x420000000000 0x10000"

/* A device that the guest does not have is %s: the next GPU, or that GPU's first bridge, or the last GPU, of the other socket. */
#define ADD_LATE "device_add vfio-pci,host=%s,bus=nvlink0.0,addr=16,id="
static const char *const questions[] = {
	"maps", ADD_LATE "late-gpu", ADD_LATE "late-bridge", "maps", "device_del gpu0", "device_del bridge0",
	"device_del nvlink0", "device_del companion", "dump-guest-memory /tmp/dump " GPU_RAM,
	"migrate exec:true", "info migrate", ADD_LATE "stranger,nvlink2=off", "info status", NULL
};

static const struct shape shapes[] = {
	{ "one", .gpus = 1 },
	{ "two", .gpus = 2 },
	{ "sockets", .gpus = 4 },
	{ "numa", .gpus = 1, .arguments = with_nodes },
	{ "off", .gpus = 1, .omit = ~1u, .arguments = without_nvlink2 },
	{ "reboot-one", .gpus = 1, .parameters = "machine.reboot=1", .reboots = true },
	{ "reboot-two", .gpus = 2, .parameters = "machine.reboot=1", .reboots = true },
	{ "reboot-sockets", .gpus = 4, .parameters = "machine.reboot=1", .reboots = true },
	{ "asked", .gpus = 1, .companion = true, .parameters = "machine.hold=1", .arguments = with_monitor,
	  .questions = questions },
	{ "orphans", .gpus = 1, .omit = 1 },
	{ "no-bridges", .gpus = 1, .omit = ~1u },
	{ "bridge-missing", .gpus = 1, .omit = 1 << 2 },
	{ "bridges-first", .gpus = 2, .bridges_first = true },
	{ "may-lock-little", .gpus = 1, .lock_limit = LITTLE },
	{ "may-lock-enough", .gpus = 1, .lock_limit = ENOUGH },
	{ "sockets-together", .gpus = 4, .together = true },
};

static struct taken taken;
static const struct shape *current;
static const char *word;
static int boots;

static const char *key(const char *what)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s.%s", current->name, what);
	return text;
}

/* How much of devices QEMU has mapped: the maps of the process that has them. */
static void ask_maps(char *answer, size_t size)
{
	char path[64], line[512];
	unsigned long from, to, bytes = 0;
	int count = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", consumer_pid());
	maps = fopen(path, "r");
	while (maps && fgets(line, sizeof(line), maps)) {
		if (!strstr(line, "vfio") || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		bytes += to - from;
		count++;
	}
	if (maps)
		fclose(maps);
	snprintf(answer, size, "%d of %lu MiB", count, bytes >> 20);
}

static const char *late_device(const char *question)
{
	const struct gpu *late = &taken.gpus[current->gpus];

	if (strstr(question, "stranger"))
		late = &taken.gpus[taken.gpu_count - 1];
	return strstr(question, "bridge") ? late->bridges[0].address : late->device.address;
}

static void ask(void)
{
	const char *const *question;
	char command[128], answer[1000], name[16];
	size_t length;

	for (question = current->questions; *question; question++) {
		snprintf(command, sizeof(command), *question, late_device(*question));
		snprintf(name, sizeof(name), "answer.%d", (int)(question - current->questions));
		if (strcmp(command, "maps"))
			monitor_ask(command, answer, sizeof(answer));
		else
			ask_maps(answer, sizeof(answer));
		length = strlen(answer);
		report(key(name), "%s", answer + (length > SHOWN ? length - SHOWN : 0));
	}
}

/* What QEMU itself has to say, and the points at which it is time to act. */
static bool watch(const char *line)
{
	if (strstr(line, "qemu-system-ppc64:"))
		report(key("qemu"), "%s", line);
	if (current->questions && strstr(line, "@ mark guest.held"))
		ask();
	if (current->reboots && strstr(line, "@ guest.nodes="))
		return boots++ < atoi(word);
	return !strstr(line, "kvm run failed");
}

static void run(void)
{
	const struct consumer consumer = {
		.gpu = taken.gpus, .gpus = current->gpus, .omit = current->omit,
		.together = current->together, .bridges_first = current->bridges_first, .companion = current->companion,
		.memory_mib = GUEST_MEMORY_MIB, .lock_limit = current->lock_limit,
		.timeout_s = GUEST_TIMEOUT_S * (current->reboots ? 1 + atoi(word) : 1),
		.job = "nodes", .parameters = current->parameters, .arguments = current->arguments,
		.reboots = current->reboots, .machine = current->reboots ? NULL : word, .watch = watch,
	};
	int status;

	boots = 0;
	report("shape", "%s%s%s", current->name, word ? ":" : "", word ? word : "");
	status = consumer_run(&consumer);
	report(key("consumer"), "%d", status);
}

static bool choose(char *text)
{
	size_t i;
	char *colon = strchr(text, ':');

	word = colon ? colon + 1 : NULL;
	if (colon)
		*colon = 0;
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		current = &shapes[i];
		if (!strcmp(text, current->name) && (word || !current->reboots))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	int i;

	report_begin("host");
	check_kvm();
	take_gpus(&taken, ALL_GPUS, 0);
	for (i = 1; i < argc; i++) {
		if (!choose(argv[i]))
			give_up("no shape is called %s", argv[i]);
		run();
	}
	give_back(&taken);
	logs_report();
	return 0;
}
