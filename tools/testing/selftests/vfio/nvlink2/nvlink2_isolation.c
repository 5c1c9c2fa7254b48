// SPDX-License-Identifier: GPL-2.0
/*
 * GPUs in a group of their own do not reach other GPUs
 *
 * Needs a host that was booted with "npu2_isolate". Which links have to be cut
 * is in the device tree, and whether they are in a register of the GPU.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "../../kselftest_harness.h"
#include "lib/falcon.h"
#include "lib/fixture.h"
#include "lib/reset.h"
#include "lib/sysfs.h"

FIXTURE(isolated)
{
	struct nvlink2 nvlink2;
	struct falcon falcon;
	uint32_t peer_links;
	volatile uint64_t *mem;
	int log;
};

/* The links that do not lead to a bridge of the GPU; 0 when it is not known */
static uint32_t find_peer_links(const char *gpu)
{
	uint32_t ends[NVLINK2_MAX_LINKS], bridges[NVLINK2_MAX_LINKS];
	int num_ends, num_bridges, i, b;
	uint32_t links = 0;

	num_ends = sysfs_cells(gpu, "ibm,nvlink-peers", ends, NVLINK2_MAX_LINKS);
	num_bridges = sysfs_cells(gpu, "ibm,npu", bridges, NVLINK2_MAX_LINKS);
	for (i = 0; i < num_ends; i++) {
		for (b = 0; b < num_bridges; b++)
			if (ends[i] == bridges[b])
				break;
		if (b == num_bridges)
			links |= 1u << i;
	}

	return links;
}

FIXTURE_SETUP(isolated)
{
	int ret;

	NEED_GPU();
	if (nvlink2_neighbour())
		SKIP(return, "GPUs of a socket are one group");
	self->log = watch_log_begin();
	ASSERT_EQ(0, nvlink2_prepare_open(&self->nvlink2, &self->mem));
	ret = falcon_map(&self->falcon, &self->nvlink2.gpu);
	if (ret == -ENODEV)
		SKIP(return, "the GPU is no V100");
	ASSERT_EQ(0, ret);
	self->peer_links = find_peer_links(nvlink2_place()->gpu);
	ASSERT_NE(0, self->peer_links);
}

FIXTURE_TEARDOWN(isolated)
{
	falcon_unmap(&self->falcon);
	nvlink2_put_away(&self->nvlink2, self->mem);
	EXPECT_QUIET_LOG(self->log);
}

#define EXPECT_CUT(self)						\
	EXPECT_EQ((self)->peer_links,					\
		  falcon_cut_links(&(self)->falcon) & (self)->peer_links)

TEST_F_TIMEOUT(isolated, links_are_cut, NVLINK2_TIMEOUT)
{
	EXPECT_CUT(self);
	/* And no others: those lead to the processor */
	EXPECT_EQ(self->peer_links, falcon_cut_links(&self->falcon));
	EXPECT_EQ(0, falcon_active_links(&self->falcon) & self->peer_links);
}

TEST_F_TIMEOUT(isolated, user_cannot_join_them, NVLINK2_TIMEOUT)
{
	falcon_join_links(&self->falcon);
	EXPECT_CUT(self);
}

/* Memory that is off and on again without a reset */
TEST_F_TIMEOUT(isolated, memory_off_and_on, NVLINK2_TIMEOUT)
{
	struct vfio_dev *gpu = &self->nvlink2.gpu;
	unsigned int command = vfio_config_read(gpu, PCI_COMMAND, 2);

	ASSERT_EQ(0, vfio_config_write(gpu, PCI_COMMAND, 2,
				       command & ~PCI_COMMAND_MEMORY));
	ASSERT_EQ(0, vfio_config_write(gpu, PCI_COMMAND, 2,
				       command | PCI_COMMAND_MEMORY));
	EXPECT_CUT(self);
}

static const struct {
	const char *name;
	int (*reset)(struct nvlink2 *nvlink2);
} resets[] = {
	{ "ioctl", reset_by_ioctl },
	{ "hot reset", reset_hot },
	{ "sysfs", reset_by_sysfs },
	{ "EEH, hot", reset_by_eeh },
	{ "EEH, fundamental", reset_fundamentally_by_eeh },
};

/* GPU and bridges work again; -ENOLINK is a GPU without its driver */
static int recover(struct nvlink2 *nvlink2)
{
	int ret = reset_recover(nvlink2);

	return ret == -ENOLINK ? 0 : ret;
}

TEST_F_TIMEOUT(isolated, after_each_reset, NVLINK2_TIMEOUT)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(resets); i++) {
		ret = resets[i].reset(&self->nvlink2);
		if (ret == -EOPNOTSUPP)
			continue;
		ASSERT_EQ(0, ret)
			TH_LOG("reset by %s", resets[i].name);
		/* Whoever restored it did not have to wait for the user */
		EXPECT_NE(0, sysfs_config(nvlink2_place()->gpu, PCI_COMMAND, 2) &
			     PCI_COMMAND_MEMORY)
			TH_LOG("reset by %s", resets[i].name);
		ASSERT_EQ(0, recover(&self->nvlink2));
		EXPECT_CUT(self)
			TH_LOG("reset by %s", resets[i].name);
	}
}

