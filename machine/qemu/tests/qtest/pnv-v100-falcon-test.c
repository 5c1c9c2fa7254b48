/*
 * QTest testcase for what the GPU of a Witherspoon has in common with a real
 * GV100: the DMA of the GSP falcon, the ways to memory, the window in BAR 0,
 * the tables of units, the state of links, interrupts
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci-host/pnv_phb4_regs.h"
#include "pnv-v100.h"

#define INTR                0x000100
#define   INTR_SOFTWARE         0x80000000
#define   INTR_GSP              0x00008000
#define   INTR_NONSTALLING      4
#define INTR_EN             0x000140
#define INTR_EN_SET         0x000160
#define INTR_EN_CLEAR       0x000180
#define INTR_SW             0x0001a0
#define BAR0_WINDOW         0x001700
#define DEVICE_INFO         0x022700
#define MSI_REARM           0x088704
#define NISO_CFG1           0x100c14
#define   NISO_CFG1_NVLINK      0x00020000
#define SCRUB_STATUS        0x100b20
#define XV_UPPER_ADDR       0x100f04
#define IRQSSET             0x110000
#define IRQSCLR             0x110004
#define IRQSTAT             0x110008
#define IRQMSET             0x110010
#define IRQMCLR             0x110014
#define IRQMASK             0x110018
#define IRQDEST             0x11001c
#define   IRQ_SWGEN0            0x00000040
#define MAILBOX0            0x110040
#define CPUCTL              0x110100
#define HWCFG               0x110108
#define DMACTL              0x11010c
#define   DMACTL_REQUIRE_CTX    0x00000001
#define   DMACTL_SCRUBBING      0x00000006
#define DMATRFBASE          0x110110
#define DMATRFMOFFS         0x110114
#define DMATRFCMD           0x110118
#define   DMATRFCMD_FULL        0x00000001
#define   DMATRFCMD_IDLE        0x00000002
#define   DMATRFCMD_IMEM        0x00000010
#define   DMATRFCMD_WRITE       0x00000020
#define   DMATRFCMD_SIZE(n)     ((n) << 8)
#define   DMATRFCMD_256         DMATRFCMD_SIZE(6)
#define   DMATRFCMD_CTXDMA(n)   ((n) << 12)
#define DMATRFFBOFFS        0x11011c
#define DMATRFBASE1         0x110128
#define HWCFG1              0x11012c
#define DMEMC               0x1101c0
#define   DMEMC_AINCW           0x01000000
#define   DMEMC_AINCR           0x02000000
#define DMEMD               0x1101c4
#define SCTL                0x110240
#define ENGINE              0x1103c0
#define TRANSCFG(i)         (0x110600 + 4 * (i))
#define   TRANSCFG_SYSMEM       0x1
#define   TRANSCFG_PHYSICAL     0x4
#define FBIF_CTL            0x110624
#define   FBIF_CTL_NO_CTX       0x80
#define FBIF_CTL2           0x110684
#define CORE_SELECT         0x111668
#define HSHUB_CONFIG0       0x1fbc00
#define PRAMIN              0x700000
#define IOCTRL              0xa00000
#define MINION_STATUS       0xa06830
#define COPY_ENGINE         0xf00000

#define PRI_IN_RESET        0xbadf1201

#define SCRUB_NS            20000
#define TRANSFER_NS         1000
#define LONG_NS             1000000

/* The PE that the PHB has for the GPU, and where the PHB finds that */
#define PHB_PE              5
#define RTT                 0x08000000
/* Without translation */
#define PHB_TVE_BYPASS      SETFIELD(IODA3_TVT_TCE_TABLE_SIZE, 0ull, 1)
/* What addresses of the second window have */
#define WINDOW1             (1ull << 59)

/* What the PHB makes of addresses of the first and of the second window */
static void phb_set_tves(const Npu2 *npu, uint64_t tve0, uint64_t tve1)
{
    phb_write(npu, PHB_IODA_ADDR, PHB_IODA_AD_AUTOINC |
              SETFIELD(PHB_IODA_AD_TSEL, 0ull, IODA3_TBL_TVT) |
              SETFIELD(PHB_IODA_AD_TADR, 0ull, 2 * PHB_PE));
    phb_write(npu, PHB_IODA_DATA0, tve0);
    phb_write(npu, PHB_IODA_DATA0, tve1);
}

/* Both windows lead to memory, without translation */
static Npu2 dma_start(const char *options)
{
    Npu2 npu = gpu_start(options);

    qtest_writew(npu.qts, RTT + 2 * (GPU_BUS << 8), PHB_PE);
    phb_write(&npu, PHB_RTT_BAR, PHB_RTT_BAR_ENABLE | RTT);
    phb_set_tves(&npu, PHB_TVE_BYPASS, PHB_TVE_BYPASS);
    return npu;
}

static uint64_t gpu_fact(const Npu2 *npu, const char *property,
                         const char *fact)
{
    QDict *facts = qom_facts(npu->qts, GPU, property);
    uint64_t val = qdict_get_int(facts, fact);

    qobject_unref(facts);
    return val;
}

/*
 * The falcon
 */
static void falcon_reset(const Npu2 *npu)
{
    gpu_write(npu, ENGINE, 1);
    gpu_write(npu, ENGINE, 0);
}

/* As Linux's nv_falcon does it on a GPU of this kind, in its order */
static void falcon_init(const Npu2 *npu)
{
    falcon_reset(npu);
    gpu_write(npu, CORE_SELECT, gpu_read(npu, CORE_SELECT) & ~0x30);
    qtest_clock_step(npu->qts, SCRUB_NS);
    g_assert_cmphex(gpu_read(npu, DMACTL) & DMACTL_SCRUBBING, ==, 0);
    gpu_write(npu, DMEMC, 0);
    gpu_write(npu, TRANSCFG(0), (gpu_read(npu, TRANSCFG(0)) & ~3) |
              TRANSCFG_PHYSICAL | TRANSCFG_SYSMEM);
    gpu_write(npu, FBIF_CTL2, 1);
    gpu_write(npu, FBIF_CTL, gpu_read(npu, FBIF_CTL) | 0x90);
    gpu_write(npu, DMACTL, gpu_read(npu, DMACTL) & ~DMACTL_REQUIRE_CTX);
}

