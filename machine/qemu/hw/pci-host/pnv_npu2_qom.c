/*
 * QEMU PowerNV NPU2: looking in from outside, and injecting faults
 *
 * QOM properties that show state, and those with "x-" that make hardware fail;
 * all also while the machine runs.  docs/specs/pnv-v100.rst lists them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/ppc/pnv_view.h"
#include "pnv_npu2_internal.h"

typedef uint64_t *(*PnvNpu2Field)(PnvNpu2 *npu, unsigned index);
typedef uint64_t (*PnvNpu2Get64)(PnvNpu2 *npu, unsigned index);
typedef void (*PnvNpu2Show)(PnvNpu2 *npu, unsigned index, PnvView *view);

/*
 * An array of properties NAME[0], NAME[1], ... or a single NAME: a number, or
 * a struct of several facts.  Fields can be written: what firmware finds in a
 * table is not always its own doing.
 */
typedef struct PnvNpu2View {
    const char *name;
    unsigned count;             /* 0: not an array */
    PnvNpu2Field field;
    void (*written)(PnvNpu2 *npu, unsigned index);
    PnvNpu2Get64 get64;
    PnvNpu2Show show;
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

static void npu2_view_link(PnvNpu2 *npu, unsigned i, PnvView *view)
{
    pnv_view_bool(view, "up", pnv_npu2_link_up(npu, i));
    pnv_view_bool(view, "trained", npu->brick[i].trained);
    pnv_view_str(view, "fence", npu2_fence_name(npu, i));
    pnv_view_bool(view, "dl-reset", npu->brick[i].reset_done);
    pnv_view_bool(view, "iovalid", npu2_phy_iovalid(npu, i));
    pnv_view_uint(view, "dma-bytes", npu->brick[i].dma_bytes);
    pnv_view_uint(view, "ats-bytes", npu->brick[i].ats_bytes);
}

static void npu2_view_atsd(PnvNpu2 *npu, unsigned i, PnvView *view)
{
    const PnvNpu2Atsd *atsd = &npu->atsd[i];

    pnv_view_uint(view, "launches", atsd->launches);
    pnv_view_uint(view, "hits", atsd->hits);
    pnv_view_uint(view, "misses", atsd->misses);
    pnv_view_uint(view, "overruns", atsd->overruns);
    pnv_view_bool(view, "busy", atsd->status & NPU2_ATSD_STATUS_BUSY);
    pnv_view_uint(view, "launch", atsd->launch);
    pnv_view_uint(view, "ava", atsd->ava);
}

static void npu2_view_ram(PnvNpu2 *npu, unsigned i, PnvView *view)
{
    const PnvNpu2Aperture *ap = &npu->aperture[i];

    pnv_view_uint(view, "base", npu2_mem_bar_base(ap->bar));
    pnv_view_bool(view, "mapped", ap->bar);
    pnv_view_bool(view, "up", ap->up);
    pnv_view_uint(view, "refused", ap->refused);
    pnv_view_uint(view, "dropped", ap->dropped);
}

static void npu2_view_dma(PnvNpu2 *npu, unsigned i, PnvView *view)
{
    const PnvNpu2Ats *ats = &npu->ats;

    pnv_view_uint(view, "denied", ats->dma_denied);
    pnv_view_uint(view, "faults", ats->dma_faults);
    pnv_view_uint(view, "frozen", ats->dma_frozen);
    pnv_view_uint(view, "tve-writes", ats->tve_writes);
    pnv_view_uint(view, "kills-all", ats->kills_all);
    pnv_view_uint(view, "kills-one", ats->kills_one);
}

static const PnvNpu2View npu2_view[] = {
    { "tve", NPU2_NR_TVES, .field = npu2_view_tve },
    { "bdf-map", NPU2_NR_BDF_ROWS, .field = npu2_view_bdf_map },
    { "pid-map", NPU2_NR_PID_ROWS, .field = npu2_view_pid_map },
    { "atsd-lparid", NPU2_NR_ATSDS, .field = npu2_view_atsd_lparid },
    { "bdf2pe", NPU2_NR_BRICKS, .field = npu2_view_bdf2pe },
    { "fir", NPU2_NR_FIRS, .field = npu2_view_fir,
      .written = npu2_fir_changed },
    { "pestb", NPU2_NR_PES, .field = npu2_view_pestb,
      .written = npu2_pe_freeze_changed },
    { "links-up", 0, .get64 = npu2_view_links_up },
    { "purges", 0, .get64 = npu2_view_purges },
    { "link", NPU2_NR_BRICKS, .show = npu2_view_link },
    { "atsd", NPU2_NR_ATSDS, .show = npu2_view_atsd },
    { "ram", NPU2_MAX_GPUS, .show = npu2_view_ram },
    { "dma", 0, .show = npu2_view_dma },
};

static void npu2_get_view(Object *obj, Visitor *v, const char *name,
                          void *opaque, Error **errp)
{
    PnvNpu2ViewItem *item = opaque;
    PnvNpu2 *npu = PNV_NPU2(obj);
    PnvView view;
    uint64_t val;

    if (item->view->show) {
        if (pnv_view_begin(&view, v, name, errp)) {
            item->view->show(npu, item->index, &view);
            pnv_view_end(&view);
        }
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
    object_class_property_add(oc, name, view->show ? "struct" : "uint64",
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

static bool npu2_get_fail_purge(Object *obj, Error **errp)
{
    return PNV_NPU2(obj)->faults.purge;
}

static void npu2_set_fail_purge(Object *obj, bool value, Error **errp)
{
    npu2_fault_purge(PNV_NPU2(obj), value);
}

/*
 * What sources leave open, or what not every machine does
 */
static const QEnumLookup npu2_fenced_store_lookup = {
    .array = (const char *const[]) {
        [NPU2_FENCED_STORE_MCE] = "mce",
        [NPU2_FENCED_STORE_DROP] = "drop",
    },
    .size = NPU2_FENCED_STORE_DROP + 1,
};

static int npu2_get_fenced_store(Object *obj, Error **errp)
{
    return PNV_NPU2(obj)->fenced_store;
}

static void npu2_set_fenced_store(Object *obj, int value, Error **errp)
{
    PNV_NPU2(obj)->fenced_store = value;
}

static bool npu2_get_freeze_on_refusal(Object *obj, Error **errp)
{
    return PNV_NPU2(obj)->freeze_on_refusal;
}

static void npu2_set_freeze_on_refusal(Object *obj, bool value, Error **errp)
{
    PNV_NPU2(obj)->freeze_on_refusal = value;
}

static void npu2_qom_init_behaviour(ObjectClass *oc)
{
    object_class_property_add_enum(oc, "fenced-store", "PnvNpu2FencedStore",
                                   &npu2_fenced_store_lookup,
                                   npu2_get_fenced_store,
                                   npu2_set_fenced_store);
    object_class_property_set_description(oc, "fenced-store",
                              "what a store to fenced GPU RAM is: mce or drop");
    object_class_property_add_bool(oc, "freeze-on-refusal",
                                   npu2_get_freeze_on_refusal,
                                   npu2_set_freeze_on_refusal);
    object_class_property_set_description(oc, "freeze-on-refusal",
                              "a DMA that is refused freezes its PE");
}

void npu2_qom_init(ObjectClass *oc)
{
    unsigned i, j;

    npu2_qom_init_behaviour(oc);

    for (i = 0; i < ARRAY_SIZE(npu2_view); i++) {
        for (j = 0; j < MAX(npu2_view[i].count, 1); j++) {
            npu2_view_add(oc, &npu2_view[i], j);
        }
    }

    object_class_property_add(oc, "x-fail-training", "uint32", npu2_get_mask,
                              npu2_set_train_fail, NULL,
                              (void *)offsetof(PnvNpu2, faults.train_fail));
    object_class_property_set_description(oc, "x-fail-training",
                              "mask of links whose training never completes");
    object_class_property_add(oc, "x-fence", "uint32", npu2_get_mask,
                              npu2_set_fence, NULL,
                              (void *)offsetof(PnvNpu2, faults.fence));
    object_class_property_set_description(oc, "x-fence",
                              "mask of links that are held in a fence");
    object_class_property_add_bool(oc, "x-fail-zcal", npu2_get_zcal_error,
                                   npu2_set_zcal_error);
    object_class_property_set_description(oc, "x-fail-zcal",
                              "impedance calibration reports an error");
    object_class_property_add_bool(oc, "x-atsd-stuck", npu2_get_atsd_stuck,
                                   npu2_set_atsd_stuck);
    object_class_property_set_description(oc, "x-atsd-stuck",
                              "translation shootdowns never complete");
    object_class_property_add_bool(oc, "x-fail-purge", npu2_get_fail_purge,
                                   npu2_set_fail_purge);
    object_class_property_set_description(oc, "x-fail-purge",
                              "purges of the chip's caches never end");
}
