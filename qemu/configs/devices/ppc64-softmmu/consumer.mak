# SPDX-License-Identifier: GPL-2.0-or-later
#
# The consumer: a pseries machine for KVM with passed-through PCI devices and
# the few virtual ones a small guest uses. The machine code refers to USB and NVDIMM.

CONFIG_PSERIES=y
CONFIG_NVDIMM=y
CONFIG_USB=y
CONFIG_VFIO_PCI=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_BLK=y
CONFIG_VIRTIO_NET=y
CONFIG_VIRTIO_SERIAL=y
CONFIG_VIRTIO_RNG=y
CONFIG_VIRTIO_SCSI=y

# What libvirt gives each pseries guest that asks for nothing else: libvirt has no model of a USB controller without them.
CONFIG_USB_XHCI_PCI=y
CONFIG_VIRTIO_BALLOON=y
