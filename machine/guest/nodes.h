/* SPDX-License-Identifier: GPL-2.0 */
/* The NUMA nodes of several GPUs. */
#ifndef NODES_H
#define NODES_H

#include "../common/nvlink.h"

/**
 * nodes() - add the RAM of GPUs, each as a node, use it, and report where it came and how far away it is.
 * @gpus: the GPUs.
 * @count: how many.
 *
 * Shows what the device tree says of them, too. Stands still at the mark "held" if the command line says machine.hold=1, and reboots if it says machine.reboot=1.
 */
void nodes(const struct gpu *gpus, int count);

#endif
