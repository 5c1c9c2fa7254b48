/*
 * QEMU PowerNV NPU2: looking in from outside, and injecting faults
 *
 * QOM properties that show state (read only) and that make hardware fail
 * (read and write, also while the machine runs).  docs/specs/pnv-v100.rst
 * lists them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/ppc/pnv.h"
#include "hw/ppc/pnv_chip.h"
#include "pnv_npu2_internal.h"

typedef uint64_t *(*PnvNpu2Field)(PnvNpu2 *npu, unsigned index);
typedef uint64_t (*PnvNpu2Get64)(PnvNpu2 *npu, unsigned index);
typedef char *(*PnvNpu2GetStr)(PnvNpu2 *npu, unsigned index);

/*
 * An array of properties NAME[0], NAME[1], ... or a single NAME.  Fields can
 * be written: what firmware finds in a table is not always its own doing.
 */
typedef struct PnvNpu2View {
    const char *name;
    unsigned count;             /* 0: not an array */
    PnvNpu2Field field;
    void (*written)(PnvNpu2 *npu, unsigned index);
    PnvNpu2Get64 get64;
    PnvNpu2GetStr get_str;
} PnvNpu2View;

typedef struct PnvNpu2ViewItem {
    const PnvNpu2View *view;
    unsigned index;
} PnvNpu2ViewItem;

/*
 * Views
 */
static uint64_t *npu2_view_tve(PnvNpu2 *npu, unsigned i)
{
    return &npu->ats.tve[i];
}

static uint64_t *npu2_view_bdf_map(PnvNpu2 *npu, unsigned i)
{
    return &npu->xts.bdf_map[i];
}

static uint64_t *npu2_view_pid_map(PnvNpu2 *npu, unsigned i)
{
    return &npu->xts.pid_map[i].map;
}

static uint64_t *npu2_view_atsd_lparid(PnvNpu2 *npu, unsigned i)
{
    return &npu->xts.atsd_lparid[i];
}

static uint64_t *npu2_view_bdf2pe(PnvNpu2 *npu, unsigned i)
{
    return &npu->stack[NPU2_BRICK_STACK(i)].ctl.reg[NPU2_CTL_BDF2PE(i, 0)
                                                    >> 3];
}

static uint64_t *npu2_view_fir(PnvNpu2 *npu, unsigned i)
{
    return &npu->fir[i].value;
}

static uint64_t *npu2_view_pestb(PnvNpu2 *npu, unsigned i)
{
    return &npu->misc.reg[NPU2_MISC_PESTB(i) >> 3];
}

static uint64_t npu2_view_links_up(PnvNpu2 *npu, unsigned i)
{
    uint64_t mask = 0;

    for (i = 0; i < NPU2_NR_BRICKS; i++) {
        mask |= (uint64_t)pnv_npu2_link_up(npu, i) << i;
    }
    return mask;
}

static uint64_t npu2_view_purges(PnvNpu2 *npu, unsigned i)
{
    return pnv_npu2_purges(npu);
}

static const char *npu2_fence_name(PnvNpu2 *npu, unsigned brick)
{
    const PnvNpu2RegFile *ntlu = &npu->brick[brick].ntlu;

    if (!npu2_link_fenced(npu, brick)) {
        return "none";
    }
    return ntlu->reg[NPU2_NTL_MISC_CFG1 >> 3] & NPU2_NTL_CFG1_FENCE ?
           "firmware" : "hardware";
}

static char *npu2_view_link(PnvNpu2 *npu, unsigned i)
{
    return g_strdup_printf("up=%d trained=%d fence=%s dl-reset=%d iovalid=%d",
                           pnv_npu2_link_up(npu, i), npu->brick[i].trained,
                           npu2_fence_name(npu, i), npu->brick[i].reset_done,
                           npu2_phy_iovalid(npu, i));
}

static char *npu2_view_atsd(PnvNpu2 *npu, unsigned i)
{
    const PnvNpu2Atsd *atsd = &npu->atsd[i];

    return g_strdup_printf("launches=%" PRIu64 " hits=%" PRIu64
                           " misses=%" PRIu64 " overruns=%" PRIu64
                           " busy=%d launch=0x%016" PRIx64
                           " ava=0x%016" PRIx64, atsd->launches, atsd->hits,
                           atsd->misses, atsd->overruns,
                           !!(atsd->status & NPU2_ATSD_STATUS_BUSY),
                           atsd->launch, atsd->ava);
}

static char *npu2_view_ram(PnvNpu2 *npu, unsigned i)
{
    const PnvNpu2Aperture *ap = &npu->aperture[i];

    return g_strdup_printf("base=0x%" PRIx64 " mapped=%d up=%d refused=%"
                           PRIu64, ap->mr.addr, ap->mr.enabled,
                           npu->gpu[i] && ap->ram.enabled, ap->refused);
}

static char *npu2_view_dma(PnvNpu2 *npu, unsigned i)
{
    const PnvNpu2Ats *ats = &npu->ats;

    return g_strdup_printf("bytes=%" PRIu64 " denied=%" PRIu64 " faults=%"
                           PRIu64 " frozen=%" PRIu64 " tve-writes=%" PRIu64
                           " kills-all=%" PRIu64 " kills-one=%" PRIu64,
                           ats->dma_bytes, ats->dma_denied, ats->dma_faults,
                           ats->dma_frozen, ats->tve_writes, ats->kills_all,
                           ats->kills_one);
}

