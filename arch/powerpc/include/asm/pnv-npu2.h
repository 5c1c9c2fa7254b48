/* SPDX-License-Identifier: GPL-2.0 */
/*
 * NVLink2 GPUs behind a POWER9 NPU: what the powernv platform offers to the
 * driver that hands such a GPU to user space.
 *
 * The object here is a GPU together with its bridges, the emulated PCI
 * functions that firmware makes for the CPU end of each of its links.
 */
#ifndef _ASM_POWERPC_PNV_NPU2_H
#define _ASM_POWERPC_PNV_NPU2_H

#include <linux/ioport.h>
#include <linux/types.h>

struct pci_dev;
struct pnv_npu2_gpu;

/* Bytes of one block of ATSD registers: LAUNCH +0, AVA +8, STATUS +0x10 */
#define PNV_NPU2_ATSD_SIZE	0x10000

struct pnv_npu2_gpu *pnv_npu2_gpu_of(struct pci_dev *pdev);
bool pnv_npu2_is_bridge(struct pci_dev *pdev);

int pnv_npu2_gpu_ram(struct pnv_npu2_gpu *gpu, struct resource *aperture);
u64 pnv_npu2_gpu_tgt(struct pnv_npu2_gpu *gpu);
int pnv_npu2_bridge_speed(struct pci_dev *bridge, u32 *speed);
int pnv_npu2_bridge_atsd(struct pci_dev *bridge, phys_addr_t *addr);

int pnv_npu2_gpu_map_lpar(struct pnv_npu2_gpu *gpu, unsigned int lpid);
int pnv_npu2_gpu_unmap_lpar(struct pnv_npu2_gpu *gpu);

int pnv_npu2_gpu_set_revoke(struct pnv_npu2_gpu *gpu,
			    void (*revoke)(void *data), void *data);
void pnv_npu2_gpu_clear_revoke(struct pnv_npu2_gpu *gpu, void *data);
int pnv_npu2_gpu_enter(struct pnv_npu2_gpu *gpu);
void pnv_npu2_gpu_exit(struct pnv_npu2_gpu *gpu);
int pnv_npu2_gpu_wait(struct pnv_npu2_gpu *gpu);
int pnv_npu2_gpu_ready(void *data);
void pnv_npu2_gpu_begin_change(struct pnv_npu2_gpu *gpu);
void pnv_npu2_gpu_end_change(struct pnv_npu2_gpu *gpu);
bool pnv_npu2_gpu_was_reset(struct pnv_npu2_gpu *gpu);
int pnv_npu2_gpu_fence(struct pnv_npu2_gpu *gpu);
void pnv_npu2_pace(struct pci_dev *pdev);
int pnv_npu2_gpu_isolate(struct pnv_npu2_gpu *gpu);
int pnv_npu2_bridge_arm(struct pci_dev *pdev, u32 procedure);

#endif /* _ASM_POWERPC_PNV_NPU2_H */
