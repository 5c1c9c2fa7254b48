#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""Three kernels in a row: kexec after a guest used a GPU, kexec while one does, and then all of the demo's checks. 90 s."""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "machine"), os.path.join(TOP, "tests")]

import kexec  # noqa: E402
import tap  # noqa: E402
from checks import Result, judge  # noqa: E402
from scenario import observe  # noqa: E402
from witherspoon import Settings  # noqa: E402

LOG = os.path.join(tap.BUILD, "logs", "kexec-again.log")
TIMEOUT = 870


def first_guest(seen):
    text = kexec.kernels(seen)[0].facts.get("host.consumer", "")
    return Result("the first kernel's guest has used the GPU", text == "0", host=f"QEMU's status {text}")


def run():
    settings = Settings(board=kexec.BOARD, job="kexec,used,kexec,in-use,passthrough", append="retain_initrd")
    seen = observe(settings, LOG, TIMEOUT)
    return [
        first_guest(seen), kexec.in_use(seen), kexec.taken_over(seen, "by kexec", "by kexec"),
        kexec.leaves(seen), kexec.nothing_left(seen), kexec.hardware(seen, "host.taken-over", "host.after"),
        *judge(kexec.BOARD, kexec.kernels(seen)[-1])]


tap.job(run, LOG)
