// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "boot.h"
#include "files.h"

static const struct {
	const char *type, *where;
} filesystems[] = {
	{ "proc", "/proc" },
	{ "sysfs", "/sys" },
	{ "devtmpfs", "/dev" },
	{ "tmpfs", "/tmp" },
	{ "debugfs", "/sys/kernel/debug" },
	{ "tracefs", "/sys/kernel/tracing" },
};

static void set_echo(bool on)
{
	struct termios settings;

	if (tcgetattr(STDIN_FILENO, &settings))
		return;
	settings.c_lflag = on ? settings.c_lflag | ECHO : settings.c_lflag & ~ECHO;
	tcsetattr(STDIN_FILENO, TCSANOW, &settings);
}

static void open_console(void)
{
	int fd, console;

	console = open("/dev/console", O_RDWR);
	if (console < 0)
		return;
	for (fd = 0; fd <= 2; fd++)
		dup2(console, fd);
	if (console > 2)
		close(console);
}

void boot_prepare(void)
{
	size_t i;

	for (i = 0; i < sizeof(filesystems) / sizeof(filesystems[0]); i++) {
		mkdir(filesystems[i].where, 0755);
		mount(filesystems[i].type, filesystems[i].where, filesystems[i].type, 0, NULL);
	}
	open_console();
	set_echo(false);
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
}

bool boot_parameter(const char *name, char *value, size_t size)
{
	char line[2048], *word;

	file_text("/proc/cmdline", line, sizeof(line));
	for (word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		if (!has_prefix(word, name))
			continue;
		snprintf(value, size, "%s", word + strlen(name));
		return true;
	}
	return false;
}

int boot_run(char *const argv[])
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int boot_shell(void)
{
	char *const install[] = { "/bin/busybox", "--install", "-s", "/bin", NULL };

	boot_run(install);
	set_echo(true);
	execl("/bin/busybox", "sh", "-l", NULL);
	return 127;
}

void boot_end(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
