/*
 * QTest testcase for the GPU with NVLink2 of a Witherspoon: configuration
 * space, BARs, resets, power, the copy engine of the model, and links to other
 * GPUs
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
#define   CE_PATH_PEER          0x00000030
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
#define CE_LINK             (CE + 0x28)
#define CE_LINK_STATE       (CE + 0x2c)
#define CE_RAM_MIB          (CE + 0x30)
#define CE_PEER_LINKS       (CE + 0x3c)

/* Links 0, 2 and 4 of each lead to the other GPU */
#define PEER_LINKS          0x15
#define CUT(links)          ((links) << 16)

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

/*
 * Links to other GPUs
 */
static Npu2 peer_start(const char *options)
{
    Npu2 npu = gpu_start(options);

    peer_open(&npu);
    qtest_writeq(npu.qts, PEER_BAR1_MMIO, PATTERN);
    return npu;
}

static uint64_t peer_fact(const Npu2 *npu, const char *gpu, const char *fact)
{
    QDict *facts = qom_facts(npu->qts, gpu, "peers");
    uint64_t val = qdict_get_int(facts, fact);

    qobject_unref(facts);
    return val;
}

/* Out of the other GPU's RAM, over one of the GPU's own links */
static uint32_t peer_copy(const Npu2 *npu, unsigned link, uint64_t addr)
{
    qtest_writeq(npu->qts, GPU_BAR1_MMIO, 0);
    gpu_write(npu, CE_LINK, link);
    return copy_at(npu, CE_PATH_PEER, addr, 8);
}

static bool peer_reached(const Npu2 *npu, unsigned link)
{
    uint32_t status = peer_copy(npu, link, 0);
    uint64_t found = qtest_readq(npu->qts, GPU_BAR1_MMIO);

    g_assert_cmphex(status, ==, found ? CE_DONE : CE_ERROR(CE_LINK_DOWN));
    return found == PATTERN;
}

static void peer_start_nvlink(const Npu2 *npu)
{
    peer_write(npu, PMC_ENABLE, PMC_ENABLE_NVLINK);
    peer_write(npu, PRI_MASTER, 4);
    peer_write(npu, PRI_RING, 2);
}

/* There and back, nothing outside, and only by links that lead there */
static void test_peer(void)
{
    Npu2 npu = peer_start("");
    unsigned link;

    for (link = 0; link < 6; link++) {
        g_assert_cmphex(peer_copy(&npu, link, 0), ==, PEER_LINKS & 1 << link ?
                        CE_DONE : CE_ERROR(CE_BAD_RANGE));
    }
    g_assert_cmphex(peer_copy(&npu, 6, 0), ==, CE_ERROR(CE_BAD_RANGE));
    g_assert_true(peer_reached(&npu, 0));
    g_assert_cmphex(peer_copy(&npu, 0, 256 * MiB), ==, CE_ERROR(CE_BUS_ERROR));
    qtest_writeq(npu.qts, GPU_BAR1_MMIO, ~PATTERN);
    g_assert_cmphex(copy_at(&npu, CE_PATH_PEER | CE_TO_SYSTEM, 64 * KiB, 8), ==,
                    CE_DONE);
    g_assert_cmphex(qtest_readq(npu.qts, PEER_BAR1_MMIO + 64 * KiB), ==,
                    ~PATTERN);
    /* three of the loop, one that was looked at, one back */
    g_assert_cmpuint(peer_fact(&npu, GPU, "bytes"), ==, 5 * 8);
    g_assert_cmpuint(peer_fact(&npu, PEER, "served"), ==, 5 * 8);
    g_assert_cmpuint(peer_fact(&npu, PEER, "bytes"), ==, 0);
    qtest_quit(npu.qts);
}

/* One end is enough, and what is cut stays so until that end is reset */
static void test_peer_cut(void)
{
    Npu2 npu = peer_start("");

    gpu_write(&npu, LINK_DISABLE, CUT(PEER_LINKS));
    peer_write(&npu, LINK_DISABLE, CUT(PEER_LINKS));
    g_assert_cmphex(gpu_read(&npu, CE_PEER_LINKS), ==, PEER_LINKS);
    peer_start_nvlink(&npu);
    peer_write(&npu, LINK_DISABLE, CUT(1 << 2));
    g_assert_cmphex(gpu_read(&npu, CE_PEER_LINKS), ==, PEER_LINKS & ~(1 << 2));
    g_assert_true(peer_reached(&npu, 0));
    g_assert_false(peer_reached(&npu, 2));
    gpu_start_nvlink(&npu);
    gpu_write(&npu, LINK_DISABLE, CUT(PEER_LINKS));
    g_assert_false(peer_reached(&npu, 0));
    /* a unit that is switched off lets go of nothing */
    gpu_write(&npu, LINK_DISABLE, 0);
    gpu_write(&npu, PMC_ENABLE, 0);
    g_assert_false(peer_reached(&npu, 0));
    g_assert_cmpuint(peer_fact(&npu, GPU, "refused"), ==, 3);
    g_assert_cmpuint(peer_fact(&npu, PEER, "served"), ==, 8);
    qtest_quit(npu.qts);
}

