/*
 * QTest helpers for the NPU2 of a PowerNV machine
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "pnv-npu2.h"

uint64_t npu2_scom_read(const Npu2 *npu, uint32_t pcba)
{
    return qtest_readq(npu->qts, NPU2_XSCOM(npu->chip) + ((uint64_t)pcba << 3));
}

void npu2_scom_write(const Npu2 *npu, uint32_t pcba, uint64_t val)
{
    qtest_writeq(npu->qts, NPU2_XSCOM(npu->chip) + ((uint64_t)pcba << 3), val);
}

static void npu2_ring_select(const Npu2 *npu, uint32_t addr, unsigned size)
{
    uint64_t val = SETFIELD(NPU2_IND_ADDR_RING, 0ull, addr);

    if (size == 4) {
        val = SETFIELD(NPU2_IND_ADDR_LEN, val, NPU2_IND_ADDR_LEN_4B);
    }
    npu2_scom_write(npu, NPU2_XSCOM_BASE + NPU2_XSCOM_IND_ADDR, val);
}

uint64_t npu2_ring_read(const Npu2 *npu, uint32_t addr, unsigned size)
{
    uint64_t val;

    npu2_ring_select(npu, addr, size);
    val = npu2_scom_read(npu, NPU2_XSCOM_BASE + NPU2_XSCOM_IND_DATA);
    return size == 4 ? val >> 32 : val;
}

void npu2_ring_write(const Npu2 *npu, uint32_t addr, uint64_t val,
                     unsigned size)
{
    npu2_ring_select(npu, addr, size);
    npu2_scom_write(npu, NPU2_XSCOM_BASE + NPU2_XSCOM_IND_DATA,
                    size == 4 ? val << 32 : val);
}

QDict *qom_facts(QTestState *qts, const char *path, const char *property)
{
    QDict *answer = qtest_qmp(qts, "{ 'execute': 'qom-get', 'arguments': "
                              "{ 'path': %s, 'property': %s } }",
                              path, property);
    QDict *facts;

    g_assert(qdict_haskey(answer, "return"));
    facts = qdict_get_qdict(answer, "return");
    qobject_ref(facts);
    qobject_unref(answer);
    return facts;
}

static QDict *npu2_facts(const Npu2 *npu, const char *property, unsigned index)
{
    g_autofree char *name = g_strdup_printf("%s[%u]", property, index);

    return qom_facts(npu->qts, npu->path, name);
}

bool npu2_fact_bool(const Npu2 *npu, const char *property, unsigned index,
                    const char *fact)
{
    QDict *facts = npu2_facts(npu, property, index);
    bool val = qdict_get_bool(facts, fact);

    qobject_unref(facts);
    return val;
}

uint64_t npu2_fact_uint(const Npu2 *npu, const char *property, unsigned index,
                        const char *fact)
{
    QDict *facts = npu2_facts(npu, property, index);
    uint64_t val = qdict_get_int(facts, fact);

    qobject_unref(facts);
    return val;
}

void qom_set_uint(QTestState *qts, const char *path, const char *property,
                  uint64_t val)
{
    QDict *answer = qtest_qmp(qts, "{ 'execute': 'qom-set', 'arguments': "
                              "{ 'path': %s, 'property': %s, 'value': %" PRIu64
                              " } }", path, property, val);

    g_assert(qdict_haskey(answer, "return"));
    qobject_unref(answer);
}

void qom_set_string(QTestState *qts, const char *path, const char *property,
                    const char *val)
{
    QDict *answer = qtest_qmp(qts, "{ 'execute': 'qom-set', 'arguments': "
                              "{ 'path': %s, 'property': %s, 'value': %s } }",
                              path, property, val);

    g_assert(qdict_haskey(answer, "return"));
    qobject_unref(answer);
}

/*
 * Links
 */
