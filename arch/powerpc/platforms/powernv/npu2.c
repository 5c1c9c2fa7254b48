// SPDX-License-Identifier: GPL-2.0
/*
 * NVLink2 side of the POWER9 NPU
 *
 * Firmware shows each CPU link of an NVLink2 GPU as an emulated PCI function
 * (a bridge) below a virtual PHB, one PHB for each chip. Facts about the
 * hardware are taken from that firmware (skiboot, hw/npu2.c) and from the
 * device tree it makes.
 */

#include <linux/error-injection.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include <asm/opal.h>
#include <asm/pci-bridge.h>

#include "npu2.h"
#include "pci.h"

/**
 * pnv_npu2_deny_pe() - stop untranslated DMA of a PE
 * @phb: PHB of the NPU
 * @pe_number: PE, which is also the index of its only TVE
 *
 * A TVE of zero lets DMA through to all of memory, and that is what both an
 * IODA reset and the removal of a window leave behind. Only a "real" window of
 * no size makes firmware write the encoding that refuses DMA
 * (npu2_map_pe_dma_window_real() in skiboot).
 *
 * Return: 0, or an errno for what firmware answered.
 */
noinline int pnv_npu2_deny_pe(struct pnv_phb *phb, unsigned int pe_number)
{
	s64 rc;

	rc = opal_pci_map_pe_dma_window_real(phb->opal_id, pe_number,
					     pe_number, 0, 0);
	if (rc == OPAL_SUCCESS)
		rc = opal_pci_tce_kill(phb->opal_id, OPAL_PCI_TCE_KILL_ALL,
				       pe_number, 0, 0, 0);
	if (rc != OPAL_SUCCESS)
		pr_err("NPU PHB#%x: cannot deny DMA of PE#%x, OPAL error %lld\n",
		       phb->hose->global_number, pe_number, rc);

	return opal_error_code(rc);
}
ALLOW_ERROR_INJECTION(pnv_npu2_deny_pe, ERRNO);

/**
 * pnv_npu2_deny_dma() - stop untranslated DMA of every PE of an NPU
 * @phb: PHB of the NPU
 *
 * Return: 0, or the first errno; all PEs are tried in any case.
 */
int pnv_npu2_deny_dma(struct pnv_phb *phb)
{
	unsigned int pe_number;
	int ret = 0, err;

	for (pe_number = 0; pe_number < phb->ioda.total_pe_num; pe_number++) {
		err = pnv_npu2_deny_pe(phb, pe_number);
		if (!ret)
			ret = err;
	}

	return ret;
}

/**
 * pnv_npu2_shutdown() - leave an NPU to the next kernel
 * @hose: PCI controller of the NPU
 *
 * Other PHBs have their IODA tables reset here. On an NPU that would open all
 * of memory to the GPUs until the next kernel gets to it.
 */
void pnv_npu2_shutdown(struct pci_controller *hose)
{
	struct pnv_phb *phb = hose->private_data;

	if (phb->npu2) {
		pnv_npu2_shutdown_links(phb->npu2);
		pnv_npu2_reset_lpars(phb->npu2);
	}
	pnv_npu2_deny_dma(phb);
}

/* Filled at boot and constant after; empty on anything but powernv */
LIST_HEAD(pnv_npu2_list);

static struct pnv_npu2_gpu *pnv_npu2_find_gpu(struct pnv_npu2 *npu,
					      struct device_node *dn)
{
	unsigned int i;

	for (i = 0; i < npu->num_gpus; i++) {
		if (npu->gpu[i].dn == dn)
			return &npu->gpu[i];
	}

	return NULL;
}

/**
 * pnv_npu2_gpu_of_node() - find an NVLink2 GPU
 * @dn: device tree node of the GPU
 *
 * Return: the GPU, or NULL when no NPU has a link to @dn.
 */
struct pnv_npu2_gpu *pnv_npu2_gpu_of_node(struct device_node *dn)
{
	struct pnv_npu2_gpu *gpu;
	struct pnv_npu2 *npu;

