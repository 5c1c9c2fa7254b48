#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 1800
"""A GPU that does not come back from a reset cannot be opened, and can when it is back. PCI waits a minute for each try."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import tap  # noqa: E402
from faults import judge_lost, observe  # noqa: E402

LOG = tap.log("lost-gpu")
TIMEOUT = 1700

tap.job(lambda: judge_lost(observe(LOG, TIMEOUT, "lost", "use")[0]), LOG)
