#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The checks of the main job can fail: each is shown an observation in which one thing is wrong.

observation.json is what a real run on the 4-GPU board saw, without what no check looks at.
"""

import copy
import json
import os
import sys
import types
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from checks import judge  # noqa: E402
from witherspoon import Npu  # noqa: E402

RECORD = os.path.join(tap.TOP, "tests", "observation.json")
VALID = 1 << 63
# What is said of a page that is taken away
ATS = "mapped 0x2 all, taken 0x2 all, another shot 0x2 all, shot 0x606 nothing, given 0x2 all"
ERROR = "no error of the NPU"

# A fact, what it could be instead (None: it was never said), the check that must notice.
WRONG_FACTS = [
    ("guest.gpu", "0001:00:01.0 ibm,npu 2", "GPU and bridges"),
    ("host.gpu", None, "GPU and bridges"),
    ("host.group", "0: 8 functions, 2 of 3 bridges in it", "GPU and bridges"),
    ("host.bound", "7 of 8", "GPU and bridges"),
    ("guest.bridge.1", "0001:00:03.0 ibm,gpu wrong tgt 0x40000000000 speed 8 memory memory@1", "ibm,gpu, memory-region"),
    ("guest.bridge.2", "0001:00:04.0 ibm,gpu ok tgt 0x40000000000 speed 8 memory none", "ibm,gpu, memory-region"),
    ("host.device.gpu.region.9", "size 0x1000000000 rwm", "GPU RAM region"),
    ("host.device.gpu.region.9.cap.2", None, "GPU RAM region"),
    ("guest.ram", "base 0x1 aperture 0x2000000000 ibm,coherent-device-memory, in use at boot", "GPU RAM region"),
    ("host.device.bridge0.region.9", "size 0 ---", "ATSD regions"),
    ("host.device.bridge1.region.9", "size 0 rwm", "ATSD regions"),
    ("host.device.bridge2.region.9", "size 0x1000 rwm", "ATSD regions"),
    ("guest.atsd.registers", "", "ATSD regions"),
    ("host.device.bridge1.region.9.cap.4", "ssatgt 0x42000000000", "ibm,device-tgt-addr"),
    ("host.device.gpu.region.9.cap.4", None, "ibm,device-tgt-addr"),
    ("host.device.bridge0.region.9.cap.5", "lnkspd 9", "ibm,nvlink-speed"),
    ("host.device.bridge2.region.9.cap.5", None, "ibm,nvlink-speed"),
    ("guest.links.up", "2", "links trained"),
    ("guest.ram.online", "768 MiB of 1024 in node 1", "GPU RAM as a node"),
    ("guest.ram.online", "1024 MiB of 1024 in node 0", "GPU RAM as a node"),
    ("guest.ram.online", None, "GPU RAM as a node"),
    ("guest.program", "32 MiB, 1 words wrong, 0 pages elsewhere", "program bound to the node"),
    ("guest.program", "32 MiB, 0 words wrong, 3 pages elsewhere", "program bound to the node"),
    ("guest.program", None, "program bound to the node"),
    ("host.lpid", "0 0 2 0", "LPID while it runs"),
    ("host.lpid", None, "LPID while it runs"),
    ("host.lpid", "0 1", "afterwards: LPID back"),
    ("guest.copy.pcie", "to gpu 0x204 different, back 0 different, 128 KiB", "copy over PCIe"),
    ("guest.copy.pcie", "to gpu 0x2 different, back 0x2 equal, 128 KiB", "copy over PCIe"),
    ("guest.copy.nvlink.0", "to gpu 0x304 different, back 0 different, 128 KiB", "copy over NVLink 0"),
    ("guest.copy.nvlink.2", None, "copy over NVLink 2"),
    ("guest.copy.ats.0", "to gpu 0x606 different, back 0 different, 128 KiB", "ATS copy over NVLink 0"),
    ("guest.copy.ats.2", None, "ATS copy over NVLink 2"),
    ("guest.ats.unmapped", ATS.replace("shot 0x606 nothing", "shot 0x2 all"), "ATS: unmapped, and shot down"),
    ("guest.ats.unmapped", ATS.replace("taken 0x2 all", "taken 0x606 nothing"), "ATS: unmapped, and shot down"),
    ("guest.ats.no-access", ATS.replace("another shot 0x2 all", "another shot 0x606 nothing"),
     "ATS: no-access, and shot down"),
    ("guest.ats.read-only", ATS.replace("given 0x2 all", "given 0x606 nothing"), "ATS: read-only, and shot down"),
    ("guest.ats.read-only", None, "ATS: read-only, and shot down"),
    ("guest.ats.kernel", "0x2", "ATS: not memory of the kernel"),
    ("guest.ats.kernel", None, "ATS: not memory of the kernel"),
    ("guest.apart.pasids", "7 7", "ATS of two processes"),
    ("guest.apart", "first 0x2 its own, second 0x2 another's", "ATS of two processes"),
    ("guest.apart", None, "ATS of two processes"),
    ("guest.atsd", "6 shootdowns, 1 without end", "ATSD"),
    ("guest.atsd", "60 shootdowns, 0 without end", "ATSD"),
    ("guest.bars", "0x1000000 0 0", "GPU's BARs"),
    ("host.device.gpu.region.1", None, "GPU's BARs"),
    ("guest.vendor.pci.0", "class 0x068001 id 1014:04ea irq 0", "bridges: class, id, irq"),
    ("guest.vendor.pci.1", "class 0x060400 id 1014:04ea irq 22", "bridges: class, id, irq"),
    ("guest.vendor.bars.1", "0x20000 answers, 0 is mute, enabled", "bridges: BARs"),
    ("guest.vendor.bars.2", "0x20000 answers, 0x10000 answers, disabled", "bridges: BARs"),
    ("guest.vendor.tree.0", "ibm,device-tgt-addr of 4, memory-region of 4, reg of 16 bytes, node 1",
     "bridges: device tree"),
    ("guest.vendor.tree.2", "ibm,device-tgt-addr of 8, memory-region of 4, reg of 16 bytes, node 0",
     "bridges: device tree"),
    ("guest.vendor.alive", "40 times, 3 not IBM's", "bridges: vendor id, each second"),
    ("guest.vendor.alive", None, "bridges: vendor id, each second"),
    ("guest.atsd", None, "ATSD"),
    ("host.trace.vfio_pci_nvgpu_mmap_fault", None, "tracepoints"),
    ("host.trace.vfio_pci_nvgpu_mmap_fault", "16", "tracepoints"),
    ("host.trace.vfio_pci_npu2_mmap", "0", "tracepoints"),
    ("guest.job.status", "1", "guest ends"),
    ("host.consumer", "139", "guest ends"),
    ("host.unbound", "7 of 8", "afterwards: unbound"),
    ("host.unbound", None, "afterwards: unbound"),
    ("host.log", "1 warnings: WARNING: CPU: 1", "host's log"),
    ("host.log", None, "host's log"),
]


def observation():
    with open(RECORD, encoding="utf-8") as stream:
        record = json.load(stream)
    seen = types.SimpleNamespace(facts=record["facts"], firmware=record["firmware"], registers={}, gpus={})
    for mark, gpus in record["gpus"].items():
        seen.gpus[mark] = [types.SimpleNamespace(**gpu) for gpu in gpus]
    for mark, npus in record["registers"].items():
        seen.registers[mark] = [Npu.__new__(Npu) for _ in npus]
        for npu, values in zip(seen.registers[mark], npus):
            npu.__dict__.update(values)
    return seen


def failed(seen):
    return {result.name for result in judge("4gpu", seen) if not result.passed}


class Checks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.good = observation()

    def setUp(self):
        self.seen = copy.deepcopy(self.good)
        self.running = self.seen.registers["guest.running"][0]
        self.after = self.seen.registers["host.after"][0]

    def test_good(self):
        """what a good run saw passes every check"""
        self.assertEqual(failed(self.seen), set())

    def test_nothing(self):
        """a run that saw nothing passes no check"""
        empty = types.SimpleNamespace(facts={}, firmware=[], registers={}, gpus={})
        self.assertEqual([result.name for result in judge("4gpu", empty) if result.passed], [])

    def test_facts(self):
        """each wrong or missing fact is noticed"""
        for key, value, check in WRONG_FACTS:
            with self.subTest(key=key, value=value):
                seen = copy.deepcopy(self.good)
                self.assertIn(key, seen.facts)
                seen.facts.pop(key)
                if value is not None:
                    seen.facts[key] = value
                self.assertIn(check, failed(seen))

    def test_links_down(self):
        """a link that is down while the guest runs"""
        self.running.link[1]["up"] = False
        self.assertIn("links trained", failed(self.seen))

    def test_lpid_missing(self):
        """no row of XTS_BDF_MAP for the guest"""
        self.running.bdf_map = [0] * len(self.running.bdf_map)
        self.assertIn("LPID while it runs", failed(self.seen))

    def test_lpid_of_another(self):
        """two rows of XTS_BDF_MAP for guests"""
        self.running.bdf_map[1] = VALID | 2
        self.assertIn("LPID while it runs", failed(self.seen))

    def test_lpid_stays(self):
        """the guest's LPID stays behind, in a row or in an ATSD register"""
        self.after.lparid[0] = 1
        self.assertEqual(failed(self.seen), {"afterwards: LPID back"})

    def test_no_window(self):
        """no TVE with a table while the guest runs"""
        self.running.tve = [Npu.DENY] * len(self.running.tve)
        self.assertIn("DMA window while it runs", failed(self.seen))

    def test_bypass(self):
        """a TVE that is left as bypass"""
        self.after.tve[self.running.tables()[0]] = 0
        self.assertEqual(failed(self.seen), {"afterwards: TVE"})

    def test_table_stays(self):
        """a TVE that still has the table"""
        table = self.running.tables()[0]
        self.after.tve[table] = self.running.tve[table]
        self.assertEqual(failed(self.seen), {"afterwards: TVE"})

    def test_not_over_the_link(self):
        """copies over a link of which the NPU has not seen all"""
        for counter, name in (("dma-bytes", "copy over NVLink 1"), ("ats-bytes", "ATS copy over NVLink 1")):
            self.running.link[1][counter] -= 1
            self.assertEqual(failed(self.seen), {name})
            self.running.link[1][counter] += 1

    def test_no_launch(self):
        """a shootdown that never reached the NPU, or no GPU"""
        for atsd in self.running.atsd:
            atsd["hits"] = 0
        self.assertEqual(failed(self.seen), {"ATSD"})

    def test_missed_a_gpu(self):
        """a shootdown that the NPU does not pass on to the GPU"""
        self.running.atsd[0]["hits"] -= 1
        self.assertEqual(failed(self.seen), {"ATSD"})

    def test_nothing_remembered(self):
        """a GPU that asks for every translation, so that there is nothing to shoot down"""
        for gpu in self.seen.gpus["guest.running"]:
            gpu.atc["hits"] = 0
        self.assertIn("ATS: unmapped, and shot down", failed(self.seen))

    def test_pair(self):
        """what is said of one GPU is not taken for another's"""
        self.seen.facts = {key.replace(".", ".gpu0.", 1): value for key, value in self.seen.facts.items()}
        passed = [result.name for result in judge("4gpu", self.seen, "pair") if result.passed]
        self.assertIn("GPU 0: ATS of two processes", passed)
        self.assertEqual([name for name in passed if name.startswith("GPU 1: ")], [])

    def test_all(self):
        """an NPU that serves no GPU, with GPUs of two sockets in the guest; and two GPUs in one node"""
        self.seen.facts = {key.replace(".", f".gpu{gpu}.", 1): value for key, value in self.seen.facts.items()
                           for gpu in range(4)}
        results = {result.name: result.passed for result in judge("4gpu", self.seen, "all")}
        self.assertTrue(results["socket 0: afterwards: LPID back"])
        self.assertEqual([name for name, passed in results.items() if passed and name.startswith("socket 1: ")], [])
        self.assertTrue(results["GPU 0: ATS of two processes"])
        self.assertFalse(results["GPU 2: ATS of two processes"])
        self.assertFalse(results["each GPU's RAM is a node of its own"])
        for gpu in range(4):
            self.seen.facts[f"guest.gpu{gpu}.ram.online"] = f"1024 MiB of 1024 in node {gpu + 1}"
        results = {result.name: result.passed for result in judge("4gpu", self.seen, "all")}
        self.assertTrue(results["each GPU's RAM is a node of its own"])

    def each(self, name, gpu=0):
        """Does this check of a guest pass, of several at once?"""
        results = {result.name: result.passed for result in judge("4gpu", self.seen, "each")}
        return results[f"GPU {gpu}: {name}"]

    def begin_each(self):
        """What was seen of one guest is of the first of two, which is isolated."""
        self.seen.facts = {key.replace(".", ".gpu0.", 1): value for key, value in self.seen.facts.items()}
        self.seen.facts["host.gpu0.group"] = "0: 4 functions, 3 of 3 bridges in it"
        self.seen.facts["host.gpu0.cut"] = "links 0x15, 4 times since, 0 failed"
        self.seen.facts["guest.gpu0.peer"] = "0x506 0x106 0x506 0x106 0x506 0x106"
        for gpu in self.seen.gpus["guest.running"]:
            gpu.link_disable = 0x150000
            gpu.peers["up"] = 0

    def test_each(self):
        """what is said of one guest is not taken for another's"""
        self.begin_each()
        results = {result.name: result.passed for result in judge("4gpu", self.seen, "each")}
        self.assertEqual([name for name, passed in results.items() if passed and name.startswith("GPU 1: ")],
                         ["GPU 1: links to other GPUs are cut"])
        for name in ("LPID while it runs", "ATS of two processes", "ATSD", "ATS: unmapped, and shot down", "group of its own",
                     "the kernel says which links it has cut"):
            self.assertTrue(results[f"GPU 0: {name}"], name)
        self.assertFalse(results["each guest has an LPID of its own"])
        self.assertTrue(results["socket 0: DMA window while it runs"])
        self.seen.registers["guest.running"][0].tve = [0] + self.running.tve[:1] + [self.running.DENY] * 14
        self.assertFalse({result.name: result.passed for result in judge("4gpu", self.seen, "each")}[
            "socket 0: DMA window while it runs"])

    def test_each_apart(self):
        """a GPU in a group with others, one that reaches others or is reached, or has not cut its links or is not said to"""
        for name, spoil in (
                ("group of its own", lambda seen: seen.facts.update({"host.gpu0.group": "0: 8 functions, 3 of 3 bridges"})),
                ("links to other GPUs are cut",
                 lambda seen: setattr(seen.gpus["guest.running"][0], "link_disable", 0x050000)),
                ("links to other GPUs are cut", lambda seen: seen.gpus["guest.running"][0].peers.update(up=4)),
                ("links to other GPUs are cut", lambda seen: seen.gpus["guest.running"][0].peers.update(served=4096)),
                *((
                    "the kernel says which links it has cut", lambda seen, text=text: seen.facts.update({"host.gpu0.cut": text}))
                  for text in ("links 0x15, 0 times since, 0 failed", "links 0x15, 4 times since, 1 failed",
                               "links 0x14, 4 times since, 0 failed", "links 0, 4 times since, 0 failed", "")),
                ("RAM of other GPUs is not reached", lambda seen: seen.gpus["guest.running"][0].peers.update(bytes=64)),
                ("RAM of other GPUs is not reached",
                 lambda seen: seen.facts.update({"guest.gpu0.peer": "0x506 0x106 0x2 0x106 0x506 0x106"})),
                ("RAM of other GPUs is not reached", lambda seen: seen.facts.pop("guest.gpu0.peer"))):
            self.setUp()
            self.begin_each()
            self.assertTrue(self.each(name))
            spoil(self.seen)
            self.assertFalse(self.each(name), name)

    def test_not_fenced(self):
        """a link without a fence after the guest is gone"""
        self.after.link[2]["fence"] = "none"
        self.assertEqual(failed(self.seen), {"afterwards: links fenced", ERROR})

    def test_fenced_by_hardware(self):
        """a link that the hardware fenced, because nobody had done it in time"""
        self.after.link[2]["fence"] = "hardware"
        self.assertEqual(failed(self.seen), {"afterwards: links fenced", ERROR})

    def test_error(self):
        """a bit of a FIR, a refused access, a link that is not used and open, at any mark"""
        for mark in self.seen.registers:
            for spoil in (lambda npu: npu.fir.__setitem__(1, VALID), lambda npu: npu.ram[0].update(refused=1),
                          lambda npu: npu.link[5].update(fence="none")):
                seen = copy.deepcopy(self.good)
                spoil(seen.registers[mark][0])
                self.assertEqual(failed(seen), {ERROR}, mark)

    def test_firmware_row(self):
        """firmware that did not take the LPID back"""
        self.seen.firmware = self.seen.firmware[:-1]
        self.assertIn("afterwards: LPID back", failed(self.seen))


if __name__ == "__main__":
    tap.main()
