// SPDX-License-Identifier: GPL-2.0
/*
 * NVLink2 side of the POWER9 NPU: what PCI, EEH and shutdown code calls
 */

#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/of.h>
#include <linux/pci.h>
#include <linux/reboot.h>

#include <kunit/visibility.h>

#include <asm/eeh.h>
#include <asm/machdep.h>
#include <asm/opal.h>
#include <asm/pci-bridge.h>

#include "npu2.h"
#include "pci.h"

/**
 * pnv_npu2_fence_for_phb_reset() - fence all links before PHBs are reset at boot
 *
 * A crash kernel, and ppc_pci_reset_phbs, reset the PHBs of the GPUs while the
 * links may be up and the caches may hold lines of GPU RAM. A GPU that disappears
 * then raises an HMI. The NPUs are not known yet; a hot reset of their PHBs
 * fences every link and purges the caches (npu2_hreset() in skiboot). The first
 * call does it for all NPUs.
 */
void __init pnv_npu2_fence_for_phb_reset(void)
{
	static bool done __initdata;
	struct device_node *dn;
	u64 phb_id;
	s64 rc;

	if (done)
		return;
	done = true;

	for_each_compatible_node(dn, NULL, "ibm,ioda2-npu2-phb") {
		if (of_property_read_u64(dn, "ibm,opal-phbid", &phb_id))
			continue;
		rc = opal_pci_reset(phb_id, OPAL_RESET_PCI_HOT,
				    OPAL_ASSERT_RESET);
		if (rc < 0)
			pr_err("NPU: %pOF: cannot fence links, OPAL error %lld\n",
			       dn, rc);
	}
}

/**
 * pnv_npu2_init() - start to use the NVLink2 side of an NPU
 * @phb: PHB of the NPU; the PHBs of the GPUs have been set up before
 */
void __init pnv_npu2_init(struct pnv_phb *phb)
{
	struct pnv_npu2 *npu = pnv_npu2_read_device_tree(phb);

	if (!npu)
		return;

	pnv_npu2_reset_lpars(npu);
	pr_info("  %u NVLink2 GPUs, %u ATSD registers\n", npu->num_gpus,
		npu->num_atsd);
	pnv_npu2_choose_groups(npu);
	phb->npu2 = npu;
	list_add_tail(&npu->list, &pnv_npu2_list);
}

/*
 * Fence one link. The links of other GPUs, and the other links of this one, are
 * left alone.
 */
static void pnv_npu2_fence_bridge(struct pnv_npu2_bridge *bridge,
				  const char *reason)
{
	lockdep_assert_held_write(&bridge->gpu->gate);

	pnv_npu2_gate_close(bridge->gpu, reason);
	if (pnv_npu2_link_fence(bridge))
		pr_err("NPU: %pOF: cannot fence the link\n", bridge->dn);
}

/* Fences the link: training by another kernel, or by firmware, is unknown here */
static void pnv_npu2_enumerate_bridge(struct pnv_npu2_bridge *bridge,
				      struct pci_dev *pdev)
{
	down_write(&bridge->gpu->gate);
	pnv_npu2_link_enumerate(bridge, pdev);
	pnv_npu2_fence_bridge(bridge, "bridge found");
	up_write(&bridge->gpu->gate);
}

static void pnv_npu2_disable_bridge(struct pnv_npu2_bridge *bridge)
{
	down_write(&bridge->gpu->gate);
	pnv_npu2_fence_bridge(bridge, "bridge disabled");
	up_write(&bridge->gpu->gate);
}

/**
 * pnv_npu2_disable_device() - fence the link of a bridge
 * @pdev: bridge that loses its driver
 *
 * Work that the driver left running over the link, or a prefetch from GPU RAM,
 * could otherwise meet a GPU in reset.
 */
void pnv_npu2_disable_device(struct pci_dev *pdev)
{
	struct pnv_npu2_bridge *bridge = pnv_npu2_bridge_of(pdev);

	if (bridge)
		pnv_npu2_disable_bridge(bridge);
}

