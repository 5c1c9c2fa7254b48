/*
 * VFIO: NVLink2 between NVIDIA GPUs and the NPU of an IBM POWER9
 *
 * vfio-pci offers the RAM of a GPU as a region of the GPU, and the register
 * that shoots down what the GPU knows of address translations as a region of
 * the bridge at the other end of a link. Where they go in the guest is up to
 * the machine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>

#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qemu/mmap-alloc.h"
#include "qemu/units.h"
#include "hw/pci/pci_ids.h"
#include "hw/vfio/vfio-nvlink2.h"
#include "migration/blocker.h"
#include "pci.h"
#include "trace.h"

const VFIONvlink2 *vfio_nvlink2_find(PCIDevice *pdev)
{
    Object *obj = object_dynamic_cast(OBJECT(pdev), TYPE_VFIO_PCI);

    return obj ? VFIO_PCI(obj)->nvlink2 : NULL;
}

static struct vfio_region_info *nvlink2_region(VFIOPCIDevice *vdev,
                                               bool is_gpu)
{
    struct vfio_region_info *info = NULL;

    vfio_get_dev_region_info(&vdev->vbasedev,
                             VFIO_REGION_TYPE_PCI_VENDOR_TYPE |
                             (is_gpu ? PCI_VENDOR_ID_NVIDIA :
                              PCI_VENDOR_ID_IBM),
                             is_gpu ? VFIO_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM :
                             VFIO_REGION_SUBTYPE_IBM_NVLINK2_ATSD, &info);
    return info;
}

static bool nvlink2_read_caps(VFIONvlink2 *nv, struct vfio_region_info *info,
                              bool is_gpu, Error **errp)
{
    struct vfio_region_info_cap_nvlink2_ssatgt *tgt = (void *)
        vfio_get_region_info_cap(info, VFIO_REGION_INFO_CAP_NVLINK2_SSATGT);
    struct vfio_region_info_cap_nvlink2_lnkspd *speed = (void *)
        vfio_get_region_info_cap(info, VFIO_REGION_INFO_CAP_NVLINK2_LNKSPD);

    if (!tgt || !tgt->tgt) {
        error_setg(errp, "the host does not say which NVLink2 GPU this is, or "
                   "leads to");
        return false;
    }
    if (!speed && !is_gpu) {
        error_setg(errp, "the host does not say how fast the NVLink2 is");
        return false;
    }
    nv->tgt = tgt->tgt;
    nv->link_speed = speed ? speed->link_speed : 0;
    return true;
}

/*
 * The host maps GPU RAM with 1 GiB pages, the largest there are, where the
 * virtual address is congruent with the physical one modulo 1 GiB, and KVM does
 * so for the guest where the virtual address is congruent with the guest
 * physical one. Both physical addresses are multiples of 1 GiB.
 */
static bool nvlink2_map(VFIOPCIDevice *vdev, struct vfio_region_info *info,
                        uint64_t align, Error **errp)
{
    VFIONvlink2 *nv = vdev->nvlink2;
    void *map = qemu_ram_mmap(vdev->vbasedev.fd, info->size, align,
                              QEMU_MAP_SHARED, info->offset);

    if (map == MAP_FAILED) {
        error_setg_errno(errp, errno, "failed to map its NVLink2 region");
        return false;
    }
    nv->map = map;
    nv->size = info->size;
    return true;
}

/*
 * GPU RAM is RAM, not a RAM device: other devices of the guest may access it,
 * and so it has to be registered with the IOMMU of the host. Without links
 * that the guest has trained an access is a SIGBUS, so whoever reads all of
 * guest memory has to leave it out: that is what "nonvolatile" says to dumps.
 */
static bool nvlink2_gpu_realize(VFIOPCIDevice *vdev,
                                struct vfio_region_info *info, Error **errp)
{
    VFIONvlink2 *nv = vdev->nvlink2;

    if (!nvlink2_map(vdev, info, 1 * GiB, errp)) {
        return false;
    }
    memory_region_init_ram_ptr(&nv->mr, OBJECT(vdev), "nvlink2-mr", nv->size,
                               nv->map);
    memory_region_set_nonvolatile(&nv->mr, true);
    nv->ram = &nv->mr;

    error_setg(&nv->migration_blocker, "GPU RAM of %s, an NVLink2 device, "
               "cannot be migrated", vdev->vbasedev.name);
    return migrate_add_blocker(&nv->migration_blocker, errp) == 0;
}

