# SPDX-License-Identifier: GPL-2.0
"""Mutations of the kernel's part."""

from mutations import Caught, Mutation

POWERNV = "arch/powerpc/platforms/powernv/"
# Cases of tests/63-isolation-refused.t and tests/63-isolation-unused.t
STAY = "GPUs whose links cannot be cut are in no group, and the log names each"
GROUPS = "each GPU has a group of its own, with its bridges"
VFIO = "drivers/vfio/pci/vfio_pci_nvlink2"

MUTATIONS = [
    Mutation("a GPU is given to the LPID after that of its guest", POWERNV + "npu2-lpar.c",
             "						gpu->bdfn, lpid, 0));",
             "						gpu->bdfn, lpid ? lpid + 1 : 0, 0));",
             Caught.by("demo", "ATS copy over NVLink 0", "ATS copy over NVLink 1", "ATS copy over NVLink 2")),
    Mutation("a GPU has the rights of the guest's kernel: no PR in the MSR of its context", POWERNV + "npu2-lpar.c",
             "#define NPU2_GUEST_MSR	(MSR_DR | MSR_PR)", "#define NPU2_GUEST_MSR	(MSR_DR)",
             Caught.by("demo", "ATS: not memory of the kernel")),
    Mutation("the LPID is not taken back at close", POWERNV + "npu2-lpar.c",
             """	if (gpu->lpid)
		ret = pnv_npu2_do_unmap_lpar(gpu);""",
             """	if (!gpu->npu)
		ret = pnv_npu2_do_unmap_lpar(gpu);""",
             Caught.by("demo", "afterwards: LPID back")),
    Mutation("the TVE is not written when a window goes: the table that is freed is still used", POWERNV + "npu2-dma.c",
             """	rc = opal_pci_map_pe_dma_window_real(phb->opal_id, pe_number,
					     pe_number, 0, 0);
	if (rc == OPAL_SUCCESS)""",
             """	rc = OPAL_SUCCESS;
	if (rc == OPAL_SUCCESS)""",
             Caught.by("demo", "afterwards: TVE")),
    Mutation("a window that goes leaves TVE 0, DMA to all of memory", POWERNV + "npu2-dma.c",
             "					     pe_number, 0, 0);", "					     pe_number, 0, 1ULL << 40);",
             Caught.by("demo", "afterwards: TVE")),
    Mutation("TCEs are not killed in the NPU when memory is unmapped", POWERNV + "pci-ioda.c",
             """		else
			opal_pci_tce_kill(phb->opal_id,
					  OPAL_PCI_TCE_KILL_PAGES,""",
             """		else if (!phb->npu2)
			opal_pci_tce_kill(phb->opal_id,
					  OPAL_PCI_TCE_KILL_PAGES,""",
             Caught.by("refused", "selftests nvlink2_refused dma.unmapped_memory_over_both")),
    Mutation("the gate is closed before mappings are removed, and then nobody removes them", POWERNV + "npu2-gate.c",
             """	pnv_npu2_revoke(gpu);
	gpu->changes++;
	pnv_npu2_set_links(gpu, NPU2_LINKS_CHANGING, reason);""",
             """	gpu->changes++;
	pnv_npu2_set_links(gpu, NPU2_LINKS_CHANGING, reason);
	pnv_npu2_revoke(gpu);""",
             Caught.by("kunit", "pnv-npu2: npu2_test_gate")),
    Mutation("an error of GPU RAM is told to users of other parts of it", VFIO + "_ram.c",
             "	if (pfn < first || pfn - first >= vma_pages(vma))", "	if (pfn < first)",
             Caught.by("poison", "selftests nvlink2_poison poison.who_has_mapped_it")),
    Mutation("links that are in use may be changed by writes to configuration space", POWERNV + "npu2-link.c",
             """	case NPU2_LINKS_CHANGING:
		return flr;
	default:
		return false;""",
             """	case NPU2_LINKS_CHANGING:
		return flr;
	default:
		return true;""",
             Caught.by("kunit", "pnv-npu2: npu2_test_config_write")),
    Mutation("a link counts as trained after one of the procedures that it takes", POWERNV + "npu2-link.c",
             "	return (done & NPU2_TRAINED) == NPU2_TRAINED;", "	return done & NPU2_TRAINED;",
             Caught.by("kunit", "pnv-npu2: npu2_test_shortcuts")),
    Mutation("links are not fenced before the GPU is reset", POWERNV + "npu2-gate.c",
             "		err = pnv_npu2_link_fence(&gpu->bridge[i]);", "		err = 0;",
             Caught.by("reset by power", "broke: of FIR 1 are set")),
    Mutation("all mappings stay when links go down", VFIO + "_ram.c",
             """	unmap_mapping_range(gpu->core.vdev.inode->i_mapping,
			    VFIO_PCI_INDEX_TO_OFFSET(index),
			    resource_size(&gpu->ram), true);""",
             """	unmap_mapping_range(gpu->core.vdev.inode->i_mapping,
			    VFIO_PCI_INDEX_TO_OFFSET(index + 1),
			    resource_size(&gpu->ram), true);""",
             Caught.by("revoke", "selftests nvlink2_reset revoke.gpu_by_ioctl.mapping_is_gone")),
    Mutation("a bridge has another SSATGT than its GPU", VFIO + "_atsd.c",
             "				 pnv_npu2_gpu_tgt(to_nvlink2_bridge(vdev)->pnv));",
             "				 pnv_npu2_gpu_tgt(to_nvlink2_bridge(vdev)->pnv) + 1);",
             Caught.by("demo", "ibm,device-tgt-addr")),
    Mutation("GPU and bridges have an SSATGT that is not firmware's", VFIO + ".h",
             "		.tgt = tgt,", "		.tgt = tgt ^ 0x2000000000,",
             Caught.by("regions", "selftests nvlink2_regions regions.ram_has_target_address")),
    Mutation("the speed of a link is another one", VFIO + "_atsd.c",
             "	return vfio_info_add_capability(caps, &lnkspd.header, sizeof(lnkspd));",
             """	lnkspd.link_speed ^= 1;
	return vfio_info_add_capability(caps, &lnkspd.header, sizeof(lnkspd));""",
             Caught.by("regions", "selftests nvlink2_regions regions.speed_is_that_of_firmware")),
    Mutation("VFIO gives memory back before hardware has forgotten its TCEs", "drivers/vfio/vfio_iommu_spapr_tce.c",
             "	stale->page[stale->count++] = page;",
             "	tce_iommu_unuse_page_v2(container, tbl, page);",
             Caught.by("order", "selftests nvlink2_order order.vfio_unmaps",
                       "selftests nvlink2_order order.vfio_replaces",
                       "selftests nvlink2_order order.vfio_removes_the_window")),
    Mutation("KVM gives memory back before hardware has forgotten its TCE", "arch/powerpc/kvm/book3s_64_vio.c",
             """		iommu_tce_kill(tbl, entry, 1);
		mm_iommu_unmap(kvm->mm, ua, tbl->it_page_shift);""",
             """		mm_iommu_unmap(kvm->mm, ua, tbl->it_page_shift);
		iommu_tce_kill(tbl, entry, 1);""",
             Caught.by("order", "selftests nvlink2_order order.kvm_replaces_and_unmaps")),
    Mutation("the links of a GPU that nobody has open can be trained", POWERNV + "npu2-gate.c",
             "		ret = -EACCES;", "		ret = pnv_npu2_arm(bridge, procedure);",
             Caught.by("kunit", "pnv-npu2: npu2_test_try_arm")),
    Mutation("GPU RAM is mapped by small pages only", VFIO + "_ram.c",
             "	.huge_fault	= nvlink2_ram_huge_fault,\n", "",
             Caught.by("demo", "tracepoints")),
    Mutation("links to other GPUs are not cut again after a reset", POWERNV + "npu2.c",
             """		return 0;

	return pnv_npu2_gpu_isolate(gpu);""",
             """		return 0;

	return 0;""",
             Caught.by("isolated", "selftests nvlink2_isolation isolated.after_each_reset")),
    Mutation("a GPU whose PE is frozen while EEH restores it cannot have its links cut", POWERNV + "npu2-isolate.c",
             "					  OPAL_EEH_ACTION_CLEAR_FREEZE_MMIO);",
             "					  OPAL_EEH_ACTION_CLEAR_FREEZE_DMA);",
             Caught.by("isolated", "selftests nvlink2_isolation isolated.after_each_reset")),
    Mutation("a GPU need not say that it has cut its links", POWERNV + "npu2-isolate.c",
             "	return pnv_npu2_is_cut(val, gpu->peer_links) ? 0 : -EIO;", "	return pnv_npu2_is_cut(val, 0) ? 0 : -EIO;",
             Caught.by("isolation refused", STAY)),
    Mutation("a GPU whose links cannot be cut has a group of its own", POWERNV + "npu2-group.c",
             """	ret = pnv_npu2_isolate_new_gpu(gpu);
	if (ret)""",
             """	ret = pnv_npu2_isolate_new_gpu(gpu);
	if (ret > 0)""",
             Caught.by("isolation refused", STAY)),
    Mutation("GPUs whose links are not known have groups of their own", POWERNV + "npu2-isolate.c",
             """		       ret == -ENODEV ? "no" : "inconsistent");
		return false;""",
             """		       ret == -ENODEV ? "no" : "inconsistent");
		return true;""",
             Caught.by("isolation refused",
                       "without a description of the links nothing is cut, and the log names the GPU")),
    Mutation("GPUs whose links are cut are one group all the same", POWERNV + "npu2-isolate.c",
             "		pnv_npu2_make_group(npu, i, i, 1);", "		pnv_npu2_make_group(npu, 0, 0, npu->num_gpus);",
             Caught.by("isolation", GROUPS)),
    Mutation("bridges are in the group of the first GPU", POWERNV + "npu2-group.c",
             "	pnv_npu2_join_group(gpu->group, gpu->npu_pe);", "	pnv_npu2_join_group(&gpu->npu->group[0], gpu->npu_pe);",
             Caught.by("isolation", GROUPS)),
    Mutation("VFIO opens a GPU whose links could not be cut", VFIO + "_gpu.c",
             "	if (pnv_npu2_gpu_isolate(gpu->pnv)) {", "	if (pnv_npu2_gpu_isolate(gpu->pnv) > 0) {",
             Caught.by("isolation", "port: the GPU is not opened", "deaf: happened")),
    Mutation("guests of two GPUs share the one block of ATSD registers", POWERNV + "npu2-topology.c",
             "	return !npu->isolate || npu->num_atsd != 1 || gpu == npu->gpu;", "	return npu->num_atsd != 1 || gpu->npu;",
             Caught.by("kunit", "pnv-npu2: npu2_test_atsd_isolated")),
]
