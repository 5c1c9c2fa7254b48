// SPDX-License-Identifier: GPL-2.0
/*
 * A random walk over the device files of an NVLink2 GPU and its bridges
 *
 * "nvlink2_walk [--steps N] [--seed N]" does N things at random to the files
 * and mappings of a GPU, in processes that come and go, and looks at what is
 * left afterwards. The same seed does the same things.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "kselftest.h"
#include "lib/fixture.h"
#include "lib/reset.h"

#define MAX_MAPPINGS	16
#define ARENA		(64 * MIB)
#define GUEST_CPUS	2
/* Each mapping has a place of its own in the memory of the guest */
#define GUEST_SPACING	(1024 * GIB)
/* A process does this many steps, and leaves everything as it is then */
#define STEPS_OF_A_LIFE	10000

/*
 * A mapping is big when it has more than the first ARENA of the region, which
 * is what each GPU has RAM for. Stores to the rest are in nvlink2_panic.c.
 */
struct mapping {
	uint8_t *addr;
	size_t size;
	bool big;
	bool in_guest;
};

struct walk {
	struct nvlink2 nvlink2;
	struct kvm_guest guest;
	struct kvm_vcpu vcpu[GUEST_CPUS];
	struct mapping mapping[MAX_MAPPINGS];
	uint8_t *arena;
	uint64_t random;
	size_t page;
	unsigned long touched, refused, stored, lost;
};

static uint64_t next(struct walk *walk)
{
	/* xorshift64*, by Marsaglia and Vigna */
	walk->random ^= walk->random >> 12;
	walk->random ^= walk->random << 25;
	walk->random ^= walk->random >> 27;

	return walk->random * 2685821657736338717ull;
}

static uint64_t below(struct walk *walk, uint64_t limit)
{
	return next(walk) % limit;
}

/* Most arguments are nearly right, for those that are not are refused early */
static uint64_t some_offset(struct walk *walk)
{
	uint64_t page = walk->page;

	switch (below(walk, 8)) {
	case 0: return next(walk);
	case 1: return walk->nvlink2.ram.size - page * below(walk, 3);
	case 2: return next(walk) & ((1ull << 40) - 1);
	case 3: return below(walk, ARENA);
	default: return page * below(walk, ARENA / page);
	}
}

static size_t some_size(struct walk *walk)
{
	switch (below(walk, 8)) {
	case 0: return next(walk);
	case 1: return below(walk, 64);
	case 2: return walk->nvlink2.ram.size;
	default: return walk->page * (1 + below(walk, 16));
	}
}

static size_t whole_pages(struct walk *walk, size_t size)
{
	return (size + walk->page - 1) / walk->page * walk->page;
}

static struct mapping *some_mapping(struct walk *walk)
{
	return &walk->mapping[below(walk, MAX_MAPPINGS)];
}

static struct vfio_dev *some_device(struct walk *walk)
{
	unsigned int which = below(walk, walk->nvlink2.place->num_bridges + 2);

	return which < 2 ? &walk->nvlink2.gpu : &walk->nvlink2.bridge[which - 2];
}

static void *some_address(struct walk *walk)
{
	struct mapping *mapping = some_mapping(walk);

	switch (below(walk, 4)) {
	case 0: return walk->arena + walk->page * below(walk, ARENA / walk->page);
	case 1: return (void *)next(walk);
	default: return mapping->addr ? mapping->addr + walk->page *
			below(walk, mapping->size / walk->page) : NULL;
	}
}

static unsigned int slot_of(struct walk *walk, struct mapping *mapping)
{
	return mapping - walk->mapping + 1;
}

/*
 * To be called after a mapping has moved or gone, before anything else can be
 * where it was: the guest stores to what it finds there.
 */
static void take_from_guest(struct walk *walk, struct mapping *mapping)
{
	unsigned int slot = slot_of(walk, mapping);

	if (mapping->in_guest)
		kvm_guest_memory(&walk->guest, slot, slot * GUEST_SPACING,
				 NULL, 0);
	mapping->in_guest = false;
}

static void do_mmap(struct walk *walk)
{
	struct mapping *mapping = some_mapping(walk);
	struct vfio_dev *dev = some_device(walk);
	uint64_t offset = some_offset(walk);
	int flags = below(walk, 16) ? MAP_SHARED : MAP_PRIVATE;
	size_t size = some_size(walk);
	void *addr;

	if (mapping->addr)
		return;
	if (size > ARENA && below(walk, 4))
		size = walk->page;
	mapping->big = size > ARENA || offset > ARENA - size;
	offset += dev == &walk->nvlink2.gpu ? walk->nvlink2.ram.offset :
		  (uint64_t)VFIO_PCI_NUM_REGIONS << 40;
	addr = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, dev->fd, offset);
	if (addr == MAP_FAILED)
		return;
	mapping->addr = addr;
	mapping->size = whole_pages(walk, size);
}

