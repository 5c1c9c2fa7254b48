// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../machine/common/report.h"
#include "../../machine/host/consumer.h"
#include "guest.h"
#include "kvm.h"

#define MEMORY_MIB 2048
#define MEMORY_PATH "/hugepages"
#define TIMEOUT_S 900
#define MARK "@ mark "

/* The guest stands still at a mark until its line has gone out and is answered: count before that. */
static void relay(FILE *from)
{
	char line[1100];

	while (fgets(line, sizeof(line), from)) {
		if (!strncmp(line, MARK, strlen(MARK))) {
			line[strcspn(line, "\n")] = 0;
			kvm_report(line + strlen(MARK));
			printf("%s\n", line);
		} else {
			fputs(line, stdout);
		}
		fflush(stdout);
	}
}

/* Pages of 1 GiB, if the kernel has reserved enough of them. */
static const char *huge_pages(void)
{
	struct stat there;

	mkdir(MEMORY_PATH, 0755);
	if (stat("/sys/kernel/mm/hugepages/hugepages-1048576kB", &there) ||
	    mount("hugetlbfs", MEMORY_PATH, "hugetlbfs", 0, "pagesize=1G"))
		return NULL;
	return MEMORY_PATH;
}

static int run_consumer(const struct gpu *gpu, int output)
{
	struct consumer consumer = {
		.gpu = gpu, .memory_mib = MEMORY_MIB, .memory_path = huge_pages(),
		.timeout_s = TIMEOUT_S,
	};

	dup2(output, STDOUT_FILENO);
	close(output);
	return consumer_run(&consumer);
}

int guest_run(const struct gpu *gpu)
{
	int ends[2], status;
	FILE *from;
	pid_t pid;

	if (pipe(ends))
		return 127;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(ends[0]);
		_exit(run_consumer(gpu, ends[1]));
	}
	close(ends[1]);
	from = fdopen(ends[0], "r");
	if (from) {
		relay(from);
		fclose(from);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
