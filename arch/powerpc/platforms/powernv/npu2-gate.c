// SPDX-License-Identifier: GPL-2.0
/*
 * The gate of an NVLink2 GPU: who may map or touch its RAM, and when
 *
 * A CPU that loads from or stores to GPU RAM over a link that is fenced, or was
 * never trained, gets an error: a machine check on the emulated machine, a
 * machine check or an HMI on hardware. Code that takes a link down closes the
 * gate of the GPU first. That removes all mappings, and later accesses fail
 * until firmware says that the links are up again.
 */

#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/pci.h>

#include "npu2.h"

/* Firmware is asked once after each closing of the gate, not for each access */
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

/**
 * pnv_npu2_gate_close() - remove all mappings of the RAM of a GPU
 * @gpu: the GPU, with the write side of its gate held
 *
 * The gate opens again when the links are up and nothing else keeps it closed.
 */
void pnv_npu2_gate_close(struct pnv_npu2_gpu *gpu)
{
	lockdep_assert_held_write(&gpu->gate);

	gpu->links_up = false;
	if (gpu->revoke)
		gpu->revoke(gpu->revoke_data);
}

/**
 * pnv_npu2_gate_fence_links() - fence all links of a GPU
 * @gpu: the GPU, with its gate closed and the write side held
 *
 * Return: 0, or the last error; all links are tried in any case.
 */
int pnv_npu2_gate_fence_links(struct pnv_npu2_gpu *gpu)
{
	int ret = 0, err;
	unsigned int i;

	lockdep_assert_held_write(&gpu->gate);
	WARN_ON_ONCE(gpu->links_up);

	for (i = 0; i < gpu->num_bridges; i++) {
		err = pnv_npu2_link_fence(&gpu->bridge[i]);
		if (!err)
			continue;
		pr_err("NPU: %pOF: cannot fence the link, error %d\n",
		       gpu->bridge[i].dn, err);
		ret = err;
	}

	return ret;
}

/**
 * pnv_npu2_gpu_set_revoke() - announce a user who maps the RAM of a GPU
 * @gpu: the GPU
 * @revoke: removes every mapping. Called under the write side of the gate, so
 *	it takes no lock that is held around pnv_npu2_gpu_enter()
 * @data: argument of @revoke
 *
 * Context: may sleep.
 * Return: 0, or -EBUSY when there is another user.
 */
int pnv_npu2_gpu_set_revoke(struct pnv_npu2_gpu *gpu,
			    void (*revoke)(void *data), void *data)
{
	int ret = -EBUSY;

	down_write(&gpu->gate);
	if (!gpu->revoke) {
		gpu->revoke_data = data;
		WRITE_ONCE(gpu->revoke, revoke);
		ret = 0;
	}
	up_write(&gpu->gate);

	return ret;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_set_revoke);

/**
 * pnv_npu2_gpu_clear_revoke() - announce that a user has no mappings any more
 * @gpu: the GPU
 * @data: what pnv_npu2_gpu_set_revoke() was called with. Nothing is done when
 *	that call had failed
 *
 * Calls the function of that call a last time.
 *
 * Context: may sleep.
 */
void pnv_npu2_gpu_clear_revoke(struct pnv_npu2_gpu *gpu, void *data)
{
	down_write(&gpu->gate);
	if (gpu->revoke && gpu->revoke_data == data) {
		pnv_npu2_gate_close(gpu);
		WRITE_ONCE(gpu->revoke, NULL);
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
 * Return: 0, or -EIO with nothing held while the gate is closed.
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
 * pnv_npu2_gpu_block() - close the gate of a GPU and keep it closed
 * @gpu: the GPU, of which one link at least is going to be reset
 *
 * All mappings of GPU RAM are gone when this returns. Nests.
 *
 * Context: may sleep.
 */
void pnv_npu2_gpu_block(struct pnv_npu2_gpu *gpu)
{
	down_write(&gpu->gate);
	WRITE_ONCE(gpu->blocked, gpu->blocked + 1);
	pnv_npu2_gate_close(gpu);
	up_write(&gpu->gate);
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_block);

/**
 * pnv_npu2_gpu_unblock() - end what pnv_npu2_gpu_block() started
 * @gpu: the GPU. Its gate stays closed until the links are up
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
 * pnv_npu2_gpu_fence() - close the gate of a GPU and fence all of its links
 * @gpu: the GPU
 *
 * Context: may sleep.
 * Return: 0, or an errno when firmware did not fence each link.
 */
int pnv_npu2_gpu_fence(struct pnv_npu2_gpu *gpu)
{
	int ret;

	down_write(&gpu->gate);
	pnv_npu2_gate_close(gpu);
	ret = pnv_npu2_gate_fence_links(gpu);
	up_write(&gpu->gate);

	return ret;
}
EXPORT_SYMBOL_GPL(pnv_npu2_gpu_fence);

/**
 * pnv_npu2_gate_enter_reset() - fence a GPU for a reset that is asserted
 * @gpu: the GPU
 * @which: the reset, NPU2_RESET_OF_*
 *
 * A GPU that disappears while its links are up raises an HMI. The gate stays
 * closed until pnv_npu2_gate_leave_reset(); to enter twice is the same as once.
 *
 * Context: may sleep.
 */
void pnv_npu2_gate_enter_reset(struct pnv_npu2_gpu *gpu, unsigned int which)
{
	down_write(&gpu->gate);
	gpu->in_reset |= which;
	pnv_npu2_gate_close(gpu);
	pnv_npu2_gate_fence_links(gpu);
	up_write(&gpu->gate);
}

/**
 * pnv_npu2_gate_leave_reset() - end what pnv_npu2_gate_enter_reset() started
 * @gpu: the GPU
 * @which: the reset, NPU2_RESET_OF_*
 *
 * Does nothing when the reset has not been entered: user space may ask EEH to
 * end a reset that it did not start.
 *
 * Context: may sleep.
 */
void pnv_npu2_gate_leave_reset(struct pnv_npu2_gpu *gpu, unsigned int which)
{
	down_write(&gpu->gate);
	if (gpu->in_reset & which) {
		/* A reset of the NPU fences links without clearing DL_RESET */
		pnv_npu2_gate_close(gpu);
		pnv_npu2_gate_fence_links(gpu);
		gpu->in_reset &= ~which;
	}
	up_write(&gpu->gate);
}
