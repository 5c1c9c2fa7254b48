/*
 * QEMU PowerPC pSeries: NVLink2 GPUs passed through
 *
 * A GPU, the bridges at the other end of its links and what joins them: the RAM
 * of the GPU becomes a NUMA node of the guest, and the ATSD registers, by which
 * the guest shoots down address translations that the GPU has cached, go beside
 * it. All of it is there when the machine starts and stays: a GPU has its
 * addresses and its node for as long as the machine runs.
 *
 * docs/system/ppc/nvlink2.rst is for users.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "exec/address-spaces.h"
#include "hw/pci-host/spapr.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/ppc/fdt.h"
#include "hw/ppc/spapr_nvlink2.h"
#include "hw/ppc/spapr_numa.h"
#include "hw/vfio/vfio-nvlink2.h"
#include "system/system.h"
#include "trace.h"

/*
 * GPU RAM is above the windows of all PCI host bridges and ends at 128 TiB, so
 * that one window for DMA can cover it together with all other RAM. There is
 * no DMA to ATSD registers, they are above.
 */
#define RAM_BASE SPAPR_PCI_LIMIT
#define RAM_SIZE (2 * TiB) /* of each PCI host bridge */
#define ATSD_BASE (128 * TiB)
#define ATSD_SIZE (SPAPR_NVLINK2_MAX_GPUS * MAX_LINKS * 64 * KiB)

/* Of a GPU: a POWER9 has six bricks, for two GPUs or for three */
#define MAX_LINKS 3
/* Guests read no more of them */
#define MAX_ATSD 8

/* Guests may have known these since they were introduced, in QEMU 4.1 */
#define PHANDLE_DEVICE(phb, pdev) \
    (0x12000000 | (phb)->index << 16 | pci_dev_bus_num(pdev) << 8 | \
     (pdev)->devfn)
#define PHANDLE_RAM(gpu) \
    (0x110000ff | (gpu)->phb->index << 16 | (gpu)->number << 8)
#define PHANDLE_LINK(gpu, link) \
    (0x00130000 | (gpu)->phb->index << 8 | (gpu)->number << 4 | (link))

typedef struct SpaprNvlink2Link {
    PCIDevice *pdev;
    const VFIONvlink2 *nv;
    hwaddr atsd;
} SpaprNvlink2Link;

/* @number counts the GPUs of a PCI host bridge */
typedef struct SpaprNvlink2Gpu {
    SpaprPhbState *phb;
    unsigned number;
    uint64_t tgt;
    PCIDevice *pdev;
    const VFIONvlink2 *nv;
    hwaddr ram;
    unsigned node;
    unsigned num_links;
    SpaprNvlink2Link links[MAX_LINKS];
} SpaprNvlink2Gpu;

struct SpaprNvlink2 {
    Notifier machine_done;
    GPtrArray *devices;
    unsigned num_gpus, num_nodes;
    SpaprNvlink2Gpu gpus[SPAPR_NVLINK2_MAX_GPUS];
};

/* One walk over the devices of a PCI host bridge */
typedef struct SpaprNvlink2Walk {
    SpaprNvlink2 *nvlink2;
    SpaprPhbState *phb;
    unsigned first_node, num_gpus;
    hwaddr ram, atsd;
    Error *err;
} SpaprNvlink2Walk;

static const char *name_of(void *device)
{
    return DEVICE(device)->id ?: object_get_canonical_path_component(device);
}

static SpaprNvlink2Gpu *walk_gpu(SpaprNvlink2Walk *walk, uint64_t tgt)
{
    SpaprNvlink2 *nvlink2 = walk->nvlink2;
    SpaprNvlink2Gpu *gpu;
    unsigned i;

    for (i = 0; i < nvlink2->num_gpus; i++) {
        gpu = &nvlink2->gpus[i];
        if (gpu->phb == walk->phb && gpu->tgt == tgt) {
            return gpu;
        }
    }
    if (i == SPAPR_NVLINK2_MAX_GPUS) {
        error_setg(&walk->err, "more than %d GPUs with NVLink2",
                   SPAPR_NVLINK2_MAX_GPUS);
        return NULL;
    }
    gpu = &nvlink2->gpus[nvlink2->num_gpus++];
    gpu->phb = walk->phb;
    gpu->number = walk->num_gpus++;
    gpu->tgt = tgt;
    return gpu;
}

