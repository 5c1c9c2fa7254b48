#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""A GPU that is reset by its power state, as Linux does when it says that it loses its state in D3hot. 25 s."""

import tap
from faults import judge_power, observe

LOG = tap.log("reset-by-power")
TIMEOUT = 870
EXTRA = ("-global", "pnv-v100.no-soft-reset=off")

tap.job(lambda: judge_power(observe(LOG, TIMEOUT, "power", extra=EXTRA)[0]), LOG)
