// SPDX-License-Identifier: GPL-2.0
/*
 * Links of NVLink2 GPUs: when GPU RAM may be touched, and who makes sure
 *
 * A load or store to GPU RAM over a link that is fenced or was never trained
 * ends in a machine check. Whoever takes a link down closes the gate of its GPU
 * first: all mappings go, and new accesses fail until firmware says that the
 * links are up again.
 */

#include <linux/bits.h>
#include <linux/error-injection.h>
#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/pci.h>
#include <linux/reboot.h>

#include <kunit/visibility.h>

#include <asm/machdep.h>
#include <asm/pci-bridge.h>

#include "npu2.h"
#include "pci.h"

/*
 * Vendor capability of a bridge (npu2_populate_vendor_cap() and
 * npu2-hw-procedures.c in skiboot): a mailbox that runs the procedures which
 * train a link, and a byte of flags. A write to PROCEDURE arms one, reads of
 * STATUS carry it out.
 *
 * RESET_NTL takes the link out of reset and sets DL_RESET in the flags, but the
 * link stays fenced until CHECK_CREDITS. An FLR of the bridge or a reset of the
 * GPU fences the link and clears DL_RESET. RX_TRAINING finds out whether the
 * lanes have trained, provided that PHY_RESET has made them forget first.
 */
#define NPU2_VNDR_STATUS	0x04
#define   NPU2_STATUS_COMPLETE		0x40000000
#define   NPU2_STATUS_ERROR		0x0000000f
#define NPU2_VNDR_PROCEDURE	0x08
#define   NPU2_PROCEDURE_NOP		1
#define   NPU2_PROCEDURE_PHY_RESET	4
#define   NPU2_PROCEDURE_RX_TRAINING	9
#define   NPU2_PROCEDURE_RESET_NTL	10
#define   NPU2_PROCEDURE_CHECK_CREDITS	13
#define   NPU2_NUM_PROCEDURES		14
#define NPU2_VNDR_LINK_FLAGS	0x0d
#define   NPU2_LINK_DL_RESET		0x02
#define NPU2_VNDR_SIZE		0x10

#define NPU2_TRAINED	(BIT(NPU2_PROCEDURE_PHY_RESET) | \
			 BIT(NPU2_PROCEDURE_RX_TRAINING) | \
			 BIT(NPU2_PROCEDURE_RESET_NTL))

static noinline int pnv_npu2_cfg_read(struct pnv_npu2_bridge *bridge, int where,
				      int size, u32 *val)
{
	int ret = pnv_pci_cfg_read(PCI_DN(bridge->dn), where, size, val);

	return ret == PCIBIOS_SUCCESSFUL ? 0 : -EIO;
}
ALLOW_ERROR_INJECTION(pnv_npu2_cfg_read, ERRNO);

static noinline int pnv_npu2_cfg_write(struct pnv_npu2_bridge *bridge,
				       int where, int size, u32 val)
{
	int ret = pnv_pci_cfg_write(PCI_DN(bridge->dn), where, size, val);

	return ret == PCIBIOS_SUCCESSFUL ? 0 : -EIO;
}
ALLOW_ERROR_INJECTION(pnv_npu2_cfg_write, ERRNO);

/* 1, 0, or a negative number when firmware does not tell */
static int pnv_npu2_link_has_left_reset(struct pnv_npu2_bridge *bridge)
{
	u32 flags;
	int ret;

	ret = pnv_npu2_cfg_read(bridge, bridge->vendor_cap + NPU2_VNDR_LINK_FLAGS,
				1, &flags);
	if (ret)
		return ret;

	return flags != 0xff && (flags & NPU2_LINK_DL_RESET);
}

/* The procedure that ran last, or a negative number when it did not succeed */
static int pnv_npu2_last_procedure(struct pnv_npu2_bridge *bridge)
{
	u32 status, procedure;

	if (pnv_npu2_cfg_read(bridge, bridge->vendor_cap + NPU2_VNDR_STATUS, 4,
			      &status) ||
	    pnv_npu2_cfg_read(bridge, bridge->vendor_cap + NPU2_VNDR_PROCEDURE,
			      4, &procedure))
		return -EIO;

	if (!(status & NPU2_STATUS_COMPLETE) || (status & NPU2_STATUS_ERROR) ||
	    procedure >= NPU2_NUM_PROCEDURES)
		return -EAGAIN;

	return procedure;
}

