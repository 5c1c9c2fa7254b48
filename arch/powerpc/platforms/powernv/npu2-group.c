// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU groups of the GPUs and bridges of an NPU
 *
 * GPUs of one NPU reach each other's memory over NVLink, where no IOMMU sees it.
 * So the GPUs and their bridges are one group, unless the links between GPUs are
 * cut, see npu2-isolate.c: then each GPU is a group with its bridges. The
 * iommudata of a group is a table group that stands for all of its PEs: an
 * operation on the group is done to each PE or to none.
 */

#include <linux/iommu.h>
#include <linux/lockdep.h>
#include <linux/of.h>
#include <linux/pci.h>

#include <asm/iommu.h>
#include <asm/pci-bridge.h>

#include "npu2.h"
#include "pci.h"

/* Levels of a TCE table that firmware takes (npu2_map_pe_dma_window()) */
#define NPU2_TCE_MAX_LEVELS	4

static struct pnv_npu2_group *to_npu2_group(struct iommu_table_group *table_group)
{
	return container_of(table_group, struct pnv_npu2_group, table_group);
}

/* The PE has one window: without window @num it gets the other one, if any */
static int pnv_npu2_pe_unset_window(struct pnv_npu2_group *group,
				    struct pnv_ioda_pe *pe, int num)
{
	int other;

	for (other = 0; other < IOMMU_TABLE_GROUP_MAX_TABLES; other++) {
		struct iommu_table *tbl = group->table_group.tables[other];

		if (other == num || !tbl)
			continue;
		if (pe->table_group.tables[other] == tbl)
			return 0;
		return pnv_npu2_pe_set_window(pe, other, tbl);
	}

	return pnv_npu2_pe_clear_window(pe);
}

static long pnv_npu2_gpu_unset_window(struct pnv_npu2_gpu *gpu, int num)
{
	struct iommu_table_group *tg;
	long ret = 0, err;

	lockdep_assert_held(&gpu->npu->lock);

	if (gpu->npu_pe)
		ret = pnv_npu2_pe_unset_window(gpu->group, gpu->npu_pe, num);

	tg = gpu->gpu_pe ? &gpu->gpu_pe->table_group : NULL;
	if (tg && tg->tables[num]) {
		err = tg->ops->unset_window(tg, num);
		if (!ret)
			ret = err;
	}

	return ret;
}

static long pnv_npu2_gpu_set_window(struct pnv_npu2_gpu *gpu, int num,
				    struct iommu_table *tbl)
{
	struct iommu_table_group *tg;
	long ret;

	lockdep_assert_held(&gpu->npu->lock);

	if (gpu->gpu_pe) {
		tg = &gpu->gpu_pe->table_group;
		ret = tg->ops->set_window(tg, num, tbl);
		if (ret)
			return ret;
	}

	return gpu->npu_pe ? pnv_npu2_pe_set_window(gpu->npu_pe, num, tbl) : 0;
}

static long pnv_npu2_unset_all(struct pnv_npu2_group *group, int num)
{
	long ret = 0, err;
	unsigned int i;

	for (i = 0; i < group->num_gpus; i++) {
		err = pnv_npu2_gpu_unset_window(&group->gpu[i], num);
		if (!ret)
			ret = err;
	}

	return ret;
}

static long pnv_npu2_set_window(struct iommu_table_group *table_group, int num,
				struct iommu_table *tbl)
{
	struct pnv_npu2_group *group = to_npu2_group(table_group);
	unsigned int i;
	long ret = 0;

	mutex_lock(&group->npu->lock);
	if (!group->owned || table_group->tables[num]) {
		ret = -EBUSY;
		goto unlock;
	}

	for (i = 0; i < group->num_gpus && !ret; i++)
		ret = pnv_npu2_gpu_set_window(&group->gpu[i], num, tbl);
	if (ret) {
		pnv_npu2_unset_all(group, num);
		goto unlock;
	}

