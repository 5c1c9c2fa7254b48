# SPDX-License-Identifier: GPL-2.0
"""Run VFIO's own selftests, of a newer Linux, in an emulated host."""

import os
import re
import subprocess
import sys

from selftests import BUILD, TOP, Case, Run, unless_expected

# What tests/libvfio/build ends with where Debian has no source that it can use
NO_BASE = 4
# What firmware logs of a PHB when it finds a PE frozen, and the line of that PE
DIAGNOSIS = r"PHB#\w+\[\d+:\d+\]: +\w+(\[\w+\])? = \w+( \w+)?"
FROZEN = re.compile(r"PHB#\w+\[\d+:\d+\]: +PEST\[\w+\] = 8\w+ 8\w+")
ASSERTION = re.compile(r"^\s*(Expression: |Observed: |\[errno: )")

# What is skipped, by program and kind of device, and why. A case that skips itself for any other reason tests nothing any
# more, say because the machine has no huge pages.
SKIPS = {
    ("vfio_dma_mapping_mmio_test", "nvme"): r"BAR too small",
    ("vfio_pci_device_test", "nvme"): r"MSI: not supported",
    ("vfio_pci_device_test", "gpu"): r"MSI-x: not supported",
    ("vfio_pci_driver_test", "gpu"): r"Driver does not support send_msi\(\)",
}


class LibvfioRun(Run):
    """One boot. A program is announced with the kind of device that it is run on, and told with it."""

    def __init__(self, **settings):
        super().__init__("host", **settings)
        self.images = os.path.join(BUILD, "libvfio")
        self.kind = None
        self.freezes = 0

    def may_complain(self, programs):
        return [*super().may_complain(programs), DIAGNOSIS]

    def line(self, text):
        super().line(text)
        if FROZEN.search(text):
            self.freezes += 1
        elif text.startswith("@ run "):
            self.kind = text.split()[3]
        elif ASSERTION.match(text):
            self.reason = f"{self.reason} {text.strip()}".strip()

    def case(self, found):
        known = len(self.cases)
        super().case(found)
        for case in self.cases[known:]:
            unless_expected(case, SKIPS.get((case.program, self.kind)))
            case.program = f"{case.program} {self.kind}"


def judge_freezes(run, at_least):
    """Firmware's record of a run: refused DMA has frozen the device."""
    return Case("firmware", "refused_dma_freezes_the_device", "ok" if run.freezes >= at_least else "FAIL",
                f"{run.freezes} freezes, of {at_least} at least")


def build():
    """Gives why nothing can be run, or None."""
    made = subprocess.run([os.path.join(TOP, "tests", "libvfio", "build")], stderr=subprocess.PIPE, text=True, check=False)
    sys.stderr.write(made.stderr)
    if made.returncode == NO_BASE:
        return made.stderr.strip().replace("\n", "; ")
    made.check_returncode()
    return None
