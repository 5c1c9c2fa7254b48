// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sys/mman.h>

#include "fixture.h"

int nvlink2_prepare_open(struct nvlink2 *nvlink2, volatile uint64_t **ram)
{
	*ram = NULL;

	return nvlink2_open(nvlink2, nvlink2_place());
}

int nvlink2_prepare_trained(struct nvlink2 *nvlink2, volatile uint64_t **ram)
{
	int ret = nvlink2_prepare_open(nvlink2, ram);

	return ret ?: nvlink2_train(nvlink2);
}

static int map(struct nvlink2 *nvlink2, volatile uint64_t **ram)
{
	*ram = nvlink2_map_ram(nvlink2, 0, MIB);

	return (void *)*ram == MAP_FAILED ? -errno : 0;
}

int nvlink2_prepare_untrained(struct nvlink2 *nvlink2, volatile uint64_t **ram)
{
	int ret = nvlink2_prepare_open(nvlink2, ram);

	return ret ?: map(nvlink2, ram);
}

int nvlink2_prepare_mapped(struct nvlink2 *nvlink2, volatile uint64_t **ram)
{
	int ret = nvlink2_prepare_trained(nvlink2, ram);

	if (!ret)
		ret = map(nvlink2, ram);
	if (!ret && watch_store(*ram, NVLINK2_PATTERN))
		ret = -EFAULT;

	return ret;
}

void nvlink2_put_away(struct nvlink2 *nvlink2, volatile uint64_t *ram)
{
	if (ram)
		munmap((void *)ram, MIB);
	nvlink2_close(nvlink2);
}
