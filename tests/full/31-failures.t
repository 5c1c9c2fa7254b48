#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 86400
"""Open, map, DMA, reset and close, with each allocation and each firmware call on the way failing once.

On a kernel that looks over its own shoulder: what is left behind then shows as a leak or a use after free.
"""

from sanitized import run_all

# Each is a batch, so that a run which was interrupted goes on soon after where it stopped
SHARES = 12


def batches():
    return {f"failures-{share}": (("nvlink2_failnth", "nvlink2_failfn"), f"nvlink2_share={share}/{SHARES}",
                                  {"board": "small", "memory": "4G", "speed": 2})
            for share in range(1, SHARES + 1)}


run_all(batches(), 40000)
