# SPDX-License-Identifier: GPL-2.0
"""What has to be true of the job "moves": two GPUs with all of their bridges go from guest to guest, each of which is
killed while it stores to GPU RAM and both GPUs write to the memory of its processes with ATS.

A fact that is missing never passes.
"""

import re

import scenario
from checks import Result, nothing_broke
from witherspoon import Settings

BOARD = "small"
GPUS = 2
LINKS = 3
PIECES = 32
BEATS = 3
KILLED = "137"
# In KiB: what the first guest may leave in the host for all guests to come, and all later ones. A guest has 512 MiB.
# What is not a leak is memory that the kernel keeps for the next time.
FIRST_MARGIN = 64 << 10
FREE_MARGIN = 16 << 10
SLAB_MARGIN = 8 << 10


def observe(log, timeout, rounds, extra=()):
    return scenario.observe(Settings(board=BOARD, job=f"moves,{rounds}", extra=extra), log, timeout)


class Guest:
    """What one guest of the job, and the host after it, said."""

    def __init__(self, number, said):
        self.number = number
        self.said = said

    def all(self, key):
        return [value for name, value in self.said if name == key]

    def of_each_gpu(self, what):
        return [self.all(f"guest.moved.{what}.{index}") for index in range(GPUS)]


def guests(seen):
    """The facts between the beginning of one round and that of the next."""
    starts = [index for index, (key, _) in enumerate(seen.order) if key == "host.round"] + [len(seen.order)]
    return [Guest(number, seen.order[begin:end]) for number, (begin, end) in enumerate(zip(starts, starts[1:]), 1)]


def trained(guest):
    ups = guest.all("guest.links.up")
    return Result(f"guest {guest.number}: six links are up", ups == [str(LINKS)] * GPUS, f"{ups}")


def works(guest):
    """Each GPU's RAM keeps what the engine and the processors store there, and each GPU writes to a process's memory,
    until QEMU is killed."""
    left, beats = guest.of_each_gpu("left"), guest.all("guest.moved.beat")
    good = [re.match(r"\d+: [1-9]\d* and [1-9]\d* rounds, 0 words wrong, "
                     r"[1-9]\d* and [1-9]\d* copies with ATS, 0 failed$", beat) for beat in beats]
    seen = [re.match(rf"{PIECES} pieces, ([1-9]\d*) of (\d+) words seen$", "".join(texts)) for texts in left]
    return Result(f"guest {guest.number}: stores to the RAM of both GPUs, they to its memory, until it is killed",
                  len(beats) >= BEATS and all(good) and all(match and match[1] == match[2] for match in seen) and
                  guest.all("host.consumer") == [KILLED] and not guest.all("host.qemu"),
                  "\n".join(sum(left, beats)), f"QEMU's status {guest.all('host.consumer')} {guest.all('host.qemu')}")


def clean(guest):
    """The model's GPUs lose their RAM in a reset: what is there says that there was none between two guests."""
    found = guest.of_each_gpu("found")
    return Result(f"guest {guest.number}: finds nothing of another guest", all(
        texts == [f"{PIECES} pieces, 0 words of others, 0 words set"] for texts in found), "\n".join(sum(found, [])))


def memory_of(seen, when):
    match = re.match(r"(\d+) KiB free, (\d+) KiB of slabs$", seen.facts.get(f"host.memory.{when}", ""))
    return [int(number) for number in match.groups()] if match else [0, 0]


def memory(seen):
    before, first, last = (memory_of(seen, when) for when in ("before", "first", "last"))
    return Result("the host's memory is free again", min(before + first + last) > 0 and
                  first[0] >= before[0] - FIRST_MARGIN and last[0] >= first[0] - FREE_MARGIN and
                  last[1] <= first[1] + SLAB_MARGIN,
                  host="\n".join(f"{free} KiB free, slabs {slabs} KiB" for free, slabs in (before, first, last)))


def taken_back(seen):
    npus = seen.registers.get("host.after", [])
    left = [row for npu in npus for row in npu.left_to_guests()]
    return Result("afterwards: no LPID, all links fenced", bool(npus) and not left and all(
        npu.are_fenced(range(npu.LINKS)) for npu in npus), model=f"left {left}, fences "
        f"{[npu.fences(range(npu.LINKS)) for npu in npus]}")


def host_ends(seen):
    facts = seen.facts
    unbound, log = facts.get("host.unbound", ""), facts.get("host.log", "")
    return Result("host's log", log == "0 warnings" and unbound == "8 of 8", host=f"{log}, unbound {unbound}")


def judge_moves(seen, rounds):
    results = [check(guest) for guest in guests(seen) for check in (trained, clean, works)]
    results.append(Result("each guest had its turn", len(guests(seen)) == rounds, host=f"{len(guests(seen))} guests"))
    return [*results, memory(seen), taken_back(seen), nothing_broke(seen), host_ends(seen)]