/* The resets of one GPU take neither links nor RAM away from another one */
TEST_F_TIMEOUT(isolated, resets_of_another_gpu, NVLINK2_TIMEOUT)
{
	struct falcon falcon;
	struct nvlink2 other;
	volatile uint64_t *ram;
	uint32_t cut;
	unsigned int i;
	int ret;

	nvlink2_clear(&other, nvlink2_peer());
	if (!other.place)
		SKIP(return, "no other GPU of the NPU");
	ASSERT_EQ(0, nvlink2_open(&other, other.place));
	NEED_LINKS(nvlink2_train(&other));
	ram = nvlink2_map_ram(&other, 0, MIB);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	*ram = NVLINK2_PATTERN;
	ASSERT_EQ(0, falcon_map(&falcon, &other.gpu));
	cut = falcon_cut_links(&falcon);
	EXPECT_EQ(find_peer_links(other.place->gpu), cut);

	for (i = 0; i < ARRAY_SIZE(resets); i++) {
		ret = resets[i].reset(&self->nvlink2);
		if (ret == -EOPNOTSUPP)
			continue;
		ASSERT_EQ(0, ret);
		EXPECT_EQ(NVLINK2_PATTERN + i, *ram);
		*ram += 1;
		EXPECT_EQ(cut, falcon_cut_links(&falcon));
		ASSERT_EQ(0, recover(&self->nvlink2));
	}

	falcon_unmap(&falcon);
	munmap((void *)ram, MIB);
	nvlink2_close(&other);
}

/* Old firmware lists one block of ATSD registers, which the first GPU has */
static bool has_one_block(void)
{
	uint32_t cells[16];

	return sysfs_cells(nvlink2_place()->bridge[0], "../ibm,mmio-atsd",
			   cells, ARRAY_SIZE(cells)) == 2;
}

/* Each GPU has the LPID of its guest, at the same time */
TEST_F_TIMEOUT(isolated, two_guests, NVLINK2_TIMEOUT)
{
	struct nvlink2 first, second;
	struct kvm_guest guest, other;

	if (has_one_block())
		SKIP(return, "firmware lists ATSD registers for one GPU only");
	nvlink2_clear(&first, nvlink2_place());
	nvlink2_clear(&second, nvlink2_peer());
	if (!second.place)
		SKIP(return, "no other GPU of the NPU");
	/* A mapping keeps the GPU open */
	falcon_unmap(&self->falcon);
	nvlink2_close(&self->nvlink2);

	ASSERT_EQ(0, kvm_guest_open(&guest));
	ASSERT_EQ(0, kvm_guest_open(&other));
	ASSERT_EQ(0, nvlink2_open_for(&first, first.place, &guest));
	EXPECT_EQ(0, nvlink2_open_for(&second, second.place, &other));

	nvlink2_close(&second);
	nvlink2_close(&first);
	kvm_guest_close(&other);
	kvm_guest_close(&guest);
}

static int with_registers(const struct nvlink2 *nvlink2)
{
	int i, found = 0;

	for (i = 0; i < nvlink2->place->num_bridges; i++)
		found += !!nvlink2->atsd[i].size;

	return found;
}

/*
 * The block acts for the guest of the first GPU. Another GPU is refused to a
 * guest, and the log says why; without a guest it works, but for ATS.
 */
TEST_F_TIMEOUT(isolated, one_atsd_block, NVLINK2_TIMEOUT)
{
	struct nvlink2 first, second;
	struct kvm_guest guest, other;
	volatile uint64_t *ram;
	int log;

	if (!has_one_block())
		SKIP(return, "firmware lists more ATSD registers than one");
	nvlink2_clear(&first, nvlink2_place());
	nvlink2_clear(&second, nvlink2_peer());
	if (!second.place)
		SKIP(return, "no other GPU of the NPU");
	/* A mapping keeps the GPU open */
	falcon_unmap(&self->falcon);
	nvlink2_close(&self->nvlink2);

	ASSERT_EQ(0, kvm_guest_open(&guest));
	ASSERT_EQ(0, kvm_guest_open(&other));
	ASSERT_EQ(0, nvlink2_open_for(&first, first.place, &guest));
	EXPECT_EQ(1, with_registers(&first));

	log = watch_log_begin();
	EXPECT_EQ(-EBUSY, nvlink2_open_for(&second, second.place, &other));
	EXPECT_TRUE(watch_log_has(log, "first GPU of the NPU only"));
	close(log);
	nvlink2_close(&second);
	/* Which holds the group */
	kvm_guest_close(&other);

	ASSERT_EQ(0, nvlink2_open(&second, second.place));
	EXPECT_EQ(0, with_registers(&second));
	NEED_LINKS(nvlink2_train(&second));
	ram = nvlink2_map_ram(&second, 0, MIB);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	*ram = NVLINK2_PATTERN;
	EXPECT_EQ(NVLINK2_PATTERN, *ram);
	munmap((void *)ram, MIB);

	nvlink2_close(&second);
	nvlink2_close(&first);
	kvm_guest_close(&guest);
}

NVLINK2_MAIN()
