// SPDX-License-Identifier: GPL-2.0
/*
 * What takes mappings of GPU RAM away against what makes them
 *
 * Each case runs for some seconds, NVLINK2_SECONDS in the environment says for
 * how many. It passes when everybody comes to an end, the GPU works afterwards
 * and the kernel has nothing to say. What the threads get from the kernel while
 * they are at it is their luck.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/reset.h"
#include "lib/sysfs.h"

#define RACE_TIMEOUT	4000
#define SLICE		(4 * MIB)
/* A page, or several */
#define STRIDE		0x10000

static int seconds(void)
{
	const char *asked = getenv("NVLINK2_SECONDS");

	return asked ? atoi(asked) : 5;
}

NVLINK2_FIXTURE(race, nvlink2_prepare_mapped);

/*
 * The parties are processes, so that a signal of one is its own matter, and
 * share what they inherit. Each calls its function until time is up.
 */
struct party {
	void (*act)(struct nvlink2 *nvlink2, unsigned int round);
	int pid;
	/* As of watch_child(): the signal, negative, or the exit status */
	int end;
};

static void take_part(struct nvlink2 *nvlink2, struct party *party)
{
	time_t end = time(NULL) + seconds();
	unsigned int round;

	for (round = 0; time(NULL) < end; round++)
		party->act(nvlink2, round);
	_exit(0);
}

/* Who has begun, for a party that looks at the others */
static const struct party *others;

static void race(struct nvlink2 *nvlink2, struct party *parties, int count)
{
	int i;

	others = parties;
	for (i = 0; i < count; i++) {
		parties[i].pid = fork();
		if (!parties[i].pid)
			take_part(nvlink2, &parties[i]);
	}
	for (i = 0; i < count; i++)
		parties[i].end = watch_child(parties[i].pid);
}