	if (!dn)
		return NULL;

	list_for_each_entry(npu, &pnv_npu2_list, list) {
		gpu = pnv_npu2_find_gpu(npu, dn);
		if (gpu)
			return gpu;
	}

	return NULL;
}

static struct pnv_npu2_bridge *pnv_npu2_find_bridge(struct pnv_npu2 *npu,
						    struct device_node *dn)
{
	struct pnv_npu2_gpu *gpu;
	unsigned int b;

	for (gpu = npu->gpu; gpu < npu->gpu + npu->num_gpus; gpu++) {
		for (b = 0; b < gpu->num_bridges; b++) {
			if (gpu->bridge[b].dn == dn)
				return &gpu->bridge[b];
		}
	}

	return NULL;
}

/**
 * pnv_npu2_bridge_of() - find the link that a PCI function stands for
 * @pdev: PCI device
 *
 * Return: the link, or NULL when @pdev is not an NVLink bridge.
 */
struct pnv_npu2_bridge *pnv_npu2_bridge_of(struct pci_dev *pdev)
{
	struct device_node *dn = pci_device_to_OF_node(pdev);
	struct pnv_npu2_bridge *bridge;
	struct pnv_npu2 *npu;

	if (!dn)
		return NULL;

	list_for_each_entry(npu, &pnv_npu2_list, list) {
		bridge = pnv_npu2_find_bridge(npu, dn);
		if (bridge)
			return bridge;
	}

	return NULL;
}

/* Whether "ibm,npu" of the GPU and "ibm,gpu" of the bridge name each other */
static bool __init pnv_npu2_gpu_lists_bridge(struct device_node *gpu_dn,
					     struct device_node *bridge_dn)
{
	struct device_node *dn;
	int i;

	for (i = 0; i < PNV_NPU2_MAX_LINKS; i++) {
		dn = of_parse_phandle(gpu_dn, "ibm,npu", i);
		if (!dn)
			return false;
		of_node_put(dn);
		if (dn == bridge_dn)
			return true;
	}

	return false;
}

static int __init pnv_npu2_read_link_index(struct device_node *bridge_dn,
					   u32 *index)
{
	struct device_node *link_dn;
	int ret;

	link_dn = of_parse_phandle(bridge_dn, "ibm,nvlink", 0);
	if (!link_dn)
		return -ENODEV;

	ret = of_property_read_u32(link_dn, "ibm,npu-link-index", index);
	of_node_put(link_dn);
	return ret;
}

static int __init pnv_npu2_read_ram(struct device_node *bridge_dn,
				    struct resource *ram, u64 *tgt)
{
	struct device_node *mem_dn;
	int ret = -ENODEV;

	mem_dn = of_parse_phandle(bridge_dn, "memory-region", 0);
	if (!mem_dn)
		return -ENODEV;

	if (!of_device_is_compatible(mem_dn, "ibm,coherent-device-memory") ||
	    of_address_to_resource(mem_dn, 0, ram) ||
	    of_property_read_u64(bridge_dn, "ibm,device-tgt-addr", tgt) || !*tgt)
		goto put_node;

	if (ram->end < ram->start || !IS_ALIGNED(ram->start, SZ_2M) ||
	    !IS_ALIGNED(resource_size(ram), SZ_2M)) {
		pr_warn("NPU: %pOF: unusable GPU RAM aperture %pR\n", mem_dn, ram);
		goto put_node;
	}

	ret = 0;
put_node:
	of_node_put(mem_dn);
	return ret;
}

/*
 * All links of a GPU have to lead to the same RAM. If they do not, or firmware
 * gives no aperture that could be mapped, the GPU has no RAM to hand out and is
 * still good for everything else.
 */
static void __init pnv_npu2_add_ram(struct pnv_npu2_gpu *gpu,
				    struct device_node *bridge_dn)
{
	struct resource ram = {};
	u64 tgt = 0;
	int ret;

