// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses that stop the machine when the kernel lets them through
 *
 * WARNING: a case that fails here does not report it: a store to a link that is
 * down, for example, ends in a machine check of the host. Run this program by
 * hand, on a machine that nobody else uses, and after the other tests. "-l"
 * lists the cases, "-t NAME" and "-r FIXTURE.VARIANT.NAME" choose some of them.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "../../kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/kvm.h"
#include "lib/reset.h"
#include "lib/sysfs.h"

/* The vendor capability of a bridge */
#define MAILBOX_STATUS		0x04
#define   MAILBOX_COMPLETE		0x40000000
#define LINK_FLAGS		0x0d
#define   LINK_DL_RESET			0x02
#define PROCEDURE_RESET_NTL	10
#define PROCEDURE_CREDITS	13

#define VENDOR_NVIDIA	0x10de

/* Links that have never been up since the GPU was opened */
NVLINK2_FIXTURE(untrained, nvlink2_prepare_untrained);

TEST_F_TIMEOUT(untrained, load, NVLINK2_TIMEOUT)
{
	uint64_t val;

	EXPECT_EQ(SIGBUS, watch_load(self->mem, &val));
}

TEST_F_TIMEOUT(untrained, store, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(SIGBUS, watch_store(self->mem, 1));
}

TEST_F_TIMEOUT(untrained, store_by_the_kernel, NVLINK2_TIMEOUT)
{
	uint64_t val = 1;
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(8, write(pipes[1], &val, sizeof(val)));
	EXPECT_EQ(-1, read(pipes[0], (void *)self->mem, sizeof(val)));
	EXPECT_EQ(EFAULT, errno);
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F_TIMEOUT(untrained, read_of_the_file, NVLINK2_TIMEOUT)
{
	uint64_t val = 1;

	EXPECT_EQ(-1, pread(self->nvlink2.gpu.fd, &val, sizeof(val),
			    self->nvlink2.ram.offset));
}

TEST_F_TIMEOUT(untrained, write_of_the_file, NVLINK2_TIMEOUT)
{
	uint64_t val = 1;

	EXPECT_EQ(-1, pwrite(self->nvlink2.gpu.fd, &val, sizeof(val),
			     self->nvlink2.ram.offset));
}

/* Accesses to the RAM use all links, so each of them has to be up */
TEST_F_TIMEOUT(untrained, one_link_is_missing, NVLINK2_TIMEOUT)
{
	int i;

	if (self->nvlink2.place->num_bridges < 2)
		SKIP(return, "the GPU has one link");

	for (i = 1; i < self->nvlink2.place->num_bridges; i++)
		ASSERT_EQ(0, nvlink2_train_bridge(&self->nvlink2.bridge[i]));
	EXPECT_EQ(SIGBUS, watch_store(self->mem, 1));
}

/* After the reset of the NTL, credits are still missing */
TEST_F_TIMEOUT(untrained, credits_are_missing, NVLINK2_TIMEOUT)
{
	static const uint32_t procedures[] = { 4, 5, 6, 7, 9, 8, 10 };
	struct vfio_dev *bridge = self->nvlink2.bridge;
	unsigned int p;
	int i;

	for (i = 0; i < self->nvlink2.place->num_bridges; i++) {
		for (p = 0; p < ARRAY_SIZE(procedures); p++)
			ASSERT_EQ(0, nvlink2_run_procedure(bridge + i,
							   procedures[p]));
	}
	EXPECT_EQ(SIGBUS, watch_store(self->mem, 1));
}

/* Firmware runs the last procedures without the others, but no link is up */
TEST_F_TIMEOUT(untrained, only_last_steps, NVLINK2_TIMEOUT)
{
	int i;

	for (i = 0; i < self->nvlink2.place->num_bridges; i++) {
		nvlink2_run_procedure(&self->nvlink2.bridge[i],
				      PROCEDURE_RESET_NTL);
		nvlink2_run_procedure(&self->nvlink2.bridge[i],
				      PROCEDURE_CREDITS);
	}
	EXPECT_EQ(SIGBUS, watch_store(self->mem, 1));
}

/* A user cannot write the state of a link into the mailbox */
TEST_F_TIMEOUT(untrained, forged_flags, NVLINK2_TIMEOUT)
{
	struct vfio_dev *bridge = self->nvlink2.bridge;
	unsigned int cap;
	int i;

	for (i = 0; i < self->nvlink2.place->num_bridges; i++) {
		cap = vfio_config_capability(bridge + i, PCI_CAP_ID_VNDR);
		vfio_config_write(bridge + i, cap + LINK_FLAGS, 1,
				  LINK_DL_RESET);
		vfio_config_write(bridge + i, cap + MAILBOX_STATUS, 4,
				  MAILBOX_COMPLETE);
	}
	EXPECT_EQ(SIGBUS, watch_store(self->mem, 1));
}

/* Links are down again for the next user */
TEST_F_TIMEOUT(untrained, after_reopen, NVLINK2_TIMEOUT)
{
	NEED_LINKS(nvlink2_train(&self->nvlink2));
	ASSERT_EQ(0, watch_store(self->mem, 1));
	ASSERT_EQ(0, munmap((void *)self->mem, MIB));
	nvlink2_close_devices(&self->nvlink2);
	ASSERT_EQ(0, nvlink2_open_devices(&self->nvlink2));
	self->mem = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	ASSERT_NE(MAP_FAILED, (void *)self->mem);
	EXPECT_EQ(SIGBUS, watch_store(self->mem, 1));
}

/* Links that are up */
NVLINK2_FIXTURE(trained, nvlink2_prepare_mapped);

/* Closing another GPU of the NPU leaves the links of this one alone */
TEST_F_TIMEOUT(trained, neighbour_is_closed, NVLINK2_TIMEOUT)
{
	struct nvlink2 neighbour;

	NEED_NEIGHBOUR(self, neighbour);
	ASSERT_EQ(0, nvlink2_open_devices(&neighbour));
	nvlink2_close_devices(&neighbour);
	EXPECT_EQ(0, watch_store(self->mem, 1));
}

/* Three bytes of the register that launches a shootdown */
TEST_F_TIMEOUT(trained, three_bytes_to_atsd, NVLINK2_TIMEOUT)
{
	const char bytes[3] = { 1, 2, 3 };
	int i;

	for (i = 0; i < self->nvlink2.place->num_bridges; i++) {
		if (!self->nvlink2.atsd[i].size)
			continue;
		EXPECT_EQ(-1, pwrite(self->nvlink2.bridge[i].fd, bytes,
				     sizeof(bytes),
				     self->nvlink2.atsd[i].offset + 5));
		EXPECT_EQ(EINVAL, errno);
	}
}

/* Other sizes than that of a register */
TEST_F_TIMEOUT(trained, part_of_a_register, NVLINK2_TIMEOUT)
{
	static const size_t sizes[] = { 1, 2, 4, 7, 9, 16, 24 };
	const char bytes[32] = { 0 };
	unsigned int s;
	int i;

	for (i = 0; i < self->nvlink2.place->num_bridges; i++) {
		if (!self->nvlink2.atsd[i].size)
			continue;
		for (s = 0; s < ARRAY_SIZE(sizes); s++)
			EXPECT_EQ(-1, pwrite(self->nvlink2.bridge[i].fd, bytes,
					     sizes[s],
					     self->nvlink2.atsd[i].offset +
					     NVLINK2_ATSD_AVA));
	}
}

TEST_F_TIMEOUT(trained, register_not_aligned, NVLINK2_TIMEOUT)
{
	const char bytes[8] = { 0 };
	int i;

	for (i = 0; i < self->nvlink2.place->num_bridges; i++) {
		if (!self->nvlink2.atsd[i].size)
			continue;
		EXPECT_EQ(-1, pwrite(self->nvlink2.bridge[i].fd, bytes, 8,
				     self->nvlink2.atsd[i].offset +
				     NVLINK2_ATSD_AVA + 4));
	}
}

/* The kernel copies as much as a page with vector registers */
TEST_F_TIMEOUT(trained, page_to_atsd, NVLINK2_TIMEOUT)
{
	static char bytes[4096];
	int i;

	for (i = 0; i < self->nvlink2.place->num_bridges; i++) {
		if (!self->nvlink2.atsd[i].size)
			continue;
		EXPECT_EQ(-1, pread(self->nvlink2.bridge[i].fd, bytes,
				    sizeof(bytes),
				    self->nvlink2.atsd[i].offset));
		EXPECT_EQ(-1, pwrite(self->nvlink2.bridge[i].fd, bytes,
				     sizeof(bytes),
				     self->nvlink2.atsd[i].offset));
	}
}

/* Open the GPU as soon as the parent has closed it, and use it for ever */
static void use_for_ever(struct nvlink2 *nvlink2)
{
	volatile uint64_t *ram;
	int tries = 50;

	while (nvlink2_open(nvlink2, nvlink2_place())) {
		if (!tries--)
			_exit(1);
		usleep(100000);
	}
	if (nvlink2_train(nvlink2))
		_exit(2);
	ram = nvlink2_map_ram(nvlink2, 0, MIB);
	if ((void *)ram == MAP_FAILED)
		_exit(3);
	while (1)
		(*ram)++;
}

/* A process is killed while it has everything open and mapped */
TEST_F_TIMEOUT(trained, killed, NVLINK2_TIMEOUT)
{
	int child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		nvlink2_close(&self->nvlink2);
		use_for_ever(&self->nvlink2);
	}
	munmap((void *)self->mem, MIB);
	nvlink2_close(&self->nvlink2);
	sleep(10);
	EXPECT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(-SIGKILL, watch_child(child));
	EXPECT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
	self->mem = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	ASSERT_NE(MAP_FAILED, (void *)self->mem);
	EXPECT_EQ(SIGBUS, watch_store(self->mem, 1));
}

