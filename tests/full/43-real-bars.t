#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 1500
"""The main job with GPUs whose BARs are as large as those of real ones, 16 GiB or 32 GiB: a PE of many M64 segments,
master and slaves. A guest gets one GPU, or the three of a socket. 80 s.
"""

import os
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))

import tap  # noqa: E402

GIB = 1 << 30


class RealBars(unittest.TestCase):
    def look(self, size, *words):
        """size: in GiB. A check of the job compares the BARs of host and guest; here they are those that were wanted."""
        seen = tap.demo(f"real-bars-{size}", *words, "--", "-global", f"pnv-v100.bar1-size={size}G")
        self.assertEqual(tap.failed_checks(seen), [])
        return [value for key, value in seen["facts"].items() if key.startswith("guest.") and key.endswith(".bars")]

    def bars(self, size):
        return f"0x1000000 {size * GIB:#x} 0x2000000"

    def test_one(self):
        """4 GPUs with 16 GiB, one of them in a guest"""
        self.assertEqual(self.look(16), [self.bars(16)])

    def test_three(self):
        """6 GPUs with 32 GiB, the three of a socket in a guest"""
        self.assertEqual(self.look(32, "--board", "6gpu", "--guests", "pair", "--gpu-ram", "256M"), [self.bars(32)] * 3)


if __name__ == "__main__":
    tap.main()