	ret = pnv_npu2_read_ram(bridge_dn, &ram, &tgt);
	if (!ret && !gpu->num_bridges) {
		gpu->ram = ram;
		gpu->tgt = tgt;
	} else if (ret || tgt != gpu->tgt || ram.start != gpu->ram.start ||
		   ram.end != gpu->ram.end) {
		gpu->ram = (struct resource) {};
		gpu->tgt = 0;
	}
}

/*
 * Firmware keys contexts by bdfn alone, so two GPUs of one NPU with the same
 * bdfn on different PHBs would share one.
 */
static bool __init pnv_npu2_bdfn_is_taken(struct pnv_npu2 *npu, u16 bdfn)
{
	unsigned int i;

	for (i = 0; i < npu->num_gpus; i++) {
		if (npu->gpu[i].bdfn == bdfn)
			return true;
	}

	return false;
}

static struct pnv_npu2_gpu * __init
pnv_npu2_add_gpu(struct pnv_npu2 *npu, struct device_node *gpu_dn)
{
	struct pci_dn *pdn = PCI_DN(gpu_dn);
	struct pnv_npu2_gpu *gpu;
	u16 bdfn;

	if (!pdn || npu->num_gpus == ARRAY_SIZE(npu->gpu) ||
	    pnv_npu2_gpu_of_node(gpu_dn))
		return NULL;

	bdfn = PCI_DEVID(pdn->busno, pdn->devfn);
	if (pnv_npu2_bdfn_is_taken(npu, bdfn))
		return NULL;

	gpu = &npu->gpu[npu->num_gpus++];
	gpu->npu = npu;
	gpu->dn = of_node_get(gpu_dn);
	gpu->hose = pdn->phb;
	gpu->bdfn = bdfn;
	init_rwsem(&gpu->gate);
	return gpu;
}

static bool __init pnv_npu2_link_index_is_taken(struct pnv_npu2 *npu, u32 index)
{
	unsigned int g, b;

	for (g = 0; g < npu->num_gpus; g++) {
		for (b = 0; b < npu->gpu[g].num_bridges; b++) {
			if (npu->gpu[g].bridge[b].link_index == index)
				return true;
		}
	}

	return false;
}

static int __init pnv_npu2_add_bridge(struct pnv_npu2 *npu,
				      struct device_node *bridge_dn,
				      struct device_node *gpu_dn)
{
	struct pnv_npu2_bridge *bridge;
	struct pnv_npu2_gpu *gpu;
	u32 link_index;

	if (!pnv_npu2_gpu_lists_bridge(gpu_dn, bridge_dn) ||
	    pnv_npu2_read_link_index(bridge_dn, &link_index) ||
	    pnv_npu2_link_index_is_taken(npu, link_index))
		return -EINVAL;

	gpu = pnv_npu2_find_gpu(npu, gpu_dn);
	if (!gpu) {
		gpu = pnv_npu2_add_gpu(npu, gpu_dn);
		if (!gpu)
			return -EINVAL;
	}
	if (gpu->num_bridges == ARRAY_SIZE(gpu->bridge))
		return -EINVAL;

	pnv_npu2_add_ram(gpu, bridge_dn);
	bridge = &gpu->bridge[gpu->num_bridges++];
	bridge->gpu = gpu;
	bridge->dn = of_node_get(bridge_dn);
	bridge->link_index = link_index;
	return 0;
}

static int __init pnv_npu2_read_topology(struct pnv_npu2 *npu)
{
	struct device_node *bridge_dn, *gpu_dn;
	int ret;

	for_each_child_of_node(npu->phb->hose->dn, bridge_dn) {
		/* A link that ends in an empty slot has no GPU */
		gpu_dn = of_parse_phandle(bridge_dn, "ibm,gpu", 0);
		if (!gpu_dn)
			continue;

		ret = pnv_npu2_add_bridge(npu, bridge_dn, gpu_dn);
		of_node_put(gpu_dn);
		if (ret) {
			pr_err("NPU: %pOF: inconsistent NVLink2 description\n",
			       bridge_dn);
			of_node_put(bridge_dn);
			return ret;
		}
	}

	return 0;
}