/* A number that the parties count together */
static volatile long *shared_counter(void)
{
	return mmap(NULL, sizeof(long), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* EXPECT_EQ() with a handler is two statements */
#define EXPECT_GOOD_ENDS(parties)					\
	do {								\
		unsigned int i;						\
									\
		for (i = 0; i < ARRAY_SIZE(parties); i++) {		\
			EXPECT_EQ(0, parties[i].end) {			\
				TH_LOG("party %u: -signal or status", i); \
			}						\
		}							\
	} while (0)

#define RACE(self, ...)							\
	do {								\
		struct party parties[] = { __VA_ARGS__ };		\
									\
		race(&(self)->nvlink2, parties, ARRAY_SIZE(parties));	\
		EXPECT_GOOD_ENDS(parties);				\
	} while (0)

/* A mapping is not inherited, so a party that touches makes its own */
static volatile uint64_t *own_mapping(struct nvlink2 *nvlink2)
{
	static volatile uint64_t *ram;

	if (!ram || (void *)ram == MAP_FAILED)
		ram = nvlink2_map_ram(nvlink2, 0, SLICE);

	return ram;
}

static void touch(struct nvlink2 *nvlink2, unsigned int round)
{
	volatile uint64_t *ram = own_mapping(nvlink2);

	if ((void *)ram == MAP_FAILED)
		return;
	ram += (round * STRIDE % SLICE) / 8;
	watch_store(ram, round);
}

static void map_and_unmap(struct nvlink2 *nvlink2, unsigned int round)
{
	volatile uint64_t *ram = nvlink2_map_ram(nvlink2, 0, SLICE);

	if ((void *)ram == MAP_FAILED)
		return;
	watch_store(&ram[(round * STRIDE % SLICE) / 8], round);
	munmap((void *)ram, SLICE);
}

static void reset_gpu(struct nvlink2 *nvlink2, unsigned int round)
{
	vfio_dev_reset(&nvlink2->gpu);
	nvlink2_train(nvlink2);
}

static void reset_bridges(struct nvlink2 *nvlink2, unsigned int round)
{
	int which = round % nvlink2->place->num_bridges;

	vfio_dev_reset(&nvlink2->bridge[which]);
	nvlink2_train_bridge(&nvlink2->bridge[which]);
}

static void reset_from_outside(struct nvlink2 *nvlink2, unsigned int round)
{
	const struct nvlink2_place *place = nvlink2->place;

	sysfs_write(round & 1 ? place->gpu : place->bridge[0], "reset", "1");
	nvlink2_train(nvlink2);
}

static void switch_memory(struct nvlink2 *nvlink2, unsigned int round)
{
	vfio_config_write(&nvlink2->gpu, 4, 2, round & 1 ? 0x6 : 0x4);
}

static void read_and_write(struct nvlink2 *nvlink2, unsigned int round)
{
	static char buf[1 << 18];

	if (round & 1)
		pread(nvlink2->gpu.fd, buf, sizeof(buf),
		      nvlink2->ram.offset);
	else
		pwrite(nvlink2->gpu.fd, buf, sizeof(buf),
		       nvlink2->ram.offset);
}

static void register_and_map(struct nvlink2 *nvlink2, unsigned int round)
{
	struct spapr_container *container = &nvlink2->container;
	void *ram = nvlink2_map_ram(nvlink2, SLICE, MIB);

	if (ram == MAP_FAILED)
		return;
	spapr_register(container, ram, MIB);
	spapr_map(container, 128 * MIB, ram, MIB);
	if (round & 1)
		munmap(ram, MIB);
	spapr_unmap(container, 128 * MIB, MIB);
	spapr_unregister(container, ram, MIB);
	/* Not twice: another thread can have its stack there by now */
	if (!(round & 1))
		munmap(ram, MIB);
}

TEST_F_TIMEOUT(race, fault_against_reset, RACE_TIMEOUT)
{
	RACE(self, { touch }, { touch }, { reset_gpu });
}

TEST_F_TIMEOUT(race, fault_against_reset_of_bridges, RACE_TIMEOUT)
{
	RACE(self, { touch }, { touch }, { reset_bridges });
}

TEST_F_TIMEOUT(race, fault_against_reset_from_outside, RACE_TIMEOUT)
{
	RACE(self, { touch }, { touch }, { reset_from_outside });
}

TEST_F_TIMEOUT(race, unmapping_against_reset, RACE_TIMEOUT)
{
	RACE(self, { map_and_unmap }, { map_and_unmap }, { reset_gpu });
}

TEST_F_TIMEOUT(race, fault_against_memory_disable, RACE_TIMEOUT)
{
	RACE(self, { touch }, { map_and_unmap }, { switch_memory });
}

/* D-13 */
TEST_F_TIMEOUT(race, file_against_reset, RACE_TIMEOUT)
{
	RACE(self, { read_and_write }, { read_and_write }, { reset_gpu });
}

/* D-15: a file that two processes have, and map at once */
TEST_F_TIMEOUT(race, two_processes_map, RACE_TIMEOUT)
{
	RACE(self, { map_and_unmap }, { map_and_unmap }, { map_and_unmap });
}

/* D-15, D-81: registration by one process, in a container that is its own */
TEST_F_TIMEOUT(race, registration_against_reset, RACE_TIMEOUT)
{
	RACE(self, { register_and_map }, { touch }, { reset_gpu });
}

/* Threads of one process: the same mm, the same mapping list */
struct thread {
	struct nvlink2 *nvlink2;
	time_t end;
};

static void *map_in_thread(void *arg)
{
	struct thread *thread = arg;
	void *ram;

	while (time(NULL) < thread->end) {
		ram = nvlink2_map_ram(thread->nvlink2, SLICE, MIB);
		if (ram != MAP_FAILED)
			munmap(ram, MIB);
	}

	return NULL;
}

static void *dma_in_thread(void *arg)
{
	struct thread *thread = arg;
	unsigned int round;

	for (round = 0; time(NULL) < thread->end; round++)
		register_and_map(thread->nvlink2, round);

	return NULL;
}

/* D-81: a TCE is made while what it leads to goes */
TEST_F_TIMEOUT(race, dma_against_unmapping, RACE_TIMEOUT)
{
	struct thread thread = {
		.nvlink2 = &self->nvlink2,
		.end = time(NULL) + seconds(),
	};
	pthread_t threads[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL,
					    i ? map_in_thread : dma_in_thread,
					    &thread));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

/*
 * Threads that change TCEs of one container. Each mapping is counted at the
 * registration that it leads to, so that one too many or too few shows up when
 * the memory is unregistered.
 */
#define TCE_IOVA	(64 * MIB)
#define TCE_WINDOW	(256 * MIB)

struct tce_thread {
	struct spapr_container *container;
	void *memory;
	time_t end;
};

static void *memory_for_tces(struct spapr_container *container)
{
	void *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || spapr_register(container, memory, MIB))
		return NULL;

	return memory;
}

/* Once at least, over what another thread has mapped or not */
static void *map_tce(void *arg)
{
	struct tce_thread *thread = arg;

	do {
		spapr_map(thread->container, TCE_IOVA, thread->memory, STRIDE);
	} while (time(NULL) < thread->end);

	return NULL;
}

static void *unmap_tce(void *arg)
{
	struct tce_thread *thread = arg;

	while (time(NULL) < thread->end)
		spapr_unmap(thread->container, TCE_IOVA, STRIDE);

	return NULL;
}

TEST_F_TIMEOUT(race, tce_of_several_threads, RACE_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	struct tce_thread thread[2] = {};
	pthread_t threads[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(thread); i++) {
		thread[i].container = container;
		thread[i].memory = memory_for_tces(container);
		thread[i].end = time(NULL) + seconds();
		ASSERT_NE(NULL, thread[i].memory);
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, map_tce,
					    &thread[i]));
	}
	ASSERT_EQ(0, pthread_create(&threads[i], NULL, unmap_tce, &thread[0]));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, spapr_unmap(container, TCE_IOVA, STRIDE));
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		EXPECT_EQ(0, spapr_unregister(container, thread[i].memory,
					      MIB));
}

