#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 3060
# A guest for each of the four GPUs of the 4gpu board, all at once, each check a case.
exec "$(dirname "$0")/../../machine/demo" --board 4gpu --guests each --gpu-ram 256M --tap
