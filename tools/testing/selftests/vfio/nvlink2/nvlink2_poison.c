// SPDX-License-Identifier: GPL-2.0
/*
 * A memory error in the RAM of an NVLink2 GPU: who is told
 *
 * The error is not a real one: the kernel is asked to handle one. It neither
 * touches the page nor remembers it, so that the links need not be up, and the
 * RAM is as before.
 *
 * Told are the processes that have asked for it, as QEMU does. Another one gets
 * SIGBUS when it reads the page.
 */
#include <endian.h>
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/sysfs.h"

#define HARD_OFFLINE	"/sys/devices/system/memory/hard_offline_page"

/* What a process saw that maps some of the RAM */
enum seen { NOTHING, ITS_PAGE, ANOTHER_ADDRESS, NO_MAPPING };

FIXTURE(poison)
{
	struct nvlink2 nvlink2;
	volatile uint64_t *mem;
	uint64_t aperture;
	/* A process writes when it has mapped, and waits for the other end to close */
	int mapped[2], wait[2];
	int log;
};

static int read_cells(const char *path, uint32_t *cells, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t got = file ? fread(cells, 4, size, file) : 0;

	if (file)
		fclose(file);

	return got;
}

/* The node of memory that the nodes of the GPU's bridges name; 0 for none */
static uint64_t find_aperture(const char *bridge)
{
	uint32_t wanted, phandle, reg[4];
	uint64_t found = 0;
	char path[128];
	glob_t nodes;
	size_t i;

	if (sysfs_cells(bridge, "memory-region", &wanted, 1) != 1 ||
	    glob("/proc/device-tree/memory@*", 0, NULL, &nodes))
		return 0;
	for (i = 0; i < nodes.gl_pathc; i++) {
		snprintf(path, sizeof(path), "%s/phandle", nodes.gl_pathv[i]);
		if (read_cells(path, &phandle, 1) != 1 ||
		    be32toh(phandle) != wanted)
			continue;
		snprintf(path, sizeof(path), "%s/reg", nodes.gl_pathv[i]);
		if (read_cells(path, reg, 4) == 4)
			found = (uint64_t)be32toh(reg[0]) << 32 |
				be32toh(reg[1]);
	}
	globfree(&nodes);

	return found;
}

FIXTURE_SETUP(poison)
{
	NEED_GPU();
	if (access(HARD_OFFLINE, W_OK))
		SKIP(return, "a kernel without CONFIG_MEMORY_FAILURE");
	self->log = watch_log_begin();
	ASSERT_EQ(0, nvlink2_prepare_open(&self->nvlink2, &self->mem));
	self->aperture = find_aperture(nvlink2_place()->bridge[0]);
	ASSERT_NE(0, self->aperture);
	ASSERT_EQ(0, pipe(self->mapped));
	ASSERT_EQ(0, pipe(self->wait));
}

FIXTURE_TEARDOWN(poison)
{
	nvlink2_put_away(&self->nvlink2, self->mem);
	EXPECT_QUIET_LOG(self->log);
}

/* An error in the page at @offset of the RAM */
static int poison(FIXTURE_DATA(poison) *self, uint64_t offset)
{
	char addr[32];

	snprintf(addr, sizeof(addr), "%#llx",
		 (unsigned long long)(self->aperture + offset));

	return sysfs_write_file(HARD_OFFLINE, addr);
}

/* What came since ask_for_sigbus() */
static enum seen pending(const void *page)
{
	const struct timespec now = {};
	siginfo_t info;
	sigset_t bus;

	sigemptyset(&bus);
	sigaddset(&bus, SIGBUS);
	if (sigtimedwait(&bus, &info, &now) != SIGBUS)
		return NOTHING;

	return info.si_code == BUS_MCEERR_AO && info.si_addr == page ?
	       ITS_PAGE : ANOTHER_ADDRESS;
}

static void ask_for_sigbus(void)
{
	sigset_t bus;

	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	sigemptyset(&bus);
	sigaddset(&bus, SIGBUS);
	sigprocmask(SIG_BLOCK, &bus, NULL);
}

/* A process that maps a MiB from @offset on. @page is where the error will be */
static int start_user(FIXTURE_DATA(poison) *self, uint64_t offset,
		      uint64_t page)
{
	int pid = fork();
	char *ram, byte;

	if (pid)
		return pid;

	close(self->wait[1]);
	ask_for_sigbus();
	ram = nvlink2_map_ram(&self->nvlink2, offset, MIB);
	if (write(self->mapped[1], "", 1) != 1 || ram == MAP_FAILED)
		_exit(NO_MAPPING);
	/* Ends when the parent closes it */
	if (read(self->wait[0], &byte, 1))
		_exit(NO_MAPPING);
	_exit(pending(ram + page - offset));
}

TEST_F_TIMEOUT(poison, who_has_mapped_it, NVLINK2_TIMEOUT)
{
	uint64_t page = 3 * MIB + MIB / 2;
	int user, other;
	char byte;

	user = start_user(self, 3 * MIB, page);
	ASSERT_LT(0, user);
	ASSERT_EQ(1, read(self->mapped[0], &byte, 1));
	other = start_user(self, 2 * MIB, page);
	ASSERT_LT(0, other);
	ASSERT_EQ(1, read(self->mapped[0], &byte, 1));
	ask_for_sigbus();

	EXPECT_EQ(0, poison(self, page));

	close(self->wait[1]);
	EXPECT_EQ(ITS_PAGE, watch_child(user));
	/* Neither who maps another part, nor who has the GPU open */
	EXPECT_EQ(NOTHING, watch_child(other));
	EXPECT_EQ(NOTHING, pending(NULL));
}

/* First and last byte of a mapping, and the pages on both sides of it */
TEST_F_TIMEOUT(poison, bounds, NVLINK2_TIMEOUT)
{
	const uint64_t start = 2 * MIB, end = 3 * MIB, page = getpagesize();
	char *ram;

	ram = nvlink2_map_ram(&self->nvlink2, start, MIB);
	ASSERT_NE(MAP_FAILED, (void *)ram);
	ask_for_sigbus();

	EXPECT_EQ(0, poison(self, start - page));
	EXPECT_EQ(0, poison(self, end));
	EXPECT_EQ(NOTHING, pending(NULL));
	EXPECT_EQ(0, munmap(ram, MIB));
	EXPECT_EQ(0, poison(self, start));
	EXPECT_EQ(0, poison(self, end - 1));
	EXPECT_EQ(NOTHING, pending(NULL));
}

static enum seen in_child(FIXTURE_DATA(poison) *self, uint64_t page)
{
	int pid = start_user(self, 2 * MIB, page);
	char byte;

	if (pid < 0 || read(self->mapped[0], &byte, 1) != 1 ||
	    poison(self, page))
		return NO_MAPPING;
	close(self->wait[1]);

	return watch_child(pid);
}

TEST_F_TIMEOUT(poison, first_page, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(ITS_PAGE, in_child(self, 2 * MIB));
}

TEST_F_TIMEOUT(poison, last_page, NVLINK2_TIMEOUT)
{
	EXPECT_EQ(ITS_PAGE, in_child(self, 3 * MIB - getpagesize()));
}

/* A GPU that nobody has open has no users, and no driver that would know them */
TEST_F_TIMEOUT(poison, closed, NVLINK2_TIMEOUT)
{
	nvlink2_close(&self->nvlink2);
	EXPECT_GT(0, poison(self, 0));
	ASSERT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
	EXPECT_EQ(0, poison(self, 0));
}

NVLINK2_MAIN()
