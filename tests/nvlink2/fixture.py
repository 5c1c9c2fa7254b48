# SPDX-License-Identifier: GPL-2.0
"""Directories that look like /sys, /proc and the device tree of machines with NVLink2, and of others.

A machine is made of what QEMU's table of boards says of it; the numbers are those of a real AC922 with 4 GPUs, as far
as its log tells them. A fault changes the description or the files before the tool looks at them.
"""

import os
import shutil
import struct
from dataclasses import dataclass, field

from witherspoon import BOARDS

TREE = "sys/firmware/devicetree/base"
DEVICES = "sys/bus/pci/devices"
DRIVERS = "sys/bus/pci/drivers"
VENDOR_CAPABILITY = 0x80
OUT_OF_RESET = 2
APERTURE = 128 << 30
GPU_BUSES = ("04:00.0", "05:00.0", "06:00.0")
GPU_DOMAINS, NPU_DOMAINS = ("0004", "0035"), ("0006", "0007")
PCI_IDS = "1014  IBM\n\t04ea  NVLink bridge\n10de  NVIDIA Corporation\n\t1db1  GV100GL [Tesla V100 SXM2 16GB]\n"


def cells(*values):
    return struct.pack(f">{len(values)}I", *values)


def string(*values):
    return b"".join(value.encode() + b"\0" for value in values)


@dataclass
class Bridge:
    """The processor's end of a link; phandles follow from the numbers."""
    address: str
    link: int
    phandle: int
    gpu: "Gpu"
    speed: int = 9
    flags: int = 1
    group: int = 0


@dataclass
class Gpu:
    """A GPU and its bridges."""
    address: str
    slot: str
    chip: int
    phandle: int
    base: int
    memory_node: int
    group: int = 0
    bridges: list = field(default_factory=list)


def gpus_of(board):
    """The GPUs of a board, with sockets 0 and 8 and a group for each."""
    gpus, phandle = [], 1000
    for chip in range(board.chips):
        link = 0
        for number, word in enumerate(board.wiring):
            phandle += 100
            gpu = Gpu(f"{GPU_DOMAINS[chip]}:{GPU_BUSES[number]}", f"GPU{chip * 3 + number}", chip * 8, phandle,
                      (4 << 40) + (chip << 45) + number * APERTURE, 255 - len(gpus), chip)
            for function in range(word.count("C")):
                gpu.bridges.append(Bridge(f"{NPU_DOMAINS[chip]}:00:0{number}.{function}", link, phandle + 1 + function, gpu,
                                          group=chip))
                link += 1
            gpus.append(gpu)
    return gpus