static void do_munmap(struct walk *walk)
{
	struct mapping *mapping = some_mapping(walk);

	if (!mapping->addr)
		return;
	/* Parts are refused; whatever is not refused is gone */
	if (!below(walk, 4) && mapping->size > walk->page &&
	    munmap(mapping->addr + walk->page, walk->page))
		return;
	munmap(mapping->addr, mapping->size);
	take_from_guest(walk, mapping);
	mapping->addr = NULL;
}

static void do_mremap(struct walk *walk)
{
	struct mapping *mapping = some_mapping(walk);
	size_t size = below(walk, 2) ? mapping->size : some_size(walk);
	void *addr;

	if (!mapping->addr)
		return;
	addr = mremap(mapping->addr, mapping->size, size,
		      below(walk, 2) ? MREMAP_MAYMOVE : 0);
	if (addr == MAP_FAILED)
		return;
	take_from_guest(walk, mapping);
	mapping->addr = addr;
	mapping->size = whole_pages(walk, size);
}

static void do_protect(struct walk *walk)
{
	static const int advice[] = { MADV_DONTNEED, MADV_DOFORK, MADV_DODUMP,
				      MADV_WILLNEED, MADV_PAGEOUT, MADV_FREE };
	struct mapping *mapping = some_mapping(walk);

	if (!mapping->addr)
		return;
	if (below(walk, 2))
		mprotect(mapping->addr, below(walk, 2) ? mapping->size :
							 walk->page,
			 below(walk, 4));
	else
		madvise(mapping->addr, mapping->size, advice[below(walk, 6)]);
}

static void do_touch(struct walk *walk)
{
	struct mapping *mapping = some_mapping(walk);
	volatile uint64_t *at;
	uint64_t val;
	int signal;

	if (!mapping->addr)
		return;
	at = (volatile uint64_t *)(mapping->addr +
				   (below(walk, mapping->size) & ~7ull));
	signal = mapping->big || below(walk, 2) ? watch_load(at, &val) :
						  watch_store(at, 1);
	walk->touched += !signal;
	walk->refused += !!signal;
}

static void do_rw(struct walk *walk)
{
	static uint8_t buf[1 << 18];
	struct vfio_dev *dev = some_device(walk);
	uint64_t offset = some_offset(walk) & ((1ull << 40) - 1);
	size_t size = below(walk, 2) ? 8 : below(walk, sizeof(buf));

	offset |= (uint64_t)VFIO_PCI_NUM_REGIONS << 40;
	if (dev == &walk->nvlink2.gpu && (offset & ((1ull << 40) - 1)) > ARENA)
		pread(dev->fd, buf, size, offset);
	else if (below(walk, 2))
		pread(dev->fd, buf, size, offset);
	else
		pwrite(dev->fd, buf, size, offset);
}

/* Not the capability that programs a PCI bridge or MSI: this is not their test */
static void do_config(struct walk *walk)
{
	struct vfio_dev *dev = some_device(walk);
	unsigned int where = below(walk, 0x100) & ~1, size = 1 << below(walk, 3);

	if (below(walk, 4))
		vfio_config_read(dev, where, size);
	else if (below(walk, 2))
		vfio_config_write(dev, PCI_COMMAND, 2,
				  below(walk, 4) ? 0x6 : next(walk) & 0x7);
	else if (dev != &walk->nvlink2.gpu)
		vfio_config_write(dev, where & ~3, 4, next(walk));
}

static void do_ioctl(struct walk *walk)
{
	uint32_t arg[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(arg); i++)
		arg[i] = below(walk, 2) ? next(walk) : below(walk, 0x100);
	if (below(walk, 2))
		arg[0] = sizeof(arg);
	/* Resets and interrupts have steps of their own, or none */
	switch (below(walk, 3)) {
	case 0:
		ioctl(some_device(walk)->fd, VFIO_DEVICE_GET_INFO, arg);
		break;
	case 1:
		ioctl(some_device(walk)->fd, VFIO_DEVICE_GET_REGION_INFO, arg);
		break;
	default:
		ioctl(some_device(walk)->fd, VFIO_DEVICE_IOEVENTFD, arg);
	}
}

