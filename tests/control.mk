# SPDX-License-Identifier: GPL-2.0
# The control: the same selftests on Linux 5.10. Takes most of an hour.
.PHONY: control
control: machine
	@tests/control
