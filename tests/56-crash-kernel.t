#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
"""A crash kernel resets all PHBs, and the links of the kernel before it may be up: the NPU has to come first.

"ppc_pci_reset_phbs" takes the same way without a crash. 15 s.
"""

import os
import re
import sys
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from scenario import observe  # noqa: E402
from witherspoon import Settings  # noqa: E402

LINKS = 6
NPU_RESET = r"NPU\d+:\d+:\d+\.\d+ Resetting device"
PHB_RESET = r"PHB#\d+.* CRESET: Starts"


class CrashKernel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        settings = Settings(board="small", job="everyday,config", append="ppc_pci_reset_phbs")
        cls.seen = observe(settings, os.path.join(tap.BUILD, "logs", "crash-kernel.log"), 200)

    def where(self, pattern):
        return [index for index, line in enumerate(self.seen.firmware) if re.search(pattern, line)]

    def test_order(self):
        """every link is fenced before the first PHB of a GPU is reset"""
        links, phbs = self.where(NPU_RESET), self.where(PHB_RESET)
        self.assertGreaterEqual(len(phbs), 2, "no PHB was reset")
        before = [index for index in links if index < phbs[0]]
        self.assertEqual(len(before), LINKS, "\n".join(self.seen.firmware[phbs[0] - 10:phbs[0] + 1]))

    def test_log(self):
        """the kernel has no warning"""
        self.assertEqual(self.seen.facts.get("host.log"), "0 warnings")


if __name__ == "__main__":
    tap.main()
