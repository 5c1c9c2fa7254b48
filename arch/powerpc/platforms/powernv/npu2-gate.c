// SPDX-License-Identifier: GPL-2.0
/*
 * The gate of an NVLink2 GPU: who may map or touch its RAM, and when
 *
 * A CPU that loads from or stores to GPU RAM over a link that is fenced, or was
 * never trained, gets an error: a machine check on the emulated machine, a
 * machine check or an HMI on hardware. So GPU RAM is mapped only while all links
 * of the GPU are up, and code that takes a link down removes the mappings first.
 *
 * enum pnv_npu2_links in npu2.h has the states and their changes.
 */

#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/pci.h>
#include <linux/wait.h>

#include <kunit/visibility.h>

#include <asm/pci-bridge.h>

#include "npu2.h"
#include "pci.h"
#include "npu2-trace.h"

/*
 * Config writes are looked at in atomic context, without the gate, and decided
 * by the state: hence the spinlock.
 */
static void pnv_npu2_set_links(struct pnv_npu2_gpu *gpu,
			       enum pnv_npu2_links links, const char *reason)
{
	unsigned long flags;

	if (gpu->links == links)
		return;

	raw_spin_lock_irqsave(&gpu->npu->mailbox_lock, flags);
	WRITE_ONCE(gpu->links, links);
	raw_spin_unlock_irqrestore(&gpu->npu->mailbox_lock, flags);

	trace_pnv_npu2_gate(gpu, links, reason);
}

static bool pnv_npu2_links_are_trained(struct pnv_npu2_gpu *gpu)
{
	unsigned int i;

	for (i = 0; i < gpu->num_bridges; i++) {
		if (!pnv_npu2_link_is_trained(&gpu->bridge[i]))
			return false;
	}

	return true;
}

/* Ask firmware. The read side of the gate keeps all but other readers away */
static bool pnv_npu2_try_links_up(struct pnv_npu2_gpu *gpu)
{
	unsigned long flags;
	bool changed = false;

	lockdep_assert_held_read(&gpu->gate);

	raw_spin_lock_irqsave(&gpu->npu->mailbox_lock, flags);
	if (gpu->links == NPU2_LINKS_DOWN && pnv_npu2_links_are_trained(gpu)) {
		WRITE_ONCE(gpu->links, NPU2_LINKS_UP);
		changed = true;
	}
	raw_spin_unlock_irqrestore(&gpu->npu->mailbox_lock, flags);

	if (changed)
		trace_pnv_npu2_gate(gpu, NPU2_LINKS_UP, "trained");
	return READ_ONCE(gpu->links) == NPU2_LINKS_UP;
}

/* After this no mapping of GPU RAM exists until the gate is released */
static void pnv_npu2_revoke(struct pnv_npu2_gpu *gpu)
{
	lockdep_assert_held_write(&gpu->gate);

	if (gpu->links == NPU2_LINKS_UP && gpu->revoke)
		gpu->revoke(gpu->revoke_data);
}

/**
 * pnv_npu2_gate_close() - remove all mappings of the RAM of a GPU
 * @gpu: the GPU, with the write side of its gate held
 * @reason: for the tracepoint
 *
 * Firmware is asked before the next mapping is made.
 */
void pnv_npu2_gate_close(struct pnv_npu2_gpu *gpu, const char *reason)
{
	pnv_npu2_revoke(gpu);
	if (!gpu->changes)
		pnv_npu2_set_links(gpu, NPU2_LINKS_DOWN, reason);
}

/**
 * pnv_npu2_gate_fence_links() - fence all links of a GPU
 * @gpu: the GPU, with the write side of its gate held and no mapping left
 *
 * Return: 0, or the last error; all links are tried in any case.
 */
int pnv_npu2_gate_fence_links(struct pnv_npu2_gpu *gpu)
{
	int ret = 0, err;
	unsigned int i;

	lockdep_assert_held_write(&gpu->gate);
	WARN_ON_ONCE(gpu->links == NPU2_LINKS_UP);

	for (i = 0; i < gpu->num_bridges; i++) {
		err = pnv_npu2_link_fence(&gpu->bridge[i]);
		if (!err)
			continue;
		pr_err_ratelimited("NPU: %pOF: cannot fence the link, error %d\n",
				   gpu->bridge[i].dn, err);
		ret = err;
	}

	return ret;
}

static void pnv_npu2_begin_change(struct pnv_npu2_gpu *gpu, const char *reason)
{
	pnv_npu2_revoke(gpu);
	gpu->changes++;
	pnv_npu2_set_links(gpu, NPU2_LINKS_CHANGING, reason);
}

static void pnv_npu2_end_change(struct pnv_npu2_gpu *gpu, const char *reason)
{
	lockdep_assert_held_write(&gpu->gate);

	if (--gpu->changes)
		return;

	pnv_npu2_set_links(gpu, NPU2_LINKS_DOWN, reason);
	wake_up_all(&gpu->changed);
}