static int pnv_npu2_create_pe(struct pnv_npu2_gpu *gpu, struct pci_dev *pdev)
{
	int ret;

	gpu->npu_pe = pnv_ioda_setup_dev_PE(pdev);
	if (!gpu->npu_pe)
		return -ENOSPC;

	WRITE_ONCE(gpu->pe_number, gpu->npu_pe->pe_number);
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

	/* The PE code configures one RID, that of the PE: set it for the call */
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
 * The PE selects the TVE that DMA over a link goes through, and a GPU spreads its
 * DMA over all of its links, so all bridges of a GPU share a PE. A bridge without
 * a PE cannot be enabled. A bridge that is found again while a reference keeps the
 * removed device alive does not count for the PE, see pnv_npu2_release_bridge().
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
	/* The IOMMU core calls the ownership functions of npu2-group.c here */
	if (gpu->npu_pe->table_group.group)
		iommu_add_device(&gpu->group->table_group, &pdev->dev);
}

static struct pnv_npu2_bridge *pnv_npu2_bridge_of_pdn(struct pnv_npu2 *npu,
						      struct pci_dn *pdn)
{
	unsigned int g, b;

	for (g = 0; g < npu->num_gpus; g++) {
		for (b = 0; b < npu->gpu[g].num_bridges; b++) {
			if (PCI_DN(npu->gpu[g].bridge[b].dn) == pdn)
				return &npu->gpu[g].bridge[b];
		}
	}

	return NULL;
}

/* Let the PE point at a bridge that stays, or give it up with the last one */
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
	WRITE_ONCE(gpu->pe_number, 0);
}

/**
 * pnv_npu2_release_bridge() - forget a bridge that is being removed
 * @pdev: PCI function below an NPU
 *
 * To be called before the PE loses the device. The PCI core has taken the device
 * tree node from @pdev by then, see pci_release_dev().
 *
 * Return: whether the PE may have counted @pdev. It has not when another device
 * stands for the bridge.
 */
bool pnv_npu2_release_bridge(struct pci_dev *pdev)
{
	struct pnv_npu2 *npu = pci_bus_to_pnvhb(pdev->bus)->npu2;
	struct pci_dn *pdn = pci_get_pdn(pdev);
	struct pnv_npu2_bridge *bridge;

	bridge = npu && pdn ? pnv_npu2_bridge_of_pdn(npu, pdn) : NULL;
	if (!bridge)
		return true;
	if (bridge->pdev != pdev)
		return false;

	pnv_npu2_disable_bridge(bridge);

	mutex_lock(&npu->lock);
	pnv_npu2_hand_over_pe(bridge->gpu, bridge);
	npu->phb->ioda.pe_rmap[pci_dev_id(pdev)] = IODA_INVALID_PE;
	bridge->pdev = NULL;
	mutex_unlock(&npu->lock);

	return true;
}

/* Whether a write of any size sets bits of the 16-bit register at @reg */
VISIBLE_IF_KUNIT
bool pnv_npu2_write_sets(int where, int size, u32 val, int reg, u16 bits)
{
	int at = where - reg;

	if (at <= -size || at > 1)
		return false;

	val &= GENMASK(8 * size - 1, 0);
	return (at < 0 ? val >> -8 * at : val << 8 * at) & bits;
}

/* Whether a write puts a function to sleep; D0 is 0 */
static bool pnv_npu2_write_stops(struct pci_dn *pdn, int where, int size,
				 u32 val)
{
	/* The pci_dev knows as well, but can be removed at any time */
	int pm_cap = pnv_eeh_find_cap(pdn, PCI_CAP_ID_PM);

	return pm_cap &&
	       pnv_npu2_write_sets(where, size, val, pm_cap + PCI_PM_CTRL,
				   PCI_PM_CTRL_STATE_MASK);
}

/* Whether a write puts a GPU to sleep, or resets it */
static bool pnv_npu2_write_resets_gpu(struct pci_dn *pdn, int where, int size,
				      u32 val)
{
	int pcie_cap = pdn_to_eeh_dev(pdn)->pcie_cap;

	return pnv_npu2_write_stops(pdn, where, size, val) ||
	       (pcie_cap &&
		pnv_npu2_write_sets(where, size, val, pcie_cap + PCI_EXP_DEVCTL,
				    PCI_EXP_DEVCTL_BCR_FLR));
}

/*
 * Whether a write resets what is below a port, stops its link or takes its power:
 * that of the port, or that of the slot
 */
