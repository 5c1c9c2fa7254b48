# SPDX-License-Identifier: GPL-2.0
"""The emulated machine as a process: how it is started, its console, its registers.

Used by machine/run, machine/demo and the scenario tests. Every wait has an end.
"""

import json
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

from complaints import Complaints
from console import Console

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
BOARD_TABLE = os.path.join(TOP, "machine/qemu/hw/ppc/pnv_witherspoon_boards.h.inc")
NPU_TYPE = "pnv-npu2"
GPU_TYPE = "pnv-v100"
QMP_TIMEOUT = 20
# How long a machine may take to power off after its last word
POWER_OFF = 60
# What the model of the machine says before it ends QEMU
MODEL_SAYS = re.compile(r"qemu-system-ppc64: (pnv-.*)")


class MachineError(Exception):
    """Says what is wrong and what to do about it."""


@dataclass
class Board:
    """A row of QEMU's table of boards."""
    name: str
    text: str
    chips: int
    gpus_per_chip: int
    # By GPU of a chip: a letter for each of its links, C for one to the chip, a digit for one to that GPU of the chip
    wiring: list

    @property
    def links_per_gpu(self):
        return self.wiring[0].count("C")

    @property
    def peer_links(self):
        """By GPU of a chip: a bit for each link that does not lead to the chip."""
        return [sum(1 << link for link, end in enumerate(ends) if end != "C") for ends in self.wiring]


def load_boards():
    """By name; the first is the default."""
    with open(BOARD_TABLE, encoding="utf-8") as table:
        rows = re.findall(r'^WITHERSPOON_BOARD\("(\w+)", "([^"]+)", (\d+), (\d+),\s+([^)]*)\)$', table.read(), re.M)
    return {name: Board(name, text, int(chips), int(gpus), re.findall(r'"(\w+)"', wiring))
            for name, text, chips, gpus, wiring in rows}


BOARDS = load_boards()
DEFAULT_BOARD = next(iter(BOARDS))


def relative(path):
    return os.path.relpath(path, TOP) if path.startswith(TOP + os.sep) else path


def built(path, target):
    """A file that a build made; says which when it is not there."""
    if not os.path.exists(path):
        raise MachineError(f"{relative(path)} is not there: 'scripts/build {target}' makes it")
    return path


def firmware():
    """Debian's own skiboot."""
    path = os.path.join(BUILD, "base/qemu-system-data-10.0/skiboot.lid")
    if not os.path.exists(path):
        raise MachineError(f"{relative(path)} is not there: 'scripts/base firmware' gets it")
    return path


class Settings:
    """What to boot. The defaults are the series' kernel on the default board.

    MACHINE_IMAGES and MACHINE_QEMU in the environment name other images and another QEMU. A machine ends when a bit of an
    NPU's FIR is set, unless fir_fatal is false. may_complain: patterns of what firmware may complain of.
    """

    # The last word of a machine that is about to power off
    end = re.compile(r"@ host\.job\.status=|@ end$")

    def __init__(self, board=DEFAULT_BOARD, job="passthrough", images=None, gpu_ram=None, extra=(), append="",
                 memory="3G", qemu=None, fir_fatal=True, may_complain=()):
        if board is not None and board not in BOARDS:
            raise MachineError(f"there is no board '{board}': {', '.join(BOARDS)}")
        self.board = board
        self.job = job
        self.images = images or os.environ.get("MACHINE_IMAGES") or os.path.join(BUILD, "images")
        self.gpu_ram = gpu_ram
        self.extra = list(extra)
        self.append = append
        self.memory = memory
        self.fir_fatal = fir_fatal
        self.may_complain = may_complain
        self.qemu = (qemu or os.environ.get("MACHINE_QEMU") or
                     os.path.join(BUILD, "qemu-machine", "qemu-system-ppc64"))

    def machine(self):
        """The -M option; board None is QEMU's own powernv9, a host without NPU."""
        if self.board is None:
            return ["-M", "powernv9", "-smp", "2,sockets=1,cores=2,threads=1"]
        ram = f",gpu-ram={self.gpu_ram}" if self.gpu_ram else ""
        fatal = ["-global", f"{NPU_TYPE}.fir-fatal=on"] if self.fir_fatal else []
        return ["-M", f"witherspoon,board={self.board}{ram}", "-smp", f"2,sockets={BOARDS[self.board].chips}", *fatal]

    def command(self):
        kernel = built(os.path.join(self.images, "vmlinux"), "images")
        root = built(os.path.join(self.images, "host.cpio"), "images")
        append = f"console=hvc0 quiet panic=-1 machine.job={self.job} {self.append}".strip()
        return [built(self.qemu, "qemu-machine"), *self.machine(), "-accel", "tcg,thread=multi",
                "-m", self.memory, "-nodefaults", "-display", "none", "-no-reboot", "-bios", firmware(),
                "-kernel", kernel, "-initrd", root, "-append", append, *self.extra]


