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
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
	void (*act)(FIXTURE_DATA(race) *self, unsigned int round);
	int pid;
};

static void take_part(FIXTURE_DATA(race) *self, struct party *party)
{
	time_t end = time(NULL) + seconds();
	unsigned int round;

	for (round = 0; time(NULL) < end; round++)
		party->act(self, round);
	_exit(0);
}

static int race(FIXTURE_DATA(race) *self, struct party *parties, int count)
{
	int i, ret = 0;

	for (i = 0; i < count; i++) {
		parties[i].pid = fork();
		if (!parties[i].pid)
			take_part(self, &parties[i]);
	}
	for (i = 0; i < count; i++)
		ret |= watch_child(parties[i].pid);

	return ret;
}

#define RACE(self, ...)							\
	do {								\
		struct party parties[] = { __VA_ARGS__ };		\
									\
		EXPECT_EQ(0, race(self, parties, ARRAY_SIZE(parties)));	\
	} while (0)

/* A mapping is not inherited, so a party that touches makes its own */
static volatile uint64_t *own_mapping(FIXTURE_DATA(race) *self)
{
	static volatile uint64_t *ram;

	if (!ram || (void *)ram == MAP_FAILED)
		ram = nvlink2_map_ram(&self->nvlink2, 0, SLICE);

	return ram;
}

static void touch(FIXTURE_DATA(race) *self, unsigned int round)
{
	volatile uint64_t *ram = own_mapping(self);

	if ((void *)ram == MAP_FAILED)
		return;
	ram += (round * STRIDE % SLICE) / 8;
	watch_store(ram, round);
}

static void map_and_unmap(FIXTURE_DATA(race) *self, unsigned int round)
{
	volatile uint64_t *ram = nvlink2_map_ram(&self->nvlink2, 0, SLICE);

	if ((void *)ram == MAP_FAILED)
		return;
	watch_store(&ram[(round * STRIDE % SLICE) / 8], round);
	munmap((void *)ram, SLICE);
}

static void reset_gpu(FIXTURE_DATA(race) *self, unsigned int round)
{
	vfio_dev_reset(&self->nvlink2.gpu);
	nvlink2_train(&self->nvlink2);
}

static void reset_bridges(FIXTURE_DATA(race) *self, unsigned int round)
{
	int which = round % self->nvlink2.place->num_bridges;

	vfio_dev_reset(&self->nvlink2.bridge[which]);
	nvlink2_train_bridge(&self->nvlink2.bridge[which]);
}

static void reset_from_outside(FIXTURE_DATA(race) *self, unsigned int round)
{
	const struct nvlink2_place *place = self->nvlink2.place;

	sysfs_write(round & 1 ? place->gpu : place->bridge[0], "reset", "1");
	nvlink2_train(&self->nvlink2);
}

static void switch_memory(FIXTURE_DATA(race) *self, unsigned int round)
{
	vfio_config_write(&self->nvlink2.gpu, 4, 2, round & 1 ? 0x6 : 0x4);
}

static void read_and_write(FIXTURE_DATA(race) *self, unsigned int round)
{
	static char buf[1 << 18];

	if (round & 1)
		pread(self->nvlink2.gpu.fd, buf, sizeof(buf),
		      self->nvlink2.ram.offset);
	else
		pwrite(self->nvlink2.gpu.fd, buf, sizeof(buf),
		       self->nvlink2.ram.offset);
}

static void register_and_map(FIXTURE_DATA(race) *self, unsigned int round)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *ram = nvlink2_map_ram(&self->nvlink2, SLICE, MIB);

	if (ram == MAP_FAILED)
		return;
	spapr_register(container, ram, MIB);
	spapr_map(container, 128 * MIB, ram, MIB);
	if (round & 1)
		munmap(ram, MIB);
	spapr_unmap(container, 128 * MIB, MIB);
	spapr_unregister(container, ram, MIB);
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
	FIXTURE_DATA(race) *self;
	time_t end;
};

static void *map_in_thread(void *arg)
{
	struct thread *thread = arg;
	void *ram;

	while (time(NULL) < thread->end) {
		ram = nvlink2_map_ram(&thread->self->nvlink2, SLICE, MIB);
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
		register_and_map(thread->self, round);

	return NULL;
}

/* D-81: a TCE is made while what it leads to goes */
TEST_F_TIMEOUT(race, dma_against_unmapping, RACE_TIMEOUT)
{
	struct thread thread = {
		.self = self,
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

/* Everybody wants the GPU; one at a time gets it, and none is left with half */
static void open_and_close(FIXTURE_DATA(race) *self, unsigned int round)
{
	struct nvlink2 own;

	if (nvlink2_open(&own, nvlink2_place()))
		return;
	nvlink2_train(&own);
	nvlink2_close(&own);
}

static void unbind_and_bind(FIXTURE_DATA(race) *self, unsigned int round)
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

static void use_stranger(FIXTURE_DATA(race) *self, unsigned int round)
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

static void be_killed(FIXTURE_DATA(race) *self, unsigned int round)
{
	int child = fork();

	if (!child) {
		while (1)
			map_and_unmap(self, round);
	}
	usleep(1000 * (round % 50));
	kill(child, SIGKILL);
	watch_child(child);
}

TEST_F_TIMEOUT(race, death_against_reset, RACE_TIMEOUT)
{
	RACE(self, { be_killed }, { be_killed }, { reset_gpu });
}

NVLINK2_MAIN()
