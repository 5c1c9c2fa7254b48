#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 1800
"""The selftests on GPUs like real ones without their vendor's driver: links do not train, and there is no engine of the
model's own; a PHB that refuses DMA stops the device. No case fails; what needs links says so. 2 minutes.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "selftests"))

from selftests import (FAST, FREEZE, NO_DRIVER, SAFE, Run, build, judge_freezes, judge_skips,  # noqa: E402
                       log_path, print_tap)

TIMEOUT = 1500
# Cases that need no link
LEFT = 121
# falcon.unmapped_memory_is_out_of_reach
FREEZES = 1

build("host")
run = Run("host", speed=FAST, extra=(*NO_DRIVER, *FREEZE))
run.go(SAFE, log_path("host", "no-driver-all"), TIMEOUT)
run.cases += [judge_skips(run.cases, LEFT), judge_freezes(run, FREEZES)]
sys.exit(print_tap({"no-driver": run}))