/* What is freed with a window shows up with init_on_free=1, or with KASAN */
TEST_F_TIMEOUT(race, window_against_tces, RACE_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	struct tce_thread thread = { .container = container };
	pthread_t threads[2];
	uint64_t start;

	thread.memory = memory_for_tces(container);
	thread.end = time(NULL) + seconds();
	ASSERT_NE(NULL, thread.memory);
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, map_tce, &thread));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, unmap_tce, &thread));
	while (time(NULL) < thread.end) {
		EXPECT_EQ(0, spapr_remove_window(container, 0));
		EXPECT_EQ(0, spapr_create_window(container, 16, TCE_WINDOW, 1,
						 &start));
		EXPECT_EQ(0, start);
	}
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	EXPECT_EQ(0, spapr_unmap(container, TCE_IOVA, STRIDE));
	EXPECT_EQ(0, spapr_unregister(container, thread.memory, MIB));
}

/* The first mapping creates the window at 0, and nobody a second one */
TEST_F_TIMEOUT(race, default_window_of_two_threads, RACE_TIMEOUT)
{
	time_t end = time(NULL) + seconds();
	struct spapr_container other;
	struct tce_thread thread = { .container = &other };
	pthread_t threads[2];
	unsigned int i;

	if (nvlink2_other_group() < 0)
		SKIP(return, "no device of another kind: --other names one");

	while (time(NULL) < end) {
		ASSERT_EQ(0, spapr_open(&other, nvlink2_other_group()));
		thread.memory = memory_for_tces(&other);
		ASSERT_NE(NULL, thread.memory);
		for (i = 0; i < ARRAY_SIZE(threads); i++)
			pthread_create(&threads[i], NULL, map_tce, &thread);
		for (i = 0; i < ARRAY_SIZE(threads); i++)
			pthread_join(threads[i], NULL);
		spapr_close(&other);
		munmap(thread.memory, MIB);
	}
}

static void *ask_container(void *arg)
{
	struct tce_thread *thread = arg;
	uint64_t size;

	while (time(NULL) < thread->end) {
		spapr_eeh(thread->container, VFIO_EEH_PE_GET_STATE);
		spapr_page_sizes(thread->container, &size);
	}

	return NULL;
}

/* Likewise: a group leaves the container while others walk its list */
TEST_F_TIMEOUT(race, groups_against_queries, RACE_TIMEOUT)
{
	struct tce_thread thread = {
		.container = &self->nvlink2.container,
		.end = time(NULL) + seconds(),
	};
	pthread_t threads[2];
	char path[32];
	int group;

	if (!nvlink2_stranger())
		SKIP(return, "no second group of NVLink2 GPUs");

	snprintf(path, sizeof(path), "/dev/vfio/%d", nvlink2_stranger()->group);
	group = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, group);
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, ask_container, &thread));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, ask_container, &thread));
	while (time(NULL) < thread.end) {
		EXPECT_EQ(0, ioctl(group, VFIO_GROUP_SET_CONTAINER,
				   &thread.container->fd));
		EXPECT_EQ(0, ioctl(group, VFIO_GROUP_UNSET_CONTAINER));
	}
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	close(group);
}

