// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of GPU RAM must be gone before anything takes the links down
 *
 * After a reset, these cases train the links again before they access the RAM.
 * That access has to fault. When it does not, the kernel has left the mapping
 * in place during the reset. For accesses while the links are down, which stop
 * the machine on such a kernel, see nvlink2_panic.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "../../kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/reset.h"
#include "lib/sysfs.h"

#define LINK_STATUS	0x04
#define   LINK_COMPLETE		0x40000000
#define LINK_PROCEDURE	0x08
#define LINK_FLAGS	0x0d
#define   LINK_DL_RESET		0x02

/* The PCI core waits a minute for a device that EEH does not let it see */
#define EEH_SECONDS	20

NVLINK2_FIXTURE(reset, nvlink2_prepare_mapped);

/* Without a reset there are no faults. The other cases rely on that */
TEST_F_TIMEOUT(reset, none, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(0, watch_faults(self->mem));
	sleep(1);
	EXPECT_EQ(0, watch_faults(self->mem));
	EXPECT_LT(0, watch_faults(&self->mem[MIB / 16]));
}

/* GPU RAM over NVLink does not depend on the BARs, nor on those of a bridge */
TEST_F_TIMEOUT(reset, memory_disabled, NVLINK2_TIMEOUT)
{
	struct vfio_dev *devices[] = {
		&self->nvlink2.gpu, &self->nvlink2.bridge[0],
	};
	uint32_t command;
	int i;

	for (i = 0; i < 2; i++) {
		command = vfio_config_read(devices[i], PCI_COMMAND, 2);
		ASSERT_EQ(0, vfio_config_write(devices[i], PCI_COMMAND, 2,
					       command & ~PCI_COMMAND_MEMORY));
		EXPECT_EQ(0, watch_faults(self->mem));
		ASSERT_EQ(0, vfio_config_write(devices[i], PCI_COMMAND, 2,
					       command));
	}
}

/* A look changes nothing: the mapping is still there */
TEST_F_TIMEOUT(reset, reads_of_config_space, NVLINK2_TIMEOUT)
{
	int i;

	for (i = 0; i < 50; i++) {
		nvlink2_read_config_space(&self->nvlink2);
		ASSERT_EQ(0, watch_faults(self->mem));
	}
}

/* Nor does it matter to one who stores to GPU RAM meanwhile */
TEST_F_TIMEOUT(reset, stores_beside_reads_of_config_space, NVLINK2_TIMEOUT)
{
	pid_t child;
	int i, status;

	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		for (i = 0; i < 50; i++)
			nvlink2_read_config_space(&self->nvlink2);
		_exit(0);
	}

	do {
		for (i = 0; i < 1000; i++)
			ASSERT_EQ(0, watch_store(&self->mem[i], i));
	} while (!waitpid(child, &status, WNOHANG));
	EXPECT_EQ(0, status);
}

/* In D3hot the GPU's end of the links is down: mappings go before */
TEST_F_TIMEOUT(reset, power_state_d3, NVLINK2_TIMEOUT)
{
	struct vfio_dev *gpu = &self->nvlink2.gpu;
	unsigned int pm = vfio_config_capability(gpu, PCI_CAP_ID_PM);
	uint32_t state;

	if (!pm)
		SKIP(return, "the GPU has no power management");

	state = vfio_config_read(gpu, pm + PCI_PM_CTRL, 2);
	ASSERT_EQ(0, vfio_config_write(gpu, pm + PCI_PM_CTRL, 2,
				       state | PCI_PM_CTRL_STATE_MASK));
	ASSERT_EQ(0, vfio_config_write(gpu, pm + PCI_PM_CTRL, 2, state));
	usleep(50000);
	ASSERT_EQ(0, reset_recover(&self->nvlink2));
	EXPECT_LT(0, watch_faults(self->mem));
}

/* Firmware purges caches on each write to DEVCTL: only an FLR may get there */
TEST_F_TIMEOUT(reset, device_control_is_virtual, NVLINK2_TIMEOUT)
{
	struct vfio_dev *bridge = &self->nvlink2.bridge[0];
	unsigned int at = vfio_config_capability(bridge, PCI_CAP_ID_EXP);
	uint32_t before, val;

	ASSERT_NE(0, at);
	at += PCI_EXP_DEVCTL;
	before = sysfs_config(bridge->bdf, at, 2);
	val = vfio_config_read(bridge, at, 2) ^ PCI_EXP_DEVCTL_NOSNOOP_EN ^
	      PCI_EXP_DEVCTL_RELAX_EN ^ PCI_EXP_DEVCTL_CERE;
	ASSERT_EQ(0, vfio_config_write(bridge, at, 2, val));
	EXPECT_EQ(before, sysfs_config(bridge->bdf, at, 2));
}

