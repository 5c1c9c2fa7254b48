// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor.h"

#define PATH "/tmp/monitor"
#define PROMPT "(qemu) "
#define TIMEOUT_MS 120000

static int monitor_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = PATH };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Up to the next prompt. Return: false when there is none. */
static bool read_answer(int fd, char *text, size_t size)
{
	struct pollfd input = { .fd = fd, .events = POLLIN };
	size_t length = 0, prompt = strlen(PROMPT);
	ssize_t count;

	while (length < size - 1 && poll(&input, 1, TIMEOUT_MS) > 0) {
		count = read(fd, text + length, size - 1 - length);
		if (count <= 0)
			break;
		length += count;
		text[length] = 0;
		if (length >= prompt && !strcmp(text + length - prompt, PROMPT)) {
			text[length - prompt] = 0;
			return true;
		}
	}
	return false;
}

/* The monitor echoes the command with escape sequences; what it has to say begins on the next line. */
static void join_lines(const char *said, char *answer, size_t size)
{
	const char *line = strchr(said, '\n');
	size_t length = 0, count;

	*answer = 0;
	while (line && length < size) {
		line += strspn(line, "\r\n");
		count = strcspn(line, "\r\n");
		if (!count)
			break;
		length += snprintf(answer + length, size - length, "%s%.*s", length ? "; " : "", (int)count, line);
		line = strchr(line, '\n');
	}
}

void monitor_ask(const char *command, char *answer, size_t size)
{
	/* For each letter that comes in the monitor prints its whole line again. */
	static char said[1 << 16];
	int fd = monitor_connect();

	if (fd < 0) {
		snprintf(answer, size, "no monitor: %s", strerror(errno));
		return;
	}
	if (read_answer(fd, said, sizeof(said)) && dprintf(fd, "%s\n", command) > 0 &&
	    read_answer(fd, said, sizeof(said)))
		join_lines(said, answer, size);
	else
		snprintf(answer, size, "the monitor is gone");
	close(fd);
}
