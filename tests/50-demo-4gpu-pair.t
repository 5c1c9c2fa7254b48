#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 1260
# Both GPUs of a socket of the 4gpu board in one guest, each check a case.
exec "$(dirname "$0")/../machine/demo" --board 4gpu --guests pair --gpu-ram 256M --tap