/**
 * pnv_npu2_gate_freeze() - take the links of a GPU down after an error
 * @gpu: the GPU
 * @pe_number: PE of its bridges, which hardware has frozen
 *
 * Nothing is done to a GPU that is known to be frozen.
 *
 * Context: may sleep.
 */
void pnv_npu2_gate_freeze(struct pnv_npu2_gpu *gpu, unsigned int pe_number)
{
	down_write(&gpu->gate);
	if (!gpu->frozen) {
		pr_err("NPU: %pOF: hardware has frozen PE#%x; links fenced\n",
		       gpu->dn, pe_number);
		gpu->frozen = true;
		pnv_npu2_gate_close(gpu, "PE frozen");
		pnv_npu2_gate_fence_links(gpu);
	}
	up_write(&gpu->gate);
}

/**
 * pnv_npu2_gpu_set_revoke() - announce a user who maps the RAM of a GPU
 * @gpu: the GPU
 * @revoke: removes every mapping. Called under the write side of the gate, so
 *	it takes no lock that is held around pnv_npu2_gpu_enter()
 * @data: argument of @revoke
 *
 * Context: may sleep.
 * Return: 0; -EBUSY when there is another user; -EIO when the last reset of the
 * GPU did not happen, or when an earlier user has left the GPU with DMA over
 * NVLink frozen; or an errno when firmware does not tell.
 */
int pnv_npu2_gpu_set_revoke(struct pnv_npu2_gpu *gpu,
			    void (*revoke)(void *data), void *data)
{
	int ret, first = -ENOENT;

	down_write(&gpu->gate);
	if (gpu->revoke)
		ret = -EBUSY;
	else if (gpu->not_reset)
		ret = -EIO;
	else
		ret = pnv_npu2_gpu_is_frozen(gpu, &first);
	if (!ret) {
		pnv_npu2_gate_close(gpu, "new user");
		gpu->revoke = revoke;
		gpu->revoke_data = data;
	}
	up_write(&gpu->gate);

	/* It can be another GPU, whose event firmware has dropped */
	if (first >= 0)
		pnv_npu2_pe_error(gpu->npu, first);

	return ret;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_set_revoke);

/**
 * pnv_npu2_gpu_clear_revoke() - announce that a user has no mappings any more
 * @gpu: the GPU
 * @data: what pnv_npu2_gpu_set_revoke() was called with. Nothing is done when
 *	that call had failed
 *
 * Calls the registered @revoke once more before it is removed, if mappings may
 * exist.
 *
 * Context: may sleep.
 */
void pnv_npu2_gpu_clear_revoke(struct pnv_npu2_gpu *gpu, void *data)
{
	down_write(&gpu->gate);
	if (gpu->revoke && gpu->revoke_data == data) {
		pnv_npu2_gate_close(gpu, "user gone");
		gpu->revoke = NULL;
		gpu->revoke_data = NULL;
	}
	up_write(&gpu->gate);
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_clear_revoke);

/**
 * pnv_npu2_gpu_enter() - start to touch, or to map, the RAM of a GPU
 * @gpu: the GPU
 *
 * Context: may sleep. On success the read side of the gate is held until
 * pnv_npu2_gpu_exit(). The lock order is in npu2.h.
 * Return: 0; or, with nothing held, -EIO while the links are down, or -EAGAIN
 * while they change, see pnv_npu2_gpu_wait().
 */
