#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""The machine's QEMU by itself: the tests that it has in QEMU's own framework, and what it says of its boards."""

import os
import re
import subprocess
import sys
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from witherspoon import BOARDS, DEFAULT_BOARD, firmware  # noqa: E402

OBJ = os.path.join(tap.BUILD, "qemu-machine")
QEMU = os.path.join(OBJ, "qemu-system-ppc64")
DATA = os.path.join(OBJ, "qemu-bundle/usr/local/share/qemu")
PAGE = os.path.join(tap.TOP, "machine/qemu/docs/system/ppc/witherspoon.rst")
TIMEOUT = 300


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          timeout=TIMEOUT, **options)


class Qtests(unittest.TestCase):
    """QEMU's framework starts the machine with no option for firmware: it has to be where QEMU looks for it."""

    @classmethod
    def setUpClass(cls):
        made = run(os.path.join(tap.TOP, "scripts", "build"), "qtests")
        if made.returncode:
            raise AssertionError(made.stdout)
        os.makedirs(DATA, exist_ok=True)
        link = os.path.join(DATA, "skiboot.lid")
        if not os.path.exists(link):
            if os.path.islink(link):
                os.unlink(link)
            os.symlink(firmware(), link)

    def qtest(self, name, at_least):
        done = run(os.path.join(OBJ, "tests/qtest", name), "--tap", "-k", cwd=OBJ,
                   env={**os.environ, "QTEST_QEMU_BINARY": QEMU})
        failed = re.findall(r"^not ok .*", done.stdout, re.M)
        self.assertEqual((done.returncode, failed), (0, []), done.stdout)
        self.assertGreaterEqual(len(re.findall(r"^ok \d+ (?!.*# SKIP)", done.stdout, re.M)), at_least, done.stdout)

    def test_npu(self):
        """the registers of the NPUs, over XSCOM and by MMIO, and what the links make of them"""
        self.qtest("pnv-npu2-test", 22)

    def test_gpu(self):
        """the GPU: configuration space, power, links, copies, resets"""
        self.qtest("pnv-v100-test", 10)

    def test_falcon(self):
        """the GPU: what it has of a real one, the falcon's DMA, ways to memory, state of links, interrupts"""
        self.qtest("pnv-v100-falcon-test", 23)


class Boards(unittest.TestCase):
    def test_help(self):
        """QEMU lists the boards of the table, the default first"""
        text = run(QEMU, "-M", "witherspoon,help").stdout
        listed = [line for line in text.splitlines() if line.strip().startswith("board=")]
        self.assertEqual(len(listed), 1, text)
        words = [f"{board.name}: {board.text}" for board in BOARDS.values()]
        words[0] += " (default)"
        self.assertTrue(listed[0].endswith("; ".join(words)), listed)

    def test_unknown(self):
        """a board that does not exist is refused with a list of those that do"""
        done = run(QEMU, "-M", "witherspoon,board=7gpu", "-display", "none")
        self.assertEqual(done.returncode, 1, done.stdout)
        for board in BOARDS.values():
            self.assertRegex(done.stdout, rf"(?m)^ +{board.name} +{board.text}$")

    def test_topology(self):
        """CPUs that do not fit the chips of the board are refused, with what to write instead"""
        for board in BOARDS.values():
            done = run(QEMU, "-M", f"witherspoon,board={board.name}", "-smp", "3,sockets=3", "-display", "none")
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(f"sockets={board.chips}", done.stdout)

    def test_ram(self):
        """a size of GPU RAM that no value of the GPU's register tells is refused, the next one is not"""
        for size, status, words in (("1040M", 1, "1040 MiB is not"), ("1056M", 0, "quit")):
            done = run(QEMU, "-M", f"witherspoon,gpu-ram={size}", "-nodefaults", "-display", "none", "-S",
                       "-bios", firmware(), "-monitor", "stdio", input="quit\n")
            self.assertEqual(done.returncode, status, done.stdout)
            self.assertIn(words, done.stdout)

    def test_page(self):
        """the documentation has each board"""
        with open(PAGE, encoding="utf-8") as stream:
            page = stream.read()
        rows = re.findall(r"^   \* - ``(\w+)``( \(default\))?\n     - (.*)\n     - (.*)\n     - (\d)$", page, re.M)
        self.assertEqual([row[0] for row in rows], list(BOARDS))
        self.assertEqual([row[0] for row in rows if row[1]], [DEFAULT_BOARD])
        for name, _, chips, gpus, links in rows:
            self.assertEqual(len(chips.split(" and ")), BOARDS[name].chips)
            self.assertEqual(gpus.count("GPU"), BOARDS[name].chips * BOARDS[name].gpus_per_chip)
            self.assertEqual(int(links), BOARDS[name].links_per_gpu)


tap.main()
