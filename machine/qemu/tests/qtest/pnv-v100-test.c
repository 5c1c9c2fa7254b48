/*
 * QTest testcase for the GPU with NVLink2 of a Witherspoon
 *
 * The GPU sits behind a switch on PHB 4 of the first chip.  Configuration space
 * and BAR 0 are reached as firmware does it: by the registers of the PHB.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "hw/pci/pci_regs.h"
#include "hw/pci-host/pnv_phb4_regs.h"
#include "pnv-npu2.h"

#define GPU             "/machine/gpu0"

/* PHB 4 is the second one of the third PCIe unit */
#define PHB_NEST        (0x04010c00 + 2 * 0x400 + 2 * 0x40)
#define PHB_REGS        (0x0d010800 + 2 * 0x1000000 + 0x100 + 0x40)
#define PHB_MMIO        0x000600c200000000ull
#define PHB_M32_START   0x80000000u
#define PHB_M32_SIZE    (2 * GiB)

#define SWITCH_PORT     0xa
#define GPU_BUS         3
#define GPU_BAR0        PHB_M32_START
#define GPU_BAR1        0xa0000000u
#define GPU_PM          0x60
#define GPU_MSI         0x68
#define GPU_PCIE        0x78

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

#define CE                  0xf00000
#define CE_ID               (CE + 0x00)
#define CE_CONTROL          (CE + 0x04)
#define   CE_START              0x00000001
#define   CE_PATH_NVLINK        0x00000010
#define   CE_TO_SYSTEM          0x00000100
#define CE_STATUS           (CE + 0x08)
#define   CE_BUSY               0x00000001
#define   CE_DONE               0x00000002
#define   CE_ERROR(code)        (CE_DONE | 0x00000004 | (code) << 8)
#define     CE_BAD_RANGE            1
#define     CE_DENY                 3
#define     CE_LINK_DOWN            5
#define     CE_NO_PE                8
#define     CE_BUS_ERROR            9
#define     CE_FROZEN               10
#define CE_SYSTEM_LO        (CE + 0x10)
#define CE_SYSTEM_HI        (CE + 0x14)
#define CE_GPU_LO           (CE + 0x18)
#define CE_LENGTH           (CE + 0x20)
#define CE_LINK_STATE       (CE + 0x2c)
#define CE_RAM_MIB          (CE + 0x30)

#define MEMORY              0x10000000
#define PATTERN             0x0123456789abcdefull
#define RESET_NS            10000000

