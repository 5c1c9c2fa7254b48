/*
 * QEMU PowerNV: a GPU with NVLink2, its master control: what it is, which units
 * are on, and its interrupts
 *
 * The registers are those of dev_master.ref.txt for GV100 in NVIDIA's
 * open-gpu-doc, but for one: after an MSI there is no other until software has
 * written to 0x704 of the unit XVE, as nouveau does (nvkm/subdev/pci/gp100.c).
 * Sources of an interrupt are the one for software and the GSP falcon.  Which
 * bit that has is not in the manual, and the model chooses one that it leaves
 * free.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/msi.h"
#include "hw/pci/pci_device.h"
#include "pnv_v100_internal.h"
#include "trace.h"

#define V100_PMC                0x000000
#define V100_PMC_SIZE             0x1000
/* NV_PMC_BOOT_0 */
#define V100_BOOT_0             0x000000
#define   V100_BOOT_0_GV100_A1      0x140000a1
/* NV_PMC_INTR(i), NV_PMC_INTR_EN(i), _EN_SET(i), _EN_CLEAR(i) and _SW(i) */
#define V100_INTR               0x000100
#define   V100_INTR_SOFTWARE        0x80000000
#define   V100_INTR_GSP             0x00008000
#define V100_INTR_EN            0x000140
#define V100_INTR_EN_SET        0x000160
#define V100_INTR_EN_CLEAR      0x000180
#define V100_INTR_SW            0x0001a0
#define   V100_INTR_SW_ASSERT       0x00000001
#define   V100_INTR_LAST        (4 * V100_NR_INTR_TREES - 1)
/* NV_PMC_ENABLE */
#define V100_PMC_ENABLE         0x000200

#define V100_XVE                0x088000
#define V100_XVE_SIZE             0x1000
#define V100_MSI_REARM          0x088704

/*
 * Interrupts
 */
static uint32_t v100_intr_pending(const PnvV100 *s, unsigned tree)
{
    return (s->pmc.intr_sw[tree] & V100_INTR_SW_ASSERT ? V100_INTR_SOFTWARE
                                                       : 0) |
           (v100_falcon_raises(s, tree) ? V100_INTR_GSP : 0);
}

static bool v100_intr_raised(const PnvV100 *s)
{
    unsigned i;

    for (i = 0; i < V100_NR_INTR_TREES; i++) {
        if (v100_intr_pending(s, i) & s->pmc.intr_en[i]) {
            return true;
        }
    }
    return false;
}

void v100_intr_update(PnvV100 *s)
{
    PCIDevice *dev = PCI_DEVICE(s);
    bool raised = v100_intr_raised(s);

    if (!msi_enabled(dev)) {
        pci_set_irq(dev, raised);
        return;
    }
    pci_set_irq(dev, 0);
    if (raised && s->pmc.msi_armed) {
        s->pmc.msi_armed = false;
        trace_pnv_v100_msi(v100_name(s));
        msi_notify(dev, 0);
    }
}

/*
 * Registers
 */
static uint32_t v100_pmc_read(PnvV100 *s, uint32_t addr)
{
    unsigned tree = addr / 4 % V100_NR_INTR_TREES;

    switch (addr) {
    case V100_BOOT_0:
        return V100_BOOT_0_GV100_A1;
    case V100_INTR ... V100_INTR + V100_INTR_LAST:
        return v100_intr_pending(s, tree);
    case V100_INTR_EN ... V100_INTR_EN + V100_INTR_LAST:
        return s->pmc.intr_en[tree];
    case V100_INTR_SW ... V100_INTR_SW + V100_INTR_LAST:
        return s->pmc.intr_sw[tree];
    case V100_PMC_ENABLE:
        return s->pmc.enable;
    default:
        return v100_unimp_read(s, addr);
    }
}

static void v100_pmc_write(PnvV100 *s, uint32_t addr, uint32_t val)
{
    unsigned tree = addr / 4 % V100_NR_INTR_TREES;

    switch (addr) {
    case V100_INTR_EN_SET ... V100_INTR_EN_SET + V100_INTR_LAST:
        s->pmc.intr_en[tree] |= val;
        break;
    case V100_INTR_EN_CLEAR ... V100_INTR_EN_CLEAR + V100_INTR_LAST:
        s->pmc.intr_en[tree] &= ~val;
        break;
    case V100_INTR_SW ... V100_INTR_SW + V100_INTR_LAST:
        s->pmc.intr_sw[tree] = val & V100_INTR_SW_ASSERT;
        break;
    case V100_PMC_ENABLE:
        s->pmc.enable = val;
        return;
    default:
        v100_unimp_write(s, addr);
        return;
    }
    v100_intr_update(s);
}

const PnvV100Unit v100_pmc_unit = {
    .base = V100_PMC,
    .size = V100_PMC_SIZE,
    .read = v100_pmc_read,
    .write = v100_pmc_write,
};

static uint32_t v100_xve_read(PnvV100 *s, uint32_t addr)
{
    return v100_unimp_read(s, addr);
}

static void v100_xve_write(PnvV100 *s, uint32_t addr, uint32_t val)
{
    if (addr == V100_MSI_REARM) {
        s->pmc.msi_armed = true;
        v100_intr_update(s);
    } else {
        v100_unimp_write(s, addr);
    }
}

const PnvV100Unit v100_xve_unit = {
    .base = V100_XVE,
    .size = V100_XVE_SIZE,
    .read = v100_xve_read,
    .write = v100_xve_write,
};

void v100_pmc_reset(PnvV100 *s)
{
    memset(&s->pmc, 0, sizeof(s->pmc));
    s->pmc.msi_armed = true;
    v100_intr_update(s);
}
