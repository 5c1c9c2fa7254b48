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
#include <linux/lockdep.h>
#include <linux/pci.h>

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
#define   NPU2_PROCEDURE_CHECK_CREDITS	13
#define   NPU2_NUM_PROCEDURES		14
#define NPU2_VNDR_LINK_FLAGS	0x0d
#define   NPU2_LINK_DL_RESET		0x02
#define NPU2_VNDR_SIZE		0x10

#define NPU2_TRAINED	(BIT(NPU2_PROCEDURE_PHY_RESET) | \
			 BIT(NPU2_PROCEDURE_RX_TRAINING) | \
			 BIT(NPU2_PROCEDURE_RESET_NTL))

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

VISIBLE_IF_KUNIT bool pnv_npu2_is_trained(u16 done, int last)
{
	return last == NPU2_PROCEDURE_CHECK_CREDITS &&
	       (done & NPU2_TRAINED) == NPU2_TRAINED;
}

/**
 * pnv_npu2_link_is_up() - ask firmware whether GPU RAM answers over a link
 * @bridge: the link
 *
 * A link is up when, since it was fenced last, its lanes have been reset and
 * trained, the link has been taken out of reset, and then been unfenced. That
 * it is out of reset and unfenced is not enough: a guest can bring that about
 * with the last two procedures alone, on lanes that were never trained.
 *
 * Return: whether the link is up. A link whose procedure is still running, has
 * failed, or about which firmware does not answer, is not.
 */
bool pnv_npu2_link_is_up(struct pnv_npu2_bridge *bridge)
{
	raw_spinlock_t *lock = &bridge->gpu->npu->mailbox_lock;
	unsigned long flags;
	bool up;

	if (!bridge->vendor_cap)
		return false;

	raw_spin_lock_irqsave(lock, flags);
	up = pnv_npu2_link_has_left_reset(bridge) > 0 &&
	     pnv_npu2_is_trained(bridge->procedures,
				 pnv_npu2_last_procedure(bridge));
	raw_spin_unlock_irqrestore(lock, flags);

	return up;
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
	 * Firmware resets the link before the write returns, acts on accesses
	 * of 16 bits only, and keeps the bit, which reads as zero on any other
	 * function (npu2_dev_cfg_exp_devcap() in skiboot). It has to be cleared
	 * or each later write of the register is another FLR.
	 */
	val &= ~PCI_EXP_DEVCTL_BCR_FLR;
	ret = pnv_npu2_cfg_write16(bridge, devctl,
				   val | PCI_EXP_DEVCTL_BCR_FLR);
	if (ret)
		return ret;
	pnv_npu2_cfg_write16(bridge, devctl, val);

	/* A procedure that is still armed must not run at the next read */
	ret = pnv_npu2_cfg_write32(bridge,
				   bridge->vendor_cap + NPU2_VNDR_PROCEDURE,
				   NPU2_PROCEDURE_NOP);
	if (ret)
		return ret;
	pnv_npu2_last_procedure(bridge);

	/* No answer from firmware counts as a link that is not fenced */
	return pnv_npu2_link_has_left_reset(bridge) ? -EIO : 0;
}

/**
 * pnv_npu2_link_fence_unlocked() - fence a link of a kernel that is going down
 * @bridge: the link
 *
 * Context: any, even a dying kernel; takes no lock as nobody else is left.
 * Return: 0, or an errno when firmware did not confirm the fence.
 */
int pnv_npu2_link_fence_unlocked(struct pnv_npu2_bridge *bridge)
{
	/* Never enumerated, so never trained */
	if (!bridge->pcie_cap || !bridge->vendor_cap)
		return 0;

	return pnv_npu2_flr(bridge);
}

/**
 * pnv_npu2_link_fence() - make a brick refuse accesses to GPU RAM
 * @bridge: the link of the brick. Has to be trained again before it is up
 *
 * Context: any. The gate of the GPU is closed, or about to be tested by the
 * caller.
 * Return: 0, or an errno when firmware did not confirm the fence.
 */
int pnv_npu2_link_fence(struct pnv_npu2_bridge *bridge)
{
	raw_spinlock_t *lock = &bridge->gpu->npu->mailbox_lock;
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(lock, flags);
	ret = pnv_npu2_link_fence_unlocked(bridge);
	bridge->procedures = 0;
	raw_spin_unlock_irqrestore(lock, flags);

	return ret;
}

/**
 * pnv_npu2_link_enumerate() - learn where a bridge has its capabilities
 * @bridge: the link
 * @pdev: its PCI function
 */
void pnv_npu2_link_enumerate(struct pnv_npu2_bridge *bridge,
			     struct pci_dev *pdev)
{
	lockdep_assert_held_write(&bridge->gpu->gate);

	bridge->pcie_cap = pci_pcie_cap(pdev);
	bridge->vendor_cap = pci_find_capability(pdev, PCI_CAP_ID_VNDR);
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
	/* DL_RESET has to be that of the run that comes, not of an old one */
	if (next == NPU2_PROCEDURE_PHY_RESET || next == NPU2_PROCEDURE_RESET_NTL)
		pnv_npu2_flr(bridge);
	bridge->procedures = pnv_npu2_procedures_after(bridge->procedures, last,
						       next);
	raw_spin_unlock_irqrestore(lock, flags);
}

/* Firmware keeps what is written to the vendor capability, flags included */
static bool pnv_npu2_is_read_only(struct pnv_npu2_bridge *bridge, int where)
{
	return where >= bridge->vendor_cap &&
	       where < bridge->vendor_cap + NPU2_VNDR_SIZE &&
	       where != bridge->vendor_cap + NPU2_VNDR_STATUS &&
	       where != bridge->vendor_cap + NPU2_VNDR_PROCEDURE;
}

/**
 * pnv_npu2_link_config_write() - look at a config write before firmware gets it
 * @bridge: the bridge that is written to
 * @where: offset
 * @size: bytes
 * @val: value
 *
 * A write that takes the link down while GPU RAM is mapped is refused, unless
 * the gate has been closed for it: an FLR by way of sysfs of a bridge without a
 * driver, say, would end in machine checks of a guest that uses the GPU.
 *
 * Context: atomic, under the lock of the PCI core for config accesses.
 * Return: whether the write may go on.
 */
bool pnv_npu2_link_config_write(struct pnv_npu2_bridge *bridge, int where,
				int size, u32 val)
{
	bool procedure, flr;

	if (!bridge->pcie_cap || !bridge->vendor_cap)
		return true;
	if (pnv_npu2_is_read_only(bridge, where))
		return false;

	procedure = where == bridge->vendor_cap + NPU2_VNDR_PROCEDURE;
	flr = where == bridge->pcie_cap + PCI_EXP_DEVCTL &&
	      (val & PCI_EXP_DEVCTL_BCR_FLR);
	if (!procedure && !flr)
		return true;

	if (READ_ONCE(bridge->gpu->revoke) && !READ_ONCE(bridge->gpu->blocked)) {
		pr_warn_ratelimited("NPU: %pOF: link is in use, not reset\n",
				    bridge->dn);
		return false;
	}

	/* Besides what firmware does for an FLR, forget the procedures */
	if (flr)
		pnv_npu2_link_fence(bridge);
	else if (size == 4)
		pnv_npu2_arm_procedure(bridge, val);

	return true;
}
