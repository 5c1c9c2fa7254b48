/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The copy engine of an emulated V100
 *
 * No real GPU has these registers. What a real one does without its driver is
 * done by lib/falcon.h; what is left for this engine is ATS, for which a real one
 * needs a context with page tables of its own.
 */
#ifndef TESTS_KERNEL_ENGINE_H
#define TESTS_KERNEL_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/spapr.h"

/* Why a case is skipped that uses it */
#define NO_ENGINE	"only an emulated V100 has the engine for this: ATS " \
			"of a real one needs page tables that its driver makes"

enum engine_path {
	ENGINE_PCIE,		/* through the PHB of the GPU */
	ENGINE_NVLINK,		/* through the NPU, untranslated addresses */
	ENGINE_ATS,		/* through the NPU, addresses of a process */
};

enum engine_error {
	ENGINE_OK = 0,
	ENGINE_BAD_RANGE,
	ENGINE_PCIE_REFUSED,
	ENGINE_TVE_DENY,
	ENGINE_TCE_FAULT,
	ENGINE_LINK_DOWN,
	ENGINE_ATS_REFUSED,
	ENGINE_NO_MASTER,
};

/**
 * struct engine - the engine of one GPU
 * @dev: the GPU
 * @regs: BAR 0
 */
struct engine {
	struct vfio_dev *dev;
	volatile uint32_t *regs;
};

/* Also switches memory space and bus mastering on; -ENODEV on a real GPU */
int engine_open(struct engine *engine, struct vfio_dev *dev);
void engine_close(struct engine *engine);
/* Returns an engine_error, or -ETIMEDOUT */
int engine_to_gpu(struct engine *engine, enum engine_path path, int link,
		  uint64_t system, uint64_t gpu, uint32_t length);
int engine_to_system(struct engine *engine, enum engine_path path, int link,
		     uint64_t system, uint64_t gpu, uint32_t length);
/* Bit n: link n has been trained and is not fenced */
uint32_t engine_links(struct engine *engine);
/* Whose addresses those of ENGINE_ATS are */
void engine_set_pasid(struct engine *engine, uint32_t pasid);
uint64_t engine_ram_size(struct engine *engine);
/* The register in which an isolated GPU has its links off; bits 16..21 */
uint32_t engine_links_off(struct engine *engine);

#endif /* TESTS_KERNEL_ENGINE_H */
