# SPDX-License-Identifier: GPL-2.0
"""Mutations of the QEMU that passes a GPU to a guest."""

from mutations import Caught, Mutation

SPAPR, VFIO = "qemu/hw/ppc/spapr_nvlink2.c", "qemu/hw/vfio/nvlink2.c"

MUTATIONS = [
    Mutation("a bridge says that it is its own GPU", SPAPR,
             """    _FDT(fdt_setprop_cell(fdt, offset, "ibm,gpu",
                          PHANDLE_DEVICE(gpu->phb, gpu->pdev)));""",
             """    _FDT(fdt_setprop_cell(fdt, offset, "ibm,gpu",
                          PHANDLE_DEVICE(gpu->phb, link->pdev)));""",
             Caught.by("demo", "ibm,gpu, memory-region")),
    Mutation("a bridge leads to no memory", SPAPR,
             """"memory-region", PHANDLE_RAM(gpu)));""", """"memory-region", PHANDLE_RAM(gpu) + 1));""",
             Caught.by("demo", "ibm,gpu, memory-region", "bridges: device tree")),
    Mutation("the guest is told another speed than the host", SPAPR,
             "                          link->nv->link_speed));",
             "                          link->nv->link_speed + 1));",
             Caught.by("demo", "ibm,nvlink-speed")),
    Mutation("the guest is told another SSATGT than the host", SPAPR,
             """"ibm,device-tgt-addr", gpu->tgt));""", """"ibm,device-tgt-addr", gpu->tgt + 1));""",
             Caught.by("demo", "ibm,device-tgt-addr")),
    Mutation("the guest is not told of ATSD registers", SPAPR,
             "    if (count) {", "    if (count > MAX_ATSD) {", Caught.by("demo", "ATSD regions", "ATSD")),
    Mutation("GPU RAM belongs to the node of the guest's memory", SPAPR,
             "    spapr_numa_write_associativity_dt(spapr, fdt, node, gpu->node);",
             "    spapr_numa_write_associativity_dt(spapr, fdt, node, 0);",
             Caught.by("demo", "GPU RAM as a node")),
    Mutation("GPU RAM is mapped where no page of 1 GiB fits", VFIO,
             "    if (!nvlink2_map(vdev, info, 1 * GiB, errp)) {",
             "    if (!nvlink2_map(vdev, info, qemu_real_host_page_size(), errp)) {",
             Caught.by("demo", "tracepoints")),
]
