/* SPDX-License-Identifier: GPL-2.0 */
/* Where the time goes when a GPU and its bridges are opened and closed. */
#ifndef STAGES_H
#define STAGES_H

#include "../../machine/host/survey.h"

/**
 * stages_bench() - open and close a GPU and its bridges, and report what each stage took.
 * @session: with the group.
 * @gpu: which GPU.
 *
 * Reports for "gpu.open", "gpu.close", "bridges.open" and "bridges.close", the latter for all bridges of the GPU
 * together: the whole, the stages that are known, and the longest call of firmware. Each is the median of some rounds,
 * since a busy computer stops the emulator for a tenth of a second now and then.
 */
void stages_bench(const struct vfio_session *session, const struct gpu *gpu);

#endif