static void transfer_start(const Npu2 *npu, uint64_t addr, uint32_t cmd)
{
    gpu_write(npu, XV_UPPER_ADDR, (addr >> 47) & 0x1ffff);
    gpu_write(npu, DMATRFBASE1, (addr >> 40) & 0x7f);
    gpu_write(npu, DMATRFBASE, addr >> 8);
    gpu_write(npu, DMATRFFBOFFS, addr & 0xff);
    gpu_write(npu, DMATRFMOFFS, 0);
    gpu_write(npu, DMATRFCMD, cmd);
}

/* Whether it comes to its end */
static bool transfer(const Npu2 *npu, uint64_t addr, uint32_t cmd)
{
    transfer_start(npu, addr, cmd);
    g_assert_cmphex(gpu_read(npu, DMATRFCMD) &
                    (DMATRFCMD_IDLE | DMATRFCMD_FULL), ==, DMATRFCMD_FULL);
    qtest_clock_step(npu->qts, LONG_NS);
    return gpu_read(npu, DMATRFCMD) & DMATRFCMD_IDLE;
}

static uint32_t dmem_read(const Npu2 *npu, uint32_t offset)
{
    gpu_write(npu, DMEMC, offset);
    return gpu_read(npu, DMEMD);
}

static void dmem_write(const Npu2 *npu, uint32_t offset, uint32_t val)
{
    gpu_write(npu, DMEMC, offset);
    gpu_write(npu, DMEMD, val);
}

/* Words of memory, in the GPU's byte order */
static uint32_t memory_read(const Npu2 *npu, uint64_t addr)
{
    return bswap32(qtest_readl(npu->qts, addr));
}

static void memory_write(const Npu2 *npu, uint64_t addr, uint32_t val)
{
    qtest_writel(npu->qts, addr, bswap32(val));
}

static void test_reset(void)
{
    static const uint32_t reg[] = { MAILBOX0, HWCFG, DMACTL, DMATRFCMD, DMEMD,
                                    TRANSCFG(0), FBIF_CTL };
    Npu2 npu = gpu_start("");
    int i;

    qtest_clock_step(npu.qts, SCRUB_NS);
    g_assert_cmphex(gpu_read(&npu, ENGINE), ==, 0);
    dmem_write(&npu, 0x100, 0x11223344);
    gpu_write(&npu, MAILBOX0, 0x55667788);
    g_assert_cmphex(dmem_read(&npu, 0x100), ==, 0x11223344);

    gpu_write(&npu, ENGINE, 1);
    g_assert_cmphex(gpu_read(&npu, ENGINE), ==, 1);
    for (i = 0; i < ARRAY_SIZE(reg); i++) {
        g_assert_cmphex(gpu_read(&npu, reg[i]), ==, PRI_IN_RESET);
    }
    gpu_write(&npu, MAILBOX0, 0x55667788);

    gpu_write(&npu, ENGINE, 0);
    g_assert_cmphex(gpu_read(&npu, DMACTL), ==,
                    DMACTL_REQUIRE_CTX | DMACTL_SCRUBBING);
    qtest_clock_step(npu.qts, SCRUB_NS / 2);
    g_assert_cmphex(gpu_read(&npu, DMACTL), ==,
                    DMACTL_REQUIRE_CTX | DMACTL_SCRUBBING);
    qtest_clock_step(npu.qts, SCRUB_NS / 2);
    g_assert_cmphex(gpu_read(&npu, DMACTL), ==, DMACTL_REQUIRE_CTX);
    g_assert_cmphex(gpu_read(&npu, MAILBOX0), ==, 0);
    g_assert_cmphex(dmem_read(&npu, 0x100), ==, 0);
    qtest_quit(npu.qts);
}

/* A reset of the GPU is one of the falcon, too */
static void test_bus_reset(void)
{
    Npu2 npu = dma_start("");

    falcon_init(&npu);
    memory_write(&npu, MEMORY, 0x01234567);
    gpu_write(&npu, BAR0_WINDOW, 1);
    gpu_write(&npu, INTR_EN_SET, 1);
    gpu_write(&npu, INTR_SW, 1);
    transfer_start(&npu, MEMORY, DMATRFCMD_256 | DMATRFCMD_WRITE);
    gpu_write(&npu, XV_UPPER_ADDR, 1);
    gpu_bus_reset(&npu);
    gpu_open(&npu);
    g_assert_cmphex(gpu_read(&npu, DMACTL), ==,
                    DMACTL_REQUIRE_CTX | DMACTL_SCRUBBING);
    g_assert_cmphex(gpu_read(&npu, TRANSCFG(0)), ==, 0);
    g_assert_cmphex(gpu_read(&npu, XV_UPPER_ADDR), ==, 0);
    g_assert_cmphex(gpu_read(&npu, BAR0_WINDOW), ==, 0);
    g_assert_cmphex(gpu_read(&npu, INTR_EN), ==, 0);
    g_assert_cmphex(gpu_read(&npu, INTR), ==, 0);
    /* of a transfer that was under way nothing is left */
    g_assert_cmphex(gpu_read(&npu, DMATRFCMD), ==, DMATRFCMD_IDLE);
    qtest_clock_step(npu.qts, LONG_NS);
    g_assert_cmphex(memory_read(&npu, MEMORY), ==, 0x01234567);
    g_assert_cmpint(gpu_fact(&npu, "memory", "bytes-pcie"), ==, 0);
    qtest_quit(npu.qts);
}

/* Registers that always read the same, and those that keep some bits */
static void test_registers(void)
{
    static const uint32_t fixed[][2] = {
        { HWCFG, 0x100 | 0x100 << 9 }, { HWCFG1, 0x1100 }, { CPUCTL, 0x10 },
        { SCTL, 0 }, { CORE_SELECT, 0 }, { SCRUB_STATUS, 1 },
    };
    static const uint32_t storage[][2] = {
        { MAILBOX0, 0xffffffff }, { MAILBOX0 + 4, 0xffffffff },
        { DMATRFBASE, 0xffffffff }, { DMATRFBASE1, 0x1ff },
        { DMATRFMOFFS, 0xffff }, { DMATRFFBOFFS, 0xffffffff },
        { DMEMC, 0x0300fffc }, { TRANSCFG(0), 7 }, { TRANSCFG(7), 7 },
        { FBIF_CTL, 0x90 }, { FBIF_CTL2, 1 }, { DMACTL, 1 },
        { BAR0_WINDOW, 0x03ffffff }, { XV_UPPER_ADDR, 0x1ffff },
        { NISO_CFG1, NISO_CFG1_NVLINK }, { HSHUB_CONFIG0, 0xffffffff },
        { 0x100800, 0x02ff0000 }, { 0x100c80, 0x03000000 },
        { 0x100e00, 0xffffffff }, { 0x1fac80, 0x03000000 },
        { 0x1fbc20, 0x02ff0000 },
    };
    Npu2 npu = gpu_start("");
    int i;

    qtest_clock_step(npu.qts, SCRUB_NS);
    for (i = 0; i < ARRAY_SIZE(fixed); i++) {
        gpu_write(&npu, fixed[i][0], ~fixed[i][1]);
        g_assert_cmphex(gpu_read(&npu, fixed[i][0]), ==, fixed[i][1]);
    }
    for (i = 0; i < ARRAY_SIZE(storage); i++) {
        gpu_write(&npu, storage[i][0], 0xffffffff);
        g_assert_cmphex(gpu_read(&npu, storage[i][0]), ==, storage[i][1]);
        gpu_write(&npu, storage[i][0], 0);
        g_assert_cmphex(gpu_read(&npu, storage[i][0]), ==, 0);
    }
    qtest_quit(npu.qts);
}

