// SPDX-License-Identifier: GPL-2.0
/*
 * Isolation of NVLink2 GPUs from each other
 *
 * GPUs of one NPU have links to each other. A GPU takes a link out of use when a
 * bit is set in one of its registers, and keeps it so until its next hot reset.
 * Neither end of a link works without the other one, so a GPU whose peer links
 * are cut neither reaches other GPUs nor is reached by them, whatever they do.
 *
 * A hot reset, whoever causes it, also clears memory enable in COMMAND, and
 * nobody reaches a register of the GPU until that bit is set again. All kernel
 * code sets it through pnv_pci_cfg_write(). So the links are cut there, and if
 * they cannot be cut the bit stays clear: no driver and no user can then make
 * the GPU do anything. Nothing has to know of resets.
 *
 * The registers are those of a V100, as A. Kardashevskiy's posting "powerpc/
 * powernv: Isolate NVLinks between GV100GL on Witherspoon" (April 2019) and
 * NVIDIA's nvgpu driver for Tegra name them. Which links lead where is in
 * "ibm,nvlink-peers" (skiboot 6.3 and later).
 */

#include <linux/init.h>
#include <linux/io.h>
#include <linux/kstrtox.h>
#include <linux/lockdep.h>
#include <linux/of.h>
#include <linux/pci.h>
#include <linux/string.h>

#include <kunit/visibility.h>

#include <asm/machdep.h>
#include <asm/opal.h>
#include <asm/pci-bridge.h>

#include "npu2.h"
#include "npu2-trace.h"
#include "pci.h"

/* Registers in BAR 0 */
#define V100_BOOT_0		0x000000
#define   V100_BOOT_0_CHIP	0x1ff00000
#define   V100_BOOT_0_GV100	0x14000000
#define V100_ENABLE		0x000200
#define   V100_ENABLE_NVLINK	BIT(25)
#define V100_PRI_MASTER		0x12004c
#define   V100_PRI_MASTER_START	0x4
#define V100_PRI_RING		0x122204
#define   V100_PRI_RING_INIT	0x2
#define V100_LINK_DISABLE	0xa00148
#define   V100_LINK_DISABLE_SHIFT	16
#define V100_REGS_SIZE		(V100_LINK_DISABLE + sizeof(u32))

/* What a read returns when no unit answers; the rest says why */
#define V100_PRI_ERROR		0xbad00000
#define V100_PRI_ERROR_MASK	0xfff00000

/* More than any machine has NPUs */
#define NPU2_MAX_DOMAINS	8

/* "npu2_isolate=": PCI domains of NPUs, or all NPUs */
static unsigned int npu2_isolate_domain[NPU2_MAX_DOMAINS] __initdata;
static unsigned int npu2_isolate_num __initdata;
static bool npu2_isolate_all __initdata;

static int __init pnv_npu2_isolate_setup(char *str)
{
	unsigned int *domain;
	char *word;

	while ((word = strsep(&str, ","))) {
		if (!strcmp(word, "all")) {
			npu2_isolate_all = true;
			continue;
		}
		if (npu2_isolate_num == ARRAY_SIZE(npu2_isolate_domain))
			return -EINVAL;
		domain = &npu2_isolate_domain[npu2_isolate_num];
		if (kstrtouint(word, 16, domain))
			return -EINVAL;
		npu2_isolate_num++;
	}

	return 0;
}
early_param("npu2_isolate", pnv_npu2_isolate_setup);

static bool __init pnv_npu2_is_to_isolate(struct pnv_npu2 *npu)
{
	unsigned int i;

	for (i = 0; i < npu2_isolate_num; i++) {
		if (npu2_isolate_domain[i] == npu->phb->hose->global_number)
			return true;
	}

	return npu2_isolate_all;
}

static bool __init pnv_npu2_is_known(unsigned int domain)
{
	struct pnv_npu2 *npu;

	list_for_each_entry(npu, &pnv_npu2_list, list) {
		if (npu->phb->hose->global_number == domain)
			return true;
	}

	return false;
}

/* What is asked for and cannot be done must not go unnoticed */
static int __init pnv_npu2_check_isolate(void)
{
	unsigned int i;

	for (i = 0; i < npu2_isolate_num; i++) {
		if (!pnv_npu2_is_known(npu2_isolate_domain[i]))
			pr_err("NPU: npu2_isolate: no GPUs isolated, PCI domain %04x is no usable NPU\n",
			       npu2_isolate_domain[i]);
	}
	if (npu2_isolate_all && list_empty(&pnv_npu2_list))
		pr_err("NPU: npu2_isolate: no GPUs isolated, there is no usable NPU\n");

	return 0;
}
machine_device_initcall(powernv, pnv_npu2_check_isolate);

