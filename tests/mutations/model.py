# SPDX-License-Identifier: GPL-2.0
"""Mutations of the emulated machine: registers, links, translation, errors, what firmware is told."""

from mutations import Caught, Mutation

PCI_HOST, PPC = "machine/qemu/hw/pci-host/", "machine/qemu/hw/ppc/"
NPU, V100 = PCI_HOST + "pnv_npu2", "machine/qemu/hw/misc/pnv_v100"
BY_ATS = tuple(f"ATS copy over NVLink {link}" for link in range(3))
BY_SHOOTING = tuple(f"ATS: {way}, and shot down" for way in ("unmapped", "no-access", "read-only"))

TRANSLATION = [
    Mutation("a shootdown ends, and no GPU has heard of it", NPU + "_xts.c",
             "        if (ep && (atsd->targets & BIT(i))) {", "        if (ep && (atsd->targets & BIT(i + 8))) {",
             Caught.by("demo", *BY_SHOOTING, "ATS of two processes")),
    Mutation("a shootdown of a process takes what every process has", NPU + "_xts.c",
             "        .any_pasid = !npu2_atsd_pid_matters(atsd->launch),", "        .any_pasid = true,",
             Caught.by("demo", *BY_SHOOTING)),
    Mutation("an ATSD register shoots down for every LPID", NPU + "_xts.c",
             "        GETFIELD(NPU2_ATSD_LPARID_LPARID, lparid)) {",
             "        GETFIELD(NPU2_BDF_MAP_LPARID, bdf_row)) {",
             Caught.by("check-model", "small: a register without the guest's LPID takes nothing")),
    Mutation("XTS_BDF_MAP is looked up with another BDF", NPU + "_xts.c",
             "            GETFIELD(NPU2_BDF_MAP_BDF, row) == bdf &&",
             "            GETFIELD(NPU2_BDF_MAP_BDF, row) == (bdf ^ 1) &&", Caught.by("demo", *BY_ATS)),
    Mutation("every PASID is that of process 1", NPU + "_nmmu.c",
             "                     (hwaddr)pid * NMMU_ENTRY_SIZE, &root) &&",
             "                     (hwaddr)!!pid * NMMU_ENTRY_SIZE, &root) &&",
             Caught.by("demo", "ATS of two processes")),
    Mutation("the nest MMU takes the tables of LPID 0", NPU + "_nmmu.c",
             "        .lpid = GETFIELD(NPU2_BDF_MAP_LPARID, bdf_row),", "        .lpid = 0,",
             Caught.by("demo", *BY_ATS)),
    Mutation("the nest MMU does not look at the privilege bit", NPU + "_nmmu.c",
             "    if ((pte & NMMU_PTE_PRIVILEGED) && !privileged) {",
             "    if ((pte & NMMU_PTE_PRIVILEGED) && !privileged && !pte) {",
             Caught.by("demo", "ATS: not memory of the kernel")),
    Mutation("the nest MMU writes to pages that are not marked as changed", NPU + "_nmmu.c",
             "    if (!(pte & NMMU_PTE_R) || (is_write && !(pte & NMMU_PTE_C))) {", "    if (!(pte & NMMU_PTE_R)) {",
             Caught.by("check-model", "small: ATS refuses to write a page that is not changed")),
    Mutation("a GPU remembers translations over a reset", V100 + "_engine.c",
             "    memset(s->atc.entry, 0, sizeof(s->atc.entry));\n    memset(&ce->next",
             "    memset(&ce->next", Caught.by("check-model", "small: translations are forgotten")),
]

DMA = [
    Mutation("a TVE that denies lets DMA through", NPU + "_ioda.c",
             "    if (tve & NPU2_TVE_DENY) {", "    if (tve & NPU2_TVE_DENY && !addr) {",
             Caught.by("check-model", "small: and the NPU does", "small: nothing was copied")),
    Mutation("a TCE kill kills nothing", NPU + "_ioda.c",
             "            tce->valid = false;", "            tce->valid = tce->valid;",
             Caught.by("check-model", "small: and it is gone")),
    Mutation("a read-only TCE can be written through", NPU + "_ioda.c",
             "    return tce & (is_write ? NPU2_TCE_WRITE : NPU2_TCE_READ);",
             "    return tce & (NPU2_TCE_WRITE | NPU2_TCE_READ);",
             Caught.by("check-model", "small: a write through a read-only entry faults")),
    Mutation("addresses on a link are taken for those of the power bus", NPU + "_ioda.c",
             """    return extract64(addr, 0, 43) | extract64(addr, 43, 2) << 45 |
           extract64(addr, 45, 2) << 49;""",
             "    return addr;",
             Caught.by("qtest link-address", "broke: :test_link_address:")),
    Mutation("a PE that freezes raises no interrupt", NPU + "_ioda.c",
             "        npu2_trigger(npu, NPU2_IRQ_TCE);", "        npu2_trigger(npu, NPU2_IRQ_TCE + 1);",
             Caught.by("qtest freeze", "broke: :test_freeze:")),
]