/* Everybody wants the GPU; one at a time gets it, and none is left with half */
static void open_and_close(struct nvlink2 *nvlink2, unsigned int round)
{
	struct nvlink2 own;

	if (nvlink2_open(&own, nvlink2_place()))
		return;
	nvlink2_train(&own);
	nvlink2_close(&own);
}

static void unbind_and_bind(struct nvlink2 *nvlink2, unsigned int round)
{
	const struct nvlink2_place *place = nvlink2_place();
	const char *bdf = round & 1 ? place->gpu : place->bridge[0];

	sysfs_write(bdf, "driver/unbind", bdf);
	sysfs_bind(bdf);
}

TEST_F_TIMEOUT(race, open_against_open, RACE_TIMEOUT)
{
	munmap((void *)self->mem, MIB);
	nvlink2_close(&self->nvlink2);
	RACE(self, { open_and_close }, { open_and_close });
	EXPECT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
}

TEST_F_TIMEOUT(race, open_against_unbind, RACE_TIMEOUT)
{
	munmap((void *)self->mem, MIB);
	nvlink2_close(&self->nvlink2);
	RACE(self, { open_and_close }, { unbind_and_bind });
	EXPECT_EQ(0, nvlink2_open(&self->nvlink2, nvlink2_place()));
}

static void use_stranger(struct nvlink2 *nvlink2, unsigned int round)
{
	struct nvlink2 own;

	if (!nvlink2_stranger() || nvlink2_open(&own, nvlink2_stranger()))
		return;
	nvlink2_train(&own);
	vfio_dev_reset(&own.gpu);
	nvlink2_close(&own);
}

/* Two containers, whose GPUs have nothing in common */
TEST_F_TIMEOUT(race, two_containers, RACE_TIMEOUT)
{
	if (!nvlink2_stranger())
		SKIP(return, "no second group of NVLink2 GPUs");
	RACE(self, { touch }, { use_stranger }, { reset_gpu });
}

/* As large as pages of 1 GiB allow, where the GPU has that much RAM */
static size_t huge_size(struct nvlink2 *nvlink2)
{
	uint64_t size = nvlink2_ram_size(nvlink2);

	return size > GIB ? size & ~(GIB - 1) : SLICE;
}

static void touch_ends(volatile uint64_t *ram, size_t size)
{
	size_t step = size > GIB ? GIB : 2 * MIB, at;

	for (at = 0; at < size; at += step)
		watch_store(&ram[at / 8], at);
}

static void touch_huge(struct nvlink2 *nvlink2, unsigned int round)
{
	static volatile uint64_t *ram;

	if (!ram)
		ram = nvlink2_map_ram(nvlink2, 0, huge_size(nvlink2));
	if ((void *)ram != MAP_FAILED)
		touch_ends(ram, huge_size(nvlink2));
}

static void map_huge_and_unmap(struct nvlink2 *nvlink2, unsigned int round)
{
	size_t size = huge_size(nvlink2);
	volatile uint64_t *ram = nvlink2_map_ram(nvlink2, 0, size);

	if ((void *)ram == MAP_FAILED)
		return;
	touch_ends(ram, size);
	munmap((void *)ram, size);
}

static FILE *open_statistics(int pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "r");
}

/* Of each page of a mapping, as far as one read goes */
static void read_pagemap(int pid, unsigned long start)
{
	static uint64_t entries[4096];
	FILE *file = open_statistics(pid, "pagemap");

	if (!file)
		return;
	pread(fileno(file), entries, sizeof(entries),
	      start / sysconf(_SC_PAGESIZE) * sizeof(*entries));
	fclose(file);
}

/* How many mappings of a VFIO device the file has */
static int read_lines(int pid, const char *name)
{
	FILE *file = open_statistics(pid, name);
	char line[512];
	int found = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (!strstr(line, "vfio-device"))
			continue;
		found++;
		read_pagemap(pid, strtoul(line, NULL, 16));
	}
	if (file)
		fclose(file);

	return found;
}

static volatile long *walks;

