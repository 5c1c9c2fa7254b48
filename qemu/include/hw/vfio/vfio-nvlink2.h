/*
 * VFIO: NVLink2 between NVIDIA GPUs and the NPU of an IBM POWER9
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_VFIO_VFIO_NVLINK2_H
#define HW_VFIO_VFIO_NVLINK2_H

#include "exec/memory.h"
#include "hw/pci/pci.h"
#include CONFIG_DEVICES /* CONFIG_VFIO_PCI */

/**
 * VFIONvlink2: what the host says of a GPU with NVLink2, or of the bridge at
 * the other end of one of its links.
 *
 * @host: name of the device in the host
 * @group: its IOMMU group
 * @tgt: address of the GPU's RAM as the GPU sees it; the bridges that lead to
 *       the GPU have the same
 * @link_speed: of a bridge, as in the host's device tree
 * @ram: RAM of a GPU, NULL for a bridge
 * @atsd: register of a bridge that shoots address translations down, NULL if
 *        the host has none for it, and for a GPU
 * @bridges: names of all bridges that lead to a GPU; ends with NULL. NULL if
 *           that cannot be known, and for a bridge
 */
typedef struct VFIONvlink2 {
    const char *host;
    int group;
    uint64_t tgt;
    uint32_t link_speed;
    MemoryRegion *ram;
    MemoryRegion *atsd;
    char **bridges;

    /*< private >*/
    MemoryRegion mr;
    void *map;
    uint64_t size;
    Error *migration_blocker;
} VFIONvlink2;

#ifdef CONFIG_VFIO_PCI
/**
 * vfio_nvlink2_find: what the host says of a device; NULL if the device is not
 * one of its devices with NVLink2.
 *
 * @pdev: any device, realized
 */
const VFIONvlink2 *vfio_nvlink2_find(PCIDevice *pdev);
#else
static inline const VFIONvlink2 *vfio_nvlink2_find(PCIDevice *pdev)
{
    return NULL;
}
#endif

#endif /* HW_VFIO_VFIO_NVLINK2_H */
