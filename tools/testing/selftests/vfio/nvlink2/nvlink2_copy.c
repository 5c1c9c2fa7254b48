// SPDX-License-Identifier: GPL-2.0
/*
 * Copy to and from the RAM of a V100, in all ways that need no driver for it
 *
 * For owners of such machines: each way tells which path the data took, and how
 * fast. The CPU goes by a window in BAR 0, which is PCIe, or maps the RAM, which
 * is NVLink. The falcon of the GPU can take both; there it is not asked which
 * path was set up, but found out from what arrived.
 *
 * The RAM of the GPU is overwritten, and the GPU is reset.
 */
#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "../../kselftest.h"
#include "lib/falcon.h"
#include "lib/nvlink2.h"
#include "lib/watch.h"

#define KIB		1024ULL
#define PAGE		(64 * KIB)
#define MAX_SIZE	(16 * MIB)
/* Where in the RAM of the GPU, and where DMA finds ordinary memory */
#define PLACE		MIB
#define IOVA		(64 * MIB)
#define WINDOW_SIZE	(256 * MIB)
/* The CPU over NVLink is fast, and its caches have to be too small for it */
#define CPU_SIZE	(64 * MIB)
/* At least one word of each transfer of the falcon is looked at */
#define SAMPLE		256

/* The path that data took was another one than intended */
#define WRONG_PATH	(-EXDEV)
#define WRONG_DATA	(-EBADMSG)

/**
 * struct copier - a GPU, and memory to copy from and to
 * @nvlink2: the GPU
 * @falcon: its DMA
 * @links: those that are up, a mask
 * @size: bytes that the falcon and the window move
 * @cpu_size: bytes that the CPU moves over NVLink
 * @memory: where IOVA leads to, over PCIe and over NVLink
 * @data: what is copied, @cpu_size bytes
 * @ram: the RAM as the CPU sees it over NVLink
 */
struct copier {
	struct nvlink2 nvlink2;
	struct falcon falcon;
	uint32_t links;
	size_t size;
	size_t cpu_size;
	uint8_t *memory[2];
	uint8_t *data;
	uint8_t *ram;
};

enum path { PCIE, NVLINK };

static const char *const path_name[] = { "PCIe", "NVLink" };

/**
 * struct way - one way to copy
 * @name: of the test
 * @who: who copies
 * @what: from where to where
 * @path: over which the data goes
 * @move: copy, and nothing else: this is timed
 * @prepare: what has to be done before that, NULL for nothing
 * @check: find out whether it has arrived
 */
struct way {
	const char *name;
	const char *who;
	const char *what;
	enum path path;
	int (*move)(struct copier *copier);
	int (*prepare)(struct copier *copier, enum path path);
	int (*check)(struct copier *copier, enum path path);
};

/* Each way copies other data: what an earlier one left is not taken for it */
static void new_data(struct copier *copier)
{
	static uint32_t seed;
	uint32_t *word = (uint32_t *)copier->data;
	size_t i;

	seed += 0x9e3779b9;
	for (i = 0; i < copier->cpu_size / 4; i++)
		word[i] = seed ^ (uint32_t)(i * 0x01000193);
}

static uint32_t data_word(struct copier *copier, size_t at)
{
	uint32_t word;

	memcpy(&word, copier->data + at, sizeof(word));

	return le32toh(word);
}

/* Does the RAM have the data? Seen over PCIe, without DMA */
static int check_ram(struct copier *copier, enum path path)
{
	size_t at;

	for (at = 0; at < copier->size; at += SAMPLE) {
		if (falcon_ram_load(&copier->falcon, PLACE + at) !=
		    data_word(copier, at))
			return WRONG_DATA;
	}

	return 0;
}

static int put_data_into_ram(struct copier *copier, enum path path)
{
	memset(copier->memory[PCIE], 0, copier->size);
	memset(copier->memory[NVLINK], 0, copier->size);

	return falcon_write(&copier->falcon, FALCON_RAM, PLACE, copier->data,
			    copier->size);
}

/* CPU and RAM, by the window in BAR 0 */

