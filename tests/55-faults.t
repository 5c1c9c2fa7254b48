#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""Hardware that fails: shootdowns that never end, a frozen PE. Takes 110 s.

A GPU that does not come back takes minutes to give up: tests/full/40-lost-gpu.t.
"""

import os
import sys

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from faults import judge_faults, observe  # noqa: E402
from witherspoon import MachineError, relative  # noqa: E402

LOG = os.path.join(tap.BUILD, "logs", "faults.log")
TIMEOUT = 870


def main():
    try:
        results = judge_faults(*observe(LOG, TIMEOUT, "stuck", "frozen", "use"))
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