static void walk_found_gpu(SpaprNvlink2Walk *walk, SpaprNvlink2Gpu *gpu,
                           PCIDevice *pdev, const VFIONvlink2 *nv)
{
    hwaddr end = RAM_BASE + (walk->phb->index + 1) * RAM_SIZE;
    uint64_t size = memory_region_size(nv->ram);

    if (gpu->pdev) {
        error_setg(&walk->err, "the host says that GPUs %s and %s are the same",
                   name_of(gpu->pdev), name_of(pdev));
        return;
    }
    if (size > end - walk->ram) {
        error_setg(&walk->err, "no room for the RAM of %s: PCI host bridge %s "
                   "has %" PRIu64 " TiB for GPU RAM", name_of(pdev),
                   name_of(walk->phb), (uint64_t)RAM_SIZE / TiB);
        return;
    }
    gpu->pdev = pdev;
    gpu->nv = nv;
    gpu->ram = walk->ram;
    walk->ram += size;
    gpu->node = walk->first_node + walk->nvlink2->num_nodes++;
    trace_spapr_nvlink2_gpu(walk->phb->index, name_of(pdev), gpu->ram, size,
                            gpu->node);
}

static void walk_found_bridge(SpaprNvlink2Walk *walk, SpaprNvlink2Gpu *gpu,
                              PCIDevice *pdev, const VFIONvlink2 *nv)
{
    SpaprNvlink2Link *link = &gpu->links[gpu->num_links];

    if (gpu->num_links == MAX_LINKS) {
        error_setg(&walk->err, "NVLink bridge %s leads to a GPU that has %d "
                   "links already", name_of(pdev), MAX_LINKS);
        return;
    }
    gpu->num_links++;
    link->pdev = pdev;
    link->nv = nv;
    if (nv->atsd) {
        link->atsd = walk->atsd;
        walk->atsd += memory_region_size(nv->atsd);
    }
    trace_spapr_nvlink2_bridge(walk->phb->index, name_of(pdev), nv->tgt,
                               nv->link_speed, link->atsd);
}

/* The order in which devices are found is the order of addresses and nodes */
static void walk_device(PCIBus *bus, PCIDevice *pdev, void *opaque)
{
    SpaprNvlink2Walk *walk = opaque;
    const VFIONvlink2 *nv = vfio_nvlink2_find(pdev);
    SpaprNvlink2Gpu *gpu = nv && !walk->err ? walk_gpu(walk, nv->tgt) : NULL;

    if (gpu && nv->ram) {
        walk_found_gpu(walk, gpu, pdev, nv);
    } else if (gpu) {
        walk_found_bridge(walk, gpu, pdev, nv);
    }
    if (IS_PCI_BRIDGE(pdev)) {
        pci_for_each_device_under_bus(pci_bridge_get_sec_bus(PCI_BRIDGE(pdev)),
                                      walk_device, walk);
    }
}

static bool walk_phb(SpaprNvlink2 *nvlink2, SpaprPhbState *phb, Error **errp)
{
    MachineState *machine = MACHINE(qdev_get_machine());
    SpaprNvlink2Walk walk = {
        .nvlink2 = nvlink2,
        .phb = phb,
        .first_node = MAX(1, machine->numa_state->num_nodes),
        .ram = RAM_BASE + phb->index * RAM_SIZE,
        .atsd = ATSD_BASE + phb->index * ATSD_SIZE,
    };

    pci_for_each_device_under_bus(PCI_HOST_BRIDGE(phb)->bus, walk_device,
                                  &walk);
    error_propagate(errp, walk.err);
    return !walk.err;
}

static bool has_link(const SpaprNvlink2Gpu *gpu, const char *host)
{
    unsigned i;

    for (i = 0; i < gpu->num_links; i++) {
        if (!strcmp(gpu->links[i].nv->host, host)) {
            return true;
        }
    }
    return false;
}

/* Names of the host's bridges that are not passed through */
static char *missing_links(const SpaprNvlink2Gpu *gpu)
{
    GString *names = g_string_new(NULL);
    char **host;

    for (host = gpu->nv->bridges; host && *host; host++) {
        if (!has_link(gpu, *host)) {
            g_string_append_printf(names, " %s", *host);
        }
    }
    if (!gpu->num_links && !names->len) {
        g_string_append(names, " all");
    }
    return g_string_free(names, false);
}

/*
 * RAM of a GPU is there when all of its links are up, and only a bridge that
 * the guest has can be brought up. The host's EEH works on one IOMMU group, and
 * an ATSD register on the GPUs of one NPU: so that the guest takes the right
 * one, each NPU has a PCI host bridge of its own.
 */
