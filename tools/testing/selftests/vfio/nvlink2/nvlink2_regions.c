// SPDX-License-Identifier: GPL-2.0
/*
 * Regions and capabilities of NVLink2 GPUs and their bridges
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "../../kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/sysfs.h"

NVLINK2_FIXTURE(regions, nvlink2_prepare_open);

TEST_F_TIMEOUT(regions, ram_is_whole_pages, NVLINK2_TIMEOUT)
{
	ASSERT_NE(0, self->nvlink2.ram.size);
	EXPECT_EQ(0, self->nvlink2.ram.size % sysconf(_SC_PAGESIZE));
	EXPECT_EQ(0, self->nvlink2.ram.offset % sysconf(_SC_PAGESIZE));
}

TEST_F_TIMEOUT(regions, ram_can_be_mapped, NVLINK2_TIMEOUT)
{
	EXPECT_TRUE(self->nvlink2.ram.flags & VFIO_REGION_INFO_FLAG_MMAP);
}

/* The driver of the GPU needs it to set up the links; each bridge has it too */
TEST_F_TIMEOUT(regions, ram_has_target_address, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *place = self->nvlink2.place;
	uint32_t tgt[2];
	int i;

	EXPECT_NE(0, self->nvlink2.ram.tgt);
	for (i = 0; i < place->num_bridges; i++) {
		ASSERT_EQ(2, sysfs_cells(place->bridge[i],
					 "ibm,device-tgt-addr", tgt, 2));
		EXPECT_EQ((uint64_t)tgt[0] << 32 | tgt[1],
			  self->nvlink2.ram.tgt);
	}
}

TEST_F_TIMEOUT(regions, bridges_have_target_of_gpu, NVLINK2_TIMEOUT)
{
	int i;

	for (i = 0; i < self->nvlink2.place->num_bridges; i++)
		EXPECT_EQ(self->nvlink2.ram.tgt, self->nvlink2.atsd[i].tgt);
}

/* There is a speed exactly when the device tree has one */
TEST_F_TIMEOUT(regions, speed_is_that_of_firmware, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *place = self->nvlink2.place;
	uint32_t speed;
	int i;

	for (i = 0; i < place->num_bridges; i++) {
		if (sysfs_cells(place->bridge[i], "ibm,nvlink-speed", &speed,
				1) != 1)
			speed = 0;
		EXPECT_EQ(speed, self->nvlink2.atsd[i].speed);
	}
}

/* A block of registers has 64 KiB, whatever the page size */
TEST_F_TIMEOUT(regions, atsd_is_one_block_or_empty, NVLINK2_TIMEOUT)
{
	int i;

	for (i = 0; i < self->nvlink2.place->num_bridges; i++) {
		if (self->nvlink2.atsd[i].size)
			EXPECT_EQ(NVLINK2_ATSD_SIZE,
				  self->nvlink2.atsd[i].size);
	}
}

/* Mapping an empty region must not give access to physical page 0 */
TEST_F_TIMEOUT(regions, empty_region_offers_nothing, NVLINK2_TIMEOUT)
{
	const uint32_t access = VFIO_REGION_INFO_FLAG_READ |
				VFIO_REGION_INFO_FLAG_WRITE |
				VFIO_REGION_INFO_FLAG_MMAP;
	int i, empty = 0;

	for (i = 0; i < self->nvlink2.place->num_bridges; i++) {
		struct vfio_region *atsd = &self->nvlink2.atsd[i];

		if (atsd->size)
			continue;
		empty++;
		EXPECT_EQ(0, atsd->flags & access);
		EXPECT_EQ(MAP_FAILED,
			  vfio_region_mmap(&self->nvlink2.bridge[i], atsd, 0,
					   NVLINK2_ATSD_SIZE));
	}
	if (!empty)
		SKIP(return, "each bridge has ATSD registers");
}

/*
 * Firmware sets the LPID for the registers of the first link only. Those of the
 * other links keep the LPID of an earlier user.
 */
TEST_F_TIMEOUT(regions, one_atsd_for_a_gpu, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *place = self->nvlink2.place;
	int i, offered = 0;
	uint32_t cells[4];

	for (i = 0; i < place->num_bridges; i++)
		offered += !!self->nvlink2.atsd[i].size;
	EXPECT_LE(offered, 1);
	/* Old firmware has one block for all GPUs of an NPU */
	if (sysfs_cells(place->bridge[0], "../ibm,mmio-atsd", cells,
			ARRAY_SIZE(cells)) == ARRAY_SIZE(cells))
		EXPECT_EQ(1, offered);
}

