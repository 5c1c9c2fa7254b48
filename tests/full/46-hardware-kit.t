#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 3600
"""The hardware kit in emulated hosts that have only its archive: all of its programs, on GPUs like real ones without their
driver; runs that are interrupted and killed; a machine without NPU. 5 minutes.
"""

import os
import sys
import unittest

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, *name) for name in ((), ("kit",))]

import kit  # noqa: E402
import tap  # noqa: E402
from selftests import NO_DRIVER  # noqa: E402

TIMEOUT = 3000
# Those in kit/run that are safe
PROGRAMS = {"nvlink2_regions", "nvlink2_mapping", "nvlink2_rw", "nvlink2_atsd", "nvlink2_falcon", "nvlink2_copy", "nvlink2_dma",
            "nvlink2_kvm", "nvlink2_tce", "nvlink2_owner", "nvlink2_poison", "nvlink2_reset"}
# powernv9 has none of its own, and firmware cannot switch the machine off without one
BMC = ("-device", "ipmi-bmc-sim,id=bmc0", "-device", "isa-ipmi-bt,bmc=bmc0,irq=10")
REFUSED = "no GPU here is joined to the processor by NVLink2. Nothing was changed"


class Kit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kit.build()

    def check_state(self, host):
        before, after = host.all_said("state before"), host.all_said("state after")
        self.assertTrue(before)
        for one, other in zip(before, after, strict=True):
            self.assertEqual(one, other)

    def test_all(self):
        """each safe program runs, no case fails, and those that are skipped say why"""
        host = kit.Host(["run"], tap.log("hardware-kit-all"), TIMEOUT, extra=NO_DRIVER)
        self.assertIsNone(host.problem)
        cases = host.cases()
        self.assertEqual(set(cases), PROGRAMS)
        for program, found in cases.items():
            self.assertTrue(found, program)
            for name, result, reason in found:
                self.assertTrue(result == "pass" or (result == "skip" and reason), f"{program} {name}: {result} {reason}")
        self.assertEqual(host.all_said("status"), ["0"])
        self.check_state(host)

    def test_ended(self):
        """a run that is interrupted or killed in the middle of a case leaves everything as it was, or puts it back"""
        host = kit.Host(["interrupt", "kill"], tap.log("hardware-kit-ended"), TIMEOUT)
        self.assertIsNone(host.problem)
        self.check_state(host)
        interrupted, killed = host.of_job("interrupt"), host.of_job("kill")
        self.assertIn("@ ended 1", interrupted)
        self.assertTrue(any("Interrupted" in line for line in interrupted))
        self.assertTrue(any("=vfio-pci,vfio-pci" in line and "left" in line for line in killed
                            if line.startswith("@ state killed")))
        self.assertTrue(any("an earlier run was killed: first 'run --restore'" in line for line in killed))
        self.assertIn("@ again 3", killed)
        self.assertIn("@ restored 0", killed)

    def test_no_npu(self):
        """a POWER9 without NPU is refused in words, and nothing changes"""
        host = kit.Host(["run"], tap.log("hardware-kit-no-npu"), TIMEOUT, board=None, extra=BMC)
        self.assertIsNone(host.problem)
        self.assertTrue(any(REFUSED in line for line in host.lines), host.lines[-20:])
        self.assertEqual(host.all_said("status"), ["3"])
        self.assertEqual(host.files, {})
        self.check_state(host)


tap.main()