/* A reset of one end takes back what that end has cut, and no more */
static void test_peer_reset(void)
{
    Npu2 npu = peer_start("");

    gpu_start_nvlink(&npu);
    peer_start_nvlink(&npu);
    gpu_write(&npu, LINK_DISABLE, CUT(PEER_LINKS));
    peer_write(&npu, LINK_DISABLE, CUT(PEER_LINKS));
    peer_bus_reset(&npu);
    peer_open(&npu);
    qtest_writeq(npu.qts, PEER_BAR1_MMIO, PATTERN);
    peer_start_nvlink(&npu);
    g_assert_cmphex(peer_read(&npu, LINK_DISABLE), ==, 0);
    g_assert_false(peer_reached(&npu, 0));
    gpu_bus_reset(&npu);
    gpu_open(&npu);
    g_assert_true(peer_reached(&npu, 0));
    qtest_quit(npu.qts);
}

/* Only what answers can be reached */
static void test_peer_down(void)
{
    Npu2 npu = peer_start("-global pnv-v100.reset-ms=10");

    qtest_clock_step(npu.qts, 2 * RESET_NS);
    gpu_open(&npu);
    peer_open(&npu);
    qtest_writeq(npu.qts, PEER_BAR1_MMIO, PATTERN);
    config_write(&npu, PEER_BUS, 0, GPU_PM + PCI_PM_CTRL, 3);
    g_assert_false(peer_reached(&npu, 0));
    config_write(&npu, PEER_BUS, 0, GPU_PM + PCI_PM_CTRL, 0);
    g_assert_true(peer_reached(&npu, 0));
    peer_bus_reset(&npu);
    g_assert_false(peer_reached(&npu, 0));
    qtest_clock_step(npu.qts, 2 * RESET_NS);
    g_assert_cmphex(gpu_read(&npu, CE_PEER_LINKS), ==, PEER_LINKS);
    g_assert_cmphex(peer_copy(&npu, 0, 0), ==, CE_DONE);
    qtest_quit(npu.qts);
}

static void test_peer_untrained(void)
{
    Npu2 npu = peer_start("-global pnv-v100.link-training=off");

    g_assert_cmphex(gpu_read(&npu, CE_PEER_LINKS), ==, 0);
    g_assert_false(peer_reached(&npu, 0));
    qtest_quit(npu.qts);
}

static void qom_set_bool(const Npu2 *npu, const char *gpu, const char *property,
                         bool val)
{
    QDict *answer = qtest_qmp(npu->qts, "{ 'execute': 'qom-set', 'arguments': "
                              "{ 'path': %s, 'property': %s, 'value': %i } }",
                              gpu, property, val);

    g_assert(qdict_haskey(answer, "return"));
    qobject_unref(answer);
}

/* GPUs that do not do what they are told: one shows it, the other does not */
static void test_peer_faults(void)
{
    Npu2 npu = peer_start("");

    gpu_start_nvlink(&npu);
    qom_set_bool(&npu, GPU, "x-fail-link-disable", true);
    gpu_write(&npu, LINK_DISABLE, CUT(PEER_LINKS));
    g_assert_cmphex(gpu_read(&npu, LINK_DISABLE), ==, 0);
    g_assert_true(peer_reached(&npu, 0));
    qom_set_bool(&npu, GPU, "x-fail-link-disable", false);
    qom_set_bool(&npu, GPU, "x-ignore-link-disable", true);
    gpu_write(&npu, LINK_DISABLE, CUT(PEER_LINKS));
    g_assert_cmphex(gpu_read(&npu, LINK_DISABLE), ==, CUT(PEER_LINKS));
    g_assert_true(peer_reached(&npu, 0));
    qom_set_bool(&npu, GPU, "x-ignore-link-disable", false);
    g_assert_false(peer_reached(&npu, 0));
    qtest_quit(npu.qts);
}

/* Which links are one: link 2 of the first GPU is link 1 of the third */
static void test_peer_wiring(void)
{
    Npu2 npu = gpu_start("-machine board=6gpu");

    g_assert_cmphex(peer_fact(&npu, GPU, "links"), ==, 0x1d);
    g_assert_cmphex(peer_fact(&npu, PEER, "links"), ==, 0x1d);
    g_assert_cmphex(peer_fact(&npu, "/machine/gpu2", "links"), ==, 0x17);
    gpu_start_nvlink(&npu);
    gpu_write(&npu, LINK_DISABLE, CUT(1 << 2));
    g_assert_cmphex(peer_fact(&npu, GPU, "up"), ==, 0x19);
    g_assert_cmphex(peer_fact(&npu, PEER, "up"), ==, 0x1d);
    g_assert_cmphex(peer_fact(&npu, "/machine/gpu2", "up"), ==, 0x15);
    gpu_write(&npu, LINK_DISABLE, CUT(1 << 4));
    g_assert_cmphex(peer_fact(&npu, PEER, "up"), ==, 0x0d);
    qtest_quit(npu.qts);
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
    qtest_add_func("pnv-v100/peer", test_peer);
    qtest_add_func("pnv-v100/peer-cut", test_peer_cut);
    qtest_add_func("pnv-v100/peer-reset", test_peer_reset);
    qtest_add_func("pnv-v100/peer-down", test_peer_down);
    qtest_add_func("pnv-v100/peer-untrained", test_peer_untrained);
    qtest_add_func("pnv-v100/peer-faults", test_peer_faults);
    qtest_add_func("pnv-v100/peer-wiring", test_peer_wiring);
    return g_test_run();
}
