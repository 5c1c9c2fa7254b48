#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 400
"""Another kernel takes over by kexec while a guest stores to GPU RAM, and passes the same GPU on: all of the demo's checks.

Real hosts start like this, from the kernel of their boot loader. 45 s.
"""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TOP, "machine"), os.path.join(TOP, "tests")]

import kexec  # noqa: E402
import tap  # noqa: E402
from checks import judge  # noqa: E402
from scenario import observe  # noqa: E402
from witherspoon import Settings  # noqa: E402

LOG = os.path.join(tap.BUILD, "logs", "kexec.log")
TIMEOUT = 380


def run():
    settings = Settings(board=kexec.BOARD, job="kexec,in-use,passthrough", append="retain_initrd")
    seen = observe(settings, LOG, TIMEOUT)
    return [
        kexec.in_use(seen), kexec.taken_over(seen, "by kexec"), kexec.leaves(seen), kexec.nothing_left(seen),
        kexec.hardware(seen, "host.taken-over", "host.after"),
        *judge(kexec.BOARD, kexec.kernels(seen)[-1])]


tap.job(run, LOG)