static void do_dma(struct walk *walk)
{
	struct spapr_container *container = &walk->nvlink2.container;
	uint64_t iova = below(walk, 2) ? walk->page * below(walk, 4096) :
					 next(walk);
	void *addr = some_address(walk);
	size_t size = some_size(walk);
	uint64_t start;

	switch (below(walk, 8)) {
	case 0:
		spapr_register(container, addr, size % (16 * MIB));
		break;
	case 1:
		spapr_unregister(container, addr, size);
		break;
	case 2:
	case 3:
		spapr_map(container, iova, addr, size % ARENA);
		break;
	case 4:
	case 5:
		spapr_unmap(container, iova, size);
		break;
	case 6:
		spapr_create_window(container, below(walk, 8) ?
				    12 + 4 * below(walk, 2) : next(walk),
				    1ull << below(walk, 34), below(walk, 6),
				    &start);
		break;
	default:
		spapr_remove_window(container, below(walk, 2) ?
				    below(walk, 2) << 59 : next(walk));
	}
}

static void do_fork(struct walk *walk)
{
	int child = fork();

	if (!child) {
		do_touch(walk);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void do_reset(struct walk *walk)
{
	int (*const reset[])(struct nvlink2 *nvlink2) = {
		reset_by_ioctl, reset_hot, reset_bridge_by_ioctl,
		reset_bridge_by_flr, reset_last_bridge, stop_link_by_procedure,
	};

	reset[below(walk, 6)](&walk->nvlink2);
	if (below(walk, 4))
		reset_recover(&walk->nvlink2);
}

static void do_train(struct walk *walk)
{
	reset_recover(&walk->nvlink2);
}

static void forget_mappings(struct walk *walk)
{
	int i;

	for (i = 0; i < MAX_MAPPINGS; i++) {
		if (walk->mapping[i].addr)
			munmap(walk->mapping[i].addr, walk->mapping[i].size);
		take_from_guest(walk, &walk->mapping[i]);
		walk->mapping[i].addr = NULL;
	}
}

static void do_close(struct walk *walk)
{
	if (below(walk, 2))
		forget_mappings(walk);
	nvlink2_close_devices(&walk->nvlink2);
	/* Busy is an answer as long as a mapping or a TCE holds the GPU */
	if (!nvlink2_open_devices(&walk->nvlink2))
		nvlink2_train(&walk->nvlink2);
}

/* A processor of the guest that stores to each page of a mapping */
struct pass {
	struct kvm_vcpu *vcpu;
	uint64_t gpa, page, pages;
	int ret;
};

static void *store_in_guest(void *arg)
{
	struct pass *pass = arg;

	pass->ret = kvm_vcpu_store(pass->vcpu, pass->gpa, pass->page,
				   pass->pages);

	return NULL;
}

/* All processors of the guest store, beside reads of configuration space */
static void run_guest(struct walk *walk, struct mapping *mapping)
{
	struct pass pass[GUEST_CPUS];
	pthread_t threads[GUEST_CPUS];
	int i;

	for (i = 0; i < GUEST_CPUS; i++) {
		pass[i] = (struct pass) {
			.vcpu = &walk->vcpu[i],
			.gpa = slot_of(walk, mapping) * GUEST_SPACING,
			.page = walk->page,
			.pages = mapping->size / walk->page,
		};
		if (pthread_create(&threads[i], NULL, store_in_guest, &pass[i]))
			_exit(1);
	}
	for (i = 0; i < 16; i++)
		vfio_config_read(some_device(walk), 16 * i, 4);
	for (i = 0; i < GUEST_CPUS; i++) {
		pthread_join(threads[i], NULL);
		walk->stored += !pass[i].ret;
		walk->lost += !!pass[i].ret;
	}
}

static void do_guest(struct walk *walk)
{
	struct mapping *mapping = some_mapping(walk);
	unsigned int slot = slot_of(walk, mapping);

	if (!mapping->addr || mapping->big)
		return;
	if (!mapping->in_guest)
		mapping->in_guest = !kvm_guest_memory(&walk->guest, slot,
						      slot * GUEST_SPACING,
						      mapping->addr,
						      mapping->size);
	if (mapping->in_guest)
		run_guest(walk, mapping);
	if (!below(walk, 4))
		take_from_guest(walk, mapping);
}

/* Weights are such that no kind of step takes most of the time */
static const struct kind {
	const char *name;
	void (*act)(struct walk *walk);
	unsigned int weight;
} kinds[] = {
	{ "mmap", do_mmap, 2000 },
	{ "munmap", do_munmap, 1000 },
	{ "mremap", do_mremap, 1000 },
	{ "protect", do_protect, 1000 },
	{ "touch", do_touch, 3000 },
	{ "rw", do_rw, 2000 },
	{ "config", do_config, 1000 },
	{ "ioctl", do_ioctl, 1000 },
	{ "dma", do_dma, 2000 },
	{ "fork", do_fork, 50 },
	{ "guest", do_guest, 200 },
	/* From here on links go down or up, which takes seconds */
	{ "train", do_train, 5 },
	{ "reset", do_reset, 5 },
	{ "close", do_close, 2 },
};

/* What all lives have done; shared between them */
static struct account {
	unsigned long steps;
	double seconds;
} *accounts;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static unsigned int some_kind(struct walk *walk)
{
	unsigned int i, sum = 0;
	uint64_t which;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		sum += kinds[i].weight;
	which = below(walk, sum);
	for (i = 0; which >= kinds[i].weight; i++)
		which -= kinds[i].weight;

	return i;
}

static void step(struct walk *walk)
{
	unsigned int kind = some_kind(walk);
	double start = now();

	kinds[kind].act(walk);
	accounts[kind].steps++;
	accounts[kind].seconds += now() - start;
}

static void tell_accounts(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		ksft_print_msg("%s: %lu steps, %.1f s\n", kinds[i].name,
			       accounts[i].steps, accounts[i].seconds);
}

static int open_guest(struct walk *walk)
{
	int i, ret;

	ret = kvm_guest_open(&walk->guest);
	for (i = 0; !ret && i < GUEST_CPUS; i++)
		ret = kvm_vcpu_open(&walk->guest, &walk->vcpu[i]);

	return ret;
}

/* From open to exit, which closes whatever is open then */
static void live(uint64_t seed, unsigned long steps)
{
	struct walk walk = { .random = seed };

	walk.page = sysconf(_SC_PAGESIZE);
	if (open_guest(&walk) ||
	    nvlink2_open_for(&walk.nvlink2, nvlink2_place(), &walk.guest))
		_exit(1);
	walk.arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* What is registered is pinned, and a fork would have to copy it */
	madvise(walk.arena, ARENA, MADV_DONTFORK);
	nvlink2_train(&walk.nvlink2);
	while (steps--)
		step(&walk);
	ksft_print_msg("touched %lu times, refused %lu times\n", walk.touched,
		       walk.refused);
	ksft_print_msg("%lu passes of the guest, %lu more ended by KVM\n",
		       walk.stored, walk.lost);
	fflush(stdout);
	_exit(0);
}

static int walk_all(uint64_t seed, unsigned long steps)
{
	unsigned long life;
	int child, status;

	for (life = 1; steps; life++) {
		unsigned long some = steps < STEPS_OF_A_LIFE ? steps :
							       STEPS_OF_A_LIFE;

		fflush(stdout);
		child = fork();
		if (!child)
			live(seed * 0x9e3779b97f4a7c15ull + life, some);
		status = watch_child(child);
		if (status) {
			ksft_print_msg("life %lu: status %d\n", life, status);
			return status;
		}
		steps -= some;
		ksft_print_msg("life %lu has ended, %lu steps to go\n", life,
			       steps);
	}

	return 0;
}

/* Everything can be opened, trained and touched, as on the first day */
static bool is_as_before(void)
{
	struct nvlink2 nvlink2;
	volatile uint64_t *ram;
	bool fine;

	if (nvlink2_open(&nvlink2, nvlink2_place()))
		return false;
	ram = nvlink2_map_ram(&nvlink2, 0, MIB);
	fine = (void *)ram != MAP_FAILED && !nvlink2_train(&nvlink2) &&
	       !watch_store(ram, 0x1234) && *ram == 0x1234;
	nvlink2_close(&nvlink2);

	return fine;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "steps", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ }
	};
	unsigned long steps = 20000;
	uint64_t seed = 1;
	char first[256];
	int opt, log;

	nvlink2_init(&argc, argv);
	while ((opt = getopt_long(argc, argv, "n:s:", options, NULL)) != -1) {
		if (opt == 'n')
			steps = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			ksft_exit_fail_msg("--steps N, --seed N\n");
	}

	ksft_print_header();
	if (nvlink2_missing())
		ksft_exit_skip("%s\n", nvlink2_missing());
	ksft_set_plan(3);
	ksft_print_msg("%lu steps with seed %lu\n", steps, (unsigned long)seed);
	accounts = mmap(NULL, sizeof(*accounts) * ARRAY_SIZE(kinds),
			PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			0);
	if (accounts == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	log = watch_log_begin();
	ksft_test_result(!walk_all(seed, steps), "walk.every_process_ended\n");
	tell_accounts();
	ksft_test_result(is_as_before(), "walk.state_is_balanced\n");
	opt = watch_log(log, first, sizeof(first));
	if (opt)
		ksft_print_msg("kernel: %s", first);
	ksft_test_result(!opt, "walk.log_is_quiet\n");
	ksft_finished();
}