static int window_store(struct copier *copier)
{
	size_t at;

	for (at = 0; at < copier->size; at += 4)
		falcon_ram_store(&copier->falcon, PLACE + at,
				 data_word(copier, at));

	return 0;
}

/* The falcon sees whether what the window shows is the RAM */
static int check_ram_by_falcon(struct copier *copier, enum path path)
{
	int ret;

	ret = falcon_read(&copier->falcon, FALCON_RAM, PLACE,
			  copier->memory[PCIE], copier->size);
	if (ret)
		return ret;

	return memcmp(copier->memory[PCIE], copier->data, copier->size) ?
	       WRONG_DATA : 0;
}

static int window_load(struct copier *copier)
{
	uint32_t *word = (uint32_t *)copier->memory[PCIE];
	size_t at;

	for (at = 0; at < copier->size; at += 4)
		*word++ = htole32(falcon_ram_load(&copier->falcon, PLACE + at));

	return 0;
}

/* The falcon, with the path told apart by the memory that one IOVA leads to */

static int put_data_into_memory(struct copier *copier, enum path path)
{
	memcpy(copier->memory[path], copier->data, copier->size);
	memset(copier->memory[!path], 0, copier->size);

	return 0;
}

static int falcon_fill(struct copier *copier)
{
	return falcon_copy(&copier->falcon, FALCON_SYSTEM, IOVA, FALCON_RAM,
			   PLACE, copier->size);
}

static int check_fill(struct copier *copier, enum path path)
{
	int ret = check_ram(copier, path);

	/* It took what the other memory has */
	if (ret && !falcon_ram_load(&copier->falcon, PLACE))
		return WRONG_PATH;

	return ret;
}

static int falcon_fetch(struct copier *copier)
{
	return falcon_copy(&copier->falcon, FALCON_RAM, PLACE, FALCON_SYSTEM,
			   IOVA, copier->size);
}

static int check_memory(struct copier *copier, enum path path)
{
	size_t size = copier->size;

	if (!memcmp(copier->memory[!path], copier->data, size))
		return WRONG_PATH;

	return memcmp(copier->memory[path], copier->data, size) ? WRONG_DATA :
								  0;
}

/* CPU and RAM, over NVLink */

/* A link that breaks is a signal, which an access to each end finds early */
static int touch(struct copier *copier)
{
	uint64_t val;

	if (watch_load(copier->ram, &val) ||
	    watch_load(copier->ram + copier->cpu_size - 8, &val))
		return -EFAULT;

	return 0;
}

static int prepare_cpu_load(struct copier *copier, enum path path)
{
	return put_data_into_ram(copier, path) ?: touch(copier);
}

static int cpu_load(struct copier *copier)
{
	memcpy(copier->memory[NVLINK], copier->ram, copier->cpu_size);

	return 0;
}

static int prepare_cpu_store(struct copier *copier, enum path path)
{
	return touch(copier);
}

static int cpu_store(struct copier *copier)
{
	memcpy(copier->ram, copier->data, copier->cpu_size);
	__sync_synchronize();

	return 0;
}

/* In this order, what the one has filled the next one may read */
static const struct way ways[] = {
	{ "copy.store_by_window", "CPU by PRAMIN", "CPU to GPU RAM",
	  PCIE, window_store, NULL, check_ram_by_falcon },
	{ "copy.load_by_window", "CPU by PRAMIN", "GPU RAM to CPU",
	  PCIE, window_load, put_data_into_ram, check_memory },
	{ "copy.fill_by_falcon", "falcon", "system memory to GPU RAM",
	  PCIE, falcon_fill, put_data_into_memory, check_fill },
	{ "copy.fetch_by_falcon", "falcon", "GPU RAM to system memory",
	  PCIE, falcon_fetch, put_data_into_ram, check_memory },
	{ "copy.load_over_nvlink", "CPU", "GPU RAM to CPU",
	  NVLINK, cpu_load, prepare_cpu_load, check_memory },
	{ "copy.store_over_nvlink", "CPU", "CPU to GPU RAM",
	  NVLINK, cpu_store, prepare_cpu_store, check_ram },
	{ "copy.fill_by_falcon_over_nvlink", "falcon", "system memory to GPU RAM",
	  NVLINK, falcon_fill, put_data_into_memory, check_fill },
	{ "copy.fetch_by_falcon_over_nvlink", "falcon", "GPU RAM to system memory",
	  NVLINK, falcon_fetch, put_data_into_ram, check_memory },
};

