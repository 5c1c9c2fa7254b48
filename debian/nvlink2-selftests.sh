#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Usage: nvlink2-selftests [OPTION]...
#
# Runs the selftests of NVLink2 (TAP), or what the options of the kernel's run_kselftest.sh say: see --help.
cd /usr/libexec/nvlink2-selftests && exec ./run_kselftest.sh "$@"
