/*
 * QTest testcase for the PowerNV NPU2: its registers, over XSCOM
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "pnv-npu2.h"

#define PATTERN     0x0123456789abcdefull
#define ATSD_NS     10000
/* Of the first core of a chip */
#define EX_L2_PURGE 0x1001080e
#define EX_L3_PURGE 0x1001180e

/* The NPU of each chip of the board with four GPUs */
static const Npu2 npus[] = {
    { .chip = 0, .path = "/machine/chip[0]/npu" },
    { .chip = 8, .path = "/machine/chip[1]/npu" },
};

static Npu2 npu2_start_with(const void *data, const char *options)
{
    Npu2 npu = *(const Npu2 *)data;

    npu.qts = qtest_initf("-M witherspoon,gpu-ram=256M -nodefaults %s",
                          options);
    return npu;
}

static Npu2 npu2_start(const void *data)
{
    return npu2_start_with(data, "");
}

/* One register, by the indirect pair, by a direct SCOM and by MMIO */
static void test_ring(const void *data)
{
    Npu2 npu = npu2_start(data);
    const uint32_t off = 0x50;
    uint32_t addr = NPU2_RING_ADDR(NPU2_STACK_0 + 1, NPU2_BLOCK_SM0, off);
    uint32_t direct = NPU2_XSCOM_BASE + (1 << NPU2_XSCOM_STACK_SHIFT) + off / 8;
    uint32_t bar = NPU2_RING_ADDR(NPU2_STACK_0, NPU2_BLOCK_SM0,
                                  NPU2_SM_PHY_BAR);
    uint64_t where = NPU2_MMIO(npu.chip);

    npu2_ring_write(&npu, addr, PATTERN, 8);
    g_assert_cmphex(npu2_scom_read(&npu, direct), ==, PATTERN);
    g_assert_cmphex(npu2_ring_read(&npu, addr + 4, 4), ==, (uint32_t)PATTERN);
    npu2_ring_write(&npu, addr, 0, 4);
    g_assert_cmphex(npu2_scom_read(&npu, direct), ==, (uint32_t)PATTERN);
    npu2_scom_write(&npu, direct, ~PATTERN);
    g_assert_cmphex(npu2_ring_read(&npu, addr, 8), ==, ~PATTERN);

    g_assert_cmphex(qtest_readq(npu.qts, where + addr), !=, ~PATTERN);
    npu2_ring_write(&npu, bar, SETFIELD(NPU2_PHY_BAR_ADDR, NPU2_PHY_BAR_ENABLE,
                                        (where & ~NPU2_BAR_MMIO_SELECT) >> 21),
                    8);
    g_assert_cmphex(qtest_readq(npu.qts, where + addr), ==, ~PATTERN);
    qtest_writeq(npu.qts, where + addr, PATTERN);
    g_assert_cmphex(npu2_ring_read(&npu, addr, 8), ==, PATTERN);
    npu2_ring_write(&npu, bar, 0, 8);
    g_assert_cmphex(qtest_readq(npu.qts, where + addr), !=, PATTERN);
    qtest_quit(npu.qts);
}

static void test_fir(const void *data)
{
    Npu2 npu = npu2_start(data);
    uint32_t fir = NPU2_FIR_XSCOM_BASE + NPU2_FIR_XSCOM_STRIDE;

    npu2_scom_write(&npu, fir + NPU2_FIR_VALUE, 0xf0);
    npu2_scom_write(&npu, fir + NPU2_FIR_VALUE_OR, 0x0f);
    g_assert_cmphex(npu2_scom_read(&npu, fir + NPU2_FIR_VALUE), ==, 0xff);
    npu2_scom_write(&npu, fir + NPU2_FIR_VALUE_AND, 0x3c);
    g_assert_cmphex(npu2_scom_read(&npu, fir + NPU2_FIR_VALUE), ==, 0x3c);
    npu2_scom_write(&npu, fir + NPU2_FIR_MASK_AND, 0);
    npu2_scom_write(&npu, fir + NPU2_FIR_MASK_OR, 0x55);
    g_assert_cmphex(npu2_scom_read(&npu, fir + NPU2_FIR_MASK), ==, 0x55);
    g_assert_cmphex(npu2_scom_read(&npu, fir + NPU2_FIR_VALUE), ==, 0x3c);
    qtest_quit(npu.qts);
}

