# SPDX-License-Identifier: GPL-2.0
"""A kernel that gets its device tree from firmware with one block of ATSD registers for each NPU."""

import os
import subprocess

from selftests import BUILD, TOP

SOURCE = os.path.join(TOP, "machine", "payload")
CROSS = "powerpc64le-linux-gnu-"
FLAGS = ("-O2 -Wall -Wextra -Werror -mcpu=power9 -mno-vsx -mno-altivec -mabi=elfv2 -mbig-endian -m64 -ffreestanding "
         "-fno-builtin -fno-stack-protector -fno-pic -fno-pie -mcmodel=large -fno-tree-loop-distribute-patterns "
         "-nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments").split()
# ONE_ATSD_SIZE of machine/payload/layout.h, and what its KERNEL_TEXT says of the kernel's first segment
SIZE, TEXT = 0x10000, 0x10000


def program(directory):
    elf, flat = os.path.join(directory, "one-atsd.elf"), os.path.join(directory, "one-atsd.bin")
    subprocess.run([f"{CROSS}gcc", *FLAGS, f"-Wl,-T,{SOURCE}/payload.lds", "-o", elf,
                    os.path.join(SOURCE, "one_atsd.S"), os.path.join(SOURCE, "one_atsd.c")], check=True)
    subprocess.run([f"{CROSS}objcopy", "-O", "binary", elf, flat], check=True)
    with open(flat, "rb") as stream:
        return stream.read()


def kernel_file(path):
    """The kernel, whose text has to be where the program starts it."""
    with open(path, "rb") as stream:
        content = stream.read()
    offset = int.from_bytes(content[64 + 8:64 + 16], "little")
    if offset != TEXT:
        raise RuntimeError(f"{path} has its text at {offset:#x}")
    return content


def build(kernel):
    """Gives the name of what boots like `kernel`, for Run()."""
    name = f"{kernel}-one-atsd"
    directory = os.path.join(BUILD, "selftests", name)
    os.makedirs(directory, exist_ok=True)
    code = program(directory)
    if len(code) > SIZE // 2:
        raise RuntimeError(f"the program before the kernel has {len(code)} bytes")
    with open(os.path.join(directory, "vmlinux"), "wb") as out:
        out.write(code.ljust(SIZE, b"\0"))
        out.write(kernel_file(os.path.join(BUILD, "selftests", kernel, "vmlinux")))
    image = os.path.join(directory, "host.cpio")
    if not os.path.islink(image):
        os.symlink(os.path.join("..", kernel, "host.cpio"), image)
    return name
