#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""The kit for owners of an AC922: what it refuses, what it leaves out of a report, and one report from an emulated host that
has only the archive. tests/full/46-hardware-kit.t runs all of its programs.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import tap

sys.path[:0] = [os.path.join(tap.TOP, "tests", name) for name in ("kit", "nvlink2")]

import fixture as made  # noqa: E402
import kit  # noqa: E402
from fixture import DEVICES, TREE, string  # noqa: E402

KIT = os.path.join(tap.TOP, "kit")
SERIES = "0000000000000000 T pnv_npu2_gpu_set_revoke\n"
PROGRAMS = ("nvlink2_regions", "nvlink2_copy")
TIMEOUT = 400
# What cases.log of a run may look like: one that failed, one that was skipped, and one in which the program ended
LOG = """@ run nvlink2_one
TAP version 13
1..3
#  RUN           one.first ...
# one.c:12:first:Expected "a" (0) == \\b (1)
not ok 1 one.first
#  RUN           one.second ...
ok 2 one.second # SKIP no device
#  RUN           one.third ...
@ status 139
@ run nvlink2_two
@ status 127
"""


def shell(script, root, **variables):
    """With the kit's parts read."""
    parts = "".join(f". {KIT}/{name}.sh; " for name in ("machine", "state", "collect"))
    done = subprocess.run(["dash", "-c", f"set -u; root={root}; kit={KIT}; {parts}{script}"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, env={**os.environ, **variables})
    return done.stdout


class Files(unittest.TestCase):
    """The kit on files that look like those of a machine."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="kit-")
        self.addCleanup(shutil.rmtree, self.root)
        self.machine = os.path.join(self.root, "machine")
        self.fixture, self.gpus = made.witherspoon(self.machine)
        self.fixture.write("proc/kallsyms", SERIES)
        self.fixture.write("proc/sys/vm/nr_hugepages", "5\n")

    def why_not(self):
        return shell("why_not", self.machine).strip()

    def test_ours(self):
        """an AC922 with the series and nobody on the GPUs is taken, also with devices of vfio-pci"""
        self.assertEqual(self.why_not(), "")
        self.fixture.bind(self.gpus[0].address, "vfio-pci")
        self.assertEqual(self.why_not(), "")

    def test_series(self):
        """a kernel without the series is refused, one of before 5.13 as well"""
        for symbols in ("", "0000000000000000 t vfio_pci_nvlink2_init\n0000000000000000 T pnv_npu2_map_lpar_dev\n"):
            self.fixture.write("proc/kallsyms", symbols)
            self.assertIn("without the nvlink2 series", self.why_not())

    def test_driver(self):
        """GPUs with the driver of their vendor are refused"""
        self.fixture.bind(self.gpus[1].address, "nvidia")
        self.assertIn(f"{self.gpus[1].address} has the driver nvidia", self.why_not())

    def test_guest(self):
        """GPUs that a guest has are refused"""
        self.fixture.process(77, "qemu-system-ppc", ["qemu"], ["/dev/kvm", "/dev/vfio/0"])
        self.assertIn("process 77 (qemu-system-ppc) has a group", self.why_not())

    def test_others(self):
        """machines without NPU, guests, and machines without OPAL are refused"""
        for make, words in ((made.plain_power, "no GPU here"), (made.pseries, "no PowerNV machine"),
                            (made.amd64, "no PowerNV machine")):
            make(self.machine)
            self.assertIn(words, self.why_not())

    def test_amd64(self):
        """the program itself refuses another processor, before it looks at anything"""
        for option in ([], ["--check"], ["--collect"], ["--restore"]):
            done = subprocess.run([os.path.join(KIT, "run"), *option], capture_output=True, text=True, check=False,
                                  cwd=self.root)
            self.assertEqual(done.returncode, 3)
            self.assertIn(f"this is {os.uname().machine}: the tests are for an AC922", done.stderr)
        self.assertEqual(os.listdir(self.root), ["machine"])

    def test_dangerous(self):
        """what can stop the machine, and what is none of the programs, is refused by name"""
        for name, words in (("nvlink2_panic", "it needs --dangerous"), ("nvlink2_huge", "it needs --dangerous"),
                            ("sh", "is none of")):
            done = subprocess.run([os.path.join(KIT, "run"), "--only", f"nvlink2_copy,{name}"], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)

    def test_private(self):
        """serial numbers, addresses and names are not copied, wherever they stand"""
        for name, value in (("system-id", string("7812ABC")), ("vpd/card@1/serial-number", string("YL10BG7AB001")),
                            ("ethernet/local-mac-address", b"\2\3\4\5\6\7"), ("vpd/ibm,loc-code", string("UOPWR.7812ABC-P1")),
                            ("hidden", b"x\0YL10BG7AB001\0"), ("good", string("kept"))):
            self.fixture.write(f"{TREE}/{name}", value)
        self.fixture.write("text", f"a 7812ABC b\neth0 70:e2:84:14:09:ae {os.uname().nodename}\n"
                           "Serial Number: ab\n0004:04:00.0 stays\n")
        out = shell("work=$root/work report=$root/work; mkdir $work; prepare_cleaning; device_tree; keep text.txt "
                    "cat $root/text; tar -tf $work/device-tree.tar; cat $work/text.txt", self.machine)
        self.assertRegex(out, r"device-tree/good\n")
        self.assertRegex(out, r"(?m)ibm,slot-label$")
        self.assertRegex(out, r"a \(removed\) b\neth0 \(MAC address removed\) .*\n0004:04:00.0 stays\n$")
        for word in ("serial-number", "system-id", "mac-address", "loc-code", "hidden", "7812ABC", "70:e2", "Serial"):
            self.assertNotIn(word, out)

    def test_results(self):
        """failures, and programs that ended in a case or never ran, are told"""
        def awk(form):
            return subprocess.run(["awk", "-v", f"form={form}", "-v", "interrupted=false", "-v", "restored=true", "-f",
                                   os.path.join(KIT, "results.awk")], input=LOG, stdout=subprocess.PIPE, text=True,
                                  check=True).stdout
        programs = json.loads(awk("json"))["programs"]
        self.assertEqual([(case["name"], case["result"]) for case in programs[0]["cases"]],
                         [("one.first", "fail"), ("one.second", "skip"), ("one.third", "fail")])
        self.assertEqual(programs[0]["cases"][0]["reason"], 'one.c:12:first:Expected "a" (0) == \\b (1)')
        self.assertEqual(programs[0]["cases"][1]["reason"], "no device")
        self.assertEqual([case["result"] for case in programs[1]["cases"]], ["fail"])
        self.assertIn("nvlink2_one: 0 passed, 1 skipped, 2 failed", awk("text"))

    def test_restored(self):
        """drivers and overrides that a run has changed are what they were, and what cannot be is told"""
        gpu, other = self.gpus[0].address, self.gpus[1].address
        self.fixture.bind(gpu, "vfio-pci")
        out = shell(f"work=none; save; echo vfio-pci > $root/{DEVICES}/{other}/driver_override; restore && echo restored",
                    self.machine)
        self.assertIn("restored", out)
        self.assertEqual(self.fixture.drivers()[other], ("", ""))
        # Nobody here acts upon what is written: the driver stays as it is.
        os.remove(self.fixture.path(f"{DEVICES}/{gpu}/driver"))
        out = shell(f"work=none; save; ln -s ../../../bus/pci/drivers/vfio-pci $root/{DEVICES}/{gpu}/driver; "
                    "restore || cat $state/differs", self.machine)
        self.assertIn(f"> device {gpu} vfio-pci", out)


class Emulated(unittest.TestCase):
    """The archive, in an emulated host."""

    @classmethod
    def setUpClass(cls):
        kit.build()
        cls.host = kit.Host([":".join(("run", *PROGRAMS))], tap.log("hardware-kit"), TIMEOUT)

    def test_cases(self):
        """the programs run, and no case fails or is skipped"""
        self.assertIsNone(self.host.problem)
        cases = self.host.cases()
        self.assertEqual(tuple(cases), PROGRAMS)
        for program in PROGRAMS:
            self.assertEqual({result for _, result, _ in cases[program]}, {"pass"}, cases[program])
        self.assertEqual(self.host.all_said("status"), ["0"])

    def test_second(self):
        """a second run leaves the report of the first one alone"""
        self.assertEqual(self.host.all_said("second"), ["2"])
        self.assertEqual(tuple(self.host.cases()), PROGRAMS)

    def test_as_before(self):
        """drivers, huge pages and debugfs are as before"""
        before, after = self.host.all_said("state before"), self.host.all_said("state after")
        self.assertRegex(before[0], "huge=3 $")
        self.assertEqual(before, after)
        self.assertIs(self.host.report()["restored"], True)

    def test_report(self):
        """the report has what we ask for, and not the name of the machine"""
        host = self.host
        self.assertIn("Drivers, modules and settings are as they were before", host.text("report.txt"))
        self.assertRegex(host.text("report.txt"), r"falcon over NVLink, .* MB/s")
        self.assertRegex(host.text("groups.txt"), r"group \d+: \S+ 0x1014:0x04ea")
        self.assertIn("CONFIG_VFIO_PCI_NVLINK2=y", host.text("kernel-config.txt"))
        self.assertIn("OPAL", host.text("firmware-log.txt"))
        self.assertIn("Linux version", host.text("dmesg.txt"))
        self.assertIn("MMU", host.text("cpuinfo.txt"))
        self.assertTrue(json.loads(host.text("nvlink2-list.json"))["nvlink2"])
        self.assertIn("firmware", host.text("nvlink2-check.txt"))
        self.assertGreater(len(host.files["device-tree.tar"]), 100000)
        everything = b"\n".join(host.files.values()).decode("latin-1")
        self.assertNotIn(kit.HOST_NAME, everything)
        self.assertNotRegex(everything, kit.ADDRESS)


tap.main()
