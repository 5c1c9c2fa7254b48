/*
 * QTest testcase for the GPU with NVLink2 of a Witherspoon: configuration
 * space, BARs, resets, power, and the copy engine of the model
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "pnv-v100.h"

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

#define RESET_NS            10000000

static void train(const Npu2 *npu)
{
    gpu_train(npu);
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

    train(&npu);
    qtest_writeq(npu.qts, NPU2_GPU_RAM(0) + 8, PATTERN);
    g_assert_cmphex(qtest_readq(npu.qts, GPU_BAR1_MMIO + 8), ==, PATTERN);
    qtest_writeq(npu.qts, GPU_BAR1_MMIO + 16, ~PATTERN);
    g_assert_cmphex(qtest_readq(npu.qts, NPU2_GPU_RAM(0) + 16), ==, ~PATTERN);
    qtest_quit(npu.qts);
}

/* In D3 nothing answers, and the PHB says so with ones */
static void test_power(void)
{
    Npu2 npu = gpu_start("");

    train(&npu);
    qtest_writeq(npu.qts, GPU_BAR1_MMIO, PATTERN);
    config_write(&npu, GPU_BUS, 0, GPU_PM + PCI_PM_CTRL, 3);
    g_assert_cmphex(gpu_read(&npu, BOOT_0), ==, 0xffffffff);
    g_assert_cmphex(qtest_readq(npu.qts, GPU_BAR1_MMIO), ==, UINT64_MAX);
    g_assert_false(npu2_fact_bool(&npu, "link", 0, "up"));
    config_write(&npu, GPU_BUS, 0, GPU_PM + PCI_PM_CTRL, 0);
    g_assert_cmphex(gpu_read(&npu, BOOT_0), ==, BOOT_0_GV100);
    g_assert_cmphex(qtest_readq(npu.qts, GPU_BAR1_MMIO), ==, PATTERN);
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
    gpu_start_nvlink(&npu);
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

static void test_copy(void)
{
    Npu2 npu = gpu_start("");
    const uint32_t to_system = CE_PATH_NVLINK | CE_TO_SYSTEM;

    g_assert_cmphex(copy(&npu, to_system, 4 * KiB), ==, CE_ERROR(CE_LINK_DOWN));
    train(&npu);
    g_assert_cmphex(copy(&npu, to_system, 4 * KiB), ==, CE_ERROR(CE_NO_PE));
    npu2_set_first_pe(&npu);
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
    gpu_train(&other);
    npu2_set_first_pe(&npu);
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
    uint64_t trigger = MEMORY + ((uint64_t)NPU2_IRQ_TCE <<
                                 NPU2_MISC_IRQ_PAGE_SHIFT);

    train(&npu);
    npu2_set_first_pe(&npu);
    npu2_ring_write(&npu, misc + NPU2_MISC_IRQ_BASE,
                    (uint64_t)MEMORY << NPU2_MISC_IRQ_BASE_SHIFT, 8);
    npu2_set_first_tve(&npu, NPU2_TVE_DENY);
    qtest_writeq(npu.qts, trigger, PATTERN);
    g_assert_cmphex(copy(&npu, CE_PATH_NVLINK, 4 * KiB), ==, CE_ERROR(CE_DENY));
    g_assert_cmphex(qtest_readq(npu.qts, trigger), ==, 0);
    g_assert_cmphex(npu2_ring_read(&npu, misc + NPU2_MISC_PESTB(0), 8), ==,
                    NPU2_PESTB_STOPPED);
    npu2_set_first_tve(&npu, 0);
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

    g_assert_cmphex(bar_size(&npu, PCI_BASE_ADDRESS_0, false), ==, 16 * MiB);
    g_assert_cmphex(bar_size(&npu, PCI_BASE_ADDRESS_1, true), ==, 512 * MiB);
    g_assert_cmphex(bar_size(&npu, PCI_BASE_ADDRESS_3, true), ==, 32 * MiB);
    gpu_open(&npu);
    train(&npu);
    qtest_writeq(npu.qts, NPU2_GPU_RAM(0) + 256 * MiB - 8, PATTERN);
    g_assert_cmphex(qtest_readq(npu.qts, GPU_BAR1_MMIO + 256 * MiB - 8), ==,
                    PATTERN);
    g_assert_cmphex(qtest_readq(npu.qts, GPU_BAR1_MMIO + 256 * MiB), ==,
                    UINT64_MAX);
    qtest_writeq(npu.qts, GPU_BAR1_MMIO + 256 * MiB, PATTERN);
    g_assert_cmphex(qtest_readq(npu.qts, GPU_BAR1_MMIO + 256 * MiB), ==,
                    UINT64_MAX);
    qtest_quit(npu.qts);
}

/* Those of the real one: power, one 64-bit MSI, PCIe; no reset by function */
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
    g_assert_false(config_read(&npu, GPU_BUS, 0, GPU_PCIE + PCI_EXP_DEVCAP) &
                   PCI_EXP_DEVCAP_FLR);
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
    gpu_bus_reset(&npu);
    g_assert_cmphex(config_read(&npu, GPU_BUS, 0, PCI_VENDOR_ID), ==,
                    0xffff0001);
    g_assert_false(npu2_fact_bool(&npu, "link", 0, "up"));
    /* nothing answers yet, nor are registers written */
    gpu_open(&npu);
    g_assert_cmphex(gpu_read(&npu, BOOT_0), ==, UINT32_MAX);
    g_assert_cmphex(qtest_readq(qts, GPU_BAR1_MMIO), ==, UINT64_MAX);
    qtest_clock_step(qts, 2 * RESET_NS);
    g_assert_cmphex(qtest_readq(qts, GPU_BAR1_MMIO), ==, UINT64_MAX);
    g_assert_cmphex(config_read(&npu, GPU_BUS, 0, PCI_VENDOR_ID), ==,
                    0x1db110de);
    /* the links stalled when the GPU went away: acknowledge, train again */
    npu2_ring_write(&npu, fence, npu2_ring_read(&npu, fence, 8), 8);
    gpu_open(&npu);
    train(&npu);
    g_assert_cmphex(qtest_readq(qts, NPU2_GPU_RAM(0)), ==, 0);
    g_assert_cmphex(qtest_readq(qts, GPU_BAR1_MMIO), ==, 0);
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
