// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sys/mman.h>

#include "fixture.h"

int nvlink2_prepare_open(struct nvlink2 *nvlink2, volatile uint64_t **mem)
{
	*mem = NULL;

	return nvlink2_open(nvlink2, nvlink2_place());
}

int nvlink2_prepare_trained(struct nvlink2 *nvlink2, volatile uint64_t **mem)
{
	int ret = nvlink2_prepare_open(nvlink2, mem);

	return ret ?: nvlink2_train(nvlink2);
}

static int map(struct nvlink2 *nvlink2, volatile uint64_t **mem)
{
	*mem = nvlink2_map_ram(nvlink2, 0, MIB);

	return (void *)*mem == MAP_FAILED ? -errno : 0;
}

int nvlink2_prepare_untrained(struct nvlink2 *nvlink2, volatile uint64_t **mem)
{
	int ret = nvlink2_prepare_open(nvlink2, mem);

	return ret ?: map(nvlink2, mem);
}

int nvlink2_prepare_mapped(struct nvlink2 *nvlink2, volatile uint64_t **mem)
{
	int ret = nvlink2_prepare_trained(nvlink2, mem);

	if (!ret)
		ret = map(nvlink2, mem);
	if (!ret && watch_store(*mem, NVLINK2_PATTERN))
		ret = -EFAULT;

	return ret;
}

int nvlink2_prepare_any(struct nvlink2 *nvlink2, volatile uint64_t **mem)
{
	int ret = nvlink2_prepare_open(nvlink2, mem);

	return ret ?: nvlink2_train_any(nvlink2);
}

int nvlink2_prepare_dma(struct nvlink2 *nvlink2, volatile uint64_t **mem)
{
	int ret = nvlink2_prepare_any(nvlink2, mem);

	if (ret)
		return ret;
	*mem = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if ((void *)*mem == MAP_FAILED)
		return -errno;

	return spapr_register(&nvlink2->container, *mem, MIB);
}

void nvlink2_put_away(struct nvlink2 *nvlink2, volatile uint64_t *mem)
{
	if (mem)
		munmap((void *)mem, MIB);
	nvlink2_close(nvlink2);
}