	/* Where KVM looks for the tables of a group */
	table_group->tables[num] = iommu_tce_table_get(tbl);
unlock:
	mutex_unlock(&group->npu->lock);
	return ret;
}

static long pnv_npu2_do_unset_window(struct pnv_npu2_group *group,
				     int num)
{
	struct iommu_table *tbl = group->table_group.tables[num];
	long ret;

	lockdep_assert_held(&group->npu->lock);

	/* VFIO unsets windows that it has never set, on its way out */
	if (!tbl)
		return 0;

	group->table_group.tables[num] = NULL;
	ret = pnv_npu2_unset_all(group, num);
	iommu_tce_table_put(tbl);

	return ret;
}

static long pnv_npu2_unset_window(struct iommu_table_group *table_group, int num)
{
	struct pnv_npu2_group *group = to_npu2_group(table_group);
	long ret;

	mutex_lock(&group->npu->lock);
	ret = pnv_npu2_do_unset_window(group, num);
	mutex_unlock(&group->npu->lock);

	return ret;
}

static long pnv_npu2_create_table(struct iommu_table_group *table_group,
				  int num, __u32 page_shift, __u64 window_size,
				  __u32 levels, struct iommu_table **ptbl)
{
	struct pnv_npu2_group *group = to_npu2_group(table_group);
	struct iommu_table_group *tg = NULL;
	long ret = -ENODEV;
	unsigned int i;

	if (levels > table_group->max_levels)
		return -EINVAL;

	mutex_lock(&group->npu->lock);
	for (i = 0; i < group->num_gpus && !tg; i++) {
		if (group->gpu[i].gpu_pe)
			tg = &group->gpu[i].gpu_pe->table_group;
	}
	if (tg)
		ret = tg->ops->create_table(tg, num, page_shift, window_size,
					    levels, ptbl);
	mutex_unlock(&group->npu->lock);

	return ret;
}

static void pnv_npu2_gpu_release(struct pnv_npu2_gpu *gpu, struct device *dev)
{
	struct iommu_table_group *tg;

	if (!gpu->gpu_pe)
		return;

	tg = &gpu->gpu_pe->table_group;
	tg->ops->release_ownership(tg, dev);
}

static long pnv_npu2_gpu_take(struct pnv_npu2_gpu *gpu, struct device *dev)
{
	struct iommu_table_group *tg;
	long ret;

	ret = pnv_npu2_reset_lpar(gpu);
	if (ret)
		return ret;

	if (gpu->npu_pe) {
		ret = pnv_npu2_pe_clear_window(gpu->npu_pe);
		if (ret)
			return ret;
	}

	if (!gpu->gpu_pe)
		return 0;

	tg = &gpu->gpu_pe->table_group;
	return tg->ops->take_ownership(tg, dev);
}

/* Called for each device of the group; the first call moves the whole group */
static long pnv_npu2_take_ownership(struct iommu_table_group *table_group,
				    struct device *dev)
{
	struct pnv_npu2_group *group = to_npu2_group(table_group);
	unsigned int i;
	long ret = 0;

	mutex_lock(&group->npu->lock);
	if (group->owned)
		goto unlock;

	for (i = 0; i < group->num_gpus; i++) {
		ret = pnv_npu2_gpu_take(&group->gpu[i], dev);
		if (ret)
			goto release_taken;
	}

	group->owned = true;
unlock:
	mutex_unlock(&group->npu->lock);
	return ret;

release_taken:
	while (i--)
		pnv_npu2_gpu_release(&group->gpu[i], dev);
	mutex_unlock(&group->npu->lock);
	return ret;
}

/*
 * Called for each device, and also for groups that nobody has taken. DMA over
 * NVLink stays denied: the host has no driver that would use it.
 */
static void pnv_npu2_release_ownership(struct iommu_table_group *table_group,
				       struct device *dev)
{
	struct pnv_npu2_group *group = to_npu2_group(table_group);
	unsigned int i;
	int num;