/* In D3hot the GPU's end of the links is down */
TEST_F_TIMEOUT(trained, asleep, NVLINK2_TIMEOUT)
{
	struct vfio_dev *gpu = &self->nvlink2.gpu;
	unsigned int pm = vfio_config_capability(gpu, PCI_CAP_ID_PM);
	uint32_t state;

	if (!pm)
		SKIP(return, "the GPU has no power management");

	ASSERT_EQ(0, watch_store(self->mem, 1));
	state = vfio_config_read(gpu, pm + PCI_PM_CTRL, 2);
	ASSERT_EQ(0, vfio_config_write(gpu, pm + PCI_PM_CTRL, 2,
				       state | PCI_PM_CTRL_STATE_MASK));
	EXPECT_EQ(SIGBUS, watch_store(self->mem, 1));
	ASSERT_EQ(0, vfio_config_write(gpu, pm + PCI_PM_CTRL, 2, state));
	usleep(50000);
	EXPECT_EQ(0, reset_recover(&self->nvlink2));
}

/* Links that have been up, for each way to take them down */
NVLINK2_FIXTURE(fenced, nvlink2_prepare_mapped);
RESET_VARIANTS(fenced);

TEST_F_TIMEOUT(fenced, store, NVLINK2_TIMEOUT)
{
	volatile uint64_t *huge = nvlink2_map_ram(&self->nvlink2, 0, HUGE);
	int ret;

	/* Linux before v5.13 allows one mapping only; test that one then */
	if ((void *)huge != MAP_FAILED)
		ASSERT_EQ(0, watch_store(huge, NVLINK2_PATTERN));
	ret = variant->reset(&self->nvlink2);
	if (ret == -EOPNOTSUPP)
		SKIP(return, "no such reset");
	ASSERT_EQ(0, ret);
	EXPECT_EQ(SIGBUS, watch_store(self->mem, 1));
	if ((void *)huge != MAP_FAILED)
		EXPECT_EQ(SIGBUS, watch_store(huge, 1));
	EXPECT_EQ(0, reset_recover(&self->nvlink2));
	EXPECT_EQ(0, watch_store(self->mem, 1));
	munmap((void *)huge, HUGE);
}

