// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/nvlink.h"
#include "../common/report.h"
#include "together.h"

#define FAILED 127
#define GO "go\n"

static void keep(const struct consumer *consumer, int from, int marks)
{
	struct consumer own = *consumer;
	int status;

	dup2(from, STDIN_FILENO);
	own.marks = marks;
	status = consumer_run(&own);
	fflush(stdout);
	_exit(status);
}

bool beside_start(struct beside *beside, const struct consumer *consumer)
{
	int in[2], marks[2];

	if (pipe2(in, O_CLOEXEC))
		return false;
	if (pipe2(marks, O_CLOEXEC)) {
		close(in[0]);
		close(in[1]);
		return false;
	}
	fflush(stdout);
	beside->pid = fork();
	if (!beside->pid)
		keep(consumer, in[0], marks[1]);
	close(in[0]);
	close(marks[1]);
	beside->to = in[1];
	beside->marks = marks[0];
	return beside->pid > 0;
}

bool beside_ended(const struct beside *beside)
{
	struct pollfd marks = { .fd = beside->marks };

	return poll(&marks, 1, 0) > 0 && (marks.revents & POLLHUP);
}

int beside_wait(struct beside *beside)
{
	int status;

	if (beside->pid <= 0 || waitpid(beside->pid, &status, 0) < 0)
		return FAILED;
	close(beside->to);
	close(beside->marks);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Until each guest has reached its mark, or its end. Return: how many are at their marks. */
static int wait_for_all(const struct beside *beside, int count)
{
	struct pollfd fds[MAX_GPUS];
	int i, waiting = count, at_marks = 0;
	char byte;

	for (i = 0; i < count; i++)
		fds[i] = (struct pollfd){ .fd = beside[i].marks, .events = POLLIN };
	while (waiting) {
		if (poll(fds, count, -1) <= 0)
			continue;
		for (i = 0; i < count; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			at_marks += read(fds[i].fd, &byte, 1) == 1;
			fds[i].fd = -1;
			waiting--;
		}
	}
	return at_marks;
}

void together_run(const struct consumer *consumers, int count, int *statuses)
{
	struct beside beside[MAX_GPUS];
	int i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < count; i++)
		if (!beside_start(&beside[i], &consumers[i]))
			give_up("guest %s cannot be started", consumers[i].name);
	if (wait_for_all(beside, count))
		mark_of("guest", "running");
	for (i = 0; i < count; i++)
		if (write(beside[i].to, GO, sizeof(GO) - 1) < 0)
			report_error("go", consumers[i].name);
	for (i = 0; i < count; i++)
		statuses[i] = beside_wait(&beside[i]);
}
