#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 400
"""With a group for each GPU, one that nobody has is reset by others than VFIO: by its attribute, by its power state, by the
port above it, by EEH, by its slot; and it is removed and found again. It returns to its group, and who opens it next has
its links cut, or gets an error. 30 s.

tests/full/47-neighbours.t has the same beside a guest with another GPU.
"""

import os
import sys

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from neighbours import OTHERWISE, WAYS_ALONE, judge_alone, observe  # noqa: E402

LOG = tap.log("isolation-unused")
TIMEOUT = 380

tap.job(lambda: judge_alone(observe(LOG, TIMEOUT, "alone", *WAYS_ALONE, "deaf", extra=OTHERWISE)), LOG)