static void __init pnv_npu2_read_atsd(struct pnv_npu2 *npu)
{
	struct device_node *dn = npu->phb->hose->dn;
	int num;

	num = of_property_count_u64_elems(dn, "ibm,mmio-atsd");
	num = clamp_t(int, num, 0, ARRAY_SIZE(npu->atsd));
	if (num && !of_property_read_u64_array(dn, "ibm,mmio-atsd", npu->atsd, num))
		npu->num_atsd = num;
}

static void __init pnv_npu2_free(struct pnv_npu2 *npu)
{
	unsigned int g, b;

	for (g = 0; g < npu->num_gpus; g++) {
		for (b = 0; b < npu->gpu[g].num_bridges; b++)
			of_node_put(npu->gpu[g].bridge[b].dn);
		of_node_put(npu->gpu[g].dn);
	}
	kfree(npu);
}

/**
 * pnv_npu2_init() - learn which GPUs an NPU joins to the CPU
 * @phb: PHB of the NPU; those of the GPUs have been set up before
 *
 * The device tree is believed as a whole or not at all: with a part of the
 * links unknown, two GPUs could be told apart that reach each other's memory.
 */
void __init pnv_npu2_init(struct pnv_phb *phb)
{
	struct pnv_npu2 *npu;

	npu = kzalloc(sizeof(*npu), GFP_KERNEL);
	if (!npu)
		return;

	npu->phb = phb;
	mutex_init(&npu->lock);
	raw_spin_lock_init(&npu->mailbox_lock);
	pnv_npu2_read_atsd(npu);
	if (pnv_npu2_read_topology(npu)) {
		pnv_npu2_free(npu);
		return;
	}

	pnv_npu2_reset_lpars(npu);
	phb->npu2 = npu;
	list_add_tail(&npu->list, &pnv_npu2_list);
	pr_info("  %u NVLink2 GPUs, %u ATSD registers\n", npu->num_gpus,
		npu->num_atsd);
}

static int pnv_npu2_create_pe(struct pnv_npu2_gpu *gpu, struct pci_dev *pdev)
{
	int ret;

	gpu->npu_pe = pnv_ioda_setup_dev_PE(pdev);
	if (!gpu->npu_pe)
		return -ENOSPC;

	ret = pnv_npu2_attach_npu_pe(gpu);
	if (ret)
		pe_err(gpu->npu_pe, "Left without IOMMU group, error %d\n", ret);

	return 0;
}

static int pnv_npu2_join_pe(struct pnv_npu2_gpu *gpu, struct pci_dev *pdev)
{
	struct pnv_ioda_pe *pe = gpu->npu_pe;
	struct pci_dn *pdn = pci_get_pdn(pdev);
	unsigned int rid = pe->rid;
	int ret;

	if (!pdn)
		return -ENODEV;

	/* A device PE has one RID as far as the rest of the platform goes */
	pe->rid = pci_dev_id(pdev);
	ret = pnv_ioda_configure_pe(pe->phb, pe);
	pe->rid = rid;
	if (ret)
		return ret;

	pdn->pe_number = pe->pe_number;
	pe->device_count++;
	return 0;
}

/**
 * pnv_npu2_dma_dev_setup() - put a new bridge into the PE of its GPU
 * @pdev: PCI function below an NPU
 *
 * Firmware has PEs for six links but they are there for GPUs: the TVE that DMA
 * over a link goes through is chosen by the PE, and all links of a GPU carry
 * the same traffic. A bridge without a PE cannot be enabled; that is also so
 * for one that comes back while somebody still holds what was removed.
 */
