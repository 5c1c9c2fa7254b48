/*
 * QEMU PowerNV: a GPU with NVLink2, its links to other GPUs
 *
 * A GPU reaches all RAM of the GPU at the other end of such a link: no IOMMU is
 * on the way.  What ends that is register 0xa00148 of either GPU.
 *
 * The drivers of both GPUs would have to train the link.  Here it carries
 * traffic as soon as both ends answer and neither is cut, which is the worst
 * case for whoever wants to keep owners of GPUs apart.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "exec/address-spaces.h"
#include "hw/ppc/pnv_view.h"
#include "pnv_v100_internal.h"
#include "trace.h"

void pnv_v100_join(PnvV100 *a, unsigned link_a, PnvV100 *b, unsigned link_b)
{
    PnvV100PeerLink *end_a = &a->peers.link[link_a];
    PnvV100PeerLink *end_b = &b->peers.link[link_b];

    assert(link_a < V100_NR_LINKS && !(a->cpu_links & BIT(link_a)));
    assert(link_b < V100_NR_LINKS && !(b->cpu_links & BIT(link_b)));
    assert(a != b && !end_a->gpu && !end_b->gpu);
    *end_a = (PnvV100PeerLink) { .gpu = b, .link = link_b };
    *end_b = (PnvV100PeerLink) { .gpu = a, .link = link_a };
}

void v100_peer_leave(PnvV100 *s)
{
    unsigned i;

    for (i = 0; i < V100_NR_LINKS; i++) {
        PnvV100PeerLink *end = &s->peers.link[i];

        if (end->gpu) {
            end->gpu->peers.link[end->link].gpu = NULL;
            end->gpu = NULL;
        }
    }
}

bool v100_peer_up(const PnvV100 *s, unsigned gpu_link)
{
    const PnvV100PeerLink *end = &s->peers.link[gpu_link];

    return end->gpu && v100_link_open(s, gpu_link) &&
           v100_link_open(end->gpu, end->link);
}

uint32_t v100_peers_up(const PnvV100 *s)
{
    uint32_t up = 0;
    unsigned i;

    for (i = 0; i < V100_NR_LINKS; i++) {
        up |= (uint32_t)v100_peer_up(s, i) << i;
    }
    return up;
}

static PnvV100PeerResult v100_peer_access(PnvV100 *s, unsigned gpu_link,
                                          const PnvV100Access *a)
{
    PnvV100 *peer = s->peers.link[gpu_link].gpu;

    if (!v100_peer_up(s, gpu_link)) {
        s->peers.refused++;
        return V100_PEER_DOWN;
    }
    if (address_space_rw(&peer->ram_as, a->addr, MEMTXATTRS_UNSPECIFIED, a->buf,
                         a->len, a->is_write) != MEMTX_OK) {
        return V100_PEER_NO_RAM;
    }
    s->peers.bytes += a->len;
    peer->peers.served += a->len;
    return V100_PEER_OK;
}

PnvV100PeerResult v100_peer_rw(PnvV100 *s, unsigned gpu_link,
                               const PnvV100Access *a)
{
    PnvV100PeerResult result = v100_peer_access(s, gpu_link, a);

    trace_pnv_v100_peer(v100_name(s), gpu_link, a->is_write ? "write" : "read",
                        a->addr, a->len, result);
    return result;
}

/*
 * Looking in
 */
static uint32_t v100_peer_links(const PnvV100 *s)
{
    uint32_t mask = 0;
    unsigned i;

    for (i = 0; i < V100_NR_LINKS; i++) {
        mask |= (uint32_t)!!s->peers.link[i].gpu << i;
    }
    return mask;
}

static void v100_get_peers(Object *obj, Visitor *v, const char *name,
                           void *opaque, Error **errp)
{
    const PnvV100 *s = PNV_V100(obj);
    PnvView view;

    if (pnv_view_begin(&view, v, name, errp)) {
        pnv_view_uint(&view, "links", v100_peer_links(s));
        pnv_view_uint(&view, "up", v100_peers_up(s));
        pnv_view_uint(&view, "bytes", s->peers.bytes);
        pnv_view_uint(&view, "served", s->peers.served);
        pnv_view_uint(&view, "refused", s->peers.refused);
        pnv_view_end(&view);
    }
}

void v100_peer_init(Object *obj)
{
    object_property_add(obj, "peers", "struct", v100_get_peers, NULL, NULL,
                        NULL);
}