/* Links that are up, without a mapping */
NVLINK2_FIXTURE(unmapped, nvlink2_prepare_trained);

/*
 * A TCE for 2 MiB whose user address is aligned and whose physical address is
 * not. The group of the GPU does not offer this page size, so use another one.
 */
TEST_F_TIMEOUT(unmapped, large_tce_out_of_step, NVLINK2_TIMEOUT)
{
	const uint64_t big = 2 * MIB;
	struct spapr_container other;
	uint8_t *place, *ram;
	uint64_t start;
	int group = nvlink2_other_group();

	if (group < 0)
		SKIP(return, "no device of another kind: --other names one");

	place = mmap(NULL, 16 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)place);
	place = (uint8_t *)(((uintptr_t)place + big - 1) & ~(big - 1));
	ram = mmap(place + 0x10000, 8 * MIB, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, self->nvlink2.gpu.fd,
		   self->nvlink2.ram.offset + 16 * MIB);
	ASSERT_EQ(place + 0x10000, ram);

	ASSERT_EQ(0, spapr_open(&other, group));
	EXPECT_EQ(0, spapr_register(&other, ram, 8 * MIB));
	ASSERT_EQ(0, spapr_create_window(&other, 21, 1024 * MIB, 1, &start));
	EXPECT_GT(0, spapr_map(&other, start, place + big, big));
	spapr_close(&other);
}

