# SPDX-License-Identifier: GPL-2.0
"""A job of the emulated host, watched from outside: what was said, the registers at the marks, and faults that are
injected there. The only reader of what machine/common/report.c writes.
"""

import time

from witherspoon import GPU_TYPE, NPU_TYPE, Gpu, Machine, Npu

MARK = "@ mark "


class Observation:
    """What was said, in its order, and the registers and the GPUs at the marks."""

    def __init__(self, order=(), firmware=(), registers=None, gpus=None):
        self.order = [tuple(pair) for pair in order]
        self.firmware = list(firmware)
        self.kernel = []
        self.lines = []
        self.registers = registers or {}
        self.gpus = gpus or {}
        self.error = None
        self.started = time.monotonic()

    @property
    def seconds(self):
        return time.monotonic() - self.started

    @property
    def facts(self):
        return dict(self.order)

    def line(self, text):
        self.lines.append(text)
        if text.startswith("opal| "):
            self.firmware.append(text[6:])
        elif text.startswith("dmesg| "):
            self.kernel.append(text[7:])
        elif text.startswith("@ ") and "=" in text:
            self.fact(*text[2:].split("=", 1))

    def fact(self, key, value):
        self.order.append((key, value))

    def look(self, mark, monitor):
        self.registers[mark] = [Npu(monitor, path) for path in monitor.find(NPU_TYPE)]
        self.gpus[mark] = [Gpu(monitor, path) for path in monitor.find(GPU_TYPE)]


def observe(settings, log, timeout, at_mark=None, seen=None):
    """Gives seen, or a new Observation. at_mark: by the name of a mark, what to do there with the monitor, after the
    registers were read.
    """
    seen, monitor = seen or Observation(), None
    with Machine(settings, log) as machine:
        for line in machine.lines(timeout):
            seen.line(line)
            if line.startswith(MARK):
                mark = line[len(MARK):].strip()
                monitor = monitor or machine.qmp()
                seen.look(mark, monitor)
                if mark in (at_mark or {}):
                    at_mark[mark](monitor)
                machine.send("go")
    return seen
