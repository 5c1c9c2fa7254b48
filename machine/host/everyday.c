// SPDX-License-Identifier: GPL-2.0
/*
 * What tools and administrators do every day does no harm: configuration space of all functions is read in the host,
 * before there is a guest and all the time while one with two processors stores to GPU RAM and does the same.
 *
 * Usage: everyday [SECONDS|config [GPU]]
 *
 * SECONDS is how long the guest goes each way; with "config" there is no guest.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/config.h"
#include "../common/files.h"
#include "../common/report.h"
#include "aftermath.h"
#include "consumer.h"
#include "prepare.h"

#define GUEST_MEMORY_MIB 512
#define GUEST_PROCESSORS 2
/* To boot, and for the ways of machine/guest/everyday.c */
#define GUEST_TIMEOUT_S 240
#define WAYS 5
#define SCANS 3
/* The emulated processors have a guest to run, too. */
#define PAUSE_US 20000

/* Shared with the process that reads. */
struct reader {
	volatile long rounds, failed;
	volatile int least, most;
};

static void scan(const char *when)
{
	struct config_scan scan;
	char key[32];
	int i;

	for (i = 0; i < SCANS; i++) {
		config_scan(&scan);
		snprintf(key, sizeof(key), "scan.%s.%d", when, i);
		report(key, "%d functions, %d failed, sum %#llx", scan.functions, scan.failed,
		       (unsigned long long)scan.sum);
	}
}

/* Whoever asks for INTx looks at the pin, and then needs the interrupt. With MSI the interrupt is that of a message. */
static void report_function(const char *address)
{
	char id[2][16], irq[16], pe[16], key[32];
	unsigned char header[64] = { 0 };
	struct pci_device device;

	pci_describe(&device, address);
	file_read(path_join(device.path, "config"), header, sizeof(header));
	file_text(path_join(device.path, "vendor"), id[0], sizeof(id[0]));
	file_text(path_join(device.path, "device"), id[1], sizeof(id[1]));
	file_text(path_join(device.path, "irq"), irq, sizeof(irq));
	file_text(path_join(device.path, "eeh_pe_config_addr"), pe, sizeof(pe));
	snprintf(key, sizeof(key), "function.%s", device.address);
	report(key, "id %s:%s pin %d irq %s%s pe %s", id[0], id[1], header[CONFIG_PIN], irq,
	       access(path_join(device.path, "msi_irqs"), F_OK) ? "" : " of MSI", pe);
}

static void report_functions(void)
{
	DIR *devices = opendir(PCI_DEVICES);
	struct dirent *entry;

	while (devices && (entry = readdir(devices)))
		if (entry->d_name[0] != '.')
			report_function(entry->d_name);
	if (devices)
		closedir(devices);
}

static void read_for_ever(struct reader *reader)
{
	struct config_scan scan;

	for (;;) {
		config_scan(&scan);
		if (!reader->rounds || scan.functions < reader->least)
			reader->least = scan.functions;
		if (scan.functions > reader->most)
			reader->most = scan.functions;
		reader->failed += scan.failed;
		reader->rounds++;
		usleep(PAUSE_US);
	}
}

static void use(const struct consumer *consumer)
{
	struct reader *reader = mmap(NULL, sizeof(*reader), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (reader == MAP_FAILED)
		give_up("no memory");
	fflush(stdout);
	pid = fork();
	if (!pid)
		read_for_ever(reader);
	report("consumer", "%d", consumer_run(consumer));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	report("reader", "%ld rounds of %d to %d functions, %ld failed", reader->rounds, reader->least, reader->most,
	       reader->failed);
}

static bool watch(const char *line)
{
	if (!strstr(line, "kvm run failed"))
		return true;
	report("qemu", "%s", line);
	return false;
}

static void with_guest(const char *seconds, int index)
{
	char parameters[48];
	struct consumer consumer = {
		.processors = GUEST_PROCESSORS, .memory_mib = GUEST_MEMORY_MIB,
		.timeout_s = GUEST_TIMEOUT_S + WAYS * atoi(seconds), .job = "everyday",
		.parameters = parameters, .watch = watch,
	};
	static struct taken taken;

	snprintf(parameters, sizeof(parameters), "machine.seconds=%s", seconds);
	take_gpus(&taken, ONE_GPU, index);
	consumer.gpu = taken.gpus;
	mark("before");
	use(&consumer);
	mark("after");
	give_back(&taken);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "5";

	report_begin("host");
	check_kvm();
	scan("before");
	report_functions();
	if (strcmp(how, "config"))
		with_guest(how, argc > 2 ? atoi(argv[2]) : 0);
	scan("after");
	kernel_log_report();
	firmware_log_report();
	return 0;
}
