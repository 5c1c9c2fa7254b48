/* SPDX-License-Identifier: GPL-2.0 */
/* The commands of nvlink2. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "machine.h"

/* What the program ends with */
#define EXIT_GOOD 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_NO_NVLINK2 3

/**
 * struct options - what the user asked for
 * @word: the words after the command, ends with NULL
 * @argument: what goes to QEMU as it is, ends with NULL; NULL when there is nothing
 * @machine: QEMU's machine type
 * @name: of the guest
 * @qemu: path of QEMU, or NULL for qemu-system-ppc64 in PATH
 * @memory: of the guest, in bytes
 * @cpus: of the guest
 * @json: list, check: as JSON
 * @svg: list as a picture
 * @boot: at each start of the machine as well
 * @dry_run: change nothing
 */
struct options {
	char **word, **argument;
	const char *machine, *name, *qemu;
	unsigned long long memory;
	int cpus;
	bool json, svg, boot, dry_run;
};

/* Each gives the status to exit with */
int command_list(const struct machine *machine, const struct options *options);
int command_check(const struct machine *machine, const struct options *options);
int command_bind(const struct machine *machine, const struct options *options);
int command_unbind(const struct machine *machine, const struct options *options);
int command_qemu(const struct machine *machine, const struct options *options);
int command_libvirt(const struct machine *machine, const struct options *options);

#endif
