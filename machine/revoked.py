# SPDX-License-Identifier: GPL-2.0
"""What has to be true of the job "revoked": guests that lose their GPU to a reset while they use it, and one after.

Used by tests/53-revoked-guest.t, which looks at a machine, and tests/44-revoked-checks.t, which looks at a record.
A fact that is missing never passes.
"""

import re

import scenario
from checks import Evidence, Result, denied, judge_whole, links_fenced, nothing_left
from scenario import Observation
from witherspoon import Settings

BOARD = "small"
LOSSES = ("touch-gpu", "touch-bridge", "copy-gpu", "copy-bridge")
# Beats before the reset starts, as in machine/host/revoked.c, and those that may end while it does
BEATS_BEFORE = 5
IN_FLIGHT = 2


def observe(log, timeout):
    return scenario.observe(Settings(board=BOARD, job="revoked"), log, timeout)


class Loss:
    """One guest that loses its GPU: the registers while it has it, and afterwards."""

    def __init__(self, seen, job):
        self.job = job
        self.order = seen.order
        self.facts = seen.facts
        self.evidence = Evidence(BOARD, Observation(seen.order, seen.firmware, {
            "guest.running": seen.registers.get(f"guest.{job}", []),
            "host.after": seen.registers.get(f"host.{job}", [])}))
        self.used = self.evidence.at("guest.running")
        self.after = self.evidence.at("host.after")

    def fact(self, side, what):
        return self.facts.get(f"{side}.{self.job}.{what}", "")

    def beats(self):
        """What the guest said of each beat: before the reset was over, and after."""
        before, after, over = [], [], False
        for key, value in self.order:
            over = over or key == f"host.{self.job}.reset"
            if key == f"guest.{self.job}.beat":
                (after if over else before).append(value)
        return before, after


def is_good(beat):
    match = re.match(r"\d+: (\d+) of (\d+) links copied, .*, 0 words wrong$", beat)
    return bool(match) and match.group(1) == match.group(2) != "0"


def worked(loss):
    before, _ = loss.beats()
    up = loss.used.links_up() if loss.used else []
    return Result(f"{loss.job}: the guest uses the GPU", len(up) == loss.evidence.links and
                  sum(map(is_good, before[:BEATS_BEFORE])) == BEATS_BEFORE, "\n".join(before),
                  model=f"links up: {up}")


def was_reset(loss):
    text = loss.fact("host", "reset")
    return Result(f"{loss.job}: the reset works", bool(re.match(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$", text)),
                  host=text)


def stopped(loss):
    """A store finds no page: KVM cannot go on, and QEMU says so and waits to be ended."""
    beats = sum(loss.beats(), [])
    text, status = loss.fact("host", "qemu"), loss.fact("host", "consumer")
    return Result(f"{loss.job}: the guest stops at once", "kvm run failed" in text and status == "0" and
                  BEATS_BEFORE <= len(beats) <= BEATS_BEFORE + IN_FLIGHT and not loss.fact("guest", "end"),
                  f"{len(beats)} beats\n{loss.fact('guest', 'end')}", f"{text}\nQEMU's status {status}")


def is_dead(beat):
    """Neither way over the first link."""
    match = re.match(r"\d+: \d+ of \d+ links copied, (\S+)/(\S+) ", beat)
    return bool(match) and "0x2" not in match.groups()


def refused(loss):
    """The engine says that the link is gone. The guest sees that, and ends on its own. One beat may be half done."""
    before, after = loss.beats()
    bad = next((index for index, beat in enumerate(before + after) if not is_good(beat)), len(before + after))
    dead = (before + after)[bad + 1:]
    end, status = loss.fact("guest", "end"), loss.fact("host", "consumer")
    return Result(f"{loss.job}: the guest sees errors, and goes on", len(dead) >= 2 and all(map(is_dead, dead)) and
                  not any(map(is_good, after[1:])) and bool(re.match(r"\d+ beats, [1-9]\d* bad$", end)) and
                  status == "0", "\n".join([*dead, end]), f"QEMU's status {status}\n{loss.fact('host', 'qemu')}")


def taken_back(loss):
    return nothing_left(f"{loss.job}: LPID back", loss.used, loss.after)


def closed(loss):
    return denied(f"{loss.job}: TVEs", loss.used, loss.after)


def fenced(loss):
    return links_fenced(f"{loss.job}: links fenced", loss.used, loss.after)


def judge_revoked(seen):
    """All checks, in the order of the job."""
    results = []
    for job in LOSSES:
        loss = Loss(seen, job)
        ended = stopped if job.startswith("touch") else refused
        results += [check(loss) for check in (worked, was_reset, ended, taken_back, closed, fenced)]
    return results + judge_whole(BOARD, seen)
