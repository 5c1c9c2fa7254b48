/*
 * QTest helpers for the NPU2 of a PowerNV machine
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PNV_NPU2_TEST_H
#define PNV_NPU2_TEST_H

#include "libqtest.h"
#include "qobject/qdict.h"

#define PPC_BIT(bit)            (0x8000000000000000ULL >> (bit))
#define PPC_BIT32(bit)          (0x80000000 >> (bit))
#define PPC_BITMASK(bs, be)     ((PPC_BIT(bs) - PPC_BIT(be)) | PPC_BIT(bs))

#define MASK_TO_LSH(m)          (__builtin_ffsll(m) - 1)
#define GETFIELD(m, v)          (((v) & (m)) >> MASK_TO_LSH(m))
#define SETFIELD(m, v, val) \
        (((v) & ~(m)) | ((((typeof(v))(val)) << MASK_TO_LSH(m)) & (m)))

#include "hw/pci-host/pnv_npu2_regs.h"

/* Where things are on the chip with the id @chip */
#define NPU2_CHIP(chip, addr)   ((addr) + ((uint64_t)(chip) << 42))
#define NPU2_MMIO(chip)         NPU2_CHIP(chip, 0x0006030200000000ull)
#define NPU2_GPU_RAM(chip)      NPU2_CHIP(chip, 0x0000040000000000ull)
#define NPU2_XSCOM(chip)        NPU2_CHIP(chip, 0x000603fc00000000ull)
#define NPU2_LINKS              6

typedef struct Npu2 {
    QTestState *qts;
    unsigned chip;              /* its id */
    const char *path;           /* of the device */
} Npu2;

uint64_t npu2_scom_read(const Npu2 *npu, uint32_t pcba);
void npu2_scom_write(const Npu2 *npu, uint32_t pcba, uint64_t val);
/* by the indirect pair; @size is 4 or 8 */
uint64_t npu2_ring_read(const Npu2 *npu, uint32_t addr, unsigned size);
void npu2_ring_write(const Npu2 *npu, uint32_t addr, uint64_t val,
                     unsigned size);
/* a struct of facts that the device shows */
QDict *qom_facts(QTestState *qts, const char *path, const char *property);
bool npu2_fact_bool(const Npu2 *npu, const char *property, unsigned index,
                    const char *fact);
uint64_t npu2_fact_uint(const Npu2 *npu, const char *property, unsigned index,
                        const char *fact);
void qom_set_uint(QTestState *qts, const char *path, const char *property,
                  uint64_t val);
void qom_set_string(QTestState *qts, const char *path, const char *property,
                    const char *val);
uint32_t npu2_ring_ntl(unsigned link, uint32_t off);
uint32_t npu2_ring_ntlu(unsigned link, uint32_t off);
/* what firmware's procedures do, as far as the link depends on it */
void npu2_link_train(const Npu2 *npu, unsigned link);
void npu2_link_stop_lanes(const Npu2 *npu, unsigned link);
void npu2_ram_map(const Npu2 *npu, unsigned gpu, unsigned links);

#endif /* PNV_NPU2_TEST_H */
