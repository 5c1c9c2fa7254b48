// SPDX-License-Identifier: GPL-2.0
/*
 * First process of the host image. The kernel's command line names the job, a program in /jobs:
 *
 *   machine.job=NAME[,ARGUMENT]...
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/boot.h"
#include "../common/report.h"

#define MAX_ARGUMENTS 16

static int run_job(char *words)
{
	char path[128], *argv[MAX_ARGUMENTS + 2] = { path };
	char *word = strtok(words, ",");
	int n = 1;

	snprintf(path, sizeof(path), "/jobs/%s", word ? word : "");
	while (n <= MAX_ARGUMENTS && (argv[n] = strtok(NULL, ",")))
		n++;
	if (access(path, X_OK)) {
		report("stopped", "the host image has no job called '%s'", word ? word : "");
		return 127;
	}
	return boot_run(argv);
}

int main(void)
{
	char job[256] = "shell";

	boot_prepare();
	signal(SIGINT, SIG_IGN);
	report_begin("host");
	boot_parameter("machine.job=", job, sizeof(job));
	report("up", "1");
	report("job.status", "%d", run_job(job));
	boot_end();
	return 0;
}
