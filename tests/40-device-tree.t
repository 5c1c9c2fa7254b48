#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
"""What firmware hands to the kernel on the emulated boards, against the tree of a real Witherspoon.

skiboot's sources have that tree: hdata/test/op920.wsp.dts, a board with 4 GPUs and 3 links each.
"""

import os
import struct
import subprocess
import sys
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from scenario import observe  # noqa: E402
from witherspoon import Settings  # noqa: E402

REFERENCE = os.path.join(tap.BUILD, "base/qemu-10.0/roms/skiboot/hdata/test/op920.wsp.dts")
BEGIN_NODE, END_NODE, PROPERTY, NOP = 1, 2, 3, 4
LINK_PROPERTIES = ("compatible", "reg", "ibm,npu-link-index", "ibm,workbook-link-id", "ibm,npu-phy",
                   "ibm,npu-lane-mask", "ibm,npu-brick-id", "ibm,link-speed", "nvidia,link-speed")
GROUP_PROPERTIES = ("ibm,npu-group-id", "ibm,slot-label")
NPU_PROPERTIES = ("compatible", "reg", "#address-cells", "#size-cells", "ibm,npu-index", "ibm,npu-links")
SLOT_PROPERTIES = ("compatible", "reg", "ibm,slot-label", "ibm,pluggable")


def flattened(blob):
    """A flattened tree as {path: {property: bytes}}."""
    structure, strings = struct.unpack(">8xII", blob[:16])
    at, path, nodes = structure, [], {}
    while True:
        token, = struct.unpack_from(">I", blob, at)
        at += 4
        if token == BEGIN_NODE:
            end = blob.index(b"\0", at)
            path.append(blob[at:end].decode())
            nodes["/".join(path)] = {}
            at = (end + 4) & ~3
        elif token == END_NODE:
            path.pop()
        elif token == PROPERTY:
            size, name = struct.unpack_from(">II", blob, at)
            end = blob.index(b"\0", strings + name)
            nodes["/".join(path)][blob[strings + name:end].decode()] = blob[at + 8:at + 8 + size]
            at = (at + 8 + size + 3) & ~3
        elif token != NOP:
            return nodes


def reference():
    blob = subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", REFERENCE], check=True, capture_output=True).stdout
    return flattened(blob)


def emulated(board):
    """The tree that the host's kernel has got, as far as it concerns NPUs and slots."""
    log = os.path.join(tap.BUILD, "logs", f"device-tree-{board}.log")
    nodes = {}
    for line in observe(Settings(board=board, job="tree,npu@,pcie-slots"), log, 120).lines:
        if line.startswith("tree| "):
            path, value = line[6:].rsplit(" ", 1)
            node, name = path.lstrip("/").rsplit("/", 1)
            nodes.setdefault("/" + node, {})[name] = bytes.fromhex(value)
    return nodes


def below(nodes, word):
    """The nodes named exactly like that, in the order of their paths."""
    return [path for path in sorted(nodes) if path.rsplit("/", 1)[-1] == word]


def links(nodes, npu):
    return {path.rsplit("/", 1)[-1]: values for path, values in nodes.items() if path.startswith(f"{npu}/link@")}


def labelled(nodes):
    """Slots of GPUs by label: (name of the node, properties)."""
    return {values["ibm,slot-label"]: (path.rsplit("/", 1)[-1], values) for path, values in nodes.items()
            if values.get("ibm,slot-label", b"").startswith(b"GPU") and "/down-port@" in path and
            not path.endswith("/builtin")}


class Board4(unittest.TestCase):
    board = "4gpu"

    @classmethod
    def setUpClass(cls):
        cls.real = reference()
        cls.ours = emulated(cls.board)

    def npus(self):
        pairs = list(zip(below(self.real, "npu@5011000"), below(self.ours, "npu@5011000")))
        self.assertEqual(len(pairs), 2)
        return pairs

    def same(self, real, ours, names, where):
        for name in names:
            self.assertEqual(ours.get(name), real[name], f"{where} {name}")

    def same_links(self, names):
        for real_npu, our_npu in self.npus():
            real, ours = links(self.real, real_npu), links(self.ours, our_npu)
            self.assertEqual(sorted(ours), sorted(real))
            for name, values in real.items():
                self.same(values, ours[name], names, f"{our_npu}/{name}")

    def test_npus(self):
        """both NPUs: name, registers, index, number of links"""
        for real, ours in self.npus():
            self.same(self.real[real], self.ours[ours], NPU_PROPERTIES, ours)

    def test_links(self):
        """links: names, indices, bricks, PHYs, lane masks, speeds"""
        self.same_links(LINK_PROPERTIES)

    def test_groups(self):
        """links: groups and slot labels"""
        self.same_links(GROUP_PROPERTIES)

    def test_slot_phandles(self):
        """links: ibm,pcie-slot leads to the slot of that label"""
        slots = {values["phandle"]: values["ibm,slot-label"] for values in self.ours.values()
                 if "phandle" in values and "ibm,slot-label" in values}
        for _, npu in self.npus():
            for name, values in links(self.ours, npu).items():
                self.assertEqual(slots.get(values["ibm,pcie-slot"]), values["ibm,slot-label"], f"{npu}/{name}")

    def test_slots(self):
        """slots of GPUs: ports of the switch and labels"""
        real, ours = labelled(self.real), labelled(self.ours)
        self.assertEqual(sorted(ours), sorted(real))
        for label, (name, values) in ours.items():
            self.assertEqual(name, real[label][0])
            self.same(real[label][1], values, SLOT_PROPERTIES, name)


class Board6(Board4):
    board = "6gpu"

    def test_groups(self):
        """links: two for each GPU"""
        for npu_index, (_, npu) in enumerate(self.npus()):
            for name, values in links(self.ours, npu).items():
                group = int(name[-1]) // 2
                self.assertEqual(values["ibm,npu-group-id"], struct.pack(">I", group), f"{npu}/{name}")
                self.assertEqual(values["ibm,slot-label"], b"GPU%d\0" % (npu_index * 3 + group), f"{npu}/{name}")


if __name__ == "__main__":
    tap.main()
