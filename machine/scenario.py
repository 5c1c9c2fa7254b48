# SPDX-License-Identifier: GPL-2.0
"""A job of the emulated host, watched from outside: what was said, the registers at the marks, and faults that are
injected there.
"""

from witherspoon import GPU_TYPE, NPU_TYPE, Gpu, Machine, Npu


class Observation:
    """What was said, in its order, and the registers and the GPUs at the marks."""

    def __init__(self, order=(), firmware=(), registers=None, gpus=None):
        self.order = [tuple(pair) for pair in order]
        self.firmware = list(firmware)
        self.kernel = []
        self.registers = registers or {}
        self.gpus = gpus or {}

    @property
    def facts(self):
        return dict(self.order)

    def line(self, text):
        if text.startswith("opal| "):
            self.firmware.append(text[6:])
        elif text.startswith("dmesg| "):
            self.kernel.append(text[7:])
        elif text.startswith("@ ") and "=" in text:
            self.order.append(tuple(text[2:].split("=", 1)))


def observe(settings, log, timeout, at_mark=None):
    """at_mark: by the name of a mark, what to do there with the monitor, after the registers were read."""
    seen, monitor = Observation(), None
    with Machine(settings, log) as machine:
        for line in machine.lines(timeout):
            seen.line(line)
            if line.startswith("@ mark "):
                mark = line[7:].strip()
                monitor = monitor or machine.qmp()
                seen.registers[mark] = [Npu(monitor, path) for path in monitor.find(NPU_TYPE)]
                seen.gpus[mark] = [Gpu(monitor, path) for path in monitor.find(GPU_TYPE)]
                if mark in (at_mark or {}):
                    at_mark[mark](monitor)
                machine.send("go")
    return seen
