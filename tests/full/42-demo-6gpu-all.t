#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 1260
# All GPUs of both sockets of the 6gpu board in one guest, on two PCI host bridges, each check a case.
exec "$(dirname "$0")/../../machine/demo" --board 6gpu --guests all --gpu-ram 256M --tap