void pnv_npu2_dma_dev_setup(struct pci_dev *pdev)
{
	struct pnv_npu2_bridge *bridge = pnv_npu2_bridge_of(pdev);
	struct pnv_npu2_gpu *gpu;
	int ret;

	if (!bridge) {
		pci_info(pdev, "NVLink bridge without a GPU\n");
		return;
	}

	gpu = bridge->gpu;
	mutex_lock(&gpu->npu->lock);
	if (bridge->pdev)
		ret = -EBUSY;
	else if (gpu->npu_pe)
		ret = pnv_npu2_join_pe(gpu, pdev);
	else
		ret = pnv_npu2_create_pe(gpu, pdev);
	if (!ret)
		bridge->pdev = pdev;
	mutex_unlock(&gpu->npu->lock);

	if (ret) {
		pci_err(pdev, "NVLink bridge has no PE, error %d\n", ret);
		return;
	}

	pnv_npu2_enumerate_bridge(bridge, pdev);
	pci_info(pdev, "NVLink bridge of %pOF\n", gpu->dn);
	/* Comes back through the ownership calls of the group */
	if (gpu->npu_pe->table_group.group)
		iommu_add_device(&gpu->npu->table_group, &pdev->dev);
}

/* The PE of a GPU outlives the bridge that it was made for */
static void pnv_npu2_hand_over_pe(struct pnv_npu2_gpu *gpu,
				  struct pnv_npu2_bridge *leaving)
{
	struct pnv_ioda_pe *pe = gpu->npu_pe;
	unsigned int i;

	lockdep_assert_held(&gpu->npu->lock);

	for (i = 0; i < gpu->num_bridges; i++) {
		if (&gpu->bridge[i] != leaving && gpu->bridge[i].pdev) {
			pe->pdev = gpu->bridge[i].pdev;
			pe->rid = pci_dev_id(pe->pdev);
			return;
		}
	}

	pnv_npu2_detach_npu_pe(gpu);
	gpu->npu_pe = NULL;
}

/**
 * pnv_npu2_release_bridge() - forget a bridge that is being removed
 * @pdev: PCI function below an NPU
 *
 * To be called before the PE loses the device.
 */
void pnv_npu2_release_bridge(struct pci_dev *pdev)
{
	struct pnv_npu2_bridge *bridge = pnv_npu2_bridge_of(pdev);
	struct pnv_npu2 *npu;

	if (!bridge || bridge->pdev != pdev)
		return;

	pnv_npu2_disable_device(pdev);

	npu = bridge->gpu->npu;
	mutex_lock(&npu->lock);
	pnv_npu2_hand_over_pe(bridge->gpu, bridge);
	npu->phb->ioda.pe_rmap[pci_dev_id(pdev)] = IODA_INVALID_PE;
	bridge->pdev = NULL;
	mutex_unlock(&npu->lock);
}

/**
 * pnv_npu2_gpu_get() - find the NVLink2 GPU that a PCI device belongs to
 * @pdev: the GPU itself or one of its bridges
 *
 * Return: the GPU, to be given back with pnv_npu2_gpu_put(), or
 * ERR_PTR(-ENODEV) when @pdev has no link to an NPU.
 */
struct pnv_npu2_gpu *pnv_npu2_gpu_get(struct pci_dev *pdev)
{
	struct pnv_npu2_bridge *bridge = pnv_npu2_bridge_of(pdev);
	struct pnv_npu2_gpu *gpu;

	gpu = bridge ? bridge->gpu :
		       pnv_npu2_gpu_of_node(pci_device_to_OF_node(pdev));
	if (!gpu)
		return ERR_PTR(-ENODEV);

	of_node_get(gpu->dn);
	return gpu;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_get);

/**
 * pnv_npu2_gpu_put() - give back what pnv_npu2_gpu_get() returned
 * @gpu: the GPU
 */
void pnv_npu2_gpu_put(struct pnv_npu2_gpu *gpu)
{
	of_node_put(gpu->dn);
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_put);

/**
 * pnv_npu2_is_bridge() - tell an NVLink bridge from other PCI devices
 * @pdev: PCI device
 *
 * Return: whether @pdev stands for the CPU end of a link to a GPU.
 */
