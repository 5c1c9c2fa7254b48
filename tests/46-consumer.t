#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 420
"""The consumer QEMU, given what no guest has a use for: bridges without the GPU that they lead to."""

import os
import sys
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from witherspoon import Machine, Settings  # noqa: E402


class Orphans(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        log = os.path.join(tap.BUILD, "logs", "consumer.orphans.log")
        cls.facts, cls.lines = {}, []
        with Machine(Settings(board="small", job="passthrough,0,orphans"), log) as machine:
            for line in machine.lines(360):
                cls.lines.append(line)
                if line.startswith("@ mark "):
                    machine.send("go")
                elif line.startswith("@ ") and "=" in line:
                    key, value = line[2:].split("=", 1)
                    cls.facts[key] = value

    def test_said(self):
        """it says what is wrong"""
        self.assertTrue([line for line in self.lines
                         if "NVLink bridge bridge0 is passed through without the GPU it leads to" in line])

    def test_survives(self):
        """the guest runs, without NVLink, to its end"""
        self.assertEqual(self.facts["guest.gpus"], "0")
        self.assertEqual(self.facts["host.consumer"], "0")

    def test_host(self):
        """the host gets its bridges back and warns about nothing"""
        self.assertRegex(self.facts["host.unbound"], r"^(\d+) of \1$")
        self.assertEqual(self.facts["host.log"], "0 warnings")


if __name__ == "__main__":
    tap.main()