static void test_dmem(void)
{
    Npu2 npu = gpu_start("");

    qtest_clock_step(npu.qts, SCRUB_NS);
    /* the offset moves where asked, over the end */
    gpu_write(&npu, DMEMC, 0xfffc | DMEMC_AINCW);
    gpu_write(&npu, DMEMD, 0x11111111);
    gpu_write(&npu, DMEMD, 0x22222222);
    g_assert_cmphex(gpu_read(&npu, DMEMC), ==, 0x4 | DMEMC_AINCW);
    g_assert_cmphex(gpu_read(&npu, DMEMD), ==, 0);
    g_assert_cmphex(gpu_read(&npu, DMEMC), ==, 0x4 | DMEMC_AINCW);
    gpu_write(&npu, DMEMC, 0xfffc | DMEMC_AINCR);
    g_assert_cmphex(gpu_read(&npu, DMEMD), ==, 0x11111111);
    g_assert_cmphex(gpu_read(&npu, DMEMD), ==, 0x22222222);
    g_assert_cmphex(gpu_read(&npu, DMEMC), ==, 0x4 | DMEMC_AINCR);
    /* there is none while it is cleared, and the offset stays */
    falcon_reset(&npu);
    gpu_write(&npu, DMEMC, 0xfffc | DMEMC_AINCR | DMEMC_AINCW);
    g_assert_cmphex(gpu_read(&npu, DMEMD), ==, 0);
    gpu_write(&npu, DMEMD, 0x33333333);
    g_assert_cmphex(gpu_read(&npu, DMEMC), ==,
                    0xfffc | DMEMC_AINCR | DMEMC_AINCW);
    qtest_clock_step(npu.qts, SCRUB_NS);
    g_assert_cmphex(gpu_read(&npu, DMEMD), ==, 0);
    qtest_quit(npu.qts);
}

/* From memory through DMEM to memory, in all sizes, by either window */
static void test_pcie(void)
{
    const uint64_t to = MEMORY + 1 * MiB;
    Npu2 npu = dma_start("");
    unsigned n, i;

    falcon_init(&npu);
    for (n = 0; n <= 6; n++) {
        uint32_t size = 4 << n;

        for (i = 0; i < 512; i += 4) {
            memory_write(&npu, MEMORY + i, (n + 1) << 24 | i);
            memory_write(&npu, to + i, UINT32_MAX);
        }
        g_assert(transfer(&npu, MEMORY + size % 256, DMATRFCMD_SIZE(n)));
        g_assert(transfer(&npu, WINDOW1 | to,
                          DMATRFCMD_SIZE(n) | DMATRFCMD_WRITE));
        for (i = 0; i < size; i += 4) {
            g_assert_cmphex(memory_read(&npu, to + i), ==,
                            (n + 1) << 24 | (i + size % 256));
        }
        g_assert_cmphex(memory_read(&npu, to + size), ==, UINT32_MAX);
    }
    g_assert_cmpint(gpu_fact(&npu, "memory", "bytes-pcie"), ==, 2 * 508);
    g_assert_cmpint(gpu_fact(&npu, "memory", "errors"), ==, 0);
    phb_set_tves(&npu, 0, PHB_TVE_BYPASS);
    g_assert(transfer(&npu, WINDOW1 | MEMORY, DMATRFCMD_256));
    g_assert_cmpint(gpu_fact(&npu, "memory", "errors"), ==, 0);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256));
    g_assert_cmpint(gpu_fact(&npu, "memory", "errors"), ==, 1);
    g_assert_cmpint(gpu_fact(&npu, "falcon", "transfers"), ==, 2 * 7 + 2);
    g_assert_cmpint(gpu_fact(&npu, "falcon", "refused"), ==, 0);
    qtest_quit(npu.qts);
}

/* A transfer takes time, with what was set when it began */
static void test_busy(void)
{
    Npu2 npu = dma_start("");

    falcon_init(&npu);
    memory_write(&npu, MEMORY, 0x01234567);
    memory_write(&npu, MEMORY + 256, 0x89abcdef);
    transfer_start(&npu, MEMORY, DMATRFCMD_256);
    gpu_write(&npu, DMATRFBASE, (MEMORY >> 8) + 1);
    gpu_write(&npu, TRANSCFG(0), 0);
    gpu_write(&npu, DMATRFCMD, DMATRFCMD_256);
    qtest_clock_step(npu.qts, TRANSFER_NS - 1);
    g_assert_cmphex(gpu_read(&npu, DMATRFCMD), ==,
                    DMATRFCMD_256 | DMATRFCMD_FULL);
    g_assert_cmphex(dmem_read(&npu, 0), ==, 0);
    qtest_clock_step(npu.qts, 1);
    g_assert_cmphex(gpu_read(&npu, DMATRFCMD), ==,
                    DMATRFCMD_256 | DMATRFCMD_IDLE);
    g_assert_cmphex(dmem_read(&npu, 0), ==, 0x01234567);
    g_assert_cmpint(gpu_fact(&npu, "falcon", "transfers"), ==, 1);

    /* in D3 it gets no answer, and a reset ends it */
    falcon_init(&npu);
    transfer_start(&npu, MEMORY, DMATRFCMD_256);
    config_write(&npu, GPU_BUS, 0, GPU_PM + PCI_PM_CTRL, 3);
    qtest_clock_step(npu.qts, LONG_NS);
    config_write(&npu, GPU_BUS, 0, GPU_PM + PCI_PM_CTRL, 0);
    g_assert_cmphex(gpu_read(&npu, DMATRFCMD), ==,
                    DMATRFCMD_256 | DMATRFCMD_FULL);
    falcon_init(&npu);
    g_assert_cmphex(gpu_read(&npu, DMATRFCMD), ==, DMATRFCMD_IDLE);
    g_assert_cmphex(dmem_read(&npu, 0), ==, 0);
    qtest_quit(npu.qts);
}

