#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""A link of a guest's GPU is fenced by the hardware: a hypervisor maintenance interrupt. Firmware finds the FIR, the host
says so and goes on, and the checks of the main job notice. 30 s.
"""

import re

import tap
from checks import Result, judge  # noqa: E402
from scenario import observe  # noqa: E402
from witherspoon import NPU_TYPE, Settings  # noqa: E402

BOARD = "small"
LOG = tap.log("hmi")
LINK = 1
STALL = 2 * LINK
# Firmware shows all registers of the NPU, and wants to wake cores that do not sleep
MAY_COMPLAIN = [r"HMI: .*", r"NPU\[0\] .*", r"Could not set special wakeup on .*"]
NOTICED = ("host's log", "no error of the NPU")


def fence(monitor):
    npu = monitor.find(NPU_TYPE)[0]
    monitor.execute("qom-set", path=npu, property="x-fence", value=1 << LINK)
    monitor.execute("qom-set", path=npu, property="x-fence", value=0)


def said(seen, name, lines, *patterns):
    found = [[line for line in lines if re.search(pattern, line)] for pattern in patterns]
    return Result(name, all(found), host="\n".join(line for some in found for line in some[:2]))


def run():
    settings = Settings(board=BOARD, fir_fatal=False, may_complain=MAY_COMPLAIN)
    seen = observe(settings, LOG, 870, {"guest.running": fence})
    checks = {result.name: result.passed for result in judge(BOARD, seen)}
    return [
        said(seen, "firmware finds the FIR", seen.firmware, rf"P:0 FIR#1 FIR {1 << 63 - STALL:#018x}"),
        said(seen, "the host says which, and that it goes on", seen.kernel,
             r"Hypervisor Maintenance interrupt \[Recovered\]", rf"NPU checkstop on chip 0: FIR1 bit {STALL} is set"),
        Result("the guest ends, and the host", checks["guest ends"] and seen.facts.get("host.job.status") == "0",
               host=f"{seen.facts.get('host.consumer')}, {seen.facts.get('host.job.status')}"),
        *(Result(f"'{name}' fails", not checks[name]) for name in NOTICED)]


tap.job(run, LOG)
