// SPDX-License-Identifier: GPL-2.0
/*
 * Whether the processor still translates an address at which GPU RAM was mapped for a read or write
 * of the file. Looks when the driver leaves the gate, where the links may go down next. The
 * parameters, in /sys/module/tlb_peek/parameters:
 *
 *	pid		look after this process
 *	looks, reached	how often an address was looked at, and how often there was something;
 *			can be set
 */
#include <linux/io.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

static int pid;
module_param(pid, int, 0600);

static unsigned int looks, reached;
module_param(looks, uint, 0600);
module_param(reached, uint, 0600);

/* Of one process, which is in one system call at a time */
static void *mapped;

static bool is_ours(void)
{
	return pid && in_task() && task_tgid_nr(current) == pid;
}

static int after_mapping(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (is_ours())
		mapped = (void *)regs_return_value(regs);

	return 0;
}

static struct kretprobe mapping = {
	.kp.symbol_name	= "memremap",
	.handler	= after_mapping,
};

static int before_exit(struct kprobe *probe, struct pt_regs *regs)
{
	u64 val;

	if (!is_ours() || !mapped)
		return 0;

	looks++;
	if (!copy_from_kernel_nofault(&val, mapped, sizeof(val)))
		reached++;
	mapped = NULL;

	return 0;
}

static struct kprobe gate = {
	.symbol_name	= "pnv_npu2_gpu_exit",
	.pre_handler	= before_exit,
};

static int __init tlb_peek_init(void)
{
	int ret;

	ret = register_kretprobe(&mapping);
	if (ret)
		return ret;
	ret = register_kprobe(&gate);
	if (ret)
		unregister_kretprobe(&mapping);

	return ret;
}

static void __exit tlb_peek_exit(void)
{
	unregister_kprobe(&gate);
	unregister_kretprobe(&mapping);
}

module_init(tlb_peek_init);
module_exit(tlb_peek_exit);
MODULE_DESCRIPTION("Look for translations of GPU RAM that are left");
MODULE_LICENSE("GPL");
