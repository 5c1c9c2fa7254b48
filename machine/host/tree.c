// SPDX-License-Identifier: GPL-2.0
/*
 * Show what the kernel got as device tree, in hexadecimal: the properties whose path has one of the words in it.
 *
 * Usage: tree WORD...
 */
#include "../common/report.h"
#include "../common/tree.h"

int main(int argc, char **argv)
{
	report_begin("host");
	if (argc < 2)
		give_up("tree: no names of nodes");
	return tree_show(argv + 1) ? 1 : 0;
}