class Qmp:
    """QEMU's monitor, as far as it is needed to look at objects."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(QMP_TIMEOUT)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rw", encoding="utf-8")
        self.stream.readline()
        self.execute("qmp_capabilities")

    def execute(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            line = self.stream.readline()
            if not line:
                raise MachineError("the emulated machine closed its monitor")
            reply = json.loads(line)
            if "error" in reply:
                raise MachineError(f"{command} {arguments}: {reply['error']['desc']}")
            if "return" in reply:
                return reply["return"]

    def get(self, path, name):
        return self.execute("qom-get", path=path, property=name)

    def children(self, path):
        for item in self.execute("qom-list", path=path):
            if item["type"].startswith("child<"):
                yield f"{path}/{item['name']}".replace("//", "/"), item["type"][6:-1]

    def find(self, type_name, path="/machine"):
        """Paths of all objects of a type, in the order of their names."""
        found = []
        for child, child_type in sorted(self.children(path)):
            if child_type == type_name:
                found.append(child)
            elif not child_type.startswith("qemu:memory-region") and child_type != "irq":
                found += self.find(type_name, child)
        return found


class Npu:
    """What one NPU's registers hold, read at one moment."""

    ROWS, TVES, ATSDS, LINKS, GPUS, FIRS = 16, 16, 8, 6, 3, 3
    VALID = 1 << 63
    LPID = 0xfff
    DENY = 1 << (63 - 51)

    def __init__(self, qmp, path):
        def numbers(name, count):
            return [int(qmp.get(path, f"{name}[{index}]")) for index in range(count)]

        def facts(name, count):
            return [qmp.get(path, f"{name}[{index}]") for index in range(count)]

        self.bdf_map = numbers("bdf-map", self.ROWS)
        self.pid_map = numbers("pid-map", self.ROWS)
        self.tve = numbers("tve", self.TVES)
        self.lparid = numbers("atsd-lparid", self.ATSDS)
        self.link = facts("link", self.LINKS)
        self.atsd = facts("atsd", self.ATSDS)
        self.dma = qmp.get(path, "dma")
        self.purges = int(qmp.get(path, "purges"))
        self.fir = numbers("fir", self.FIRS)
        self.ram = facts("ram", self.GPUS)

    def guest_rows(self):
        """Rows of XTS_BDF_MAP that give a GPU to a guest: valid, LPID not 0."""
        return [row for row in self.bdf_map if row & self.VALID and row & self.LPID]

    def guest_lpids(self):
        return sorted({row & self.LPID for row in self.guest_rows()} |
                      {value & self.LPID for value in self.lparid if value & self.LPID})

    def left_to_guests(self):
        """Rows and LPIDs that give something to a guest."""
        return self.guest_rows() + self.guest_lpids()

    def tables(self):
        """TVEs that are DMA windows with a table."""
        return [index for index, tve in enumerate(self.tve) if tve and tve != self.DENY]

    def not_denied(self, tves):
        """Which of these let DMA through: to all memory, or to a table that may have been freed."""
        return [index for index in tves if self.tve[index] != self.DENY]

    def links_up(self):
        return [index for index, link in enumerate(self.link) if link["up"]]

    def fences(self, links):
        return {index: self.link[index]["fence"] for index in links}

    def are_fenced(self, links):
        """By firmware, on request: the hardware itself fences too late."""
        return bool(links) and set(self.fences(links).values()) == {"firmware"} and not {*self.links_up()} & {*links}

    def refused(self):
        """Accesses to GPU RAM that ended in an error."""
        return sum(ram["refused"] for ram in self.ram)

    def errors(self):
        """What must not be when nobody trains a link, in words: it is an HMI or a machine check on a real machine."""
        found = [f"FIR {index} {value:#018x}" for index, value in enumerate(self.fir) if value]
        found += [f"link {index} is {'up' if link['up'] else 'down'}, its fence of {link['fence']}"
                  for index, link in enumerate(self.link) if link["fence"] != ("none" if link["up"] else "firmware")]
        return found + ([f"{self.refused()} accesses to GPU RAM refused"] if self.refused() else [])

    def launches(self, registers=range(ATSDS)):
        return sum(self.atsd[index]["launches"] for index in registers)

    def hits(self, registers=range(ATSDS)):
        return sum(self.atsd[index]["hits"] for index in registers)

    def registers_of(self, lpid):
        """The sets of ATSD registers that shoot at the translations of a guest."""
        return [index for index, value in enumerate(self.lparid) if value & self.LPID == lpid]