static int pnv_npu2_bridge_at(struct pnv_npu2_gpu *gpu, struct device_node *dn)
{
	unsigned int i;

	for (i = 0; dn && i < gpu->num_bridges; i++) {
		if (gpu->bridge[i].dn == dn)
			return i;
	}

	return -ENODEV;
}

/**
 * pnv_npu2_find_peer_links() - find out which links of a GPU are peer links
 * @gpu: the GPU; its @peer_links is set
 * @ends: what is at the other end of each of PNV_NPU2_MAX_LINKS links, or NULL
 *
 * A link that leads nowhere counts as a peer link.
 *
 * Return: 0, or -EINVAL unless each bridge of the GPU is at the end of one link.
 */
VISIBLE_IF_KUNIT int pnv_npu2_find_peer_links(struct pnv_npu2_gpu *gpu,
					      struct device_node *const *ends)
{
	unsigned long found = 0;
	unsigned int link;
	int bridge;

	gpu->peer_links = 0;
	for (link = 0; link < PNV_NPU2_MAX_LINKS; link++) {
		bridge = pnv_npu2_bridge_at(gpu, ends[link]);
		if (bridge < 0)
			gpu->peer_links |= BIT(link);
		else if (__test_and_set_bit(bridge, &found))
			return -EINVAL;
	}

	return found == GENMASK(gpu->num_bridges - 1, 0) ? 0 : -EINVAL;
}

static int __init pnv_npu2_read_peer_links(struct pnv_npu2_gpu *gpu)
{
	struct device_node *ends[PNV_NPU2_MAX_LINKS];
	unsigned int link;
	int ret;

	if (of_property_count_u32_elems(gpu->dn, "ibm,nvlink-peers") !=
	    ARRAY_SIZE(ends))
		return -ENODEV;

	for (link = 0; link < ARRAY_SIZE(ends); link++)
		ends[link] = of_parse_phandle(gpu->dn, "ibm,nvlink-peers", link);
	ret = pnv_npu2_find_peer_links(gpu, ends);
	for (link = 0; link < ARRAY_SIZE(ends); link++)
		of_node_put(ends[link]);

	return ret;
}

static bool __init pnv_npu2_can_isolate(struct pnv_npu2 *npu)
{
	unsigned int i;
	int ret;

	for (i = 0; i < npu->num_gpus; i++) {
		ret = pnv_npu2_read_peer_links(&npu->gpu[i]);
		if (!ret)
			continue;
		pr_err("NPU PHB#%x: npu2_isolate: GPUs stay in one IOMMU group, %pOF has %s \"ibm,nvlink-peers\"\n",
		       npu->phb->hose->global_number, npu->gpu[i].dn,
		       ret == -ENODEV ? "no" : "inconsistent");
		return false;
	}

	return true;
}

static void __init pnv_npu2_make_group(struct pnv_npu2 *npu, unsigned int num,
				       unsigned int first, unsigned int num_gpus)
{
	struct pnv_npu2_group *group = &npu->group[num];
	unsigned int i;

	group->npu = npu;
	group->gpu = &npu->gpu[first];
	group->num_gpus = num_gpus;
	for (i = 0; i < num_gpus; i++)
		group->gpu[i].group = group;
}

/**
 * pnv_npu2_choose_groups() - decide which GPUs of an NPU are one group
 * @npu: the NPU, with its GPUs
 *
 * "npu2_isolate" asks for a group for each GPU. Without it, or when the device
 * tree does not say of each GPU which links are peer links, it is one group.
 */
void __init pnv_npu2_choose_groups(struct pnv_npu2 *npu)
{
	unsigned int i;

	npu->isolate = pnv_npu2_is_to_isolate(npu) && pnv_npu2_can_isolate(npu);
	if (!npu->isolate) {
		pnv_npu2_make_group(npu, 0, 0, npu->num_gpus);
		return;
	}

	for (i = 0; i < npu->num_gpus; i++)
		pnv_npu2_make_group(npu, i, i, 1);
	pr_info("  One IOMMU group for each GPU\n");
}

/**
 * pnv_npu2_is_cut() - whether links are out of use
 * @val: what was read from the register that tells
 * @links: the links
 *
 * Return: true if the register says so; false as well for a read that failed.
 */
VISIBLE_IF_KUNIT bool pnv_npu2_is_cut(u32 val, u32 links)
{
	if ((val & V100_PRI_ERROR_MASK) == V100_PRI_ERROR ||
	    PCI_POSSIBLE_ERROR(val))
		return false;

	return !(links & ~(val >> V100_LINK_DISABLE_SHIFT));
}

