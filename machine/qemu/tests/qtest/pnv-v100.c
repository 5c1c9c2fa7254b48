/*
 * QTest helpers for the GPU with NVLink2 of a Witherspoon
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci-host/pnv_phb4_regs.h"
#include "pnv-v100.h"

/* PHB 4 is the second one of the third PCIe unit */
#define PHB_NEST        (0x04010c00 + 2 * 0x400 + 2 * 0x40)
#define PHB_REGS        (0x0d010800 + 2 * 0x1000000 + 0x100 + 0x40)

void phb_write(const Npu2 *npu, uint32_t reg, uint64_t val)
{
    npu2_scom_write(npu, PHB_REGS + PHB_SCOM_HV_IND_ADDR,
                    PHB_SCOM_HV_IND_ADDR_VALID | reg);
    npu2_scom_write(npu, PHB_REGS + PHB_SCOM_HV_IND_DATA, val);
}

uint64_t phb_read(const Npu2 *npu, uint32_t reg)
{
    npu2_scom_write(npu, PHB_REGS + PHB_SCOM_HV_IND_ADDR,
                    PHB_SCOM_HV_IND_ADDR_VALID | reg);
    return npu2_scom_read(npu, PHB_REGS + PHB_SCOM_HV_IND_DATA);
}

/* The root port's own registers are in the PHB, the others' are asked for */
static void config_select(const Npu2 *npu, unsigned bus, unsigned devfn,
                          unsigned reg)
{
    if (bus) {
        phb_write(npu, PHB_CONFIG_ADDRESS, PPC_BIT(0) | (uint64_t)bus << 52 |
                  (uint64_t)devfn << 44 | (uint64_t)reg << 32);
        reg = PHB_CONFIG_DATA;
    } else {
        reg += PHB_RC_CONFIG_BASE;
    }
    npu2_scom_write(npu, PHB_REGS + PHB_SCOM_HV_IND_ADDR,
                    PHB_SCOM_HV_IND_ADDR_VALID | PHB_SCOM_HV_IND_ADDR_4B |
                    reg);
}

void config_write(const Npu2 *npu, unsigned bus, unsigned devfn, unsigned reg,
                  uint32_t val)
{
    config_select(npu, bus, devfn, reg);
    npu2_scom_write(npu, PHB_REGS + PHB_SCOM_HV_IND_DATA, bswap32(val));
}

uint32_t config_read(const Npu2 *npu, unsigned bus, unsigned devfn,
                     unsigned reg)
{
    config_select(npu, bus, devfn, reg);
    return bswap32(npu2_scom_read(npu, PHB_REGS + PHB_SCOM_HV_IND_DATA));
}

static void phb_map_m32(const Npu2 *npu)
{
    uint64_t mask = -(uint64_t)PHB_M32_SIZE;

    npu2_scom_write(npu, PHB_NEST + PEC_NEST_STK_MMIO_BAR0, PHB_MMIO << 8);
    npu2_scom_write(npu, PHB_NEST + PEC_NEST_STK_MMIO_BAR0_MASK, mask << 8);
    npu2_scom_write(npu, PHB_NEST + PEC_NEST_STK_BAR_EN,
                    PEC_NEST_STK_BAR_EN_MMIO0);
    phb_write(npu, PHB_M32_START_ADDR, PHB_M32_START);
    phb_write(npu, PHB_IODA_ADDR, PHB_IODA_AD_AUTOINC |
              SETFIELD(PHB_IODA_AD_TSEL, 0ull, IODA3_TBL_MBT));
    phb_write(npu, PHB_IODA_DATA0, IODA3_MBT0_ENABLE | IODA3_MBT0_TYPE_M32 |
              SETFIELD(IODA3_MBT0_BASE_ADDR, 0ull, PHB_MMIO >> 12));
    phb_write(npu, PHB_IODA_DATA0, IODA3_MBT1_ENABLE |
              SETFIELD(IODA3_MBT1_MASK, 0ull, mask >> 12));
}

/* Its secondary bus, and the addresses @base to @last, in units of 1 MiB */
static void bridge_open(const Npu2 *npu, unsigned bus, unsigned devfn,
                        unsigned secondary, uint32_t base, uint32_t last)
{
    unsigned subordinate = bus < 2 ? PEER_BUS : secondary;

    config_write(npu, bus, devfn, PCI_PRIMARY_BUS, bus | secondary << 8 |
                 subordinate << 16);
    config_write(npu, bus, devfn, PCI_MEMORY_BASE, base >> 16 | last);
    config_write(npu, bus, devfn, PCI_COMMAND, PCI_COMMAND_MEMORY |
                 PCI_COMMAND_MASTER);
}