int pnv_npu2_gpu_enter(struct pnv_npu2_gpu *gpu)
{
	int ret;

	down_read(&gpu->gate);
	if (READ_ONCE(gpu->links) == NPU2_LINKS_UP || pnv_npu2_try_links_up(gpu))
		return 0;

	ret = gpu->changes ? -EAGAIN : -EIO;
	up_read(&gpu->gate);

	return ret;
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
 * pnv_npu2_gpu_ready() - ask whether the links of a GPU are up
 * @data: the struct pnv_npu2_gpu
 *
 * For mm_iommu_newdev(), which asks before it lets another device access the RAM
 * by DMA. The links can go down at any time after, and nobody takes existing TCEs
 * away then: an access by DMA over a fenced link is an error response to the
 * other device.
 *
 * Context: may sleep.
 * Return: 0, -EIO while the links are down, or -EAGAIN while they change.
 */
int pnv_npu2_gpu_ready(void *data)
{
	struct pnv_npu2_gpu *gpu = data;
	int ret;

	/* The answer holds for this moment only, with the gate or without */
	if (READ_ONCE(gpu->links) == NPU2_LINKS_UP)
		return 0;

	ret = pnv_npu2_gpu_enter(gpu);
	if (!ret)
		pnv_npu2_gpu_exit(gpu);

	return ret;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_ready);

/**
 * pnv_npu2_gpu_wait() - wait until the links of a GPU do not change any more
 * @gpu: the GPU
 *
 * A reset takes as long as the GPU needs. A reset that user space has asserted
 * by way of EEH lasts until user space ends it.
 *
 * Context: may sleep, with no lock held that a reset needs.
 * Return: 0, or -ERESTARTSYS when the caller is being killed.
 */
int pnv_npu2_gpu_wait(struct pnv_npu2_gpu *gpu)
{
	return wait_event_killable(gpu->changed,
				   READ_ONCE(gpu->links) != NPU2_LINKS_CHANGING);
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_wait);

/**
 * pnv_npu2_gpu_begin_change() - announce that links of a GPU are going to change
 * @gpu: the GPU, of which one link at least is going to be reset
 *
 * No mapping of GPU RAM exists from when this returns until
 * pnv_npu2_gpu_end_change(). Nests.
 *
 * Context: may sleep.
 */
void pnv_npu2_gpu_begin_change(struct pnv_npu2_gpu *gpu)
{
	down_write(&gpu->gate);
	pnv_npu2_begin_change(gpu, "reset by driver");
	up_write(&gpu->gate);
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_begin_change);

/**
 * pnv_npu2_gpu_end_change() - end what pnv_npu2_gpu_begin_change() started
 * @gpu: the GPU
 *
 * Context: may sleep.
 */
void pnv_npu2_gpu_end_change(struct pnv_npu2_gpu *gpu)
{
	down_write(&gpu->gate);
	pnv_npu2_end_change(gpu, "reset by driver done");
	up_write(&gpu->gate);
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_end_change);

/**
 * pnv_npu2_pace() - wait until a user may have links fenced again
 * @pdev: the GPU or bridge that the user resets
 *
 * To be called before a fence that a user can cause as often as it likes, after
 * pnv_npu2_gpu_begin_change(): nobody can unfence a link in between then.
 *
 * Context: may sleep, for some tenths of a second.
 */
void pnv_npu2_pace(struct pci_dev *pdev)
{
	struct pnv_npu2_bridge *bridge = pnv_npu2_bridge_of(pdev);
	struct pnv_npu2_gpu *gpu = pnv_npu2_gpu_of(pdev);
	unsigned int i;

	if (bridge) {
		pnv_npu2_link_pace(bridge);
		return;
	}
	for (i = 0; gpu && i < gpu->num_bridges; i++)
		pnv_npu2_link_pace(&gpu->bridge[i]);
}
EXPORT_SYMBOL_GPL(pnv_npu2_pace);

/**
 * pnv_npu2_gpu_fence() - take all links of a GPU down
 * @gpu: the GPU
 *
 * Context: may sleep.
 * Return: 0, or an errno if a link could not be fenced: -ENODEV for one whose
 * bridge was never found.
 */
int pnv_npu2_gpu_fence(struct pnv_npu2_gpu *gpu)
{
	int ret;

	down_write(&gpu->gate);
	pnv_npu2_gate_close(gpu, "fence");
	ret = pnv_npu2_gate_fence_links(gpu);
	up_write(&gpu->gate);

	return ret;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_fence);

/*
 * A procedure that does nothing leaves the state alone. After CHECK_CREDITS on
 * trained lanes the next access asks firmware, which runs the procedure for that.
 */
static int pnv_npu2_arm(struct pnv_npu2_bridge *bridge, u32 procedure)
{
	struct pnv_npu2_gpu *gpu = bridge->gpu;
	unsigned long flags;
	int ret;

	lockdep_assert_held_write(&gpu->gate);

	if (!pnv_npu2_procedure_is_idle(procedure))
		pnv_npu2_gate_close(gpu, "procedure");
	raw_spin_lock_irqsave(&gpu->npu->mailbox_lock, flags);
	ret = pnv_npu2_link_arm(bridge, procedure);
	raw_spin_unlock_irqrestore(&gpu->npu->mailbox_lock, flags);

	return ret;
}

/*
 * The user of a bridge cannot train the link of a GPU that nobody uses: when the
 * reset after the last user did not happen, the fence is all that stops the GPU.
 */
VISIBLE_IF_KUNIT
int pnv_npu2_try_arm(struct pnv_npu2_bridge *bridge, u32 procedure)
{
	struct pnv_npu2_gpu *gpu = bridge->gpu;
	int ret;

	down_write(&gpu->gate);
	if (gpu->changes)
		ret = -EAGAIN;
	else if (!gpu->revoke)
		ret = -EACCES;
	else
		ret = pnv_npu2_arm(bridge, procedure);
	up_write(&gpu->gate);

	return ret;
}

/**
 * pnv_npu2_bridge_arm() - arm a training procedure for the user of a bridge
 * @pdev: the bridge
 * @procedure: value for the PROCEDURE register
 *
 * Mappings of GPU RAM are removed before, unless the procedure does nothing to
 * the link. They come back when they are touched and the links are up.
 *
 * Context: may sleep; waits for a reset of the GPU that is under way.
 * Return: 0, -ENODEV when @pdev is no bridge, -EACCES when nobody has called
 * pnv_npu2_gpu_set_revoke() for the GPU, -ERESTARTSYS when the caller is being
 * killed, or an errno for the answer of firmware.
 */
int pnv_npu2_bridge_arm(struct pci_dev *pdev, u32 procedure)
{
	struct pnv_npu2_bridge *bridge = pnv_npu2_bridge_of(pdev);
	int ret;

	if (!bridge)
		return -ENODEV;

	do {
		ret = pnv_npu2_gpu_wait(bridge->gpu);
		if (!ret)
			ret = pnv_npu2_try_arm(bridge, procedure);
	} while (ret == -EAGAIN);

	return ret;
}
EXPORT_SYMBOL_GPL(pnv_npu2_bridge_arm);

/**
 * pnv_npu2_gate_begin_reset() - fence a GPU for a reset that the caller carries out
 * @gpu: the GPU
 *
 * A GPU that disappears while its links are up raises an HMI. Nests: the links
 * are in NPU2_LINKS_CHANGING until the last pnv_npu2_gate_end_reset().
 *
 * Context: may sleep.
 */
void pnv_npu2_gate_begin_reset(struct pnv_npu2_gpu *gpu)
{
	down_write(&gpu->gate);
	gpu->not_reset = false;
	pnv_npu2_begin_change(gpu, "reset");
	pnv_npu2_gate_fence_links(gpu);
	up_write(&gpu->gate);
}

/**
 * pnv_npu2_gate_not_reset() - a reset that was begun did not happen
 * @gpu: the GPU, which has no new user until a reset does
 *
 * Context: may sleep.
 */
void pnv_npu2_gate_not_reset(struct pnv_npu2_gpu *gpu)
{
	down_write(&gpu->gate);
	gpu->not_reset = true;
	up_write(&gpu->gate);
	pr_err_ratelimited("NPU: %pOF: firmware has not reset the GPU; it stays closed until that works\n",
			   gpu->dn);
}

/**
 * pnv_npu2_gpu_was_reset() - ask whether the last reset of a GPU has happened
 * @gpu: the GPU
 *
 * The PCI core takes a reset of a bus for done as soon as the devices answer,
 * which they do at once when firmware has refused it.
 *
 * Context: may sleep.
 * Return: false if firmware has refused the last reset.
 */
bool pnv_npu2_gpu_was_reset(struct pnv_npu2_gpu *gpu)
{
	bool ret;

	down_read(&gpu->gate);
	ret = !gpu->not_reset;
	up_read(&gpu->gate);

	return ret;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_was_reset);

/**
 * pnv_npu2_gate_end_reset() - end what pnv_npu2_gate_begin_reset() started
 * @gpu: the GPU
 *
 * Context: may sleep.
 */
void pnv_npu2_gate_end_reset(struct pnv_npu2_gpu *gpu)
{
	down_write(&gpu->gate);
	pnv_npu2_end_change(gpu, "reset done");
	up_write(&gpu->gate);
}

/**
 * pnv_npu2_gate_enter_reset() - fence a GPU for a reset that is asserted
 * @gpu: the GPU
 * @which: the reset, NPU2_RESET_OF_*
 *
 * For a reset that one call asserts and another one, which may never come or come
 * twice, ends. The links are in NPU2_LINKS_CHANGING until
 * pnv_npu2_gate_leave_reset(). To enter twice is the same as once.
 *
 * Context: may sleep.
 */
void pnv_npu2_gate_enter_reset(struct pnv_npu2_gpu *gpu, unsigned int which)
{
	down_write(&gpu->gate);
	if (!(gpu->in_reset & which)) {
		gpu->in_reset |= which;
		pnv_npu2_begin_change(gpu, "reset");
	}
	pnv_npu2_gate_fence_links(gpu);
	up_write(&gpu->gate);
}

/**
 * pnv_npu2_gate_leave_reset() - end what pnv_npu2_gate_enter_reset() started
 * @gpu: the GPU
 * @which: the reset, NPU2_RESET_OF_*
 *
 * Does nothing when the reset has not been entered: user space may ask EEH to
 * end a reset that it did not start. No procedure ran since the links were
 * fenced, so they still are.
 *
 * Context: may sleep.
 */
void pnv_npu2_gate_leave_reset(struct pnv_npu2_gpu *gpu, unsigned int which)
{
	down_write(&gpu->gate);
	if (gpu->in_reset & which) {
		gpu->in_reset &= ~which;
		pnv_npu2_end_change(gpu, "reset done");
	}
	up_write(&gpu->gate);
}