/*
 * EEH has not thawed the PE yet when it restores the config space of a GPU that
 * it has reset. The DMA of the PE stays frozen, so EEH does not miss it.
 */
static u32 pnv_npu2_read_boot(struct pnv_npu2_gpu *gpu)
{
	struct pnv_phb *phb = gpu->hose->private_data;
	u32 boot = in_le32(gpu->regs + V100_BOOT_0);

	if (PCI_POSSIBLE_ERROR(boot)) {
		opal_pci_eeh_freeze_clear(phb->opal_id,
					  phb->ioda.pe_rmap[gpu->bdfn],
					  OPAL_EEH_ACTION_CLEAR_FREEZE_MMIO);
		boot = in_le32(gpu->regs + V100_BOOT_0);
	}

	return boot;
}

/* By in_le32(): readl() would have EEH look for the cause of all ones */
static int pnv_npu2_cut_links(struct pnv_npu2_gpu *gpu)
{
	void __iomem *regs = gpu->regs;
	u32 val;

	lockdep_assert_held(&gpu->isolate_lock);

	/* Other chips may have something else at these addresses */
	if ((pnv_npu2_read_boot(gpu) & V100_BOOT_0_CHIP) != V100_BOOT_0_GV100)
		return -ENODEV;

	if (pnv_npu2_is_cut(in_le32(regs + V100_LINK_DISABLE), gpu->peer_links))
		return 0;

	/* Start what leads to the unit with the register, and the unit */
	out_le32(regs + V100_PRI_MASTER, V100_PRI_MASTER_START);
	out_le32(regs + V100_PRI_RING, V100_PRI_RING_INIT);
	val = in_le32(regs + V100_ENABLE);
	out_le32(regs + V100_ENABLE, val | V100_ENABLE_NVLINK);

	val = in_le32(regs + V100_LINK_DISABLE);
	if (!pnv_npu2_is_cut(val, 0))
		return -EIO;
	out_le32(regs + V100_LINK_DISABLE,
		 val | gpu->peer_links << V100_LINK_DISABLE_SHIFT);
	val = in_le32(regs + V100_LINK_DISABLE);

	return pnv_npu2_is_cut(val, gpu->peer_links) ? 0 : -EIO;
}

static int pnv_npu2_write_command(struct pnv_npu2_gpu *gpu, u16 command)
{
	struct pnv_phb *phb = gpu->hose->private_data;
	s64 rc;

	rc = opal_pci_config_write_half_word(phb->opal_id, gpu->bdfn,
					     PCI_COMMAND, command);

	return opal_error_code(rc);
}

static int pnv_npu2_read_config(struct pnv_npu2_gpu *gpu, u16 *command, u32 *bar)
{
	struct pnv_phb *phb = gpu->hose->private_data;
	__be16 raw_command = 0;
	__be32 raw_bar = 0;
	s64 rc;

	rc = opal_pci_config_read_half_word(phb->opal_id, gpu->bdfn, PCI_COMMAND,
					    &raw_command);
	if (rc == OPAL_SUCCESS)
		rc = opal_pci_config_read_word(phb->opal_id, gpu->bdfn,
					       PCI_BASE_ADDRESS_0, &raw_bar);
	*command = be16_to_cpu(raw_command);
	*bar = be32_to_cpu(raw_bar) & (u32)PCI_BASE_ADDRESS_MEM_MASK;

	return opal_error_code(rc);
}

/*
 * Cut the links with BAR 0 decoded, but without DMA. COMMAND is as before, or has
 * both bits clear when this fails.
 */
static int pnv_npu2_do_isolate(struct pnv_npu2_gpu *gpu)
{
	u16 command, on = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	int ret, err;
	u32 bar;

	ret = pnv_npu2_read_config(gpu, &command, &bar);
	if (ret)
		return ret;
	if (PCI_POSSIBLE_ERROR(command))
		return -EIO;

	/* Another device may be where BAR 0 was when @regs was mapped */
	ret = bar == gpu->regs_bus_addr ? 0 : -ENXIO;
	if (!ret && !(command & PCI_COMMAND_MEMORY))
		ret = pnv_npu2_write_command(gpu, PCI_COMMAND_MEMORY);
	if (!ret)
		ret = pnv_npu2_cut_links(gpu);
	if (!ret && (command & PCI_COMMAND_MEMORY))
		return 0;

	err = pnv_npu2_write_command(gpu, ret ? command & ~on : command);
	return ret ?: err;
}