LINKS = [
    Mutation("a fence by firmware does not fence", NPU + "_link.c",
             "           (ntlu->reg[NPU2_NTL_MISC_CFG1 >> 3] & NPU2_NTL_CFG1_FENCE);\n}\n\nstatic bool npu2_link_ready",
             "           (ntlu->reg[NPU2_NTL_MISC_CFG1 >> 3] & 0);\n}\n\nstatic bool npu2_link_ready",
             Caught.by("demo", "afterwards: links fenced", "no error of the NPU")),
    Mutation("GPU RAM answers over links that are down", NPU + "_ram.c",
             """            !npu->brick[i].up) {
            *up = false;""",
             """            !npu) {
            *up = false;""",
             Caught.by("check-model", "small: a load behind untrained links is a machine check",
                       "small: a store to fenced GPU RAM is one, too")),
    Mutation("a link needs no valid I/O", NPU + "_phy.c",
             "    return npu->phy[npu2_brick_obus(brick)].iovalid & npu2_iovalid_bit(brick);",
             "    return npu->phy[npu2_brick_obus(brick)].iovalid | npu2_iovalid_bit(brick);",
             Caught.by("check-model", "small: the link is down meanwhile")),
    Mutation("a link comes up without a reset of its data link layer", NPU + "_link.c",
             "        b->reset_done = b->dl_was_reset;", "        b->reset_done = true;",
             Caught.by("qtest link", "broke: :test_link:")),
    Mutation("a reset of the data link layer has no effect", NPU + "_link.c",
             "            b->dl_was_reset = true;", "            b->dl_was_reset = false;",
             Caught.by("demo", "links trained")),
    Mutation("a calibration is done at once", NPU + "_phy.c",
             "           npu->dccal_delay_ns;", "           0;",
             Caught.by("check-model", "small: a calibration takes time")),
    Mutation("a GPU in D3 answers", V100 + ".c",
             "    return !s->in_reset && !s->starting && !s->asleep && !s->lost;",
             "    return !s->in_reset && !s->starting && !s->lost;",
             Caught.by("check-model", "small: each link has stalled", "small: that is a malfunction alert of the chip")),
    Mutation("links to other GPUs cannot be cut", V100 + "_nvlink.c",
             "    s->link_disable |= val & V100_LINK_DISABLE_MASK;", "    s->link_disable |= val & 0;",
             Caught.by("check-model", "small: links to other GPUs are cut", "small: all links are cut")),
]

ERRORS = [
    Mutation("a link that the hardware fences sets no FIR", NPU + "_link.c",
             "    npu2_fir_raise(npu, 1, NPU2_FIR1_NDL_STALL(brick));", "    npu2_fir_raise(npu, 1, 0);",
             Caught.by("hmi", "firmware finds the FIR")),
    Mutation("the FIR of stalls is masked", NPU + ".c",
             "    { .mask = 0x0000f40000000003,", "    { .mask = 0xfffff40000000003,",
             Caught.by("hmi", "firmware finds the FIR", "the host says which, and that it goes on")),
    Mutation("an HMI is not delivered to the processor", "machine/qemu/target/ppc/excp_helper.c.hmi.patch",
             "+        powerpc_excp(cpu, POWERPC_EXCP_HV_MAINT);", "+        (void)cpu;",
             Caught.by("hmi", "the host says which, and that it goes on")),
    Mutation("no chip is marked as the one that raised the alert", NPU + ".c",
             "        npu->alerts |= PPC_BIT(*(uint32_t *)opaque);", "        npu->alerts |= *(uint32_t *)opaque & 0;",
             Caught.by("hmi", "firmware finds the FIR")),
    Mutation("a machine that ends by a bit of a FIR ends well", NPU + ".c",
             "                                           EXIT_FAILURE);",
             "                                           EXIT_SUCCESS);",
             Caught.by("qtest fir-fatal", "broke: exit status 0 (expected 1)")),
    Mutation("caches cannot be purged, and firmware complains", PPC + "pnv_core.c.patch",
             "+        val = eq->purge_stuck ? P9X_EX_L2_PURGE_BUSY : 0;",
             "+        val = eq->purge_stuck ? 0 : P9X_EX_L2_PURGE_BUSY;",
             Caught.by("demo", "broke: firmware complains: PURGE L2")),
]

IDENTITY = [
    Mutation("firmware is told a speed that no link has", NPU + "_dt.c",
             """        _FDT(fdt_setprop_cell(fdt, node, "nvidia,link-speed",
                              npu->dt.link_speed));""",
             """        _FDT(fdt_setprop_cell(fdt, node, "nvidia,link-speed",
                              npu->dt.link_speed - 1));""",
             Caught.by("demo", "ibm,nvlink-speed")),
    Mutation("firmware is told that all links lead to one GPU", NPU + "_dt.c",
             """    _FDT(fdt_setprop_cell(fdt, node, "ibm,npu-group-id",
                          npu2_brick_group(npu, link)));""",
             """    _FDT(fdt_setprop_cell(fdt, node, "ibm,npu-group-id", 0));""",
             Caught.by("device tree", "links: groups and slot labels")),
    Mutation("the slot of a link has another label", NPU + "_dt.c",
             """g_strdup_printf("GPU%u", gpu);""", """g_strdup_printf("GPU%u", gpu ^ 1);""",
             Caught.by("device tree", "links: groups and slot labels",
                       "links: ibm,pcie-slot leads to the slot of that label")),
    Mutation("a GPU has no MSI", V100 + ".c",
             "    if (msi_init(dev, V100_MSI_CAP, 1, true, false, errp) < 0) {",
             "    if (0 && msi_init(dev, V100_MSI_CAP, 1, true, false, errp) < 0) {",
             Caught.by("qtest capabilities", "broke: :test_capabilities:")),
    Mutation("a GPU never raises an MSI", V100 + "_pmc.c", "        msi_notify(dev, 0);", "        (void)dev;",
             Caught.by("qtest msi", "broke: :test_msi:")),
    Mutation("a GPU says that it has half of its RAM", V100 + "_fb.c",
             "    uint64_t magnitude = s->ram_size / MiB;", "    uint64_t magnitude = s->ram_size / MiB / 2;",
             Caught.by("check-model", "small: it says how much RAM it has")),
]

MUTATIONS = [*TRANSLATION, *DMA, *LINKS, *ERRORS, *IDENTITY]
