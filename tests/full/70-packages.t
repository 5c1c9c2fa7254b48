#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 18000
"""The packages of make deb on a fresh Debian: they install, boot, pass the demo's checks, are upgraded and go without trace.

DEBIAN=bookworm in the environment takes Debian 12, where a mirror cannot give all of Debian 13; CONFIG=emulated a kernel that
is built in a few minutes.
"""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tests"), os.path.join(TOP, "tests", "packages")]

import tap  # noqa: E402
import installed  # noqa: E402


def run():
    installed.run(installed.DEB, "--config", os.environ.get("CONFIG", "ac922"))
    return installed.judge(os.environ.get("DEBIAN", "trixie"))


tap.job(run, tap.log("packages-demo"))
