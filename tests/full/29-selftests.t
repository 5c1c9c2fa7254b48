#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 1800
"""The kernel's selftests of NVLink2 passthrough, in the emulated host; each of their cases is a case here."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "selftests"))

from selftests import PANIC, SAFE, Run, build, in_parallel, log_path, print_tap  # noqa: E402

TIMEOUT = 1700
KERNEL = os.environ.get("KERNEL", "host")


def main():
    build(KERNEL)
    batches = {"first": SAFE[:4], "second": SAFE[4:6], "third": SAFE[6:] + (PANIC,)}
    runs = {name: Run(KERNEL) for name in batches}

    def job(name):
        return lambda: runs[name].go(batches[name], log_path(KERNEL, name), TIMEOUT)

    in_parallel(job(name) for name in batches)
    sys.exit(print_tap(runs))


main()
