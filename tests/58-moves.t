#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""The eight devices of a socket go from guest to guest, each of which is killed at work. Three guests, 70 s.

MOVES_ROUNDS is how many guests there are; tests/full/41-moves.t has ten. With "-global pnv-v100.ram-keep=on" GPUs keep
their RAM over a reset: the second guest then finds what the first one left, because the kernel does not clear it.
"""

import os

import tap
from moves import judge_moves, observe

ROUNDS = int(os.environ.get("MOVES_ROUNDS", "3"))
LOG = tap.log("moves")
TIMEOUT = 200 + 100 * ROUNDS

tap.job(lambda: judge_moves(observe(LOG, TIMEOUT, ROUNDS), ROUNDS), LOG)