static bool nvlink2_bridge_realize(VFIOPCIDevice *vdev,
                                   struct vfio_region_info *info, Error **errp)
{
    VFIONvlink2 *nv = vdev->nvlink2;

    /* The host has ATSD registers for one bridge of each GPU, see vfio.h */
    if (!info->size) {
        return true;
    }
    if (!nvlink2_map(vdev, info, qemu_real_host_page_size(), errp)) {
        return false;
    }
    memory_region_init_ram_device_ptr(&nv->mr, OBJECT(vdev), "nvlink2-atsd-mr",
                                      nv->size, nv->map);
    nv->atsd = &nv->mr;
    return true;
}

static bool nvlink2_host_cell(const char *sysfsdev, const char *property,
                              uint32_t *cell)
{
    g_autofree char *path = g_build_filename(sysfsdev, "of_node", property,
                                             NULL);
    g_autofree char *bytes = NULL;
    gsize size;

    if (!g_file_get_contents(path, &bytes, &size, NULL) ||
        size != sizeof(*cell)) {
        return false;
    }
    *cell = ldl_be_p(bytes);
    return true;
}

/* The bridges of a GPU are in its IOMMU group, and say whose they are */
static char **nvlink2_host_bridges(const char *sysfsdev)
{
    g_autofree char *path = g_build_filename(sysfsdev ?: "", "iommu_group",
                                             "devices", NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    GPtrArray *names;
    uint32_t self, gpu;

    if (!sysfsdev || !dir || !nvlink2_host_cell(sysfsdev, "phandle", &self)) {
        return NULL;
    }
    names = g_ptr_array_new();
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *device = g_build_filename(path, name, NULL);

        if (nvlink2_host_cell(device, "ibm,gpu", &gpu) && gpu == self) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, false);
}

bool vfio_nvlink2_realize(VFIOPCIDevice *vdev, Error **errp)
{
    bool is_gpu = vfio_pci_is(vdev, PCI_VENDOR_ID_NVIDIA, PCI_ANY_ID);
    g_autofree struct vfio_region_info *info = NULL;
    VFIONvlink2 *nv;

    if (!vdev->use_nvlink2 ||
        (!is_gpu && !vfio_pci_is(vdev, PCI_VENDOR_ID_IBM, PCI_ANY_ID))) {
        return true;
    }
    info = nvlink2_region(vdev, is_gpu);
    if (!info) {
        return true;
    }
    if (!vdev->vbasedev.group) {
        error_setg(errp, "NVLink2 devices need a VFIO group, iommufd has none");
        return false;
    }
    nv = vdev->nvlink2 = g_new0(VFIONvlink2, 1);
    nv->host = vdev->vbasedev.name;
    nv->group = vdev->vbasedev.group->groupid;
    if (!nvlink2_read_caps(nv, info, is_gpu, errp)) {
        return false;
    }
    object_property_add_uint64_ptr(OBJECT(vdev), "nvlink2-tgt", &nv->tgt,
                                   OBJ_PROP_FLAG_READ);
    if (is_gpu) {
        nv->bridges = nvlink2_host_bridges(vdev->vbasedev.sysfsdev);
        trace_vfio_nvlink2_gpu(nv->host, nv->tgt, info->size);
        return nvlink2_gpu_realize(vdev, info, errp);
    }
    object_property_add_uint32_ptr(OBJECT(vdev), "nvlink2-link-speed",
                                   &nv->link_speed, OBJ_PROP_FLAG_READ);
    trace_vfio_nvlink2_bridge(nv->host, nv->tgt, nv->link_speed, info->size);
    return nvlink2_bridge_realize(vdev, info, errp);
}

/* Nobody has the memory region any more, or there would be a reference to us */
void vfio_nvlink2_finalize(VFIOPCIDevice *vdev)
{
    VFIONvlink2 *nv = vdev->nvlink2;

    if (!nv) {
        return;
    }
    trace_vfio_nvlink2_finalize(nv->host);
    migrate_del_blocker(&nv->migration_blocker);
    qemu_ram_munmap(vdev->vbasedev.fd, nv->map, nv->size);
    g_strfreev(nv->bridges);
    g_free(nv);
    vdev->nvlink2 = NULL;
}
