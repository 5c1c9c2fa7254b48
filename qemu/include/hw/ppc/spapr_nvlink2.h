/*
 * QEMU PowerPC pSeries: NVLink2 GPUs passed through
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_PPC_SPAPR_NVLINK2_H
#define HW_PPC_SPAPR_NVLINK2_H

#include "hw/pci-host/spapr.h"
#include "hw/ppc/spapr.h"

/* Distance of a GPU's NUMA node to every other node */
#define SPAPR_NVLINK2_DISTANCE 80

/**
 * spapr_nvlink2_plug: a device was realized. Does nothing unless it has
 * NVLink2.
 *
 * @phb: its PCI host bridge
 * @pdev: the device
 *
 * Returns: false if it must not be there.
 */
bool spapr_nvlink2_plug(SpaprPhbState *phb, PCIDevice *pdev, Error **errp);

/**
 * spapr_nvlink2_may_unplug: false if a PCI host bridge has to stay.
 */
bool spapr_nvlink2_may_unplug(SpaprPhbState *phb, Error **errp);

/**
 * spapr_nvlink2_may_unplug_slot: false if a device has to stay because it is
 * function 0 of a slot with NVLink2 devices, which would go with it.
 */
bool spapr_nvlink2_may_unplug_slot(PCIDevice *function0, Error **errp);

/**
 * spapr_nvlink2_num_nodes: how many NUMA nodes are GPUs. They follow the nodes
 * that the user has configured.
 */
unsigned spapr_nvlink2_num_nodes(SpaprMachineState *spapr);

/**
 * spapr_nvlink2_dt_phb: say in the device tree what GPUs a PCI host bridge has.
 * Offsets of nodes are not valid any more afterwards.
 *
 * @phb: the PCI host bridge
 * @fdt: the device tree
 * @offset: its node
 */
void spapr_nvlink2_dt_phb(SpaprPhbState *phb, void *fdt, int offset);

/**
 * spapr_nvlink2_dt_device: say in the device tree how a device is linked.
 *
 * @phb: the PCI host bridge
 * @pdev: any device
 * @fdt: the device tree
 * @offset: its node
 */
void spapr_nvlink2_dt_device(SpaprPhbState *phb, PCIDevice *pdev, void *fdt,
                             int offset);

#endif /* HW_PPC_SPAPR_NVLINK2_H */
