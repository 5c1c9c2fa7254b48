/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that changes anything in the machine. The tests put a simulated kernel here.
 */
#ifndef ATTRIBUTE_H
#define ATTRIBUTE_H

#include <stdbool.h>

#include "files.h"

/**
 * attribute_write() - write to an attribute of sysfs, in one piece
 * @text: what to write
 * @format: printf() format of its path
 *
 * Return: whether the kernel took it; errno says why not.
 */
bool attribute_write(const char *text, const char *format, ...) PRINTF(2, 3);

/**
 * module_load() - have modprobe load a module
 * @name: of the module
 *
 * Return: whether modprobe says that it is there.
 */
bool module_load(const char *name);

#endif
