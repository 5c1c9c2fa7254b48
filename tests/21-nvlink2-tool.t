#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 1800
"""The program nvlink2 on the files of machines that are made here: both boards, machines without NVLink2, and machines
that are described wrongly. valgrind watches each run that does not change anything; a simulated kernel takes the writes
of bind and unbind, and fails each of them once.
"""

import fcntl
import functools
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import unittest
import xml.etree.ElementTree

import tap

sys.path.insert(0, os.path.join(tap.TOP, "tests", "nvlink2"))

import fixture as made  # noqa: E402
from fixture import DEVICES, TREE, cells, string  # noqa: E402
from witherspoon import BOARDS  # noqa: E402

SOURCE = os.path.join(tap.TOP, "nvlink2")
OBJECTS = os.path.join(tap.BUILD, "nvlink2", "native")
VALGRIND = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=all",
            "--child-silent-after-fork=yes"]
NOT_ROOT = 65534
GIB = 1 << 30
NO_NVLINK2 = 3


@functools.cache
def build():
    subprocess.run([os.path.join(tap.TOP, "scripts", "step"), "nvlink2-tests", "make", "-C", SOURCE, f"O={OBJECTS}",
                    f"ATTRIBUTE={tap.TOP}/tests/nvlink2/simulated_kernel.c", "all", f"{OBJECTS}/nvlink2-simulated"],
                   check=True, stdout=subprocess.DEVNULL)