TEST_F_TIMEOUT(regions, regions_do_not_overlap, NVLINK2_TIMEOUT)
{
	unsigned int i, count = vfio_dev_num_regions(&self->nvlink2.gpu);
	struct vfio_region region;

	for (i = 0; i < count; i++) {
		if (vfio_region_get(&self->nvlink2.gpu, i, &region) ||
		    i == self->nvlink2.ram.index)
			continue;
		EXPECT_TRUE(region.offset + region.size <=
			    self->nvlink2.ram.offset ||
			    self->nvlink2.ram.offset + self->nvlink2.ram.size <=
			    region.offset);
	}
}

TEST_F_TIMEOUT(regions, no_region_after_the_last, NVLINK2_TIMEOUT)
{
	struct vfio_region region;
	unsigned int count;

	count = vfio_dev_num_regions(&self->nvlink2.gpu);
	EXPECT_EQ(-EINVAL, vfio_region_get(&self->nvlink2.gpu, count, &region));
	EXPECT_EQ(-EINVAL, vfio_region_get(&self->nvlink2.gpu, ~0u, &region));
}

/* A buffer that is too small for the capabilities is told the size needed */
TEST_F_TIMEOUT(regions, short_buffer_is_told_the_size, NVLINK2_TIMEOUT)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = self->nvlink2.ram.index,
	};

	ASSERT_EQ(0, ioctl(self->nvlink2.gpu.fd, VFIO_DEVICE_GET_REGION_INFO,
			   &info));
	EXPECT_GT(info.argsz, sizeof(info));
	EXPECT_EQ(0, info.cap_offset);

	info.argsz = sizeof(info) - 1;
	EXPECT_EQ(-1, ioctl(self->nvlink2.gpu.fd, VFIO_DEVICE_GET_REGION_INFO,
			    &info));
	EXPECT_EQ(EINVAL, errno);
}

/* Guests train links through the mailbox in the configuration space */
TEST_F_TIMEOUT(regions, bridges_have_a_mailbox, NVLINK2_TIMEOUT)
{
	int i;

	for (i = 0; i < self->nvlink2.place->num_bridges; i++)
		EXPECT_NE(0, vfio_config_capability(&self->nvlink2.bridge[i],
						    PCI_CAP_ID_VNDR));
}

/* A user cannot leave a bridge with broken capabilities to the next one */
TEST_F_TIMEOUT(regions, capability_list_is_fixed, NVLINK2_TIMEOUT)
{
	struct vfio_dev *bridge = &self->nvlink2.bridge[0];
	unsigned int cap = vfio_config_capability(bridge, PCI_CAP_ID_VNDR);
	uint32_t before;

	ASSERT_NE(0, cap);
	before = sysfs_config(bridge->bdf, cap, 4);
	vfio_config_write(bridge, cap, 4, ~before);
	vfio_config_write(bridge, cap + 1, 1, 0x04);
	EXPECT_EQ(before, sysfs_config(bridge->bdf, cap, 4));
	sysfs_config_write(bridge->bdf, cap, 4, before);
}

TEST_F_TIMEOUT(regions, links_can_be_trained, NVLINK2_TIMEOUT)
{
	NEED_LINKS(nvlink2_train(&self->nvlink2));
}

/* Closing releases what opening has acquired */
TEST_F_TIMEOUT(regions, open_again, NVLINK2_TIMEOUT)
{
	int i;

	for (i = 0; i < 3; i++) {
		nvlink2_close_devices(&self->nvlink2);
		ASSERT_EQ(0, nvlink2_open_devices(&self->nvlink2));
	}
}

/* A guest gets all GPUs of an NPU in one container */
TEST_F_TIMEOUT(regions, neighbour_has_its_own, NVLINK2_TIMEOUT)
{
	struct nvlink2 neighbour;

	NEED_NEIGHBOUR(self, neighbour);

	ASSERT_EQ(0, nvlink2_open_devices(&neighbour));
	EXPECT_NE(self->nvlink2.ram.tgt, neighbour.ram.tgt);
	EXPECT_EQ(self->nvlink2.ram.size, neighbour.ram.size);
	nvlink2_close_devices(&neighbour);
}

NVLINK2_MAIN()
