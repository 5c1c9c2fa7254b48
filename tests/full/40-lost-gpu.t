#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 1800
"""A GPU that does not come back from a reset cannot be opened, and can when it is back. PCI waits a minute for each try."""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "machine"), os.path.join(TOP, "tests")]

import tap  # noqa: E402
from faults import judge_lost, observe  # noqa: E402
from witherspoon import MachineError, relative  # noqa: E402

LOG = os.path.join(tap.BUILD, "logs", "lost-gpu.log")
TIMEOUT = 1700


def main():
    try:
        results = judge_lost(observe(LOG, TIMEOUT, "lost", "use")[0])
    except MachineError as error:
        print(f"Bail out! {error}")
        return 1
    print(f"1..{len(results)}")
    for number, result in enumerate(results, 1):
        print(f"{'ok' if result.passed else 'not ok'} {number} - {result.name}")
        for side, text in zip(("guest", "host", "firmware", "model"), result.sides):
            if text and not result.passed:
                print(f"# {side}: {text}".replace("\n", "; "))
    print(f"# console: {relative(LOG)}")
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
