# SPDX-License-Identifier: GPL-2.0
# The control: the same selftests on Linux 5.10. Takes ten minutes once its kernel is built.
.PHONY: control
control: machine
	@tests/control
