#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The checks of the job "neighbours" can fail: each is shown an observation in which one thing is wrong.

neighbours.json is what real runs saw, without what no check looks at.
"""

import copy
import json
import os
import sys
import types
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from neighbours import (APART, KILLED, OPENS, PARTS, SAID, WAYS, judge_alone, judge_ignored,  # noqa: E402
                        judge_neighbours, judge_refused)
from scenario import Observation  # noqa: E402
from witherspoon import Npu  # noqa: E402

RECORD = os.path.join(tap.TOP, "tests", "neighbours.json")
VALID = 1 << 63
BEAT = "7: {} of 3 links copied, {} with ATS, {} words wrong, {} of 3 other ends reached"
WORKS, REACHES = "the neighbour's DMA, ATS and stores go on", "no GPU reaches the other one"
GROUPS, REPLACED = "each GPU has a group of its own, with its bridges", "the first guest is replaced while the second works"
LOG = "host's log"
LEFT, ERROR = "afterwards: no LPID, all links fenced", "no error of the NPU"
FROZEN = "recover: the PE is frozen meanwhile"
OPEN = "both ends are cut while VFIO has the GPU open"
WAYS_AND_OPENS = [(way, opens) for part in WAYS for way, opens in WAYS[part].items()]

# A fact, what it could be instead (None: it was never said), the check that must notice.
WRONG_FACTS = [
    ("host.kill", "0", "kill: happened"),
    ("host.reset", KILLED, "reset: happened"),
    ("host.reboot", "1 boots", "reboot: happened"),
    ("host.look", "0, 2 of 39 functions failed", "look: happened"),
    ("host.look", "1, 0 of 39 functions failed", "look: happened"),
    ("host.look", "0, 0 of 0 functions failed", "look: happened"),
    ("host.poison", KILLED, "poison: happened"),
    ("host.freeze", "124", "freeze: happened"),
    ("host.deaf", "opened, 371 bytes of log", "deaf: happened"),
    *((f"host.{part}", None, f"{part}: happened") for part in PARTS),
    *((f"host.goes-on.{part}", text, f"{part}: the neighbour works meanwhile and later") for part in (*PARTS, "replaced")
      for text in ("0 rounds meanwhile, 2 later", "5 rounds meanwhile, 1 later", "5 rounds meanwhile, 2 later, stopped", None)),
    *((f"host.{key}", text, name) for key, (name, wanted) in OPENS.items()
      for text in ("Device or resource busy, 9 bytes of log", "Input/output error, 9 bytes of log", "opened, 9 bytes of log",
                   None) if text is None or not text.startswith(wanted)),
    ("guest.gpu1.neighbour.stray", "0x2", "freeze: the stray DMA was refused"),
    ("guest.gpu1.neighbour.stray", None, "freeze: the stray DMA was refused"),
    ("host.replaced", "0", REPLACED), ("host.second", "0", REPLACED), ("host.second", None, REPLACED),
    ("host.first", "0", WORKS), ("host.first", None, WORKS),
    *(("guest.gpu0.neighbour.beat", BEAT.format(*numbers), WORKS) for numbers in ((2, 3, 0, 0), (3, 2, 0, 0), (3, 3, 1, 0))),
    ("guest.gpu0.neighbour.beat", None, WORKS), ("guest.gpu0.neighbour.beat", None, REACHES),
    *((f"guest.gpu{gpu}.neighbour.beat", BEAT.format(3, 3, 0, 1), REACHES) for gpu in (0, 1)),
    ("guest.gpu1.neighbour.beat", "7: 3 of 3 links copied, 3 with ATS, 0 words wrong, 0 of 0 other ends reached", REACHES),
    ("guest.gpu1.neighbour.beat", None, REACHES),
    ("host.gpu0.group", "0: 8 functions, 3 of 3 bridges in it", GROUPS),
    ("host.gpu1.group", "1: 4 functions, 2 of 3 bridges in it", GROUPS),
    ("host.gpu1.group", "0: 4 functions, 3 of 3 bridges in it", GROUPS),
    ("host.gpu1.group", None, GROUPS),
    *((f"host.{part}", f"done, memory off, {text} bridges in it", f"{part}: happened") for part in WAYS
      for text in ("another group of 4 functions, 3 of 3", "the same group of 1 functions, 0 of 3")),
    *((f"host.{way}", text, f"{way}: no link joins the GPUs afterwards") for way, _ in WAYS_AND_OPENS
      for text in ("not done, memory off, the same group of 4 functions, 3 of 3 bridges in it", None)),
    *((f"host.{way}.open", text, f"{way}: {OPEN if opens == 'opened' else 'the GPU is not opened'}")
      for way, opens in WAYS_AND_OPENS for text in ("opened", "Input/output error", "Device or resource busy", None)
      if text != opens),
    ("host.unbound", "7 of 8", "afterwards: unbound"), ("host.unbound", None, "afterwards: unbound"),
    ("host.log", "0 warnings", LOG), ("host.log", None, LOG),
    ("host.log", "99 warnings: WARNING: CPU: 1", LOG),
]


def observation():
    with open(RECORD, encoding="utf-8") as stream:
        record = json.load(stream)
    seen = Observation(record["order"])
    seen.kernel, seen.firmware = record["kernel"], record["firmware"]
    for mark, gpus in record["gpus"].items():
        seen.gpus[mark] = [types.SimpleNamespace(**gpu) for gpu in gpus]
    for mark, npus in record["registers"].items():
        seen.registers[mark] = [Npu.__new__(Npu) for _ in npus]
        for npu, values in zip(seen.registers[mark], npus):
            npu.__dict__.update(values)
    return seen


def failed(results):
    return {result.name for result in results if not result.passed}


def without(seen, key):
    seen.order = [(name, value) for name, value in seen.order if name != key]


def without_poison(seen):
    seen.kernel = [line for line in seen.kernel if SAID["poison"] not in line]
    seen.order = [(name, value.replace("32 warnings", "30 warnings") if name == "host.log" else value)
                  for name, value in seen.order]
    return seen


class Neighbours(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.good = observation()

    def setUp(self):
        self.seen = copy.deepcopy(self.good)

    def test_good(self):
        """what good runs saw passes every check, also of a run without guests"""
        self.assertEqual(failed(judge_neighbours(self.seen)), set())
        # Of a memory error the log may speak only where one was part of the run
        self.assertEqual(failed(judge_alone(self.seen, tuple(WAYS))), {LOG})
        self.assertEqual(failed(judge_alone(without_poison(self.seen), tuple(WAYS))), set())

    def test_nothing(self):
        """a run that saw nothing passes no check"""
        for judge in (judge_neighbours, judge_alone, judge_ignored, judge_refused):
            self.assertEqual([result.name for result in judge(Observation()) if result.passed], [])

    def notices(self, name, spoil):
        seen = copy.deepcopy(self.good)
        spoil(seen)
        self.assertIn(name, failed(judge_neighbours(seen)))

    def test_facts(self):
        """each wrong or missing fact is noticed"""
        for key, value, name in WRONG_FACTS:
            with self.subTest(key=key, value=value, name=name):
                self.assertIn(key, self.good.facts)
                if value is None:
                    self.notices(name, lambda seen, key=key: without(seen, key))
                else:
                    self.notices(name, lambda seen, fact=(key, value): seen.order.append(fact))

    def test_each(self):
        """there is something wrong for each check"""
        names = {name for _, _, name in WRONG_FACTS} | {LEFT, ERROR, FROZEN, "each GPU has cut its own end"}
        self.assertEqual({result.name for result in judge_neighbours(self.good)} - names, set())

    def test_masks(self):
        """a GPU that has not cut its end while both guests run, or while VFIO has it open"""
        for name, mark in (("each GPU has cut its own end", "host.both"),
                           *((f"{way}: {OPEN}", f"host.{way}.open")
                             for way, opens in WAYS_AND_OPENS if opens == "opened")):
            for gpu in (0, 1):
                self.notices(name, lambda seen, at=mark, gpu=gpu: setattr(seen.gpus[at][gpu], "link_disable", 0x140000))
            self.notices(name, lambda seen, at=mark: seen.gpus.pop(at))

    def test_joined(self):
        """after a reset, a link that joins the GPUs, an end that is not cut of a GPU with memory, a neighbour's that is not"""
        for way, _ in WAYS_AND_OPENS:
            name, at = f"{way}: no link joins the GPUs afterwards", f"host.{way}"
            self.notices(name, lambda seen, at=at: seen.gpus[at][1].peers.update(up=1))
            self.notices(name, lambda seen, at=at: setattr(seen.gpus[at][0], "link_disable", 0))
            self.notices(name, lambda seen, at=at: seen.gpus.pop(at))

            def awake(seen, at=at):
                seen.gpus[at][1].link_disable = 0
                seen.order.append((at, seen.facts[at].replace("memory off", "memory on")))
            self.notices(name, awake)

    def test_bytes(self):
        """a byte that came from the other GPU's RAM, and a GPU that never tried"""
        for change in ({"bytes": 1}, {"served": 1}, {"refused": 0}):
            self.notices(REACHES, lambda seen, change=change: seen.gpus["host.after"][0].peers.update(change))
        self.notices(REACHES, lambda seen: seen.gpus.pop("host.after"))

    def test_left(self):
        """a guest's LPID that stays behind, a link without fence, an error at any mark"""
        self.notices(LEFT, lambda seen: seen.registers["host.after"][0].lparid.__setitem__(0, 1))
        self.notices(LEFT, lambda seen: seen.registers["host.after"][0].link[4].update(fence="none"))
        for mark in self.good.registers:
            self.notices(ERROR, lambda seen, at=mark: seen.registers[at][0].fir.__setitem__(1, VALID))

    def test_frozen(self):
        """an EEH that has not frozen the PE, so that nothing had to be thawed"""
        self.notices(FROZEN, lambda seen: seen.firmware.clear())

    def test_ignored(self):
        """GPUs that ignore what they are told: both are reached, or the test has not seen what it is for"""
        self.assertEqual(len(failed(judge_ignored(self.seen))), 1)
        for gpu in self.seen.gpus["host.after"]:
            gpu.peers.update(bytes=4096, served=4096)
        self.assertEqual(failed(judge_ignored(self.seen)), set())
        self.seen.gpus["host.after"][1].peers.update(served=0)
        self.assertEqual(len(failed(judge_ignored(self.seen))), 1)

    def test_refused(self):
        """a host whose GPUs share a group: it has to say so, and what is needed, and start no guest"""
        text = f"GPUs share an IOMMU group: a group for each needs {APART}"
        for order, good in (([("host.stopped", text)], True), ([("host.stopped", "GPUs share an IOMMU group")], False),
                            ([("host.stopped", text), ("guest.gpu0.kernel", "6.12")], False)):
            self.assertEqual(not failed(judge_refused(Observation(order))), good)


if __name__ == "__main__":
    tap.main()
