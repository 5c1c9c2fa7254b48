#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""A group for each GPU is asked for, and cannot be had: with a GPU whose links do not go, with firmware that does not
say which links they are, and with a PCI domain that is no NPU. 50 s.
"""

import os
import sys
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from scenario import observe  # noqa: E402
from witherspoon import Settings  # noqa: E402

TIMEOUT = 180
GPU_CLASS = "0x0302"


def boot(name, append, *extra, board="small"):
    """Hands the first GPU to vfio-pci, with all of its group."""
    return observe(Settings(board=board, job=f"plain,{GPU_CLASS}", append=append, extra=extra), tap.log(name), TIMEOUT)


def said(seen, *words):
    """The lines of the console that have all of these words; the log of the kernel has them again."""
    return [line for line in seen.lines if not line.startswith("dmesg|") and all(word in line for word in words)]


class Refused(unittest.TestCase):
    def test_links_stay(self):
        """GPUs whose links cannot be cut are in no group, and the log names each"""
        seen = boot("isolation-links-stay", "npu2_isolate=all", "-global", "pnv-v100.x-fail-link-disable=on")
        self.assertEqual(seen.facts["host.gpus"], "2")
        self.assertNotIn("host.bound", seen.facts)
        self.assertTrue(said(seen, "has no IOMMU group"))
        self.assertEqual(len(said(seen, "cannot cut links to other GPUs, error -5")), 2)
        self.assertEqual(len(said(seen, "GPU left without IOMMU group")), 2)

    def test_links_unknown(self):
        """without a description of the links nothing is cut, and the log names the GPU"""
        seen = boot("isolation-links-unknown", "npu2_isolate=all", "-global", "pnv-npu2.x-dt-slot-label=GPU0")
        self.assertEqual(seen.facts["host.gpus"], "1")
        self.assertEqual(len(said(seen, "GPUs stay in one IOMMU group", 'has no "ibm,nvlink-peers"')), 1)
        self.assertFalse([line for line in seen.kernel if "NVLinks to other GPUs are cut" in line])

    def test_other_npu(self):
        """an NPU that is not meant has one group, and one that does not exist is named"""
        seen = boot("isolation-other-npu", "npu2_isolate=42")
        self.assertEqual(seen.facts["host.bound"], "8 of 8")
        self.assertEqual(len(said(seen, "npu2_isolate", "PCI domain 0042 is no usable NPU")), 1)


if __name__ == "__main__":
    tap.main()