/* What monitoring tools do, as long as there is something to walk over */
static void read_statistics(struct nvlink2 *nvlink2, unsigned int round)
{
	const struct party *other;

	for (other = others; other->pid; other++) {
		*walks += read_lines(other->pid, "smaps");
		read_lines(other->pid, "smaps_rollup");
		read_lines(other->pid, "numa_maps");
	}
}

/* The walkers split a huge page that is being filled, before Linux 6.12.84 */
TEST_F_TIMEOUT(race, walkers_of_huge_pages, RACE_TIMEOUT)
{
	walks = shared_counter();
	ASSERT_NE(MAP_FAILED, (void *)walks);
	RACE(self, { touch_huge }, { map_huge_and_unmap },
	     { map_huge_and_unmap }, { reset_bridges }, { read_statistics });
	EXPECT_LT(0, *walks);
	TH_LOG("%ld mappings of %zu MiB walked", *walks,
	       huge_size(&self->nvlink2) >> 20);
}

/*
 * Two threads store to a mapping of which nothing is mapped yet, one of them
 * with huge pages switched off: its table for small pages comes where the other
 * is about to put a huge page.
 */
struct first_store {
	pthread_barrier_t begin, end;
	volatile uint64_t *ram;
	size_t size;
};

static void *store_to_huge(void *arg)
{
	struct first_store *store = arg;

	for (;;) {
		pthread_barrier_wait(&store->begin);
		if (!store->ram)
			return NULL;
		store->ram[0] = 0;
		store->ram[store->size / 2 / 8] = 0;
		pthread_barrier_wait(&store->end);
	}
}

static void store_to_small(struct first_store *store, unsigned int wait)
{
	volatile unsigned int spins = 0;

	pthread_barrier_wait(&store->begin);
	while (spins < wait)
		spins++;
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	store->ram[1] = 0;
	store->ram[store->size / 2 / 8 + 1] = 0;
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	pthread_barrier_wait(&store->end);
}

TEST_F_TIMEOUT(race, huge_pages_off_and_on, RACE_TIMEOUT)
{
	struct first_store store = { .size = huge_size(&self->nvlink2) };
	time_t end = time(NULL) + seconds();
	unsigned int round;
	pthread_t thread;

	pthread_barrier_init(&store.begin, NULL, 2);
	pthread_barrier_init(&store.end, NULL, 2);
	ASSERT_EQ(0, pthread_create(&thread, NULL, store_to_huge, &store));
	for (round = 0; time(NULL) < end; round++) {
		store.ram = nvlink2_map_ram(&self->nvlink2, 0, store.size);
		ASSERT_NE(MAP_FAILED, (void *)store.ram);
		store_to_small(&store, round % 256 * 16);
		munmap((void *)store.ram, store.size);
	}
	store.ram = NULL;
	pthread_barrier_wait(&store.begin);
	pthread_join(thread, NULL);
	TH_LOG("%u mappings", round);
}

#define MAILBOX_STATUS		0x04
#define MAILBOX_PROCEDURE	0x08
#define PROCEDURE_RESET_NTL	10

/* One that the next does not wait for, as setpci writes it */
static bool run_by_setpci(const char *bdf, unsigned int mailbox,
			  uint32_t procedure)
{
	bool refused;
	int i;

	sysfs_config_write(bdf, mailbox + MAILBOX_PROCEDURE, 4, procedure);
	refused = sysfs_config(bdf, mailbox + MAILBOX_PROCEDURE, 4) != procedure;
	for (i = 0; i < 4; i++)
		sysfs_config(bdf, mailbox + MAILBOX_STATUS, 4);

	return refused;
}

static volatile long *refusals;

/* The two procedures that take a link out of its fence */
static void unfence_by_setpci(struct nvlink2 *nvlink2, unsigned int round)
{
	const struct nvlink2_place *place = nvlink2->place;
	const char *bdf = place->bridge[round % place->num_bridges];
	unsigned int mailbox = sysfs_capability(bdf, PCI_CAP_ID_VNDR);

	*refusals += run_by_setpci(bdf, mailbox, PROCEDURE_RESET_NTL);
	*refusals += run_by_setpci(bdf, mailbox, NVLINK2_CHECK_CREDITS);
}

