// SPDX-License-Identifier: GPL-2.0
/*
 * Topology of a POWER9 NPU: which GPUs it joins to the CPU, by which links
 *
 * Firmware shows each CPU link of an NVLink2 GPU as an emulated PCI function
 * (a bridge) below an emulated PHB, one PHB for each chip. Facts about the
 * hardware are taken from that firmware (skiboot, hw/npu2.c) and from the
 * device tree that it makes.
 */

#include <linux/export.h>
#include <linux/list.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include <asm/pci-bridge.h>

#include "npu2.h"
#include "pci.h"

/* Filled at boot and constant after; empty on anything but powernv */
LIST_HEAD(pnv_npu2_list);

static struct pnv_npu2_gpu *pnv_npu2_find_gpu(struct pnv_npu2 *npu,
					      struct pci_controller *hose,
					      u16 bdfn)
{
	unsigned int i;

	for (i = 0; i < npu->num_gpus; i++) {
		if (npu->gpu[i].hose == hose && npu->gpu[i].bdfn == bdfn)
			return &npu->gpu[i];
	}

	return NULL;
}

/**
 * pnv_npu2_gpu_at() - find the NVLink2 GPU in a place
 * @hose: PCI controller above the GPU
 * @bdfn: bus, device and function of the GPU
 *
 * A GPU is known by its place rather than by its device tree node: the slot code
 * gives a GPU that has been power-cycled a new node. The place cannot be taken
 * by another device, SXM2 modules sit where the links are.
 *
 * Return: the GPU, or NULL when no NPU has a link to that place.
 */
struct pnv_npu2_gpu *pnv_npu2_gpu_at(struct pci_controller *hose, u16 bdfn)
{
	struct pnv_npu2_gpu *gpu;
	struct pnv_npu2 *npu;

	list_for_each_entry(npu, &pnv_npu2_list, list) {
		gpu = pnv_npu2_find_gpu(npu, hose, bdfn);
		if (gpu)
			return gpu;
	}

	return NULL;
}

static struct pnv_npu2_bridge *pnv_npu2_bridge_of_node(struct pnv_npu2 *npu,
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
		bridge = pnv_npu2_bridge_of_node(npu, dn);
		if (bridge)
			return bridge;
	}

	return NULL;
}

/*
 * Whether "ibm,npu" of the GPU lists the bridge, whose "ibm,gpu" is known to name
 * the GPU.
 */
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
 * describes no aperture that can be mapped, the GPU is a plain PCI device
 * without GPU RAM.
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
 * Firmware finds translation contexts by bdfn alone (npu2_map_lpar() in skiboot),
 * so two GPUs of one NPU with the same bdfn on different PHBs would share one.
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

	if (!pdn || npu->num_gpus == ARRAY_SIZE(npu->gpu))
		return NULL;

	bdfn = PCI_DEVID(pdn->busno, pdn->devfn);
	if (pnv_npu2_gpu_at(pdn->phb, bdfn))
		return NULL;
	if (pnv_npu2_bdfn_is_taken(npu, bdfn))
		return NULL;

	gpu = &npu->gpu[npu->num_gpus++];
	gpu->npu = npu;
	gpu->dn = of_node_get(gpu_dn);
	gpu->hose = pdn->phb;
	gpu->bdfn = bdfn;
	raw_spin_lock_init(&gpu->isolate_lock);
	pnv_npu2_gate_init(gpu);
	return gpu;
}

static struct pnv_npu2_gpu * __init
pnv_npu2_find_gpu_node(struct pnv_npu2 *npu, struct device_node *dn)
{
	unsigned int i;

	for (i = 0; i < npu->num_gpus; i++) {
		if (npu->gpu[i].dn == dn)
			return &npu->gpu[i];
	}

	return NULL;
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

	gpu = pnv_npu2_find_gpu_node(npu, gpu_dn);
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
 * pnv_npu2_read_device_tree() - learn which GPUs an NPU joins to the CPU
 * @phb: PHB of the NPU; the PHBs of the GPUs have been set up before
 *
 * The device tree of an NPU is used as a whole or not at all. With a part of the
 * links unknown, GPUs that reach each other's memory could end up in different
 * IOMMU groups.
 *
 * Return: the NPU, not yet in pnv_npu2_list; or NULL when there is no memory or
 * the device tree contradicts itself.
 */
struct pnv_npu2 * __init pnv_npu2_read_device_tree(struct pnv_phb *phb)
{
	struct pnv_npu2 *npu;

	npu = kzalloc(sizeof(*npu), GFP_KERNEL);
	if (!npu)
		return NULL;

	npu->phb = phb;
	mutex_init(&npu->lock);
	raw_spin_lock_init(&npu->mailbox_lock);
	pnv_npu2_read_atsd(npu);
	if (pnv_npu2_read_topology(npu)) {
		pnv_npu2_free(npu);
		return NULL;
	}

	return npu;
}

/**
 * pnv_npu2_gpu_of() - find the NVLink2 GPU that a PCI device belongs to
 * @pdev: the GPU itself or one of its bridges
 *
 * Return: the GPU, which is never freed, or NULL when @pdev has no link to an
 * NPU.
 */
struct pnv_npu2_gpu *pnv_npu2_gpu_of(struct pci_dev *pdev)
{
	struct pnv_npu2_bridge *bridge = pnv_npu2_bridge_of(pdev);

	if (bridge)
		return bridge->gpu;

	return pnv_npu2_gpu_at(pci_bus_to_host(pdev->bus), pci_dev_id(pdev));
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_of);

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
 * pnv_npu2_gpu_tgt() - the aperture of a GPU as the GPU addresses it
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

/* 0 when the block does not exist, or shares a page with something else */
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
 * pnv_npu2_gpu_has_atsd() - whether ATSD registers may act for a GPU
 * @gpu: the GPU
 *
 * GPUs that are one group share a block of registers if firmware lists no more,
 * as they have one owner. Of GPUs that can have different owners, the first one
 * has the block: it must never hold the LPID of somebody else's guest.
 *
 * Return: true if the GPU may be assigned to a guest.
 */
bool pnv_npu2_gpu_has_atsd(const struct pnv_npu2_gpu *gpu)
{
	const struct pnv_npu2 *npu = gpu->npu;

	return !npu->isolate || npu->num_atsd != 1 || gpu == npu->gpu;
}

/**
 * pnv_npu2_bridge_atsd() - the ATSD registers that go with a bridge
 * @bridge: NVLink bridge
 * @addr: set to the real address of PNV_NPU2_ATSD_SIZE bytes
 *
 * Firmware gives the LPID of a GPU to one block of registers only, the one with
 * the index of the GPU's first link (npu2_map_lpar() in skiboot). The blocks of
 * the other links keep the LPID that they had before, so they are not handed
 * out. Firmware before 6.2 lists one block for an NPU, which all first links
 * share; a user of the block has to claim it. See pnv_npu2_gpu_has_atsd().
 *
 * Return: 0, or -ENODEV when no registers follow this link.
 */
int pnv_npu2_bridge_atsd(struct pci_dev *bridge, phys_addr_t *addr)
{
	struct pnv_npu2_bridge *link = pnv_npu2_bridge_of(bridge);

	if (!link || link != pnv_npu2_lead_bridge(link->gpu) ||
	    !pnv_npu2_gpu_has_atsd(link->gpu))
		return -ENODEV;

	*addr = pnv_npu2_atsd_of_link(link->gpu->npu, link->link_index);
	return *addr ? 0 : -ENODEV;
}
EXPORT_SYMBOL_GPL(pnv_npu2_bridge_atsd);
