#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 1800
"""VFIO's own selftests, of a newer Linux, with the patches of tests/libvfio, on devices of the emulated machine; each of
their cases is a case here.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "selftests"))

import libvfio  # noqa: E402
from selftests import FREEZE, build, in_parallel, judge_freezes, log_path, print_tap  # noqa: E402

TIMEOUT = 1500
# Room for a mapping of 1 GiB, and for a page of 1 GiB, which is only there if the kernel took it when it started
MEMORY = "6G"
PAGES = "hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=1"

MAPPING = ("vfio_dma_mapping_test", "vfio_dma_mapping_mmio_test")
DEVICE = ("vfio_pci_device_test", "vfio_pci_device_init_perf_test")
DRIVER = ("vfio_pci_driver_test",)
# A network controller that libvfio has a driver for, behind the disks that every machine here has
NIC = ("-device", "igb,bus=disk,addr=0.2")
# Firmware logs now and then that a device was stopped whose DMA was refused
FREEZES = 1
# Programs and the kinds of devices that they run on, as tests/libvfio/on-device knows them, and settings
BATCHES = {
    "pci": ({"igb": DRIVER + DEVICE, "nvme": MAPPING + DEVICE}, {"extra": NIC + FREEZE}),
    "gpu": ({"gpu": DRIVER + MAPPING + DEVICE}, {"extra": FREEZE}),
}


def words(programs):
    return [f"{program}:{kind}" for kind, names in programs.items() for program in names]


def main():
    build("host")
    reason = libvfio.build()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    runs = {name: libvfio.LibvfioRun(memory=MEMORY, **settings) for name, (_, settings) in BATCHES.items()}

    def job(name, programs):
        return lambda: runs[name].go(words(programs), log_path("libvfio", name), TIMEOUT, PAGES)

    # One at a time: each has a page of 1 GiB, and other tests run beside it in a computer of 8 GB
    in_parallel((job(name, programs) for name, (programs, _) in BATCHES.items()), 1)
    for run in runs.values():
        run.cases.append(judge_freezes(run, FREEZES))
    return print_tap(runs)


sys.exit(main())
