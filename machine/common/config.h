/* SPDX-License-Identifier: GPL-2.0 */
/* Configuration space as lspci and setpci see it; the same in host and guest. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "nvlink.h"

#define CONFIG_COMMAND 0x04
#define CONFIG_COMMAND_MEMORY 0x2
#define CONFIG_PIN 0x3d

/**
 * struct config_scan - what "lspci -xxxx" found.
 * @functions: how many there are.
 * @failed: how many could not be read, or gave nothing but ones.
 * @sum: changes when a byte does.
 */
struct config_scan {
	int functions, failed;
	uint64_t sum;
};

/**
 * config_scan() - read the whole configuration space of every function.
 * @scan: gets what was found.
 */
void config_scan(struct config_scan *scan);

/**
 * config_command() - set or clear bits of a function's command register, as setpci does.
 * @device: the function.
 * @clear: bits to clear.
 * @set: bits to set.
 *
 * Return: false with errno set when it cannot be read or written.
 */
bool config_command(const struct pci_device *device, uint16_t clear, uint16_t set);

#endif