VISIBLE_IF_KUNIT bool pnv_npu2_is_trained(u16 done, int last)
{
	return last == NPU2_PROCEDURE_CHECK_CREDITS &&
	       (done & NPU2_TRAINED) == NPU2_TRAINED;
}

static bool pnv_npu2_link_is_up(struct pnv_npu2_bridge *bridge)
{
	raw_spinlock_t *lock = &bridge->gpu->npu->mailbox_lock;
	unsigned long flags;
	bool up;

	if (!bridge->vendor_cap)
		return false;

	/* While a procedure runs, or after one has failed, nobody knows */
	raw_spin_lock_irqsave(lock, flags);
	up = pnv_npu2_link_has_left_reset(bridge) > 0 &&
	     pnv_npu2_is_trained(bridge->procedures,
				 pnv_npu2_last_procedure(bridge));
	raw_spin_unlock_irqrestore(lock, flags);

	return up;
}

/* Asked once after each closing of the gate, not for each access */
static bool pnv_npu2_links_are_up(struct pnv_npu2_gpu *gpu)
{
	unsigned int i;

	lockdep_assert_held(&gpu->gate);

	if (READ_ONCE(gpu->links_up))
		return true;

	for (i = 0; i < gpu->num_bridges; i++) {
		if (!pnv_npu2_link_is_up(&gpu->bridge[i]))
			return false;
	}

	WRITE_ONCE(gpu->links_up, true);
	return true;
}

static int pnv_npu2_flr(struct pnv_npu2_bridge *bridge)
{
	int devctl = bridge->pcie_cap + PCI_EXP_DEVCTL;
	u32 val;
	int ret;

	ret = pnv_npu2_cfg_read(bridge, devctl, 2, &val);
	if (ret)
		return ret;

	/*
	 * Firmware acts before the write returns, wants 16 bits, and keeps a
	 * bit that reads as zero on any other function.
	 */
	val &= ~PCI_EXP_DEVCTL_BCR_FLR;
	ret = pnv_npu2_cfg_write(bridge, devctl, 2,
				 val | PCI_EXP_DEVCTL_BCR_FLR);
	if (ret)
		return ret;
	pnv_npu2_cfg_write(bridge, devctl, 2, val);

	/* A procedure that is still armed must not run when somebody reads */
	ret = pnv_npu2_cfg_write(bridge, bridge->vendor_cap + NPU2_VNDR_PROCEDURE,
				 4, NPU2_PROCEDURE_NOP);
	if (ret)
		return ret;
	pnv_npu2_last_procedure(bridge);

	/* Not to know is not to be fenced */
	return pnv_npu2_link_has_left_reset(bridge) ? -EIO : 0;
}

static int pnv_npu2_fence_brick(struct pnv_npu2_bridge *bridge)
{
	raw_spinlock_t *lock = &bridge->gpu->npu->mailbox_lock;
	unsigned long flags;
	int ret;

	/* Never enumerated, so never trained */
	if (!bridge->pcie_cap || !bridge->vendor_cap)
		return 0;

	raw_spin_lock_irqsave(lock, flags);
	ret = pnv_npu2_flr(bridge);
	bridge->procedures = 0;
	raw_spin_unlock_irqrestore(lock, flags);

	return ret;
}

static int pnv_npu2_fence_bricks(struct pnv_npu2_gpu *gpu)
{
	int ret = 0, err;
	unsigned int i;

	lockdep_assert_held_write(&gpu->gate);
	WARN_ON_ONCE(gpu->links_up);

	for (i = 0; i < gpu->num_bridges; i++) {
		err = pnv_npu2_fence_brick(&gpu->bridge[i]);
		if (!err)
			continue;
		pr_err("NPU: %pOF: cannot fence the link, error %d\n",
		       gpu->bridge[i].dn, err);
		ret = err;
	}

	return ret;
}