static int arm(struct vfio_dev *bridge, uint32_t procedure)
{
	unsigned int cap = vfio_config_capability(bridge, PCI_CAP_ID_VNDR);

	return vfio_config_write(bridge, cap + LINK_PROCEDURE, 4, procedure);
}

/* Procedures that do nothing take nothing away, neither armed nor run */
TEST_F_TIMEOUT(reset, procedures_that_do_nothing, NVLINK2_TIMEOUT)
{
	static const uint32_t idle[] = { 1, 11, 12 };
	struct vfio_dev *bridge = &self->nvlink2.bridge[0];
	unsigned int i;

	for (i = 0; i < sizeof(idle) / sizeof(*idle); i++) {
		ASSERT_EQ(0, arm(bridge, idle[i]));
		EXPECT_EQ(0, watch_faults(self->mem));
		EXPECT_EQ(0, watch_store(self->mem, i));
		ASSERT_EQ(0, nvlink2_run_procedure(bridge, idle[i]));
		EXPECT_EQ(0, watch_faults(self->mem));
		EXPECT_EQ(i, *self->mem);
	}
}

/* The last step of the training, once more: the mapping comes back by itself */
TEST_F_TIMEOUT(reset, credits_are_checked_again, NVLINK2_TIMEOUT)
{
	struct vfio_dev *bridge = &self->nvlink2.bridge[0];

	ASSERT_EQ(0, arm(bridge, NVLINK2_CHECK_CREDITS));
	EXPECT_LT(0, watch_faults(self->mem));
	EXPECT_EQ(0, watch_store(self->mem, 1));
	ASSERT_EQ(0, nvlink2_run_procedure(bridge, NVLINK2_CHECK_CREDITS));
	EXPECT_EQ(0, watch_store(self->mem, 2));
	EXPECT_EQ(2, *self->mem);
}

/* What was written before the rest of it failed is told */
TEST_F_TIMEOUT(reset, write_that_fails_in_the_middle, NVLINK2_TIMEOUT)
{
	struct vfio_dev *bridge = &self->nvlink2.bridge[0];
	unsigned int cap = vfio_config_capability(bridge, PCI_CAP_ID_VNDR);
	size_t page = sysconf(_SC_PAGESIZE);
	char *two;

	two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, two);
	ASSERT_EQ(0, munmap(two + page, page));
	/* The four bytes of STATUS, which ignores them, then those that are gone */
	EXPECT_EQ(4, pwrite(bridge->fd, two + page - 4, 8,
			    bridge->config.offset + cap + LINK_STATUS));
	munmap(two, page);
}

/* A reset of another GPU of the NPU leaves the links of this one alone */
TEST_F_TIMEOUT(reset, neighbour_is_reset, NVLINK2_TIMEOUT)
{
	struct nvlink2 neighbour;

	NEED_NEIGHBOUR(self, neighbour);

	ASSERT_EQ(0, vfio_dev_open(&neighbour.container, neighbour.place->gpu,
				   &neighbour.gpu));
	ASSERT_EQ(0, vfio_dev_reset(&neighbour.gpu));
	EXPECT_EQ(0, watch_faults(self->mem));
	EXPECT_EQ(NVLINK2_PATTERN, *self->mem);
	vfio_dev_close(&neighbour.gpu);
}

/* The links of others are none of a bridge's business when it is closed */
TEST_F_TIMEOUT(reset, neighbour_keeps_its_links, NVLINK2_TIMEOUT)
{
	struct nvlink2 neighbour;
	struct falcon falcon;
	uint32_t links;
	int ret;

	NEED_NEIGHBOUR(self, neighbour);
	ret = falcon_map(&falcon, &self->nvlink2.gpu);
	if (ret == -ENODEV)
		SKIP(return, "the GPU is no V100, whose registers are known");
	ASSERT_EQ(0, ret);

	links = falcon_active_links(&falcon);
	EXPECT_EQ(self->nvlink2.place->num_bridges, __builtin_popcount(links));
	ASSERT_EQ(0, nvlink2_open_devices(&neighbour));
	nvlink2_close_devices(&neighbour);
	EXPECT_EQ(links, falcon_active_links(&falcon));
	falcon_unmap(&falcon);
	EXPECT_EQ(0, watch_faults(self->mem));
	EXPECT_EQ(NVLINK2_PATTERN, *self->mem);
}

