# SPDX-License-Identifier: GPL-2.0
"""What has to be true of the job "faults": hardware fails under a guest or before one, and only that guest loses.

A fact that is missing never passes.
"""

import re
import time

import scenario
from checks import Result, judge_whole, log_is_clean, nothing_broke
from scenario import Observation
from witherspoon import BOARDS, GPU_TYPE, NPU_TYPE, Settings

BOARD = "small"
LINKS = BOARDS[BOARD].links_per_gpu
# Bytes of kernel log for an open that fails
LOG_LIMIT = 16384
# How long the host may take to be told of a frozen PE by firmware
SETTLE = 3
# What firmware says of caches that cannot be purged
CAUSED = (r"PURGE L[23] on core 0x\w+ timed out \w+",)
# Of machine/host/faults.c, and how long the kernel lets a user wait between two fences of a link
RESETS = 10
PACE_MS = 100
# What the copy engine says of a copy that failed: docs/specs/pnv-v100.rst of the machine
TCE_FAULT, LINK_DOWN, PE_FROZEN = "0x406", "0x506", "0xa06"


class Faults:
    """What is injected at the marks, and what the registers said at once."""

    def __init__(self):
        self.pe = self.lower = None
        self.resets = []

    @staticmethod
    def set(monitor, kind, index, name, value):
        paths = monitor.find(kind)
        for path in paths if index is None else paths[index:index + 1]:
            monitor.execute("qom-set", path=path, property=name, value=value)

    def stick(self, monitor):
        self.set(monitor, NPU_TYPE, None, "x-atsd-stuck", True)

    def unstick(self, monitor):
        self.set(monitor, NPU_TYPE, None, "x-atsd-stuck", False)

    def lose(self, monitor):
        self.set(monitor, GPU_TYPE, 0, "x-fail-reset", True)

    def find(self, monitor):
        self.set(monitor, GPU_TYPE, 0, "x-fail-reset", False)

    def clog(self, monitor):
        self.resets = [monitor.get(monitor.find(GPU_TYPE)[0], "resets")]
        self.set(monitor, NPU_TYPE, 0, "x-fail-purge", True)

    def unclog(self, monitor):
        self.resets.append(monitor.get(monitor.find(GPU_TYPE)[0], "resets"))
        self.set(monitor, NPU_TYPE, 0, "x-fail-purge", False)

    @staticmethod
    def pe_of(monitor, link):
        return int(monitor.get(monitor.find(NPU_TYPE)[0], f"bdf2pe[{link}]")) >> 56 & 0xf

    def set_pe(self, monitor, number, value):
        self.set(monitor, NPU_TYPE, 0, f"pestb[{number}]", value)
        time.sleep(SETTLE)

    def may_freeze(self, monitor):
        """The guest's first GPU is going to freeze the PE that its links have."""
        self.pe, self.lower = self.pe_of(monitor, 0), self.pe_of(monitor, LINKS)
        self.set(monitor, NPU_TYPE, 0, "freeze-on-refusal", True)

    def may_not_freeze(self, monitor):
        self.set(monitor, NPU_TYPE, 0, "freeze-on-refusal", False)

    def error(self, monitor):
        """Firmware names the PE of hardware's own errors now, not that of the first GPU any more."""
        self.set_pe(monitor, 0, 1)

    def hide(self, monitor):
        """The PE of the second GPU hides that of the first one, too."""
        self.set(monitor, NPU_TYPE, 0, "pestb[0]", 0)
        self.set_pe(monitor, self.lower, 1)

    def thaw(self, monitor):
        for number in (self.lower, self.pe):
            self.set(monitor, NPU_TYPE, 0, f"pestb[{number}]", 0)

    def at_mark(self):
        return {"guest.copy-stuck": self.stick, "host.stuck": self.unstick, "host.lose": self.lose,
                "host.find": self.find, "guest.frozen": self.may_freeze,
                "guest.went-on": self.may_not_freeze, "host.error": self.error, "host.hide": self.hide,
                "host.thaw": self.thaw, "host.clog": self.clog, "host.clogged": self.unclog}


