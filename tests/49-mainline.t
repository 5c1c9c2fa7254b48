#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 7200
"""The series on Debian's newest Linux: git am on the base, KUnit, the demo on both boards, the selftests."""

import mainline

mainline.main(("tests/12-the-series.t",), ("tests/42-kunit.t",), ("machine/demo", "--board", "4gpu", "--tap"),
              ("machine/demo", "--board", "6gpu", "--guests", "pair", "--tap"), ("tests/60-selftests.t",))