/* Any of the settings: one that forbids the transfer, and its opposite */
static void test_settings(void)
{
    static const uint32_t setting[][3] = {
        { DMACTL, DMACTL_REQUIRE_CTX, 0 },
        { TRANSCFG(2), TRANSCFG_SYSMEM, TRANSCFG_SYSMEM | TRANSCFG_PHYSICAL },
        { FBIF_CTL, 0x10, FBIF_CTL_NO_CTX },
    };
    const uint32_t cmd = DMATRFCMD_256 | DMATRFCMD_CTXDMA(2);
    Npu2 npu = dma_start("");
    int i, j;

    memory_write(&npu, MEMORY, 0x01234567);
    for (i = 0; i < ARRAY_SIZE(setting); i++) {
        for (j = 1; j <= 2; j++) {
            falcon_init(&npu);
            gpu_write(&npu, TRANSCFG(2), TRANSCFG_SYSMEM | TRANSCFG_PHYSICAL);
            gpu_write(&npu, setting[i][0], setting[i][j]);
            g_assert_cmpint(transfer(&npu, MEMORY, cmd), ==, j == 2);
            g_assert_cmphex(dmem_read(&npu, 0), ==, j == 2 ? 0x01234567 : 0);
        }
    }
    g_assert_cmpint(gpu_fact(&npu, "falcon", "refused"), ==,
                    ARRAY_SIZE(setting));
    qtest_quit(npu.qts);
}

static void test_commands(void)
{
    static const struct {
        uint64_t addr;
        uint32_t moffs;
        uint32_t cmd;
        bool allowed;
    } command[] = {
        { MEMORY, 0, DMATRFCMD_256, true },
        { MEMORY, 0, DMATRFCMD_SIZE(7) },
        { MEMORY, 0, DMATRFCMD_256 | DMATRFCMD_IMEM },
        { MEMORY + 0x80, 0, DMATRFCMD_256 },
        { MEMORY + 0x80, 0, DMATRFCMD_SIZE(5), true },
        { MEMORY, 0x80, DMATRFCMD_256 },
        { MEMORY, 0xff80, DMATRFCMD_SIZE(5), true },
        { MEMORY + 2, 0, DMATRFCMD_SIZE(0) },
    };
    Npu2 npu = dma_start("");
    int i;

    memory_write(&npu, MEMORY, 0x01234567);
    memory_write(&npu, MEMORY + 0x80, 0x01234567);
    for (i = 0; i < ARRAY_SIZE(command); i++) {
        falcon_init(&npu);
        gpu_write(&npu, DMATRFBASE, command[i].addr >> 8);
        gpu_write(&npu, DMATRFFBOFFS, command[i].addr & 0xff);
        gpu_write(&npu, DMATRFMOFFS, command[i].moffs);
        gpu_write(&npu, DMATRFCMD, command[i].cmd);
        qtest_clock_step(npu.qts, LONG_NS);
        g_assert_cmphex(gpu_read(&npu, DMATRFCMD), ==, command[i].cmd |
                        (command[i].allowed ? DMATRFCMD_IDLE : DMATRFCMD_FULL));
        g_assert_cmphex(dmem_read(&npu, command[i].moffs), ==,
                        command[i].allowed ? 0x01234567 : 0);
    }
    /* while memories are cleared */
    falcon_reset(&npu);
    gpu_write(&npu, DMACTL, 0);
    gpu_write(&npu, TRANSCFG(0), TRANSCFG_SYSMEM | TRANSCFG_PHYSICAL);
    gpu_write(&npu, FBIF_CTL, FBIF_CTL_NO_CTX);
    g_assert_false(transfer(&npu, MEMORY, DMATRFCMD_256));
    qtest_quit(npu.qts);
}

/* What the PHB refuses, and what cannot leave without bus mastering */
static void test_pcie_errors(void)
{
    Npu2 npu = dma_start("");

    falcon_init(&npu);
    memory_write(&npu, MEMORY, 0x01234567);
    phb_set_tves(&npu, 0, 0);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256 | DMATRFCMD_WRITE));
    g_assert_cmphex(memory_read(&npu, MEMORY), ==, 0x01234567);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256));
    g_assert_cmphex(dmem_read(&npu, 0), ==, UINT32_MAX);
    g_assert_cmphex(dmem_read(&npu, 252), ==, UINT32_MAX);

    phb_set_tves(&npu, PHB_TVE_BYPASS, PHB_TVE_BYPASS);
    config_write(&npu, GPU_BUS, 0, PCI_COMMAND, PCI_COMMAND_MEMORY);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256 | DMATRFCMD_WRITE));
    g_assert_cmphex(memory_read(&npu, MEMORY), ==, 0x01234567);
    g_assert_cmpint(gpu_fact(&npu, "memory", "errors"), ==, 3);
    g_assert_cmpint(gpu_fact(&npu, "memory", "bytes-pcie"), ==, 0);

    gpu_open(&npu);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256));
    g_assert_cmphex(dmem_read(&npu, 0), ==, 0x01234567);
    qtest_quit(npu.qts);
}

/*
 * A PE that the PHB has frozen: no DMA by PESTB, no answer of a BAR by PESTA
 */
static void phb_select_pe(const Npu2 *npu, uint64_t table, unsigned idx)
{
    phb_write(npu, PHB_IODA_ADDR, SETFIELD(PHB_IODA_AD_TSEL, 0ull, table) |
              SETFIELD(PHB_IODA_AD_TADR, 0ull, idx));
}

static void phb_set_pest(const Npu2 *npu, bool mmio, bool dma)
{
    phb_select_pe(npu, IODA3_TBL_PESTA, PHB_PE);
    phb_write(npu, PHB_IODA_DATA0, mmio ? PPC_BIT(0) : 0);
    phb_select_pe(npu, IODA3_TBL_PESTB, PHB_PE);
    phb_write(npu, PHB_IODA_DATA0, dma ? PPC_BIT(0) : 0);
}

