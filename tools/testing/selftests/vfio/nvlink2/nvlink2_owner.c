// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA windows of a group stay with the container that owns them
 *
 * For a group without a GPU: "--other" names an NVMe controller, which has
 * another function. The controller is made to do DMA: it is asked to identify
 * itself.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "../../kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/sysfs.h"

#define CLASS_NVME	0x010802

/* Registers and commands: NVM Express, Base Specification */
#define NVME_CC		0x14
#define   NVME_CC_VAL		(4 << 20 | 6 << 16 | 1)
#define NVME_CSTS	0x1c
#define   NVME_CSTS_RDY		1
#define NVME_AQA	0x24
#define NVME_ASQ	0x28
#define NVME_ACQ	0x30
#define NVME_SQ_TAIL	0x1000
#define NVME_CQ_HEAD	0x1004
#define NVME_IDENTIFY	6
#define NVME_ENTRIES	8
#define NVME_SQE_WORDS	16
#define NVME_CQE_WORDS	4

#define IOVA		(64 * MIB)
#define CHUNK		0x10000
#define TRIES		200

FIXTURE(owner)
{
	struct spapr_container container;
	struct vfio_dev dev;
	struct vfio_region bar;
	volatile uint32_t *submit;
	volatile uint32_t *complete;
	volatile uint32_t *data;
	unsigned int commands;
	int log;
};

static char sibling[BDF_LEN];

static int find_sibling(const char *bdf)
{
	if (!strcmp(bdf, nvlink2_other()))
		return -EEXIST;
	snprintf(sibling, sizeof(sibling), "%.12s", bdf);

	return 0;
}

static uint32_t get(FIXTURE_DATA(owner) *self, unsigned int at)
{
	uint32_t val = ~0;

	pread(self->dev.fd, &val, sizeof(val), self->bar.offset + at);

	return le32toh(val);
}

static void set(FIXTURE_DATA(owner) *self, unsigned int at, uint32_t val)
{
	val = htole32(val);
	pwrite(self->dev.fd, &val, sizeof(val), self->bar.offset + at);
}

static int wait_ready(FIXTURE_DATA(owner) *self, uint32_t ready)
{
	int i;

	for (i = 0; i < TRIES; i++) {
		if ((get(self, NVME_CSTS) & NVME_CSTS_RDY) == ready)
			return 0;
		usleep(20000);
	}

	return -ETIMEDOUT;
}

static int start(FIXTURE_DATA(owner) *self)
{
	uint32_t command = vfio_config_read(&self->dev, PCI_COMMAND, 2);
	int ret;

	vfio_config_write(&self->dev, PCI_COMMAND, 2, command |
			  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	set(self, NVME_CC, 0);
	ret = wait_ready(self, 0);
	if (ret)
		return ret;
	set(self, NVME_AQA, (NVME_ENTRIES - 1) << 16 | (NVME_ENTRIES - 1));
	set(self, NVME_ASQ, IOVA);
	set(self, NVME_ASQ + 4, 0);
	set(self, NVME_ACQ, IOVA + CHUNK);
	set(self, NVME_ACQ + 4, 0);
	set(self, NVME_CC, NVME_CC_VAL);

	return wait_ready(self, NVME_CSTS_RDY);
}

/* One command at a time, and fewer than there are entries */
static int identify(FIXTURE_DATA(owner) *self)
{
	unsigned int n = self->commands++, i;
	volatile uint32_t *entry = self->submit + n * NVME_SQE_WORDS;
	volatile uint32_t *done = self->complete + n * NVME_CQE_WORDS + 3;

	for (i = 0; i < NVME_SQE_WORDS; i++)
		entry[i] = 0;
	entry[0] = htole32(NVME_IDENTIFY | n << 16);
	entry[6] = htole32(IOVA + 2 * CHUNK);
	entry[10] = htole32(1);
	self->data[0] = 0;
	__sync_synchronize();
	set(self, NVME_SQ_TAIL, n + 1);

	for (i = 0; i < TRIES && !(le32toh(*done) >> 16 & 1); i++)
		usleep(20000);
	if (i == TRIES)
		return -ETIMEDOUT;
	set(self, NVME_CQ_HEAD, n + 1);

	return le32toh(*done) >> 17 ? -EIO : 0;
}

FIXTURE_SETUP(owner)
{
	uint8_t *memory;

	if (nvlink2_other_group() < 0)
		SKIP(return, "no device of another kind: --other names one");
	if (sysfs_number(nvlink2_other(), "class") != CLASS_NVME)
		SKIP(return, "the other device is no NVMe controller");
	if (!sysfs_for_each_in_group(nvlink2_other_group(), find_sibling))
		SKIP(return, "the other device is alone in its group");

	self->log = watch_log_begin();
	ASSERT_EQ(0, spapr_open(&self->container, nvlink2_other_group()));
	memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)memory);
	ASSERT_EQ(0, spapr_register(&self->container, memory, MIB));
	ASSERT_EQ(0, spapr_map(&self->container, IOVA, memory, MIB));
	self->submit = (void *)memory;
	self->complete = (void *)(memory + CHUNK);
	self->data = (void *)(memory + 2 * CHUNK);

	ASSERT_EQ(0, vfio_dev_open(&self->container, nvlink2_other(),
				   &self->dev));
	ASSERT_EQ(0, vfio_region_get(&self->dev, VFIO_PCI_BAR0_REGION_INDEX,
				     &self->bar));
	ASSERT_EQ(0, start(self));
}

FIXTURE_TEARDOWN(owner)
{
	vfio_dev_close(&self->dev);
	spapr_close(&self->container);
	EXPECT_QUIET_LOG(self->log);
}

/* A device that is found again joins the group, and takes no window away */
TEST_F_TIMEOUT(owner, other_function_found_again, NVLINK2_TIMEOUT)
{
	uint32_t vendor = sysfs_number(nvlink2_other(), "vendor");

	ASSERT_EQ(0, identify(self));
	EXPECT_EQ(vendor, le32toh(self->data[0]) & 0xffff);

	ASSERT_EQ(0, sysfs_write(sibling, "remove", "1"));
	ASSERT_EQ(0, sysfs_write_file("/sys/bus/pci/rescan", "1"));
	ASSERT_EQ(nvlink2_other_group(), sysfs_group(sibling));

	EXPECT_EQ(0, identify(self));
	EXPECT_EQ(vendor, le32toh(self->data[0]) & 0xffff);
}

NVLINK2_MAIN()
