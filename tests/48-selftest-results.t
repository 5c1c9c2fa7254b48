#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 60
"""What is made of the console of a host that runs selftests: nothing that went wrong there may be missed."""

import contextlib
import io
import os
import re
import sys
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "tests", "selftests"))

import libvfio  # noqa: E402
import selftests  # noqa: E402
import windows  # noqa: E402

GOOD = """
@ kernel 6.12
@ run nvlink2_one
TAP version 13
1..3
# Starting 3 tests from 1 test cases.
#  RUN           one.first ...
#            OK  one.first
ok 1 one.first
#  RUN           one.second ...
# nvlink2_one.c:12:second:Expected 0 (0) == 1 (1)
# second: Test failed
#          FAIL  one.second
not ok 2 one.second
#  RUN           one.third ...
#      SKIP      no device
ok 3 one.third # SKIP no device
# Totals: pass:1 fail:1 xfail:0 xpass:0 skip:1 error:0
@ again ok 1 one.first
@ again not ok 2 one.second
@ again ok 3 one.third # SKIP no device
@ status 1
@ run nvlink2_two
TAP version 13
1..1
#  RUN           two.first ...
ok 1 two.first
@ again ok 1 two.first
@ status 0
@ end
"""
PASSED = GOOD.replace("not ok 2", "ok 2")
PROGRAMS = ("nvlink2_one", "nvlink2_two")


FROZEN = "PHB#0004[0:4]:                PEST[000] = 8000000000000000 8000000000000000"
# As libvfio asserts, what firmware logs of a frozen PE, and a skip of each kind
LIBVFIO = f"""
@ run vfio_pci_device_test gpu
TAP version 13
1..3
[  383.231571951,3] {FROZEN}
#  RUN           device.opens ...
lib/iommu.c:97: Assertion Failure

  Expression: __iommu_map(iommu, region) == 0
  Observed: 0xffffffffffffffff == 0
  [errno: 1 - Operation not permitted]

# opens: Test failed
not ok 1 device.opens
#  RUN           device.msix ...
ok 2 device.msix # SKIP MSI-x: not supported
#  RUN           device.reset ...
ok 3 device.reset # SKIP Device does not support reset
@ status 1
@ end
"""


# gpu1 has the links 3 to 5 of chip 0
HELD = """
pnv_npu2_link chip 0 link 3 is up (trained 1 fenced 0)
pci_cfg_write plx8725-downstream 02:0b.0 @0x3e <- 0x42
pnv_v100_reset gpu1 reset 2
pnv_npu2_link_fence chip 0 link 3 fence: firmware
pnv_npu2_link chip 0 link 0 is up (trained 1 fenced 0)
pnv_npu2_link chip 8 link 3 is up (trained 1 fenced 0)
pnv_npu2_link chip 0 link 4 is down (trained 0 fenced 1)
pci_cfg_write plx8725-downstream 02:0a.0 @0x3e <- 0x2
MARK
pci_cfg_write plx8725-downstream 02:0b.0 @0x3e <- 0x2
pnv_npu2_link_fence chip 0 link 4 fence: released
"""


class Console:
    """Stands for the machine."""

    def __init__(self, text):
        self.text = text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def lines(self, _):
        return iter(self.text.strip().split("\n"))