static void check_pest(const Npu2 *npu, bool mmio, bool dma)
{
    phb_select_pe(npu, IODA3_TBL_PESTA, PHB_PE);
    g_assert_cmphex(phb_read(npu, PHB_IODA_DATA0), ==, mmio ? PPC_BIT(0) : 0);
    phb_select_pe(npu, IODA3_TBL_PESTB, PHB_PE);
    g_assert_cmphex(phb_read(npu, PHB_IODA_DATA0), ==, dma ? PPC_BIT(0) : 0);
    phb_select_pe(npu, IODA3_TBL_PEEV, PHB_PE / 64);
    g_assert_cmphex(phb_read(npu, PHB_IODA_DATA0), ==,
                    mmio || dma ? PPC_BIT(PHB_PE % 64) : 0);
}

static void phb_set_pe(const Npu2 *npu, uint16_t pe)
{
    qtest_writew(npu->qts, RTT + 2 * (GPU_BUS << 8), pe);
    phb_write(npu, PHB_RTC_INVALIDATE, PHB_RTC_INVALIDATE_ALL);
}

/* Configuration space is there in any case */
static void check_bars(const Npu2 *npu, bool frozen)
{
    g_assert_cmphex(gpu_read(npu, BOOT_0), ==,
                    frozen ? UINT32_MAX : BOOT_0_GV100);
    g_assert_cmphex(qtest_readq(npu->qts, GPU_BAR1_MMIO), ==,
                    frozen ? UINT64_MAX : PATTERN);
    g_assert_cmphex(config_read(npu, GPU_BUS, 0, PCI_VENDOR_ID), ==,
                    0x1db110de);
}

static Npu2 freeze_start(void)
{
    Npu2 npu = dma_start("-global pnv-phb4.freeze-on-refusal=on "
                         "-global pnv-v100.ram-keep=on");

    falcon_init(&npu);
    memory_write(&npu, MEMORY, 0x01234567);
    qtest_writeq(npu.qts, GPU_BAR1_MMIO, PATTERN);
    check_pest(&npu, false, false);
    check_bars(&npu, false);
    return npu;
}

/* By DMA that a TVE refuses, and no other TVE helps */
static void freeze(const Npu2 *npu)
{
    phb_set_tves(npu, 0, 0);
    transfer_start(npu, MEMORY, DMATRFCMD_256);
    qtest_clock_step(npu->qts, LONG_NS);
    phb_set_tves(npu, PHB_TVE_BYPASS, PHB_TVE_BYPASS);
    check_pest(npu, true, true);
    check_bars(npu, true);
}

static void test_freeze(void)
{
    Npu2 npu = freeze_start();

    freeze(&npu);
    phb_set_pest(&npu, false, true);
    check_bars(&npu, false);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256));
    g_assert_cmphex(dmem_read(&npu, 0), ==, UINT32_MAX);
    check_pest(&npu, false, true);
    phb_set_pest(&npu, false, false);
    check_pest(&npu, false, false);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256));
    g_assert_cmphex(dmem_read(&npu, 0), ==, 0x01234567);
    check_bars(&npu, false);
    qtest_quit(npu.qts);
}

/* Firmware has the PHB forget which PE a device has whenever it sets one */
static void test_freeze_lookup(void)
{
    Npu2 npu = freeze_start();

    /* before the first DMA */
    phb_set_pest(&npu, true, false);
    check_bars(&npu, true);
    phb_set_pe(&npu, PHB_PE + 1);
    check_bars(&npu, false);
    phb_set_pe(&npu, PHB_PE);
    check_bars(&npu, true);
    phb_set_pest(&npu, false, false);
    check_bars(&npu, false);

    freeze(&npu);
    phb_set_pe(&npu, PHB_PE);
    check_bars(&npu, true);
    phb_set_pest(&npu, false, false);
    check_bars(&npu, false);
    qtest_quit(npu.qts);
}

/* Neither D3 and back nor a reset is a way out */
static void test_freeze_power(void)
{
    Npu2 npu = freeze_start();

    freeze(&npu);
    config_write(&npu, GPU_BUS, 0, GPU_PM + PCI_PM_CTRL, 3);
    config_write(&npu, GPU_BUS, 0, GPU_PM + PCI_PM_CTRL, 0);
    check_bars(&npu, true);
    gpu_bus_reset(&npu);
    gpu_open(&npu);
    check_bars(&npu, true);
    check_pest(&npu, true, true);
    phb_set_pest(&npu, false, false);
    check_bars(&npu, false);
    qtest_quit(npu.qts);
}

/*
 * The GPU's RAM
 */
static void test_vidmem(void)
{
    Npu2 npu = gpu_start("");
    uint64_t ram = NPU2_GPU_RAM(0);

    gpu_train(&npu);
    falcon_init(&npu);
    gpu_write(&npu, TRANSCFG(0), TRANSCFG_PHYSICAL);
    memory_write(&npu, ram + 255 * MiB, 0x01234567);
    g_assert(transfer(&npu, 255 * MiB, DMATRFCMD_256));
    g_assert(transfer(&npu, 3 * MiB, DMATRFCMD_256 | DMATRFCMD_WRITE));
    g_assert_cmphex(memory_read(&npu, ram + 3 * MiB), ==, 0x01234567);
    g_assert_cmpint(gpu_fact(&npu, "memory", "bytes-ram"), ==, 512);
    /* the upper bits are those of addresses that go to PCIe */
    g_assert(transfer(&npu, WINDOW1 | 255 * MiB, DMATRFCMD_256));
    g_assert_cmphex(dmem_read(&npu, 0), ==, 0x01234567);
    g_assert(transfer(&npu, 256 * MiB, DMATRFCMD_256));
    g_assert_cmphex(dmem_read(&npu, 0), ==, UINT32_MAX);
    g_assert_cmpint(gpu_fact(&npu, "memory", "errors"), ==, 1);
    qtest_quit(npu.qts);
}

static void test_pramin(void)
{
    Npu2 npu = gpu_start("");
    uint64_t ram = NPU2_GPU_RAM(0);

    gpu_train(&npu);
    memory_write(&npu, ram + 0x02340000 + 0xffffc, 0x01234567);
    gpu_write(&npu, BAR0_WINDOW, 0x234);
    g_assert_cmphex(gpu_read(&npu, PRAMIN + 0xffffc), ==, 0x01234567);
    gpu_write(&npu, PRAMIN + 4, 0x89abcdef);
    g_assert_cmphex(memory_read(&npu, ram + 0x02340004), ==, 0x89abcdef);
    /* none after the end of the RAM, nor to the system's */
    gpu_write(&npu, BAR0_WINDOW, 0xfff);
    g_assert_cmphex(gpu_read(&npu, PRAMIN + 0xfffc), ==, 0);
    g_assert_cmphex(gpu_read(&npu, PRAMIN + 0x10000), ==, UINT32_MAX);
    gpu_write(&npu, BAR0_WINDOW, 0x02000234);
    g_assert_cmphex(gpu_read(&npu, PRAMIN + 4), ==, UINT32_MAX);
    gpu_write(&npu, PRAMIN + 4, 0);
    g_assert_cmphex(memory_read(&npu, ram + 0x02340004), ==, 0x89abcdef);
    qtest_quit(npu.qts);
}