/* The chips whose malfunction alerts the chip with that id has seen */
static uint64_t alerts_of(const Npu2 *npu, unsigned chip)
{
    Npu2 other = { .qts = npu->qts, .chip = chip };

    return npu2_scom_read(&other, NPU2_ALERT_XSCOM_BASE);
}

/* A stall is an alert to all chips, once, unless it is masked */
static void test_alert(const void *data)
{
    Npu2 npu = npu2_start(data);
    uint32_t fir = NPU2_FIR_XSCOM_BASE + NPU2_FIR_XSCOM_STRIDE;
    uint64_t raised = PPC_BIT(npu.chip);

    npu2_scom_write(&npu, fir + NPU2_FIR_MASK_OR, NPU2_FIR1_NDL_STALL(1));
    npu2_scom_write(&npu, fir + NPU2_FIR_VALUE_OR, NPU2_FIR1_NDL_STALL(1));
    g_assert_cmphex(alerts_of(&npu, 0) | alerts_of(&npu, 8), ==, 0);
    npu2_scom_write(&npu, fir + NPU2_FIR_VALUE_OR, NPU2_FIR1_NDL_STALL(2));
    g_assert_cmphex(alerts_of(&npu, 0), ==, raised);
    g_assert_cmphex(alerts_of(&npu, 8), ==, raised);

    npu2_scom_write(&npu, NPU2_ALERT_XSCOM_BASE, ~raised);
    npu2_scom_write(&npu, fir + NPU2_FIR_VALUE_OR, NPU2_FIR1_NDL_STALL(2));
    g_assert_cmphex(alerts_of(&npu, npu.chip), ==, 0);
    g_assert_cmphex(alerts_of(&npu, 8 - npu.chip), ==, raised);
    npu2_scom_write(&npu, fir + NPU2_FIR_MASK_AND, ~NPU2_FIR1_NDL_STALL(1));
    g_assert_cmphex(alerts_of(&npu, npu.chip), ==, raised);
    qtest_quit(npu.qts);
}

static void test_fir_fatal(const void *data)
{
    Npu2 npu = npu2_start_with(data, "-global pnv-npu2.fir-fatal=on");
    uint32_t fir = NPU2_FIR_XSCOM_BASE + 2 * NPU2_FIR_XSCOM_STRIDE;

    npu2_scom_write(&npu, fir + NPU2_FIR_VALUE, 0);
    npu2_scom_write(&npu, fir + NPU2_FIR_MASK, ~0ull);
    g_assert_cmphex(npu2_scom_read(&npu, fir + NPU2_FIR_VALUE), ==, 0);
    qtest_set_expected_status(npu.qts, EXIT_FAILURE);
    npu2_scom_write(&npu, fir + NPU2_FIR_VALUE, 1);
    qtest_qmp_eventwait(npu.qts, "SHUTDOWN");
    qtest_wait_qemu(npu.qts);
    qtest_quit(npu.qts);
}

static uint32_t ats(uint32_t off)
{
    return NPU2_RING_ADDR(NPU2_STACK_MISC, NPU2_BLOCK_ATS, off);
}

static void ioda_select(const Npu2 *npu, unsigned index, uint64_t flags)
{
    uint64_t val = SETFIELD(NPU2_IODA_TBL_SELECT, flags, NPU2_IODA_TBL_TVT);

    npu2_ring_write(npu, ats(NPU2_ATS_IODA_TBL),
                    SETFIELD(NPU2_IODA_TBL_INDEX, val, index), 8);
}

static void test_ioda(const void *data)
{
    Npu2 npu = npu2_start(data);
    unsigned i;

    ioda_select(&npu, 3, NPU2_IODA_TBL_AUTOINC);
    for (i = 3; i < 6; i++) {
        npu2_ring_write(&npu, ats(NPU2_ATS_IODA_DATA), PATTERN + i, 8);
    }
    ioda_select(&npu, 4, NPU2_IODA_TBL_AUTOINC);
    for (i = 4; i < 6; i++) {
        g_assert_cmphex(npu2_ring_read(&npu, ats(NPU2_ATS_IODA_DATA), 8), ==,
                        PATTERN + i);
    }
    ioda_select(&npu, 3, 0);
    for (i = 0; i < 2; i++) {
        g_assert_cmphex(npu2_ring_read(&npu, ats(NPU2_ATS_IODA_DATA), 8), ==,
                        PATTERN + 3);
    }
    qtest_quit(npu.qts);
}

