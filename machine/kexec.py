# SPDX-License-Identifier: GPL-2.0
"""What has to be true when another kernel takes over a machine whose GPUs were used, by kexec or after a crash."""

import re

from checks import Result, nothing_broke
from scenario import Observation

BOARD = "small"
LINKS = 3
# Firmware has so many PEs for an NPU; TVEs of others cannot be reached
PES = 8
ALL_LINKS = 6
# Firmware is told so when a kernel leaves, and when one starts
KERNEL_CHANGES = r"CPU re-init with flags"
ROW = r"XTS_BDF_MAP\[(\d+)\] = (0x[0-9a-f]+)"
# What firmware logs for a function level reset of a bridge
FENCE = r"(NPU\d+:\d+:\d+\.\d+) Starting procedure nop"
LPID = 0xfff


def kernels(seen):
    """What each kernel's programs said: a kernel begins with the first process saying that the host is up."""
    starts = [index for index, (key, _) in enumerate(seen.order) if key == "host.up"]
    return [Observation(seen.order[start:end], seen.firmware, seen.registers, seen.gpus)
            for start, end in zip(starts, starts[1:] + [None])]


def in_use(seen):
    states = [(len(npu.links_up()), len(npu.guest_rows())) for npu in seen.registers.get("host.in-use", [])]
    return Result("a guest has the GPU and its links are up when the kernel ends", states == [(LINKS, 1)],
                  model=str(states))


def taken_over(seen, *ways):
    """ways: how the kernels end, in their order, and so how many there are."""
    said = [kernel.facts.get("host.leaves", "runs on") for kernel in kernels(seen)]
    loaded = [kernel.facts.get("host.loaded", "") for kernel in kernels(seen)[:-1]]
    return Result("another kernel takes over", said == [*ways, "runs on"] and loaded == ["0"] * len(ways),
                  host=f"{said}, kexec's status {loaded}")


def leaves(seen):
    """The kernel that leaves takes the guest's LPID back and fences all links: not every next kernel does."""
    changes = [index for index, line in enumerate(seen.firmware) if re.search(KERNEL_CHANGES, line)]
    left = changes[-2] if len(changes) >= 2 else 0
    rows = [(index, match[1], int(match[2], 16) & LPID) for index, line in enumerate(seen.firmware[:left])
            for match in [re.search(ROW, line)] if match]
    guest = max((index for index, _, lpid in rows if lpid), default=left)
    last = {row: lpid for index, row, lpid in rows if index >= guest}
    fenced = {match[1] for line in seen.firmware[guest:left] for match in [re.search(FENCE, line)] if match}
    return Result("the kernel that leaves takes LPID and links back", bool(last) and not any(last.values()) and
                  len(fenced) == ALL_LINKS, firmware=f"LPIDs in XTS_BDF_MAP {last}, fenced {sorted(fenced)}")


def nothing_left(seen):
    """As the new kernel has booted, and nobody asked for the GPU yet."""
    npus = seen.registers.get("host.taken-over", [])
    left = [(npu.guest_rows(), npu.guest_lpids(), [row for row in npu.pid_map if row], npu.links_up()) for npu in npus]
    tves = [set(npu.tve[:PES]) == {npu.DENY} for npu in npus]
    return Result("no LPID, context, link or DMA window is left to it", left == [([], [], [], [])] and tves == [True],
                  model=f"{left}, TVEs deny: {tves}")


def hardware(seen, *marks):
    """All marks are there, too."""
    result = nothing_broke(seen, "no GPU went away under a link, and no load or store met a fence")
    result.passed = result.passed and all(seen.registers.get(mark) for mark in marks)
    return result