static bool check_gpu(const SpaprNvlink2Gpu *gpu, Error **errp)
{
    ERRP_GUARD();
    g_autofree char *missing = NULL;

    if (!gpu->pdev) {
        error_setg(errp, "NVLink bridge %s is passed through without the GPU "
                   "it leads to", name_of(gpu->links[0].pdev));
        error_append_hint(errp, "Pass that GPU on the same PCI host bridge, or "
                          "leave its bridges out.\n");
        return false;
    }
    missing = missing_links(gpu);
    if (*missing) {
        error_setg(errp, "GPU %s is passed through without NVLink bridges that "
                   "lead to it:%s", name_of(gpu->pdev), missing);
        error_append_hint(errp, "Pass them on PCI host bridge %s, too; or use "
                          "the GPU without its links, by nvlink2=off on it and "
                          "no bridges.\n", name_of(gpu->phb));
        return false;
    }
    if (!spapr_phb_eeh_available(gpu->phb)) {
        error_setg(errp, "GPU %s shares PCI host bridge %s with devices of "
                   "other IOMMU groups", name_of(gpu->pdev),
                   name_of(gpu->phb));
        error_append_hint(errp, "Give them a spapr-pci-host-bridge of their "
                          "own.\n");
        return false;
    }
    return true;
}

static void map_gpu(const SpaprNvlink2Gpu *gpu)
{
    const SpaprNvlink2Link *link;
    bool any = false;

    memory_region_add_subregion(get_system_memory(), gpu->ram, gpu->nv->ram);
    for (link = gpu->links; link < gpu->links + gpu->num_links; link++) {
        if (link->atsd) {
            memory_region_add_subregion(get_system_memory(), link->atsd,
                                        link->nv->atsd);
            any = true;
        }
    }
    if (!any) {
        warn_report("the host has no ATSD register for GPU %s: the guest "
                    "cannot let it use virtual addresses", name_of(gpu->pdev));
    }
}

static bool setup(SpaprNvlink2 *nvlink2, Error **errp)
{
    SpaprMachineState *spapr = SPAPR_MACHINE(qdev_get_machine());
    SpaprPhbState *phb;
    unsigned i;

    QLIST_FOREACH(phb, &spapr->phbs, list) {
        if (!walk_phb(nvlink2, phb, errp)) {
            return false;
        }
    }
    for (i = 0; i < nvlink2->num_gpus; i++) {
        if (!check_gpu(&nvlink2->gpus[i], errp)) {
            return false;
        }
    }
    for (i = 0; i < nvlink2->num_gpus; i++) {
        map_gpu(&nvlink2->gpus[i]);
    }
    return true;
}

static void machine_done(Notifier *notifier, void *data)
{
    SpaprNvlink2 *nvlink2 = container_of(notifier, SpaprNvlink2, machine_done);
    Error *err = NULL;

    if (!setup(nvlink2, &err)) {
        error_report_err(err);
        exit(EXIT_FAILURE);
    }
}

static SpaprNvlink2 *get_nvlink2(SpaprMachineState *spapr)
{
    if (!spapr->nvlink2) {
        spapr->nvlink2 = g_new0(SpaprNvlink2, 1);
        spapr->nvlink2->devices = g_ptr_array_new();
        spapr->nvlink2->machine_done.notify = machine_done;
        qemu_add_machine_init_done_notifier(&spapr->nvlink2->machine_done);
    }
    return spapr->nvlink2;
}

static SpaprPhbState *phb_of(PCIDevice *pdev)
{
    BusState *root = BUS(pci_device_root_bus(pdev));

    return SPAPR_PCI_HOST_BRIDGE(root->parent);
}

static PCIDevice *first_device_of(const SpaprNvlink2 *nvlink2,
                                  SpaprPhbState *phb)
{
    unsigned i;

    for (i = 0; nvlink2 && i < nvlink2->devices->len; i++) {
        PCIDevice *pdev = g_ptr_array_index(nvlink2->devices, i);

        if (phb_of(pdev) == phb) {
            return pdev;
        }
    }
    return NULL;
}

