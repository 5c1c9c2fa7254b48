#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 1260
"""The main job on a machine with a link that does not train: it must fail, for that reason, and clean up."""

import os
import re
import subprocess
import unittest

import tap


class Untrained(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        log = os.path.join(tap.BUILD, "logs", "demo-untrained.log")
        cls.done = subprocess.run([os.path.join(tap.TOP, "machine", "demo"), "--board", "small", "--tap", "--log", log,
                                   "--", "-global", "pnv-npu2.x-fail-training=1"],
                                  capture_output=True, text=True, check=False)
        cls.cases = {name: not failed for failed, name in
                     re.findall(r"^(not )?ok \d+ - (.*)$", cls.done.stdout, re.M)}

    def test_fails(self):
        """the job fails and says which side stopped and why"""
        self.assertEqual(self.done.returncode, 1)
        self.assertFalse(self.cases["links trained"])
        self.assertIn("# The guest stopped: not every link came up", self.done.stdout)

    def test_untouched(self):
        """nobody touched GPU RAM"""
        for name in ("GPU RAM as a node", "program bound to the node", "copy over NVLink 0", "tracepoints"):
            self.assertFalse(self.cases[name], name)

    def test_cleaned(self):
        """the GPU is taken back all the same, and the host warns about nothing"""
        for name in ("afterwards: LPID back", "afterwards: TVE", "afterwards: links fenced", "afterwards: unbound",
                     "host's log"):
            self.assertTrue(self.cases[name], name)

    def test_fenced(self):
        """a link that the hardware has fenced ends it"""
        log = os.path.join(tap.BUILD, "logs", "demo-fenced.log")
        done = subprocess.run([os.path.join(tap.TOP, "machine", "demo"), "--board", "small", "--tap", "--log", log,
                               "--", "-global", "pnv-npu2.x-fence=2"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("pnv-npu2: chip 0: bits 0x2000000000000000 of FIR 1 are set", done.stderr)


if __name__ == "__main__":
    tap.main()
