#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
"""A host without NPU: QEMU's own powernv9, stock firmware, the series' kernel. vfio-pci must behave as before."""

import os
import re
import sys
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from scenario import observe  # noqa: E402
from witherspoon import Settings  # noqa: E402

NVME_CLASS = "0x0108"
DEVICES = ["-device", "ipmi-bmc-sim,id=bmc0", "-device", "isa-ipmi-bt,bmc=bmc0,irq=10",
           "-device", "pnv-phb,chip-id=0,index=0,id=phb0", "-device", "pnv-phb-root-port,id=port0,bus=phb0",
           "-blockdev", "null-co,node-name=disk0,size=1048576",
           "-device", "nvme,bus=port0,drive=disk0,serial=1"]


class Plain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        log = os.path.join(tap.BUILD, "logs", "plain-powernv9.log")
        seen = observe(Settings(board=None, job=f"plain,{NVME_CLASS}", extra=DEVICES), log, 200)
        cls.facts, cls.lines = seen.facts, seen.lines

    def test_no_npu(self):
        """firmware finds no NPU and the kernel no GPU"""
        self.assertTrue(any("OPAL v" in line for line in self.lines))
        self.assertEqual(self.facts["host.gpus"], "0")
        self.assertFalse([line for line in self.lines if "NPU" in line and "does not support NPU" not in line])

    def test_bound(self):
        """an NVMe drive goes to vfio-pci and comes back"""
        self.assertRegex(self.facts["host.bound"], r"^([1-9]\d*) of \1$")
        self.assertEqual(self.facts["host.unbound"], self.facts["host.bound"])

    def test_regions(self):
        """its regions are those of any PCI device"""
        regions = {key: value for key, value in self.facts.items() if key.startswith("host.device.region.")}
        self.assertRegex(regions["host.device.region.0"], r"^size 0x[0-9a-f]+ rw")
        self.assertRegex(regions["host.device.region.7"], r"^size 0x1000 rw-$")
        self.assertEqual([key for key in regions if int(re.split(r"\.", key)[3]) > 8], [])

    def test_log(self):
        """the kernel warns about nothing, and no tracepoint of NVLink2 was hit"""
        self.assertEqual(self.facts["host.log"], "0 warnings")
        self.assertEqual(self.facts["host.job.status"], "0")
        self.assertEqual([key for key in self.facts if key.startswith("host.trace.")
                          and self.facts[key].isdigit()], [])


if __name__ == "__main__":
    tap.main()