def observe(log, timeout, *parts, extra=()):
    """parts: those of machine/host/faults.c."""
    faults = Faults()
    settings = Settings(board=BOARD, job=",".join(["faults", *parts]), extra=extra, may_complain=CAUSED)
    return scenario.observe(settings, log, timeout, faults.at_mark()), faults


def stuck(seen):
    """137 is 128 + SIGKILL; the host's file of the guest is then gone, or the next one could not open the GPU."""
    text = seen.facts.get("host.stuck.consumer", "")
    beats = [value for key, value in seen.order if key == "guest.copy-stuck.beat"]
    atsd = [value for key, value in seen.order if key == "guest.atsd"]
    waits = [value for value in atsd if not value.startswith("status 0 ")]
    return Result("a guest whose shootdowns never end can be killed", text == "137" and bool(waits),
                  "\n".join(beats + waits), f"QEMU's status {text}")


def opened(seen, name, key, wanted):
    text = seen.facts.get(f"host.{key}", "")
    match = re.match(rf"{wanted}, (\d+) bytes of log$", text)
    return Result(name, bool(match) and int(match[1]) < LOG_LIMIT, host=text)


def logged_once(seen, name, *texts):
    found = [[line for line in seen.kernel if text in line] for text in texts]
    return Result(name, [len(lines) for lines in found] == [1] * len(texts), host="\n".join(sum(found, [])))


def frozen_log(seen, faults):
    return [
        Result("the second GPU's PE has the lower number", faults.pe is not None and 0 < faults.lower < faults.pe,
               model=f"{faults.lower} and {faults.pe}"),
        logged_once(seen, "a frozen PE is logged once, and that it hides others",
                    f"hardware has frozen PE#{faults.pe}", f"state of PEs above PE#{faults.pe}",
                    f"hardware has frozen PE#{faults.lower}", f"state of PEs above PE#{faults.lower}"),
        logged_once(seen, "an error of no GPU's PE is logged once", "error of PE#0", "state of PEs above PE#0 ")]


def hidden(seen):
    """The first GPU stays frozen while firmware names other PEs; nothing is known of the second one, then all is."""
    return [
        opened(seen, "a frozen GPU while firmware names PE#0: the open fails", "error.first", "Input/output error"),
        opened(seen, "the other one, of which nothing is known, is opened", "error.second", "opened"),
        opened(seen, "a frozen GPU while firmware names the other one: the open fails", "hidden.first",
               "Input/output error"),
        opened(seen, "that of the other one fails as well", "hidden.second", "Input/output error")]


def purges(seen):
    """Ten in a second are what a user may cause; the model counts."""
    marks = [seen.registers.get(f"host.{name}", []) for name in ("fenced", "still-fenced", "fenced-again")]
    counts = [npus[0].purges if npus else None for npus in marks]
    text = seen.facts.get("host.resets", "")
    match = re.match(rf"{RESETS + 13} done, the last {RESETS} in (\d+) ms$", text)
    known = None not in counts
    return [
        Result("a fenced link is not fenced again, whatever procedure is armed",
               known and bool(match) and counts[0] == counts[1], host=text,
               model=f"purges {counts}"),
        Result("a link that is unfenced and reset over and over: ten purges a second",
               known and bool(match) and counts[2] > counts[1] and int(match[1]) >= (RESETS - 2) * PACE_MS, host=text,
               model=f"purges {counts}")]


def no_recovery(seen):
    """EEH would reset the NPU's PHB, and with it the links of all GPUs."""
    lines = [line for line in seen.kernel if re.search(r"EEH: (Recovering|Frozen|Fenced|Beginning)", line)]
    return Result("EEH leaves the NPU alone", bool(seen.kernel) and not lines, host="\n".join(lines[:5]))


