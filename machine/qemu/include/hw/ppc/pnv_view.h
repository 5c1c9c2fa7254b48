/*
 * QEMU PowerNV: QOM properties that show several facts at once, as a struct
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef PPC_PNV_VIEW_H
#define PPC_PNV_VIEW_H

#include "qapi/error.h"
#include "qapi/visitor.h"

/* Only for reading; the first error ends it */
typedef struct PnvView {
    Visitor *v;
    bool ok;
    Error **errp;
} PnvView;

static inline bool pnv_view_begin(PnvView *view, Visitor *v, const char *name,
                                  Error **errp)
{
    *view = (PnvView) { .v = v, .errp = errp };
    view->ok = visit_start_struct(v, name, NULL, 0, errp);
    return view->ok;
}

static inline void pnv_view_uint(PnvView *view, const char *name, uint64_t val)
{
    view->ok = view->ok && visit_type_uint64(view->v, name, &val, view->errp);
}

static inline void pnv_view_bool(PnvView *view, const char *name, bool val)
{
    view->ok = view->ok && visit_type_bool(view->v, name, &val, view->errp);
}

static inline void pnv_view_str(PnvView *view, const char *name,
                                const char *val)
{
    g_autofree char *str = g_strdup(val);

    view->ok = view->ok && visit_type_str(view->v, name, &str, view->errp);
}

static inline void pnv_view_end(PnvView *view)
{
    if (view->ok) {
        visit_check_struct(view->v, view->errp);
    }
    visit_end_struct(view->v, NULL);
}

#endif /* PPC_PNV_VIEW_H */
