#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 3060
# A guest for each of the two GPUs of the small board, both at once, each check a case.
exec "$(dirname "$0")/../machine/demo" --board small --guests each --gpu-ram 256M --tap