#define NUM_WAYS	(sizeof(ways) / sizeof(*ways))

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);

	return now.tv_sec + now.tv_nsec / 1e9;
}

static bool is_cpu_over_nvlink(const struct way *way)
{
	return way->move == cpu_load || way->move == cpu_store;
}

/* Copy in one way, and say in how many seconds */
static int go(struct copier *copier, const struct way *way, double *took)
{
	double begin;
	int ret = 0;

	new_data(copier);
	if (way->prepare)
		ret = way->prepare(copier, way->path);
	if (ret)
		return ret;

	falcon_route(&copier->falcon, way->path == NVLINK ? copier->links : 0);
	begin = seconds();
	ret = way->move(copier);
	*took = seconds() - begin;
	falcon_route(&copier->falcon, 0);

	return ret ?: way->check(copier, way->path);
}

static void try_way(struct copier *copier, const struct way *way)
{
	size_t size = is_cpu_over_nvlink(way) ? copier->cpu_size : copier->size;
	double took;
	int ret = go(copier, way, &took);

	ksft_print_msg("%s over %s, %s: ", way->who, path_name[way->path],
		       way->what);
	if (!ret)
		printf("%zu KiB, %.3f MB/s\n", size / 1024, size / took / 1e6);
	else if (ret == WRONG_PATH)
		printf("it went over %s\n", path_name[!way->path]);
	else if (ret == WRONG_DATA)
		printf("something else arrived\n");
	else
		printf("%s\n", strerror(-ret));
	ksft_test_result(!ret, "%s\n", way->name);
}

/*
 * Two memories at one IOVA. A GPU has one window over NVLink, the one created
 * last, whose start its links have no bits for: there the IOVA leads to the
 * second memory, and over PCIe to the first.
 */
static int map_memory(struct copier *copier)
{
	struct spapr_container *container = &copier->nvlink2.container;
	uint64_t start;
	int i, ret;

	for (i = PCIE; i <= NVLINK; i++) {
		ret = spapr_register(container, copier->memory[i],
				     copier->size);
		if (ret)
			return ret;
	}
	ret = spapr_map(container, IOVA, copier->memory[PCIE], copier->size);
	if (!ret)
		ret = spapr_create_window(container, 16, WINDOW_SIZE, 1,
					  &start);
	if (!ret)
		ret = spapr_map(container, start + IOVA,
				copier->memory[NVLINK], copier->size);

	return ret;
}

static int get_memory(struct copier *copier)
{
	copier->data = aligned_alloc(PAGE, copier->cpu_size);
	copier->memory[PCIE] = aligned_alloc(PAGE, copier->size);
	/* The CPU reads into this one as well */
	copier->memory[NVLINK] = aligned_alloc(PAGE, copier->cpu_size);
	if (!copier->data || !copier->memory[PCIE] || !copier->memory[NVLINK])
		return -ENOMEM;

	return map_memory(copier);
}

static void set_sizes(struct copier *copier, size_t size)
{
	uint64_t ram = nvlink2_ram_size(&copier->nvlink2);

	copier->size = size;
	copier->cpu_size = CPU_SIZE;
	if (ram < PLACE + CPU_SIZE)
		copier->cpu_size = size;
}

static void open_gpu(struct copier *copier, size_t size)
{
	int ret;

	ret = nvlink2_open(&copier->nvlink2, nvlink2_place());
	if (ret)
		ksft_exit_fail_msg("the GPU cannot be opened: %s\n",
				   strerror(-ret));
	ret = falcon_open(&copier->falcon, &copier->nvlink2.gpu);
	if (ret == -ENODEV)
		ksft_exit_skip("the GPU is no V100\n");
	if (ret)
		ksft_exit_fail_msg("the falcon does not work: %s\n",
				   strerror(-ret));

	set_sizes(copier, size);
	ret = get_memory(copier);
	if (ret)
		ksft_exit_fail_msg("no memory for DMA: %s\n", strerror(-ret));
}

