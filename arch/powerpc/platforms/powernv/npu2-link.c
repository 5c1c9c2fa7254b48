// SPDX-License-Identifier: GPL-2.0
/*
 * State of one link of an NVLink2 GPU: training procedures and fence
 *
 * The vendor capability of a bridge (npu2_populate_vendor_cap() and
 * npu2-hw-procedures.c in skiboot) is a mailbox that runs the procedures which
 * train a link, followed by a byte of flags. A write to PROCEDURE arms a
 * procedure, reads of STATUS carry it out.
 *
 * RESET_NTL takes the link out of reset and sets DL_RESET in the flags, but the
 * link stays fenced until CHECK_CREDITS. An FLR of the bridge or a reset of the
 * GPU fences the link and clears DL_RESET. RX_TRAINING finds out whether the
 * lanes have trained, provided that PHY_RESET has made them forget first.
 */

#include <linux/bits.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/pci.h>
#include <linux/sched.h>

#include <kunit/visibility.h>

#include <asm/opal.h>
#include <asm/pci-bridge.h>

#include "npu2.h"
#include "pci.h"

#define NPU2_VNDR_STATUS	0x04
#define   NPU2_STATUS_COMPLETE		0x40000000
#define   NPU2_STATUS_ERROR		0x0000000f
#define NPU2_VNDR_PROCEDURE	0x08
#define   NPU2_PROCEDURE_NOP		1
#define   NPU2_PROCEDURE_PHY_RESET	4
#define   NPU2_PROCEDURE_RX_TRAINING	9
#define   NPU2_PROCEDURE_RESET_NTL	10
#define   NPU2_PROCEDURE_PRE_TERMINATE	11
#define   NPU2_PROCEDURE_TERMINATE	12
#define   NPU2_PROCEDURE_CHECK_CREDITS	13
#define   NPU2_NUM_PROCEDURES		14
#define NPU2_VNDR_LINK_FLAGS	0x0d
#define   NPU2_LINK_DL_RESET		0x02
#define NPU2_VNDR_SIZE		0x10

#define NPU2_TRAINED	(BIT(NPU2_PROCEDURE_PHY_RESET) | \
			 BIT(NPU2_PROCEDURE_RX_TRAINING) | \
			 BIT(NPU2_PROCEDURE_RESET_NTL) | \
			 BIT(NPU2_PROCEDURE_CHECK_CREDITS))

/* Shortest time between two fences of a link that users cause: 100 ms */
#define NPU2_FENCE_INTERVAL	(HZ / 10)

static u64 pnv_npu2_phb_id(struct pnv_npu2_bridge *bridge)
{
	return bridge->gpu->npu->phb->opal_id;
}

static u32 pnv_npu2_bridge_bdfn(struct pnv_npu2_bridge *bridge)
{
	struct pci_dn *pdn = PCI_DN(bridge->dn);

	return PCI_DEVID(pdn->busno, pdn->devfn);
}

/*
 * pnv_pci_cfg_read() and pnv_pci_cfg_write() drop the error of firmware. Here
 * it matters whether an access has happened.
 */
static int pnv_npu2_cfg_read8(struct pnv_npu2_bridge *bridge, int where, u8 *val)
{
	s64 rc;

	rc = opal_pci_config_read_byte(pnv_npu2_phb_id(bridge),
				       pnv_npu2_bridge_bdfn(bridge), where, val);

	return opal_error_code(rc);
}

static int pnv_npu2_cfg_read16(struct pnv_npu2_bridge *bridge, int where,
			       u16 *val)
{
	__be16 raw = 0;
	s64 rc;

	rc = opal_pci_config_read_half_word(pnv_npu2_phb_id(bridge),
					    pnv_npu2_bridge_bdfn(bridge), where,
					    &raw);
	*val = be16_to_cpu(raw);

	return opal_error_code(rc);
}

static int pnv_npu2_cfg_read32(struct pnv_npu2_bridge *bridge, int where,
			       u32 *val)
{
	__be32 raw = 0;
	s64 rc;

	rc = opal_pci_config_read_word(pnv_npu2_phb_id(bridge),
				       pnv_npu2_bridge_bdfn(bridge), where,
				       &raw);
	*val = be32_to_cpu(raw);

	return opal_error_code(rc);
}