class Gpu:
    """What one GPU has done so far."""

    def __init__(self, qmp, path):
        self.atc = qmp.get(path, "atc")
        self.peers = qmp.get(path, "peers")
        self.link_disable = int(qmp.get(path, "link-disable"))


def printable(data):
    """Console bytes as text: no terminal sequences, no carriage returns."""
    text = data.decode("utf-8", "replace")
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\0]", "", text)


class Machine:
    """A running emulated machine. Use it in a with statement: it does not outlive that."""

    def __init__(self, settings, log):
        self.settings = settings
        self.complaints = Complaints(settings.may_complain)
        self.log_path = log
        self.private = tempfile.mkdtemp(prefix="witherspoon-")
        self.monitor = os.path.join(self.private, "qmp")
        self.console = Console()
        self.partial = ""
        self.pending = []
        self.last = self.model_said = ""
        os.makedirs(os.path.dirname(log), exist_ok=True)
        self.log = open(log, "w", encoding="utf-8")
        self.process = self.start(settings.command())

    def start(self, command):
        command += ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
                    "-qmp", f"unix:{self.monitor},server=on,wait=off"]
        self.log.write(" ".join(command) + "\n")
        self.log.flush()
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.private, ignore_errors=True)

    def read(self, timeout):
        """Move what the console says into pending lines; False when it has ended."""
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        if not ready:
            return True
        data = os.read(self.process.stdout.fileno(), 65536)
        text = printable(data)
        self.log.write(text)
        self.log.flush()
        *lines, self.partial = (self.partial + text).split("\n")
        for line in lines:
            self.take(self.console.whole(line))
        rest = "" if data else self.console.rest()
        if rest:
            self.take(rest)
        return bool(data)

    def take(self, line):
        self.pending.append(line)
        self.complaints.line(line)
        said = MODEL_SAYS.search(line)
        self.model_said = said[1] if said else self.model_said
        self.last = line if line.strip() else self.last

    def lines(self, timeout):
        """The console's lines until the machine ends; an error when that takes longer than timeout seconds."""
        end, late = time.monotonic() + timeout, f"not finished after {timeout} s"
        alive = True
        while alive:
            if time.monotonic() > end:
                raise MachineError(f"{late}; the console is in {relative(self.log_path)}")
            alive = self.read(min(1, max(0.01, end - time.monotonic())))
            while self.pending:
                line = self.pending.pop(0)
                if self.settings.end.match(line):
                    end, late = time.monotonic() + POWER_OFF, f"did not power off within {POWER_OFF} s"
                yield line
        self.judge()

    def judge(self):
        """Of a machine that has ended: did it end well, and had firmware nothing to complain of?"""
        if self.process.wait():
            raise MachineError(f"QEMU ended with status {self.process.returncode}: {self.model_said or self.last}; "
                               f"see {relative(self.log_path)}")
        if self.complaints.unknown:
            raise MachineError(f"{self.complaints}; see {relative(self.log_path)}")

    def send(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def qmp(self):
        return Qmp(self.monitor)