/* Map GPU RAM for DMA by a guest of this process */
static int put_tce_of_ram(struct nvlink2 *nvlink2, const volatile void *ram)
{
	const uint64_t liobn = 1, gpa = 0x200000000000;
	struct kvm_guest guest;
	struct kvm_vcpu vcpu;
	int ret, table;

	if (kvm_guest_open(&guest))
		return -ENODEV;
	if (kvm_vcpu_open(&guest, &vcpu) ||
	    kvm_guest_memory(&guest, 1, gpa, ram, MIB) ||
	    kvm_guest_attach(&guest, &nvlink2->container))
		return -EIO;
	table = kvm_guest_tce_table(&guest, liobn, 16, 256 * MIB);
	ret = kvm_guest_attach_table(&guest, &nvlink2->container, table);
	kvm_vcpu_hcall(&vcpu, H_PUT_TCE, liobn, 0, gpa | TCE_READ_WRITE, 0);

	return ret;
}

/*
 * A guest maps GPU RAM in the window of a container that belongs to another
 * process. When the container clears the TCE, it must not take the RAM for
 * ordinary memory, which has a struct page to be marked as dirty.
 */
TEST_F_TIMEOUT(unmapped, tce_of_another_process, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	volatile void *ram;
	int child, pipes[2], done[2];
	signed char status;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, pipe(done));
	/* Creates the default window, and makes the container ours */
	ram = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(0, spapr_register(container, ram, MIB));
	ASSERT_EQ(0, spapr_map(container, 16 * MIB, ram, MIB));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(done[1]);
		ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
		status = put_tce_of_ram(&self->nvlink2, ram);
		write(pipes[1], &status, 1);
		read(done[0], &status, 1);
		_exit(0);
	}
	ASSERT_EQ(1, read(pipes[0], &status, 1));
	if (status == -ENODEV)
		SKIP(return, "no HV KVM");
	EXPECT_EQ(0, spapr_unmap(container, 0, 16 * MIB));
	close(done[1]);
	EXPECT_EQ(0, watch_child(child));
	EXPECT_EQ(-EPERM, status);
	/* No TCE of GPU RAM is left */
	nvlink2_close_devices(&self->nvlink2);
	EXPECT_EQ(0, nvlink2_open_devices(&self->nvlink2));
}

static size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static ssize_t read_ram(struct nvlink2 *nvlink2, uint64_t offset, void *buf,
			size_t size)
{
	return pread(nvlink2->gpu.fd, buf, size, nvlink2->ram.offset + offset);
}

static ssize_t write_ram(struct nvlink2 *nvlink2, uint64_t offset,
			 const void *buf, size_t size)
{
	return pwrite(nvlink2->gpu.fd, buf, size,
		      nvlink2->ram.offset + offset);
}

#define NEED_RAM_SIZE(self, size)					\
	do {								\
		(size) = nvlink2_ram_size(&(self)->nvlink2);		\
		if (!(size))						\
			SKIP(return, "the GPU does not tell the size of its RAM"); \
		if ((size) >= (self)->nvlink2.ram.size)			\
			SKIP(return, "the aperture ends with the RAM");	\
	} while (0)

/* The aperture is larger than the RAM, and there is nothing past its end */
TEST_F_TIMEOUT(unmapped, store_past_the_ram, NVLINK2_TIMEOUT)
{
	uint64_t offset = self->nvlink2.ram.size - MIB;
	volatile uint64_t *ram;

	ram = nvlink2_map_ram(&self->nvlink2, offset, MIB);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	EXPECT_EQ(SIGBUS, watch_store(ram, 1));
	NEED_LINKS(nvlink2_train(&self->nvlink2));
	munmap((void *)ram, MIB);
}

