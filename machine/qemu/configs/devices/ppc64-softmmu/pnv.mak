# PowerNV machines only, with the devices a Witherspoon needs
#
# SPDX-License-Identifier: GPL-2.0-or-later

CONFIG_POWERNV=y
CONFIG_ACPI=y
CONFIG_SERIAL_ISA=y
CONFIG_NVME_PCI=y
CONFIG_XIO3130=y
CONFIG_IGB_PCI_EXPRESS=y
CONFIG_E1000E_PCI_EXPRESS=y
