#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 1800
"""Machines that say or do something else than a Witherspoon: GPU RAM below 4 TiB, links of another speed or of none, slot
labels that lead nowhere, slow shootdowns. 90 s.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import tap  # noqa: E402
import everyday  # noqa: E402
from checks import Result, judge  # noqa: E402
from scenario import observe  # noqa: E402
from witherspoon import Settings  # noqa: E402

BOARD = "small"
LOG = tap.log("odd-machines")
TIMEOUT = 550
TIB = 1 << 40
OTHER = ("gpu-map-down=on", "x-dt-link-speed=9", "atsd-delay-ns=1000000")
NO_SPEED = ("x-dt-no-link-speed=on",)
NO_SLOT = ("x-dt-slot-label=Elsewhere",)
# Of a guest that never started
CLEAN = ("afterwards: unbound", "host's log", "no error of the NPU")


def options(properties):
    return [word for each in properties for word in ("-global", f"pnv-npu2.{each}")]


def speeds(seen):
    return [value for key, value in seen.facts.items() if ".cap." in key and value.startswith("lnkspd ")]


def other():
    seen = observe(Settings(board=BOARD, extra=options(OTHER)), LOG, TIMEOUT)
    targets = {int(value.split()[1], 16) for key, value in seen.facts.items() if ".cap." in key and
               value.startswith("ssatgt ")}
    return [*judge(BOARD, seen),
            Result("GPU RAM is below 4 TiB", bool(targets) and max(targets) < 4 * TIB, host=str(targets)),
            Result("links have the other speed", speeds(seen) == ["lnkspd 9"] * 3, host=str(speeds(seen)))]


def no_speed():
    """QEMU does not start a guest that it cannot tell the speed, and says so."""
    seen = observe(Settings(board=BOARD, extra=options(NO_SPEED)), tap.log("no-link-speed"), TIMEOUT)
    checks = {result.name: result for result in judge(BOARD, seen)}
    return [Result("no speed, no guest", seen.facts.get("host.consumer") == "1" and not speeds(seen) and
                   "guest.kernel" not in seen.facts, host=f"{seen.facts.get('host.consumer')}, {speeds(seen)}"),
            *(checks[name] for name in CLEAN)]


def no_slot():
    seen = everyday.observe(tap.log("no-slot"), TIMEOUT, "config", extra=options(NO_SLOT),
                            may_complain=[r"NPU: Cannot find GPU slot information"])
    return everyday.judge_config(seen, with_gpus=False)


def named(name, results):
    for result in results:
        result.name = f"{name}: {result.name}"
    return results


tap.job(lambda: named("other addresses", other()) + named("no speed", no_speed()) + named("no slot", no_slot()), LOG)