static bool pnv_npu2_write_resets_port(struct pci_dn *pdn, int where, int size,
				       u32 val)
{
	int pcie_cap = pdn_to_eeh_dev(pdn)->pcie_cap;

	if (pnv_npu2_write_sets(where, size, val, PCI_BRIDGE_CONTROL,
				PCI_BRIDGE_CTL_BUS_RESET) ||
	    pnv_npu2_write_stops(pdn, where, size, val))
		return true;

	return pcie_cap &&
	       (pnv_npu2_write_sets(where, size, val, pcie_cap + PCI_EXP_LNKCTL,
				    PCI_EXP_LNKCTL_LD) ||
		pnv_npu2_write_sets(where, size, val, pcie_cap + PCI_EXP_SLTCTL,
				    PCI_EXP_SLTCTL_PCC));
}

static bool pnv_npu2_is_below_port(struct pnv_npu2_gpu *gpu, struct pci_dn *pdn)
{
	unsigned int busno = PCI_BUS_NUM(gpu->bdfn);
	u32 buses;

	if (pnv_pci_cfg_read(pdn, PCI_PRIMARY_BUS, 4, &buses))
		return false;

	return busno >= ((buses >> 8) & 0xff) && busno <= ((buses >> 16) & 0xff);
}

/* Whether a config write by somebody else than the platform takes a GPU away */
static bool pnv_npu2_write_hits_gpu(struct pnv_npu2_gpu *gpu, struct pci_dn *pdn,
				    int where, int size, u32 val)
{
	if (gpu->hose != pdn->phb || !pdn_to_eeh_dev(pdn))
		return false;

	if (gpu->bdfn == PCI_DEVID(pdn->busno, pdn->devfn))
		return pnv_npu2_write_resets_gpu(pdn, where, size, val);

	return pdn->class_code >> 8 == PCI_CLASS_BRIDGE_PCI &&
	       pnv_npu2_write_resets_port(pdn, where, size, val) &&
	       pnv_npu2_is_below_port(gpu, pdn);
}

/*
 * Resets by the PCI core write to the port as well, but have been announced
 * before: the links are not up then.
 */
VISIBLE_IF_KUNIT
bool pnv_npu2_gpu_may_go(struct pnv_npu2_gpu *gpu)
{
	raw_spinlock_t *lock = &gpu->npu->mailbox_lock;
	unsigned long flags;
	unsigned int i;
	bool go_on;

	raw_spin_lock_irqsave(lock, flags);
	go_on = gpu->links != NPU2_LINKS_UP;
	for (i = 0; i < gpu->num_bridges && go_on; i++)
		pnv_npu2_link_forget(&gpu->bridge[i]);
	raw_spin_unlock_irqrestore(lock, flags);

	return go_on;
}

static bool pnv_npu2_gpu_is_idle(struct pnv_npu2_gpu *gpu)
{
	return READ_ONCE(gpu->links) != NPU2_LINKS_UP;
}

/* The first GPU that the write takes away and that @may says no to */
static struct pnv_npu2_gpu *
pnv_npu2_write_is_refused(struct pci_dn *pdn, int where, int size, u32 val,
			  bool (*may)(struct pnv_npu2_gpu *gpu))
{
	struct pnv_npu2 *npu;
	unsigned int i;

	list_for_each_entry(npu, &pnv_npu2_list, list) {
		for (i = 0; i < npu->num_gpus; i++) {
			if (pnv_npu2_write_hits_gpu(&npu->gpu[i], pdn, where,
						    size, val) &&
			    !may(&npu->gpu[i]))
				return &npu->gpu[i];
		}
	}

	return NULL;
}

static int pnv_npu2_gpu_config_write(struct pci_dn *pdn, int where, int size,
				     u32 val)
{
	struct pnv_npu2_gpu *gpu;

	/* What one GPU refuses must not make the others forget their training */
	gpu = pnv_npu2_write_is_refused(pdn, where, size, val,
					pnv_npu2_gpu_is_idle) ?:
	      pnv_npu2_write_is_refused(pdn, where, size, val,
					pnv_npu2_gpu_may_go);
	if (!gpu)
		return 1;

	pr_warn_ratelimited("NPU: %pOF: RAM is in use, reset by config space refused\n",
			    gpu->dn);
	return -EBUSY;
}

/**
 * pnv_npu2_config_write() - look at a config write before firmware gets it
 * @pdn: the function that is written to
 * @where: offset
 * @size: bytes
 * @val: value
 *
 * A write that takes the links of a GPU down without announcement, such as by
 * setpci, is refused while GPU RAM may be mapped.
 *
 * Context: atomic, under the lock of the PCI core for config accesses.
 * Return: 1 when firmware is to get the write, 0 when it has been carried out,
 * or an errno when it was refused or has failed.
 */
