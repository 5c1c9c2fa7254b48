/* SPDX-License-Identifier: GPL-2.0 */
/* What the first process of host and guest has to do. */
#ifndef BOOT_H
#define BOOT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * boot_prepare() - mount the kernel's file systems and take over the console, without echo.
 */
void boot_prepare(void);

/**
 * boot_parameter() - a value from the kernel's command line.
 * @name: with its "=".
 * @value: gets it.
 * @size: room in @value.
 *
 * Return: false when the command line does not have it.
 */
bool boot_parameter(const char *name, char *value, size_t size);

/**
 * boot_run() - run a program and wait for it.
 * @argv: path and arguments, ends with NULL.
 *
 * Return: its exit status, 128 + signal, or 127 when it cannot be started.
 */
int boot_run(char *const argv[]);

/**
 * boot_shell() - become a shell on the console, with the programs of busybox.
 *
 * Return: only when there is no busybox, then 127.
 */
int boot_shell(void);

/**
 * boot_end() - switch the machine off; does not return.
 */
void boot_end(void);

#endif