class Case(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        build()
        cls.work = tempfile.mkdtemp(prefix="nvlink2-")
        cls.addClassCleanup(shutil.rmtree, cls.work)
        os.chmod(cls.work, 0o755)
        cls.root = os.path.join(cls.work, "root")

    def start(self, *words, program="nvlink2", watch=True, environment=None, **options):
        command = [*(VALGRIND if watch else []), os.path.join(OBJECTS, program), "--root", self.root, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300 if watch else 60,
                              env={**os.environ, **(environment or {})}, **options)

    def run_tool(self, *words, status=0, **options):
        """What it prints; it ends with the status, and says something of an error if that is one."""
        done = self.start(*words, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def json(self, **options):
        return json.loads(self.run_tool("list", "--json", **options))

    def qemu(self, device_help):
        """A program that answers as QEMU does when it is asked for the properties of devices."""
        path = os.path.join(self.work, "qemu")
        with open(path, "w", encoding="ascii") as stream:
            stream.write(f"#!/bin/sh\ncase $4 in\n{device_help}\n*) echo '  host=<str>' ;;\nesac\n")
        os.chmod(path, 0o755)
        return path

    def good_qemu(self):
        return self.qemu("vfio-pci,help) echo '  nvlink2=<bool>  - on/off' ;;")


def flat(found):
    """What list --json says, in the words of the description of a board."""
    return [(gpu["address"], gpu["slot"], npu["socket"], gpu["group"], int(gpu["ram"]["address"], 16),
             gpu["ram"]["numa_node"], [(bridge["address"], bridge["link"], bridge["speed"], bridge["group"])
                                       for bridge in gpu["bridges"]])
            for npu in found["npus"] for gpu in npu["gpus"]]


def told(found):
    """What check --json says, as the lines of check."""
    lines = []
    for finding in found["findings"]:
        verdict = {"good": "ok", "note": "note", "failed": "FAILED"}[finding["verdict"]]
        lines.append(f"{verdict:7} {finding['about']:10} {finding['text']}")
        lines += [f"        -> {finding['advice']}"] if finding["advice"] else []
    return lines + [f"{found['good']} good, {found['to_note']} to note, {found['failed']} failed"]


def described(gpus):
    return [(gpu.address, gpu.slot, gpu.chip, gpu.group, gpu.base, gpu.memory_node,
             [(bridge.address, bridge.link, bridge.speed, bridge.group) for bridge in gpu.bridges]) for gpu in gpus]


class Board(Case):
    """What is the same on each board."""
    board = None

    def setUp(self):
        if not self.board:
            self.skipTest("for boards")
        self.fixture, self.gpus = made.witherspoon(self.root, self.board)

    def bind(self, gpu=None):
        for one in self.gpus:
            if not gpu or one.group == gpu.group:
                for address in (one.address, *(bridge.address for bridge in one.bridges)):
                    self.fixture.bind(address, "vfio-pci")

    def test_json(self):
        """list --json: sockets, GPUs, RAM, links, groups are those of the board"""
        found = self.json()
        self.assertEqual(flat(found), described(self.gpus))
        self.assertEqual(found["problems"], [])
        self.assertEqual(found["npus"][1]["atsd_blocks"], 8)
        self.assertEqual(found["firmware"], "skiboot-v7.1")
        self.assertEqual(found["npus"][0]["gpus"][0]["name"], "NVIDIA Corporation GV100GL [Tesla V100 SXM2 16GB]")
        members = {device["address"] for device in found["groups"][0]["devices"]}
        self.assertEqual(members, {address for gpu in self.gpus if not gpu.group
                                   for address in (gpu.address, *(bridge.address for bridge in gpu.bridges))})

    def test_tree(self):
        """list: a line for each socket, GPU, link and group"""
        text = self.run_tool("list")
        links = BOARDS[self.board].links_per_gpu
        self.assertEqual(len(re.findall(r"^Socket [08], NUMA node [08]: NPU [01] ", text, re.M)), 2)
        self.assertEqual(len(re.findall(r"^  \+- GPU GPU\d  00(04|35):", text, re.M)), len(self.gpus))
        self.assertEqual(len(re.findall(r"^  \|  \+- link \d down +bridge 000[67]:", text, re.M)), len(self.gpus) * links)
        per_group = len(self.gpus) // 2
        self.assertIn(f"Group 1: {per_group} GPUs, {per_group * links} bridges; nobody has it", text)

    def test_svg(self):
        """list --svg: a picture that is XML, with a box for each GPU and a line for each link"""
        root = xml.etree.ElementTree.fromstring(self.run_tool("list", "--svg"))
        classes = [element.get("class", "").split()[0] for element in root.iter() if element.get("class", "").strip()]
        self.assertEqual(classes.count("gpu"), len(self.gpus))
        self.assertEqual(classes.count("npu"), 2)
        self.assertEqual(classes.count("link"), sum(len(gpu.bridges) for gpu in self.gpus))

    def test_check(self):
        """check: all is good when all groups are bound; before, it says what to type"""
        qemu = self.good_qemu()
        self.assertRegex(self.run_tool("check", "--qemu", qemu), r"note +group +0: none .*\n +-> nvlink2 bind 0\n")
        self.bind()
        text = self.run_tool("check", "--qemu", qemu)
        self.assertNotIn("FAILED", text)
        self.assertRegex(text, r"ok +group +1: (\d+) of \1 devices are bound to vfio-pci, nobody has it\n")
        self.assertRegex(text, r"ok +isolation +none between the GPUs of a socket")
        os.remove(self.fixture.path("dev/vfio/vfio"))
        self.assertRegex(self.run_tool("check", "--qemu", qemu, status=1, watch=False), r"FAILED +group +0: there is no /dev/")

    def test_check_json(self):
        """check --json: what check says, line by line, and what it counts"""
        for qemu, status in ((self.good_qemu(), 0), ("/nowhere/qemu", 1)):
            found = json.loads(self.run_tool("check", "--json", "--qemu", qemu, status=status))
            lines = self.run_tool("check", "--qemu", qemu, status=status, watch=False).split("\n")
            self.assertEqual(told(found), lines[:-1])
            self.assertEqual((found["nvlink2"], found["why_not"], found["kernel"], found["needs_other_kernel"]),
                             (True, None, "6.12.117", False))
        self.assertIn({"verdict": "failed", "about": "QEMU", "text": "/nowhere/qemu does not run", "advice":
                       "install qemu-system-ppc-nvlink2, or name one with NVLink2 by --qemu"}, found["findings"])

    def test_qemu(self):
        """qemu: a host bridge for each socket, each GPU with its bridges, a limit for locks, arguments as they are"""
        self.bind()
        text = self.run_tool("qemu", "all", "--memory", "32G", "--cpus", "8", "--name", "two", "--", "-kernel", "it's")
        self.assertNotIn("nvlink2 bind", text)
        self.assertIn("# Run this as a user who may open /dev/kvm, or the guest may not start.\n", text)
        hosts = re.findall(r"vfio-pci,host=(\S+),bus=nvlink(\d)\.0,addr=(\d+),", text)
        self.assertEqual([(address, int(bus)) for address, bus, _ in hosts],
                         [(address, gpu.group) for gpu in self.gpus
                          for address in (gpu.address, *(bridge.address for bridge in gpu.bridges))])
        self.assertEqual(len({(bus, slot) for _, bus, slot in hosts}), len(hosts))
        self.assertEqual(re.findall(r"spapr-pci-host-bridge,index=(\d),id=nvlink(\d)", text), [("1", "0"), ("2", "1")])
        self.assertIn("-smp 8 -m 32768M", text)
        self.assertIn("-kernel \\\n  'it'\\''s'\n", text)
        limit = int(re.search(r"^ulimit -l (\d+) &&$", text, re.M).group(1)) << 10
        self.assertEqual(limit, 32 * GIB + GIB // 4 + 3 * (256 * GIB + (4 << 20)) + (16 << 20))
        shell = subprocess.run(["sh", "-n"], input=text, text=True, check=False, capture_output=True)
        self.assertEqual(shell.returncode, 0, shell.stderr)

    def test_libvirt(self):
        """libvirt: a domain with the same devices and the same limit"""
        root = xml.etree.ElementTree.fromstring(self.run_tool("libvirt", "GPU0", "--qemu", "/opt/qemu"))
        self.assertIn("a user who may open /dev/kvm", self.run_tool("libvirt", "GPU0", watch=False))
        sources = [element.attrib for element in root.findall("devices/hostdev/source/address")]
        gpu = self.gpus[0]
        self.assertEqual([f"{int(at['domain'], 16):04x}:{int(at['bus'], 16):02x}:{int(at['slot'], 16):02x}."
                          f"{int(at['function'], 16)}" for at in sources],
                         [gpu.address, *(bridge.address for bridge in gpu.bridges)])
        places = [element.attrib for element in root.findall("devices/hostdev/address")]
        self.assertEqual({place["bus"] for place in places}, {"0x01"})
        self.assertEqual(len({place["slot"] for place in places}), len(places))
        self.assertEqual(root.find("os/type").get("machine"), "pseries")
        self.assertEqual(root.find("devices/emulator").text, "/opt/qemu")
        self.assertEqual(int(root.find("memtune/hard_limit").text) << 10,
                         16 * GIB + GIB // 8 + 2 * (256 * GIB + (4 << 20)) + (16 << 20))

    def test_packaged_qemu(self):
        """qemu, libvirt: the QEMU of the package is taken where it is installed, unless another one is named"""
        packaged = "/usr/bin/qemu-system-ppc64-nvlink2"
        self.assertIn("\nqemu-system-ppc64 ", self.run_tool("qemu", "GPU0", watch=False))
        self.assertNotIn("emulator", self.run_tool("libvirt", "GPU0", watch=False))
        self.fixture.write(packaged[1:], "")
        self.assertIn(f"\n{packaged} ", self.run_tool("qemu", "GPU0"))
        self.assertIn(f"<emulator>{packaged}</emulator>", self.run_tool("libvirt", "GPU0"))
        self.assertIn("\n/opt/qemu ", self.run_tool("qemu", "GPU0", "--qemu", "/opt/qemu", watch=False))

    def test_users(self):
        """list, qemu: the guest that has a group is named; a group is not given away"""
        self.bind(self.gpus[0])
        self.fixture.process(77, "qemu-system-ppc", ["qemu", "-name", "debug-threads=on,guest=alpha,process=x", "-m", "1G"],
                             ["/dev/null", "/dev/vfio/vfio", "/dev/vfio/0", "anon_inode:kvm-vm"])
        self.assertEqual([group["user"] for group in self.json()["groups"]],
                         [{"process": 77, "command": "qemu-system-ppc", "guest": "alpha"}, None])
        self.assertIn("guest alpha (qemu-system-ppc, process 77) has it", self.run_tool("list"))
        self.assertIn("# Now in use by guest alpha", self.run_tool("qemu", "GPU0"))
        self.assertIn("shut it down first", self.run_tool("unbind", "GPU0", status=1))


class Board4(Board):
    board = "4gpu"


class Board6(Board):
    board = "6gpu"


for case in (Board4, Board6):
    for name in [name for name in dir(Board) if name.startswith("test_")]:
        method = getattr(Board, name)

        def test(self, method=method):
            method(self)
        test.__doc__ = f"{case.board}: {method.__doc__}"
        setattr(case, name, test)
del case, Board


class Elsewhere(Case):
    def nothing(self, words):
        """list, check and bind say why there is no NVLink2, and end with their own status."""
        for command in (("list",), ("check",), ("bind", "all"), ("qemu", "GPU0"), ("libvirt", "0")):
            text = self.run_tool(*command, status=NO_NVLINK2, watch=command[0] in ("list", "bind"))
            self.assertRegex(text, r"[Nn]o NVLink2 here\. ")
            self.assertIn(words, text)
        found = self.json(status=NO_NVLINK2)
        self.assertFalse(found["nvlink2"])
        self.assertIn(words, found["why_not"])
        found = json.loads(self.run_tool("check", "--json", status=NO_NVLINK2, watch=False))
        self.assertEqual((found["nvlink2"], found["findings"], found["failed"]), (False, [], 0))
        self.assertIn(words, found["why_not"])
        xml.etree.ElementTree.fromstring(self.run_tool("list", "--svg", status=NO_NVLINK2, watch=False))

    def test_amd64(self):
        """amd64 with a V100: no NVLink2"""
        made.amd64(self.root)
        self.nothing("This is not a POWER9 machine")

    def test_plain_power(self):
        """POWER9 without NPU: no NVLink2"""
        made.plain_power(self.root)
        self.nothing("Firmware shows no NPU")

    def test_npu_alone(self):
        """an NPU that firmware does not use: no NVLink2, and where to look"""
        made.plain_power(self.root).node("xscom@0/npu@5011000", compatible=string("ibm,power9-npu"))
        self.nothing("/sys/firmware/opal/msglog")

    def test_empty(self):
        """an empty directory, one that is not there, and none"""
        os.makedirs(self.root, exist_ok=True)
        shutil.rmtree(self.root)
        self.nothing("This is not a POWER9 machine")
        os.makedirs(self.root)
        self.nothing("This is not a POWER9 machine")

    def test_guest(self):
        """a pseries guest: its GPU, links that are up, RAM that is in use"""
        made.pseries(self.root)
        found = self.json()
        gpu = found["npus"][0]["gpus"][0]
        self.assertEqual([bridge["state"] for bridge in gpu["bridges"]], ["up"] * 3)
        self.assertEqual((gpu["ram"]["numa_node"], gpu["ram"]["online"]), (1, 16 * GIB))
        self.assertEqual(found["problems"], [])
        self.assertIn("16 GiB in use as memory of this machine", self.run_tool("list"))

    def test_guest_without(self):
        """a pseries guest that was given none"""
        made.Fixture(self.root).node("rtas", phandle=cells(1))
        self.nothing("This guest has been given no GPU")


class Wrong(Case):
    """A board with 4 GPUs, and something wrong with it."""

    def setUp(self):
        self.fixture, self.gpus = made.witherspoon(self.root)
        self.gpu, self.bridge = self.gpus[0], self.gpus[0].bridges[0]

    def problem(self, words, count=1):
        found = self.json()
        matching = [text for text in found["problems"] if re.search(words, text)]
        self.assertEqual(len(matching), count, found["problems"])
        self.assertIn(f"! {matching[0]}\n", self.run_tool("list", watch=False))
        return found

    def change_bridge(self, **properties):
        self.fixture.node(made.bridge_node(self.bridge), **properties)

    def plan(self, text):
        """What check says at its end of a kernel with NVLink2: by the first words of the lines."""
        found = re.search(r"^\d+ good, .* failed\n\nA kernel with NVLink2, beside this one\n((  .*\n)+)\Z", text, re.M)
        self.assertTrue(found, text)
        lines = re.split(r"^  (\w[\w ]+): ", re.sub(r"\n {10} +", " ", found[1]), flags=re.M)[1:]
        return dict(zip(lines[::2], lines[1::2]))

    def test_stock_kernel(self):
        """Debian's own kernel: the tree is shown all the same, check says what to install and how to go back"""
        kernel = "6.12.86+deb13-powerpc64le"
        self.fixture, self.gpus = made.witherspoon(self.root, shown=False, kernel=kernel)
        found = self.problem("shows 6 of its bridges not at all", 2)
        self.assertEqual(found["npus"][0]["gpus"][1]["bridges"][2]["link"], 5)
        text = self.run_tool("check", "--qemu", "/nowhere/qemu", status=1)
        self.assertRegex(text, rf"FAILED +kernel +{re.escape(kernel)} .* shows no bridges\n +-> install a kernel with the nvlink2 "
                         "series, as below")
        self.assertRegex(text, r"FAILED +QEMU +/nowhere/qemu does not run\n +-> install qemu-system-ppc-nvlink2, or name")
        plan = self.plan(text)
        self.assertEqual(list(plan), ["changes", "install", "go back"])
        self.assertRegex(plan["changes"], "bridge for each link.* GPU RAM.* one IOMMU group.* npu2_isolate=all")
        self.assertIn("apt install ./linux-image-*nvlink2*.deb ./qemu-system-ppc-nvlink2_*.deb", plan["install"])
        self.assertIn("'make deb'", plan["install"])
        self.assertIn(f"restart with {kernel}, which stays installed", plan["go back"])
        self.assertIn("nvlink2 unbind --boot all", plan["go back"])
        self.assertIn("apt purge 'linux-image-*-nvlink2' qemu-system-ppc-nvlink2\n", plan["go back"])
        self.assertIn("does not show its bridges", self.run_tool("qemu", "GPU0", status=1))
        self.assertTrue(json.loads(self.run_tool("check", "--json", status=1, watch=False))["needs_other_kernel"])

    def test_phandle(self):
        """a bridge whose GPU is not there"""
        self.change_bridge(ibm_gpu=cells(4711), ibm_loc_code=string("GPU9"))
        self.problem("GPU9: the kernel has no PCI device")

    def test_no_node(self):
        """a bridge that sysfs does not join to the device tree is one that is not shown"""
        os.remove(self.fixture.path(f"{DEVICES}/{self.bridge.address}/of_node"))
        found = self.problem("shows 1 of its bridges not at all")
        self.assertEqual(len(found["npus"]), 2)

    def test_power_cycled(self):
        """a GPU with a new node is found by the label of its slot"""
        self.fixture.node(made.gpu_node(self.gpu), phandle=cells(4711), ibm_npu=b"")
        found = self.problem(f"names GPU {self.gpu.address}, which does not name it", 3)
        self.assertEqual(found["npus"][0]["gpus"][0]["address"], self.gpu.address)

    def test_not_listed(self):
        """a GPU that does not name its bridge"""
        self.fixture.node(made.gpu_node(self.gpu), ibm_npu=cells(*(bridge.phandle for bridge in self.gpu.bridges[1:])))
        self.problem(f"^{self.bridge.address}: names GPU .* which does not name it")

    def test_numbers_left_out(self):
        """numbers that firmware leaves out, and a GPU that is not there: no text has -1 or nothing in their place"""
        for name in ("ibm,links", "ibm,npu-index"):
            os.remove(self.fixture.path(f"{TREE}/{made.phb_of(0)}/{name}"))
        self.change_bridge(ibm_nvlink=cells(1))
        os.remove(self.fixture.path(f"{DEVICES}/{self.bridge.address}/of_node"))
        os.remove(self.fixture.path(f"{DEVICES}/{self.gpu.address}"))
        for words in (("list",), ("list", "--svg")):
            text = self.run_tool(*words)
            self.assertNotIn("-1 links", text)
            self.assertNotRegex(text, r"(NPU|link) -1\b")
        self.assertIn("link ? of GPU0: its link has no number", self.run_tool("list", watch=False))
        self.assertIn("There are: GPU0 (not shown by this kernel), GPU1 (0004:05:00.0, group 0)",
                      self.run_tool("qemu", "GPU9", status=1))

    def test_short_cells(self):
        """a property that is shorter than a cell says nothing"""
        self.change_bridge(ibm_device_tgt_addr=b"\1\1\1")
        self.problem(f"^{self.bridge.address}: no RAM of the GPU is described")

    def test_no_gpu(self):
        """qemu, libvirt: a bridge that firmware joins to no GPU makes no guest"""
        os.remove(self.fixture.path(f"{TREE}/{made.bridge_node(self.bridge)}/ibm,gpu"))
        for command in ("qemu", "libvirt"):
            self.assertIn("no GPU, nor a bridge that leads to one", self.run_tool(command, self.bridge.address, status=1))
        self.assertIn("host=0004:04:00.0", self.run_tool("qemu", self.bridge.address, "GPU0", watch=False))

    def test_link_twice(self):
        """two bridges with the same link"""
        self.change_bridge(ibm_nvlink=cells(self.gpus[1].bridges[2].phandle + 50))
        self.problem("has the same link 5 as another")

    def test_no_link(self):
        """a bridge without link"""
        self.change_bridge(ibm_nvlink=cells(1))
        self.problem("its link has no number")

    def test_no_ram(self):
        """a bridge without RAM, which leads to other RAM than the rest"""
        self.bridge = self.gpu.bridges[1]
        self.change_bridge(memory_region=b"\0")
        self.problem("no RAM of the GPU is described")
        self.problem("leads to other RAM")

    def test_no_speed(self):
        """a link without speed"""
        os.remove(self.fixture.path(f"{TREE}/{made.bridge_node(self.bridge)}/ibm,nvlink-speed"))
        found = self.problem("the speed of the link is not known")
        self.assertIsNone(found["npus"][0]["gpus"][0]["bridges"][0]["speed"])

    def test_no_label(self):
        """firmware that knows no slots joins no GPU: no NVLink2"""
        for gpu in self.gpus:
            for bridge in gpu.bridges:
                os.remove(self.fixture.path(f"{TREE}/{made.bridge_node(bridge)}/ibm,gpu"))
        text = self.run_tool("list", status=NO_NVLINK2)
        self.assertEqual(text.count("firmware joins no GPU to this link"), 12)
        self.assertIn("firmware does not know their slots", text)

    def test_dead(self):
        """a bridge that answers ones is dead, one that is out of reset is up, a short file tells nothing"""
        for bridge, config in zip(self.gpu.bridges, (made.bridge_config(0, dead=True), made.bridge_config(2),
                                                     made.bridge_config(2)[:64])):
            self.fixture.write(f"{DEVICES}/{bridge.address}/config", config)
        found = self.problem("reads as all ones")
        states = [bridge["state"] for bridge in found["npus"][0]["gpus"][0]["bridges"]]
        self.assertEqual(states, ["dead", "up", "unknown"])
        self.assertRegex(self.run_tool("check", status=1), r"FAILED +links +1 do not answer\n +-> see the kernel's log")

    def test_mailbox(self):
        """a read of the mailbox would carry a step of a training out: nothing reads it"""
        done = subprocess.run([*VALGRIND, "--trace-syscalls=yes", os.path.join(OBJECTS, "nvlink2"), "--root", self.root, "list"],
                              capture_output=True, text=True, check=True)
        # Programs are loaded with the same call, before
        calls = done.stderr.partition("/config)")[2]
        reads = [(int(count), int(offset)) for count, offset in
                 re.findall(r"sys_pread64 \( \d+, 0x[0-9a-f]+, (\d+), (\d+) \)", calls)]
        flags = made.VENDOR_CAPABILITY + 0xd
        self.assertEqual(reads.count((1, flags)), 12, reads)
        self.assertEqual([read for read in reads if read[1] < made.VENDOR_CAPABILITY + 0xc and
                          sum(read) > made.VENDOR_CAPABILITY + 4], [])

    def test_capabilities_in_a_ring(self):
        """capabilities that lead to each other have an end"""
        config = bytearray(made.bridge_config(3))
        config[0x40:0x42], config[0x80:0x82] = b"\x10\x80", b"\x10\x40"
        self.fixture.write(f"{DEVICES}/{self.bridge.address}/config", bytes(config))
        self.assertEqual(self.json()["npus"][0]["gpus"][0]["bridges"][0]["state"], "unknown")

    def test_no_group(self):
        """a bridge in no group, one in another"""
        os.remove(self.fixture.path(f"{DEVICES}/{self.bridge.address}/iommu_group"))
        self.fixture.join(self.gpu.bridges[1].address, 9)
        self.problem(f"^{self.bridge.address}: is in no IOMMU group")
        self.problem("is in group 9, its GPU .* in another")
        self.assertIn("another group", self.run_tool("qemu", "GPU0", status=1))

    def test_old_firmware(self):
        """old firmware: one block of ATSD registers for two GPUs, a version that is too old"""
        made.witherspoon(self.root, atsd=1, firmware="skiboot-v6.0.3")
        text = self.run_tool("check", "--qemu", self.good_qemu(), status=1)
        self.assertRegex(text, r"FAILED +firmware +is skiboot-v6\.0\.3, older than skiboot 6\.4\n")
        self.assertEqual(text.count("lists one block of ATSD registers for the 2 GPUs of socket"), 2)

    def test_kernels(self):
        """kernels before 6.12.84, and before 5.13"""
        made.witherspoon(self.root, kernel="6.12.83-powerpc64le")
        self.assertRegex(self.run_tool("check", status=1), r"FAILED +kernel .* too old\n +-> update to 6\.12\.84")
        made.witherspoon(self.root)
        self.assertNotIn("beside this one", self.run_tool("check", "--qemu", self.good_qemu(), watch=False))
        made.witherspoon(self.root, kernel="5.10.0-30-powerpc64le")
        text = self.run_tool("check", "--qemu", self.good_qemu())
        self.assertRegex(text, r"note +kernel .* as it was before Linux 5\.13")
        self.assertIn("restart with 5.10.0-30-powerpc64le", self.plan(text)["go back"])

    def test_qemu_versions(self):
        """QEMU as it was until 8.1, QEMU without NVLink2, a kernel without the driver, a hash MMU"""
        old = self.qemu("spapr*) echo '  atsd=<uint64>' ;;")
        self.assertRegex(self.run_tool("check", "--qemu", old, status=1), r"FAILED +QEMU .* as it was until QEMU 8\.1.*\n"
                         r" +-> install qemu-system-ppc-nvlink2, which is QEMU 10\.0")
        self.fixture.write("proc/kallsyms", "0000 t vfio_pci_probe\t[vfio_pci]\n")
        self.fixture.write("proc/cpuinfo", "MMU\t\t: Hash\n")
        text = self.run_tool("check", "--qemu", self.qemu("none) ;;"), status=1)
        self.assertRegex(text, r"FAILED +QEMU .* has no NVLink2\n +-> install qemu-system-ppc-nvlink2 beside it")
        self.assertRegex(text, r"FAILED +vfio-pci +of this kernel hands no GPU RAM")
        self.assertRegex(text, r"FAILED +MMU +is hash")

    def test_strange_bytes(self):
        """names with bytes that no terminal, JSON or XML likes"""
        self.change_bridge(ibm_loc_code=b"\x1b[31m<&\xff\"")
        self.fixture.write(f"{TREE}/model", b"<\xc3\x28\x01&>" * 100)
        self.fixture.process(5, "a\tb", ["q", "-name", "guest=<\xe9\x02>"], ["/dev/vfio/1"])
        found = self.json()
        self.assertEqual(found["groups"][1]["user"]["guest"].strip("<>?"), "")
        self.assertTrue(found["model"].startswith("<?(?&>"))
        self.assertEqual(re.findall(r"[^\n -~]", self.run_tool("list")), [])
        xml.etree.ElementTree.fromstring(self.run_tool("list", "--svg"))

    def test_strange_sizes(self):
        """properties that are empty, too short or far too long, links that lead nowhere"""
        self.fixture.node(made.gpu_node(self.gpu), ibm_npu=cells(*range(50000)))
        self.change_bridge(ibm_device_tgt_addr=b"\1", ibm_nvlink_speed=b"", ibm_loc_code=b"")
        self.fixture.node(made.phb_of(8), ibm_mmio_atsd=b"\0" * 5000, ibm_chip_id=b"")
        self.fixture.node(f"memory@{self.gpu.base:x}", reg=b"\0\0", ibm_associativity=b"")
        for name, target in (("of_node", "nowhere"), ("driver", ""), ("iommu_group", "kernel/iommu_groups/-1")):
            path = self.fixture.path(f"{DEVICES}/{self.gpus[3].address}/{name}")
            if os.path.lexists(path):
                os.remove(path)
            os.symlink(target or ".", path)
        found = self.json()
        self.assertEqual(len(found["npus"]), 2)
        self.assertTrue(found["problems"])

    def test_many(self):
        """thousands of other devices and processes, and a guest that does not say what it is called"""
        for number in range(2000):
            address = f"0100:{number >> 3:02x}:00.{number & 7}"
            for name in ("vendor", "device"):
                self.fixture.write(f"{DEVICES}/{address}/{name}", "0x1af4\n")
            os.makedirs(self.fixture.path(f"proc/{number + 100}/fd"))
        self.fixture.process(99, "own", ["/opt/own"], ["/dev/vfio/10", "/dev/vfio/0x", "/dev/vfio/99999999999999", "/dev/vfio/1"])
        found = self.json()
        self.assertEqual(flat(found), described(self.gpus))
        self.assertEqual(found["groups"][1]["user"], {"process": 99, "command": "own", "guest": None})
        self.assertIsNone(found["groups"][0]["user"])

    def test_vanishing(self):
        """devices and processes that come and go while they are looked at"""
        places = [self.fixture.path(DEVICES), self.fixture.path("proc/88")]
        self.fixture.process(88, "x", ["x"], ["/dev/vfio/0"])
        done = threading.Event()

        def disturb():
            while not done.is_set():
                for place in places:
                    os.rename(place, place + ".away")
                    os.rename(place + ".away", place)

        thread = threading.Thread(target=disturb)
        thread.start()
        try:
            texts = [self.start("list", "--json", watch=number < 2) for number in range(30)]
        finally:
            done.set()
            thread.join()
        for text in texts:
            self.assertEqual((text.returncode, text.stderr), (0, ""))
            self.assertEqual(len(json.loads(text.stdout)["npus"]), 2)

    @unittest.skipIf(os.getuid(), "not root, so nobody's files can be hidden from us by their owner")
    def test_not_root(self):
        """a user who may not look at other's processes is told so"""
        self.fixture.process(88, "qemu", ["qemu"], ["/dev/vfio/0"])
        os.chmod(self.fixture.path("proc/88/fd"), 0o700)
        program = os.path.join(self.work, "nvlink2")
        shutil.copy(os.path.join(OBJECTS, "nvlink2"), program)
        done = subprocess.run([program, "--root", self.root, "list"], capture_output=True, text=True, check=False,
                              user=NOT_ROOT, group=NOT_ROOT, extra_groups=[])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("who has it only root can see", done.stdout)
        for gpu in self.gpus:
            for address in (gpu.address, *(bridge.address for bridge in gpu.bridges)):
                self.fixture.bind(address, "vfio-pci")
        done = subprocess.run([program, "--root", self.root, "check"], capture_output=True, text=True, check=False,
                              user=NOT_ROOT, group=NOT_ROOT, extra_groups=[])
        self.assertRegex(done.stdout, "ok +group +0: 8 of 8 devices are bound to vfio-pci, who has it only root can see")

    def test_half_bound(self):
        """check, qemu: a group that is bound in part, by a device that no guest gets too, is yet to be bound"""
        self.fixture.device("0004:06:00.1", 0x10de, 0x1db2, 0x040300)
        self.fixture.device("0004:03:01.0", 0x10b5, 0x8725, 0x060400)
        for address in ("0004:06:00.1", "0004:03:01.0"):
            self.fixture.join(address, 0)
        for gpu in self.gpus[:2]:
            for address in (gpu.address, *(bridge.address for bridge in gpu.bridges)):
                self.fixture.bind(address, "vfio-pci")
        self.assertRegex(self.run_tool("check", "--qemu", self.good_qemu()),
                         r"note +group +0: only 8 of its 9 devices are bound to vfio-pci\n +-> nvlink2 bind 0\n")
        self.assertIn("# First, as root: nvlink2 bind GPU0\n", self.run_tool("qemu", "GPU0"))
        self.fixture.bind("0004:06:00.1", "vfio-pci")
        self.assertRegex(self.run_tool("check", "--qemu", self.good_qemu(), watch=False),
                         r"ok +group +0: 9 of 9 devices are bound to vfio-pci, nobody has it\n")
        self.assertNotIn("nvlink2 bind", self.run_tool("qemu", "GPU0", watch=False))

    def test_usage(self):
        """words and options that mean nothing"""
        for words in ((), ("lits",), ("list", "GPU0"), ("list", "--boot"), ("bind",), ("list", "--json", "--svg"),
                      ("qemu", "GPU0", "--memory", "12"), ("qemu", "GPU0", "--memory", "-1G"), ("qemu", "GPU0", "--cpus", "0"),
                      ("qemu", "GPU0", "--name", "a b"), ("libvirt", "GPU0", "--name", "<x>"), ("list", "--", "-m"),
                      ("list", "--nonsense"), ("qemu", "GPU0", "--name", "a,debug-threads=on"), ("qemu", "GPU0", "--name", "a/b"),
                      ("libvirt", "GPU0", "--name", "a=b")):
            self.assertTrue(self.run_tool(*words, status=2, watch=False), words)
        for size in ("300M", "1000M", "1M"):
            self.assertIn("blocks of 256M", self.run_tool("qemu", "GPU0", "--memory", size, status=2, watch=False))
        self.assertIn("-m 1280M", self.run_tool("qemu", "GPU0", "--memory", "1280M", "--name", "a_B-1.c", watch=False))
        for words in ("GPU7", "5", "0004:05:00.1", "", "0x0"):
            self.assertIn("There are: GPU0 (0004:04:00.0, group 0)", self.run_tool("qemu", words, status=1, watch=False))
        self.assertIn("Usage:", self.run_tool("--help", watch=False))
        done = subprocess.run([os.path.join(OBJECTS, "nvlink2"), "--help"], stdout=open("/dev/full", "w", encoding="ascii"),
                              check=False)
        self.assertNotEqual(done.returncode, 0)


class Around(Case):
    """What comes along with the program."""

    def complete(self, *words):
        script = f"source {SOURCE}/nvlink2.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _nvlink2; echo \"${{COMPREPLY[*]}}\""
        path = f"{self.work}:{os.environ['PATH']}"
        return subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, check=True,
                              cwd=self.work, env={**os.environ, "PATH": path}).stdout.split()

    def make_program(self):
        program = os.path.join(self.work, "nvlink2")
        with open(program, "w", encoding="ascii") as stream:
            stream.write(f'#!/bin/sh\nexec {OBJECTS}/nvlink2 --root {self.root} "$@"\n')
        os.chmod(program, 0o755)

    def test_completion(self):
        """completion knows the commands, their options, and what is in the machine"""
        made.witherspoon(self.root)
        self.make_program()
        self.assertEqual(self.complete("nvlink2", "li"), ["list", "libvirt"])
        self.assertEqual(self.complete("nvlink2", "list", ""), ["--json", "--svg"])
        self.assertEqual(self.complete("nvlink2", "bind", "--d"), ["--dry-run"])
        self.assertEqual(self.complete("nvlink2", "qemu", "GPU"), ["GPU0", "GPU1", "GPU3", "GPU4"])
        self.assertEqual(self.complete("nvlink2", "unbind", "0004"), ["0004:04:00.0", "0004:05:00.0"])
        self.assertEqual(self.complete("nvlink2", "bind", "1"), ["1"])

    def test_completion_of_labels(self):
        """completion carries nothing out that a slot is called"""
        fixture, gpus = made.witherspoon(self.root)
        for gpu in gpus[:1]:
            for bridge in gpu.bridges:
                fixture.node(made.bridge_node(bridge), ibm_loc_code=string("GPU$(>it)"))
        self.make_program()
        found = self.complete("nvlink2", "qemu", "GPU")
        self.assertFalse(os.path.exists(os.path.join(self.work, "it")))
        self.assertEqual(found, ["GPU1", "GPU3", "GPU4"])

    def test_options(self):
        """help, manual page and completion have the same options"""
        texts = {"help": subprocess.run([os.path.join(OBJECTS, "nvlink2"), "--help"], capture_output=True, text=True,
                                        check=True).stdout}
        for name in ("nvlink2.8", "nvlink2.bash"):
            with open(os.path.join(SOURCE, name), encoding="ascii") as stream:
                texts[name] = stream.read().replace("\\-", "-")
        options = {name: set(re.findall(r"--[a-z][a-z-]*", text)) for name, text in texts.items()}
        self.assertEqual(options["nvlink2.8"] | {"--help", "--version"}, options["help"])
        self.assertEqual(options["nvlink2.bash"], options["help"])

    def test_manual(self):
        """the manual page has no error of troff"""
        if not shutil.which("groff"):
            self.skipTest("no groff")
        done = subprocess.run(["groff", "-man", "-ww", "-z", "-rLL=100n", os.path.join(SOURCE, "nvlink2.8")],
                              capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")

    def test_examples(self):
        """the examples of the manual page: commands that there are, and a guest whose console has the keyboard"""
        made.witherspoon(self.root)
        self.make_program()
        with open(os.path.join(SOURCE, "nvlink2.8"), encoding="ascii") as stream:
            examples = stream.read().partition("\n.SH EXAMPLES\n.nf\n")[2].partition("\n.fi\n")[0].replace("\\-", "-")
        script = examples.replace("nvlink2 bind GPU0", "nvlink2 bind --dry-run GPU0")
        tools = "ulimit() { :; }; qemu-system-ppc64() { cat; }; virsh() { grep -c hostdev; };\n"
        done = subprocess.run(["bash", "-e", "-c", tools + script], input="typed\n", capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": f"{self.work}:{os.environ['PATH']}"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("\ntyped\n", done.stdout)

    def test_install(self):
        """make install puts program, manual page and completion below DESTDIR"""
        there = os.path.join(self.work, "there")
        subprocess.run(["make", "-s", "-C", SOURCE, "install", f"O={OBJECTS}", f"DESTDIR={there}", "prefix=/usr"], check=True)
        found = sorted(os.path.relpath(os.path.join(where, name), there) for where, _, names in os.walk(there) for name in names)
        self.assertEqual(found, ["usr/sbin/nvlink2", "usr/share/bash-completion/completions/nvlink2",
                                 "usr/share/man/man8/nvlink2.8"])


class Binding(Case):
    """bind and unbind, with a simulated kernel that takes their writes."""

    def setUp(self):
        self.prepare()

    def prepare(self, driver="", board="4gpu"):
        self.fixture, self.gpus = made.witherspoon(self.root, board)
        for gpu in self.gpus:
            if driver:
                self.fixture.bind(gpu.address, driver)
                self.fixture.write(f"{DEVICES}/{gpu.address}/default", driver + "\n")

    def change(self, *words, status=0, **environment):
        return self.run_tool(*words, status=status, program="nvlink2-simulated", watch=False,
                             environment={key.upper(): str(value) for key, value in environment.items()})

    def writes(self):
        with open(self.fixture.path("writes"), encoding="ascii") as stream:
            return [line.split()[1:] for line in stream]

    def of_group(self, group):
        return {address for gpu in self.gpus if gpu.group == group
                for address in (gpu.address, *(bridge.address for bridge in gpu.bridges))}

    def rules(self):
        path = self.fixture.path("etc/udev/rules.d/60-nvlink2.rules")
        if not os.path.exists(path):
            return None
        with open(path, encoding="ascii") as stream:
            return re.findall(r'KERNEL=="([^"]+)", ATTR{driver_override}="([^"]+)"', stream.read())

    def test_bind(self):
        """bind: the whole group, override before unbind before probe, and nothing else"""
        self.prepare("nvidia")
        before = self.fixture.drivers()
        self.assertIn("group 0: 8 devices bound to vfio-pci", self.change("bind", "GPU1"))
        group = self.of_group(0)
        for address, state in self.fixture.drivers().items():
            self.assertEqual(state, ("vfio-pci", "vfio-pci") if address in group else before[address], address)
        first = self.gpus[0].address
        self.assertEqual([write for write in self.writes() if first in " ".join(write)],
                         [[f"/{DEVICES}/{first}/driver_override", "vfio-pci"], ["/sys/bus/pci/drivers/nvidia/unbind", first],
                          ["/sys/bus/pci/drivers_probe", first]])
        self.assertIn("group 0: 0 devices bound", self.change("bind", "0"))
        self.assertEqual(len(self.writes()), 8 * 2 + 2)

    def test_unbind(self):
        """unbind: back to the drivers of before, without override"""
        self.prepare("nvidia")
        before = self.fixture.drivers()
        self.change("bind", "all")
        self.assertIn("group 1: 8 devices taken from vfio-pci", self.change("unbind", "all"))
        self.assertEqual(self.fixture.drivers(), before)

    def each_failure(self, words, failures):
        """The simulated kernel refuses one write after the other; all is as before each time."""
        before = self.fixture.drivers()
        count = 0
        while True:
            count += 1
            log = self.fixture.path("writes")
            if os.path.exists(log):
                os.remove(log)
            done = self.start(*words, program="nvlink2-simulated", watch=count == 7,
                              environment={"SIMULATED_FAIL": str(count)})
            if not done.returncode:
                break
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("Input/output error", done.stderr)
            self.assertNotIn("by hand", done.stderr)
            self.assertEqual(self.fixture.drivers(), before, f"write {count} failed")
        self.assertEqual(count - 1, failures)
        self.assertNotEqual(self.fixture.drivers(), before)

    def test_undo_bind(self):
        """bind: whichever write fails, all is as it was"""
        self.prepare("nvidia")
        self.each_failure(("bind", "0"), 8 * 2 + 2)

    def test_undo_unbind(self):
        """unbind: whichever write fails, all is as it was"""
        self.prepare("nvidia")
        self.change("bind", "0")
        self.each_failure(("unbind", "0"), 8 * 3)

    def test_interrupted(self):
        """bind, unbind: who ends it while it changes a group gets a whole group, or one as it was"""
        for words, status in (("bind", ("vfio-pci", "vfio-pci")), ("unbind", ("", ""))):
            done = self.start(words, "0", program="nvlink2-simulated", watch=False, environment={"SIMULATED_SIGNAL": "7"})
            self.assertIn(-done.returncode, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
            drivers = self.fixture.drivers()
            self.assertEqual({drivers[address] for address in self.of_group(0)}, {status})
            os.remove(self.fixture.path("writes"))

    def test_ports(self):
        """ports of switches that are in a group: no write, no rule, and they are not counted"""
        self.prepare("nvidia")
        ports = {address for address in self.fixture.drivers() if ":03:" in address}
        for address in ports:
            self.fixture.join(address, 0 if address.startswith("0004") else 1)
        before = self.fixture.drivers()
        self.assertEqual({before[address] for address in ports}, {("pcieport", "")})
        done = self.run_tool("bind", "--dry-run", "--boot", "all", watch=False)
        self.assertEqual(done.count("ATTR{driver_override}"), 16)
        self.assertIn("group 0: 8 devices bound to vfio-pci", self.change("bind", "--boot", "all"))
        self.assertEqual(len(self.rules()), 16)
        self.assertIn("ok      group      0: 8 of 8 devices", self.start("check", watch=False).stdout)
        self.assertNotIn("nvlink2 bind", self.run_tool("qemu", "all", watch=False))
        for address in ports:
            self.fixture.bind(address, "vfio-pci")
        said = self.run_tool("unbind", "--dry-run", "--boot", "all", watch=False)
        for address in ports:
            self.fixture.bind(address, "pcieport")
        self.assertIn("group 0: 8 devices taken from vfio-pci", self.change("unbind", "all"))
        self.assertEqual(self.fixture.drivers(), before)
        texts = [said, done, *(" ".join(write) for write in self.writes()), *(address for address, _ in self.rules())]
        for address in ports:
            self.assertEqual([text for text in texts if address in text], [])

    def test_order_of_undo(self):
        """what was changed last is changed back first"""
        last = max(self.of_group(1))
        text = self.change("bind", "all", status=1, simulated_refuse=last)
        self.assertIn(f"{last}: vfio-pci did not take it", text)
        self.assertEqual(set(self.fixture.drivers().values()), {("", ""), ("pcieport", "")})
        writes = self.writes()
        forth = [text for path, text in writes if path.endswith("drivers_probe")]
        back = [path.split("/")[-2] for path, text in writes if path.endswith("driver_override") and text == "-"]
        self.assertEqual(len(forth), 16)
        self.assertEqual(back, forth[::-1])

    def test_undo_fails(self):
        """when nothing can be changed back either, it says which devices and where"""
        text = self.change("bind", "0", status=1, simulated_fail=",".join(map(str, range(5, 99))))
        for address in sorted(self.of_group(0))[:2]:
            self.assertIn(f"{address} could not be given back to no driver: do it by hand", text)

    def test_foreign_override(self):
        """an override that was there before comes back"""
        self.fixture.write(f"{DEVICES}/{self.gpus[0].address}/driver_override", "none\n")
        before = self.fixture.drivers()
        self.change("bind", "0", status=1, simulated_refuse=self.gpus[1].address)
        self.assertEqual(self.fixture.drivers(), before)

    def test_long_override(self):
        """an override that is too long to be given back as it was: nothing is done"""
        self.fixture.write(f"{DEVICES}/{self.gpus[1].address}/driver_override", "a" * 40 + "\n")
        before = self.fixture.drivers()
        self.assertIn(f"{self.gpus[1].address}: its driver_override is too long", self.change("bind", "0", status=1))
        self.assertEqual(self.fixture.drivers(), before)
        self.assertFalse(os.path.exists(self.fixture.path("writes")))

    def test_in_use(self):
        """what is in use is left alone: by a guest, by a program on the GPU, as memory, by a driver nobody knows"""
        self.prepare("nvidia")
        before = self.fixture.drivers()
        self.fixture.process(9, "python3", ["python3"], ["/dev/nvidia0"])
        self.assertIn("python3 (process 9) uses /dev/nvidia*", self.change("bind", "all", status=1))
        shutil.rmtree(self.fixture.path("proc/9"))
        self.fixture.write("sys/devices/system/node/node255/meminfo", "Node 255 MemTotal:       16777216 kB\n")
        self.assertIn("16 GiB of its RAM is memory of this machine", self.change("bind", "all", status=1))
        self.fixture.write("sys/devices/system/node/node255/meminfo", "Node 255 MemTotal:       0 kB\n")
        self.fixture.bind(self.gpus[3].address, "other")
        before[self.gpus[3].address] = ("other", "")
        self.assertIn("has the driver other, and what uses it is not known", self.change("bind", "all", status=1))
        self.assertEqual(self.fixture.drivers(), before)
        self.assertFalse(os.path.exists(self.fixture.path("writes")))
        self.change("bind", "0")
        self.fixture.process(8, "qemu", ["qemu", "-name", "beta"], ["/dev/vfio/0"])
        for words in (("unbind", "all"), ("bind", "0")):
            self.assertIn("in use by guest beta (qemu, process 8)", self.change(*words, status=1))

    def test_no_driver(self):
        """a kernel without vfio-pci: modprobe is asked, then the user is told"""
        shutil.rmtree(self.fixture.path("sys/bus/pci/drivers/vfio-pci"))
        self.assertIn("no PCI driver vfio-pci and modprobe finds none", self.change("bind", "0", status=1,
                                                                                   simulated_no_modules=1))
        self.change("bind", "0")
        self.assertEqual(self.fixture.drivers()[self.gpus[0].address][0], "vfio-pci")

    def test_boot(self):
        """--boot: rules for each device of the group, other lines stay, the last one takes the file along"""
        self.assertIsNone(self.rules())
        self.change("bind", "--boot", "0")
        self.assertEqual(sorted(self.rules()), sorted((address, "vfio-pci") for address in self.of_group(0)))
        self.change("bind", "--boot", "GPU3")
        self.change("bind", "--boot", "GPU3")
        self.assertEqual(sorted(self.rules()), sorted((address, "vfio-pci") for group in (0, 1)
                                                      for address in self.of_group(group)))
        self.change("unbind", "--boot", "0")
        self.assertEqual(sorted(self.rules()), sorted((address, "vfio-pci") for address in self.of_group(1)))
        self.change("unbind", "--boot", "all")
        self.assertIsNone(self.rules())
        self.assertEqual(os.listdir(self.fixture.path("etc/udev/rules.d")), [])

    def test_boot_of_user(self):
        """--boot: what else is in the file stays, comments and a last line without end too"""
        name = "etc/udev/rules.d/60-nvlink2.rules"
        self.fixture.write(name, '# mine\nKERNEL=="sda", MODE="0600"')
        for _ in range(2):
            self.change("bind", "--boot", "0")
            with open(self.fixture.path(name), encoding="ascii") as stream:
                lines = stream.read().split("\n")
            self.assertEqual(len([line for line in lines if line.startswith("# Written by nvlink2")]), 1)
            self.assertEqual(lines[1:3], ["# mine", 'KERNEL=="sda", MODE="0600"'])
            self.assertEqual(len(lines), 3 + 8 + 1)
        text = self.run_tool("unbind", "--boot", "--dry-run", "0", watch=False)
        self.assertEqual(set(text.partition("60-nvlink2.rules, for:\n")[2].split()), self.of_group(0))
        self.change("unbind", "--boot", "0")
        with open(self.fixture.path(name), encoding="ascii") as stream:
            self.assertEqual(stream.read().split("\n")[1:], ["# mine", 'KERNEL=="sda", MODE="0600"', ""])

    def test_balancing(self):
        """check: NUMA balancing that is on is said, with what to do; off, or none, is not worth a line"""
        for mode, said in (("1\n", True), ("2\n", True), ("0\n", False), (None, False)):
            path = self.fixture.path("proc/sys/kernel/numa_balancing")
            if mode:
                self.fixture.write("proc/sys/kernel/numa_balancing", mode)
            elif os.path.exists(path):
                os.remove(path)
            text = self.start("check", watch=False).stdout
            self.assertEqual("of NUMA nodes is on in this kernel" in text, said, mode)
            self.assertEqual("sysctl kernel.numa_balancing=0" in text, said, mode)

    def test_boot_of_other_kernel(self):
        """--boot all: rules for bridges that this kernel does not show go as well, the user's own lines stay"""
        name = "etc/udev/rules.d/60-nvlink2.rules"
        self.change("bind", "--boot", "0")
        with open(self.fixture.path(name), encoding="ascii") as stream:
            rule = stream.read().split("\n")[1]
        gone = re.sub(r'KERNEL=="[^"]*"', 'KERNEL=="0009:00:00.1"', rule)
        mine = gone.replace("vfio-pci", "mine", 1)
        with open(self.fixture.path(name), "a", encoding="ascii") as stream:
            stream.write(f"{mine}\n{gone}")
        self.change("unbind", "--boot", "0")
        with open(self.fixture.path(name), encoding="ascii") as stream:
            self.assertEqual(stream.read().split("\n")[1:], [mine, gone, ""])
        self.assertIn("take all rules of nvlink2 out of", self.run_tool("unbind", "--boot", "--dry-run", "all", watch=False))
        self.change("unbind", "--boot", "all")
        with open(self.fixture.path(name), encoding="ascii") as stream:
            self.assertEqual(stream.read().split("\n")[1:], [mine, ""])

    def test_boot_cannot_read(self):
        """--boot: rules that cannot be read, or not be replaced, say why, and no file is left behind"""
        name = "etc/udev/rules.d/60-nvlink2.rules"
        os.makedirs(self.fixture.path(name + "/x"))
        for words in (("bind", "--boot", "0"), ("unbind", "--boot", "0")):
            self.assertIn("60-nvlink2.rules: Is a directory", self.change(*words, status=1))
            self.assertEqual(os.listdir(self.fixture.path("etc/udev/rules.d")), ["60-nvlink2.rules"])

    def test_boot_fails(self):
        """--boot where rules cannot be written"""
        self.fixture.write("etc/udev/rules.d", "a file")
        self.assertIn("Not a directory", self.change("bind", "--boot", "0", status=1))

    def test_dry_run(self):
        """--dry-run says each write and makes none"""
        self.prepare("nvidia")
        before = self.fixture.drivers()
        text = self.run_tool("bind", "--dry-run", "--boot", "0")
        self.assertEqual(text.count("write "), 8 * 2 + 2 + 1)
        self.assertEqual(text.count("ATTR{driver_override}"), 8)
        self.assertEqual(self.fixture.drivers(), before)
        self.assertIsNone(self.rules())
        self.change("bind", "0")
        self.assertEqual(self.run_tool("unbind", "--dry-run", "0").count("write "), 8 * 3)

    def beside(self, words, act):
        """Status of a command, and what it says, while another one has the lock; act() is what that one changes."""
        with open(self.fixture.path("run/nvlink2.lock"), encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with subprocess.Popen([os.path.join(OBJECTS, "nvlink2-simulated"), "--root", self.root, *words],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as started:
                timer = threading.Timer(60, started.kill)
                timer.start()
                text = started.stderr.readline()
                act()
                fcntl.flock(lock, fcntl.LOCK_UN)
                text += started.stderr.read()
                timer.cancel()
        return started.returncode, text

    def test_waited(self):
        """bind, unbind: who has waited for another sees what became of the machine, and leaves a guest its devices"""
        for words in (("unbind", "0"), ("bind", "all")):
            self.prepare("nvidia")
            self.change("bind", "0")
            before = self.fixture.drivers()
            status, text = self.beside(words, lambda: self.fixture.process(77, "qemu", ["qemu", "-name", "late"],
                                                                           ["/dev/vfio/0"]))
            self.assertRegex(text, "^nvlink2: waiting for another nvlink2")
            self.assertIn("in use by guest late", text)
            self.assertEqual((status, self.fixture.drivers()), (1, before))

    def test_lock(self):
        """the lock is a file that only root can open; nothing else stops bind, and --dry-run needs none"""
        bus = os.open(self.fixture.path("sys/bus/pci"), os.O_RDONLY)
        self.addCleanup(os.close, bus)
        fcntl.flock(bus, fcntl.LOCK_EX)
        self.run_tool("bind", "--dry-run", "0", watch=False)
        self.assertFalse(os.path.exists(self.fixture.path("run")))
        self.change("bind", "0")
        lock = self.fixture.path("run/nvlink2.lock")
        self.assertEqual(stat.S_IMODE(os.stat(lock).st_mode), 0o600)
        with open(lock, encoding="ascii") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.run_tool("unbind", "--dry-run", "0", watch=False)
        os.remove(lock)
        os.mkdir(lock)
        before = self.fixture.drivers()
        self.assertIn("/run/nvlink2.lock: Is a directory", self.change("unbind", "0", status=1))
        self.assertEqual(self.fixture.drivers(), before)

    def test_not_allowed(self):
        """the program itself, where sysfs does not take writes"""
        shutil.rmtree(self.fixture.path("sys/bus/pci/drivers_probe"), ignore_errors=True)
        os.remove(self.fixture.path("sys/bus/pci/drivers_probe"))
        text = self.run_tool("bind", "0", status=1)
        self.assertIn("no driver would take it: No such file or directory", text)
        self.assertEqual(set(self.fixture.drivers().values()), {("", ""), ("pcieport", "")})


tap.main()
