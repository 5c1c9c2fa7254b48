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

import tap
from revoked import judge_revoked, observe

LOG = tap.log("revoked")
TIMEOUT = 870


def record(seen, path):
    """Without what no check looks at."""
    firmware = [line for line in seen.firmware if re.search(r"XTS_BDF_MAP\[\d+\] =", line)]
    firmware += [line for line in seen.firmware if "Running procedure" in line][:1]
    order = [pair for pair in seen.order if not re.match(r"host\.(device|trace)\.|guest\.kernel", pair[0])]
    registers = {mark: [vars(npu) for npu in npus] for mark, npus in seen.registers.items()}
    with open(path, "w", encoding="utf-8") as stream:
        json.dump({"order": order, "firmware": firmware[-1:] + firmware[:-1], "registers": registers,
                   "gpus": {mark: [vars(gpu) for gpu in gpus] for mark, gpus in seen.gpus.items()}}, stream)


def judge():
    seen = observe(LOG, TIMEOUT)
    if os.environ.get("REVOKED_RECORD"):
        record(seen, os.environ["REVOKED_RECORD"])
    return judge_revoked(seen)


tap.job(judge, LOG)