/* Returns what NVLink needs, or NULL when it can be used */
static const char *train(struct copier *copier)
{
	int ret;

	ret = nvlink2_train(&copier->nvlink2);
	if (ret == -ENOLINK)
		return NVLINK2_NO_LINKS;
	if (ret)
		ksft_exit_fail_msg("training of the links: %s\n",
				   strerror(-ret));

	copier->links = falcon_active_links(&copier->falcon);
	copier->ram = nvlink2_map_ram(&copier->nvlink2, PLACE,
				      copier->cpu_size);
	if (copier->ram == MAP_FAILED)
		ksft_exit_fail_msg("GPU RAM cannot be mapped: %s\n",
				   strerror(errno));
	if (!copier->links)
		ksft_exit_fail_msg("the GPU says that no link is up\n");

	return NULL;
}

static void describe(struct copier *copier)
{
	const struct nvlink2_place *place = copier->nvlink2.place;

	ksft_print_msg("%s: V100 with %llu MiB of RAM, in IOMMU group %d; "
		       "%d links to the CPU, %d up\n", place->gpu,
		       (unsigned long long)nvlink2_ram_size(&copier->nvlink2) /
		       MIB, place->group, place->num_bridges,
		       __builtin_popcount(copier->links));
}

static void explain_links(void)
{
	ksft_print_msg("Nothing was copied over NVLink. The GPU's end of links\n");
	ksft_print_msg("is trained by microcode that NVIDIA has signed and its\n");
	ksft_print_msg("driver loads; none runs in this GPU. What is missing\n");
	ksft_print_msg("needs a guest with that driver. Give it the GPU with\n");
	ksft_print_msg("all of its bridges.\n");
}

static void copy_all(struct copier *copier)
{
	const char *missing = train(copier);
	unsigned int i;

	describe(copier);
	for (i = 0; i < NUM_WAYS; i++) {
		if (missing && ways[i].path == NVLINK)
			ksft_test_result_code(KSFT_SKIP, ways[i].name, "%s",
					      missing);
		else
			try_way(copier, &ways[i]);
	}
	if (missing)
		explain_links();
}

static void usage(const char *program)
{
	printf("Usage: %s [--bind] [--size KIB] [GPU]\n\n"
	       "Copies to and from the RAM of a V100 over PCIe and NVLink, and tells how fast.\n"
	       "What is in that RAM is lost.\n\n"
	       "  GPU         its address, as 0004:04:00.0; the first one otherwise\n"
	       "  --bind      first bind all devices in the groups of such GPUs to vfio-pci\n"
	       "  --size KIB  how much, a multiple of 64 up to 16384; 64 otherwise. The CPU\n"
	       "              copies 64 MiB over NVLink\n", program);
}

static size_t read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "size", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	size_t size = PAGE;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			size = strtoul(optarg, NULL, 10) * KIB;
		else
			break;
	}
	if (option == 'h') {
		usage(argv[0]);
		exit(KSFT_PASS);
	}
	if (option != -1 || argc > optind + 1 || !size || size % PAGE ||
	    size > MAX_SIZE) {
		usage(argv[0]);
		exit(KSFT_FAIL);
	}
	if (argc > optind)
		nvlink2_choose(argv[optind]);

	return size;
}

int main(int argc, char **argv)
{
	struct copier copier = { };
	size_t size;

	nvlink2_init(&argc, argv);
	size = read_options(argc, argv);
	ksft_print_header();
	if (nvlink2_missing())
		ksft_exit_skip("%s\n", nvlink2_missing());

	ksft_set_plan(NUM_WAYS);
	open_gpu(&copier, size);
	copy_all(&copier);
	falcon_close(&copier.falcon);
	nvlink2_close(&copier.nvlink2);
	ksft_finished();
}