static uint32_t xts(uint32_t off)
{
    return NPU2_RING_ADDR(NPU2_STACK_MISC, NPU2_BLOCK_XTS, off);
}

static uint32_t atsd(unsigned n, uint32_t off)
{
    return NPU2_RING_ADDR(NPU2_STACK_ATSD, n, off);
}

/* A GPU of LPAR 5: only the register set that is LPAR 5's reaches it */
static void test_atsd(const void *data)
{
    Npu2 npu = npu2_start(data);
    uint64_t row = SETFIELD(NPU2_BDF_MAP_STACK, NPU2_BDF_MAP_VALID, 4);
    uint64_t launch = SETFIELD(NPU2_ATSD_IS, 0ull, NPU2_ATSD_IS_LPID);
    unsigned i;

    npu2_ring_write(&npu, xts(NPU2_XTS_BDF_MAP + NPU2_XTS_BDF_MAP_STRIDE),
                    SETFIELD(NPU2_BDF_MAP_LPARID, row, 5), 8);
    npu2_ring_write(&npu, xts(NPU2_XTS_PID_MAP), NPU2_PID_MAP_VALID_ATSD, 8);
    npu2_ring_write(&npu, xts(NPU2_XTS_ATSD_LPARID),
                    SETFIELD(NPU2_ATSD_LPARID_LPARID, 0ull, 5), 8);
    for (i = 0; i < 2; i++) {
        npu2_ring_write(&npu, atsd(i, NPU2_ATSD_LAUNCH), launch, 8);
        g_assert_cmphex(npu2_ring_read(&npu, atsd(i, NPU2_ATSD_STATUS), 8), ==,
                        NPU2_ATSD_STATUS_BUSY);
    }
    npu2_ring_write(&npu, atsd(0, NPU2_ATSD_LAUNCH), launch, 8);
    qtest_clock_step(npu.qts, ATSD_NS);
    for (i = 0; i < 2; i++) {
        g_assert_cmphex(npu2_ring_read(&npu, atsd(i, NPU2_ATSD_STATUS), 8), ==,
                        0);
        g_assert_cmpuint(npu2_fact_uint(&npu, "atsd", i, "launches"), ==, 1);
        g_assert_cmpuint(npu2_fact_uint(&npu, "atsd", i, "hits"), ==, !i);
        g_assert_cmpuint(npu2_fact_uint(&npu, "atsd", i, "misses"), ==, i);
        g_assert_cmpuint(npu2_fact_uint(&npu, "atsd", i, "overruns"), ==, !i);
    }
    qtest_quit(npu.qts);
}

/*
 * The hypervisor's GPU has LPAR 0, and so has a register set that is nobody's:
 * only the one with HV reaches it, whether or not the row names its contexts.
 */
static void test_atsd_hypervisor(const void *data)
{
    Npu2 npu = npu2_start(data);
    uint64_t row = SETFIELD(NPU2_BDF_MAP_STACK, NPU2_BDF_MAP_VALID, 4);
    uint64_t launch = SETFIELD(NPU2_ATSD_IS, 0ull, NPU2_ATSD_IS_LPID);
    unsigned n, hits;

    npu2_ring_write(&npu, xts(NPU2_XTS_PID_MAP), NPU2_PID_MAP_VALID_ATSD |
                    NPU2_PID_MAP_MSR_HV, 8);
    npu2_ring_write(&npu, xts(NPU2_XTS_ATSD_LPARID) + 8,
                    NPU2_ATSD_LPARID_MSR_HV, 8);
    for (hits = 1; hits <= 2; hits++) {
        npu2_ring_write(&npu, xts(NPU2_XTS_BDF_MAP), row, 8);
        for (n = 0; n < 2; n++) {
            npu2_ring_write(&npu, atsd(n, NPU2_ATSD_LAUNCH), launch, 8);
            qtest_clock_step(npu.qts, ATSD_NS);
            g_assert_cmpuint(npu2_fact_uint(&npu, "atsd", n, "hits"), ==,
                             n ? hits : 0);
        }
        row |= NPU2_BDF_MAP_UNFILT;
    }
    qtest_quit(npu.qts);
}

