/* SPDX-License-Identifier: GPL-2.0 */
/* Resets of a GPU that nobody has open, by others than VFIO. */
#ifndef UNUSED_H
#define UNUSED_H

#include "group.h"

/**
 * unused_idle() - reset a GPU that has no driver, by its attribute "reset": the bus below the port.
 * @part: key of what is reported, and name of the marks: "part" after the reset, "part.open" while VFIO has the GPU open.
 * @gpu: the GPU.
 * @group: its group, bound to vfio-pci before and after.
 */
void unused_idle(const char *part, const struct gpu *gpu, struct group *group);

/**
 * unused_power() - the same by its power state, which only resets a GPU that says that it loses its state in D3hot.
 */
void unused_power(const char *part, const struct gpu *gpu, struct group *group);

/**
 * unused_port() - the same by the port above it, as setpci does it: the GPU is lost until it is removed and found again.
 */
void unused_port(const char *part, const struct gpu *gpu, struct group *group);

/**
 * unused_recover() - the same by EEH, as if hardware had frozen the PE: no driver knows of EEH, so the GPU is removed, reset
 * and found again.
 */
void unused_recover(const char *part, const struct gpu *gpu, struct group *group);

/**
 * unused_slot() - switch the slot of a GPU off and on again, which removes the GPU and finds it again.
 */
void unused_slot(const char *part, const struct gpu *gpu, struct group *group);

/**
 * unused_rescan() - remove a GPU, and find it again.
 */
void unused_rescan(const char *part, const struct gpu *gpu, struct group *group);

#endif
