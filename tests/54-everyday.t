#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""lspci, setpci and "enable" in the host and in a guest that stores to GPU RAM: nobody notices.

EVERYDAY_SECONDS is how long each of the five ways lasts, 5 if it is not set: 100 s for all of it. The second machine,
whose links firmware cannot join to a GPU, takes 15 s.

On a kernel that closes the way to GPU RAM for a moment when a bridge's configuration space is read, the guest is lost
in less than a second, to "kvm run failed Bad address".
"""

import os
import sys

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from everyday import judge_config, judge_everyday, observe  # noqa: E402
from witherspoon import MachineError, relative  # noqa: E402

SECONDS = int(os.environ.get("EVERYDAY_SECONDS", "5"))
TIMEOUT = 600 + 5 * SECONDS


def log(name):
    return os.path.join(tap.BUILD, "logs", f"{name}.log")


def main():
    try:
        results = judge_everyday(observe(log("everyday"), TIMEOUT, SECONDS))
        bare = observe(log("everyday-no-label"), TIMEOUT, "config", ["-global", "pnv-npu2.dt-no-slot-label=on"])
    except MachineError as error:
        print(f"Bail out! {error}")
        return 1
    for result in judge_config(bare, with_gpus=False):
        result.name += ", without slot labels"
        results.append(result)
    print(f"1..{len(results)}")
    for number, result in enumerate(results, 1):
        print(f"{'ok' if result.passed else 'not ok'} {number} - {result.name}")
        for side, text in zip(("guest", "host", "firmware", "model"), result.sides):
            if text and not result.passed:
                print(f"# {side}: {text}".replace("\n", "; "))
    print(f"# console: {relative(log('everyday'))}")
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
