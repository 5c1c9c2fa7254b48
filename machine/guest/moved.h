/* SPDX-License-Identifier: GPL-2.0 */
/* A guest whose GPUs have been another guest's, and are going to be the next one's. */
#ifndef MOVED_H
#define MOVED_H

#include "steps.h"

/**
 * moved() - look for what another guest left in the RAM of two GPUs, then store there, and have the GPUs write to
 * memory of processes with ATS, until somebody ends this guest.
 * @gpus: two GPUs, with links that are not trained.
 *
 * "machine.round=" in the command line tells the guests apart.
 */
void moved(const struct gpu *gpus);

#endif
