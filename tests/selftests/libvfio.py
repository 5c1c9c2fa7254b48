# SPDX-License-Identifier: GPL-2.0
"""Run VFIO's own selftests, of a newer Linux, in an emulated host."""

import os
import re
import subprocess
import sys

from selftests import BUILD, TOP, Run, unless_expected

# What tests/libvfio/build ends with where Debian has no source that it can use
NO_BASE = 4
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

    def line(self, text):
        super().line(text)
        if text.startswith("@ run "):
            self.kind = text.split()[3]
        elif ASSERTION.match(text):
            self.reason = f"{self.reason} {text.strip()}".strip()

    def case(self, found):
        known = len(self.cases)
        super().case(found)
        for case in self.cases[known:]:
            unless_expected(case, SKIPS.get((case.program, self.kind)))
            case.program = f"{case.program} {self.kind}"


def build():
    """Gives why nothing can be run, or None."""
    made = subprocess.run([os.path.join(TOP, "tests", "libvfio", "build")], stderr=subprocess.PIPE, text=True, check=False)
    sys.stderr.write(made.stderr)
    if made.returncode == NO_BASE:
        return made.stderr.strip().replace("\n", "; ")
    made.check_returncode()
    return None
