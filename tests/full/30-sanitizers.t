#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 86400
"""The selftests, ten minutes of each race and a million random steps, on a kernel that looks over its own shoulder.

SECONDS_OF_RACE and STEPS in the environment make it shorter, KERNEL takes another kernel of build/obj.
"""

import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "selftests"))

from selftests import PANIC, SAFE, Run, build, in_parallel, log_path, print_tap  # noqa: E402

KERNEL = os.environ.get("KERNEL", "sanitizers")
SECONDS_OF_RACE = int(os.environ.get("SECONDS_OF_RACE", "600"))
STEPS = int(os.environ.get("STEPS", "1000000"))
WALKERS = 4


def batches():
    yield "cases", SAFE, ""
    yield "panic", (PANIC,), ""
    yield "races", ("nvlink2_race",), f"nvlink2_seconds={SECONDS_OF_RACE}"
    for seed in range(1, WALKERS + 1):
        yield f"walk-{seed}", (f"nvlink2_walk:--steps:{STEPS // WALKERS}:--seed:{seed}",), ""


def main():
    subprocess.run([os.path.join(TOP, "scripts", "build"), f"kernel={KERNEL}"], check=True, stdout=sys.stderr)
    build(KERNEL)
    runs = {name: Run(KERNEL, memory="4G") for name, _, _ in batches()}

    def job(name, programs, words):
        return lambda: runs[name].go(programs, log_path(KERNEL, name), 40000, f"panic_on_warn=1 {words}")

    in_parallel(job(*batch) for batch in batches())
    sys.exit(print_tap(runs))


main()