static void pnv_npu2_close_gate(struct pnv_npu2_gpu *gpu)
{
	lockdep_assert_held_write(&gpu->gate);

	gpu->links_up = false;
	if (gpu->revoker)
		gpu->revoker->revoke(gpu->revoker);
}

/**
 * pnv_npu2_gpu_set_revoker() - say who maps the RAM of a GPU
 * @gpu: the GPU
 * @revoker: whose revoke() removes every mapping; called with the gate of @gpu
 *	held, so it takes no lock that is held around pnv_npu2_gpu_enter()
 *
 * Context: may sleep.
 * Return: 0, or -EBUSY when somebody else does.
 */
int pnv_npu2_gpu_set_revoker(struct pnv_npu2_gpu *gpu,
			     struct pnv_npu2_revoker *revoker)
{
	int ret = -EBUSY;

	down_write(&gpu->gate);
	if (!gpu->revoker) {
		WRITE_ONCE(gpu->revoker, revoker);
		ret = 0;
	}
	up_write(&gpu->gate);

	return ret;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_set_revoker);

/**
 * pnv_npu2_gpu_clear_revoker() - say that nobody maps the RAM of a GPU any more
 * @gpu: the GPU
 * @revoker: what pnv_npu2_gpu_set_revoker() took; called a last time
 *
 * Context: may sleep.
 */
void pnv_npu2_gpu_clear_revoker(struct pnv_npu2_gpu *gpu,
				struct pnv_npu2_revoker *revoker)
{
	down_write(&gpu->gate);
	if (gpu->revoker == revoker) {
		pnv_npu2_close_gate(gpu);
		WRITE_ONCE(gpu->revoker, NULL);
	}
	up_write(&gpu->gate);
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_clear_revoker);

/**
 * pnv_npu2_gpu_enter() - start to touch, or to map, the RAM of a GPU
 * @gpu: the GPU
 *
 * That the links are up is what firmware knows of them: since the last fence
 * they have been trained, taken out of reset and unfenced.
 *
 * Context: may sleep. Takes the read side of the gate, to be released by
 * pnv_npu2_gpu_exit(). Lock order: mmap_lock, memory_lock of a VFIO device,
 * gate, pnv_npu2.lock; mappings are removed below the gate.
 * Return: 0, or -EIO with nothing taken while the gate is closed.
 */
int pnv_npu2_gpu_enter(struct pnv_npu2_gpu *gpu)
{
	down_read(&gpu->gate);
	if (gpu->blocked || gpu->in_reset || !pnv_npu2_links_are_up(gpu)) {
		up_read(&gpu->gate);
		return -EIO;
	}

	return 0;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_enter);

/**
 * pnv_npu2_gpu_exit() - end what pnv_npu2_gpu_enter() started
 * @gpu: the GPU
 */
void pnv_npu2_gpu_exit(struct pnv_npu2_gpu *gpu)
{
	up_read(&gpu->gate);
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_exit);

/**
 * pnv_npu2_gpu_block() - keep everybody away from the RAM of a GPU
 * @gpu: the GPU, or one of its links, is going to be reset
 *
 * All mappings are gone when this returns. Nests.
 *
 * Context: may sleep.
 */
void pnv_npu2_gpu_block(struct pnv_npu2_gpu *gpu)
{
	down_write(&gpu->gate);
	WRITE_ONCE(gpu->blocked, gpu->blocked + 1);
	pnv_npu2_close_gate(gpu);
	up_write(&gpu->gate);
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_block);

/**
 * pnv_npu2_gpu_unblock() - end what pnv_npu2_gpu_block() started
 * @gpu: the GPU. Its RAM stays out of reach until the links are up
 *
 * Context: may sleep.
 */
void pnv_npu2_gpu_unblock(struct pnv_npu2_gpu *gpu)
{
	down_write(&gpu->gate);
	WRITE_ONCE(gpu->blocked, gpu->blocked - 1);
	up_write(&gpu->gate);
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_unblock);