bool spapr_nvlink2_plug(SpaprPhbState *phb, PCIDevice *pdev, Error **errp)
{
    ERRP_GUARD();
    SpaprMachineState *spapr = SPAPR_MACHINE(qdev_get_machine());
    const VFIONvlink2 *nv = vfio_nvlink2_find(pdev);
    PCIDevice *other = first_device_of(spapr->nvlink2, phb);

    /* Of what is there when the machine starts, check_gpu() asks the same */
    if (!nv && other && DEVICE(pdev)->hotplugged &&
        !spapr_phb_eeh_available(phb)) {
        error_setg(errp, "PCI host bridge %s has NVLink2 devices and takes "
                   "none of other IOMMU groups", name_of(phb));
        error_append_hint(errp, "Give it a spapr-pci-host-bridge of its "
                          "own.\n");
        return false;
    }
    if (!nv) {
        return true;
    }
    if (DEVICE(pdev)->hotplugged) {
        error_setg(errp, "NVLink2 devices cannot be hotplugged");
        return false;
    }
    /* Its address map has no place for GPU RAM */
    if (SPAPR_MACHINE_GET_CLASS(spapr)->pre_4_1_migration) {
        warn_report_once("machine types before 4.1 do not know NVLink2");
        return true;
    }
    if (other && vfio_nvlink2_find(other)->group != nv->group) {
        error_setg(errp, "NVLink2 devices %s and %s are of different IOMMU "
                   "groups and share PCI host bridge %s", name_of(other),
                   name_of(pdev), name_of(phb));
        error_append_hint(errp, "Give each group a spapr-pci-host-bridge of "
                          "its own.\n");
        return false;
    }
    g_ptr_array_add(get_nvlink2(spapr)->devices, pdev);
    return true;
}

bool spapr_nvlink2_may_unplug(SpaprPhbState *phb, Error **errp)
{
    SpaprMachineState *spapr = SPAPR_MACHINE(qdev_get_machine());

    if (first_device_of(spapr->nvlink2, phb)) {
        error_setg(errp, "PCI host bridge %s has NVLink2 devices, which cannot "
                   "be unplugged", name_of(phb));
        return false;
    }
    return true;
}

/* With function 0 of a slot all others are unplugged */
bool spapr_nvlink2_may_unplug_slot(PCIDevice *function0, Error **errp)
{
    SpaprNvlink2 *nvlink2 = SPAPR_MACHINE(qdev_get_machine())->nvlink2;
    unsigned i;

    if (PCI_FUNC(function0->devfn)) {
        return true;
    }
    for (i = 0; nvlink2 && i < nvlink2->devices->len; i++) {
        PCIDevice *pdev = g_ptr_array_index(nvlink2->devices, i);

        if (pci_get_bus(pdev) == pci_get_bus(function0) &&
            PCI_SLOT(pdev->devfn) == PCI_SLOT(function0->devfn)) {
            error_setg(errp, "%s shares its slot with NVLink2 device %s, which "
                       "cannot be unplugged", name_of(function0),
                       name_of(pdev));
            return false;
        }
    }
    return true;
}

unsigned spapr_nvlink2_num_nodes(SpaprMachineState *spapr)
{
    return spapr->nvlink2 ? spapr->nvlink2->num_nodes : 0;
}

/* The next GPU of a PCI host bridge, or its first; NULL if there is none */
static const SpaprNvlink2Gpu *next_gpu(const SpaprPhbState *phb,
                                       const SpaprNvlink2Gpu *gpu)
{
    SpaprNvlink2 *nvlink2 = SPAPR_MACHINE(qdev_get_machine())->nvlink2;

    if (!nvlink2) {
        return NULL;
    }
    gpu = gpu ? gpu + 1 : nvlink2->gpus;
    while (gpu < nvlink2->gpus + nvlink2->num_gpus && gpu->phb != phb) {
        gpu++;
    }
    return gpu < nvlink2->gpus + nvlink2->num_gpus ? gpu : NULL;
}

static void dt_atsd(SpaprPhbState *phb, void *fdt, int offset)
{
    const SpaprNvlink2Gpu *gpu = NULL;
    uint64_t atsd[MAX_ATSD];
    unsigned i, count = 0;

    while ((gpu = next_gpu(phb, gpu))) {
        for (i = 0; i < gpu->num_links && count < MAX_ATSD; i++) {
            if (gpu->links[i].atsd) {
                atsd[count++] = cpu_to_be64(gpu->links[i].atsd);
            }
        }
    }
    if (count) {
        _FDT(fdt_setprop(fdt, offset, "ibm,mmio-atsd", atsd,
                         count * sizeof(atsd[0])));
    }
}

/* The guest is not given an NPU: a node of its name lets it use contexts */
static void dt_npu(SpaprPhbState *phb, void *fdt)
{
    g_autofree char *npu_name = g_strdup_printf("npuphb%d", phb->index);
    const SpaprNvlink2Gpu *gpu = NULL;
    unsigned i, number = 0;
    int npu;

    _FDT(npu = fdt_add_subnode(fdt, 0, npu_name));
    _FDT(fdt_setprop_cell(fdt, npu, "#address-cells", 1));
    _FDT(fdt_setprop_cell(fdt, npu, "#size-cells", 0));
    _FDT(fdt_setprop_string(fdt, npu, "compatible", "ibm,power9-npu"));

    while ((gpu = next_gpu(phb, gpu))) {
        for (i = 0; i < gpu->num_links; i++, number++) {
            g_autofree char *name = g_strdup_printf("link@%u", number);
            int link;

            _FDT(link = fdt_add_subnode(fdt, npu, name));
            _FDT(fdt_setprop_string(fdt, link, "compatible", "ibm,npu-link"));
            _FDT(fdt_setprop_cell(fdt, link, "phandle", PHANDLE_LINK(gpu, i)));
            _FDT(fdt_setprop_cell(fdt, link, "ibm,npu-link-index", number));
        }
    }
}