class Results(unittest.TestCase):
    def go(self, text, programs=PROGRAMS, run=None):
        machine = selftests.Machine
        selftests.Machine = lambda settings, log: Console(text)
        try:
            run = run or selftests.Run("host")
            run.go(programs, None, 1)
        finally:
            selftests.Machine = machine
        return run

    def outcomes(self, run):
        return [(case.name, case.outcome) for case in run.cases]

    def tap(self, run):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = selftests.print_tap({"run": run})
        return status, out.getvalue()

    def without(self, *lines):
        return "\n".join(line for line in PASSED.split("\n") if line not in lines)

    def test_all(self):
        """each case is told with its outcome and reason"""
        run = self.go(GOOD)
        self.assertIsNone(run.problem)
        self.assertEqual(self.outcomes(run), [("one.first", "ok"), ("one.second", "FAIL"), ("one.third", "skip"),
                                              ("two.first", "ok")])
        self.assertIn("nvlink2_one.c:12", run.cases[1].reason)
        status, text = self.tap(run)
        self.assertEqual(status, 1)
        self.assertIn("not ok 2 - run nvlink2_one one.second\n", text)
        self.assertIn("ok 3 - run nvlink2_one one.third # SKIP no device\n", text)
        self.assertTrue(text.endswith("1..4\n"))

    def test_libvfio(self):
        """of VFIO's own selftests the assertion is told, and a case may only skip itself for a reason that is known"""
        run = self.go(LIBVFIO, ("vfio_pci_device_test:gpu",), libvfio.LibvfioRun())
        self.assertIsNone(run.problem)
        self.assertEqual(self.outcomes(run), [("device.opens", "FAIL"), ("device.msix", "skip"), ("device.reset", "FAIL")])
        self.assertEqual({case.program for case in run.cases}, {"vfio_pci_device_test gpu"})
        self.assertIn("__iommu_map(iommu, region) == 0", run.cases[0].reason)
        self.assertIn("Operation not permitted", run.cases[0].reason)
        self.assertIn("should not be: Device does not support reset", run.cases[2].reason)

    def test_freezes(self):
        """that refused DMA froze a device is seen from firmware, which may say so, and only where devices freeze"""
        run = self.go(LIBVFIO, ("vfio_pci_device_test:gpu",), libvfio.LibvfioRun(extra=selftests.FREEZE))
        self.assertEqual([selftests.judge_freezes(run, count).outcome for count in (1, 2)], ["ok", "FAIL"])
        self.assertTrue(any(re.fullmatch(pattern, FROZEN) for pattern in run.may_complain(())))
        self.assertFalse(any(re.fullmatch(pattern, FROZEN) for pattern in selftests.Run("host").may_complain(())))

    def test_hurried(self):
        """that firmware waits for a lock for seconds is no complaint where time runs faster than the emulator"""
        lock = "WARNING: Lock has been spinning for over 5000ms"
        for speed, known in ((selftests.FAST, True), (1, False)):
            patterns = selftests.Run("host", speed=speed).may_complain(())
            self.assertEqual(any(re.fullmatch(pattern, lock) for pattern in patterns), known)

    def test_engine(self):
        """without the engine that no real GPU has only cases of ATS may be skipped for that, and there have to be some"""
        def judge(*cases, extra=selftests.NO_ENGINE):
            run = selftests.Run("host", extra=extra)
            run.cases += [selftests.Case(program, "x", outcome, reason) for program, outcome, reason in cases]
            return selftests.judge_engine([run])

        passed = ("nvlink2_dma", "ok", "")
        skipped = (selftests.ATS, "skip", selftests.ENGINE_ONLY + ": ATS")
        self.assertEqual(judge(passed, skipped).outcome, "ok")
        self.assertEqual(judge(passed, skipped).reason, f"without it 1 passed, 1 skipped: {selftests.ENGINE_ONLY}: ATS")
        for cases in ((passed,), (skipped,), (passed, skipped, ("nvlink2_dma", *skipped[1:]))):
            self.assertEqual(judge(*cases).outcome, "FAIL")
        self.assertEqual(judge(passed, skipped, extra=()).outcome, "FAIL")

    def test_repaired(self):
        """a line that the console lost is taken from the second time it was printed"""
        run = self.go(self.without("ok 2 one.second"))
        self.assertIsNone(run.problem)
        self.assertIn(("one.second", "ok"), self.outcomes(run))
        self.assertEqual(self.tap(run)[0], 0)

    def test_lost(self):
        """a case that was lost twice is missed"""
        run = self.go(self.without("ok 2 one.second", "@ again ok 2 one.second"))
        self.assertIn("2 cases of 3", run.problem)
        self.assertEqual(self.tap(run)[0], 1)

    def test_lost_program(self):
        """a program whose beginning or end was lost is missed"""
        for line in ("@ run nvlink2_one", "@ run nvlink2_two", "@ status 1", "@ status 0"):
            self.assertEqual(self.tap(self.go(self.without(line)))[0], 1, line)

    def test_no_case(self):
        """a program that ran no case, or is not there, is missed"""
        run = self.go("@ run nvlink2_one\n/init: nvlink2_one: not found\n@ status 127\n@ end", PROGRAMS[:1])
        self.assertIn("ran no case", run.problem)

    def test_panic(self):
        """a host that panics, or says no more, does so in the case it was at"""
        begun = GOOD[:GOOD.index("not ok 2")].replace("# nvlink2_one.c:12:second:Expected 0 (0) == 1 (1)\n", "")
        for last, reason in (("[   12.3] Kernel panic - not syncing: what\n", "Kernel panic"), ("", "no more output")):
            run = self.go(begun + last)
            self.assertEqual(self.outcomes(run)[-1], ("one.second", "panic"))
            self.assertIn(reason, run.cases[-1].reason)
            self.assertEqual(self.tap(run)[0], 1)

    def test_end(self):
        """a host that ends between two cases is missed"""
        run = self.go(GOOD[:GOOD.index("@ run nvlink2_two")])
        self.assertIn("ended before", run.problem)

    def windows(self, text):
        seen = windows.Windows()
        for line in HELD.replace("MARK", text).strip().split("\n"):
            seen.line(line)
        return seen.count, len(seen.wrong)

    def test_windows(self):
        """a link that is opened while its GPU is held in reset is seen, and no other one"""
        self.assertEqual(self.windows(""), (1, 0))
        self.assertEqual(self.windows("pnv_npu2_link_fence chip 0 link 4 fence: released"), (1, 1))
        self.assertEqual(self.windows("pnv_npu2_link chip 0 link 5 is up (trained 1 fenced 0)"), (1, 1))
        self.assertEqual(self.windows("pnv_npu2_link_fence chip 0 link 2 fence: released"), (1, 0))
        self.assertEqual(self.windows("pnv_v100_reset gpu0 reset 3"), (1, 0))


tap.main()