static void phb_write(const Npu2 *npu, uint32_t reg, uint64_t val)
{
    npu2_scom_write(npu, PHB_REGS + PHB_SCOM_HV_IND_ADDR,
                    PHB_SCOM_HV_IND_ADDR_VALID | reg);
    npu2_scom_write(npu, PHB_REGS + PHB_SCOM_HV_IND_DATA, val);
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

static void config_write(const Npu2 *npu, unsigned bus, unsigned devfn,
                         unsigned reg, uint32_t val)
{
    config_select(npu, bus, devfn, reg);
    npu2_scom_write(npu, PHB_REGS + PHB_SCOM_HV_IND_DATA, bswap32(val));
}

static uint32_t config_read(const Npu2 *npu, unsigned bus, unsigned devfn,
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

static void bridge_open(const Npu2 *npu, unsigned bus, unsigned devfn)
{
    config_write(npu, bus, devfn, PCI_PRIMARY_BUS, bus | (bus + 1) << 8 |
                 GPU_BUS << 16);
    config_write(npu, bus, devfn, PCI_MEMORY_BASE, PHB_M32_START >> 16 |
                 0xfff00000);
    config_write(npu, bus, devfn, PCI_COMMAND, PCI_COMMAND_MEMORY |
                 PCI_COMMAND_MASTER);
}

static void gpu_open(const Npu2 *npu)
{
    config_write(npu, GPU_BUS, 0, PCI_BASE_ADDRESS_0, GPU_BAR0);
    config_write(npu, GPU_BUS, 0, PCI_BASE_ADDRESS_1, GPU_BAR1);
    config_write(npu, GPU_BUS, 0, PCI_BASE_ADDRESS_2, 0);
    config_write(npu, GPU_BUS, 0, PCI_COMMAND, PCI_COMMAND_MEMORY |
                 PCI_COMMAND_MASTER);
}

static Npu2 gpu_start(const char *options)
{
    Npu2 npu = { .chip = 0, .path = "/machine/chip[0]/npu" };

    npu.qts = qtest_initf("-M witherspoon,gpu-ram=256M -nodefaults %s",
                          options);
    phb_map_m32(&npu);
    bridge_open(&npu, 0, 0);
    bridge_open(&npu, 1, 0);
    bridge_open(&npu, 2, SWITCH_PORT << 3);
    gpu_open(&npu);
    return npu;
}

/* BARs are little endian, the CPU is not */
static uint32_t gpu_read(const Npu2 *npu, uint32_t reg)
{
    return bswap32(qtest_readl(npu->qts, PHB_MMIO + reg));
}

static void gpu_write(const Npu2 *npu, uint32_t reg, uint32_t val)
{
    qtest_writel(npu->qts, PHB_MMIO + reg, bswap32(val));
}

static void train_ram(const Npu2 *npu)
{
    unsigned link;

    npu2_ram_map(npu, 0, 3);
    for (link = 0; link < 3; link++) {
        npu2_link_train(npu, link);
    }
}

static void train(const Npu2 *npu)
{
    train_ram(npu);
    g_assert_cmphex(gpu_read(npu, CE_LINK_STATE), ==, 7);
}

static void test_config(void)
{
    Npu2 npu = gpu_start("");

    g_assert_cmphex(config_read(&npu, GPU_BUS, 0, PCI_VENDOR_ID), ==,
                    0x1db110de);
    g_assert_cmphex(config_read(&npu, GPU_BUS, 0, PCI_SUBSYSTEM_VENDOR_ID), ==,
                    0x121210de);
    g_assert_cmphex(config_read(&npu, GPU_BUS, 0, PCI_CLASS_REVISION), ==,
                    0x030200a1);
    g_assert_cmphex(gpu_read(&npu, BOOT_0), ==, BOOT_0_GV100);
    /* 32 shifted by 3: 256 MiB */
    g_assert_cmphex(gpu_read(&npu, LOCAL_MEMORY), ==, 32 << 4 | 3);
    g_assert_cmphex(gpu_read(&npu, CE_RAM_MIB), ==, 256);
    qtest_quit(npu.qts);
}

/* BAR 1 and the NVLinks lead to the same RAM */
static void test_ram(void)
{
    Npu2 npu = gpu_start("");
    uint64_t bar1 = PHB_MMIO + GPU_BAR1 - PHB_M32_START;

    train(&npu);
    qtest_writeq(npu.qts, NPU2_GPU_RAM(0) + 8, PATTERN);
    g_assert_cmphex(qtest_readq(npu.qts, bar1 + 8), ==, PATTERN);
    qtest_writeq(npu.qts, bar1 + 16, ~PATTERN);
    g_assert_cmphex(qtest_readq(npu.qts, NPU2_GPU_RAM(0) + 16), ==, ~PATTERN);
    qtest_quit(npu.qts);
}

/* In D3 nothing answers, and the PHB says so with ones */
static void test_power(void)
{
    Npu2 npu = gpu_start("");

    train(&npu);
    config_write(&npu, GPU_BUS, 0, GPU_PM + PCI_PM_CTRL, 3);
    g_assert_cmphex(gpu_read(&npu, BOOT_0), ==, 0xffffffff);
    g_assert_false(npu2_fact_bool(&npu, "link", 0, "up"));
    config_write(&npu, GPU_BUS, 0, GPU_PM + PCI_PM_CTRL, 0);
    g_assert_cmphex(gpu_read(&npu, BOOT_0), ==, BOOT_0_GV100);
    g_assert_cmphex(gpu_read(&npu, CE_LINK_STATE), ==, 0);
    qtest_quit(npu.qts);
}

/* The second link to the chip is the GPU's link 3 */
static void test_link_disable(void)
{
    Npu2 npu = gpu_start("");

    train(&npu);
    g_assert_cmphex(gpu_read(&npu, LINK_DISABLE), ==, PRI_ERROR);
    gpu_write(&npu, LINK_DISABLE, LINK_DISABLE_LINK3);
    g_assert_cmphex(gpu_read(&npu, CE_LINK_STATE), ==, 7);
    gpu_write(&npu, PMC_ENABLE, PMC_ENABLE_NVLINK);
    gpu_write(&npu, PRI_MASTER, 4);
    gpu_write(&npu, PRI_RING, 2);
    gpu_write(&npu, LINK_DISABLE, LINK_DISABLE_LINK3);
    g_assert_cmphex(gpu_read(&npu, LINK_DISABLE), ==, LINK_DISABLE_LINK3);
    g_assert_cmphex(gpu_read(&npu, CE_LINK_STATE), ==, 5);
    gpu_write(&npu, LINK_DISABLE, 0);
    g_assert_cmphex(gpu_read(&npu, LINK_DISABLE), ==, LINK_DISABLE_LINK3);
    qtest_quit(npu.qts);
}

static uint32_t copy_at(const Npu2 *npu, uint32_t control, uint64_t system,
                        uint32_t length)
{
    gpu_write(npu, CE_SYSTEM_LO, system);
    gpu_write(npu, CE_SYSTEM_HI, system >> 32);
    gpu_write(npu, CE_GPU_LO, 0);
    gpu_write(npu, CE_LENGTH, length);
    gpu_write(npu, CE_CONTROL, control | CE_START);
    while (gpu_read(npu, CE_STATUS) & CE_BUSY) {
        qtest_clock_step_next(npu->qts);
    }
    return gpu_read(npu, CE_STATUS);
}

static uint32_t copy(const Npu2 *npu, uint32_t control, uint32_t length)
{
    return copy_at(npu, control, MEMORY, length);
}

/* All links to the first PE, whose TVE is 0 after a reset: bypass */
static void set_first_pe(const Npu2 *npu)
{
    npu2_ring_write(npu, NPU2_RING_ADDR(NPU2_STACK_0, NPU2_BLOCK_CTL,
                                        NPU2_CTL_BDF2PE(0, 0)),
                    NPU2_BDF2PE_ENABLE | NPU2_BDF2PE_WILDCARD, 8);
}

static void test_copy(void)
{
    Npu2 npu = gpu_start("");
    const uint32_t to_system = CE_PATH_NVLINK | CE_TO_SYSTEM;

    g_assert_cmphex(copy(&npu, to_system, 4 * KiB), ==, CE_ERROR(CE_LINK_DOWN));
    train(&npu);
    g_assert_cmphex(copy(&npu, to_system, 4 * KiB), ==, CE_ERROR(CE_NO_PE));
    set_first_pe(&npu);
    qtest_writeq(npu.qts, NPU2_GPU_RAM(0) + 1 * MiB - 8, PATTERN);
    g_assert_cmphex(copy(&npu, to_system, 1 * MiB), ==, CE_DONE);
    g_assert_cmphex(qtest_readq(npu.qts, MEMORY + 1 * MiB - 8), ==, PATTERN);
    qtest_writeq(npu.qts, MEMORY, ~PATTERN);
    g_assert_cmphex(copy(&npu, CE_PATH_NVLINK, 4 * KiB), ==, CE_DONE);
    g_assert_cmphex(qtest_readq(npu.qts, NPU2_GPU_RAM(0)), ==, ~PATTERN);
    g_assert_cmphex(copy(&npu, to_system, 0), ==, CE_ERROR(CE_BAD_RANGE));
    qtest_quit(npu.qts);
}

/*
 * A link has 47 bits for an address: what chooses a window is lost, and the RAM
 * of the other chip's GPU is reached by its compressed address only.
 */
static void test_link_address(void)
{
    Npu2 npu = gpu_start("");
    Npu2 other = { .qts = npu.qts, .chip = 8, .path = "/machine/chip[1]/npu" };
    uint64_t compressed = NPU2_GPU_RAM(0) | 1ull << 43;
    const uint32_t to_system = CE_PATH_NVLINK | CE_TO_SYSTEM;

    train(&npu);
    train_ram(&other);
    set_first_pe(&npu);
    qtest_writeq(npu.qts, NPU2_GPU_RAM(0), PATTERN);
    g_assert_cmphex(copy_at(&npu, to_system, MEMORY | 1ull << 59, 4 * KiB), ==,
                    CE_DONE);
    g_assert_cmphex(qtest_readq(npu.qts, MEMORY), ==, PATTERN);
    g_assert_cmphex(copy_at(&npu, to_system, compressed, 4 * KiB), ==, CE_DONE);
    g_assert_cmphex(qtest_readq(npu.qts, NPU2_GPU_RAM(8)), ==, PATTERN);
    g_assert_cmphex(copy_at(&npu, to_system, NPU2_GPU_RAM(8), 4 * KiB), ==,
                    CE_ERROR(CE_BUS_ERROR));
    qtest_quit(npu.qts);
}

/* A refused DMA freezes the PE, and a store to a trigger page tells firmware */
static void test_freeze(void)
{
    Npu2 npu = gpu_start("-global pnv-npu2.freeze-on-refusal=on");
    const uint32_t misc = NPU2_RING_ADDR(NPU2_STACK_MISC, NPU2_BLOCK_MISC, 0);
    const uint32_t ats = NPU2_RING_ADDR(NPU2_STACK_MISC, NPU2_BLOCK_ATS, 0);
    uint64_t trigger = MEMORY + ((uint64_t)NPU2_IRQ_TCE <<
                                 NPU2_MISC_IRQ_PAGE_SHIFT);

    train(&npu);
    set_first_pe(&npu);
    npu2_ring_write(&npu, misc + NPU2_MISC_IRQ_BASE,
                    (uint64_t)MEMORY << NPU2_MISC_IRQ_BASE_SHIFT, 8);
    npu2_ring_write(&npu, ats + NPU2_ATS_IODA_TBL,
                    SETFIELD(NPU2_IODA_TBL_SELECT, 0ull, NPU2_IODA_TBL_TVT), 8);
    npu2_ring_write(&npu, ats + NPU2_ATS_IODA_DATA, NPU2_TVE_DENY, 8);
    qtest_writeq(npu.qts, trigger, PATTERN);
    g_assert_cmphex(copy(&npu, CE_PATH_NVLINK, 4 * KiB), ==, CE_ERROR(CE_DENY));
    g_assert_cmphex(qtest_readq(npu.qts, trigger), ==, 0);
    g_assert_cmphex(npu2_ring_read(&npu, misc + NPU2_MISC_PESTB(0), 8), ==,
                    NPU2_PESTB_STOPPED);
    npu2_ring_write(&npu, ats + NPU2_ATS_IODA_DATA, 0, 8);
    g_assert_cmphex(copy(&npu, CE_PATH_NVLINK, 4 * KiB), ==,
                    CE_ERROR(CE_FROZEN));
    npu2_ring_write(&npu, misc + NPU2_MISC_PESTB(0), 0, 8);
    g_assert_cmphex(copy(&npu, CE_PATH_NVLINK, 4 * KiB), ==, CE_DONE);
    qtest_quit(npu.qts);
}

/* What is written to a BAR after ones: its size */
static uint64_t bar_size(const Npu2 *npu, unsigned reg, bool wide)
{
    uint64_t val;

    config_write(npu, GPU_BUS, 0, reg, 0xffffffff);
    config_write(npu, GPU_BUS, 0, reg + 4, wide ? 0xffffffff : 0);
    val = config_read(npu, GPU_BUS, 0, reg) & ~0xfu;
    val |= wide ? (uint64_t)config_read(npu, GPU_BUS, 0, reg + 4) << 32
                : 0xffffffff00000000ull;
    return -val;
}

/* BARs as large as those of the real one; RAM where there is some */
static void test_bars(void)
{
    Npu2 npu = gpu_start("-global pnv-v100.bar1-size=512M");
    uint64_t bar1 = PHB_MMIO + GPU_BAR1 - PHB_M32_START;

    g_assert_cmphex(bar_size(&npu, PCI_BASE_ADDRESS_0, false), ==, 16 * MiB);
    g_assert_cmphex(bar_size(&npu, PCI_BASE_ADDRESS_1, true), ==, 512 * MiB);
    g_assert_cmphex(bar_size(&npu, PCI_BASE_ADDRESS_3, true), ==, 32 * MiB);
    gpu_open(&npu);
    train(&npu);
    qtest_writeq(npu.qts, NPU2_GPU_RAM(0) + 256 * MiB - 8, PATTERN);
    g_assert_cmphex(qtest_readq(npu.qts, bar1 + 256 * MiB - 8), ==, PATTERN);
    g_assert_cmphex(qtest_readq(npu.qts, bar1 + 256 * MiB), ==, UINT64_MAX);
    qtest_writeq(npu.qts, bar1 + 256 * MiB, PATTERN);
    g_assert_cmphex(qtest_readq(npu.qts, bar1 + 256 * MiB), ==, UINT64_MAX);
    qtest_quit(npu.qts);
}

/* The list of capabilities of the real one: power, one 64-bit MSI, PCIe */
static void test_capabilities(void)
{
    Npu2 npu = gpu_start("");
    unsigned pos = config_read(&npu, GPU_BUS, 0, PCI_CAPABILITY_LIST) & 0xff;

    g_assert_cmphex(pos, ==, GPU_PM);
    g_assert_cmphex(config_read(&npu, GPU_BUS, 0, GPU_PM) & 0xffff, ==,
                    GPU_MSI << 8 | PCI_CAP_ID_PM);
    g_assert_cmphex(config_read(&npu, GPU_BUS, 0, GPU_MSI), ==,
                    PCI_MSI_FLAGS_64BIT << 16 | GPU_PCIE << 8 | PCI_CAP_ID_MSI);
    g_assert_cmphex(config_read(&npu, GPU_BUS, 0, GPU_PCIE) & 0xffff, ==,
                    PCI_CAP_ID_EXP);
    qtest_quit(npu.qts);
}

/* A GPU that is slow to come back answers retries, and its RAM is clear */
static void test_reset(void)
{
    Npu2 npu = gpu_start("-global pnv-v100.reset-ms=10");
    const uint32_t fence = NPU2_RING_ADDR(NPU2_STACK_MISC, NPU2_BLOCK_MISC,
                                          NPU2_MISC_FENCE_STATE);
    QTestState *qts = npu.qts;

    qtest_clock_step(qts, 2 * RESET_NS);
    gpu_open(&npu);
    train(&npu);
    qtest_writeq(qts, NPU2_GPU_RAM(0), PATTERN);
    config_write(&npu, 2, SWITCH_PORT << 3, PCI_INTERRUPT_LINE,
                 PCI_BRIDGE_CTL_BUS_RESET << 16);
    config_write(&npu, 2, SWITCH_PORT << 3, PCI_INTERRUPT_LINE, 0);
    g_assert_cmphex(config_read(&npu, GPU_BUS, 0, PCI_VENDOR_ID), ==,
                    0xffff0001);
    g_assert_false(npu2_fact_bool(&npu, "link", 0, "up"));
    qtest_clock_step(qts, 2 * RESET_NS);
    g_assert_cmphex(config_read(&npu, GPU_BUS, 0, PCI_VENDOR_ID), ==,
                    0x1db110de);
    /* the links stalled when the GPU went away: acknowledge, train again */
    npu2_ring_write(&npu, fence, npu2_ring_read(&npu, fence, 8), 8);
    gpu_open(&npu);
    train(&npu);
    g_assert_cmphex(qtest_readq(qts, NPU2_GPU_RAM(0)), ==, 0);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("pnv-v100/config", test_config);
    qtest_add_func("pnv-v100/ram", test_ram);
    qtest_add_func("pnv-v100/power", test_power);
    qtest_add_func("pnv-v100/link-disable", test_link_disable);
    qtest_add_func("pnv-v100/copy", test_copy);
    qtest_add_func("pnv-v100/link-address", test_link_address);
    qtest_add_func("pnv-v100/freeze", test_freeze);
    qtest_add_func("pnv-v100/bars", test_bars);
    qtest_add_func("pnv-v100/capabilities", test_capabilities);
    qtest_add_func("pnv-v100/reset", test_reset);
    return g_test_run();
}
