#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# The emulated machine itself: what its parts do without Linux, and that faults in it are noticed.
exec "$(dirname "$0")/../machine/check-model" --faults