TEST_F_TIMEOUT(unmapped, write_past_the_ram, NVLINK2_TIMEOUT)
{
	uint64_t offset = self->nvlink2.ram.size - MIB, val = 1;

	EXPECT_EQ(-1, write_ram(&self->nvlink2, offset, &val, sizeof(val)));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, read_ram(&self->nvlink2, offset, &val, sizeof(val)));
	EXPECT_EQ(EIO, errno);
	NEED_LINKS(nvlink2_train(&self->nvlink2));
}

/* The last byte of the RAM can be accessed, and the one after it cannot */
TEST_F_TIMEOUT(unmapped, store_at_the_end_of_the_ram, NVLINK2_TIMEOUT)
{
	uint64_t page = page_size() / 8, size, val = 0;
	volatile uint64_t *ram;

	NEED_RAM_SIZE(self, size);
	ram = nvlink2_map_ram(&self->nvlink2, size - page_size(),
			      2 * page_size());
	ASSERT_NE(MAP_FAILED, (void *)ram);
	EXPECT_EQ(0, watch_store(&ram[page - 1], 0xabcd));
	EXPECT_EQ(0, watch_load(&ram[page - 1], &val));
	EXPECT_EQ(0xabcd, val);
	EXPECT_EQ(SIGBUS, watch_store(&ram[page], 1));
	EXPECT_EQ(SIGBUS, watch_load(&ram[page], &val));
	munmap((void *)ram, 2 * page_size());
}

/* The same in a mapping with huge pages, which must not go beyond the end */
TEST_F_TIMEOUT(unmapped, store_behind_huge_pages, NVLINK2_TIMEOUT)
{
	uint64_t aperture = self->nvlink2.ram.size, size;
	volatile uint64_t *ram;

	NEED_RAM_SIZE(self, size);
	ram = nvlink2_map_ram(&self->nvlink2, 0, aperture);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	EXPECT_EQ(0, watch_store(&ram[size / 8 - 1], 1));
	EXPECT_EQ(SIGBUS, watch_store(&ram[size / 8], 1));
	munmap((void *)ram, aperture);
}

TEST_F_TIMEOUT(unmapped, write_across_the_end_of_the_ram, NVLINK2_TIMEOUT)
{
	uint64_t vals[2] = { 0x1111, 0x2222 }, size;
	struct nvlink2 *nvlink2 = &self->nvlink2;

	NEED_RAM_SIZE(self, size);
	EXPECT_EQ(8, write_ram(nvlink2, size - 8, vals, sizeof(vals)));
	vals[0] = 0;
	EXPECT_EQ(8, read_ram(nvlink2, size - 8, vals, sizeof(vals)));
	EXPECT_EQ(0x1111, vals[0]);
	EXPECT_EQ(0x2222, vals[1]);
	EXPECT_EQ(-1, write_ram(nvlink2, size, vals, sizeof(vals)));
	EXPECT_EQ(EIO, errno);
}

/* There is no access to the RAM when the GPU does not tell its size */
TEST_F_TIMEOUT(unmapped, ram_of_unknown_size, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram;
	uint64_t val = 1;

	if (nvlink2_ram_size(&self->nvlink2))
		SKIP(return, "the GPU says how much RAM it has");

	ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	EXPECT_EQ(SIGBUS, watch_store(ram, 1));
	EXPECT_EQ(-1, write_ram(&self->nvlink2, 0, &val, sizeof(val)));
	EXPECT_EQ(EIO, errno);
	munmap((void *)ram, MIB);
}

static int ioeventfd_at(struct vfio_dev *dev, uint64_t offset)
{
	struct vfio_device_ioeventfd arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = offset,
		.fd = -1,
	};

	return ioctl(dev->fd, VFIO_DEVICE_IOEVENTFD, &arg) ? errno : 0;
}

/* A negative offset must not be mistaken for an index before the first region */
TEST_F_TIMEOUT(unmapped, ioeventfd_before_the_regions, NVLINK2_TIMEOUT)
{
	struct vfio_dev *gpu = &self->nvlink2.gpu;
	uint64_t before;

	for (before = 1; before <= 1 << 23; before *= 2)
		EXPECT_EQ(EINVAL, ioeventfd_at(gpu, -(before << 40)));
}

