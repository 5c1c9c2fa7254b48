#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""A GPU that is reset by its power state, as Linux does when it says that it loses its state in D3hot. 25 s."""

import os
import sys

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from faults import judge_power, observe  # noqa: E402
from witherspoon import MachineError, relative  # noqa: E402

LOG = os.path.join(tap.BUILD, "logs", "reset-by-power.log")
TIMEOUT = 870


def main():
    try:
        results = judge_power(observe(LOG, TIMEOUT, "power", extra=["-global", "pnv-v100.no-soft-reset=off"])[0])
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
