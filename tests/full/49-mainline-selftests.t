#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 7200
"""The selftests of the series on Debian's newest Linux."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import mainline  # noqa: E402

mainline.main(("tests/60-selftests.t",))
