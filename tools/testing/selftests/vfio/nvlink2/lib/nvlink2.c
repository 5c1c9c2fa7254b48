// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "falcon.h"
#include "nvlink2.h"
#include "sysfs.h"

#define VENDOR_NVIDIA		0x10de
#define VENDOR_IBM		0x1014
#define DEVICE_NPU2_BRIDGE	0x04ea

/* The mailbox in the vendor capability of a bridge */
#define MAILBOX_STATUS		0x4
#define   MAILBOX_COMPLETE		0x40000000
#define   MAILBOX_ERROR			0x0000000f
#define MAILBOX_PROCEDURE	0x8
#define PROCEDURE_TIMEOUT_MS	5000

/* In BAR 0: a magnitude, scaled by 1 MiB or more; ECC takes a 16th of it */
#define LOCAL_MEMORY		0x100ce0
#define   LOCAL_MEMORY_SCALE		0x0000000f
#define   LOCAL_MEMORY_MAGNITUDE	0x000003f0
#define   LOCAL_MEMORY_ECC		0x40000000
#define   LOCAL_MEMORY_ERROR		0xbad00000
#define   LOCAL_MEMORY_ERROR_MASK	0xfff00000

static struct nvlink2_place places[NVLINK2_MAX_GPUS];
static int num_places;
static const char *wanted_gpu, *other_device;

static void find_bridge(struct nvlink2_place *place, uint32_t phandle)
{
	struct dirent *entry;
	uint32_t found;
	DIR *dir;

	dir = opendir(SYSFS_DEVICES);
	while (dir && (entry = readdir(dir))) {
		if (sysfs_number(entry->d_name, "vendor") != VENDOR_IBM ||
		    sysfs_number(entry->d_name, "device") != DEVICE_NPU2_BRIDGE)
			continue;
		if (sysfs_cells(entry->d_name, "phandle", &found, 1) == 1 &&
		    found == phandle)
			snprintf(place->bridge[place->num_bridges++], BDF_LEN,
				 "%.12s", entry->d_name);
	}
	if (dir)
		closedir(dir);
}

