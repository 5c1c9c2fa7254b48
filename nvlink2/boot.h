/* SPDX-License-Identifier: GPL-2.0 */
/* What bind and unbind leave for the next start of the machine: rules of udev. */
#ifndef BOOT_H
#define BOOT_H

#include "machine.h"
#include "select.h"

/**
 * boot_write() - have groups go to a driver when the machine starts, or no more
 * @machine: the machine
 * @selection: the groups that are meant. Where "all" was named and there is no driver, what was written of devices that
 *             this kernel does not show goes as well: those of NVLink2 are shown by few kernels
 * @driver: the driver, NULL for none
 * @dry_run: only say what would be written
 *
 * Return: whether that worked; if it did not, the rules are what they were.
 */
bool boot_write(const struct machine *machine, const struct selection *selection, const char *driver, bool dry_run);

#endif