/*
 * Root can stop a GPU by configuration space, as with setpci: that of the port
 * above it, or its own. Where GPU RAM may be mapped, that is refused
 */
NVLINK2_FIXTURE(setpci, nvlink2_prepare_mapped);

/* @kept: every port, or GPU, has this bit, and firmware lets one write to it */
FIXTURE_VARIANT(setpci)
{
	bool of_port;
	bool kept;
	uint8_t cap;
	unsigned int where;
	unsigned int size;
	uint32_t bits;
};

FIXTURE_VARIANT_ADD(setpci, bus_reset)
	{ true, true, 0, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET };
FIXTURE_VARIANT_ADD(setpci, bus_reset_by_byte)
	{ true, false, 0, PCI_BRIDGE_CONTROL, 1, PCI_BRIDGE_CTL_BUS_RESET };
FIXTURE_VARIANT_ADD(setpci, bus_reset_by_dword)
	{ true, true, 0, PCI_INTERRUPT_LINE, 4, PCI_BRIDGE_CTL_BUS_RESET << 16 };
FIXTURE_VARIANT_ADD(setpci, link_disable)
	{ true, false, PCI_CAP_ID_EXP, PCI_EXP_LNKCTL, 2, PCI_EXP_LNKCTL_LD };
FIXTURE_VARIANT_ADD(setpci, power_state)
	{ false, true, PCI_CAP_ID_PM, PCI_PM_CTRL, 2, PCI_PM_CTRL_STATE_MASK };
FIXTURE_VARIANT_ADD(setpci, function_reset)
	{ false, false, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR };
FIXTURE_VARIANT_ADD(setpci, function_reset_by_byte)
	{ false, false, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL + 1, 1,
	  PCI_EXP_DEVCTL_BCR_FLR >> 8 };
FIXTURE_VARIANT_ADD(setpci, power_state_of_port)
	{ true, false, PCI_CAP_ID_PM, PCI_PM_CTRL, 2, PCI_PM_CTRL_STATE_MASK };
FIXTURE_VARIANT_ADD(setpci, slot_power)
	{ true, false, PCI_CAP_ID_EXP, PCI_EXP_SLTCTL, 2, PCI_EXP_SLTCTL_PCC };

/* The device to write to, and the offset; 0 when there is nothing to write to */
static unsigned int setpci_where(const FIXTURE_VARIANT(setpci) *variant,
				 char *bdf)
{
	unsigned int cap = 0;

	snprintf(bdf, BDF_LEN, "%s", nvlink2_place()->gpu);
	if (variant->of_port)
		sysfs_port(nvlink2_place()->gpu, bdf, BDF_LEN);
	if (!bdf[0])
		return 0;
	if (variant->cap) {
		cap = sysfs_capability(bdf, variant->cap);
		if (!cap)
			return 0;
	}

	return cap + variant->where;
}

TEST_F_TIMEOUT(setpci, refused_while_mapped, NVLINK2_TIMEOUT)
{
	int log = watch_log_begin();
	unsigned int where;
	char bdf[BDF_LEN];
	uint32_t before;

	where = setpci_where(variant, bdf);
	if (!where)
		SKIP(return, "no such register");

	before = sysfs_config(bdf, where, variant->size);
	ASSERT_EQ(0, before & variant->bits);
	sysfs_config_write(bdf, where, variant->size, before | variant->bits);
	/* Do not touch the RAM of a GPU that is gone */
	ASSERT_EQ(before, sysfs_config(bdf, where, variant->size));
	EXPECT_EQ(0, watch_faults(self->mem));
	EXPECT_EQ(NVLINK2_PATTERN, *self->mem);
	EXPECT_TRUE(watch_log_has(log, "refused"));
	close(log);
}

/* A reset makes a GPU forget what the kernel has written there */
#define HEADER_WORDS	16

static void read_header(const char *bdf, uint32_t *header)
{
	int i;

	for (i = 0; i < HEADER_WORDS; i++)
		header[i] = sysfs_config(bdf, 4 * i, 4);
}

/* BARs first, the command last */
static void write_header(const char *bdf, const uint32_t *header)
{
	int i;

	for (i = HEADER_WORDS - 1; i > 0; i--)
		sysfs_config_write(bdf, 4 * i, 4, header[i]);
}