/* A 16th of the RAM keeps the bits for ECC */
static void test_ecc(void)
{
    Npu2 npu = gpu_start("-global pnv-v100.ecc=on");
    uint64_t ram = NPU2_GPU_RAM(0);

    g_assert_cmphex(gpu_read(&npu, LOCAL_MEMORY), ==,
                    1 << 30 | 32 << 4 | 3);
    gpu_train(&npu);
    memory_write(&npu, ram + 240 * MiB - 4, 0x01234567);
    gpu_write(&npu, BAR0_WINDOW, 0xeff);
    g_assert_cmphex(gpu_read(&npu, PRAMIN + 0xfffc), ==, 0x01234567);
    g_assert_cmphex(gpu_read(&npu, PRAMIN + 0x10000), ==, UINT32_MAX);
    qtest_quit(npu.qts);
}

/*
 * System memory over NVLink
 */
static void nvlink_route(const Npu2 *npu, uint32_t mask)
{
    gpu_write(npu, HSHUB_CONFIG0, mask);
    gpu_write(npu, NISO_CFG1, NISO_CFG1_NVLINK);
}

static void test_nvlink(void)
{
    Npu2 npu = dma_start("");
    const uint64_t to = MEMORY + 1 * MiB;

    gpu_train(&npu);
    npu2_set_first_pe(&npu);
    falcon_init(&npu);
    memory_write(&npu, MEMORY, 0x01234567);
    /* the mask alone does nothing */
    gpu_write(&npu, HSHUB_CONFIG0, GPU_LINKS);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256));
    g_assert_cmpint(gpu_fact(&npu, "memory", "bytes-pcie"), ==, 256);
    /* no way by the PHB from here on */
    phb_set_tves(&npu, 0, 0);
    nvlink_route(&npu, GPU_LINKS);
    g_assert(transfer(&npu, to, DMATRFCMD_256 | DMATRFCMD_WRITE));
    g_assert_cmphex(memory_read(&npu, to), ==, 0x01234567);
    memory_write(&npu, MEMORY, 0x89abcdef);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256));
    g_assert_cmphex(dmem_read(&npu, 0), ==, 0x89abcdef);
    g_assert_cmpint(gpu_fact(&npu, "memory", "bytes-nvlink"), ==, 512);
    /* the GPU's own RAM stays where it was */
    gpu_write(&npu, TRANSCFG(0), TRANSCFG_PHYSICAL);
    g_assert(transfer(&npu, 0, DMATRFCMD_256 | DMATRFCMD_WRITE));
    g_assert_cmphex(memory_read(&npu, NPU2_GPU_RAM(0)), ==, 0x89abcdef);
    qtest_quit(npu.qts);
}

/* A way that is closed gives no answer; a reset of the falcon helps */
static void test_nvlink_down(void)
{
    static const uint32_t mask[] = { 0, 0x01, GPU_LINKS | 0x01, 0x40 };
    Npu2 npu = dma_start("");
    int i;

    falcon_init(&npu);
    nvlink_route(&npu, GPU_LINKS);
    g_assert_false(transfer(&npu, MEMORY, DMATRFCMD_256));
    gpu_train(&npu);
    npu2_set_first_pe(&npu);
    for (i = 0; i < ARRAY_SIZE(mask); i++) {
        falcon_init(&npu);
        nvlink_route(&npu, mask[i]);
        g_assert_false(transfer(&npu, MEMORY, DMATRFCMD_256));
    }
    g_assert_cmpint(gpu_fact(&npu, "memory", "unanswered"), ==,
                    1 + ARRAY_SIZE(mask));

    gpu_start_nvlink(&npu);
    gpu_write(&npu, LINK_DISABLE, LINK_DISABLE_LINK3);
    falcon_init(&npu);
    nvlink_route(&npu, GPU_LINKS);
    g_assert_false(transfer(&npu, MEMORY, DMATRFCMD_256));
    falcon_init(&npu);
    nvlink_route(&npu, GPU_LINKS & ~0x08);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256));
    qtest_quit(npu.qts);
}

/* 47 bits: the window is lost, and software leaves out what the NPU puts in */
static void test_nvlink_address(void)
{
    Npu2 npu = dma_start("");
    Npu2 other = { .qts = npu.qts, .chip = 8, .path = "/machine/chip[1]/npu" };

    gpu_train(&npu);
    gpu_train(&other);
    npu2_set_first_pe(&npu);
    falcon_init(&npu);
    nvlink_route(&npu, GPU_LINKS);
    memory_write(&npu, MEMORY, 0x01234567);
    g_assert(transfer(&npu, WINDOW1 | MEMORY, DMATRFCMD_256));
    g_assert_cmphex(dmem_read(&npu, 0), ==, 0x01234567);
    g_assert(transfer(&npu, NPU2_GPU_RAM(0) | 1ull << 43,
                      DMATRFCMD_256 | DMATRFCMD_WRITE));
    g_assert_cmphex(memory_read(&npu, NPU2_GPU_RAM(8)), ==, 0x01234567);
    g_assert_cmphex(NPU2_GPU_RAM(8) & ~(1ull << 45), ==, NPU2_GPU_RAM(0));
    g_assert(transfer(&npu, NPU2_GPU_RAM(8), DMATRFCMD_256));
    g_assert_cmphex(dmem_read(&npu, 0), ==, UINT32_MAX);
    qtest_quit(npu.qts);
}

