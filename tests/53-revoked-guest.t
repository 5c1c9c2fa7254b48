#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""Guests that lose their GPU while they use it: the host takes no harm, and the next guest gets the same GPU.

REVOKED_RECORD names a file to write down what was seen, for tests/44-revoked-checks.t.

With Linux 5.10 in the host the mappings stay, a store to GPU RAM is then a machine check of the host rather than an error
of KVM, and the TVEs are left as bypass: "the guest stops at once", "TVEs" and "host's log" fail there.
"""

import json
import os
import re
import sys

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from revoked import judge_revoked, observe  # noqa: E402
from witherspoon import MachineError, relative  # noqa: E402

LOG = os.path.join(tap.BUILD, "logs", "revoked.log")
TIMEOUT = 870


def record(seen, path):
    """Without what no check looks at."""
    firmware = [line for line in seen.firmware if re.search(r"XTS_BDF_MAP\[\d+\] =", line)]
    firmware += [line for line in seen.firmware if "Running procedure" in line][:1]
    order = [pair for pair in seen.order if not re.match(r"host\.(device|trace)\.|guest\.kernel", pair[0])]
    registers = {mark: [vars(npu) for npu in npus] for mark, npus in seen.registers.items()}
    with open(path, "w", encoding="utf-8") as stream:
        json.dump({"order": order, "firmware": firmware[-1:] + firmware[:-1], "registers": registers}, stream)


def main():
    try:
        seen = observe(LOG, TIMEOUT)
    except MachineError as error:
        print(f"Bail out! {error}")
        return 1
    if os.environ.get("REVOKED_RECORD"):
        record(seen, os.environ["REVOKED_RECORD"])
    results = judge_revoked(seen)
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
