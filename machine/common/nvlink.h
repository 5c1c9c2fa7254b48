/* SPDX-License-Identifier: GPL-2.0 */
/* GPUs and NVLink bridges as the device tree joins them; the same in host and guest. */
#ifndef NVLINK_H
#define NVLINK_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_GPUS 6
#define MAX_LINKS 6
#define PCI_DEVICES "/sys/bus/pci/devices"

/**
 * struct pci_device - one PCI function.
 * @address: domain:bus:device.function.
 * @path: its directory in sysfs.
 * @node: its directory in the device tree, below sysfs.
 */
struct pci_device {
	char address[16];
	char path[64];
	char node[80];
};

/**
 * struct gpu - a GPU with the bridges that its node names in ibm,npu.
 * @device: the GPU.
 * @bridges: in the order of ibm,npu.
 * @links: how many.
 */
struct gpu {
	struct pci_device device;
	struct pci_device bridges[MAX_LINKS];
	int links;
};

/**
 * pci_describe() - fill in the paths of a function.
 * @device: gets them.
 * @address: the function.
 */
void pci_describe(struct pci_device *device, const char *address);

/**
 * gpus_find() - the GPUs that have NVLink bridges, ordered by address.
 * @gpus: room for MAX_GPUS.
 *
 * A GPU is what has the property ibm,npu: no list of device ids is complete.
 *
 * Return: how many.
 */
int gpus_find(struct gpu *gpus);

/**
 * gpus_share_host_bridge() - true when both are behind the same PCI host bridge.
 * @one: a GPU.
 * @other: a GPU.
 */
bool gpus_share_host_bridge(const struct gpu *one, const struct gpu *other);

/**
 * node_by_phandle() - find a node of the device tree.
 * @phandle: of the node.
 * @path: gets its directory.
 * @size: room in @path.
 *
 * Looks at the top of the tree only, where the memory nodes are.
 */
bool node_by_phandle(uint32_t phandle, char *path, int size);

#endif
