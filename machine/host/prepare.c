// SPDX-License-Identifier: GPL-2.0
#include <sys/utsname.h>
#include <unistd.h>

#include "../common/report.h"
#include "prepare.h"

void check_kvm(void)
{
	struct utsname name;

	uname(&name);
	report("kernel", "%s", name.release);
	if (access("/dev/kvm", R_OK | W_OK))
		give_up("the host's kernel has no KVM: see machine/kernel/host.config");
}

/* All GPUs, of which the one must be there. */
static int find_gpus(int index, struct gpu *gpus)
{
	int count = gpus_find(gpus);

	report("gpus", "%d", count);
	if (index < 0 || index >= count)
		give_up("no GPU %d: %d GPUs with NVLink bridges are here", index, count);
	return count;
}

static void report_gpu(const struct gpu *gpu)
{
	report("gpu", "%s with %d bridges", gpu->device.address, gpu->links);
}

void choose_gpu(int index, struct gpu *gpu)
{
	static struct gpu gpus[MAX_GPUS];

	find_gpus(index, gpus);
	*gpu = gpus[index];
	report_gpu(gpu);
}

void own_group(const struct gpu *gpu, struct group *group)
{
	int i, together = 0, bound;

	if (!group_of(&gpu->device, group))
		give_up("%s has no IOMMU group", gpu->device.address);
	for (i = 0; i < gpu->links; i++)
		together += group_has(group, &gpu->bridges[i]);
	report("group", "%d: %d functions, %d of %d bridges in it", group->number, group->count,
	       together, gpu->links);
	bound = group_bind(group);
	report("bound", "%d of %d", bound, group->count);
	if (bound < group->count)
		give_up("not every function of group %d took vfio-pci", group->number);
}

static int keep(enum choice choice, int index, int count, struct gpu *gpus)
{
	struct group group;
	int i, kept = 0;

	if (choice == ALL_GPUS)
		return count;
	if (!group_of(&gpus[index].device, &group))
		give_up("%s has no IOMMU group", gpus[index].device.address);
	for (i = 0; i < count; i++)
		if (choice == ONE_GPU ? i == index : group_has(&group, &gpus[i].device))
			gpus[kept++] = gpus[i];
	return kept;
}

void take_gpus(struct taken *taken, enum choice choice, int index)
{
	struct group *group = taken->groups;
	int i;

	taken->gpu_count = keep(choice, index, find_gpus(index, taken->gpus), taken->gpus);
	for (i = 0; i < taken->gpu_count; i++) {
		report_about(choice == ONE_GPU ? -1 : i);
		report_gpu(&taken->gpus[i]);
		own_group(&taken->gpus[i], group);
		if (i == taken->gpu_count - 1 || !group_has(group, &taken->gpus[i + 1].device))
			group++;
	}
	report_about(-1);
	taken->group_count = group - taken->groups;
}

void take_two_gpus(struct taken *taken)
{
	take_gpus(taken, GPUS_OF_GROUP, 0);
	if (taken->gpu_count < 2)
		give_up("the group of the first GPU has no other");
}

void give_back(const struct taken *taken)
{
	int i, functions = 0, unbound = 0;

	for (i = 0; i < taken->group_count; i++) {
		functions += taken->groups[i].count;
		unbound += group_unbind(&taken->groups[i]);
	}
	report("unbound", "%d of %d", unbound, functions);
}

void need_groups_apart(const struct taken *taken)
{
	const struct group *group = taken->groups;
	int i;

	for (i = 0; i < taken->gpu_count; i++, group++) {
		if (group - taken->groups < taken->group_count && group_has(group, &taken->gpus[i].device))
			continue;
		give_back(taken);
		give_up("GPUs %s and %s share an IOMMU group, which one guest has as a whole: a group for each GPU needs "
			"a kernel with npu2_isolate=all", taken->gpus[i - 1].device.address,
			taken->gpus[i].device.address);
	}
}
