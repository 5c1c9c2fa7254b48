/* SPDX-License-Identifier: GPL-2.0 */
/* What the vendor's driver makes sure of before it uses a bridge, and while it does. */
#ifndef VENDOR_H
#define VENDOR_H

#include "../common/nvlink.h"

struct vendor_watch;

/**
 * vendor_check() - report the BARs of a GPU and of each bridge what the vendor's driver looks at; enables the bridges as
 * it does.
 * @gpu: the GPU of the bridges.
 */
void vendor_check(const struct gpu *gpu);

/**
 * vendor_watch_begin() - read the vendor id of each bridge once a second from now on: ones are a dead bridge.
 * @gpus: the GPUs of the bridges.
 * @count: how many.
 */
struct vendor_watch *vendor_watch_begin(const struct gpu *gpus, int count);

/**
 * vendor_watch_end() - read once more, and report how often it was read and what was wrong.
 * @watch: from vendor_watch_begin(), may be NULL.
 */
void vendor_watch_end(struct vendor_watch *watch);

#endif