bool pnv_npu2_is_bridge(struct pci_dev *pdev)
{
	return pnv_npu2_bridge_of(pdev);
}
EXPORT_SYMBOL_GPL(pnv_npu2_is_bridge);

/**
 * pnv_npu2_gpu_ram() - where the CPU sees the RAM of a GPU
 * @gpu: the GPU
 * @aperture: set to real address and size, both multiples of 2 MiB
 *
 * Return: 0, or -ENODEV when firmware describes no usable aperture.
 */
int pnv_npu2_gpu_ram(struct pnv_npu2_gpu *gpu, struct resource *aperture)
{
	if (!gpu->tgt)
		return -ENODEV;

	*aperture = gpu->ram;
	return 0;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_ram);

/**
 * pnv_npu2_gpu_tgt() - the aperture of a GPU in the GPU's own spelling
 * @gpu: the GPU
 *
 * Return: the compressed real address of "ibm,device-tgt-addr", 0 for none.
 */
u64 pnv_npu2_gpu_tgt(struct pnv_npu2_gpu *gpu)
{
	return gpu->tgt;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_tgt);

/**
 * pnv_npu2_bridge_speed() - speed of a link
 * @bridge: NVLink bridge
 * @speed: set to "ibm,nvlink-speed", a code of the GPU vendor: 8 or 9
 *
 * Return: 0, or -ENODEV when firmware does not know the speed.
 */
int pnv_npu2_bridge_speed(struct pci_dev *bridge, u32 *speed)
{
	struct device_node *dn = pci_device_to_OF_node(bridge);

	return of_property_read_u32(dn, "ibm,nvlink-speed", speed) ? -ENODEV : 0;
}
EXPORT_SYMBOL_GPL(pnv_npu2_bridge_speed);

static struct pnv_npu2_bridge *pnv_npu2_lead_bridge(struct pnv_npu2_gpu *gpu)
{
	struct pnv_npu2_bridge *lead = &gpu->bridge[0];
	unsigned int i;

	for (i = 1; i < gpu->num_bridges; i++) {
		if (gpu->bridge[i].link_index < lead->link_index)
			lead = &gpu->bridge[i];
	}

	return lead;
}

/* Zero for a block that is not there, or that could not be mapped alone */
VISIBLE_IF_KUNIT u64 pnv_npu2_atsd_of_link(const struct pnv_npu2 *npu,
					   u32 link_index)
{
	u32 index = npu->num_atsd == 1 ? 0 : link_index;

	if (index >= npu->num_atsd ||
	    !IS_ALIGNED(npu->atsd[index], PNV_NPU2_ATSD_SIZE))
		return 0;

	return npu->atsd[index];
}

/**
 * pnv_npu2_bridge_atsd() - the ATSD registers that go with a bridge
 * @bridge: NVLink bridge
 * @addr: set to the real address of PNV_NPU2_ATSD_SIZE bytes
 *
 * Firmware gives the partition of a GPU to one block of registers only, the one
 * with the index of the GPU's first link (npu2_map_lpar() in skiboot). The
 * blocks of its other links act for whatever partition had them last, so nobody
 * gets those. Firmware before 6.3 has a single block for the whole NPU: all
 * first links share it, and whoever uses it has to claim it.
 *
 * Return: 0, or -ENODEV when no registers follow this link.
 */
int pnv_npu2_bridge_atsd(struct pci_dev *bridge, phys_addr_t *addr)
{
	struct pnv_npu2_bridge *link = pnv_npu2_bridge_of(bridge);

	if (!link || link != pnv_npu2_lead_bridge(link->gpu))
		return -ENODEV;

	*addr = pnv_npu2_atsd_of_link(link->gpu->npu, link->link_index);
	return *addr ? 0 : -ENODEV;
}
EXPORT_SYMBOL_GPL(pnv_npu2_bridge_atsd);
