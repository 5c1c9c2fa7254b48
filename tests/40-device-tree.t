#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The NPU nodes the machine gives to firmware, against those of a real Witherspoon's firmware data.

The reference is test data of skiboot, in the source of QEMU. It is a board with 4 GPUs; of the other boards the same
is asked as far as the number of links for each GPU does not enter.
"""

import os
import re
import subprocess
import tempfile
import unittest

import tap

REFERENCE = "roms/skiboot/hdata/test/op920.wsp.dts"
QEMU = os.environ.get("QEMU_MACHINE", os.path.join(tap.BUILD, "qemu-machine", "qemu-system-ppc64"))
# Numbers that a machine gives out as it goes along.
HANDLES = ("phandle", "ibm,pcie-slot")
NODE = re.compile(r"^\s*(?:[\w-]+:\s*)?([\w@,.+-]+|/) \{$")
PROPERTY = re.compile(r"^\s*([\w,.#+-]+)(?: = (.*))?;$")


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout


def parse(source):
    """{path: {property: value}} of a device tree as dtc prints it."""
    tree, path = {}, []
    for line in source.split("\n"):
        node, prop = NODE.match(line), PROPERTY.match(line)
        if node:
            path.append(node.group(1).strip("/"))
            tree["/".join(path)] = {}
        elif line.strip() == "};":
            path.pop()
        elif prop and path:
            tree["/".join(path)][prop.group(1)] = prop.group(2) or ""
    return tree


def normal(source_or_blob, kind):
    """A tree in dtc's own spelling, whoever wrote it."""
    blob = output("dtc", "-q", "-I", kind, "-O", "dtb", source_or_blob)
    with tempfile.NamedTemporaryFile() as file:
        file.write(blob)
        file.flush()
        return parse(output("dtc", "-q", "-I", "dtb", "-O", "dts", file.name).decode())


def npus(tree):
    """[{link index: properties}] of the NPUs, in the order of their ibm,npu-index."""
    found = {}
    for path, properties in tree.items():
        if re.search(r"/npu@[^/]*$", path):
            found[properties["ibm,npu-index"]] = {
                "": properties, **{name[len(path) + 1:]: link for name, link in tree.items()
                                   if name.startswith(path + "/")}}
    return [found[index] for index in sorted(found)]


def without_handles(properties):
    return {name: value for name, value in properties.items() if name not in HANDLES}


def links(npu):
    return [properties for name, properties in sorted(npu.items()) if name]


class DeviceTree(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        base = output(os.path.join(tap.TOP, "scripts", "base"), "--path", "qemu").decode().strip()
        cls.reference = npus(normal(os.path.join(base, REFERENCE), "dts"))
        with tempfile.TemporaryDirectory() as directory:
            cls.boards = {board: cls.dump(board, directory) for board in ("4gpu", "6gpu", "small")}

    @staticmethod
    def dump(board, directory):
        blob = os.path.join(directory, f"{board}.dtb")
        output(QEMU, "-M", f"witherspoon,board={board},dumpdtb={blob}", "-m", "3G", "-nodefaults", "-display", "none",
               "-bios", os.path.join(tap.BUILD, "base", "qemu-system-data", "skiboot.lid"))
        return npus(normal(blob, "dtb"))

    def test_reference(self):
        """the reference has two NPUs with six links each"""
        self.assertEqual([len(links(npu)) for npu in self.reference], [6, 6])

    def test_nodes(self):
        """4 GPUs: the NPU nodes are those of the reference"""
        self.assertEqual([without_handles(npu[""]) for npu in self.boards["4gpu"]],
                         [without_handles(npu[""]) for npu in self.reference])

    def test_links(self):
        """4 GPUs: each link has the properties and values of the reference"""
        for ours, theirs in zip(self.boards["4gpu"], self.reference, strict=True):
            self.assertEqual({name: without_handles(link) for name, link in ours.items() if name},
                             {name: without_handles(link) for name, link in theirs.items() if name})

    def test_slots(self):
        """links have the same slot exactly when they have the same slot label, as in the reference"""
        for board in (self.reference, *self.boards.values()):
            pairs = {(link["ibm,pcie-slot"], link["ibm,slot-label"]) for npu in board for link in links(npu)}
            self.assertEqual(len({slot for slot, _ in pairs}), len(pairs))
            self.assertEqual(len({label for _, label in pairs}), len(pairs))

    def test_six(self):
        """6 GPUs: two links for each of GPU0 to GPU5, three groups for each NPU"""
        labels = [link["ibm,slot-label"] for npu in self.boards["6gpu"] for link in links(npu)]
        self.assertEqual(sorted(labels), sorted(f'"GPU{number}"' for number in range(6) for _ in range(2)))
        for npu in self.boards["6gpu"]:
            self.assertEqual(len({link["ibm,npu-group-id"] for link in links(npu)}), 3)

    def test_all_boards(self):
        """every board: what does not depend on the number of GPUs is as in the reference"""
        same = ("compatible", "reg", "ibm,npu-link-index", "ibm,workbook-link-id", "ibm,link-speed", "nvidia,link-speed")
        for board in self.boards.values():
            for ours, theirs in zip(board, self.reference):
                for link, other in zip(links(ours), links(theirs), strict=True):
                    self.assertEqual(set(link) - set(HANDLES), set(other) - set(HANDLES))
                    self.assertEqual({name: link[name] for name in same}, {name: other[name] for name in same})

    def test_small(self):
        """the small board has the first NPU of the board with 4 GPUs"""
        self.assertEqual(len(self.boards["small"]), 1)
        self.assertEqual([without_handles(link) for link in links(self.boards["small"][0])],
                         [without_handles(link) for link in links(self.boards["4gpu"][0])])


tap.main()