/* A shootdown that hangs ends when the fault is taken back */
static void test_atsd_stuck(const void *data)
{
    Npu2 npu = npu2_start(data);

    qtest_qom_set_bool(npu.qts, npu.path, "x-atsd-stuck", true);
    npu2_ring_write(&npu, atsd(7, NPU2_ATSD_LAUNCH), 0, 8);
    qtest_clock_step(npu.qts, 100 * ATSD_NS);
    npu2_ring_read(&npu, atsd(7, NPU2_ATSD_STATUS), 8);
    g_assert_cmphex(npu2_ring_read(&npu, atsd(7, NPU2_ATSD_STATUS), 8), ==,
                    NPU2_ATSD_STATUS_BUSY);
    qtest_qom_set_bool(npu.qts, npu.path, "x-atsd-stuck", false);
    qtest_clock_step(npu.qts, ATSD_NS);
    g_assert_cmphex(npu2_ring_read(&npu, atsd(7, NPU2_ATSD_STATUS), 8), ==, 0);
    qtest_quit(npu.qts);
}

/* Does the first GPU's RAM take a store?  A refusal is counted. */
static bool ram_answers(const Npu2 *npu, uint64_t val)
{
    uint64_t refused = npu2_fact_uint(npu, "ram", 0, "refused");

    qtest_writeq(npu->qts, NPU2_GPU_RAM(npu->chip), val);
    if (npu2_fact_uint(npu, "ram", 0, "refused") != refused) {
        return false;
    }
    g_assert_cmphex(qtest_readq(npu->qts, NPU2_GPU_RAM(npu->chip)), ==, val);
    return true;
}

static void train_first_gpu(const Npu2 *npu)
{
    unsigned link;

    npu2_ram_map(npu, 0, 3);
    for (link = 0; link < 3; link++) {
        g_assert_false(ram_answers(npu, PATTERN));
        npu2_link_train(npu, link);
        g_assert_true(npu2_fact_bool(npu, "link", link, "up"));
    }
    g_assert_false(npu2_fact_bool(npu, "link", 3, "up"));
    g_assert_true(ram_answers(npu, PATTERN));
}

/* After a fence a link needs all of a reset, its data link layer's first */
static void test_link(const void *data)
{
    Npu2 npu = npu2_start(data);
    uint32_t cfg1 = npu2_ring_ntlu(1, NPU2_NTL_MISC_CFG1);
    uint32_t status = npu2_ring_ntlu(1, NPU2_NTL_CQ_FENCE_STATUS);

    train_first_gpu(&npu);
    npu2_ring_write(&npu, cfg1, NPU2_NTL_CFG1_FENCE, 8);
    g_assert_cmphex(npu2_ring_read(&npu, status, 8), ==, NPU2_NTL_FENCE_STATUS);
    g_assert_false(ram_answers(&npu, ~PATTERN));
    npu2_ring_write(&npu, cfg1, 0, 8);
    g_assert_cmphex(npu2_ring_read(&npu, status, 8), ==, 0);
    g_assert_false(ram_answers(&npu, ~PATTERN));
    npu2_ring_write(&npu, npu2_ring_ntlu(1, NPU2_NTL_RSP_DATA_CREDIT_RX), 0, 8);
    g_assert_false(ram_answers(&npu, ~PATTERN));
    npu2_link_train(&npu, 1);
    g_assert_true(ram_answers(&npu, ~PATTERN));
    qtest_quit(npu.qts);
}

