/* SPDX-License-Identifier: GPL-2.0 */
/* Shootdowns through the ATSD registers. */
#ifndef SHOOTDOWN_H
#define SHOOTDOWN_H

#include "../../machine/common/nvlink.h"

/**
 * bench_launches() - launch shootdowns and wait for the end of each; report the time of one.
 * @gpu: the GPU.
 * @count: how many.
 */
void bench_launches(const struct gpu *gpu, int count);

#endif
