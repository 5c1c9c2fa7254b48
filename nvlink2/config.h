/* SPDX-License-Identifier: GPL-2.0 */
/* Names and configuration space of PCI functions, by libpci. */
#ifndef CONFIG_H
#define CONFIG_H

#include "machine.h"

/**
 * config_begin() - get ready to use the functions below; if that does not work, they find nothing
 */
void config_begin(void);

/**
 * config_end() - done with them
 */
void config_end(void);

/**
 * config_name() - what the vendor calls a device
 * @name: gets it; its ids when nobody knows the name
 * @size: room in @name
 * @function: the device
 */
void config_name(char *name, size_t size, const struct function *function);

/**
 * config_link_state() - state of the link behind a bridge
 * @function: the bridge
 *
 * Reads what describes the link, not what would carry out a step of its training.
 */
enum link_state config_link_state(const struct function *function);

#endif
