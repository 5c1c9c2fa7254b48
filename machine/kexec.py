# SPDX-License-Identifier: GPL-2.0
"""What has to be true when another kernel takes over a machine whose GPUs were used, by kexec or after a crash."""

import re

from checks import LINK_DISABLE_SHIFT, Result, nothing_broke
from scenario import Observation
from witherspoon import BOARDS

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
# Register 0xa00148 of each GPU whose links to others are cut, and functions in the group of each of them
CUT = [links << LINK_DISABLE_SHIFT for links in BOARDS[BOARD].peer_links]
APART, TOGETHER = [LINKS + 1] * len(CUT), [len(CUT) * (LINKS + 1)] * len(CUT)


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


def masks_at(seen, mark):
    """Of register 0xa00148, and whether a link joins the GPUs."""
    gpus = seen.gpus.get(f"host.{mark}", [])
    return [gpu.link_disable for gpu in gpus], any(gpu.peers["up"] for gpu in gpus)


def groups_of(kernel):
    sizes = [re.match(r"\d+: (\d+) functions, ", value) for key, value in kernel.order if key.endswith(".group")]
    return [int(size[1]) if size else None for size in sizes]


def groups_by_kexec(seen, *words):
    """words: the kernel that firmware has started, then the others: "apart" or "shared". Nothing resets a GPU at kexec, so
    what one kernel has cut the next one finds cut. Without npu2_isolate the GPUs are together again when they are reset,
    as by VFIO."""
    ran, results = kernels(seen), []
    for number, word in enumerate(words):
        left, name = len(words) - 1 - number, f"kernel {number}, {word}"
        kernel = ran[number] if number < len(ran) else Observation()
        apart = word == "apart"
        opens = [value.split(",")[0] for key, value in kernel.order if key.endswith(".open")]
        results += [
            Result(f"{name}: groups, and the GPUs can be opened", groups_of(kernel) == (APART if apart else TOGETHER) and
                   opens == ["opened"] * len(CUT), host=f"functions {groups_of(kernel)}, {opens}"),
            Result(f"{name}: says that it has cut links, or nothing", kernel.facts.get("host.says-cut") ==
                   str(len(CUT) if apart else 0), host=kernel.facts.get("host.says-cut", "")),
            Result(f"{name}: all links are cut as it finds them", masks_at(seen, f"found{left}") == (CUT, False),
                   model=str(masks_at(seen, f"found{left}"))),
            Result(f"{name}: {'all' if apart else 'none'} cut after they were opened", masks_at(seen, f"tried{left}")[0] ==
                   (CUT if apart else [0] * len(CUT)), model=str(masks_at(seen, f"tried{left}"))),
            Result(f"{name}: its log has no warning", kernel.facts.get("host.log") == "0 warnings",
                   host=kernel.facts.get("host.log", ""))]
    return results