static int pnv_npu2_cfg_write16(struct pnv_npu2_bridge *bridge, int where,
				u16 val)
{
	s64 rc;

	rc = opal_pci_config_write_half_word(pnv_npu2_phb_id(bridge),
					     pnv_npu2_bridge_bdfn(bridge),
					     where, val);

	return opal_error_code(rc);
}

static int pnv_npu2_cfg_write32(struct pnv_npu2_bridge *bridge, int where,
				u32 val)
{
	s64 rc;

	rc = opal_pci_config_write_word(pnv_npu2_phb_id(bridge),
					pnv_npu2_bridge_bdfn(bridge), where,
					val);

	return opal_error_code(rc);
}

/* 1, 0, or a negative number when firmware does not tell */
static int pnv_npu2_link_has_left_reset(struct pnv_npu2_bridge *bridge)
{
	u8 flags;
	int ret;

	ret = pnv_npu2_cfg_read8(bridge,
				 bridge->vendor_cap + NPU2_VNDR_LINK_FLAGS,
				 &flags);
	if (ret)
		return ret;

	return flags != 0xff && (flags & NPU2_LINK_DL_RESET);
}

/* The procedure that ran last, or a negative number when it did not succeed */
static int pnv_npu2_last_procedure(struct pnv_npu2_bridge *bridge)
{
	u32 status, procedure;

	if (pnv_npu2_cfg_read32(bridge, bridge->vendor_cap + NPU2_VNDR_STATUS,
				&status) ||
	    pnv_npu2_cfg_read32(bridge,
				bridge->vendor_cap + NPU2_VNDR_PROCEDURE,
				&procedure))
		return -EIO;

	if (!(status & NPU2_STATUS_COMPLETE) || (status & NPU2_STATUS_ERROR) ||
	    procedure >= NPU2_NUM_PROCEDURES)
		return -EAGAIN;

	return procedure;
}

/* A procedure that is still to run has taken away what it disturbs */
VISIBLE_IF_KUNIT bool pnv_npu2_is_trained(u16 done, int last)
{
	if (last >= 0)
		done |= BIT(last);

	return (done & NPU2_TRAINED) == NPU2_TRAINED;
}

/**
 * pnv_npu2_link_is_trained() - ask firmware whether GPU RAM answers over a link
 * @bridge: the link
 *
 * A link is trained when, since it was fenced last, its lanes have been reset
 * and trained, the link has been taken out of reset, and then been unfenced.
 * That it is out of reset and unfenced is not enough: a guest can bring that
 * about with the last two procedures alone, on lanes that were never trained.
 *
 * Context: pnv_npu2.mailbox_lock held.
 * Return: whether the link is trained. A link whose procedure is still running or
 * has failed is not, unless that procedure leaves the link alone.
 */
bool pnv_npu2_link_is_trained(struct pnv_npu2_bridge *bridge)
{
	lockdep_assert_held(&bridge->gpu->npu->mailbox_lock);

	return bridge->vendor_cap &&
	       pnv_npu2_is_trained(bridge->procedures,
				   pnv_npu2_last_procedure(bridge));
}

/* A procedure that is still armed must not run at the next read */
static int pnv_npu2_disarm(struct pnv_npu2_bridge *bridge)
{
	int ret;

	ret = pnv_npu2_cfg_write32(bridge,
				   bridge->vendor_cap + NPU2_VNDR_PROCEDURE,
				   NPU2_PROCEDURE_NOP);
	if (!ret)
		pnv_npu2_last_procedure(bridge);

	return ret;
}

static int pnv_npu2_flr(struct pnv_npu2_bridge *bridge)
{
	int devctl = bridge->pcie_cap + PCI_EXP_DEVCTL;
	u16 val;
	int ret;

	ret = pnv_npu2_cfg_read16(bridge, devctl, &val);
	if (ret)
		return ret;

	/*
	 * Firmware fences the link and purges the L2 and L3 caches of all cores
	 * before the write returns, and wants 16 bits. It keeps the bit, see
	 * pnv_npu2_link_config_read(). To clear it would purge all caches again
	 * (npu2_dev_cfg_exp_devcap() in skiboot).
	 */
	ret = pnv_npu2_cfg_write16(bridge, devctl,
				   val | PCI_EXP_DEVCTL_BCR_FLR);
	if (ret)
		return ret;

	ret = pnv_npu2_disarm(bridge);
	if (ret)
		return ret;

	/* No answer from firmware counts as a link that is not fenced */
	return pnv_npu2_link_has_left_reset(bridge) ? -EIO : 0;
}

