#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 1500
# Ten guests, one after the other, have the same two GPUs: what each of them leaks adds up.
MOVES_ROUNDS=10 exec "$(dirname -- "$0")/../58-moves.t"
