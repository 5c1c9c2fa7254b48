#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""The hardware fences a link: a hypervisor maintenance interrupt. Firmware finds the FIR, the host says so and goes on.
First it is a link of the other socket, and the guest that comes then works; later one of the guest's own GPU. The checks of
the main job notice. 30 s.
"""

import re

import tap
from checks import Result, judge  # noqa: E402
from scenario import observe  # noqa: E402
from witherspoon import NPU_TYPE, Settings  # noqa: E402

BOARD = "4gpu"
LOG = tap.log("hmi")
# Chips by the number of their NPU, and the link that is fenced
CHIPS = (0, 8)
LINKS = {0: 1, 1: 4}
# Firmware shows all registers of the NPU, and waits in OPAL_HANDLE_HMI2 (166) for cores to wake that do not sleep
MAY_COMPLAIN = [r"HMI: .*", r"NPU\[[08]\] .*", r"Could not set special wakeup on .*", r"Spent \d+ msecs in OPAL call 166!"]
NOTICED = {"host's log", "no error of the NPU"}


def fence(monitor, number):
    npu = monitor.find(NPU_TYPE)[number]
    monitor.execute("qom-set", path=npu, property="x-fence", value=1 << LINKS[number])
    monitor.execute("qom-set", path=npu, property="x-fence", value=0)


def said(seen, name, lines, *patterns):
    found = [[line for line in lines if re.search(pattern, line)] for pattern in patterns]
    return Result(name, all(found), host="\n".join(line for some in found for line in some[:2]))


def delivered(seen, number):
    """A stalled link has every second bit of FIR 1, from bit 0 on."""
    chip, stall = CHIPS[number], 2 * LINKS[number]
    return [
        said(seen, f"chip {chip}: firmware finds the FIR", seen.firmware, rf"P:{chip} FIR#1 FIR {1 << 63 - stall:#018x}"),
        said(seen, f"chip {chip}: the host says which, and that it goes on", seen.kernel,
             r"Hypervisor Maintenance interrupt \[Recovered\]", rf"NPU checkstop on chip {chip}: FIR1 bit {stall} is set")]


def run():
    settings = Settings(board=BOARD, fir_fatal=False, may_complain=MAY_COMPLAIN)
    seen = observe(settings, LOG, 870, {"host.before": lambda monitor: fence(monitor, 1),
                                        "guest.running": lambda monitor: fence(monitor, 0)})
    failed = {result.name for result in judge(BOARD, seen) if not result.passed}
    return [*delivered(seen, 0), *delivered(seen, 1),
            Result("of the checks only those of log and registers fail", failed == NOTICED, host=str(failed))]


tap.job(run, LOG)
