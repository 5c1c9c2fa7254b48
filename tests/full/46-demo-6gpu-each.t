#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 3060
# A guest for each of the six GPUs of the 6gpu board, all at once, each check a case.
exec "$(dirname "$0")/../../machine/demo" --board 6gpu --guests each --gpu-ram 256M --tap
