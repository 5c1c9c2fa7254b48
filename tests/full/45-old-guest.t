#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 3600
"""A guest with Linux 5.10, where the drivers of those who have such GPUs end: all checks of the main job, with this kernel
in the host. Takes 40 s once 5.10 is built, which takes ten minutes.
"""

import os
import subprocess
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))

import tap  # noqa: E402

CONTROL = "control"
IMAGES = os.path.join(tap.BUILD, f"images-guest-{CONTROL}")


def build():
    subprocess.run([os.path.join(TOP, "scripts", "build"), "images"], check=True, stdout=sys.stderr)
    subprocess.run([os.path.join(TOP, "tests", "control"), "--build"], check=True, stdout=sys.stderr)
    subprocess.run([os.path.join(TOP, "machine", "build-images")], check=True, stdout=sys.stderr,
                   env={**os.environ, "GUEST_KERNEL": CONTROL})


class OldGuest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        build()
        cls.seen = tap.demo("old-guest", "--images", IMAGES)

    def test_kernels(self):
        """the guest has Linux 5.10, the host the kernel of the series"""
        self.assertRegex(self.seen["facts"].get("guest.kernel", ""), r"^5\.10\.")
        self.assertRegex(self.seen["facts"].get("host.kernel", ""), "nvlink2$")

    def test_checks(self):
        """the job ends, and all of its checks pass"""
        self.assertTrue(self.seen["checks"])
        self.assertEqual(tap.failed_checks(self.seen), [])


if __name__ == "__main__":
    tap.main()