/* Firmware says which GPUs have bridges, so no list of device IDs is needed */
static void add_place(const char *bdf)
{
	struct nvlink2_place *place = &places[num_places];
	uint32_t phandle[NVLINK2_MAX_LINKS];
	int i, count;

	if (num_places == NVLINK2_MAX_GPUS ||
	    sysfs_number(bdf, "vendor") != VENDOR_NVIDIA)
		return;

	memset(place, 0, sizeof(*place));
	snprintf(place->gpu, sizeof(place->gpu), "%.12s", bdf);
	place->group = sysfs_group(bdf);
	count = sysfs_cells(bdf, "ibm,npu", phandle, NVLINK2_MAX_LINKS);
	for (i = 0; i < count; i++)
		find_bridge(place, phandle[i]);
	if (place->num_bridges)
		num_places++;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void find_places(void)
{
	struct dirent **entries;
	int i, count;

	num_places = 0;
	count = scandir(SYSFS_DEVICES, &entries, not_hidden, alphasort);
	for (i = 0; i < count; i++) {
		add_place(entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

const char *nvlink2_other(void)
{
	return other_device;
}

int nvlink2_other_group(void)
{
	return other_device ? sysfs_group(other_device) : -1;
}

static void bind_groups(void)
{
	int i;

	for (i = 0; i < num_places; i++) {
		if (places[i].group >= 0)
			sysfs_for_each_in_group(places[i].group, sysfs_bind);
	}
	if (nvlink2_other_group() >= 0)
		sysfs_for_each_in_group(nvlink2_other_group(), sysfs_bind);
}

/* Remove "name" or "name VALUE" from the arguments */
static const char *take_option(int *argc, char **argv, const char *name,
			       int values)
{
	const char *value;
	int i;

	for (i = 1; i + values < *argc; i++) {
		if (strcmp(argv[i], name))
			continue;
		value = argv[i + values];
		*argc -= values + 1;
		memmove(&argv[i], &argv[i + values + 1],
			(*argc - i + 1) * sizeof(*argv));
		return value;
	}

	return NULL;
}

static bool is_bdf(const char *text)
{
	unsigned int domain, bus, device, function;
	int length = 0;

	return sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device,
		      &function, &length) == 4 && !text[length];
}

static bool is_gpu(const char *bdf)
{
	int i;

	for (i = 0; i < num_places; i++) {
		if (!strcmp(places[i].gpu, bdf))
			return true;
	}

	return false;
}

/*
 * Remove devices from the end of the arguments. With a GPU, scripts/run.sh names
 * its bridges as well.
 */
static const char *take_devices(int *argc, char **argv)
{
	const char *device = NULL;

	while (*argc > 1 && is_bdf(argv[*argc - 1])) {
		*argc -= 1;
		if (!device || is_gpu(argv[*argc]))
			device = argv[*argc];
	}
	argv[*argc] = NULL;

	return device;
}

void nvlink2_init(int *argc, char **argv)
{
	bool bind = take_option(argc, argv, "--bind", 0) ||
		    getenv("NVLINK2_BIND");

	find_places();
	other_device = take_option(argc, argv, "--other", 1);
	if (!other_device)
		other_device = getenv("NVLINK2_OTHER");
	wanted_gpu = take_option(argc, argv, "--gpu", 1);
	if (!wanted_gpu)
		wanted_gpu = take_devices(argc, argv);
	if (!wanted_gpu)
		wanted_gpu = getenv("NVLINK2_GPU");
	if (!wanted_gpu)
		wanted_gpu = getenv("VFIO_SELFTESTS_BDF");

	if (bind)
		bind_groups();
}

void nvlink2_choose(const char *gpu)
{
	wanted_gpu = gpu;
}

const struct nvlink2_place *nvlink2_place(void)
{
	int i;

	for (i = 0; i < num_places; i++) {
		if (!wanted_gpu || !strcmp(places[i].gpu, wanted_gpu))
			return &places[i];
	}

	return NULL;
}

static bool is_bound(const struct nvlink2_place *place)
{
	char driver[32];
	int i;

	sysfs_driver(place->gpu, driver, sizeof(driver));
	if (strcmp(driver, "vfio-pci"))
		return false;
	for (i = 0; i < place->num_bridges; i++) {
		sysfs_driver(place->bridge[i], driver, sizeof(driver));
		if (strcmp(driver, "vfio-pci"))
			return false;
	}

	return true;
}

const char *nvlink2_missing(void)
{
	const struct nvlink2_place *place = nvlink2_place();

	if (!num_places)
		return "no GPU here has NVLink bridges to the CPU";
	if (!place)
		return "the GPU asked for has no NVLink bridges to the CPU";
	if (place->group < 0)
		return "the GPU is in no IOMMU group";
	if (!is_bound(place))
		return "GPU or bridges are not bound to vfio-pci, use --bind";
	if (access("/dev/vfio/vfio", R_OK | W_OK))
		return "/dev/vfio/vfio cannot be opened";

	return NULL;
}

static const struct nvlink2_place *another(bool same_group)
{
	const struct nvlink2_place *place = nvlink2_place();
	bool shares;
	int i;

	for (i = 0; i < num_places; i++) {
		if (&places[i] == place || !is_bound(&places[i]))
			continue;
		shares = places[i].group == place->group;
		if (shares == same_group)
			return &places[i];
	}

	return NULL;
}

const struct nvlink2_place *nvlink2_neighbour(void)
{
	return another(true);
}

const struct nvlink2_place *nvlink2_stranger(void)
{
	return another(false);
}

const struct nvlink2_place *nvlink2_peer(void)
{
	const struct nvlink2_place *place = nvlink2_place();
	int i;

	for (i = 0; i < num_places; i++) {
		if (places[i].group != place->group && is_bound(&places[i]) &&
		    !strncmp(places[i].bridge[0], place->bridge[0],
			     strlen("0000:")))
			return &places[i];
	}

	return NULL;
}

static int open_gpu(struct nvlink2 *nvlink2)
{
	int ret;

	ret = vfio_dev_open(&nvlink2->container, nvlink2->place->gpu,
			    &nvlink2->gpu);
	if (ret)
		return ret;

	return vfio_region_find(&nvlink2->gpu,
				VFIO_REGION_TYPE_PCI_VENDOR_TYPE | VENDOR_NVIDIA,
				VFIO_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM,
				&nvlink2->ram);
}

static int open_bridge(struct nvlink2 *nvlink2, int i)
{
	int ret;

	ret = vfio_dev_open(&nvlink2->container, nvlink2->place->bridge[i],
			    &nvlink2->bridge[i]);
	if (ret)
		return ret;

	return vfio_region_find(&nvlink2->bridge[i],
				VFIO_REGION_TYPE_PCI_VENDOR_TYPE | VENDOR_IBM,
				VFIO_REGION_SUBTYPE_IBM_NVLINK2_ATSD,
				&nvlink2->atsd[i]);
}

int nvlink2_open_devices(struct nvlink2 *nvlink2)
{
	int i, ret;

	ret = open_gpu(nvlink2);
	for (i = 0; i < nvlink2->place->num_bridges && !ret; i++)
		ret = open_bridge(nvlink2, i);
	if (ret)
		nvlink2_close_devices(nvlink2);

	return ret;
}

void nvlink2_close_devices(struct nvlink2 *nvlink2)
{
	int i;

	nvlink2->trained = false;
	vfio_dev_close(&nvlink2->gpu);
	for (i = 0; i < NVLINK2_MAX_LINKS; i++)
		vfio_dev_close(&nvlink2->bridge[i]);
}

int nvlink2_open(struct nvlink2 *nvlink2, const struct nvlink2_place *place)
{
	return nvlink2_open_for(nvlink2, place, NULL);
}

void nvlink2_clear(struct nvlink2 *nvlink2, const struct nvlink2_place *place)
{
	int i;

	memset(nvlink2, 0, sizeof(*nvlink2));
	nvlink2->place = place;
	nvlink2->container.fd = -1;
	nvlink2->container.group_fd = -1;
	nvlink2->gpu.fd = -1;
	for (i = 0; i < NVLINK2_MAX_LINKS; i++)
		nvlink2->bridge[i].fd = -1;
}

int nvlink2_open_for(struct nvlink2 *nvlink2, const struct nvlink2_place *place,
		     struct kvm_guest *guest)
{
	int ret;

	nvlink2_clear(nvlink2, place);
	ret = spapr_open(&nvlink2->container, place->group);
	if (ret)
		return ret;

	if (guest)
		ret = kvm_guest_attach(guest, &nvlink2->container);
	if (!ret)
		ret = nvlink2_open_devices(nvlink2);
	if (ret)
		spapr_close(&nvlink2->container);

	return ret;
}

void nvlink2_close(struct nvlink2 *nvlink2)
{
	nvlink2_close_devices(nvlink2);
	spapr_close(&nvlink2->container);
}

static void read_config_space(struct vfio_dev *dev)
{
	unsigned int where;

	for (where = 0; where < PCI_CFG_SPACE_SIZE; where += 4) {
		vfio_config_read(dev, where, 4);
		sysfs_config(dev->bdf, where, 4);
	}
}

void nvlink2_read_config_space(struct nvlink2 *nvlink2)
{
	int i;

	read_config_space(&nvlink2->gpu);
	for (i = 0; i < nvlink2->place->num_bridges; i++)
		read_config_space(&nvlink2->bridge[i]);
}

int nvlink2_run_procedure(struct vfio_dev *bridge, uint32_t procedure)
{
	unsigned int cap = vfio_config_capability(bridge, PCI_CAP_ID_VNDR);
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint32_t status;
	int ret, ms;

	if (!cap)
		return -ENODEV;
	ret = vfio_config_write(bridge, cap + MAILBOX_PROCEDURE, 4, procedure);
	if (ret)
		return ret;

	for (ms = 0; ms < PROCEDURE_TIMEOUT_MS; ms++) {
		status = vfio_config_read(bridge, cap + MAILBOX_STATUS, 4);
		if (status == ~0u)
			return -EIO;
		if (status & MAILBOX_COMPLETE)
			return status & MAILBOX_ERROR ? -EIO : 0;
		nanosleep(&pause, NULL);
	}

	return -ETIMEDOUT;
}

/*
 * The procedures that the driver of a GPU lets firmware run, in this order. The
 * numbers are those in npu2-hw-procedures.c of skiboot: 4 resets the PHY, 5 to
 * 9 train it, 10 resets the NTL and ends the fence of the link, 13 checks the
 * credits.
 */
int nvlink2_train_bridge(struct vfio_dev *bridge)
{
	static const uint32_t procedures[] = { 4, 5, 6, 7, 9, 8, 10, 13 };
	unsigned int i;
	int ret = 0;

	for (i = 0; i < sizeof(procedures) / sizeof(*procedures) && !ret; i++)
		ret = nvlink2_run_procedure(bridge, procedures[i]);

	return ret;
}

/* Does the GPU do its part? One whose registers are not known may do it */
static bool gpu_trains(struct vfio_dev *gpu)
{
	struct falcon falcon;
	bool trains;

	if (falcon_map(&falcon, gpu))
		return true;
	trains = falcon_links_train(&falcon);
	falcon_unmap(&falcon);

	return trains;
}

int nvlink2_train(struct nvlink2 *nvlink2)
{
	int i, ret = 0;

	for (i = 0; i < nvlink2->place->num_bridges && !ret; i++)
		ret = nvlink2_train_bridge(&nvlink2->bridge[i]);
	nvlink2->trained = !ret;

	return ret && !gpu_trains(&nvlink2->gpu) ? -ENOLINK : ret;
}

int nvlink2_train_any(struct nvlink2 *nvlink2)
{
	int ret = nvlink2_train(nvlink2);

	return ret == -ENOLINK ? 0 : ret;
}

uint64_t nvlink2_ram_size(struct nvlink2 *nvlink2)
{
	struct vfio_region bar;
	uint64_t size;
	uint32_t val;

	if (vfio_region_get(&nvlink2->gpu, VFIO_PCI_BAR0_REGION_INDEX, &bar) ||
	    pread(nvlink2->gpu.fd, &val, sizeof(val),
		  bar.offset + LOCAL_MEMORY) != sizeof(val))
		return 0;

	val = le32toh(val);
	if (val == ~0u || (val & LOCAL_MEMORY_ERROR_MASK) == LOCAL_MEMORY_ERROR)
		return 0;

	size = (val & LOCAL_MEMORY_MAGNITUDE) >> 4;
	size <<= (val & LOCAL_MEMORY_SCALE) + 20;

	return val & LOCAL_MEMORY_ECC ? size / 16 * 15 : size;
}

static size_t largest_page(size_t size)
{
	if (size >= GIB)
		return GIB;

	return size >= 2 * MIB ? 2 * MIB : 0;
}

/* Map at a fixed address within a range that was reserved, and free the rest */
static void *map_within(struct nvlink2 *nvlink2, uint64_t offset, size_t size,
			uint8_t *range, size_t range_size, size_t at)
{
	void *ram;
	int err;

	ram = mmap(range + at, size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, nvlink2->gpu.fd,
		   nvlink2->ram.offset + offset);
	if (ram == MAP_FAILED) {
		err = errno;
		munmap(range, range_size);
		errno = err;
		return ram;
	}
	if (at)
		munmap(range, at);
	munmap(range + at + size, range_size - at - size);

	return ram;
}

void *nvlink2_map_ram_shifted(struct nvlink2 *nvlink2, uint64_t offset,
			      size_t size, uint64_t shift)
{
	size_t page = largest_page(size), range_size = size + page;
	uint8_t *range;

	if (!page)
		return vfio_region_mmap(&nvlink2->gpu, &nvlink2->ram, offset,
					size);

	range = mmap(NULL, range_size, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if ((void *)range == MAP_FAILED)
		return MAP_FAILED;

	return map_within(nvlink2, offset, size, range, range_size,
			  (offset + shift - (uintptr_t)range) & (page - 1));
}

void *nvlink2_map_ram(struct nvlink2 *nvlink2, uint64_t offset, size_t size)
{
	return nvlink2_map_ram_shifted(nvlink2, offset, size, 0);
}

uint64_t nvlink2_atsd_read(const volatile void *atsd, unsigned int offset)
{
	return be64toh(*(const volatile uint64_t *)((uintptr_t)atsd + offset));
}

void nvlink2_atsd_write(volatile void *atsd, unsigned int offset, uint64_t val)
{
	*(volatile uint64_t *)((uintptr_t)atsd + offset) = htobe64(val);
}
