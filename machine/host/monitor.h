/* SPDX-License-Identifier: GPL-2.0 */
/* The monitor of the QEMU that runs a guest. */
#ifndef MONITOR_H
#define MONITOR_H

#include <stddef.h>

/* What makes QEMU offer it, for struct consumer. */
#define MONITOR_ARGUMENTS "-monitor", "unix:/tmp/monitor,server=on,wait=off"

/**
 * monitor_ask() - give one command to the monitor.
 * @command: as a person would type it.
 * @answer: gets what the monitor says, its lines joined by "; ".
 * @size: room in @answer.
 */
void monitor_ask(const char *command, char *answer, size_t size);

#endif
