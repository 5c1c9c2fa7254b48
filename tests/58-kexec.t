#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 400
"""Another kernel takes over by kexec while a guest stores to GPU RAM, and passes the same GPU on: all of the demo's checks.

Real hosts start like this, from the kernel of their boot loader. 45 s.
"""

import os
import sys

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

import kexec  # noqa: E402
from checks import judge  # noqa: E402
from scenario import observe  # noqa: E402
from witherspoon import MachineError, Settings, relative  # noqa: E402

LOG = os.path.join(tap.BUILD, "logs", "kexec.log")
TIMEOUT = 380


def main():
    settings = Settings(board=kexec.BOARD, job="kexec,in-use,passthrough", append="retain_initrd")
    try:
        seen = observe(settings, LOG, TIMEOUT)
    except MachineError as error:
        print(f"Bail out! {error}")
        return 1
    return kexec.show([
        kexec.in_use(seen), kexec.taken_over(seen, "by kexec"), kexec.leaves(seen), kexec.nothing_left(seen),
        kexec.hardware(seen, "host.taken-over", "host.after"),
        *judge(kexec.BOARD, kexec.kernels(seen)[-1])], relative(LOG))


if __name__ == "__main__":
    sys.exit(main())
