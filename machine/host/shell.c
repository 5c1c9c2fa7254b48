// SPDX-License-Identifier: GPL-2.0
/* A shell on the host's console. */
#include <stdio.h>

#include "../common/boot.h"

int main(void)
{
	puts("The emulated host. 'exit' switches the machine off.\n"
	     "/jobs/passthrough 0 gives GPU 0 to a guest that checks it; /jobs/passthrough 0 shell, to one with a shell.");
	fflush(stdout);
	return boot_shell();
}
