#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 14400
"""Open, map, DMA, reset and close, with each allocation on the way failing once."""

import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "selftests"))

from selftests import Run, build, in_parallel, log_path, print_tap  # noqa: E402

KERNEL = os.environ.get("KERNEL", "faults")
SHARES = 4


def main():
    subprocess.run([os.path.join(TOP, "scripts", "build"), f"kernel={KERNEL}"], check=True, stdout=sys.stderr)
    build(KERNEL)
    runs = {f"share-{share}": Run(KERNEL, "small") for share in range(1, SHARES + 1)}

    def job(share):
        name = f"share-{share}"
        return lambda: runs[name].go(("nvlink2_failnth",), log_path(KERNEL, name), 7200, f"nvlink2_share={share}/{SHARES}")

    in_parallel(job(share) for share in range(1, SHARES + 1))
    sys.exit(print_tap(runs))


main()
