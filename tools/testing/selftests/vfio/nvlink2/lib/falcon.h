/* SPDX-License-Identifier: GPL-2.0 */
/* The ways to memory that a V100 has without the driver of its vendor */
#ifndef SELFTESTS_VFIO_NVLINK2_FALCON_H
#define SELFTESTS_VFIO_NVLINK2_FALCON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spapr.h"

/* Where an address of a transfer is */
enum falcon_memory {
	FALCON_RAM,		/* the RAM of the GPU, an offset */
	FALCON_SYSTEM,		/* the system, what the IOMMU translates */
};

/**
 * struct falcon - the DMA of a GPU, and its window to its RAM
 * @dev: the GPU
 * @regs: its BAR 0
 * @memory: where the falcon's next transfer is set up to go
 * @interrupt: the bit that the falcon has among the interrupts of the GPU, or 0
 */
struct falcon {
	struct vfio_dev *dev;
	volatile uint32_t *regs;
	enum falcon_memory memory;
	uint32_t interrupt;
};

/*
 * Map the registers, for what does no DMA. -ENODEV when the GPU is not one whose
 * registers are known.
 */
int falcon_map(struct falcon *falcon, struct vfio_dev *dev);
void falcon_unmap(struct falcon *falcon);
/* The same, and reset the falcon and turn bus mastering on */
int falcon_open(struct falcon *falcon, struct vfio_dev *dev);
/* Hold the falcon in reset, undo falcon_route() and turn bus mastering off */
void falcon_close(struct falcon *falcon);

/*
 * Move data by DMA. Addresses and @size are multiples of 4. -ETIMEDOUT when a
 * transfer did not end; the falcon was reset then, and can be used again. A
 * transfer that the IOMMU refuses may end: then what was read is all ones.
 */
int falcon_copy(struct falcon *falcon, enum falcon_memory from, uint64_t src,
		enum falcon_memory to, uint64_t dst, uint64_t size);
int falcon_read(struct falcon *falcon, enum falcon_memory from, uint64_t addr,
		void *data, size_t size);
int falcon_write(struct falcon *falcon, enum falcon_memory to, uint64_t addr,
		 const void *data, size_t size);

/* A word of the RAM, by the window in BAR 0: the GPU does no DMA */
uint32_t falcon_ram_load(struct falcon *falcon, uint64_t addr);
void falcon_ram_store(struct falcon *falcon, uint64_t addr, uint32_t val);

/* The links of the GPU that carry traffic, a mask */
uint32_t falcon_active_links(struct falcon *falcon);
/*
 * The links that are out of use until the next hot reset, a mask. 0 also when
 * the part of the GPU that knows it has not been started.
 */
uint32_t falcon_cut_links(struct falcon *falcon);
/* Try to take them back into use, which must not work */
void falcon_join_links(struct falcon *falcon);
/* Does the microcode run that trains the GPU's end of links? */
bool falcon_links_train(struct falcon *falcon);
/* The way to FALCON_SYSTEM: over NVLink by these links, or PCIe when it is 0 */
void falcon_route(struct falcon *falcon, uint32_t links);

/*
 * Let the interrupt of the falcon for software out of the GPU. -ENODEV when it is
 * not found among those of the GPU. falcon_close() takes it back, too.
 */
int falcon_interrupt_enable(struct falcon *falcon);
void falcon_interrupt_disable(struct falcon *falcon);
void falcon_interrupt_raise(struct falcon *falcon);
void falcon_interrupt_clear(struct falcon *falcon);

#endif /* SELFTESTS_VFIO_NVLINK2_FALCON_H */