/* What the hardware fences is acknowledged by writing ones */
static void test_hardware_fence(const void *data)
{
    Npu2 npu = npu2_start(data);
    uint32_t fence = NPU2_RING_ADDR(NPU2_STACK_MISC, NPU2_BLOCK_MISC,
                                    NPU2_MISC_FENCE_STATE);
    uint32_t fir = NPU2_FIR_XSCOM_BASE + NPU2_FIR_XSCOM_STRIDE;

    train_first_gpu(&npu);
    qom_set_uint(npu.qts, npu.path, "x-fence", 1 << 2);
    qom_set_uint(npu.qts, npu.path, "x-fence", 0);
    g_assert_cmphex(npu2_ring_read(&npu, fence, 8), ==,
                    NPU2_MISC_FENCE_BRICK(2));
    g_assert_cmphex(npu2_scom_read(&npu, fir), ==, NPU2_FIR1_NDL_STALL(2));
    g_assert_false(ram_answers(&npu, ~PATTERN));
    npu2_ring_write(&npu, fence, NPU2_MISC_FENCE_BRICK(1), 8);
    g_assert_false(ram_answers(&npu, ~PATTERN));
    npu2_ring_write(&npu, fence, NPU2_MISC_FENCE_BRICK(2), 8);
    g_assert_cmphex(npu2_ring_read(&npu, fence, 8), ==, 0);
    g_assert_true(ram_answers(&npu, ~PATTERN));
    qtest_quit(npu.qts);
}

/* Software fences by the same register, six bits further, and no FIR says so */
static void test_misc_fence(const void *data)
{
    Npu2 npu = npu2_start(data);
    uint32_t fence = NPU2_RING_ADDR(NPU2_STACK_MISC, NPU2_BLOCK_MISC,
                                    NPU2_MISC_FENCE_STATE);
    uint32_t status = npu2_ring_ntlu(2, NPU2_NTL_CQ_FENCE_STATUS);
    uint32_t fir = NPU2_FIR_XSCOM_BASE + NPU2_FIR_XSCOM_STRIDE;

    train_first_gpu(&npu);
    npu2_ring_write(&npu, fence, NPU2_MISC_FENCE_SET(2), 8);
    g_assert_cmphex(npu2_ring_read(&npu, fence, 8), ==,
                    NPU2_MISC_FENCE_BRICK(2));
    g_assert_cmphex(npu2_ring_read(&npu, status, 8), ==, NPU2_NTL_FENCE_STATUS);
    g_assert_cmphex(npu2_scom_read(&npu, fir), ==, 0);
    g_assert_false(ram_answers(&npu, ~PATTERN));
    npu2_ring_write(&npu, fence, NPU2_MISC_FENCE_BRICK(2), 8);
    g_assert_cmphex(npu2_ring_read(&npu, fence, 8), ==, 0);
    g_assert_true(ram_answers(&npu, ~PATTERN));
    qtest_quit(npu.qts);
}

/* With fenced-store=drop a store to a fenced GPU does nothing at all */
static void test_fenced_store(const void *data)
{
    Npu2 npu = npu2_start(data);
    uint64_t ram = NPU2_GPU_RAM(npu.chip);
    uint32_t cfg1 = npu2_ring_ntlu(1, NPU2_NTL_MISC_CFG1);

    qom_set_string(npu.qts, npu.path, "fenced-store", "drop");
    train_first_gpu(&npu);
    npu2_ring_write(&npu, cfg1, NPU2_NTL_CFG1_FENCE, 8);
    qtest_writeq(npu.qts, ram, ~PATTERN);
    g_assert_cmpuint(npu2_fact_uint(&npu, "ram", 0, "dropped"), ==, 1);
    qom_set_string(npu.qts, npu.path, "fenced-store", "mce");
    g_assert_false(ram_answers(&npu, ~PATTERN));
    g_assert_cmpuint(npu2_fact_uint(&npu, "ram", 0, "dropped"), ==, 1);
    npu2_ring_write(&npu, cfg1, 0, 8);
    npu2_link_train(&npu, 1);
    g_assert_cmphex(qtest_readq(npu.qts, ram), ==, PATTERN);
    qtest_quit(npu.qts);
}

/*
 * Lanes that stop under a link that is up: it stalls.  Not if I/O valid was
 * taken away before, as firmware does.
 */
