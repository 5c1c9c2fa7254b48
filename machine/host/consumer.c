// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../common/boot.h"
#include "consumer.h"

#define QEMU "/usr/bin/qemu-system-ppc64"
#define KERNEL "/boot/vmlinux"
#define INITRD "/boot/guest.cpio"
#define FIRMWARE "/usr/share/qemu/slof.bin"
/* The emulated processor has none of the mitigations that the machine type asks for by default. */
#define MACHINE "pseries,accel=kvm,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off"
#define TIMED_OUT 124
#define MAX_WORDS 64

struct command {
	char *words[MAX_WORDS];
	int count;
};

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

static void add_gpu(struct command *command, const struct gpu *gpu, bool orphans)
{
	int i;

	add(command, "-device", "spapr-pci-host-bridge,index=1,id=nvlink");
	if (!orphans)
		add(command, "-device", "vfio-pci,host=%s,bus=nvlink.0,addr=1,id=gpu",
		    gpu->device.address);
	for (i = 0; i < gpu->links; i++)
		add(command, "-device", "vfio-pci,host=%s,bus=nvlink.0,addr=%d,id=bridge%d",
		    gpu->bridges[i].address, i + 2, i);
}

static void build_command(struct command *command, const struct consumer *consumer)
{
	add_word(command, strdup(QEMU));
	add_word(command, strdup("-nodefaults"));
	add_word(command, strdup("-no-reboot"));
	add(command, "-M", MACHINE);
	add(command, "-cpu", "host");
	add(command, "-smp", "1");
	add(command, "-m", "%d", consumer->memory_mib);
	add(command, "-display", "none");
	add(command, "-chardev", "stdio,id=console,signal=off");
	add(command, "-device", "spapr-vty,chardev=console");
	add(command, "-bios", FIRMWARE);
	add(command, "-kernel", KERNEL);
	add(command, "-initrd", INITRD);
	add(command, "-append", "console=hvc0 quiet panic=-1%s",
	    consumer->shell ? " machine.job=shell" : "");
	add_gpu(command, consumer->gpu, consumer->orphans);
}

static void free_command(struct command *command)
{
	while (command->count)
		free(command->words[--command->count]);
}

static pid_t start(struct command *command, int *to_guest, int *from_guest)
{
	int in[2], out[2];
	pid_t pid;

	if (pipe(in) || pipe(out))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		close(in[1]);
		close(out[0]);
		execv(QEMU, command->words);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	*to_guest = in[1];
	*from_guest = out[0];
	return pid;
}

/* Lines that are addressed to machine/demo must begin their line on our console, too. */
static void show_line(const char *line)
{
	const char *statement = strstr(line, "@ guest.");

	if (!statement)
		statement = strstr(line, "@ mark guest.");
	if (statement)
		printf("%s\n", statement);
	else if (*line)
		printf("guest| %s\n", line);
	fflush(stdout);
}

static void show(const char *bytes, ssize_t count)
{
	static char line[1024];
	static size_t length;

	for (; count > 0; count--, bytes++) {
		if (*bytes == '\r' || !*bytes)
			continue;
		if (*bytes != '\n' && length < sizeof(line) - 1) {
			line[length++] = *bytes;
			continue;
		}
		line[length] = 0;
		show_line(line);
		length = 0;
	}
}

/* The coarse clock does not read the time base, which an overloaded emulator may let jump. */
static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

static bool relay(int to_guest, int from_guest, int timeout_s)
{
	struct pollfd fds[] = {
		{ .fd = from_guest, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	time_t end = seconds() + timeout_s;
	char buffer[1024];
	ssize_t count;

	while (seconds() < end) {
		if (poll(fds, 2, 1000) <= 0)
			continue;
		if (fds[0].revents) {
			count = read(from_guest, buffer, sizeof(buffer));
			if (count <= 0)
				return true;
			show(buffer, count);
		}
		if (fds[1].revents) {
			count = read(STDIN_FILENO, buffer, sizeof(buffer));
			if (count <= 0 || write(to_guest, buffer, count) != count)
				fds[1].fd = -1;
		}
	}
	return false;
}

static int run_watched(struct command *command, int timeout_s)
{
	int to_guest, from_guest, status;
	bool finished;
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	pid = start(command, &to_guest, &from_guest);
	if (pid < 0)
		return 127;
	finished = relay(to_guest, from_guest, timeout_s);
	if (!finished)
		kill(pid, SIGKILL);
	close(to_guest);
	close(from_guest);
	waitpid(pid, &status, 0);
	if (!finished)
		return TIMED_OUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int consumer_run(const struct consumer *consumer)
{
	struct command command = { 0 };
	int status;

	build_command(&command, consumer);
	status = consumer->shell ? boot_run(command.words) : run_watched(&command, consumer->timeout_s);
	free_command(&command);
	return status;
}
