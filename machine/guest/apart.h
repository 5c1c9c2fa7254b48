/* SPDX-License-Identifier: GPL-2.0 */
/* Two processes that use the same GPUs with ATS. */
#ifndef APART_H
#define APART_H

#include "ats.h"

/**
 * apart() - have two processes use the same addresses: each GPU must keep them apart by their PASIDs.
 * @gpus: the GPUs.
 * @count: how many.
 *
 * The first process takes its page away, and a shootdown for each NPU takes it from all GPUs of that NPU, from no other
 * GPU, and leaves them the page of the second process.
 */
void apart(const struct ats_gpu *gpus, int count);

#endif
