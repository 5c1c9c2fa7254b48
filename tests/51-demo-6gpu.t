#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 1260
"""The main job on the 6gpu board, each of its checks a case; and nobody touches what the model of NPU and GPUs lacks.

QEMU logs accesses to registers that it does not have, and those that make no sense.
"""

import os
import re
import subprocess
import sys

import tap

LOG = tap.log("demo-6gpu-model")
# What QEMU's own models of the chip log at each boot, as they do on its own powernv9
KNOWN = {
    r"phb4: reg_(read|write) 0x\w+=\w+": "registers of a PHB that firmware sets up and QEMU does without",
    r"phb4\[\d+:\d+\]: PHB MBAR \d+ out of parent bounds": "a window that is not where QEMU's PEC has room for it",
    r"OPB write failed at @0x\w+": "POST codes and super I/O: the BMC of QEMU has neither",
    r"XIVE: END \w+/\w+ is invalid": "QEMU drops an event whose queue is not set up",
    r"pnv_chiptod: unimplemented register: Ox\w+": "registers of the time of day that QEMU does without",
    r"npu2: read of (DL\+0x0000|GENID BAR\+0x1?0000)": "the guest reads a word of each BAR of a bridge, to see that it answers",
    r"Trying to read invalid spr 823 \(0x337\) at \w+": "PSSCR by the number that guests have for it, which QEMU does not know",
}


def unknown():
    with open(LOG, encoding="utf-8", errors="replace") as stream:
        lines = stream.read().splitlines()
    return bool(lines), [line for line in lines if not any(re.fullmatch(pattern, line) for pattern in KNOWN)]


def demo():
    """TAP of the main job, without its plan, and how many cases there are."""
    done = subprocess.run([os.path.join(tap.TOP, "machine", "demo"), "--board", "6gpu", "--tap", "--",
                           "-d", "unimp,guest_errors", "-D", LOG], stdout=subprocess.PIPE, text=True, check=False)
    plan = re.search(r"^1\.\.(\d+)\n", done.stdout, re.M)
    if not plan:
        print("Bail out! the main job did not begin")
        sys.exit(1)
    return done.stdout.replace(plan[0], ""), int(plan[1]), done.returncode


def main():
    text, cases, status = demo()
    written, lines = unknown()
    good = written and not lines
    print(text, end="")
    print(f"{'ok' if good else 'not ok'} {cases + 1} - nobody touches what NPU and GPUs of the model lack")
    for line in lines[:20]:
        print(f"# {line}")
    print(f"1..{cases + 1}")
    sys.exit(status if good else 1)


main()
