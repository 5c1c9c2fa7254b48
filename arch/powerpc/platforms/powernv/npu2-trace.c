// SPDX-License-Identifier: GPL-2.0
/*
 * Trace events of the NVLink2 side of the NPU
 */

#define CREATE_TRACE_POINTS
#include "npu2-trace.h"
