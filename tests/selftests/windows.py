# SPDX-License-Identifier: GPL-2.0
"""What the model's trace says of the links of a GPU while the GPU is held in reset.

The port above a GPU holds it in reset from when Bridge Control gets the bit until the bit is gone. The bit resets the
model of the GPU, which says so next. Ports of the two chips have the same names: of two that hold a GPU at the same
time only the last is seen.
"""

import re

EVENTS = ("pci_cfg_write", "pnv_npu2_link", "pnv_npu2_link_fence", "pnv_v100_reset")
BRIDGE_CONTROL, BUS_RESET = 0x3e, 0x40
WRITE = re.compile(r"pci_cfg_write (\S+ \S+) @0x([0-9a-f]+) <- 0x([0-9a-f]+)$")
RESET = re.compile(r"pnv_v100_reset gpu(\d+) ")
OPENED = re.compile(r"pnv_npu2_link(?:_fence)? chip (\d+) link (\d+) (?:fence: released|is up)")
# As the 4-GPU board numbers them: three to a chip, of which two are there, with three links each
GPUS, LINKS, CHIPS = 3, 3, (0, 8)


def options(path):
    """Let QEMU write the trace to a file."""
    return [word for event in EVENTS for word in ("-trace", event)] + ["-D", path]


def gpu_of(chip, link):
    return CHIPS.index(chip) * GPUS + link // LINKS


class Windows:
    """How often a GPU was held in reset, and what was done to its links meanwhile."""

    def __init__(self):
        self.count = 0
        self.wrong = []
        self.port = None
        self.held = {}

    def write(self, port, where, value):
        if where != BRIDGE_CONTROL:
            return
        if value & BUS_RESET:
            self.port = port
        else:
            self.held.pop(port, None)

    def reset(self, gpu):
        """By the port that was written last, or by something else that does not hold it in reset."""
        if self.port:
            self.held[self.port] = gpu
            self.count += 1
        self.port = None

    def line(self, text):
        write, reset, opened = WRITE.match(text), RESET.match(text), OPENED.match(text)
        if write:
            self.port = None
            self.write(write[1], int(write[2], 16), int(write[3], 16))
        elif reset:
            self.reset(int(reset[1]))
        elif opened and gpu_of(int(opened[1]), int(opened[2])) in self.held.values():
            self.wrong.append(text)


def read(path):
    windows = Windows()
    with open(path, encoding="utf-8", errors="replace") as stream:
        for text in stream:
            windows.line(text.rstrip("\n"))
    return windows
