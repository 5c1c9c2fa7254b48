#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 1260
# All three GPUs of a socket of the 6gpu board in one guest, each check a case.
exec "$(dirname "$0")/../machine/demo" --board 6gpu --guests pair --gpu-ram 256M --tap
