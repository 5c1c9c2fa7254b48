// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "files.h"
#include "tree.h"

#define ROOT "/sys/firmware/devicetree/base"

static char **wanted;

static bool is_wanted(const char *path)
{
	int i;

	for (i = 0; wanted[i]; i++)
		if (strstr(path, wanted[i]))
			return true;
	return false;
}

static void show_property(const char *path)
{
	unsigned char bytes[256];
	ssize_t size = file_read(path, bytes, sizeof(bytes)), i;

	printf("tree| %s ", path + strlen(ROOT));
	for (i = 0; i < size; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)where;
	if (type == FTW_F && is_wanted(path))
		show_property(path);
	return 0;
}

int tree_show(char **words)
{
	wanted = words;
	return nftw(ROOT, visit, 16, FTW_PHYS);
}