/* The guest's driver adds the memory, when the links are up */
static void dt_ram(const SpaprNvlink2Gpu *gpu, void *fdt)
{
    SpaprMachineState *spapr = SPAPR_MACHINE(qdev_get_machine());
    g_autofree char *name = g_strdup_printf("memory@%" PRIx64, gpu->ram);
    uint64_t all[] = {
        cpu_to_be64(gpu->ram), cpu_to_be64(memory_region_size(gpu->nv->ram))
    };
    uint64_t usable[] = { cpu_to_be64(gpu->ram), 0 };
    int node;

    _FDT(node = fdt_add_subnode(fdt, 0, name));
    _FDT(fdt_setprop_string(fdt, node, "device_type", "memory"));
    _FDT(fdt_setprop_string(fdt, node, "compatible",
                            "ibm,coherent-device-memory"));
    _FDT(fdt_setprop(fdt, node, "reg", all, sizeof(all)));
    _FDT(fdt_setprop(fdt, node, "linux,usable-memory", usable,
                     sizeof(usable)));
    _FDT(fdt_setprop_cell(fdt, node, "phandle", PHANDLE_RAM(gpu)));
    spapr_numa_write_associativity_dt(spapr, fdt, node, gpu->node);
}

void spapr_nvlink2_dt_phb(SpaprPhbState *phb, void *fdt, int offset)
{
    const SpaprNvlink2Gpu *gpu = next_gpu(phb, NULL);

    if (!gpu) {
        return;
    }
    dt_atsd(phb, fdt, offset);
    dt_npu(phb, fdt);
    for (; gpu; gpu = next_gpu(phb, gpu)) {
        dt_ram(gpu, fdt);
    }
}

static void dt_gpu(const SpaprNvlink2Gpu *gpu, void *fdt, int offset)
{
    uint32_t bridges[MAX_LINKS];
    unsigned i;

    for (i = 0; i < gpu->num_links; i++) {
        bridges[i] = cpu_to_be32(PHANDLE_DEVICE(gpu->phb, gpu->links[i].pdev));
    }
    _FDT(fdt_setprop(fdt, offset, "ibm,npu", bridges,
                     gpu->num_links * sizeof(bridges[0])));
    _FDT(fdt_setprop_cell(fdt, offset, "phandle",
                          PHANDLE_DEVICE(gpu->phb, gpu->pdev)));
}

static void dt_bridge(const SpaprNvlink2Gpu *gpu, unsigned i, void *fdt,
                      int offset)
{
    const SpaprNvlink2Link *link = &gpu->links[i];

    _FDT(fdt_setprop_cell(fdt, offset, "phandle",
                          PHANDLE_DEVICE(gpu->phb, link->pdev)));
    _FDT(fdt_setprop_cell(fdt, offset, "ibm,gpu",
                          PHANDLE_DEVICE(gpu->phb, gpu->pdev)));
    _FDT(fdt_setprop_cell(fdt, offset, "ibm,nvlink", PHANDLE_LINK(gpu, i)));
    _FDT(fdt_setprop_cell(fdt, offset, "memory-region", PHANDLE_RAM(gpu)));
    _FDT(fdt_setprop_u64(fdt, offset, "ibm,device-tgt-addr", gpu->tgt));
    _FDT(fdt_setprop_cell(fdt, offset, "ibm,nvlink-speed",
                          link->nv->link_speed));
}

void spapr_nvlink2_dt_device(SpaprPhbState *phb, PCIDevice *pdev, void *fdt,
                             int offset)
{
    const SpaprNvlink2Gpu *gpu = NULL;
    unsigned i;

    while ((gpu = next_gpu(phb, gpu))) {
        if (gpu->pdev == pdev) {
            dt_gpu(gpu, fdt, offset);
        }
        for (i = 0; i < gpu->num_links; i++) {
            if (gpu->links[i].pdev == pdev) {
                dt_bridge(gpu, i, fdt, offset);
            }
        }
    }
}