int pnv_npu2_config_write(struct pci_dn *pdn, int where, int size, u32 val)
{
	struct pnv_phb *phb = pdn->phb->private_data;
	struct pnv_npu2_bridge *bridge;

	if (list_empty(&pnv_npu2_list))
		return 1;
	if (!phb->npu2)
		return pnv_npu2_gpu_config_write(pdn, where, size, val);

	bridge = pnv_npu2_bridge_of_pdn(phb->npu2, pdn);
	return bridge ? pnv_npu2_link_config_write(bridge, where, size, val) : 1;
}

/**
 * pnv_npu2_enable_memory() - isolate a GPU before it decodes addresses
 * @pdn: the function that is written to
 * @where: offset
 * @size: bytes
 * @val: value
 *
 * Context: atomic.
 * Return: 0, or an errno when the write must not happen.
 */
int pnv_npu2_enable_memory(struct pci_dn *pdn, int where, int size, u32 val)
{
	struct pnv_npu2_gpu *gpu;
	u32 command;

	if (list_empty(&pnv_npu2_list) ||
	    !pnv_npu2_write_sets(where, size, val, PCI_COMMAND,
				 PCI_COMMAND_MEMORY))
		return 0;

	gpu = pnv_npu2_gpu_at(pdn->phb, PCI_DEVID(pdn->busno, pdn->devfn));
	if (!gpu || !gpu->npu->isolate)
		return 0;

	/* A reset has cleared the bit, nothing else brings a link back */
	pnv_pci_cfg_read(pdn, PCI_COMMAND, 2, &command);
	if (command != 0xffff && (command & PCI_COMMAND_MEMORY))
		return 0;

	return pnv_npu2_gpu_isolate(gpu);
}

/**
 * pnv_npu2_config_read() - correct what firmware says of config space
 * @pdn: the function that is read from
 * @where: offset
 * @size: bytes
 * @val: what firmware returned
 *
 * Return: the value for the reader, see pnv_npu2_link_config_read().
 */
u32 pnv_npu2_config_read(struct pci_dn *pdn, int where, int size, u32 val)
{
	struct pnv_phb *phb = pdn->phb->private_data;
	struct pnv_npu2_bridge *bridge;

	if (!phb->npu2)
		return val;

	bridge = pnv_npu2_bridge_of_pdn(phb->npu2, pdn);
	return bridge ? pnv_npu2_link_config_read(bridge, where, size, val) : val;
}

/*
 * NPU2_RESET_OF_* bit that a reset of @bus, or of all of @hose if NULL, sets for
 * @gpu; 0 if it does not hit @gpu
 */
VISIBLE_IF_KUNIT
unsigned int pnv_npu2_reset_of(struct pnv_npu2_gpu *gpu,
			       struct pci_controller *hose, struct pci_bus *bus)
{
	unsigned int busno = PCI_BUS_NUM(gpu->bdfn);

	if (gpu->npu->phb->hose == hose)
		return NPU2_RESET_OF_NPU;
	if (gpu->hose != hose)
		return 0;
	if (bus && (busno < bus->busn_res.start || busno > bus->busn_res.end))
		return 0;

	return NPU2_RESET_OF_GPU;
}

static void pnv_npu2_for_each_in_reset(struct pci_controller *hose,
				       struct pci_bus *bus,
				       void (*fn)(struct pnv_npu2_gpu *gpu,
						  unsigned int which))
{
	struct pnv_npu2 *npu;
	unsigned int i, which;

	list_for_each_entry(npu, &pnv_npu2_list, list) {
		for (i = 0; i < npu->num_gpus; i++) {
			which = pnv_npu2_reset_of(&npu->gpu[i], hose, bus);
			if (which)
				fn(&npu->gpu[i], which);
		}
	}
}

static void pnv_npu2_begin_one(struct pnv_npu2_gpu *gpu, unsigned int which)
{
	pnv_npu2_gate_begin_reset(gpu);
}

static void pnv_npu2_end_one(struct pnv_npu2_gpu *gpu, unsigned int which)
{
	pnv_npu2_gate_end_reset(gpu);
}

static void pnv_npu2_not_reset_one(struct pnv_npu2_gpu *gpu, unsigned int which)
{
	if (which == NPU2_RESET_OF_GPU)
		pnv_npu2_gate_not_reset(gpu);
}

/**
 * pnv_npu2_not_reset() - a reset after pnv_npu2_begin_reset() did not happen
 * @hose: PCI controller of a GPU
 * @bus: the bus that was to be reset
 *
 * Context: may sleep.
 */
