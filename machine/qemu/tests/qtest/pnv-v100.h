/*
 * QTest helpers for the GPU with NVLink2 of a Witherspoon
 *
 * The GPU sits behind a switch on PHB 4 of the first chip.  Configuration space
 * and BAR 0 are reached as firmware does it: by the registers of the PHB.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PNV_V100_TEST_H
#define PNV_V100_TEST_H

#include "qemu/units.h"
#include "hw/pci/pci_regs.h"
#include "pnv-npu2.h"

#define GPU             "/machine/gpu0"
#define PEER            "/machine/gpu1"

/* Where the PHB shows the CPU its window of 32-bit addresses */
#define PHB_MMIO        0x000600c200000000ull
#define PHB_M32_START   0x80000000u
#define PHB_M32_SIZE    (2 * GiB)

#define SWITCH_PORT     0xa
#define GPU_BUS         3
#define GPU_BAR0        PHB_M32_START
#define GPU_BAR1        0xa0000000u
/* where the CPU finds it */
#define GPU_BAR1_MMIO   (PHB_MMIO + GPU_BAR1 - PHB_M32_START)
/* The other GPU of the chip */
#define PEER_PORT       0xb
#define PEER_BUS        4
#define PEER_BAR0       0xc0000000u
#define PEER_BAR1       0xe0000000u
#define PEER_BAR1_MMIO  (PHB_MMIO + PEER_BAR1 - PHB_M32_START)
#define GPU_PM          0x60
#define GPU_MSI         0x68
#define GPU_PCIE        0x78
/* The GPU's links 1, 3 and 5 lead to the CPU */
#define GPU_LINKS       0x2a

#define BOOT_0              0x000000
#define   BOOT_0_GV100          0x140000a1
#define PMC_ENABLE          0x000200
#define   PMC_ENABLE_NVLINK     0x02000000
#define LOCAL_MEMORY        0x100ce0
#define PRI_MASTER          0x12004c
#define PRI_RING            0x122204
#define LINK_DISABLE        0xa00148
#define   LINK_DISABLE_LINK3    0x00080000
#define PRI_ERROR           0xbadf1100

#define MEMORY              0x10000000
#define PATTERN             0x0123456789abcdefull

void phb_write(const Npu2 *npu, uint32_t reg, uint64_t val);
uint64_t phb_read(const Npu2 *npu, uint32_t reg);
/* One word of configuration space, of the root port if @bus is 0 */
uint32_t config_read(const Npu2 *npu, unsigned bus, unsigned devfn,
                     unsigned reg);
void config_write(const Npu2 *npu, unsigned bus, unsigned devfn, unsigned reg,
                  uint32_t val);

/* The machine with more @options, and its first GPU as gpu_open() leaves it */
Npu2 gpu_start(const char *options);
/* After a reset: the BARs, memory accesses and bus mastering */
void gpu_open(const Npu2 *npu);
/* Reset the bus that the GPU is on */
void gpu_bus_reset(const Npu2 *npu);
uint32_t gpu_read(const Npu2 *npu, uint32_t reg);
void gpu_write(const Npu2 *npu, uint32_t reg, uint32_t val);
/* The same for the other GPU of the chip, but for bus mastering */
void peer_open(const Npu2 *npu);
void peer_bus_reset(const Npu2 *npu);
uint32_t peer_read(const Npu2 *npu, uint32_t reg);
void peer_write(const Npu2 *npu, uint32_t reg, uint32_t val);
/* What lets the GPU's NVLink unit answer */
void gpu_start_nvlink(const Npu2 *npu);
/* Train the links of the chip's first GPU, and give its RAM an address */
void gpu_train(const Npu2 *npu);

/* All links to the first PE, whose TVE is 0 after a reset: bypass */
void npu2_set_first_pe(const Npu2 *npu);
void npu2_set_first_tve(const Npu2 *npu, uint64_t tve);

#endif /* PNV_V100_TEST_H */