static uint32_t npu2_ring_link(unsigned stack, unsigned block0, unsigned block1,
                               unsigned link, uint32_t off)
{
    return NPU2_RING_ADDR(stack + link / 2, link % 2 ? block1 : block0, off);
}

uint32_t npu2_ring_ntl(unsigned link, uint32_t off)
{
    return npu2_ring_link(NPU2_STACK_0, NPU2_BLOCK_NTL0, NPU2_BLOCK_NTL1, link,
                          off);
}

uint32_t npu2_ring_ntlu(unsigned link, uint32_t off)
{
    return npu2_ring_link(NPU2_STACK_0U, NPU2_BLOCK_NTL0, NPU2_BLOCK_NTL1, link,
                          off);
}

static void npu2_link_set_lanes(const Npu2 *npu, unsigned link, uint16_t ctl)
{
    static const uint32_t mask[NPU2_LINKS] = {
        0xf1e000, 0x0e1870, 0x00078f, 0x00078f, 0x0e1870, 0xf1e000,
    };
    unsigned lane;

    for (lane = 0; lane < NPU2_PHY_NR_LANES; lane++) {
        uint64_t val = SETFIELD(NPU2_OBUS_IND_REG, 0ull, NPU2_PHY_RX_CTL);

        val = SETFIELD(NPU2_OBUS_IND_LANE, val, lane);
        val = SETFIELD(NPU2_OBUS_IND_DATA, val, ctl);
        if (mask[link] & (1u << (NPU2_PHY_NR_LANES - 1 - lane))) {
            npu2_scom_write(npu, NPU2_OBUS_XSCOM_PHY(link / 3), val);
        }
    }
}

void npu2_link_stop_lanes(const Npu2 *npu, unsigned link)
{
    npu2_link_set_lanes(npu, link, 0);
}

void npu2_link_train(const Npu2 *npu, unsigned link)
{
    uint32_t iovalid = NPU2_OBUS_XSCOM_IOVALID(link / 3);
    unsigned bit = link < 3 ? link : 5 - link;
    uint32_t control = npu2_ring_link(NPU2_STACK_0U, NPU2_BLOCK_DL0,
                                      NPU2_BLOCK_DL1, link, NPU2_DL_CONTROL);

    npu2_scom_write(npu, iovalid, npu2_scom_read(npu, iovalid) |
                    NPU2_OBUS_IOVALID(bit));
    npu2_link_set_lanes(npu, link, NPU2_PHY_RX_RUN_LANE);
    npu2_ring_write(npu, control, NPU2_DL_CONTROL_RESET, 4);
    npu2_ring_write(npu, control, 0, 4);
    npu2_ring_write(npu, npu2_ring_ntlu(link, NPU2_NTL_RSP_DATA_CREDIT_RX), 0,
                    8);
    npu2_ring_write(npu, npu2_ring_ntl(link, NPU2_NTL_MISC_CFG2),
                    NPU2_NTL_CFG2_BRICK_ENABLE | NPU2_NTL_CFG2_RX_PARITY_ENA,
                    8);
}

/* An aperture of 128 GiB for each GPU, one above the other */
void npu2_ram_map(const Npu2 *npu, unsigned gpu, unsigned links)
{
    uint64_t base = NPU2_GPU_RAM(npu->chip) + ((uint64_t)gpu << 37);
    uint64_t bar = NPU2_GPU_MEM_BAR_ENABLE;
    unsigned link;

    bar = SETFIELD(NPU2_GPU_MEM_BAR_ADDR, bar, base >> 30);
    bar = SETFIELD(NPU2_GPU_MEM_BAR_SIZE, bar, 7);
    for (link = gpu * links; link < (gpu + 1) * links; link++) {
        npu2_ring_write(npu, NPU2_RING_ADDR(NPU2_STACK_0 + link / 2,
                                            NPU2_BLOCK_SM0, link % 2 ?
                                            NPU2_SM_GPU1_MEM_BAR :
                                            NPU2_SM_GPU0_MEM_BAR), bar, 8);
    }
}
