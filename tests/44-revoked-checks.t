#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The checks of tests/53-revoked-guest.t can fail: each is shown a record in which one thing is wrong.

revoked.json is what a real run saw, as tests/53-revoked-guest.t writes it down.
"""

import json
import os
import re
import sys
import types
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from revoked import LOSSES, Observation, judge_revoked  # noqa: E402
from witherspoon import Npu  # noqa: E402

RECORD = os.path.join(tap.TOP, "tests", "revoked.json")
VALID = 1 << 63
ERROR = "no error of the NPU"
GOOD_BEAT = "9: 3 of 3 links copied, 0x2/0x2 0x2/0x2 0x2/0x2, 0 words wrong"
TOUCHES = [job for job in LOSSES if job.startswith("touch")]
COPIES = [job for job in LOSSES if job.startswith("copy")]

# A fact, what it could be instead (None: it was never said), the check that must notice.
WRONG_TOUCH = [
    ("host.{}.qemu", None, "the guest stops at once"),
    ("host.{}.qemu", "qemu-system-ppc64: something else", "the guest stops at once"),
    ("host.{}.consumer", "124", "the guest stops at once"),
    ("guest.{}.end", "200 beats, 0 bad", "the guest stops at once"),
]
WRONG_COPY = [
    ("guest.{}.end", "200 beats, 0 bad", "the guest sees errors, and goes on"),
    ("guest.{}.end", None, "the guest sees errors, and goes on"),
    ("host.{}.consumer", "143", "the guest sees errors, and goes on"),
]
WRONG_BOTH = [
    ("host.{}.reset", None, "the reset works"),
    ("host.{}.reset", "error: 0004:03:00.0: Inappropriate ioctl for device", "the reset works"),
]
WRONG_WHOLE = [
    ("guest.links.up", "2", "links trained"),
    ("guest.program", "32 MiB, 1 words wrong, 0 pages elsewhere", "program bound to the node"),
    ("host.log", "1 warnings: Machine check", "host's log"),
    ("host.unbound", None, "afterwards: unbound"),
    ("host.consumer", "124", "guest ends"),
]


def observation():
    """A fresh one, to be spoilt."""
    with open(RECORD, encoding="utf-8") as stream:
        known = json.load(stream)
    registers = {}
    for mark, npus in known["registers"].items():
        registers[mark] = [Npu.__new__(Npu) for _ in npus]
        for npu, values in zip(registers[mark], npus):
            npu.__dict__.update(values)
    gpus = {mark: [types.SimpleNamespace(**gpu) for gpu in gpus] for mark, gpus in known["gpus"].items()}
    return Observation(known["order"], known["firmware"], registers, gpus)


def failed(seen):
    return {result.name for result in judge_revoked(seen) if not result.passed}


class Checks(unittest.TestCase):
    def wrong(self, key, value, check):
        with self.subTest(key=key, value=value):
            seen = observation()
            seen.order = [pair for pair in seen.order if pair[0] != key]
            if value is not None:
                seen.order.append((key, value))
            self.assertEqual(failed(seen), {check})

    def spoilt(self, check, change, *others):
        """change() spoils the NPU that serves the guest, at a mark of each loss; only check and others may fail."""
        for job in LOSSES:
            with self.subTest(job=job):
                seen = observation()
                change(seen.registers[f"guest.{job}"], seen.registers[f"host.{job}"])
                self.assertEqual(failed(seen), {f"{job}: {check}", *others})

    def test_good(self):
        """what a good run saw passes every check"""
        self.assertEqual(failed(observation()), set())

    def test_nothing(self):
        """a run that saw nothing passes no check"""
        self.assertEqual([result.name for result in judge_revoked(Observation()) if result.passed], [])

    def test_facts(self):
        """each wrong or missing fact is noticed"""
        for jobs, wrong in ((TOUCHES, WRONG_TOUCH), (COPIES, WRONG_COPY)):
            for job in jobs:
                for key, value, check in wrong + WRONG_BOTH:
                    self.wrong(key.format(job), value, f"{job}: {check}")
        for key, value, check in WRONG_WHOLE:
            self.wrong(key, value, check)

    def test_goes_on_touching(self):
        """a guest that goes on storing to GPU RAM after the reset"""
        for job in TOUCHES:
            seen = observation()
            seen.order += [(f"guest.{job}.beat", GOOD_BEAT)] * 3
            self.assertEqual(failed(seen), {f"{job}: the guest stops at once"})

    def test_goes_on_copying(self):
        """an engine that goes on copying over a link that was reset"""
        for job in COPIES:
            for statuses in ("0x2/0x2", "0x506/0x2", "0x2/0x506"):
                seen = observation()
                beat = GOOD_BEAT.replace("0x2/0x2", statuses, 1)
                seen.order += [(f"guest.{job}.beat", beat)]
                self.assertEqual(failed(seen), {f"{job}: the guest sees errors, and goes on"})

    def test_never_worked(self):
        """a guest that could not use the GPU in the first place"""
        for job in LOSSES:
            seen = observation()
            key = f"guest.{job}.beat"
            first = [name for name, _ in seen.order].index(key)
            seen.order[first] = (key, re.sub(r": \d of", ": 2 of", seen.order[first][1]))
            self.assertIn(f"{job}: the guest uses the GPU", failed(seen))

    def test_lpid_stays(self):
        """the guest's LPID stays behind, in a row or in an ATSD register"""
        def row(_, after):
            after[0].bdf_map[0] = VALID | 1

        def atsd(_, after):
            after[0].lparid[0] = 1

        self.spoilt("LPID back", row)
        self.spoilt("LPID back", atsd)

    def test_bypass(self):
        """a TVE that is left as bypass"""
        def bypass(used, after):
            index = [index for index, tve in enumerate(used[0].tve) if tve and tve != Npu.DENY][0]
            after[0].tve[index] = 0

        self.spoilt("TVEs", bypass)

    def test_not_fenced(self):
        """a link without a fence of firmware, or up"""
        def no_fence(_, after):
            after[0].link[1]["fence"] = "none"

        def by_hardware(_, after):
            after[0].link[1]["fence"] = "hardware"

        def still_up(_, after):
            after[0].link[1]["up"] = True

        for change in (no_fence, by_hardware, still_up):
            self.spoilt("links fenced", change, ERROR)


if __name__ == "__main__":
    tap.main()