static void unfence_by_vfio(struct nvlink2 *nvlink2, unsigned int round)
{
	struct vfio_dev *bridge = &nvlink2->bridge[round %
		nvlink2->place->num_bridges];

	nvlink2_run_procedure(bridge, PROCEDURE_RESET_NTL);
	nvlink2_run_procedure(bridge, NVLINK2_CHECK_CREDITS);
}

static void only_reset_gpu(struct nvlink2 *nvlink2, unsigned int round)
{
	vfio_dev_reset(&nvlink2->gpu);
}

/*
 * Nobody touches GPU RAM, so a link is never in use, and what is refused is so
 * because of the reset. That no link was unfenced in a reset is for whoever
 * watches the model to tell: tests/60-selftests.t.
 */
TEST_F_TIMEOUT(race, procedures_against_reset, RACE_TIMEOUT)
{
	int log = watch_log_begin();

	munmap((void *)self->mem, MIB);
	self->mem = NULL;
	vfio_dev_reset(&self->nvlink2.gpu);
	refusals = shared_counter();
	ASSERT_NE(MAP_FAILED, (void *)refusals);
	RACE(self, { unfence_by_setpci }, { unfence_by_vfio },
	     { only_reset_gpu });
	EXPECT_LT(0, *refusals);
	EXPECT_TRUE(watch_log_has(log, "write of config space refused"));
	close(log);
	TH_LOG("%ld procedures refused during resets", *refusals);
	EXPECT_EQ(0, nvlink2_train(&self->nvlink2));
}

static void be_killed(struct nvlink2 *nvlink2, unsigned int round)
{
	int child = fork();

	if (!child) {
		while (1)
			map_and_unmap(nvlink2, round);
	}
	usleep(1000 * (round % 50));
	kill(child, SIGKILL);
	watch_child(child);
}

TEST_F_TIMEOUT(race, death_against_reset, RACE_TIMEOUT)
{
	RACE(self, { be_killed }, { be_killed }, { reset_gpu });
}

static void read_config_space(struct nvlink2 *nvlink2, unsigned int round)
{
	nvlink2_read_config_space(nvlink2);
}

#define GUEST_CPUS	2
#define GUEST_SLOT	1
#define GUEST_RAM	0x200000000000ULL

FIXTURE(guest)
{
	struct nvlink2 nvlink2;
	struct kvm_guest guest;
	struct kvm_vcpu vcpu[GUEST_CPUS];
	void *ram;
	int log;
};

FIXTURE_SETUP(guest)
{
	int i;

	NEED_GPU();
	self->log = watch_log_begin();
	self->ram = MAP_FAILED;
	nvlink2_clear(&self->nvlink2, nvlink2_place());
	if (kvm_guest_open(&self->guest))
		SKIP(return, "no HV KVM");
	for (i = 0; i < GUEST_CPUS; i++)
		ASSERT_EQ(0, kvm_vcpu_open(&self->guest, &self->vcpu[i]));
	ASSERT_EQ(0, nvlink2_open_for(&self->nvlink2, nvlink2_place(),
				      &self->guest));
	ASSERT_EQ(0, nvlink2_train(&self->nvlink2));
	self->ram = nvlink2_map_ram(&self->nvlink2, 0, SLICE);
	ASSERT_NE(MAP_FAILED, self->ram);
	ASSERT_EQ(0, kvm_guest_memory(&self->guest, GUEST_SLOT, GUEST_RAM,
				      self->ram, SLICE));
}

FIXTURE_TEARDOWN(guest)
{
	int i;

	for (i = 0; i < GUEST_CPUS; i++)
		kvm_vcpu_close(&self->vcpu[i]);
	if (self->ram != MAP_FAILED)
		munmap(self->ram, SLICE);
	nvlink2_close(&self->nvlink2);
	kvm_guest_close(&self->guest);
	EXPECT_QUIET_LOG(self->log);
}

/* A processor of the guest, and how many passes through its RAM KVM ended */
struct processor {
	struct kvm_vcpu *vcpu;
	time_t end;
	unsigned long passes, lost;
};

static void *store_in_guest(void *arg)
{
	struct processor *processor = arg;

	while (time(NULL) < processor->end) {
		processor->passes++;
		if (kvm_vcpu_store(processor->vcpu, GUEST_RAM, STRIDE,
				   SLICE / STRIDE))
			processor->lost++;
	}

	return NULL;
}

