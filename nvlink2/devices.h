/* SPDX-License-Identifier: GPL-2.0 */
/* PCI functions, as sysfs has them. */
#ifndef DEVICES_H
#define DEVICES_H

#include "machine.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
#define VENDOR_IBM 0x1014
#define VENDOR_NVIDIA 0x10de
#define DEVICE_NVLINK_BRIDGE 0x04ea

/**
 * struct devices - all PCI functions, but with no more than address, ids and phandle
 * @function: each
 * @count: how many
 */
struct devices {
	struct function *function;
	size_t count;
};

/**
 * devices_read() - find all PCI functions
 * @devices: gets them, to be freed by devices_free()
 */
void devices_read(struct devices *devices);

/**
 * devices_free() - forget them
 * @devices: what devices_read() found
 */
void devices_free(struct devices *devices);

/**
 * devices_by_phandle() - the function with this node in the device tree
 * @devices: all functions
 * @phandle: of the node
 *
 * Return: the function, or NULL.
 */
const struct function *devices_by_phandle(const struct devices *devices, uint32_t phandle);

/**
 * devices_by_slot() - the NVIDIA device below a slot
 * @devices: all functions
 * @slot: label of the slot
 *
 * Return: the function, or NULL.
 */
const struct function *devices_by_slot(const struct devices *devices, const char *slot);

/**
 * function_clear() - a function that is not there
 * @function: the function
 */
void function_clear(struct function *function);

/**
 * function_read() - all of what sysfs says of a function
 * @function: gets it
 * @address: of the function
 */
void function_read(struct function *function, const char *address);

/**
 * function_read_driver() - the driver, which bind and unbind change
 * @function: the function, gets the driver
 */
void function_read_driver(struct function *function);

#endif
