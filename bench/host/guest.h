/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's half of the bench, and what KVM counts meanwhile. */
#ifndef GUEST_H
#define GUEST_H

#include "../../machine/common/nvlink.h"

/**
 * guest_run() - run a guest with the GPU to its end.
 * @gpu: with its bridges, bound to vfio-pci.
 *
 * At each mark of the guest KVM's counters are reported.
 *
 * Return: as consumer_run().
 */
int guest_run(const struct gpu *gpu);

#endif