/**
 * pnv_npu2_link_fence_unlocked() - fence a link of a kernel that is going down
 * @bridge: the link
 *
 * Context: any, even a dying kernel; takes no lock, as CPUs may have been stopped
 * with it. The gates are closed.
 * Return: 0; -ENODEV when the bridge was never found; or an errno when firmware
 * did not confirm the fence.
 */
int pnv_npu2_link_fence_unlocked(struct pnv_npu2_bridge *bridge)
{
	/*
	 * Not enumerated: where the capabilities are is not known, so it cannot
	 * be fenced.
	 */
	if (!bridge->pcie_cap || !bridge->vendor_cap)
		return -ENODEV;

	return pnv_npu2_flr(bridge);
}

static int pnv_npu2_link_fence_locked(struct pnv_npu2_bridge *bridge)
{
	int ret;

	lockdep_assert_held(&bridge->gpu->npu->mailbox_lock);

	ret = bridge->fenced ? pnv_npu2_disarm(bridge) :
			       pnv_npu2_link_fence_unlocked(bridge);
	bridge->fenced = !ret;
	bridge->procedures = 0;

	return ret;
}

/**
 * pnv_npu2_link_fence() - make a link refuse accesses to GPU RAM
 * @bridge: the link. Has to be trained again before it is up
 *
 * A fence purges the caches of the whole machine, so a link that is known to be
 * fenced is not fenced again.
 *
 * Context: any. The caller has closed the gate: no mapping of GPU RAM exists.
 * Return: 0; -ENODEV when the bridge was never found; or an errno when firmware
 * did not confirm the fence.
 */
int pnv_npu2_link_fence(struct pnv_npu2_bridge *bridge)
{
	raw_spinlock_t *lock = &bridge->gpu->npu->mailbox_lock;
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(lock, flags);
	ret = pnv_npu2_link_fence_locked(bridge);
	raw_spin_unlock_irqrestore(lock, flags);

	return ret;
}

/* In jiffies. The caller is going to fence the link when it need not wait */
VISIBLE_IF_KUNIT long pnv_npu2_until_fence(struct pnv_npu2_bridge *bridge)
{
	raw_spinlock_t *lock = &bridge->gpu->npu->mailbox_lock;
	unsigned long flags;
	long wait = 0;

	raw_spin_lock_irqsave(lock, flags);
	if (!bridge->fenced) {
		wait = bridge->next_fence - jiffies;
		if (wait <= 0)
			bridge->next_fence = jiffies + NPU2_FENCE_INTERVAL;
	}
	raw_spin_unlock_irqrestore(lock, flags);

	return wait;
}

/**
 * pnv_npu2_link_pace() - wait until a user may have a link fenced again
 * @bridge: the link
 *
 * A user can unfence a link and reset it, over and over. Each fence purges the
 * caches of the whole machine, with interrupts off. It takes many no longer than
 * one: the first of them fences the link, which leaves the others nothing to do.
 *
 * Context: may sleep, for the time between two fences and that of one fence.
 */
void pnv_npu2_link_pace(struct pnv_npu2_bridge *bridge)
{
	long wait;

	for (;;) {
		wait = pnv_npu2_until_fence(bridge);
		if (wait <= 0)
			return;
		schedule_timeout_idle(wait);
	}
}

/**
 * pnv_npu2_link_enumerate() - learn where a bridge has its capabilities
 * @bridge: the link
 * @pdev: its PCI function
 */
void pnv_npu2_link_enumerate(struct pnv_npu2_bridge *bridge,
			     struct pci_dev *pdev)
{
	raw_spinlock_t *lock = &bridge->gpu->npu->mailbox_lock;
	u8 pcie_cap = pci_pcie_cap(pdev);
	u8 vendor_cap = pci_find_capability(pdev, PCI_CAP_ID_VNDR);
	unsigned long flags;

	lockdep_assert_held_write(&bridge->gpu->gate);

	raw_spin_lock_irqsave(lock, flags);
	bridge->pcie_cap = pcie_cap;
	bridge->vendor_cap = vendor_cap;
	/* Another kernel may have trained the link */
	bridge->fenced = false;
	raw_spin_unlock_irqrestore(lock, flags);
}

/**
 * pnv_npu2_procedure_is_idle() - whether a procedure does nothing to a link
 * @procedure: number of the procedure
 *
 * PRE_TERMINATE and TERMINATE are placeholders (npu2-hw-procedures.c in skiboot).
 */