static void test_lanes_stop(const void *data)
{
    Npu2 npu = npu2_start(data);
    uint32_t fir = NPU2_FIR_XSCOM_BASE + NPU2_FIR_XSCOM_STRIDE;

    train_first_gpu(&npu);
    npu2_scom_write(&npu, NPU2_OBUS_XSCOM_IOVALID(0), 0);
    npu2_link_stop_lanes(&npu, 0);
    g_assert_cmphex(npu2_scom_read(&npu, fir), ==, 0);
    npu2_link_train(&npu, 0);
    g_assert_true(npu2_fact_bool(&npu, "link", 0, "up"));
    npu2_link_stop_lanes(&npu, 0);
    g_assert_false(npu2_fact_bool(&npu, "link", 0, "up"));
    g_assert_cmphex(npu2_scom_read(&npu, fir), ==, NPU2_FIR1_NDL_STALL(0));
    qtest_quit(npu.qts);
}

/* The caches of a core are purged at once, or the purge never ends */
static void test_fail_purge(const void *data)
{
    Npu2 npu = npu2_start(data);

    g_assert_cmphex(npu2_scom_read(&npu, EX_L2_PURGE), ==, 0);
    g_assert_cmphex(npu2_scom_read(&npu, EX_L3_PURGE), ==, 0);
    qtest_qom_set_bool(npu.qts, npu.path, "x-fail-purge", true);
    npu2_scom_write(&npu, EX_L2_PURGE, PPC_BIT(0));
    npu2_scom_write(&npu, EX_L3_PURGE, PPC_BIT(0));
    g_assert_cmphex(npu2_scom_read(&npu, EX_L2_PURGE), ==, PPC_BIT(9));
    g_assert_cmphex(npu2_scom_read(&npu, EX_L3_PURGE), ==, PPC_BIT(0));
    qtest_qom_set_bool(npu.qts, npu.path, "x-fail-purge", false);
    g_assert_cmphex(npu2_scom_read(&npu, EX_L2_PURGE), ==, 0);
    g_assert_cmphex(npu2_scom_read(&npu, EX_L3_PURGE), ==, 0);
    qtest_quit(npu.qts);
}

/* Lanes that never come up: everything else is as it should be */
static void test_untrained(const void *data)
{
    Npu2 npu = npu2_start(data);

    qom_set_uint(npu.qts, npu.path, "x-fail-training", 1);
    npu2_link_train(&npu, 0);
    g_assert_false(npu2_fact_bool(&npu, "link", 0, "trained"));
    g_assert_false(npu2_fact_bool(&npu, "link", 0, "up"));
    qom_set_uint(npu.qts, npu.path, "x-fail-training", 0);
    npu2_link_train(&npu, 0);
    g_assert_true(npu2_fact_bool(&npu, "link", 0, "up"));
    qtest_quit(npu.qts);
}

/* Links go down together with the GPUs: that is no error */
static void test_reset(const void *data)
{
    Npu2 npu = npu2_start_with(data, "-global pnv-npu2.fir-fatal=on");

    train_first_gpu(&npu);
    npu2_ring_write(&npu, xts(NPU2_XTS_BDF_MAP), PATTERN, 8);
    qtest_system_reset(npu.qts);
    g_assert_cmphex(npu2_ring_read(&npu, xts(NPU2_XTS_BDF_MAP), 8), ==, 0);
    g_assert_false(npu2_fact_bool(&npu, "link", 0, "up"));
    g_assert_false(npu2_fact_bool(&npu, "ram", 0, "mapped"));
    qtest_quit(npu.qts);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const void *data);
    } test[] = {
        { "ring", test_ring },
        { "fir", test_fir },
        { "alert", test_alert },
        { "fir-fatal", test_fir_fatal },
        { "ioda", test_ioda },
        { "atsd", test_atsd },
        { "atsd-hypervisor", test_atsd_hypervisor },
        { "atsd-stuck", test_atsd_stuck },
        { "link", test_link },
        { "hardware-fence", test_hardware_fence },
        { "misc-fence", test_misc_fence },
        { "fenced-store", test_fenced_store },
        { "lanes-stop", test_lanes_stop },
        { "fail-purge", test_fail_purge },
        { "untrained", test_untrained },
        { "reset", test_reset },
    };
    unsigned i, j;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(test); i++) {
        for (j = 0; j < G_N_ELEMENTS(npus); j++) {
            g_autofree char *name = g_strdup_printf("pnv-npu2/%s/chip%u",
                                                    test[i].name, npus[j].chip);

            qtest_add_data_func(name, &npus[j], test[i].run);
        }
    }
    return g_test_run();
}
