#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The bench notices when a target is missed: it is shown reports in which one thing is wrong."""

import os
import re
import sys
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "bench"))

from plot import bars  # noqa: E402
from table import evaluate, learn, table  # noqa: E402

# What two runs reported, as far as targets are about it.
RECORD = {
    "series": """\
@ host.bench.mmap.gib=mib 1024 times 102 us 7.6 insns 6574 munmap_us 6.8 munmap_insns 6095
@ host.bench.mmap.all=mib 131072 times 102 us 7.9 insns 6574 munmap_us 8.9 munmap_insns 12446
@ host.bench.touch.gpu=mib 2048 faults 2 tables_kib 0 us 15057 insns 188838 again_us 9527 again_insns 172284
@ host.bench.touch.after_zap=mib 2048 faults 2 us 14000 insns 189000
@ host.bench.warm=mib 256 gpu_us 68915 memory_us 67659 other_us 66396 gpu_insns 167871897 memory_insns 167865730
@ host.bench.dma.map=page_kib 64 mib 1024 gpu_us 6366 memory_us 6074 gpu_insns 6665395 memory_insns 6616151
@ host.bench.dma.unmap=page_kib 64 mib 1024 gpu_us 6796 memory_us 6994 gpu_insns 6829147 memory_insns 6841924
@ host.bench.kvm.guest.touch_gpu=stage2 8 pages_2m 0 pages_1g 2 caused 11725 exits 123201 timer 111448 mmio 0
@ guest.bench.touch.gpu=mib 1984 faults 992 us 928684 insns 28285769 again_us 13736 again_insns 179253
@ host.bench.kvm.guest.touch_memory=stage2 10 pages_2m 0 pages_1g 4 caused 11749 exits 123494 timer 111715 mmio 0
@ guest.bench.warm=mib 256 gpu_us 88045 memory_us 91193 other_us 90454 gpu_insns 167965037 memory_insns 167951654
@ host.bench.kvm.guest.launch=stage2 11 pages_2m 0 pages_1g 4 caused 11829 exits 134306 timer 122408 mmio 0
@ host.bench.kvm.guest.idle=stage2 11 pages_2m 0 pages_1g 4 caused 11835 exits 134351 timer 122447 mmio 0
@ host.bench.kvm.guest.done=stage2 11 pages_2m 0 pages_1g 4 caused 11841 exits 134396 timer 122486 mmio 0
@ guest.bench.launch=count 2000 us 76.67 insns 57
@ host.bench.stages.gpu.open=us 153827 firmware 8472 power 13319 platform 7406 ready 128402 flr 0 restore 1172
@ host.bench.stages.bridges.open=us 12179 firmware 7297 power 615 platform 0 ready 0 flr 0 restore 2455
@ host.bench.stages.bridges.close=us 9632 firmware 1916 power 0 platform 0 ready 0 flr 0 restore 2987
@ host.bench.stages.gpu.close=us 138431 firmware 1824 power 0 platform 7254 ready 128388 flr 0 restore 935
""",
    "control": """\
@ host.bench.touch.gpu=mib 2048 faults 32768 tables_kib 264 us 342761 insns 64547885 again_us 26773 again_insns 186117
@ host.bench.touch.after_zap=mib 2048 faults 0 us 35590 insns 184500
""",
}

# A report, a number in it, what it could be instead (None: it was never made), the target that must be missed.
WRONG = [
    ("host.bench.touch.gpu", "faults", 3, "faults per GiB of GPU RAM"),
    ("host.bench.touch.gpu", None, None, "faults per GiB of GPU RAM"),
    ("host.bench.touch.after_zap", "faults", 1024, "faults per GiB after a zap"),
    ("host.bench.touch.after_zap", "insns", 700000, "first touch of 1 GiB, instructions"),
    ("host.bench.kvm.guest.touch_memory", "pages_1g", 3, "1 GiB pages used"),
    ("host.bench.kvm.guest.touch_gpu", None, None, "1 GiB pages used"),
    ("host.bench.warm", "gpu_us", 75000, "host warm pass"),
    ("host.bench.warm", "memory_us", 59000, "host warm pass"),
    ("host.bench.warm", None, None, "host warm pass"),
    ("guest.bench.warm", "gpu_us", 110000, "guest warm pass"),
    ("guest.bench.warm", "gpu_us", 70000, "guest warm pass"),
    ("host.bench.mmap.all", "insns", 9000, "mmap of 128 GiB / of 1 GiB"),
    ("host.bench.kvm.guest.idle", "caused", 13835, "exits per ATSD launch"),
    ("host.bench.kvm.guest.idle", "caused", 11865, "exits per ATSD launch"),
    ("guest.bench.launch", None, None, "exits per ATSD launch"),
    ("host.bench.kvm.guest.idle", "mmio", 2000, "emulated accesses per ATSD launch"),
    ("host.bench.dma.map", "gpu_insns", 7500000, "DMA map, GPU RAM / memory"),
    ("host.bench.dma.unmap", "gpu_insns", 7500000, "DMA unmap, GPU RAM / memory"),
    ("host.bench.stages.gpu.open", "us", 2000000, "open to ready"),
    ("host.bench.stages.bridges.open", "us", 1900000, "open to ready"),
    ("host.bench.stages.bridges.open", None, None, "open to ready"),
    ("host.bench.stages.gpu.open", "firmware", 100317, "longest call of firmware"),
    ("host.bench.stages.gpu.close", "firmware", 1000000, "longest call of firmware"),
    ("host.bench.stages.gpu.close", None, None, "longest call of firmware"),
]


def record():
    facts = {}
    for side, text in RECORD.items():
        facts[side] = {}
        for line in text.splitlines():
            if not learn(facts[side], line):
                raise AssertionError(line)
    return facts


def missed(facts):
    return [f"{line[0]} {line[1]}" for _, lines in evaluate(facts, 2) for line in lines if line[-1] == "FAIL"]


class BenchTable(unittest.TestCase):
    def test_good(self):
        """every target is met by what two runs reported"""
        facts = record()
        self.assertEqual(missed(facts), [])
        parts = list(evaluate(facts, 2))
        self.assertEqual(len(re.findall(r"pass$", "\n".join(table(parts)), re.M)), len({row[3] for row in WRONG}))
        self.assertIn("first touch of 1 GiB", bars(parts))

    def test_nothing(self):
        """a run that reported nothing misses every target"""
        facts = {"series": {}, "control": {}}
        self.assertEqual(len(missed(facts)), len({row[3] for row in WRONG}))

    def test_empty_line(self):
        """a line of the kernel is no report"""
        self.assertFalse(learn({}, "[    0.0] a = b"))


def wrong(key, name, value, what):
    """A test that with this report this target is missed."""
    def test(self):
        facts = record()
        if name is None:
            del facts["series"][key]
        else:
            facts["series"][key][name] = value
        self.assertTrue(any(what in row for row in missed(facts)), missed(facts))
    test.__doc__ = f"{key} {name or 'missing'} {value if name else ''}: {what}"
    return test


for number, row in enumerate(WRONG):
    setattr(BenchTable, f"test_wrong_{number:02d}", wrong(*row))

if __name__ == "__main__":
    tap.main()