bool pnv_npu2_procedure_is_idle(u32 procedure)
{
	return procedure == NPU2_PROCEDURE_NOP ||
	       procedure == NPU2_PROCEDURE_PRE_TERMINATE ||
	       procedure == NPU2_PROCEDURE_TERMINATE;
}

/*
 * What counts as done when @next is armed after @last has run. All procedures but
 * the few that leave the lanes alone make RESET_NTL necessary again: PHY_RESET
 * and the calibration of the receiver clear iovalid, RX_TRAINING starts lanes
 * (npu2-hw-procedures.c in skiboot).
 */
VISIBLE_IF_KUNIT u16 pnv_npu2_procedures_after(u16 done, int last, u32 next)
{
	if (last >= 0)
		done |= BIT(last);
	if (pnv_npu2_procedure_is_idle(next))
		return done;

	done &= ~BIT(NPU2_PROCEDURE_CHECK_CREDITS);

	switch (next) {
	case NPU2_PROCEDURE_CHECK_CREDITS:
		return done;
	case NPU2_PROCEDURE_PHY_RESET:
		done &= ~(BIT(NPU2_PROCEDURE_PHY_RESET) |
			  BIT(NPU2_PROCEDURE_RX_TRAINING));
		break;
	case NPU2_PROCEDURE_RX_TRAINING:
		done &= ~BIT(NPU2_PROCEDURE_RX_TRAINING);
		break;
	}

	return done & ~BIT(NPU2_PROCEDURE_RESET_NTL);
}

/**
 * pnv_npu2_link_forget() - count a link as untrained until it is trained again
 * @bridge: the link, which goes down by other means than a fence
 *
 * Context: pnv_npu2.mailbox_lock held.
 */
void pnv_npu2_link_forget(struct pnv_npu2_bridge *bridge)
{
	lockdep_assert_held(&bridge->gpu->npu->mailbox_lock);

	bridge->procedures = 0;
}

/* The last two steps of a training take the fence away, nothing else does */
VISIBLE_IF_KUNIT bool pnv_npu2_is_fenced_after(bool fenced, u32 next)
{
	return fenced && next != NPU2_PROCEDURE_RESET_NTL &&
	       next != NPU2_PROCEDURE_CHECK_CREDITS;
}

static void pnv_npu2_track_procedure(struct pnv_npu2_bridge *bridge, u32 next)
{
	int last = pnv_npu2_last_procedure(bridge);

	bridge->procedures = pnv_npu2_procedures_after(bridge->procedures, last,
						       next);
	bridge->fenced = pnv_npu2_is_fenced_after(bridge->fenced, next);
}

/**
 * pnv_npu2_link_arm() - arm a training procedure
 * @bridge: the link
 * @procedure: number of the procedure, which reads of STATUS carry out; firmware
 *	refuses what it does not know
 *
 * Context: pnv_npu2.mailbox_lock held; no mapping of GPU RAM exists, unless the
 * procedure does nothing to the link.
 * Return: 0, or an errno for the answer of firmware.
 */
int pnv_npu2_link_arm(struct pnv_npu2_bridge *bridge, u32 procedure)
{
	lockdep_assert_held(&bridge->gpu->npu->mailbox_lock);

	if (!bridge->pcie_cap || !bridge->vendor_cap)
		return -ENODEV;

	pnv_npu2_track_procedure(bridge, procedure);

	return pnv_npu2_cfg_write32(bridge,
				    bridge->vendor_cap + NPU2_VNDR_PROCEDURE,
				    procedure);
}

/* Firmware keeps what is written to the vendor capability, flags included */
static bool pnv_npu2_is_read_only(struct pnv_npu2_bridge *bridge, int where)
{
	return where >= bridge->vendor_cap &&
	       where < bridge->vendor_cap + NPU2_VNDR_SIZE &&
	       where != bridge->vendor_cap + NPU2_VNDR_STATUS &&
	       where != bridge->vendor_cap + NPU2_VNDR_PROCEDURE;
}

/*
 * Decide under mailbox_lock, under which the state becomes UP: a fault that asks
 * firmware at the same time finds the training forgotten, or makes this write be
 * refused.
 */
