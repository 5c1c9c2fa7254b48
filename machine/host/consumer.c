// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "../common/boot.h"
#include "../common/report.h"
#include "consumer.h"
#include "group.h"

#define QEMU "/usr/bin/qemu-system-ppc64"
/* Names another one */
#define QEMU_VARIABLE "CONSUMER_QEMU"
/* A command of the shell that starts the guest in place of ours, with the kernel's command line that the guest is to have */
#define COMMAND_VARIABLE "CONSUMER_COMMAND"
#define APPEND_VARIABLE "CONSUMER_APPEND"
#define SHELL "/bin/sh"
#define KERNEL "/boot/vmlinux"
#define INITRD "/boot/guest.cpio"
#define FIRMWARE "/usr/share/qemu/slof.bin"
/*
 * The emulated processor has none of the mitigations that the machine type asks for by default, and is one of those
 * POWER9 on which guests with radix cannot have interrupts with translation.
 */
#define MACHINE "accel=kvm,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off,cap-ail-mode-3=off"
#define TIMED_OUT 124
#define OMIT_GPU 1
#define OMIT_BRIDGE(n) (2 << (n))
/* Six GPUs with their bridges are 36. */
#define MAX_WORDS 96

struct command {
	char *words[MAX_WORDS];
	int count;
};

struct process {
	pid_t pid;
	int to_guest, from_guest;
};

static pid_t running;

static void add_word(struct command *command, char *word)
{
	if (!word || command->count == MAX_WORDS - 1)
		abort();
	command->words[command->count++] = word;
}

static void add(struct command *command, const char *option, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(struct command *command, const char *option, const char *format, ...)
{
	va_list args;
	char *value;

	va_start(args, format);
	if (vasprintf(&value, format, args) < 0)
		value = NULL;
	va_end(args);
	add_word(command, strdup(option));
	add_word(command, value);
}

/* A PCI host bridge of the guest; bridges counts those of NVLink, of all host bridges. */
struct host_bridge {
	int number, group, slots, bridges;
};

/* In the next slot. QEMU calls a device by its id, "gpu0" say, where it has to complain. */
static void add_function(struct command *command, const struct pci_device *device, struct host_bridge *bridge,
			 int function, const char *name, int number)
{
	add(command, "-device", "vfio-pci,host=%s,bus=nvlink%d.0,addr=%d.%d,id=%s%d", device->address, bridge->number,
	    ++bridge->slots, function, name, number);
}

/* Function 0 of the next slot, with which the others go when it is unplugged. */
static void add_companion(struct command *command, const struct host_bridge *bridge)
{
	add(command, "-device", "virtio-rng-pci,bus=nvlink%d.0,addr=%d.0,multifunction=on,id=companion", bridge->number,
	    bridge->slots + 1);
}

/* The host bridge for another GPU: the last one, or a new one. */
static void find_host_bridge(struct command *command, const struct consumer *consumer, const struct gpu *gpu,
			     struct host_bridge *bridge)
{
	struct group group;

	if (!group_of(&gpu->device, &group))
		group.number = -1;
	if (bridge->slots && (consumer->together || bridge->group == group.number))
		return;
	bridge->number++;
	bridge->group = group.number;
	bridge->slots = 0;
	add(command, "-device", "spapr-pci-host-bridge,index=%d,id=nvlink%d", bridge->number + 1, bridge->number);
}

static void add_bridges(struct command *command, const struct consumer *consumer, const struct gpu *gpu,
			struct host_bridge *host)
{
	bool companion;
	int i;

	for (i = 0; i < gpu->links; i++, host->bridges++) {
		if (consumer->omit & OMIT_BRIDGE(i))
			continue;
		companion = consumer->companion && !host->bridges;
		if (companion)
			add_companion(command, host);
		add_function(command, &gpu->bridges[i], host, companion, "bridge", host->bridges);
	}
}

static void add_gpus(struct command *command, const struct consumer *consumer)
{
	const struct gpu *gpu, *end = consumer->gpu + (consumer->gpus ? consumer->gpus : 1);
	struct host_bridge host = { .number = -1 };

	for (gpu = consumer->gpu; gpu < end; gpu++) {
		find_host_bridge(command, consumer, gpu, &host);
		if (consumer->bridges_first)
			add_bridges(command, consumer, gpu, &host);
		if (!(consumer->omit & OMIT_GPU))
			add_function(command, &gpu->device, &host, 0, "gpu", gpu - consumer->gpu);
		if (!consumer->bridges_first)
			add_bridges(command, consumer, gpu, &host);
	}
}

static void add_arguments(struct command *command, char *const *argument)
{
	while (argument && *argument)
		add_word(command, strdup(*argument++));
}

static char *qemu(void)
{
	const char *other = getenv(QEMU_VARIABLE);

	return strdup(other ? other : QEMU);
}

/* The kernel's command line */
static char *append_of(const struct consumer *consumer)
{
	const char *job = consumer->shell ? "shell" : consumer->job;
	char *append;

	if (asprintf(&append, "console=hvc0 quiet oops=panic panic=-1%s%s %s", job ? " machine.job=" : "", job ? job : "",
		     consumer->parameters ? consumer->parameters : "") < 0)
		abort();
	return append;
}

static void build_shell_command(struct command *command, const char *text, const char *append)
{
	setenv(APPEND_VARIABLE, append, 1);
	add_word(command, strdup(SHELL));
	add(command, "-c", "%s", text);
}

static void build_own_command(struct command *command, const struct consumer *consumer, const char *append)
{
	add_word(command, qemu());
	add_word(command, strdup("-nodefaults"));
	if (!consumer->reboots)
		add_word(command, strdup("-no-reboot"));
	add(command, "-M", "%s," MACHINE, consumer->machine ? consumer->machine : "pseries");
	add(command, "-cpu", "host");
	add(command, "-smp", "%d", consumer->processors ? consumer->processors : 1);
	add(command, "-m", "%d", consumer->memory_mib);
	if (consumer->memory_path)
		add(command, "-mem-path", "%s", consumer->memory_path);
	add(command, "-display", "none");
	add(command, "-chardev", "stdio,id=console,signal=off");
	add(command, "-device", "spapr-vty,chardev=console");
	add(command, "-bios", FIRMWARE);
	add(command, "-kernel", KERNEL);
	add(command, "-initrd", INITRD);
	add(command, "-append", "%s", append);
	add_gpus(command, consumer);
	add_arguments(command, consumer->arguments);
}

static void build_command(struct command *command, const struct consumer *consumer)
{
	const char *text = consumer->command ? consumer->command : getenv(COMMAND_VARIABLE);
	char *append = append_of(consumer);

	if (text)
		build_shell_command(command, text, append);
	else
		build_own_command(command, consumer, append);
	free(append);
}

static void free_command(struct command *command)
{
	while (command->count)
		free(command->words[--command->count]);
}

/* Root may lock as much as it likes, by a capability. */
static bool limit_locks(unsigned long bytes)
{
	const struct rlimit limit = { bytes, bytes };

	return !bytes || (!prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK) && !setrlimit(RLIMIT_MEMLOCK, &limit));
}