/* What the NPU refuses is answered with an error */
static void test_nvlink_refused(void)
{
    const uint32_t pestb = NPU2_RING_ADDR(NPU2_STACK_MISC, NPU2_BLOCK_MISC,
                                          NPU2_MISC_PESTB(0));
    Npu2 npu = dma_start("");

    gpu_train(&npu);
    falcon_init(&npu);
    nvlink_route(&npu, GPU_LINKS);
    memory_write(&npu, MEMORY, 0x01234567);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256 | DMATRFCMD_WRITE));
    g_assert_cmphex(memory_read(&npu, MEMORY), ==, 0x01234567);
    npu2_set_first_pe(&npu);
    npu2_set_first_tve(&npu, NPU2_TVE_DENY);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256));
    g_assert_cmphex(dmem_read(&npu, 0), ==, UINT32_MAX);
    npu2_set_first_tve(&npu, 0);
    npu2_ring_write(&npu, pestb, NPU2_PESTB_STOPPED, 8);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256 | DMATRFCMD_WRITE));
    g_assert_cmphex(memory_read(&npu, MEMORY), ==, 0x01234567);
    npu2_ring_write(&npu, pestb, 0, 8);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256));
    g_assert_cmphex(dmem_read(&npu, 0), ==, 0x01234567);
    qtest_quit(npu.qts);
}

/*
 * Links: found by tables
 */
static uint32_t find_ioctrl(const Npu2 *npu)
{
    uint32_t base = 0, word, i;

    for (i = 0; i < 64; i++) {
        word = gpu_read(npu, DEVICE_INFO + 4 * i);
        if ((word & 3) == 1) {
            base = word & 0xfff000;
        }
        if ((word & 3) == 3 && (word & 0x7fffffff) >> 2 == 18) {
            return base;
        }
    }
    return 0;
}

/* The last device of this type and with this id */
static uint32_t find_device(const Npu2 *npu, uint32_t type, uint32_t id)
{
    uint32_t ioctrl = find_ioctrl(npu), base = 0, i;
    uint32_t length = gpu_read(npu, ioctrl + 4) >> 24 & 0x3f;
    bool wanted = false;

    for (i = 0; i < length; i++) {
        uint32_t word = gpu_read(npu, ioctrl + 4 * i);

        if ((word & 3) == 1) {
            wanted = (word >> 2 & 0x3f) == type && (word >> 8 & 0xff) == id;
        } else if ((word & 3) == 2 && wanted) {
            base = word & 0xfff000;
        }
    }
    return base;
}

static void check_link(const Npu2 *npu, uint32_t link, uint32_t state,
                       uint32_t sublink)
{
    uint32_t dl = find_device(npu, 0x0b, link);

    g_assert_cmphex(dl, >, IOCTRL);
    g_assert_cmphex(gpu_read(npu, dl), ==, state);
    g_assert_cmphex(gpu_read(npu, dl + 0x2024), ==, sublink << 4);
    g_assert_cmphex(gpu_read(npu, dl + 0x3014), ==, sublink << 4);
}

static void test_links(void)
{
    const uint32_t cfg2 = npu2_ring_ntl(1, NPU2_NTL_MISC_CFG2);
    Npu2 npu = gpu_start("");
    uint64_t val;

    g_assert_cmphex(find_ioctrl(&npu), ==, IOCTRL);
    g_assert_cmphex(gpu_read(&npu, IOCTRL), ==, PRI_ERROR);
    g_assert_cmphex(gpu_read(&npu, MINION_STATUS), ==, PRI_ERROR);
    gpu_start_nvlink(&npu);
    g_assert_cmphex(find_device(&npu, 1, 0), ==, IOCTRL);
    g_assert_cmphex(find_device(&npu, 4, 0), ==, MINION_STATUS & ~0xfff);
    g_assert_cmphex(find_device(&npu, 0x0b, 6), ==, 0);
    g_assert_cmphex(gpu_read(&npu, MINION_STATUS), ==, 1);

    check_link(&npu, 3, 0, 7);
    gpu_train(&npu);
    /* to another GPU, which nobody trains */
    check_link(&npu, 0, 3, 0);
    check_link(&npu, 1, 3, 0);
    check_link(&npu, 3, 3, 0);
    check_link(&npu, 5, 3, 0);
    /* the lanes run, but the NPU carries no traffic */
    val = npu2_ring_read(&npu, cfg2, 8);
    npu2_ring_write(&npu, cfg2, val & ~NPU2_NTL_CFG2_BRICK_ENABLE, 8);
    check_link(&npu, 3, 2, 6);
    npu2_ring_write(&npu, cfg2, val, 8);
    check_link(&npu, 3, 3, 0);
    gpu_write(&npu, LINK_DISABLE, LINK_DISABLE_LINK3);
    check_link(&npu, 3, 0, 7);
    check_link(&npu, 5, 3, 0);
    qtest_quit(npu.qts);
}

/* Like a real GPU without its vendor's driver */
static void test_untrained(void)
{
    Npu2 npu = dma_start("-global pnv-v100.link-training=off "
                         "-global pnv-v100.copy-engine=off");

    g_assert_cmphex(gpu_read(&npu, COPY_ENGINE), ==, 0);
    gpu_train(&npu);
    g_assert_false(npu2_fact_bool(&npu, "link", 0, "trained"));
    gpu_start_nvlink(&npu);
    g_assert_cmphex(gpu_read(&npu, MINION_STATUS), ==, 0);
    check_link(&npu, 1, 0, 7);
    falcon_init(&npu);
    memory_write(&npu, MEMORY, 0x01234567);
    g_assert(transfer(&npu, MEMORY, DMATRFCMD_256));
    g_assert_cmphex(dmem_read(&npu, 0), ==, 0x01234567);
    qtest_quit(npu.qts);
}

/*
 * Interrupts: an MSI is a store, here to memory
 */
static void msi_enable(const Npu2 *npu)
{
    config_write(npu, GPU_BUS, 0, GPU_MSI + PCI_MSI_ADDRESS_LO, MEMORY);
    config_write(npu, GPU_BUS, 0, GPU_MSI + PCI_MSI_ADDRESS_HI, WINDOW1 >> 32);
    config_write(npu, GPU_BUS, 0, GPU_MSI + PCI_MSI_DATA_64, 0x1234);
    config_write(npu, GPU_BUS, 0, GPU_MSI, PCI_MSI_FLAGS_ENABLE << 16);
}

static bool msi_came(const Npu2 *npu)
{
    bool came = memory_read(npu, MEMORY) == 0x1234;

    memory_write(npu, MEMORY, 0);
    return came;
}

static bool intx_raised(const Npu2 *npu)
{
    return config_read(npu, GPU_BUS, 0, PCI_COMMAND) >> 16 &
           PCI_STATUS_INTERRUPT;
}

