// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "commands.h"
#include "list.h"

int command_list(const struct machine *machine, const struct options *options)
{
	int status = EXIT_GOOD;

	if (options->json && options->svg) {
		fputs("nvlink2: --json or --svg, not both\n", stderr);
		return EXIT_USAGE;
	}
	if (options->json)
		status = list_json(machine) ? EXIT_GOOD : EXIT_FAILED;
	else if (options->svg)
		list_svg(machine);
	else
		list_tree(machine);
	return status || machine_has_nvlink2(machine) ? status : EXIT_NO_NVLINK2;
}
