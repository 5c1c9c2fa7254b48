#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 14400
"""The whole series builds in configurations it is not made for, and offers its option only where it can work."""

import os

from builds import FULL, HOST, BuildError, Tap, checkout, configure, make, objects, prepare

X86 = {"ARCH": "x86", "CROSS_COMPILE": ""}
CONFIGURATIONS = (
    ("4k-pages", "ppc64le with 4K pages", True, HOST, None, "vmlinux"),
    ("no-powernv", "ppc64le without POWERNV", False, HOST, None, "vmlinux"),
    ("x86-64", "x86-64 with VFIO_PCI", False, (), X86, "vmlinux"),
)


def offers(name):
    """Whether the configuration has the option of the series."""
    with open(os.path.join(objects(name), ".config"), encoding="utf-8") as stream:
        return "CONFIG_VFIO_PCI_NVLINK2=y" in stream.read().split("\n")


def build(name, offered, fragments, environment, target):
    configure(name, *fragments, os.path.join(FULL, f"{name}.config"), environment=environment)
    if offers(name) != offered:
        return f"CONFIG_VFIO_PCI_NVLINK2 is {'on' if offers(name) else 'off'}"
    make(name, target, "modules", environment=environment)
    return ""


def main():
    commits = prepare()
    checkout(commits[-1][0])
    if len(commits) == 1:
        print("1..0 # SKIP the series has no commits yet")
        return
    tap = Tap(len(CONFIGURATIONS))
    for name, title, *how in CONFIGURATIONS:
        try:
            detail = build(name, *how)
        except BuildError as error:
            detail = str(error)
        tap.result(not detail, f"builds: {title}", detail)
    tap.finish()


main()
