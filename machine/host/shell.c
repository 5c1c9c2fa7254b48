// SPDX-License-Identifier: GPL-2.0
/* A shell on the host's console, with the programs of busybox. */
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

int main(void)
{
	struct termios settings;

	if (!tcgetattr(STDIN_FILENO, &settings)) {
		settings.c_lflag |= ECHO;
		tcsetattr(STDIN_FILENO, TCSANOW, &settings);
	}
	puts("The emulated host. /jobs has its programs; 'exit' switches the machine off.");
	execl("/bin/busybox", "sh", "-l", NULL);
	return 1;
}