static bool start(struct command *command, const struct consumer *consumer, struct process *qemu)
{
	int in[2], out[2];

	/* A command's own children must not keep the pipes open when it ends. */
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return false;
	qemu->pid = fork();
	if (!qemu->pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		if (limit_locks(consumer->lock_limit))
			execv(command->words[0], command->words);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	qemu->to_guest = in[1];
	qemu->from_guest = out[0];
	return qemu->pid > 0;
}

#define FACT "@ guest."
#define MARK "@ mark guest."

static void show_mark(const struct consumer *consumer, const char *mark)
{
	if (!consumer->marks)
		printf("%s\n", mark);
	else if (write(consumer->marks, "m", 1) != 1)
		report_error("mark", "nobody listens");
}

/* Lines that are addressed to machine/demo must begin their line on our console, too. */
static void show_line(const struct consumer *consumer, const char *line)
{
	const char *fact = strstr(line, FACT), *mark = strstr(line, MARK);
	const char *name = consumer->name ? consumer->name : "", *dot = consumer->name ? "." : "";

	if (mark)
		show_mark(consumer, mark);
	else if (fact)
		printf(FACT "%s%s%s\n", name, dot, fact + strlen(FACT));
	else if (*line)
		printf("guest| %s%s%s\n", name, consumer->name ? ": " : "", line);
	fflush(stdout);
}

/* Return: false when somebody has seen enough. */
static bool show(const struct consumer *consumer, const char *bytes, ssize_t count)
{
	static char line[1024];
	static size_t length;
	bool go_on = true;

	for (; count > 0; count--, bytes++) {
		if (*bytes == '\r' || !*bytes)
			continue;
		if (*bytes != '\n' && length < sizeof(line) - 1) {
			line[length++] = *bytes;
			continue;
		}
		line[length] = 0;
		length = 0;
		show_line(consumer, line);
		if (consumer->watch && !consumer->watch(line))
			go_on = false;
	}
	return go_on;
}

/* The coarse clock does not read the time base, which an overloaded emulator may let jump. */
static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

static bool relay(const struct consumer *consumer, const struct process *qemu)
{
	struct pollfd fds[] = {
		{ .fd = qemu->from_guest, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	time_t end = seconds() + consumer->timeout_s;
	char buffer[1024];
	ssize_t count;

	while (seconds() < end) {
		if (poll(fds, 2, 1000) <= 0)
			continue;
		if (fds[0].revents) {
			count = read(qemu->from_guest, buffer, sizeof(buffer));
			if (count <= 0)
				return true;
			if (!show(consumer, buffer, count))
				kill(qemu->pid, consumer->end_signal ? consumer->end_signal : SIGTERM);
		}
		if (fds[1].revents) {
			count = read(STDIN_FILENO, buffer, sizeof(buffer));
			if (count <= 0 || write(qemu->to_guest, buffer, count) != count)
				fds[1].fd = -1;
		}
	}
	return false;
}

static int run_watched(struct command *command, const struct consumer *consumer)
{
	struct process qemu;
	bool finished;
	int status;

	signal(SIGPIPE, SIG_IGN);
	if (!start(command, consumer, &qemu))
		return 127;
	running = qemu.pid;
	finished = relay(consumer, &qemu);
	if (!finished)
		kill(qemu.pid, SIGKILL);
	close(qemu.to_guest);
	close(qemu.from_guest);
	waitpid(qemu.pid, &status, 0);
	if (!finished)
		return TIMED_OUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int consumer_run(const struct consumer *consumer)
{
	struct command command = { 0 };
	int status;

	build_command(&command, consumer);
	status = consumer->shell ? boot_run(command.words) : run_watched(&command, consumer);
	free_command(&command);
	return status;
}

int consumer_pid(void)
{
	return running;
}
