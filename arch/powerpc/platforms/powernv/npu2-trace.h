/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pnv_npu2

#if !defined(_POWERNV_NPU2_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _POWERNV_NPU2_TRACE_H

#include <linux/tracepoint.h>

#include "npu2.h"

/* The links of a GPU come up, go down or begin to change, and why */
TRACE_EVENT(pnv_npu2_gate,
	TP_PROTO(const struct pnv_npu2_gpu *gpu, enum pnv_npu2_links links,
		 const char *reason),
	TP_ARGS(gpu, links, reason),
	TP_STRUCT__entry(
		__field(int, domain)
		__field(u16, bdfn)
		__field(int, links)
		__string(reason, reason)
	),
	TP_fast_assign(
		__entry->domain = gpu->hose->global_number;
		__entry->bdfn = gpu->bdfn;
		__entry->links = links;
		__assign_str(reason);
	),
	TP_printk("gpu=%04x:%02x:%02x.%d links=%s reason=\"%s\"",
		  __entry->domain, __entry->bdfn >> 8,
		  (__entry->bdfn >> 3) & 0x1f, __entry->bdfn & 7,
		  __print_symbolic(__entry->links,
				   { NPU2_LINKS_DOWN, "down" },
				   { NPU2_LINKS_CHANGING, "changing" },
				   { NPU2_LINKS_UP, "up" }),
		  __get_str(reason))
);

/* A GPU is assigned to an LPID; 0 when it is taken back */
TRACE_EVENT(pnv_npu2_lpid,
	TP_PROTO(const struct pnv_npu2_gpu *gpu, unsigned int lpid, int ret),
	TP_ARGS(gpu, lpid, ret),
	TP_STRUCT__entry(
		__field(int, domain)
		__field(u16, bdfn)
		__field(unsigned int, lpid)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->domain = gpu->hose->global_number;
		__entry->bdfn = gpu->bdfn;
		__entry->lpid = lpid;
		__entry->ret = ret;
	),
	TP_printk("gpu=%04x:%02x:%02x.%d lpid=%u ret=%d",
		  __entry->domain, __entry->bdfn >> 8,
		  (__entry->bdfn >> 3) & 0x1f, __entry->bdfn & 7,
		  __entry->lpid, __entry->ret)
);

/* The DMA window of a PE of the NPU; base 0 when DMA is refused */
TRACE_EVENT(pnv_npu2_window,
	TP_PROTO(int domain, unsigned int pe, u64 base, u64 size, int ret),
	TP_ARGS(domain, pe, base, size, ret),
	TP_STRUCT__entry(
		__field(int, domain)
		__field(unsigned int, pe)
		__field(u64, base)
		__field(u64, size)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->pe = pe;
		__entry->base = base;
		__entry->size = size;
		__entry->ret = ret;
	),
	TP_printk("npu=%04x pe=%x table=%llx size=%llx ret=%d", __entry->domain,
		  __entry->pe, __entry->base, __entry->size, __entry->ret)
);

/* The peer links of a GPU are cut, or could not be */
TRACE_EVENT(pnv_npu2_isolate,
	TP_PROTO(const struct pnv_npu2_gpu *gpu, int ret),
	TP_ARGS(gpu, ret),
	TP_STRUCT__entry(
		__field(int, domain)
		__field(u16, bdfn)
		__field(u32, links)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->domain = gpu->hose->global_number;
		__entry->bdfn = gpu->bdfn;
		__entry->links = gpu->peer_links;
		__entry->ret = ret;
	),
	TP_printk("gpu=%04x:%02x:%02x.%d links=%x ret=%d", __entry->domain,
		  __entry->bdfn >> 8, (__entry->bdfn >> 3) & 0x1f,
		  __entry->bdfn & 7, __entry->links, __entry->ret)
);

#endif /* _POWERNV_NPU2_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../../arch/powerpc/platforms/powernv
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE npu2-trace
#include <trace/define_trace.h>
