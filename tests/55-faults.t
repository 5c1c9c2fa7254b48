#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""Hardware that fails: shootdowns that never end, frozen PEs; a user who resets a bridge over and over. Takes 120 s.

A GPU that does not come back takes minutes to give up: tests/full/40-lost-gpu.t.
"""

import tap
from faults import judge_faults, observe

LOG = tap.log("faults")
TIMEOUT = 870

tap.job(lambda: judge_faults(*observe(LOG, TIMEOUT, "stuck", "frozen", "purge", "resets", "use")), LOG)