def purge_fails(seen, faults):
    """Firmware does not pass on the write that resets the GPU when it cannot purge the caches."""
    count = faults.resets[1] - faults.resets[0] if len(faults.resets) == 2 else None
    return [
        opened(seen, "a GPU that firmware does not reset: the open fails", "clogged", "Input/output error"),
        Result("firmware did not reset it", count == 0, model=f"{count} resets"),
        opened(seen, "it is opened when it can be reset again", "unclogged", "opened")]


def frozen_links(seen):
    npus = [npu for mark in ("guest.frozen", "guest.went-on") for npu in seen.registers.get(mark, [])[:1]]
    ups = [npu.links_up() for npu in npus]
    return Result("the links of that GPU are fenced, those of the other one are not",
                  ups == [[*range(2 * LINKS)], [*range(LINKS, 2 * LINKS)]] and npus[1].are_fenced(range(LINKS)),
                  model=f"up before and after {ups}; {[npu.fences(range(2 * LINKS)) for npu in npus]}")


def frozen_guest(seen):
    facts = seen.facts
    before, refused, after, links, stores = (facts.get(f"guest.frozen.{what}", "")
                                             for what in ("before", "refused", "after", "links", "stores"))
    return Result("a guest goes on with its other GPU", (before, refused, links) == ("0x2", TCE_FAULT, "0") and
                  after in (PE_FROZEN, LINK_DOWN) and bool(re.match(r"[1-9]\d* rounds, 0 words wrong$", stores)) and
                  facts.get("host.frozen.consumer") == "0",
                  f"copy before {before}, a stray one {refused}, after {after}\nlinks {links}\n{stores}",
                  facts.get("host.frozen.qemu", ""))


def last_guest(seen):
    """The last guest of the job, without what the ones before said."""
    start = max((index for index, (key, _) in enumerate(seen.order) if key in ("host.thawed", "host.found")),
                default=0)
    group = [pair for pair in seen.order[:start] if pair[0].startswith("host.")]
    return judge_whole(BOARD, Observation(group + seen.order[start:], seen.firmware, seen.registers, seen.gpus))


def power(seen):
    """Hardware fences a link whose GPU goes away, and says so in a FIR: that is too late, an HMI on a real machine."""
    facts, npus = seen.facts, seen.registers.get("host.power", [])
    return [
        Result("Linux resets the GPU by its power state", facts.get("host.power.methods", "").split(" ")[0] == "pm" and
               bool(re.match(r"[0-9a-f]{4}:", facts.get("host.power.reset", ""))),
               host=f"{facts.get('host.power.methods')}\n{facts.get('host.power.reset')}"),
        Result("the guest that stores to its RAM stops", "kvm run failed" in facts.get("host.power.qemu", ""),
               host=facts.get("host.power.qemu", "")),
        Result("the links were fenced before", bool(npus) and npus[0].are_fenced(range(LINKS)),
               model=f"{[npu.fences(range(LINKS)) for npu in npus]}"), nothing_broke(seen)]


def judge_power(seen):
    return [*power(seen), log_is_clean(seen)]


def judge_lost(seen):
    return [
        opened(seen, "a GPU that does not come back from a reset: the open fails", "lost.first", "Input/output error"),
        opened(seen, "and so does the next one", "lost.second", "Input/output error"),
        opened(seen, "it is opened when it is back, and found again by the bus", "found", "opened"), *last_guest(seen)]


def judge_faults(seen, faults):
    return [
        stuck(seen), *frozen_log(seen, faults), no_recovery(seen), frozen_links(seen), frozen_guest(seen),
        opened(seen, "a GPU with a frozen PE: the open fails", "frozen.first", "Input/output error"),
        opened(seen, "the other one is opened", "frozen.second", "opened"),
        *hidden(seen),
        opened(seen, "it is opened when the PE is thawed", "thawed", "opened"),
        opened(seen, "and so is the other one", "thawed.second", "opened"), *purge_fails(seen, faults),
        *purges(seen), *last_guest(seen)]