/* Without a user, root is free to do so, and the next user gets a working GPU */
TEST_F_TIMEOUT(setpci, allowed_after_close, NVLINK2_TIMEOUT)
{
	uint32_t before, header[HEADER_WORDS];
	unsigned int where, size = variant->size;
	int log = watch_log_begin();
	char bdf[BDF_LEN];

	where = setpci_where(variant, bdf);
	if (!where)
		SKIP(return, "no such register");

	nvlink2_put_away(&self->nvlink2, self->mem);
	self->mem = NULL;
	read_header(nvlink2_place()->gpu, header);

	/* A GPU that nobody uses may be in D3 already */
	before = sysfs_config(bdf, where, size);
	sysfs_config_write(bdf, where, size, before & ~variant->bits);
	sysfs_config_write(bdf, where, size, before | variant->bits);
	if (variant->kept)
		EXPECT_EQ(variant->bits,
			  sysfs_config(bdf, where, size) & variant->bits);
	EXPECT_FALSE(watch_log_has(log, "refused"));
	close(log);
	sysfs_config_write(bdf, where, size, before);
	/* PCIe gives a function a second after a reset */
	sleep(1);
	write_header(nvlink2_place()->gpu, header);

	NEED_LINKS(nvlink2_prepare_mapped(&self->nvlink2, &self->mem));
	EXPECT_EQ(NVLINK2_PATTERN, *self->mem);
}

FIXTURE(rescan)
{
	struct nvlink2 nvlink2;
	int log;
};

FIXTURE_SETUP(rescan)
{
	NEED_GPU();
	self->log = watch_log_begin();
	nvlink2_clear(&self->nvlink2, nvlink2_place());
}

FIXTURE_TEARDOWN(rescan)
{
	nvlink2_close(&self->nvlink2);
	EXPECT_QUIET_LOG(self->log);
}

static int remove_gpu(const char *bdf)
{
	char driver[32];

	sysfs_driver(bdf, driver, sizeof(driver));
	if (sysfs_number(bdf, "vendor") != VENDOR_NVIDIA ||
	    strcmp(driver, "vfio-pci"))
		return -ENODEV;

	return sysfs_write(bdf, "remove", "1");
}

/* What has been found again has no driver; leave the others their own */
static int bind_gpu(const char *bdf)
{
	char driver[32];

	sysfs_driver(bdf, driver, sizeof(driver));

	return driver[0] ? 0 : sysfs_bind(bdf);
}

/* Make the GPUs the last devices of their group */
static int rescan_gpus(int group)
{
	int ret;

	if (!sysfs_for_each_in_group(group, remove_gpu))
		return -ENODEV;
	ret = sysfs_write_file("/sys/bus/pci/rescan", "1");
	if (!ret)
		sysfs_for_each_in_group(group, bind_gpu);

	return ret;
}

/*
 * EEH resets one PE of the group. That has to be the one of a GPU, although the
 * bridges come first in the group now: a reset of their PE takes all links down.
 */
TEST_F_TIMEOUT(rescan, eeh_resets_a_gpu, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram, *other;
	struct nvlink2 neighbour;
	long faults[2];
	int ret;

	ASSERT_EQ(0, rescan_gpus(self->nvlink2.place->group));
	ASSERT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
	NEED_NEIGHBOUR(self, neighbour);
	ASSERT_EQ(0, nvlink2_open_devices(&neighbour));
	NEED_LINKS(nvlink2_train(&self->nvlink2));
	NEED_LINKS(nvlink2_train(&neighbour));
	ram = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	other = nvlink2_map_ram(&neighbour, 0, MIB);
	ASSERT_EQ(0, watch_store(ram, 1));
	ASSERT_EQ(0, watch_store(other, 1));

	ret = reset_by_eeh(&self->nvlink2);
	if (ret == -EOPNOTSUPP)
		SKIP(return, "no EEH");
	ASSERT_EQ(0, ret);
	faults[0] = watch_faults(ram);
	faults[1] = watch_faults(other);
	EXPECT_EQ(-SIGBUS, faults[0] + faults[1])
		TH_LOG("%ld and %ld", faults[0], faults[1]);
	munmap((void *)ram, MIB);
	munmap((void *)other, MIB);
	nvlink2_close_devices(&neighbour);
}

NVLINK2_MAIN()
