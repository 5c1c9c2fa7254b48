#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""Four kernels in a row, by kexec: with a group for each GPU, with one for all, and twice with a group for each. What the
first one has cut stays cut until a GPU is reset; each other one cuts the links before anybody can use them. 90 s.
"""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "machine"), os.path.join(TOP, "tests")]

import kexec  # noqa: E402
import tap  # noqa: E402
from neighbours import APART  # noqa: E402
from scenario import observe  # noqa: E402
from witherspoon import Settings  # noqa: E402

LOG = tap.log("groups-by-kexec")
TIMEOUT = 870
KERNELS = ("apart", "shared", "apart", "apart")


def run():
    settings = Settings(board=kexec.BOARD, job=",".join(["kexec", "groups", *KERNELS[1:]]), append=f"retain_initrd {APART}")
    seen = observe(settings, LOG, TIMEOUT)
    marks = [f"host.{name}{left}" for name in ("found", "tried") for left in range(len(KERNELS))]
    return [kexec.taken_over(seen, *["by kexec"] * (len(KERNELS) - 1)), *kexec.groups_by_kexec(seen, *KERNELS),
            kexec.hardware(seen, *marks)]


tap.job(run, LOG)
