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

void choose_gpu(int index, struct gpu *gpu)
{
	static struct gpu gpus[MAX_GPUS];
	int count = gpus_find(gpus);

	report("gpus", "%d", count);
	if (index < 0 || index >= count)
		give_up("no GPU %d: %d GPUs with NVLink bridges are here", index, count);
	*gpu = gpus[index];
	report("gpu", "%s with %d bridges", gpu->device.address, gpu->links);
}

int choose_neighbours(int index, struct gpu *gpus)
{
	static struct gpu all[MAX_GPUS];
	int i, count = gpus_find(all), chosen = 0;
	struct group group;

	report("gpus", "%d", count);
	if (index < 0 || index >= count)
		give_up("no GPU %d: %d GPUs with NVLink bridges are here", index, count);
	if (!group_of(&all[index].device, &group))
		give_up("%s has no IOMMU group", all[index].device.address);
	for (i = 0; i < count; i++)
		if (group_has(&group, &all[i].device))
			gpus[chosen++] = all[i];
	for (i = 0; i < chosen; i++) {
		report_about(i);
		report("gpu", "%s with %d bridges", gpus[i].device.address, gpus[i].links);
	}
	report_about(-1);
	return chosen;
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
