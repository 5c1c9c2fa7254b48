#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 1260
# The main job on the 6gpu board, each of its checks a case.
exec "$(dirname "$0")/../machine/demo" --board 6gpu --tap