/**
 * pnv_npu2_gpu_fence() - take all links of a GPU down
 * @gpu: the GPU
 *
 * Context: may sleep.
 * Return: 0, or -EIO when firmware did not fence each of them.
 */
int pnv_npu2_gpu_fence(struct pnv_npu2_gpu *gpu)
{
	int ret;

	down_write(&gpu->gate);
	pnv_npu2_close_gate(gpu);
	ret = pnv_npu2_fence_bricks(gpu);
	up_write(&gpu->gate);

	return ret;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_fence);

/**
 * pnv_npu2_disable_device() - take the link of a bridge down
 * @pdev: bridge that loses its driver
 *
 * What the driver left running over the link, or the CPU prefetches from GPU
 * RAM, could otherwise meet a GPU in reset. The other links of the NPU stay.
 */
void pnv_npu2_disable_device(struct pci_dev *pdev)
{
	struct pnv_npu2_bridge *bridge = pnv_npu2_bridge_of(pdev);

	if (!bridge)
		return;

	down_write(&bridge->gpu->gate);
	pnv_npu2_close_gate(bridge->gpu);
	if (pnv_npu2_fence_brick(bridge))
		pci_err(pdev, "cannot fence the link\n");
	up_write(&bridge->gpu->gate);
}

/**
 * pnv_npu2_enumerate_bridge() - start to use what a bridge has for this file
 * @bridge: the bridge
 * @pdev: its PCI function
 *
 * Fences the link: whatever trained it, this kernel has not seen it.
 */
void pnv_npu2_enumerate_bridge(struct pnv_npu2_bridge *bridge,
			       struct pci_dev *pdev)
{
	down_write(&bridge->gpu->gate);
	pnv_npu2_close_gate(bridge->gpu);
	bridge->pcie_cap = pci_pcie_cap(pdev);
	bridge->vendor_cap = pci_find_capability(pdev, PCI_CAP_ID_VNDR);
	if (pnv_npu2_fence_brick(bridge))
		pci_err(pdev, "cannot fence the link\n");
	up_write(&bridge->gpu->gate);
}

/**
 * pnv_npu2_shutdown_links() - take down all links of an NPU for good
 * @npu: the NPU
 *
 * Context: any, even a dying kernel; takes no lock as nobody else is left.
 */
void pnv_npu2_shutdown_links(struct pnv_npu2 *npu)
{
	struct pnv_npu2_gpu *gpu;
	unsigned int i;

	for (gpu = npu->gpu; gpu < npu->gpu + npu->num_gpus; gpu++) {
		for (i = 0; i < gpu->num_bridges; i++) {
			if (gpu->bridge[i].pcie_cap && gpu->bridge[i].vendor_cap)
				pnv_npu2_flr(&gpu->bridge[i]);
		}
	}
}

/* Which reset of @hose holds a GPU: its own, that of its NPU, or none */
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

static void pnv_npu2_enter_reset(struct pnv_npu2_gpu *gpu, unsigned int which)
{
	down_write(&gpu->gate);
	gpu->in_reset |= which;
	pnv_npu2_close_gate(gpu);
	pnv_npu2_fence_bricks(gpu);
	up_write(&gpu->gate);
}