/**
 * pnv_npu2_gpu_isolate() - make sure that the peer links of a GPU are cut
 * @gpu: the GPU
 *
 * Nothing is done on an NPU whose GPUs are one group. The register is asked each
 * time: no state can be wrong.
 *
 * Context: any.
 * Return: 0; -ENODEV before the GPU is found, or when it is no GPU whose
 * registers are known; -ENXIO when BAR 0 is not where the kernel has put it; or
 * another errno when the links could not be cut. The GPU decodes no addresses
 * then, and does no DMA.
 */
int pnv_npu2_gpu_isolate(struct pnv_npu2_gpu *gpu)
{
	unsigned long flags;
	bool found;
	int ret;

	if (!gpu->npu->isolate)
		return 0;

	raw_spin_lock_irqsave(&gpu->isolate_lock, flags);
	found = gpu->regs;
	ret = found ? pnv_npu2_do_isolate(gpu) : -ENODEV;
	raw_spin_unlock_irqrestore(&gpu->isolate_lock, flags);

	trace_pnv_npu2_isolate(gpu, ret);
	/* The PCI core sizes the BARs of a GPU that it finds */
	if (ret && found)
		pr_err_ratelimited("NPU: %pOF: cannot cut links to other GPUs, error %d; GPU stays disabled\n",
				   gpu->dn, ret);

	return ret;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_isolate);

/* Firmware leaves it to the driver of a device to enable the ports above it */
static void pnv_npu2_enable_ports(struct pci_dev *pdev)
{
	struct pci_dev *port;
	u16 command;

	for (port = pci_upstream_bridge(pdev); port;
	     port = pci_upstream_bridge(port)) {
		pci_read_config_word(port, PCI_COMMAND, &command);
		if (!(command & PCI_COMMAND_MEMORY))
			pci_write_config_word(port, PCI_COMMAND,
					      command | PCI_COMMAND_MEMORY);
	}
}

static void pnv_npu2_replace_registers(struct pnv_npu2_gpu *gpu,
				       void __iomem *regs, u32 bus_addr)
{
	unsigned long flags;
	void __iomem *old;

	raw_spin_lock_irqsave(&gpu->isolate_lock, flags);
	old = gpu->regs;
	gpu->regs = regs;
	gpu->regs_bus_addr = bus_addr;
	raw_spin_unlock_irqrestore(&gpu->isolate_lock, flags);

	if (old)
		iounmap(old);
}

static int pnv_npu2_map_registers(struct pnv_npu2_gpu *gpu, struct pci_dev *pdev)
{
	struct pci_bus_region region;
	void __iomem *regs;

	if (pdev->vendor != PCI_VENDOR_ID_NVIDIA ||
	    !(pci_resource_flags(pdev, 0) & IORESOURCE_MEM) ||
	    pci_resource_len(pdev, 0) < V100_REGS_SIZE ||
	    pci_resource_flags(pdev, 0) & IORESOURCE_UNSET)
		return -ENODEV;

	regs = ioremap(pci_resource_start(pdev, 0), V100_REGS_SIZE);
	if (!regs)
		return -ENOMEM;

	pcibios_resource_to_bus(pdev->bus, &region, &pdev->resource[0]);
	pnv_npu2_replace_registers(gpu, regs, lower_32_bits(region.start));
	pnv_npu2_enable_ports(pdev);
	return 0;
}

/**
 * pnv_npu2_isolate_new_gpu() - cut the peer links of a GPU that has been found
 * @gpu: the GPU, which is not in its group yet; pnv_npu2.lock is held
 *
 * Nothing is done on an NPU whose GPUs are one group.
 *
 * Return: 0, or an errno when the GPU must not have a group of its own.
 */
int pnv_npu2_isolate_new_gpu(struct pnv_npu2_gpu *gpu)
{
	struct pci_dev *pdev;
	int ret = -ENODEV;

	lockdep_assert_held(&gpu->npu->lock);

	if (!gpu->npu->isolate)
		return 0;

	pdev = pci_get_domain_bus_and_slot(gpu->hose->global_number,
					   PCI_BUS_NUM(gpu->bdfn),
					   gpu->bdfn & 0xff);
	if (pdev)
		ret = pnv_npu2_map_registers(gpu, pdev);
	if (!ret)
		ret = pnv_npu2_gpu_isolate(gpu);
	if (!ret)
		pci_info(pdev, "NVLinks to other GPUs are cut: links %#x\n",
			 gpu->peer_links);
	pci_dev_put(pdev);

	return ret;
}

/**
 * pnv_npu2_forget_registers() - stop to use the registers of a GPU
 * @gpu: the GPU, which is being removed. It decodes no addresses again before
 *	pnv_npu2_isolate_new_gpu()
 */
void pnv_npu2_forget_registers(struct pnv_npu2_gpu *gpu)
{
	pnv_npu2_replace_registers(gpu, NULL, 0);
}
