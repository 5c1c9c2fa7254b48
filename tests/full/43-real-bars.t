#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 420
"""The main job with GPUs whose BARs are as large as those of a real one: a PE of many M64 segments, master and slaves.
30 s.
"""

import json
import os
import subprocess
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))

import tap  # noqa: E402

BARS = {0: "size 0x1000000 rwm", 1: "size 0x400000000 rwm", 3: "size 0x2000000 rwm"}


class RealBars(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = subprocess.run([os.path.join(TOP, "machine", "demo"), "--json", "--log", tap.log("real-bars"), "--",
                               "-global", "pnv-v100.bar1-size=16G"], stdout=subprocess.PIPE, text=True, check=False)
        cls.seen = json.loads(done.stdout)

    def test_bars(self):
        """the host has assigned all BARs, and vfio offers them"""
        for bar, text in BARS.items():
            self.assertEqual(self.seen["facts"].get(f"host.device.gpu.region.{bar}"), text)

    def test_checks(self):
        """the job ends, and all of its checks pass"""
        self.assertIsNone(self.seen["error"])
        self.assertTrue(self.seen["checks"])
        self.assertEqual([check["name"] for check in self.seen["checks"] if not check["passed"]], [])


if __name__ == "__main__":
    tap.main()
