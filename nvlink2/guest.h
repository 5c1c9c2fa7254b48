/* SPDX-License-Identifier: GPL-2.0 */
/* A guest with GPUs: what it takes, whoever starts it. */
#ifndef GUEST_H
#define GUEST_H

#include "commands.h"
#include "select.h"

/**
 * struct passed - a device that goes to the guest
 * @function: of the host
 * @host_bridge: PCI host bridge of the guest that it goes below, from 0
 * @slot: there
 * @is_gpu: not a bridge
 * @number: of the GPU or bridge, from 0
 */
struct passed {
	const struct function *function;
	int host_bridge, slot, number;
	bool is_gpu;
};

/**
 * struct guest - all that is special about it
 * @device: GPUs, each with its bridges
 * @devices: how many
 * @host_bridges: how many, beside the guest's own first one
 * @lock_limit: bytes that its QEMU has to be able to lock
 * @unbound: some devices of its groups are not bound to vfio-pci
 * @user: who has one of the groups now, or empty
 */
struct guest {
	struct passed *device;
	size_t devices;
	int host_bridges;
	unsigned long long lock_limit;
	bool unbound;
	char user[160];
};

/**
 * guest_plan() - work out what a guest with these GPUs needs
 * @guest: gets it, to be given to guest_free() always
 * @machine: the machine
 * @options: what words and sizes the user gave
 *
 * Return: 0, or the status to exit with; the user has been told.
 */
int guest_plan(struct guest *guest, const struct machine *machine, const struct options *options);

/**
 * guest_free() - forget it
 * @guest: what guest_plan() worked out
 */
void guest_free(struct guest *guest);

/**
 * lock_limit() - how much memory QEMU has to lock for a guest with NVLink2, as libvirt computes it
 * @memory: of the guest, in bytes
 * @host_bridges: PCI host bridges of the guest with GPUs
 */
unsigned long long lock_limit(unsigned long long memory, int host_bridges);

#endif
