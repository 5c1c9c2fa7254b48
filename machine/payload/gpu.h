/* SPDX-License-Identifier: GPL-2.0 */
/* The GPU model's registers; docs/specs/pnv-v100.rst in the machine's QEMU describes them. */
#ifndef PAYLOAD_GPU_H
#define PAYLOAD_GPU_H

#include "opal.h"

#define GPU_BOOT_0		0x000000
#define GPU_LOCAL_MEMORY	0x100ce0
#define GPU_ENABLE		0x000200
#define   GPU_ENABLE_NVLINK	0x02000000
#define GPU_PRI_MASTER		0x12004c
#define GPU_PRI_RING		0x122204
#define GPU_LINK_DISABLE	0xa00148
#define   GPU_LINK_DISABLE_SHIFT 16
#define   GPU_LINKS		0x3f

#define ENGINE_ID		0xf00000
#define ENGINE_CONTROL		0xf00004
#define   ENGINE_START		0x1
#define   ENGINE_TO_SYSTEM	0x100
#define ENGINE_STATUS		0xf00008
#define   ENGINE_BUSY		0x1
#define ENGINE_SYSTEM_LO	0xf00010
#define ENGINE_SYSTEM_HI	0xf00014
#define ENGINE_GPU_LO		0xf00018
#define ENGINE_GPU_HI		0xf0001c
#define ENGINE_LENGTH		0xf00020
#define ENGINE_COPIED		0xf00024
#define ENGINE_LINK		0xf00028
#define ENGINE_LINK_STATE	0xf0002c
#define ENGINE_RAM_MIB		0xf00030
#define ENGINE_PASID		0xf00034
#define ENGINE_PURGES		0xf00038

enum path {
	PCIE,
	NVLINK,
	ATS,
	PEER,
};

/* STATUS of a copy that has ended */
enum copy_status {
	COPY_DONE = 0x002,
	COPY_BAD_RANGE = 0x106,
	COPY_PCIE_REFUSED = 0x206,
	COPY_DENIED = 0x306,
	COPY_TCE_FAULT = 0x406,
	COPY_LINK_DOWN = 0x506,
	COPY_ATS_REFUSED = 0x606,
	COPY_NO_BUS_MASTER = 0x706,
	COPY_NO_PE = 0x806,
	COPY_FROZEN = 0xa06,
};

u32 gpu_read(u32 reg);
void gpu_write(u32 reg, u32 value);

/* Gives the GPU and the bridges above it addresses, and turns them on */
void gpu_enable(void);
void gpu_bus_master(int on);
void gpu_power(unsigned int state);
void gpu_reset(void);
void gpu_start_nvlink(void);

/* Copy into GPU RAM, or out of it; the status that the engine ends with */
u32 copy_in(enum path path, u64 from, u64 gpu, u32 length);
u32 copy_out(enum path path, u64 to, u64 gpu, u32 length);

#endif