/* Mappings of all processes are removed */
TEST_F_TIMEOUT(reset, mapping_of_another_process, NVLINK2_TIMEOUT)
{
	volatile uint64_t *ram;
	int child, pipes[2], mapped[2];
	char byte = 0;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, pipe(mapped));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(pipes[1]);
		ram = nvlink2_map_ram(&self->nvlink2, MIB, MIB);
		if ((void *)ram == MAP_FAILED || watch_store(ram, 1))
			_exit(2);
		write(mapped[1], &byte, 1);
		read(pipes[0], &byte, 1);
		_exit(watch_faults(ram) > 0 ? 0 : 1);
	}

	close(pipes[0]);
	close(mapped[1]);
	ASSERT_EQ(1, read(mapped[0], &byte, 1));
	close(mapped[0]);
	ASSERT_EQ(0, vfio_dev_reset(&self->nvlink2.gpu));
	ASSERT_EQ(0, reset_recover(&self->nvlink2));
	close(pipes[1]);
	EXPECT_EQ(0, watch_child(child));
}

/* Several mappings of one process are removed */
TEST_F_TIMEOUT(reset, each_mapping, NVLINK2_TIMEOUT)
{
	volatile uint64_t *other = nvlink2_map_ram(&self->nvlink2, MIB, MIB);

	ASSERT_NE(MAP_FAILED, (void *)other);
	ASSERT_EQ(0, watch_store(other, 1));
	ASSERT_EQ(0, vfio_dev_reset(&self->nvlink2.gpu));
	ASSERT_EQ(0, reset_recover(&self->nvlink2));
	EXPECT_LT(0, watch_faults(self->mem));
	EXPECT_LT(0, watch_faults(other));
}

/* The links of a GPU that nobody uses are down */
TEST_F_TIMEOUT(reset, close_takes_links_down, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *place = self->nvlink2.place;
	unsigned int cap[NVLINK2_MAX_LINKS];
	int i;

	for (i = 0; i < place->num_bridges; i++)
		cap[i] = vfio_config_capability(&self->nvlink2.bridge[i],
						PCI_CAP_ID_VNDR) + LINK_FLAGS;

	munmap((void *)self->mem, MIB);
	vfio_dev_close(&self->nvlink2.gpu);
	for (i = 0; i < place->num_bridges; i++)
		EXPECT_EQ(0, sysfs_config(place->bridge[i], cap[i], 1) &
			     LINK_DL_RESET);
}

/* The links can be trained again after each reset. The data may be lost */
TEST_F_TIMEOUT(reset, again_and_again, NVLINK2_TIMEOUT)
{
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vfio_dev_reset(&self->nvlink2.gpu));
		ASSERT_EQ(0, reset_recover(&self->nvlink2));
		ASSERT_EQ(0, watch_store(self->mem, i));
		EXPECT_EQ(i, *self->mem);
	}
}

/* EEH takes about as long as the reset of a bus does, on a slow machine as well */
TEST_F_TIMEOUT(reset, by_eeh_in_time, NVLINK2_TIMEOUT)
{
	time_t begin = time(NULL), hot;
	int ret;

	ASSERT_EQ(0, reset_hot(&self->nvlink2));
	hot = time(NULL) - begin;
	ASSERT_EQ(0, reset_recover(&self->nvlink2));

	begin = time(NULL);
	ret = reset_by_eeh(&self->nvlink2);
	if (ret == -EOPNOTSUPP)
		SKIP(return, "no EEH");
	ASSERT_EQ(0, ret);
	EXPECT_GT(2 * hot + EEH_SECONDS, time(NULL) - begin);
}

/* As setpci does it, for a bridge that has no driver */
static void train_by_sysfs(const char *bdf, unsigned int cap)
{
	static const uint32_t procedures[] = { 4, 5, 6, 7, 9, 8, 10, 13 };
	uint32_t status;
	unsigned int i;
	int polls;

	for (i = 0; i < sizeof(procedures) / sizeof(*procedures); i++) {
		sysfs_config_write(bdf, cap + LINK_PROCEDURE, 4, procedures[i]);
		for (polls = 0, status = 0; polls < 1000; polls++) {
			status = sysfs_config(bdf, cap + LINK_STATUS, 4);
			if (status & LINK_COMPLETE)
				break;
		}
	}
}

