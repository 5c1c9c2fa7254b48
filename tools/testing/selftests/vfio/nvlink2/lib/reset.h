/* SPDX-License-Identifier: GPL-2.0 */
/* All the ways in which a user can take the links of a GPU down */
#ifndef SELFTESTS_VFIO_NVLINK2_RESET_H
#define SELFTESTS_VFIO_NVLINK2_RESET_H

#include "nvlink2.h"

/*
 * Each returns 0, -EOPNOTSUPP when the device or the kernel has no such reset,
 * or another negative errno.
 */
int reset_by_ioctl(struct nvlink2 *nvlink2);
int reset_hot(struct nvlink2 *nvlink2);
int reset_by_sysfs(struct nvlink2 *nvlink2);
int reset_by_eeh(struct nvlink2 *nvlink2);
int reset_fundamentally_by_eeh(struct nvlink2 *nvlink2);
int reset_bridge_by_ioctl(struct nvlink2 *nvlink2);
int reset_bridge_by_flr(struct nvlink2 *nvlink2);
int reset_bridge_by_sysfs(struct nvlink2 *nvlink2);
int reset_last_bridge(struct nvlink2 *nvlink2);
int close_bridge(struct nvlink2 *nvlink2);
int stop_link_by_procedure(struct nvlink2 *nvlink2);
/*
 * Refused DMA stops a GPU until it is reset: by EEH, if it has been stopped. Where
 * nothing stops it this does nothing.
 */
int reset_if_frozen(struct nvlink2 *nvlink2);

#define RESET_VARIANTS(fixture)						\
	FIXTURE_VARIANT(fixture)					\
	{								\
		int (*reset)(struct nvlink2 *nvlink2);			\
	};								\
	FIXTURE_VARIANT_ADD(fixture, gpu_by_ioctl)			\
		{ .reset = reset_by_ioctl };				\
	FIXTURE_VARIANT_ADD(fixture, gpu_hot)				\
		{ .reset = reset_hot };					\
	FIXTURE_VARIANT_ADD(fixture, gpu_by_sysfs)			\
		{ .reset = reset_by_sysfs };				\
	FIXTURE_VARIANT_ADD(fixture, bridge_by_ioctl)			\
		{ .reset = reset_bridge_by_ioctl };			\
	FIXTURE_VARIANT_ADD(fixture, bridge_by_flr)			\
		{ .reset = reset_bridge_by_flr };			\
	FIXTURE_VARIANT_ADD(fixture, bridge_by_sysfs)			\
		{ .reset = reset_bridge_by_sysfs };			\
	FIXTURE_VARIANT_ADD(fixture, last_bridge)			\
		{ .reset = reset_last_bridge };				\
	FIXTURE_VARIANT_ADD(fixture, bridge_closed)			\
		{ .reset = close_bridge };				\
	FIXTURE_VARIANT_ADD(fixture, procedure)				\
		{ .reset = stop_link_by_procedure };			\
	FIXTURE_VARIANT_ADD(fixture, gpu_by_eeh)			\
		{ .reset = reset_by_eeh };				\
	FIXTURE_VARIANT_ADD(fixture, gpu_fundamentally)			\
		{ .reset = reset_fundamentally_by_eeh }

/* After reset(): open what it has closed, and train the links again */
int reset_recover(struct nvlink2 *nvlink2);

#endif /* SELFTESTS_VFIO_NVLINK2_RESET_H */