void pnv_npu2_not_reset(struct pci_controller *hose, struct pci_bus *bus)
{
	pnv_npu2_for_each_in_reset(hose, bus, pnv_npu2_not_reset_one);
}

/**
 * pnv_npu2_begin_reset() - quiesce the links that a reset is going to hit
 * @hose: PCI controller of a GPU or of an NPU
 * @bus: the bus that is reset with all below, or NULL for all of @hose
 *
 * For a reset that the caller asserts and ends. The gates stay closed until
 * pnv_npu2_end_reset(), whatever else is asserted or ended meanwhile.
 *
 * Context: may sleep.
 */
void pnv_npu2_begin_reset(struct pci_controller *hose, struct pci_bus *bus)
{
	pnv_npu2_for_each_in_reset(hose, bus, pnv_npu2_begin_one);
}

/**
 * pnv_npu2_end_reset() - end what pnv_npu2_begin_reset() started
 * @hose: PCI controller of a GPU or of an NPU
 * @bus: the bus that was reset, or NULL for all of @hose
 *
 * Context: may sleep.
 */
void pnv_npu2_end_reset(struct pci_controller *hose, struct pci_bus *bus)
{
	pnv_npu2_for_each_in_reset(hose, bus, pnv_npu2_end_one);
}

/**
 * pnv_npu2_assert_reset() - quiesce the links that a reset is going to hit
 * @hose: PCI controller of a GPU or of an NPU
 * @bus: the bus that is reset with all below, or NULL for all of @hose
 *
 * For a reset that EEH asserts, and ends by another call. The gates stay closed
 * until pnv_npu2_deassert_reset(). To assert a reset twice is the same as once.
 *
 * Context: may sleep.
 */
void pnv_npu2_assert_reset(struct pci_controller *hose, struct pci_bus *bus)
{
	pnv_npu2_for_each_in_reset(hose, bus, pnv_npu2_gate_enter_reset);
}

/**
 * pnv_npu2_deassert_reset() - end what pnv_npu2_assert_reset() started
 * @hose: PCI controller of a GPU or of an NPU
 * @bus: the bus that was reset, or NULL for all of @hose
 *
 * Nothing is done to a GPU that is not in reset.
 *
 * Context: may sleep.
 */
void pnv_npu2_deassert_reset(struct pci_controller *hose, struct pci_bus *bus)
{
	pnv_npu2_for_each_in_reset(hose, bus, pnv_npu2_gate_leave_reset);
}

/* Takes no lock: CPUs may have been stopped with it. The gates are closed */
static void pnv_npu2_shutdown_links(struct pnv_npu2 *npu)
{
	struct pnv_npu2_gpu *gpu;
	unsigned int i;

	for (gpu = npu->gpu; gpu < npu->gpu + npu->num_gpus; gpu++) {
		for (i = 0; i < gpu->num_bridges; i++)
			pnv_npu2_link_fence_unlocked(&gpu->bridge[i]);
	}
}

/**
 * pnv_npu2_shutdown() - leave an NPU to the next kernel
 * @hose: PCI controller of the NPU
 *
 * Other PHBs have their IODA tables reset at shutdown. On an NPU that reset lets
 * the DMA of the GPUs reach all of memory until the next kernel sets up TVEs.
 */
void pnv_npu2_shutdown(struct pci_controller *hose)
{
	struct pnv_phb *phb = hose->private_data;

	if (phb->npu2) {
		pnv_npu2_shutdown_links(phb->npu2);
		pnv_npu2_reset_lpars(phb->npu2);
	}
	pnv_npu2_tve_deny_all(phb);
}

/* Close all gates before the links are fenced without taking a lock */
static int pnv_npu2_reboot(struct notifier_block *nb, unsigned long action,
			   void *data)
{
	struct pnv_npu2 *npu;

	list_for_each_entry(npu, &pnv_npu2_list, list)
		pnv_npu2_assert_reset(npu->phb->hose, NULL);

	return NOTIFY_DONE;
}

static struct notifier_block pnv_npu2_reboot_nb = {
	.notifier_call = pnv_npu2_reboot,
};

static int __init pnv_npu2_register_reboot(void)
{
	if (list_empty(&pnv_npu2_list))
		return 0;

	return register_reboot_notifier(&pnv_npu2_reboot_nb);
}
machine_device_initcall(powernv, pnv_npu2_register_reboot);