class Fixture:
    """The files of a machine below a directory."""

    def __init__(self, root, kernel="6.12.117"):
        self.root = root
        shutil.rmtree(root, ignore_errors=True)
        self.write("proc/sys/kernel/osrelease", kernel + "\n")
        self.write("usr/share/misc/pci.ids", PCI_IDS)
        for driver in ("vfio-pci", "pcieport", "nvidia"):
            self.write(f"{DRIVERS}/{driver}/unbind", "")
        self.write("sys/bus/pci/drivers_probe", "")
        os.makedirs(self.path("etc/udev"))

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(data if isinstance(data, bytes) else data.encode())

    def node(self, name, **properties):
        """A node of the device tree; an underscore stands for a hyphen, ibm_ and linux_ for their prefixes."""
        for key, value in properties.items():
            key = key.replace("ibm_", "ibm,", 1).replace("linux_", "linux,", 1).replace("_", "-")
            self.write(f"{TREE}/{name}/{key}", value)

    def link(self, name, target):
        """A relative link, as sysfs has them."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.remove(path)
        os.symlink(os.path.relpath(self.path(target), os.path.realpath(os.path.dirname(path))), path)

    def device(self, address, vendor, device, pci_class, node=None, numa=0, config=b""):
        where = f"sys/devices/pci{address[:7]}/{address}"
        for name, text in (("vendor", f"0x{vendor:04x}"), ("device", f"0x{device:04x}"), ("class", f"0x{pci_class:06x}"),
                           ("numa_node", str(numa)), ("driver_override", "(null)")):
            self.write(f"{where}/{name}", text + "\n")
        self.write(f"{where}/config", config)
        self.link(f"{DEVICES}/{address}", where)
        if node:
            self.link(f"{where}/of_node", f"{TREE}/{node}")
        return where

    def join(self, address, group):
        """Put a device into an IOMMU group."""
        where = os.path.relpath(os.path.realpath(self.path(f"{DEVICES}/{address}")), os.path.realpath(self.root))
        self.link(f"sys/kernel/iommu_groups/{group}/devices/{address}", where)
        self.link(f"{where}/iommu_group", f"sys/kernel/iommu_groups/{group}")

    def bind(self, address, driver):
        self.link(f"{DEVICES}/{address}/driver", f"{DRIVERS}/{driver}")

    def process(self, pid, command, arguments, files):
        self.write(f"proc/{pid}/comm", command + "\n")
        self.write(f"proc/{pid}/cmdline", string(*arguments))
        os.makedirs(self.path(f"proc/{pid}/fd"))
        for number, file in enumerate(files):
            os.symlink(file, self.path(f"proc/{pid}/fd/{number}"))

    def drivers(self):
        """The driver of each device, and what it may only have."""
        found = {}
        for address in sorted(os.listdir(self.path(DEVICES))):
            link = self.path(f"{DEVICES}/{address}/driver")
            with open(self.path(f"{DEVICES}/{address}/driver_override"), encoding="ascii") as stream:
                override = stream.read().strip().replace("(null)", "")
            found[address] = (os.path.basename(os.readlink(link)) if os.path.islink(link) else "", override)
        return found


def bridge_config(flags, dead=False):
    """Configuration space as firmware emulates it."""
    config = bytearray(256)
    config[0:4] = b"\x14\x10\xea\x04"
    config[6] = 0x10
    config[0x34] = 0x40
    config[0x40:0x42] = bytes([0x10, VENDOR_CAPABILITY])
    config[VENDOR_CAPABILITY:VENDOR_CAPABILITY + 3] = bytes([9, 0, 0x10])
    config[VENDOR_CAPABILITY + 0xd] = flags
    return b"\xff" * 256 if dead else bytes(config)


def add_host(fixture, firmware="skiboot-v7.1"):
    fixture.write(f"{TREE}/model", string("8335-GTH"))
    fixture.write(f"{TREE}/ibm,opal/firmware/version", string(firmware))
    fixture.write("proc/cpuinfo", "processor\t: 0\ncpu\t\t: POWER9\n\nMMU\t\t: Radix\n")
    fixture.write("proc/kallsyms", "0000000000000000 t vfio_pci_nvlink2_alloc\t[vfio_pci]\n")
    fixture.write("dev/vfio/vfio", "")
    fixture.write("dev/kvm", "")


def phb_of(chip):
    return f"pciex@{0x6030200000000 + (chip << 42):x}"


def add_npu(fixture, chip, gpus, atsd):
    links = [bridge for gpu in gpus for bridge in gpu.bridges]
    npu = f"xscom@{0x603fc00000000 + (chip << 42):x}/npu@5011000"
    fixture.node(npu, compatible=string("ibm,power9-npu"))
    for bridge in links:
        fixture.node(f"{npu}/link@{bridge.link}", phandle=cells(bridge.phandle + 50),
                     ibm_npu_link_index=cells(bridge.link))
    fixture.node(phb_of(chip), compatible=string("ibm,power9-npu-pciex", "ibm,ioda2-npu2-phb"),
                 ibm_chip_id=cells(chip), ibm_npu_index=cells(chip // 8), ibm_links=cells(len(links)),
                 ibm_mmio_atsd=cells(*range(2 * atsd)))


def bridge_node(bridge):
    number = bridge.address[8:]
    return f"{phb_of(bridge.gpu.chip)}/bridge@{int(number[0]) if number[1] == '.' else int(number[:2])},{number[-1]}"


def add_bridge(fixture, bridge, shown):
    gpu = bridge.gpu
    node = bridge_node(bridge)
    fixture.node(node, phandle=cells(bridge.phandle), ibm_gpu=cells(gpu.phandle), ibm_nvlink=cells(bridge.phandle + 50),
                 memory_region=cells(gpu.phandle + 90), ibm_device_tgt_addr=cells(0x400, 0),
                 ibm_nvlink_speed=cells(bridge.speed), ibm_loc_code=string(gpu.slot))
    if shown:
        fixture.device(bridge.address, 0x1014, 0x04ea, 0x068001, node, -1, bridge_config(bridge.flags))
        fixture.join(bridge.address, bridge.group)


def gpu_node(gpu):
    return f"pciex@{0x600c3c0100000 + (gpu.chip << 42):x}/pci@0/pci@0/port@{gpu.slot[3]}/gpu@0"


def add_gpu(fixture, gpu):
    node = gpu_node(gpu)
    port = f"{gpu.address[:4]}:03:0{gpu.slot[3]}.0"
    fixture.node(os.path.dirname(node), ibm_slot_label=string(gpu.slot))
    fixture.node(node, phandle=cells(gpu.phandle), ibm_npu=cells(*(bridge.phandle for bridge in gpu.bridges)))
    fixture.node(f"memory@{gpu.base:x}", compatible=string("ibm,coherent-device-memory"), phandle=cells(gpu.phandle + 90),
                 reg=struct.pack(">QQ", gpu.base, APERTURE), ibm_associativity=cells(4, *[gpu.memory_node] * 4))
    fixture.write(f"sys/devices/system/node/node{gpu.memory_node}/meminfo",
                  f"Node {gpu.memory_node} MemTotal:       0 kB\n")
    fixture.device(port, 0x10b5, 0x8725, 0x060400, os.path.dirname(node), gpu.chip)
    fixture.bind(port, "pcieport")
    fixture.device(gpu.address, 0x10de, 0x1db1, 0x030200, node, gpu.chip)
    fixture.join(gpu.address, gpu.group)


def witherspoon(root, board="4gpu", atsd=8, shown=True, gpus=None, firmware="skiboot-v7.1", **options):
    """An AC922: gives the files and the GPUs that they describe."""
    fixture = Fixture(root, **options)
    gpus = gpus or gpus_of(BOARDS[board])
    add_host(fixture, firmware)
    for gpu in gpus:
        add_gpu(fixture, gpu)
        for bridge in gpu.bridges:
            add_bridge(fixture, bridge, shown)
    for chip in sorted({gpu.chip for gpu in gpus}):
        add_npu(fixture, chip, [gpu for gpu in gpus if gpu.chip == chip], atsd)
    return fixture, gpus


def plain_power(root):
    """A POWER9 without NPU."""
    fixture = Fixture(root)
    add_host(fixture)
    fixture.device("0000:00:00.0", 0x1014, 0x04c1, 0x060400)
    return fixture


def amd64(root):
    fixture = Fixture(root)
    fixture.device("0000:01:00.0", 0x10de, 0x1db1, 0x030200)
    fixture.join("0000:01:00.0", 5)
    return fixture


def pseries(root):
    """A guest that was given a GPU and three bridges, as QEMU describes them."""
    fixture = Fixture(root)
    fixture.write(f"{TREE}/model", string("IBM pSeries (emulated by qemu)"))
    fixture.node("rtas", phandle=cells(1))
    gpu = Gpu("0001:00:01.0", "", 0, 500, 64 << 40, 1)
    for number in range(3):
        gpu.bridges.append(Bridge(f"0001:00:0{number + 2}.0", number, 501 + number, gpu))
        fixture.node(f"npuphb0/link@{number}", phandle=cells(551 + number), ibm_npu_link_index=cells(number))
    node = "pci@800000020000000/gpu@1"
    fixture.node(node, phandle=cells(gpu.phandle), ibm_npu=cells(501, 502, 503))
    fixture.node(f"memory@{gpu.base:x}", compatible=string("ibm,coherent-device-memory"), phandle=cells(590),
                 reg=struct.pack(">QQ", gpu.base, APERTURE), ibm_associativity=cells(4, 0, 0, 0, 1))
    fixture.write("sys/devices/system/node/node1/meminfo", "Node 1 MemTotal:       16777216 kB\n")
    fixture.device(gpu.address, 0x10de, 0x1db1, 0x030200, node)
    for bridge in gpu.bridges:
        where = f"pci@800000020000000/bridge@{bridge.link + 2}"
        fixture.node(where, phandle=cells(bridge.phandle), ibm_gpu=cells(gpu.phandle), ibm_nvlink=cells(551 + bridge.link),
                     memory_region=cells(590), ibm_device_tgt_addr=cells(0x400, 0), ibm_nvlink_speed=cells(9))
        fixture.device(bridge.address, 0x1014, 0x04ea, 0x068000, where, config=bridge_config(1 | OUT_OF_RESET))
    return fixture
