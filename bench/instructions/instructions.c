// SPDX-License-Identifier: GPL-2.0
/*
 * While this is loaded, PMC5 of each CPU counts the instructions of everybody on it, whatever their privilege; user
 * space reads it as UPMC5. The kernels of the bench need no perf events for that.
 */
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/pmc.h>
#include <asm/reg.h>

/* A hypervisor keeps the counters of a guest that says it uses them. */
static void count(void *unused)
{
	ppc_set_pmu_inuse(1);
	mtspr(SPRN_MMCR0, 0);
	isync();
}

static void freeze(void *unused)
{
	mtspr(SPRN_MMCR0, MMCR0_FC);
	isync();
	ppc_set_pmu_inuse(0);
}

static int __init instructions_init(void)
{
	on_each_cpu(count, NULL, 1);
	return 0;
}

static void __exit instructions_exit(void)
{
	on_each_cpu(freeze, NULL, 1);
}

module_init(instructions_init);
module_exit(instructions_exit);
MODULE_DESCRIPTION("Let PMC5 count instructions");
MODULE_LICENSE("GPL");
