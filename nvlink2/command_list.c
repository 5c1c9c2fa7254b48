// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "commands.h"
#include "list.h"

static int print_json(const struct machine *machine)
{
	if (list_json(machine))
		return EXIT_GOOD;
	fputs("nvlink2: out of memory\n", stderr);
	return EXIT_FAILED;
}

int command_list(const struct machine *machine, const struct options *options)
{
	int status = EXIT_GOOD;

	if (options->json && options->svg) {
		fputs("nvlink2: --json or --svg, not both\n", stderr);
		return EXIT_USAGE;
	}
	if (options->json)
		status = print_json(machine);
	else if (options->svg)
		list_svg(machine);
	else
		list_tree(machine);
	return status || machine_has_nvlink2(machine) ? status : EXIT_NO_NVLINK2;
}