static const PnvNpu2View npu2_view[] = {
    { "tve", NPU2_NR_TVES, .field = npu2_view_tve },
    { "bdf-map", NPU2_NR_BDF_ROWS, .field = npu2_view_bdf_map },
    { "pid-map", NPU2_NR_PID_ROWS, .field = npu2_view_pid_map },
    { "atsd-lparid", NPU2_NR_ATSDS, .field = npu2_view_atsd_lparid },
    { "bdf2pe", NPU2_NR_BRICKS, .field = npu2_view_bdf2pe },
    { "fir", NPU2_NR_FIRS, .field = npu2_view_fir },
    { "pestb", NPU2_NR_PES, .field = npu2_view_pestb,
      .written = npu2_pe_freeze_changed },
    { "links-up", 0, .get64 = npu2_view_links_up },
    { "purges", 0, .get64 = npu2_view_purges },
    { "link", NPU2_NR_BRICKS, .get_str = npu2_view_link },
    { "atsd", NPU2_NR_ATSDS, .get_str = npu2_view_atsd },
    { "ram", NPU2_MAX_GPUS, .get_str = npu2_view_ram },
    { "dma", 0, .get_str = npu2_view_dma },
};

static void npu2_get_view(Object *obj, Visitor *v, const char *name,
                          void *opaque, Error **errp)
{
    PnvNpu2ViewItem *item = opaque;
    PnvNpu2 *npu = PNV_NPU2(obj);
    g_autofree char *str = NULL;
    uint64_t val;

    if (item->view->get_str) {
        str = item->view->get_str(npu, item->index);
        visit_type_str(v, name, &str, errp);
        return;
    }
    val = item->view->field ? *item->view->field(npu, item->index)
                            : item->view->get64(npu, item->index);
    visit_type_uint64(v, name, &val, errp);
}

static void npu2_set_view(Object *obj, Visitor *v, const char *name,
                          void *opaque, Error **errp)
{
    PnvNpu2ViewItem *item = opaque;
    PnvNpu2 *npu = PNV_NPU2(obj);
    uint64_t val;

    if (visit_type_uint64(v, name, &val, errp)) {
        *item->view->field(npu, item->index) = val;
        if (item->view->written) {
            item->view->written(npu, item->index);
        }
    }
}

static void npu2_view_add(ObjectClass *oc, const PnvNpu2View *view,
                          unsigned index)
{
    PnvNpu2ViewItem *item = g_new(PnvNpu2ViewItem, 1);
    g_autofree char *name = view->count ?
        g_strdup_printf("%s[%u]", view->name, index) : g_strdup(view->name);

    *item = (PnvNpu2ViewItem) { .view = view, .index = index };
    object_class_property_add(oc, name, view->get_str ? "string" : "uint64",
                              npu2_get_view,
                              view->field ? npu2_set_view : NULL, NULL, item);
}

/*
 * Faults
 */
static void npu2_get_mask(Object *obj, Visitor *v, const char *name,
                          void *opaque, Error **errp)
{
    uint32_t *field = (void *)PNV_NPU2(obj) + (uintptr_t)opaque;

    visit_type_uint32(v, name, field, errp);
}

static bool npu2_visit_mask(Visitor *v, const char *name, uint32_t *mask,
                            Error **errp)
{
    if (!visit_type_uint32(v, name, mask, errp)) {
        return false;
    }
    if (*mask >> NPU2_NR_BRICKS) {
        error_setg(errp, "%s: there are only %d links", name, NPU2_NR_BRICKS);
        return false;
    }
    return true;
}

static void npu2_set_train_fail(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    uint32_t mask;

    if (npu2_visit_mask(v, name, &mask, errp)) {
        PNV_NPU2(obj)->faults.train_fail = mask;
    }
}

static void npu2_set_fence(Object *obj, Visitor *v, const char *name,
                           void *opaque, Error **errp)
{
    uint32_t mask;

    if (npu2_visit_mask(v, name, &mask, errp)) {
        npu2_link_fault_fence(PNV_NPU2(obj), mask);
    }
}

static bool npu2_get_zcal_error(Object *obj, Error **errp)
{
    return PNV_NPU2(obj)->faults.zcal_error;
}

static void npu2_set_zcal_error(Object *obj, bool value, Error **errp)
{
    PNV_NPU2(obj)->faults.zcal_error = value;
}

static bool npu2_get_atsd_stuck(Object *obj, Error **errp)
{
    return PNV_NPU2(obj)->faults.atsd_stuck;
}

static void npu2_set_atsd_stuck(Object *obj, bool value, Error **errp)
{
    npu2_atsd_fault_stuck(PNV_NPU2(obj), value);
}

void npu2_qom_init(ObjectClass *oc)
{
    unsigned i, j;

    for (i = 0; i < ARRAY_SIZE(npu2_view); i++) {
        for (j = 0; j < MAX(npu2_view[i].count, 1); j++) {
            npu2_view_add(oc, &npu2_view[i], j);
        }
    }

    object_class_property_add(oc, "fail-training", "uint32", npu2_get_mask,
                              npu2_set_train_fail, NULL,
                              (void *)offsetof(PnvNpu2, faults.train_fail));
    object_class_property_set_description(oc, "fail-training",
                              "mask of links whose training never completes");
    object_class_property_add(oc, "fence", "uint32", npu2_get_mask,
                              npu2_set_fence, NULL,
                              (void *)offsetof(PnvNpu2, faults.fence));
    object_class_property_set_description(oc, "fence",
                              "mask of links that are held in a fence");
    object_class_property_add_bool(oc, "fail-zcal", npu2_get_zcal_error,
                                   npu2_set_zcal_error);
    object_class_property_set_description(oc, "fail-zcal",
                              "impedance calibration reports an error");
    object_class_property_add_bool(oc, "atsd-stuck", npu2_get_atsd_stuck,
                                   npu2_set_atsd_stuck);
    object_class_property_set_description(oc, "atsd-stuck",
                              "translation shootdowns never complete");
}