static void test_msi(void)
{
    Npu2 npu = dma_start("");

    msi_enable(&npu);
    gpu_write(&npu, INTR_SW, 1);
    g_assert_cmphex(gpu_read(&npu, INTR), ==, INTR_SOFTWARE);
    g_assert_false(msi_came(&npu));
    gpu_write(&npu, INTR_EN_SET, INTR_SOFTWARE);
    g_assert_cmphex(gpu_read(&npu, INTR_EN), ==, INTR_SOFTWARE);
    g_assert(msi_came(&npu));
    g_assert_false(intx_raised(&npu));
    /* no other before it was armed again, and then only if there is a reason */
    gpu_write(&npu, INTR_SW, 0);
    g_assert_cmphex(gpu_read(&npu, INTR), ==, 0);
    gpu_write(&npu, INTR_SW, 1);
    g_assert_false(msi_came(&npu));
    gpu_write(&npu, MSI_REARM, 0);
    g_assert(msi_came(&npu));
    gpu_write(&npu, INTR_EN_CLEAR, INTR_SOFTWARE);
    g_assert_cmphex(gpu_read(&npu, INTR_EN), ==, 0);
    gpu_write(&npu, MSI_REARM, 0);
    g_assert_false(msi_came(&npu));
    /* the other trees */
    gpu_write(&npu, INTR_EN_SET + 12, INTR_SOFTWARE);
    g_assert_false(msi_came(&npu));
    gpu_write(&npu, INTR_SW + 12, 1);
    g_assert_cmphex(gpu_read(&npu, INTR + 12), ==, INTR_SOFTWARE);
    g_assert(msi_came(&npu));
    qtest_quit(npu.qts);
}

static void test_intx(void)
{
    Npu2 npu = dma_start("");

    gpu_write(&npu, INTR_EN_SET, INTR_SOFTWARE);
    g_assert_false(intx_raised(&npu));
    gpu_write(&npu, INTR_SW, 1);
    g_assert(intx_raised(&npu));
    /* an MSI instead, when software wants it */
    msi_enable(&npu);
    g_assert_false(intx_raised(&npu));
    g_assert(msi_came(&npu));
    config_write(&npu, GPU_BUS, 0, GPU_MSI, 0);
    g_assert(intx_raised(&npu));
    gpu_write(&npu, INTR_SW, 0);
    g_assert_false(intx_raised(&npu));
    qtest_quit(npu.qts);
}

/* What software raises in the falcon is one of the GPU's interrupts */
static void test_falcon_msi(void)
{
    Npu2 npu = dma_start("");

    falcon_init(&npu);
    msi_enable(&npu);
    gpu_write(&npu, INTR_EN_SET, INTR_GSP);
    gpu_write(&npu, IRQSSET, IRQ_SWGEN0);
    g_assert_cmphex(gpu_read(&npu, IRQSTAT), ==, IRQ_SWGEN0);
    gpu_write(&npu, IRQDEST, IRQ_SWGEN0);
    g_assert_cmphex(gpu_read(&npu, INTR), ==, 0);
    g_assert_false(msi_came(&npu));
    gpu_write(&npu, IRQMSET, IRQ_SWGEN0);
    g_assert_cmphex(gpu_read(&npu, IRQMASK), ==, IRQ_SWGEN0);
    g_assert_cmphex(gpu_read(&npu, INTR), ==, INTR_GSP);
    g_assert(msi_came(&npu));
    /* taken back, it does not come again; then each of these keeps it */
    gpu_write(&npu, IRQSCLR, IRQ_SWGEN0);
    g_assert_cmphex(gpu_read(&npu, INTR), ==, 0);
    gpu_write(&npu, MSI_REARM, 0);
    g_assert_false(msi_came(&npu));
    gpu_write(&npu, IRQMCLR, IRQ_SWGEN0);
    gpu_write(&npu, IRQSSET, IRQ_SWGEN0);
    g_assert_false(msi_came(&npu));
    gpu_write(&npu, IRQDEST, 0);
    gpu_write(&npu, IRQMSET, IRQ_SWGEN0);
    g_assert_false(msi_came(&npu));
    /* the other one of the host's */
    gpu_write(&npu, IRQDEST, IRQ_SWGEN0 | IRQ_SWGEN0 << 16);
    g_assert_cmphex(gpu_read(&npu, INTR), ==, 0);
    g_assert_cmphex(gpu_read(&npu, INTR + INTR_NONSTALLING), ==, INTR_GSP);
    /* all is lost in a reset */
    gpu_write(&npu, ENGINE, 1);
    g_assert_cmphex(gpu_read(&npu, INTR + INTR_NONSTALLING), ==, 0);
    gpu_write(&npu, ENGINE, 0);
    g_assert_cmphex(gpu_read(&npu, IRQSTAT), ==, 0);
    qtest_quit(npu.qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("pnv-v100/falcon/reset", test_reset);
    qtest_add_func("pnv-v100/falcon/bus-reset", test_bus_reset);
    qtest_add_func("pnv-v100/falcon/registers", test_registers);
    qtest_add_func("pnv-v100/falcon/dmem", test_dmem);
    qtest_add_func("pnv-v100/falcon/pcie", test_pcie);
    qtest_add_func("pnv-v100/falcon/busy", test_busy);
    qtest_add_func("pnv-v100/falcon/settings", test_settings);
    qtest_add_func("pnv-v100/falcon/commands", test_commands);
    qtest_add_func("pnv-v100/falcon/pcie-errors", test_pcie_errors);
    qtest_add_func("pnv-v100/phb-freeze", test_freeze);
    qtest_add_func("pnv-v100/phb-freeze-lookup", test_freeze_lookup);
    qtest_add_func("pnv-v100/phb-freeze-power", test_freeze_power);
    qtest_add_func("pnv-v100/falcon/vidmem", test_vidmem);
    qtest_add_func("pnv-v100/pramin", test_pramin);
    qtest_add_func("pnv-v100/ecc", test_ecc);
    qtest_add_func("pnv-v100/falcon/nvlink", test_nvlink);
    qtest_add_func("pnv-v100/falcon/nvlink-down", test_nvlink_down);
    qtest_add_func("pnv-v100/falcon/nvlink-address", test_nvlink_address);
    qtest_add_func("pnv-v100/falcon/nvlink-refused", test_nvlink_refused);
    qtest_add_func("pnv-v100/links", test_links);
    qtest_add_func("pnv-v100/untrained", test_untrained);
    qtest_add_func("pnv-v100/msi", test_msi);
    qtest_add_func("pnv-v100/intx", test_intx);
    qtest_add_func("pnv-v100/falcon/msi", test_falcon_msi);
    return g_test_run();
}
