#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 60
"""What ends a run of the emulated machine badly, whatever its checks say: each is shown a console of a shell script."""

import os
import sys
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

import witherspoon  # noqa: E402
from complaints import KNOWN, Complaints  # noqa: E402
from witherspoon import Machine, MachineError, Settings  # noqa: E402

LOG = tap.log("machine-runs")
TIMEOUT = 30
PARITY = "[    1.234567890,3] NPU1: parity error"


class Script(Settings):
    """Stands for QEMU; what Machine adds to the command are arguments of the script."""

    def __init__(self, script, **settings):
        super().__init__(**settings)
        self.script = script

    def command(self):
        return ["sh", "-c", self.script, "sh"]


class Runs(unittest.TestCase):
    def go(self, script, **settings):
        with Machine(Script(script, **settings), LOG) as machine:
            return list(machine.lines(TIMEOUT))

    def fails(self, script, words, **settings):
        with self.assertRaisesRegex(MachineError, words):
            self.go(script, **settings)

    def test_good(self):
        """a machine that says its last word and powers off"""
        self.assertEqual(self.go("echo '[    1.234567890,5] NPU1: fine'; echo @ end"),
                         ["[    1.234567890,5] NPU1: fine", "@ end"])

    def test_stays(self):
        """one that does not power off after its last word"""
        limit, witherspoon.POWER_OFF = witherspoon.POWER_OFF, 0.5
        try:
            for word in ("@ end", "@ host.job.status=0"):
                self.fails(f"echo {word}; exec sleep {TIMEOUT}", "did not power off within 0.5 s")
        finally:
            witherspoon.POWER_OFF = limit
        self.assertEqual(witherspoon.POWER_OFF, 60)

    def test_status(self):
        """one whose QEMU ends badly: the reason is what the model says, or the last line"""
        self.fails("echo last words; exit 3", "status 3: last words")
        self.fails("echo 'qemu-system-ppc64: pnv-npu2: FIR'; echo other words; exit 1", "status 1: pnv-npu2: FIR")

    def test_complaints(self):
        """firmware that complains, at the beginning of a line or behind somebody else, in its log or on the console"""
        for before in ("", "opal| ", "guest| @ guest.up"):
            self.fails(f"echo '{before}{PARITY}'; echo @ end", "firmware complains: NPU1: parity error; see")
        self.fails(f"echo '{PARITY} of 1'; echo '{PARITY} of 2'", "parity error of 1 and 1 more")

    def test_no_complaints(self):
        """what has another level, is known of the machine or of the test, or not firmware's"""
        known = "[    1.234567890,2] NVRAM: Failed to load"
        for line in (known, PARITY.replace(",3]", ",5]"), PARITY.replace(",3]", "]")):
            self.assertEqual(self.go(f"echo '{line}'"), [line])
        self.go(f"echo '{PARITY}'", may_complain=["NPU1: parity error"])
        self.fails(f"echo '{PARITY}'", "parity error", may_complain=["NPU1: parity"])

    def test_known(self):
        """each that is known has a reason; slow calls of firmware are, unless one that the series makes takes 5 s"""
        self.assertTrue(all(KNOWN.values()))
        seen = Complaints()
        for call in (9, 128, 49):
            for spent in (1919, 4999, 5000, 11919):
                seen.line(f"[  {call:3}.{spent:09},4] Spent {spent} msecs in OPAL call {call}!")
        self.assertEqual(seen.unknown, [f"Spent {spent} msecs in OPAL call 49!" for spent in (5000, 11919)])

    def test_whole(self):
        """a line that firmware has cut is whole again, also one of its own log, or one cut twice or within the time"""
        late = "[  268.020872781,4] SBE: late."
        for said, lines in (
                ((late, "@ a"), [late, "@ a"]),
                ((f"@ a=b{late}", "c", "@ d"), [late, "@ a=bc", "@ d"]),
                ((f"@ a=b{late}", late, "", "@ d"), [late, late, "@ a=b", "@ d"]),
                ((f"ok{late}", f" 1{late}", " -"), [late, late, "ok 1 -"]),
                ((f"opal| {PARITY}{late}", late, " of 1"), [late, late, f"opal| {PARITY} of 1"]),
                ((f"opal| [    1.2345{late}", "67890,3] a"), [late, "opal| [    1.234567890,3] a"]),
                ((f"op{late}", f"al| {PARITY}"), [late, f"opal| {PARITY}"]),
                ((f"@ end{late}",), [late, "@ end"])):
            self.assertEqual(self.go("cat <<'END'\n" + "\n".join(said) + "\nEND", may_complain=[".*"]), lines)

    def test_cut(self):
        """a message that is cut on the console, or at the end of firmware's log, but whole at the other place"""
        seen = Complaints()
        for line in ("[    1.000000000,2] NVRAM: Faiok 1 -", "led to load", "opal| [    1.000000000,2] NVRAM: Failed to load",
                     "[    2.000000000,2] NVRAM: Failed to load", "opal| [    2.000000000,2] NVRAM: Fai"):
            seen.line(line)
        self.assertEqual(seen.unknown, [])
        for line in ("[    3.000000000,2] NVRAM: Fai", "[    4.000000000,2] NVRAM: Failed to save",
                     "opal| [    4.000000000,2] NVRAM: Failed to save", "[    5.000000000,2] NVRAM: Failed to save"):
            seen.line(line)
        self.assertEqual(seen.unknown, ["NVRAM: Fai", "NVRAM: Failed to save"])

    def test_fir(self):
        """every machine with an NPU ends at a bit of a FIR, unless the test wants to see one"""
        for board, wanted in ({"fir_fatal": True}, 1), ({}, 1), ({"fir_fatal": False}, 0), ({"board": None}, 0):
            self.assertEqual(Settings(**board).machine().count("pnv-npu2.fir-fatal=on"), wanted, board)


tap.main()