	mutex_lock(&group->npu->lock);
	if (!group->owned)
		goto unlock;

	for (num = 0; num < IOMMU_TABLE_GROUP_MAX_TABLES; num++)
		pnv_npu2_do_unset_window(group, num);
	for (i = 0; i < group->num_gpus; i++)
		pnv_npu2_gpu_release(&group->gpu[i], dev);
	group->owned = false;
unlock:
	mutex_unlock(&group->npu->lock);
}

static struct iommu_table_group_ops pnv_npu2_group_ops = {
	.get_table_size = pnv_pci_ioda2_get_table_size,
	.create_table = pnv_npu2_create_table,
	.set_window = pnv_npu2_set_window,
	.unset_window = pnv_npu2_unset_window,
	.take_ownership = pnv_npu2_take_ownership,
	.release_ownership = pnv_npu2_release_ownership,
};

static bool pnv_npu2_find_in_pe(struct pci_dev *pdev, void *data)
{
	struct pnv_npu2_gpu **found = data, *gpu;

	gpu = pnv_npu2_gpu_at(pci_bus_to_host(pdev->bus), pci_dev_id(pdev));
	if (!gpu)
		return false;

	if (*found && *found != gpu) {
		pci_err(pdev, "shares a PE with another NVLink2 GPU\n");
		*found = ERR_PTR(-EINVAL);
		return true;
	}

	*found = gpu;
	return false;
}

/* Whether firmware says that a device has NVLink2, whatever else it says */
static bool pnv_npu2_claims_nvlink(struct pci_dev *pdev, void *data)
{
	struct device_node *dn = pci_device_to_OF_node(pdev);
	struct device_node *bridge_dn, *npu_dn;
	bool *claims = data;

	bridge_dn = dn ? of_parse_phandle(dn, "ibm,npu", 0) : NULL;
	npu_dn = of_get_parent(bridge_dn);
	*claims = npu_dn && of_device_is_compatible(npu_dn, "ibm,ioda2-npu2-phb");
	of_node_put(npu_dn);
	of_node_put(bridge_dn);

	return *claims;
}

/* Devices below a bridge are in the PE of its bus only with PE_BUS_ALL */
static bool pnv_npu2_walk_bus(struct pnv_ioda_pe *pe, struct pci_bus *bus,
			      bool (*fn)(struct pci_dev *pdev, void *data),
			      void *data)
{
	struct pci_dev *pdev;

	list_for_each_entry(pdev, &bus->devices, bus_list) {
		if (fn(pdev, data))
			return true;
		if ((pe->flags & PNV_IODA_PE_BUS_ALL) && pdev->subordinate &&
		    pnv_npu2_walk_bus(pe, pdev->subordinate, fn, data))
			return true;
	}

	return false;
}

static void pnv_npu2_walk_pe(struct pnv_ioda_pe *pe,
			     bool (*fn)(struct pci_dev *pdev, void *data),
			     void *data)
{
	if (pe->pbus)
		pnv_npu2_walk_bus(pe, pe->pbus, fn, data);
	else if (pe->pdev)
		fn(pe->pdev, data);
}

static struct pnv_npu2_gpu *pnv_npu2_gpu_of_pe(struct pnv_ioda_pe *pe)
{
	struct pnv_npu2_gpu *gpu = NULL;
	bool claims = false;

	pnv_npu2_walk_pe(pe, pnv_npu2_find_in_pe, &gpu);
	if (gpu)
		return gpu;

	pnv_npu2_walk_pe(pe, pnv_npu2_claims_nvlink, &claims);
	return claims ? ERR_PTR(-EINVAL) : NULL;
}

