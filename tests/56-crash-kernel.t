#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 400
"""The host crashes while a guest stores to GPU RAM, and a crash kernel takes over, which kexec-tools loaded before.

The links are up then. A crash kernel resets all PHBs, and the NPU has to come first: a GPU that goes away under a link
shows in a FIR of the model, and is an HMI on a real machine. 40 s.
"""

import os
import re

import tap

import kexec  # noqa: E402
from checks import Result  # noqa: E402
from scenario import observe  # noqa: E402
from witherspoon import Settings  # noqa: E402

LOG = os.path.join(tap.BUILD, "logs", "crash-kernel.log")
TIMEOUT = 380
# Reaches over the memory of firmware, as the sizes that distributions take do: its log is read
APPEND = "retain_initrd crashkernel=768M"
# Firmware wonders that a PHB is to be reset which nobody has turned off
MAY_COMPLAIN = [r"PHB#\w+\[\w+:\w+\]: CRESET: Unexpected slot state \w+, resetting\.\.\."]
NPU_RESET = r"NPU\d+:\d+:\d+\.\d+ Resetting device"
PHB_RESET = r"PHB#\d+.* CRESET: Starts"
GPU_RAM = 0x40000000000


def order(seen):
    """After the last kernel came: it and no other resets PHBs."""
    phbs = [index for index, line in enumerate(seen.firmware) if re.search(PHB_RESET, line)]
    ends = [index for index, line in enumerate(seen.firmware) if re.search(kexec.KERNEL_CHANGES, line)]
    lines = seen.firmware[ends[-1]:phbs[0] + 1] if ends and phbs else []
    fenced = [line for line in lines if re.search(NPU_RESET, line)]
    return Result("every link is fenced before the first PHB of a GPU is reset", len(phbs) >= 2 and
                  len(fenced) == kexec.ALL_LINKS, firmware="\n".join(lines))


def memory(facts, crashed):
    """GPU RAM is no memory of the kernel that crashed: a load would meet a fence."""
    pieces = [value for key, value in sorted(facts.items()) if key.startswith("host.core.memory.")]
    good = [int(value.split()[0], 16) < GPU_RAM for value in pieces if value.endswith(", read")]
    release = facts.get("host.core.release", "")
    return Result("the crash kernel reads the memory of the other one",
                  release == f"OSRELEASE={crashed.get('host.kernel')}" and len(good) == len(pieces) >= 2 and all(good),
                  host="\n".join([release, *pieces]))


def devices(facts):
    """Host bridges and switch, two GPUs, six bridges."""
    gpu, scan = facts.get("host.gpu", ""), facts.get("host.scan", "")
    return Result("it has the GPUs and the bridges", facts.get("host.gpus") == "2" and
                  gpu.endswith(" with 3 bridges") and bool(re.match(r"1\d functions, 0 failed$", scan)),
                  host=f"{facts.get('host.gpus')} GPUs, {gpu}; {scan}")


def log_is_clean(facts):
    return Result("its log has no warning", (facts.get("host.log"), facts.get("host.job.status")) == ("0 warnings", "0"),
                  host=facts.get("host.log", ""))


def run():
    seen = observe(Settings(board=kexec.BOARD, job="kexec,crash,crashed", append=APPEND, may_complain=MAY_COMPLAIN), LOG,
                   TIMEOUT)
    facts, crashed = kexec.kernels(seen)[-1].facts, kexec.kernels(seen)[0].facts
    return [
        kexec.in_use(seen), kexec.taken_over(seen, "by a crash"), order(seen), kexec.nothing_left(seen),
        kexec.hardware(seen, "host.taken-over", "host.core"), memory(facts, crashed), devices(facts), log_is_clean(facts)]


tap.job(run, LOG)
