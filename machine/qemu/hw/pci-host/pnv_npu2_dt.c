/*
 * QEMU PowerNV NPU2: what the board tells firmware about the NPU
 *
 * On a real machine the hostboot firmware describes the NPU in its hardware
 * data; skiboot turns that into device-tree nodes.  The machines of QEMU hand
 * skiboot a tree instead, so the model makes those nodes.  Node names and
 * properties agree with skiboot's sample of a real Witherspoon,
 * hdata/test/op920.wsp.dts.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/ppc/fdt.h"
#include "hw/ppc/pnv.h"
#include "hw/ppc/pnv_chip.h"
#include "hw/ppc/pnv_xscom.h"
#include "pnv_npu2_internal.h"
#include <libfdt.h>

/* The number of SCOMs that the sample tree gives the NPU */
#define NPU2_DT_XSCOM_SIZE      0x2c

#define NPU2_DT_SPEED_25_0      25000000000ull
#define NPU2_DT_SPEED_25_78     25781250000ull

/* NVIDIA's code for a link speed, and the speed */
static uint64_t npu2_dt_link_speed(const PnvNpu2 *npu)
{
    return npu->dt.link_speed == 9 ? NPU2_DT_SPEED_25_0 : NPU2_DT_SPEED_25_78;
}

static void npu2_dt_link_slot(PnvNpu2 *npu, void *fdt, int node, unsigned link)
{
    unsigned gpu = npu->first_gpu + npu2_brick_group(npu, link);
    g_autofree char *label = g_strdup_printf("GPU%u", gpu);

    if (!npu->dt.no_slot_label) {
        _FDT(fdt_setprop_string(fdt, node, "ibm,slot-label",
                                npu->dt.slot_label ?: label));
    }
    _FDT(fdt_setprop_cell(fdt, node, "ibm,pcie-slot",
                          PNV_NPU2_SLOT_PHANDLE(gpu)));
}

static void npu2_dt_link(PnvNpu2 *npu, void *fdt, int parent, unsigned link)
{
    static const uint32_t brick_id[NPU2_NR_BRICKS] = { 0, 1, 2, 9, 0xa, 0xb };
    g_autofree char *name = g_strdup_printf("link@%u", link);
    int node = fdt_add_subnode(fdt, parent, name);

    _FDT(node);
    _FDT(fdt_setprop_string(fdt, node, "compatible", "ibm,npu-link"));
    _FDT(fdt_setprop_cell(fdt, node, "reg", link));
    _FDT(fdt_setprop_cell(fdt, node, "ibm,npu-link-index", link));
    _FDT(fdt_setprop_cell(fdt, node, "ibm,workbook-link-id", link * 2 + 1));
    _FDT(fdt_setprop_u64(fdt, node, "ibm,npu-phy", PPC_BIT(0) |
                         NPU2_OBUS_XSCOM_PHY(npu2_brick_obus(link))));
    _FDT(fdt_setprop_cell(fdt, node, "ibm,npu-lane-mask",
                          npu2_lane_mask[link]));
    _FDT(fdt_setprop_cell(fdt, node, "ibm,npu-brick-id", brick_id[link]));
    _FDT(fdt_setprop_cell(fdt, node, "ibm,npu-group-id",
                          npu2_brick_group(npu, link)));
    npu2_dt_link_slot(npu, fdt, node, link);
    _FDT(fdt_setprop_u64(fdt, node, "ibm,link-speed",
                         npu2_dt_link_speed(npu)));
    if (!npu->dt.no_link_speed) {
        _FDT(fdt_setprop_cell(fdt, node, "nvidia,link-speed",
                              npu->dt.link_speed));
    }
}

int npu2_dt_xscom(PnvXScomInterface *dev, void *fdt, int xscom_offset)
{
    PnvNpu2 *npu = PNV_NPU2(dev);
    uint32_t reg[] = { cpu_to_be32(NPU2_XSCOM_BASE),
                       cpu_to_be32(NPU2_DT_XSCOM_SIZE) };
    int node, link;

    npu2_nmmu_dt(fdt, xscom_offset);

    node = fdt_add_subnode(fdt, xscom_offset, "npu@5011000");
    _FDT(node);
    _FDT(fdt_setprop(fdt, node, "reg", reg, sizeof(reg)));
    _FDT(fdt_setprop_cell(fdt, node, "#size-cells", 0));
    _FDT(fdt_setprop_cell(fdt, node, "#address-cells", 1));
    _FDT(fdt_setprop_string(fdt, node, "compatible", "ibm,power9-npu"));
    _FDT(fdt_setprop_cell(fdt, node, "ibm,npu-index", npu->index));
    _FDT(fdt_setprop_cell(fdt, node, "ibm,npu-links", NPU2_NR_BRICKS));

    /* libfdt puts a new node before its siblings, skiboot counts in order */
    for (link = NPU2_NR_BRICKS - 1; link >= 0; link--) {
        npu2_dt_link(npu, fdt, node, link);
    }
    return 0;
}
