#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""lspci, setpci and "enable" in the host and in a guest that stores to GPU RAM: nobody notices.

EVERYDAY_SECONDS is how long each of the five ways lasts, 5 if it is not set: 100 s for all of it. The second machine,
whose links firmware cannot join to a GPU, takes 15 s.

On a kernel that closes the way to GPU RAM for a moment when a bridge's configuration space is read, the guest is lost
in less than a second, to "kvm run failed Bad address".
"""

import os

import tap
from everyday import judge_config, judge_everyday, observe

SECONDS = int(os.environ.get("EVERYDAY_SECONDS", "5"))
TIMEOUT = 600 + 5 * SECONDS
NO_LABEL = ("-global", "pnv-npu2.x-dt-no-slot-label=on")
NO_SLOT = r"NPU: Cannot find GPU slot information"


def judge():
    results = judge_everyday(observe(tap.log("everyday"), TIMEOUT, SECONDS))
    bare = observe(tap.log("everyday-no-label"), TIMEOUT, "config", extra=NO_LABEL, may_complain=[NO_SLOT])
    for result in judge_config(bare, with_gpus=False):
        result.name += ", without slot labels"
        results.append(result)
    return results


tap.job(judge, tap.log("everyday"))