static void pnv_npu2_merge_caps(struct pnv_npu2_group *group,
				const struct iommu_table_group *from)
{
	struct iommu_table_group *tg = &group->table_group;

	if (tg->group) {
		tg->pgsizes &= from->pgsizes;
		return;
	}

	tg->tce32_start = from->tce32_start;
	tg->tce32_size = from->tce32_size;
	tg->max_dynamic_windows_supported = from->max_dynamic_windows_supported;
	tg->max_levels = min_t(__u32, from->max_levels, NPU2_TCE_MAX_LEVELS);
	tg->pgsizes = from->pgsizes & pnv_ioda_parse_tce_sizes(group->npu->phb);
	tg->ops = &pnv_npu2_group_ops;
}

static void pnv_npu2_join_group(struct pnv_npu2_group *group,
				struct pnv_ioda_pe *pe)
{
	if (group->table_group.group && !pe->table_group.group)
		pe->table_group.group =
			iommu_group_ref_get(group->table_group.group);
}

static void pnv_npu2_leave_group(struct pnv_ioda_pe *pe)
{
	iommu_group_put(pe->table_group.group);
	pe->table_group.group = NULL;
}

/*
 * Give the windows of the owner to a GPU that joins an owned group. If this
 * fails, the PE is left without a group and not given back to the host: over
 * NVLink the GPU reaches GPUs of the owner.
 */
static long pnv_npu2_gpu_catch_up(struct pnv_npu2_gpu *gpu)
{
	struct iommu_table **tables = gpu->group->table_group.tables;
	long ret;
	int num;

	if (!gpu->group->owned)
		return 0;

	ret = pnv_npu2_gpu_take(gpu, NULL);
	for (num = 0; num < IOMMU_TABLE_GROUP_MAX_TABLES && !ret; num++) {
		if (tables[num])
			ret = pnv_npu2_gpu_set_window(gpu, num, tables[num]);
	}

	return ret;
}

/* The PE of bridges that were found before any GPU had no group to join yet */
static void pnv_npu2_attach_late(struct pnv_npu2_gpu *gpu)
{
	int ret;

	if (!gpu->npu_pe || gpu->npu_pe->table_group.group)
		return;

	ret = pnv_npu2_attach_npu_pe(gpu);
	if (ret)
		pe_err(gpu->npu_pe, "Left without IOMMU group, error %d\n", ret);
}

static int pnv_npu2_add_gpu_pe(struct pnv_npu2_gpu *gpu, struct pnv_ioda_pe *pe)
{
	struct pnv_npu2_group *group = gpu->group;
	unsigned int i;
	long ret;

	lockdep_assert_held(&gpu->npu->lock);

	if (gpu->gpu_pe)
		return -EBUSY;

	ret = pnv_npu2_isolate_new_gpu(gpu);
	if (ret)
		return ret;

	pnv_npu2_merge_caps(group, &pe->table_group);
	if (!group->table_group.group)
		iommu_register_group(&group->table_group,
				     gpu->npu->phb->hose->global_number,
				     pe->pe_number);
	if (!group->table_group.group)
		return -ENOMEM;

	gpu->gpu_pe = pe;
	ret = pnv_npu2_gpu_catch_up(gpu);
	if (ret) {
		gpu->gpu_pe = NULL;
		return ret;
	}

	pnv_npu2_join_group(group, pe);
	for (i = 0; i < group->num_gpus; i++)
		pnv_npu2_attach_late(&group->gpu[i]);

	return 0;
}

/* A PE that could not be isolated is in no group, nor are its bridges */
static void pnv_npu2_add_bridge_device(struct pnv_npu2_bridge *bridge)
{
	struct pnv_npu2 *npu = bridge->gpu->npu;
	struct pci_dev *pdev = NULL;
	struct pnv_ioda_pe *pe;

	mutex_lock(&npu->lock);
	pe = bridge->gpu->npu_pe;
	if (pe && pe->table_group.group)
		pdev = pci_dev_get(bridge->pdev);
	mutex_unlock(&npu->lock);

	/* The IOMMU core calls the ownership functions above here */
	if (pdev && !device_iommu_mapped(&pdev->dev))
		iommu_add_device(&bridge->gpu->group->table_group, &pdev->dev);
	pci_dev_put(pdev);
}