/* The reset of a bridge whose link is in use does not claim to have happened */
TEST_F_TIMEOUT(reset, refused_reset_fails, NVLINK2_TIMEOUT)
{
	struct vfio_dev *bridge = &self->nvlink2.bridge[0];
	const char *bdf = self->nvlink2.place->bridge[0];
	unsigned int cap;

	cap = vfio_config_capability(bridge, PCI_CAP_ID_VNDR);
	vfio_dev_close(bridge);
	ASSERT_EQ(0, sysfs_write(bdf, "driver/unbind", bdf));
	train_by_sysfs(bdf, cap);
	EXPECT_LT(0, watch_faults(self->mem));
	/* Do not touch the RAM of a GPU whose link is down */
	ASSERT_EQ(-EIO, sysfs_write(bdf, "reset", "1"));
	EXPECT_EQ(0, watch_faults(self->mem));
	EXPECT_EQ(0, sysfs_bind(bdf));
}

/*
 * When a closed GPU could not be reset, the fence is all that keeps it from the
 * memory of its last guest: who still has the bridges must not take it away.
 */
TEST_F_TIMEOUT(reset, links_of_a_closed_gpu, NVLINK2_TIMEOUT)
{
	static const uint32_t procedures[] = { 1, 4, 10, 13 };
	struct nvlink2 *nvlink2 = &self->nvlink2;
	unsigned int i;

	munmap((void *)self->mem, MIB);
	self->mem = NULL;
	vfio_dev_close(&nvlink2->gpu);
	for (i = 0; i < ARRAY_SIZE(procedures); i++)
		EXPECT_EQ(-EACCES, nvlink2_run_procedure(&nvlink2->bridge[0],
							 procedures[i]));
	ASSERT_EQ(0, vfio_dev_open(&nvlink2->container, nvlink2->place->gpu,
				   &nvlink2->gpu));
	EXPECT_EQ(0, nvlink2_train(nvlink2));
}

/* A mapping keeps the GPU open when the file descriptor is closed */
TEST_F_TIMEOUT(reset, mapping_outlives_descriptor, NVLINK2_TIMEOUT)
{
	vfio_dev_close(&self->nvlink2.gpu);
	EXPECT_EQ(0, watch_faults(self->mem));
	EXPECT_EQ(NVLINK2_PATTERN, *self->mem);
}

/* Each way to take links down removes small and huge mappings */
NVLINK2_FIXTURE(revoke, nvlink2_prepare_mapped);
RESET_VARIANTS(revoke);

TEST_F_TIMEOUT(revoke, mapping_is_gone, NVLINK2_TIMEOUT)
{
	volatile uint64_t *huge = nvlink2_map_ram(&self->nvlink2, 0, HUGE);
	int ret;

	ASSERT_EQ(0, watch_faults(self->mem));
	/* Linux before v5.13 allows one mapping only; test that one then */
	if ((void *)huge != MAP_FAILED)
		ASSERT_LT(0, watch_faults(huge));
	ret = variant->reset(&self->nvlink2);
	if (ret == -EOPNOTSUPP)
		SKIP(return, "no such reset");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, reset_recover(&self->nvlink2));
	EXPECT_LT(0, watch_faults(self->mem));
	EXPECT_EQ(0, watch_store(self->mem, 1));
	if ((void *)huge != MAP_FAILED)
		EXPECT_LT(0, watch_faults(huge));
	munmap((void *)huge, HUGE);
}

/* Devices that are taken out of the system and found again */
FIXTURE(removed)
{
	struct nvlink2 nvlink2;
	volatile uint64_t *mem;
	int log;
};

FIXTURE_VARIANT(removed)
{
	bool gpu;
	int bridges;
};

FIXTURE_VARIANT_ADD(removed, gpu) { .gpu = true };
FIXTURE_VARIANT_ADD(removed, bridge) { .bridges = 1 };
FIXTURE_VARIANT_ADD(removed, bridges) { .bridges = NVLINK2_MAX_LINKS };
FIXTURE_VARIANT_ADD(removed, all)
	{ .gpu = true, .bridges = NVLINK2_MAX_LINKS };