VISIBLE_IF_KUNIT
bool pnv_npu2_may_change(struct pnv_npu2_bridge *bridge, bool flr)
{
	lockdep_assert_held(&bridge->gpu->npu->mailbox_lock);

	switch (bridge->gpu->links) {
	case NPU2_LINKS_DOWN:
		return true;
	case NPU2_LINKS_CHANGING:
		return flr;
	default:
		return false;
	}
}

static int pnv_npu2_link_write_flr(struct pnv_npu2_bridge *bridge)
{
	raw_spinlock_t *lock = &bridge->gpu->npu->mailbox_lock;
	unsigned long flags;
	int ret = -EBUSY;

	raw_spin_lock_irqsave(lock, flags);
	if (pnv_npu2_may_change(bridge, true))
		ret = pnv_npu2_link_fence_locked(bridge);
	raw_spin_unlock_irqrestore(lock, flags);

	return ret;
}

static int pnv_npu2_link_write_procedure(struct pnv_npu2_bridge *bridge,
					 u32 procedure)
{
	raw_spinlock_t *lock = &bridge->gpu->npu->mailbox_lock;
	unsigned long flags;
	int ret = -EBUSY;

	raw_spin_lock_irqsave(lock, flags);
	if (pnv_npu2_may_change(bridge, false)) {
		pnv_npu2_track_procedure(bridge, procedure);
		ret = 1;
	}
	raw_spin_unlock_irqrestore(lock, flags);

	return ret;
}

/*
 * Firmware purges all caches at each write of Device Control, of which no bit but
 * FLR means anything to it, and every pci_restore_state() writes the register.
 */
static bool pnv_npu2_changes_devctl(struct pnv_npu2_bridge *bridge, u32 val)
{
	u16 old;

	if (pnv_npu2_cfg_read16(bridge, bridge->pcie_cap + PCI_EXP_DEVCTL, &old))
		return true;

	return (old ^ val) & 0xffff & ~PCI_EXP_DEVCTL_BCR_FLR;
}

/**
 * pnv_npu2_link_config_write() - look at a config write before firmware gets it
 * @bridge: the bridge that is written to
 * @where: offset
 * @size: bytes
 * @val: value
 *
 * See enum pnv_npu2_links for what is refused. VFIO arms procedures by
 * pnv_npu2_bridge_arm() instead.
 *
 * Context: atomic, under the lock of the PCI core for config accesses.
 * Return: 1 when firmware is to get the write; 0 when it has been carried out;
 * -EBUSY when the link is in use; -EPERM for a register that is read-only; or
 * an errno when firmware did not confirm the fence that an FLR is.
 */
int pnv_npu2_link_config_write(struct pnv_npu2_bridge *bridge, int where,
			       int size, u32 val)
{
	int ret;

	if (!bridge->pcie_cap || !bridge->vendor_cap)
		return 1;
	if (pnv_npu2_is_read_only(bridge, where))
		return -EPERM;

	if (where == bridge->vendor_cap + NPU2_VNDR_PROCEDURE)
		ret = pnv_npu2_link_write_procedure(bridge, val);
	else if (where != bridge->pcie_cap + PCI_EXP_DEVCTL || size != 2)
		return 1;
	else if (val & PCI_EXP_DEVCTL_BCR_FLR)
		ret = pnv_npu2_link_write_flr(bridge);
	else
		ret = pnv_npu2_changes_devctl(bridge, val);

	if (ret == -EBUSY)
		pr_warn_ratelimited("NPU: %pOF: link is in use, write of config space refused\n",
				    bridge->dn);
	return ret;
}

/**
 * pnv_npu2_link_config_read() - correct what firmware says of config space
 * @bridge: the bridge that is read from
 * @where: offset
 * @size: bytes
 * @val: what firmware returned
 *
 * Firmware keeps the FLR bit of Device Control, which reads as zero on any other
 * function. A read-modify-write of the register would be another FLR.
 *
 * Return: the value to be returned to the reader.
 */
u32 pnv_npu2_link_config_read(struct pnv_npu2_bridge *bridge, int where,
			      int size, u32 val)
{
	int devctl = bridge->pcie_cap + PCI_EXP_DEVCTL;

	if (!bridge->pcie_cap)
		return val;
	if (where == devctl && size > 1)
		return val & ~PCI_EXP_DEVCTL_BCR_FLR;
	if (where == devctl + 1 && size == 1)
		return val & ~(PCI_EXP_DEVCTL_BCR_FLR >> 8);

	return val;
}