/* Bridges that were found before any GPU had no group to join yet */
static void pnv_npu2_add_bridge_devices(struct pnv_npu2_group *group)
{
	unsigned int g, b;

	for (g = 0; g < group->num_gpus; g++) {
		for (b = 0; b < group->gpu[g].num_bridges; b++)
			pnv_npu2_add_bridge_device(&group->gpu[g].bridge[b]);
	}
}

/**
 * pnv_npu2_attach_gpu_pe() - put the PE of an NVLink2 GPU into its group
 * @pe: PE on a PCIe PHB whose DMA has just been set up
 *
 * Return: true when the PE must not get a group of its own. That is so when it
 * has joined its group, and also when it should have and could not: the GPU may
 * reach the memory of other GPUs.
 */
bool pnv_npu2_attach_gpu_pe(struct pnv_ioda_pe *pe)
{
	struct pnv_npu2_gpu *gpu = pnv_npu2_gpu_of_pe(pe);
	int ret;

	if (!gpu)
		return false;

	if (IS_ERR(gpu)) {
		ret = PTR_ERR(gpu);
	} else {
		mutex_lock(&gpu->npu->lock);
		ret = pnv_npu2_add_gpu_pe(gpu, pe);
		mutex_unlock(&gpu->npu->lock);
		if (!ret)
			pnv_npu2_add_bridge_devices(gpu->group);
	}
	if (ret)
		pe_err(pe, "NVLink2 GPU left without IOMMU group, error %d\n",
		       ret);

	return true;
}

/**
 * pnv_npu2_detach_gpu_pe() - take the PE of a GPU out of its group
 * @pe: PE on a PCIe PHB that is about to be released; its devices are gone, and
 *	its windows are the caller's to remove
 *
 * Nothing is done to a PE that is in no group of an NPU.
 */
void pnv_npu2_detach_gpu_pe(struct pnv_ioda_pe *pe)
{
	struct pnv_npu2 *npu;
	unsigned int i;

	list_for_each_entry(npu, &pnv_npu2_list, list) {
		mutex_lock(&npu->lock);
		for (i = 0; i < npu->num_gpus; i++) {
			if (npu->gpu[i].gpu_pe != pe)
				continue;
			npu->gpu[i].gpu_pe = NULL;
			pnv_npu2_forget_registers(&npu->gpu[i]);
			pnv_npu2_leave_group(pe);
		}
		mutex_unlock(&npu->lock);
	}
}

/**
 * pnv_npu2_attach_npu_pe() - put the PE of a GPU's bridges into its group
 * @gpu: the GPU, with the new PE in place; pnv_npu2.lock is held
 *
 * Return: 0, or an errno when the PE cannot be isolated.
 */
int pnv_npu2_attach_npu_pe(struct pnv_npu2_gpu *gpu)
{
	struct iommu_table **tables = gpu->group->table_group.tables;
	int num, ret;

	lockdep_assert_held(&gpu->npu->lock);

	ret = pnv_npu2_pe_clear_window(gpu->npu_pe);
	for (num = 0; num < IOMMU_TABLE_GROUP_MAX_TABLES && !ret; num++) {
		if (tables[num])
			ret = pnv_npu2_pe_set_window(gpu->npu_pe, num,
						     tables[num]);
	}
	if (ret)
		return ret;

	pnv_npu2_join_group(gpu->group, gpu->npu_pe);
	return 0;
}

/**
 * pnv_npu2_detach_npu_pe() - take the PE of a GPU's bridges out of its group
 * @gpu: the GPU, whose PE loses its last bridge; pnv_npu2.lock is held
 */
void pnv_npu2_detach_npu_pe(struct pnv_npu2_gpu *gpu)
{
	lockdep_assert_held(&gpu->npu->lock);

	pnv_npu2_pe_abandon_window(gpu->npu_pe);
	pnv_npu2_leave_group(gpu->npu_pe);
}