FIXTURE_SETUP(removed)
{
	NEED_GPU();
	self->log = watch_log_begin();
	self->mem = NULL;
	nvlink2_clear(&self->nvlink2, nvlink2_place());
}

FIXTURE_TEARDOWN(removed)
{
	nvlink2_put_away(&self->nvlink2, self->mem);
	EXPECT_QUIET_LOG(self->log);
}

/* The names of the devices to be removed, the GPU last */
static int removed_devices(const FIXTURE_VARIANT(removed) *variant,
			   const char **bdf)
{
	const struct nvlink2_place *place = nvlink2_place();
	int i, count = 0;

	for (i = 0; i < place->num_bridges && i < variant->bridges; i++)
		bdf[count++] = place->bridge[i];
	if (variant->gpu)
		bdf[count++] = place->gpu;

	return count;
}

/* What isolates a device */
struct seat {
	int group;
	uint32_t pe;
};

static struct seat seat_of(const char *bdf)
{
	return (struct seat) {
		.group = sysfs_group(bdf),
		.pe = sysfs_number(bdf, "eeh_pe_config_addr"),
	};
}

/* To the RAM, if the links can be trained */
static int open_and_store(FIXTURE_DATA(removed) *self, uint64_t val)
{
	int ret = nvlink2_prepare_any(&self->nvlink2, &self->mem);

	if (ret || !self->nvlink2.trained)
		return ret;
	self->mem = nvlink2_map_ram(&self->nvlink2, 0, MIB);
	if ((void *)self->mem == MAP_FAILED) {
		self->mem = NULL;
		return -errno;
	}

	return watch_store(self->mem, val) || *self->mem != val ? -EFAULT : 0;
}

#define MAX_REMOVED	(NVLINK2_MAX_LINKS + 1)

TEST_F_TIMEOUT(removed, found_in_its_group, NVLINK2_TIMEOUT)
{
	struct seat before[MAX_REMOVED], after;
	const char *bdf[MAX_REMOVED];
	int i, count;

	count = removed_devices(variant, bdf);
	for (i = 0; i < count; i++) {
		before[i] = seat_of(bdf[i]);
		ASSERT_EQ(0, sysfs_write(bdf[i], "remove", "1"));
		ASSERT_FALSE(sysfs_exists(bdf[i]));
	}
	ASSERT_EQ(0, sysfs_write_file("/sys/bus/pci/rescan", "1"));

	for (i = 0; i < count; i++) {
		after = seat_of(bdf[i]);
		EXPECT_EQ(before[i].group, after.group) TH_LOG("%s", bdf[i]);
		EXPECT_EQ(before[i].pe, after.pe) TH_LOG("%s", bdf[i]);
		ASSERT_EQ(0, sysfs_bind(bdf[i]));
	}
	EXPECT_EQ(0, open_and_store(self, NVLINK2_PATTERN));
}

/* A process of its own, without what keeps the device in use */
static int remove_in_child(const char *bdf)
{
	int child = fork();

	if (child)
		return child;
	close_range(3, ~0u, 0);
	_exit(sysfs_write(bdf, "remove", "1") ? 1 : 0);
}

/* The kernel waits for the user, who may go on until it closes the device */
TEST_F_TIMEOUT(removed, waits_for_its_user, NVLINK2_TIMEOUT)
{
	const char *bdf[MAX_REMOVED];
	int i, count, child, status;

	count = removed_devices(variant, bdf);
	ASSERT_EQ(0, open_and_store(self, 1));
	child = remove_in_child(bdf[0]);
	ASSERT_LT(0, child);
	sleep(1);
	EXPECT_EQ(0, waitpid(child, &status, WNOHANG));
	if (self->mem) {
		EXPECT_EQ(0, watch_store(self->mem, 2));
		EXPECT_EQ(2, *self->mem);
	}

	nvlink2_put_away(&self->nvlink2, self->mem);
	self->mem = NULL;
	EXPECT_EQ(0, watch_child(child));
	ASSERT_FALSE(sysfs_exists(bdf[0]));

	for (i = 1; i < count; i++)
		ASSERT_EQ(0, sysfs_write(bdf[i], "remove", "1"));
	ASSERT_EQ(0, sysfs_write_file("/sys/bus/pci/rescan", "1"));
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, sysfs_bind(bdf[i]));
	EXPECT_EQ(0, open_and_store(self, 3));
}

NVLINK2_MAIN()