/* What becomes of a guest while the parties are at it */
struct guest_race {
	unsigned long passes, lost;
};

static struct guest_race guest_race(FIXTURE_DATA(guest) *self,
				    struct party *parties, int count)
{
	struct processor processor[GUEST_CPUS];
	struct guest_race race_of_all = {};
	pthread_t threads[GUEST_CPUS];
	int i;

	for (i = 0; i < GUEST_CPUS; i++) {
		processor[i] = (struct processor) {
			.vcpu = &self->vcpu[i],
			.end = time(NULL) + seconds(),
		};
		pthread_create(&threads[i], NULL, store_in_guest,
			       &processor[i]);
	}
	race(&self->nvlink2, parties, count);
	for (i = 0; i < GUEST_CPUS; i++) {
		pthread_join(threads[i], NULL);
		race_of_all.passes += processor[i].passes;
		race_of_all.lost += processor[i].lost;
	}

	return race_of_all;
}

#define GUEST_RACE(self, ...)						\
	({								\
		struct party parties[] = { __VA_ARGS__ };		\
		struct guest_race result;				\
									\
		result = guest_race(self, parties, ARRAY_SIZE(parties)); \
		EXPECT_GOOD_ENDS(parties);				\
		EXPECT_NE(0, result.passes);				\
		TH_LOG("%lu passes, %lu of them ended by KVM",		\
		       result.passes, result.lost);			\
		result.lost;						\
	})

/* Whatever happened meanwhile: with its links up the guest goes on */
#define EXPECT_GUEST_GOES_ON(self)					\
	do {								\
		int i;							\
									\
		EXPECT_EQ(0, nvlink2_train(&(self)->nvlink2));		\
		for (i = 0; i < GUEST_CPUS; i++)			\
			EXPECT_EQ(0, kvm_vcpu_store(&(self)->vcpu[i],	\
						    GUEST_RAM, STRIDE,	\
						    SLICE / STRIDE));	\
	} while (0)

/* A1: a look at the bridges is no reason to lose a guest */
TEST_F_TIMEOUT(guest, stores_against_config_reads, RACE_TIMEOUT)
{
	EXPECT_EQ(0, GUEST_RACE(self, { read_config_space },
				{ read_config_space }));
}

/* RAM depends on the links, not on the BARs of the GPU */
TEST_F_TIMEOUT(guest, stores_against_memory_disable, RACE_TIMEOUT)
{
	EXPECT_EQ(0, GUEST_RACE(self, { switch_memory },
				{ read_config_space }));
}

struct remapper {
	struct nvlink2 *nvlink2;
	void *ram;
	time_t end;
};

/* What takes the mapping's place is another mapping of the same RAM */
static void *map_again_and_again(void *arg)
{
	struct remapper *remapper = arg;
	struct nvlink2 *nvlink2 = remapper->nvlink2;

	while (time(NULL) < remapper->end)
		mmap(remapper->ram, SLICE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_FIXED, nvlink2->gpu.fd,
		     nvlink2->ram.offset);

	return NULL;
}

/*
 * Processors that fault at the same page at once, again and again. The host marks
 * it as written between the first of them and the second.
 */
TEST_F_TIMEOUT(guest, processors_against_each_other, RACE_TIMEOUT)
{
	struct remapper remapper = {
		.nvlink2 = &self->nvlink2,
		.ram = self->ram,
		.end = time(NULL) + seconds(),
	};
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, map_again_and_again,
				    &remapper));
	EXPECT_EQ(0, GUEST_RACE(self, { read_config_space }));
	pthread_join(thread, NULL);
}

TEST_F_TIMEOUT(guest, stores_against_reset, RACE_TIMEOUT)
{
	GUEST_RACE(self, { reset_gpu }, { read_config_space });
	EXPECT_GUEST_GOES_ON(self);
}

TEST_F_TIMEOUT(guest, stores_against_reset_of_bridges, RACE_TIMEOUT)
{
	GUEST_RACE(self, { reset_bridges }, { read_config_space });
	EXPECT_GUEST_GOES_ON(self);
}

TEST_F_TIMEOUT(guest, stores_against_reset_from_outside, RACE_TIMEOUT)
{
	GUEST_RACE(self, { reset_from_outside }, { map_and_unmap });
	EXPECT_GUEST_GOES_ON(self);
}

NVLINK2_MAIN()
