#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 86400
"""The selftests, a minute of each race and a million random steps, on a kernel that looks over its own shoulder.

SECONDS_OF_RACE and STEPS in the environment make it shorter, KERNEL takes another kernel of build/obj.
"""

import os

from sanitized import run_all
from selftests import ATS, HUGE, PANIC, REFUSED, SAFE

SECONDS_OF_RACE = int(os.environ.get("SECONDS_OF_RACE", "60"))
STEPS = int(os.environ.get("STEPS", "1000000"))
WALKERS = 4


def batches():
    found = {
        # KASAN does not look at KVM: memory that is zeroed when it is freed shows what uses it later
        "cases": (SAFE, "init_on_free=1", {"memory": "4G"}),
        "panic": ((PANIC,), "", {"memory": "4G"}),
        "huge": ((HUGE, REFUSED, ATS), "", {"memory": "4G", "gpu_ram": "2G"}),
        "races": (("nvlink2_race",), f"nvlink2_seconds={SECONDS_OF_RACE}", {"memory": "4G"}),
    }
    # A walker is one process: a second processor would only have to be told what the first one does.
    for seed in range(1, WALKERS + 1):
        found[f"walk-{seed}"] = ((f"nvlink2_walk:--steps:{STEPS // WALKERS}:--seed:{seed}",), "",
                                 {"board": "small", "memory": "4G", "extra": ("-smp", "1")})
    return found


run_all(batches(), 40000)
