// SPDX-License-Identifier: GPL-2.0
/*
 * OPAL calls that fail on request: the kernel's wrapper of a call returns a code of our choice, and
 * firmware is not called. The parameters, in /sys/module/opal_fail/parameters:
 *
 *	functions	the wrappers, as "opal_npu_map_lpar" or several with commas; none at first
 *	caller		only calls by kernel functions whose name begins with this
 *	pid		only calls on behalf of this process
 *	code		what the wrapper returns
 *	skip, times	how many calls go through first, and how many fail then
 *	calls, failed	how many there were, and how many of them failed; can be set
 */
#include <linux/atomic.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/opal-api.h>

#define MAX_FUNCTIONS	8

static char caller[64];

static int set_caller(const char *val, const struct kernel_param *kp)
{
	/* Without the end of the line that came with it */
	strscpy(caller, skip_spaces(val), sizeof(caller));
	strim(caller);

	return 0;
}

static int get_caller(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", caller);
}

static const struct kernel_param_ops caller_ops = {
	.set = set_caller,
	.get = get_caller,
};

module_param_cb(caller, &caller_ops, NULL, 0600);

static int pid;
module_param(pid, int, 0600);

static int code = OPAL_HARDWARE;
module_param(code, int, 0600);

static unsigned int skip, times;
module_param(skip, uint, 0600);
module_param(times, uint, 0600);

static atomic_t calls, failed;

static int set_counter(const char *val, const struct kernel_param *kp)
{
	int ret, number;

	ret = kstrtoint(val, 0, &number);
	if (!ret)
		atomic_set(kp->arg, number);

	return ret;
}

static int get_counter(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", atomic_read(kp->arg));
}

static const struct kernel_param_ops counter_ops = {
	.set = set_counter,
	.get = get_counter,
};

module_param_cb(calls, &counter_ops, &calls, 0600);
module_param_cb(failed, &counter_ops, &failed, 0600);

/* Interrupts have whatever process they interrupt */
static bool is_ours(struct pt_regs *regs)
{
	char name[KSYM_SYMBOL_LEN];

	if (pid && (!in_task() || task_tgid_nr(current) != pid))
		return false;
	if (!caller[0])
		return true;

	/* The call, not what comes after it: that may be another function */
	snprintf(name, sizeof(name), "%ps", (void *)(regs->link - 4));

	return strstarts(name, caller);
}

static int before_call(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned int call;

	if (!is_ours(regs))
		return 0;

	call = atomic_inc_return(&calls);
	if (call <= skip || call - skip > times)
		return 0;

	atomic_inc(&failed);
	regs_set_return_value(regs, (long)code);
	regs_set_return_ip(regs, regs->link);

	return 1;
}

/* What has this is not optimized: an optimized probe cannot return to elsewhere */
static void after_call(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe probes[MAX_FUNCTIONS];
static unsigned int num_probes;
static char *names;
static DEFINE_MUTEX(lock);

static void remove_probes(void)
{
	while (num_probes)
		unregister_kprobe(&probes[--num_probes]);
	kfree(names);
	names = NULL;
}

static int add_probe(const char *name)
{
	struct kprobe *probe = &probes[num_probes];
	int ret;

	memset(probe, 0, sizeof(*probe));
	probe->symbol_name = name;
	probe->pre_handler = before_call;
	probe->post_handler = after_call;
	ret = register_kprobe(probe);
	if (!ret)
		num_probes++;

	return ret;
}

static int add_probes(const char *val)
{
	char *rest, *name;
	int ret = 0;

	names = kstrdup(val, GFP_KERNEL);
	if (!names)
		return -ENOMEM;

	rest = strim(names);
	while (!ret && (name = strsep(&rest, ","))) {
		if (*name)
			ret = num_probes < MAX_FUNCTIONS ? add_probe(name) : -E2BIG;
	}
	if (ret)
		remove_probes();

	return ret;
}

static int set_functions(const char *val, const struct kernel_param *kp)
{
	int ret;

	mutex_lock(&lock);
	remove_probes();
	ret = add_probes(val);
	mutex_unlock(&lock);

	return ret;
}

static int get_functions(char *buf, const struct kernel_param *kp)
{
	unsigned int i;
	int len = 0;

	mutex_lock(&lock);
	for (i = 0; i < num_probes; i++)
		len += sysfs_emit_at(buf, len, "%s\n", probes[i].symbol_name);
	mutex_unlock(&lock);

	return len;
}

static const struct kernel_param_ops functions_ops = {
	.set = set_functions,
	.get = get_functions,
};

module_param_cb(functions, &functions_ops, NULL, 0600);

static int __init opal_fail_init(void)
{
	return 0;
}

static void __exit opal_fail_exit(void)
{
	remove_probes();
}

module_init(opal_fail_init);
module_exit(opal_fail_exit);
MODULE_DESCRIPTION("Let OPAL calls fail");
MODULE_LICENSE("GPL");