/* User space may ask EEH for this without having asked for a reset */
static void pnv_npu2_leave_reset(struct pnv_npu2_gpu *gpu, unsigned int which)
{
	down_write(&gpu->gate);
	if (gpu->in_reset & which) {
		/* A reset of the NPU fences and leaves the flags as they were */
		pnv_npu2_close_gate(gpu);
		pnv_npu2_fence_bricks(gpu);
		gpu->in_reset &= ~which;
	}
	up_write(&gpu->gate);
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

/**
 * pnv_npu2_assert_reset() - quiesce the links that a reset is going to hit
 * @hose: PCI controller of a GPU or of an NPU
 * @bus: the bus that is reset with all below, or NULL for all of @hose
 *
 * Fencing first is what keeps a GPU that disappears from raising an HMI. The
 * gates stay closed until pnv_npu2_deassert_reset(); asserting twice is the
 * same as once, as it is for the reset itself.
 *
 * Context: may sleep.
 */
void pnv_npu2_assert_reset(struct pci_controller *hose, struct pci_bus *bus)
{
	pnv_npu2_for_each_in_reset(hose, bus, pnv_npu2_enter_reset);
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
	pnv_npu2_for_each_in_reset(hose, bus, pnv_npu2_leave_reset);
}

/* Nobody may be on the way to GPU RAM when the links go down for good */
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

/* What counts as done when @next is armed after @last has run */
VISIBLE_IF_KUNIT u16 pnv_npu2_procedures_after(u16 done, int last, u32 next)
{
	if (last >= 0)
		done |= BIT(last);

	switch (next) {
	case NPU2_PROCEDURE_PHY_RESET:
		done &= ~(BIT(NPU2_PROCEDURE_PHY_RESET) |
			  BIT(NPU2_PROCEDURE_RX_TRAINING));
		fallthrough;
	case NPU2_PROCEDURE_RESET_NTL:
		done &= ~BIT(NPU2_PROCEDURE_RESET_NTL);
	}

	return done;
}

static void pnv_npu2_arm_procedure(struct pnv_npu2_bridge *bridge, u32 next)
{
	raw_spinlock_t *lock = &bridge->gpu->npu->mailbox_lock;
	unsigned long flags;
	int last;

	raw_spin_lock_irqsave(lock, flags);
	last = pnv_npu2_last_procedure(bridge);
	/* DL_RESET has to speak of the run that comes, not of an old one */
	if (next == NPU2_PROCEDURE_PHY_RESET || next == NPU2_PROCEDURE_RESET_NTL)
		pnv_npu2_flr(bridge);
	bridge->procedures = pnv_npu2_procedures_after(bridge->procedures, last,
						       next);
	raw_spin_unlock_irqrestore(lock, flags);
}

/**
 * pnv_npu2_config_write() - look at a config write before firmware gets it
 * @npu: NPU
 * @pdn: the function that is written to
 * @where: offset
 * @size: bytes
 * @val: value
 *
 * A write that takes a link down while GPU RAM is mapped goes on only when the
 * gate has been closed for it. An FLR that nobody announced, of a bridge that
 * has no driver say, is not worth a machine check.
 *
 * Context: atomic, serialised by the lock of the PCI core for config accesses.
 * Return: whether the write may go on.
 */
bool pnv_npu2_config_write(struct pnv_npu2 *npu, struct pci_dn *pdn, int where,
			   int size, u32 val)
{
	struct pnv_npu2_bridge *bridge = pnv_npu2_bridge_of_pdn(npu, pdn);
	bool procedure, flr;

	if (!bridge || !bridge->pcie_cap || !bridge->vendor_cap)
		return true;

	/* Firmware keeps what is written to the rest, flags of the link too */
	if (where >= bridge->vendor_cap &&
	    where < bridge->vendor_cap + NPU2_VNDR_SIZE &&
	    where != bridge->vendor_cap + NPU2_VNDR_STATUS &&
	    where != bridge->vendor_cap + NPU2_VNDR_PROCEDURE)
		return false;

	procedure = where == bridge->vendor_cap + NPU2_VNDR_PROCEDURE;
	flr = where == bridge->pcie_cap + PCI_EXP_DEVCTL &&
	      (val & PCI_EXP_DEVCTL_BCR_FLR);
	if (!procedure && !flr)
		return true;

	if (READ_ONCE(bridge->gpu->revoker) && !READ_ONCE(bridge->gpu->blocked)) {
		pr_warn_ratelimited("NPU: %pOF: link is in use, not reset\n",
				    bridge->dn);
		return false;
	}

	/* An FLR forgets the procedures too, and is otherwise firmware's job */
	if (flr)
		pnv_npu2_fence_brick(bridge);
	else if (size == 4)
		pnv_npu2_arm_procedure(bridge, val);

	return true;
}
