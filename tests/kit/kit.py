# SPDX-License-Identifier: GPL-2.0
"""The hardware kit in an emulated host that has only its archive: what it says, and the report that it writes."""

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
sys.path[:0] = [os.path.join(TOP, "machine"), os.path.join(TOP, "tests", "selftests")]

from selftests import FAST, HURRIED, NO_POWER_CONTROL, NOT_A_KERNEL, FastSettings  # noqa: E402
from witherspoon import Machine, MachineError  # noqa: E402

IMAGES = os.path.join(BUILD, "kit")
DISK_SIZE = 16 << 20
REPORT = "nvlink2-report"
HOST_NAME = "witherspoon-of-owner"
ADDRESS = re.compile(r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b", re.I)


def build():
    subprocess.run([os.path.join(TOP, "tests", "kit", "build")], check=True)


class Host:
    """A boot of a host with the kit. jobs: see tests/kit/init. board None is a machine without NPU."""

    def __init__(self, jobs, log, timeout, board="4gpu", extra=()):
        self.lines, self.files, self.problem = [], {}, None
        with tempfile.NamedTemporaryFile(prefix="kit-report-") as disk:
            disk.truncate(DISK_SIZE)
            devices = () if board is None else (*NO_POWER_CONTROL, "-drive", f"if=none,id=disk0,file={disk.name},format=raw",
                                                "-device", "nvme,bus=disk,drive=disk0,serial=1")
            settings = FastSettings(FAST, board=board, job="kit", images=IMAGES, memory="2G",
                                    gpu_ram=board and "256M", extra=(*devices, *extra), append=f"kit={','.join(jobs)}",
                                    may_complain=(NOT_A_KERNEL, *HURRIED))
            try:
                with Machine(settings, log) as machine:
                    self.lines = list(machine.lines(timeout))
            except MachineError as error:
                self.problem = str(error)
            self.unpack(disk.read())

    def unpack(self, data):
        """The disk is longer than the report, if there is one."""
        try:
            with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as report:
                for entry in report:
                    if entry.isfile():
                        self.files[entry.name.removeprefix(f"{REPORT}/")] = report.extractfile(entry).read()
        except tarfile.TarError:
            pass

    def all_said(self, word):
        """What follows "@ word" in each line that begins with it."""
        return [line[len(word) + 3:] for line in self.lines if line.startswith(f"@ {word} ")]

    def of_job(self, name):
        """The lines of one job."""
        begin = next((i for i, line in enumerate(self.lines) if line.startswith(f"@ job {name}")), len(self.lines))
        end = next((i for i in range(begin + 1, len(self.lines)) if self.lines[i].startswith("@ job ") or self.lines[i] == "@ end"),
                   begin)
        return self.lines[begin:end]

    def text(self, name):
        return self.files.get(name, b"").decode("utf-8", "replace")

    def report(self):
        return json.loads(self.text("report.json") or "{}")

    def cases(self):
        """By program: name, result and reason of each."""
        return {program["name"]: [(case["name"], case["result"], case.get("reason", "")) for case in program["cases"]]
                for program in self.report().get("programs", [])}