void gpu_open(const Npu2 *npu)
{
    config_write(npu, GPU_BUS, 0, PCI_BASE_ADDRESS_0, GPU_BAR0);
    config_write(npu, GPU_BUS, 0, PCI_BASE_ADDRESS_1, GPU_BAR1);
    config_write(npu, GPU_BUS, 0, PCI_BASE_ADDRESS_2, 0);
    config_write(npu, GPU_BUS, 0, PCI_COMMAND, PCI_COMMAND_MEMORY |
                 PCI_COMMAND_MASTER);
}

Npu2 gpu_start(const char *options)
{
    Npu2 npu = { .chip = 0, .path = "/machine/chip[0]/npu" };

    npu.qts = qtest_initf("-M witherspoon,gpu-ram=256M -nodefaults %s",
                          options);
    phb_map_m32(&npu);
    bridge_open(&npu, 0, 0, 1, PHB_M32_START, 0xfff00000);
    bridge_open(&npu, 1, 0, 2, PHB_M32_START, 0xfff00000);
    bridge_open(&npu, 2, SWITCH_PORT << 3, GPU_BUS, PHB_M32_START,
                PEER_BAR0 - 1 * MiB);
    gpu_open(&npu);
    return npu;
}

void peer_open(const Npu2 *npu)
{
    bridge_open(npu, 2, PEER_PORT << 3, PEER_BUS, PEER_BAR0, 0xfff00000);
    config_write(npu, PEER_BUS, 0, PCI_BASE_ADDRESS_0, PEER_BAR0);
    config_write(npu, PEER_BUS, 0, PCI_BASE_ADDRESS_1, PEER_BAR1);
    config_write(npu, PEER_BUS, 0, PCI_BASE_ADDRESS_2, 0);
    config_write(npu, PEER_BUS, 0, PCI_COMMAND, PCI_COMMAND_MEMORY);
}

uint32_t peer_read(const Npu2 *npu, uint32_t reg)
{
    return gpu_read(npu, PEER_BAR0 - PHB_M32_START + reg);
}

void peer_write(const Npu2 *npu, uint32_t reg, uint32_t val)
{
    gpu_write(npu, PEER_BAR0 - PHB_M32_START + reg, val);
}

/* BARs are little endian, the CPU is not */
uint32_t gpu_read(const Npu2 *npu, uint32_t reg)
{
    return bswap32(qtest_readl(npu->qts, PHB_MMIO + reg));
}

void gpu_write(const Npu2 *npu, uint32_t reg, uint32_t val)
{
    qtest_writel(npu->qts, PHB_MMIO + reg, bswap32(val));
}

void gpu_train(const Npu2 *npu)
{
    unsigned link;

    npu2_ram_map(npu, 0, 3);
    for (link = 0; link < 3; link++) {
        npu2_link_train(npu, link);
    }
}

static void port_reset(const Npu2 *npu, unsigned port)
{
    config_write(npu, 2, port << 3, PCI_INTERRUPT_LINE,
                 PCI_BRIDGE_CTL_BUS_RESET << 16);
    config_write(npu, 2, port << 3, PCI_INTERRUPT_LINE, 0);
}

void gpu_bus_reset(const Npu2 *npu)
{
    port_reset(npu, SWITCH_PORT);
}

void peer_bus_reset(const Npu2 *npu)
{
    port_reset(npu, PEER_PORT);
}

void gpu_start_nvlink(const Npu2 *npu)
{
    gpu_write(npu, PMC_ENABLE, PMC_ENABLE_NVLINK);
    gpu_write(npu, PRI_MASTER, 4);
    gpu_write(npu, PRI_RING, 2);
}

void npu2_set_first_pe(const Npu2 *npu)
{
    npu2_ring_write(npu, NPU2_RING_ADDR(NPU2_STACK_0, NPU2_BLOCK_CTL,
                                        NPU2_CTL_BDF2PE(0, 0)),
                    NPU2_BDF2PE_ENABLE | NPU2_BDF2PE_WILDCARD, 8);
}

void npu2_set_first_tve(const Npu2 *npu, uint64_t tve)
{
    const uint32_t ats = NPU2_RING_ADDR(NPU2_STACK_MISC, NPU2_BLOCK_ATS, 0);

    npu2_ring_write(npu, ats + NPU2_ATS_IODA_TBL,
                    SETFIELD(NPU2_IODA_TBL_SELECT, 0ull, NPU2_IODA_TBL_TVT), 8);
    npu2_ring_write(npu, ats + NPU2_ATS_IODA_DATA, tve, 8);
}
