#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 3600
"""Two guests with a GPU each of the same socket, which try to reach each other's: whatever happens to one, the other works
on, and no byte comes over; and so it is when the second GPU is reset while nobody has it. Eleven guests, several minutes.

With "-global pnv-v100.x-ignore-link-disable=on" GPUs say that they have cut their links, and go on: both reach all.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import tap  # noqa: E402
from neighbours import judge_ignored, judge_neighbours, judge_refused, observe  # noqa: E402

LOG = tap.log("neighbours")
TIMEOUT = 2000
IGNORE = ("-global", "pnv-v100.x-ignore-link-disable=on")


def judge():
    results = judge_neighbours(observe(LOG, TIMEOUT))
    results += judge_ignored(observe(tap.log("neighbours-ignored"), TIMEOUT, "kill", extra=IGNORE))
    return results + judge_refused(observe(tap.log("neighbours-refused"), TIMEOUT, append=""))


tap.job(judge, LOG)
