// SPDX-License-Identifier: GPL-2.0
/*
 * Whether memory is given back while hardware may still know a TCE that translates to it: between a
 * change of the TCE and its invalidation. The parameters, in /sys/module/tce_order/parameters:
 *
 *	pid		look after this process, one thread of which does something at a time
 *	unmaps, early	how often memory was given back, and how often too early; can be set
 *	changes, kills	how often TCEs were changed, and how often invalidated; can be set
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

static int pid;
module_param(pid, int, 0600);

static unsigned int unmaps, early, changes, kills;
module_param(unmaps, uint, 0600);
module_param(early, uint, 0600);
module_param(changes, uint, 0600);
module_param(kills, uint, 0600);

/* TCEs that have changed since the last invalidation */
static unsigned int changed;

static bool is_ours(void)
{
	return pid && in_task() && task_tgid_nr(current) == pid;
}

static int before_change(struct kprobe *probe, struct pt_regs *regs)
{
	if (is_ours()) {
		changed++;
		changes++;
	}

	return 0;
}

static int before_kill(struct kprobe *probe, struct pt_regs *regs)
{
	if (is_ours()) {
		changed = 0;
		kills++;
	}

	return 0;
}

static int before_unmap(struct kprobe *probe, struct pt_regs *regs)
{
	if (is_ours()) {
		unmaps++;
		early += !!changed;
	}

	return 0;
}

static struct kprobe change = {
	.symbol_name = "iommu_tce_xchg_ua_no_kill",
	.pre_handler = before_change,
};

static struct kprobe kill = {
	.symbol_name = "iommu_tce_kill",
	.pre_handler = before_kill,
};

static struct kprobe unmap = {
	.symbol_name = "mm_iommu_unmap",
	.pre_handler = before_unmap,
};

static struct kprobe *probes[] = { &change, &kill, &unmap };

static int __init tce_order_init(void)
{
	return register_kprobes(probes, ARRAY_SIZE(probes));
}

static void __exit tce_order_exit(void)
{
	unregister_kprobes(probes, ARRAY_SIZE(probes));
}

module_init(tce_order_init);
module_exit(tce_order_exit);
MODULE_DESCRIPTION("Look for memory that is given back before its TCEs are invalidated");
MODULE_LICENSE("GPL");
