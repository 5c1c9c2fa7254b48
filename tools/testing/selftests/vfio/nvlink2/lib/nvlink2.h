/* SPDX-License-Identifier: GPL-2.0 */
/* NVLink2 GPUs of POWER9 machines, and the bridges at the other end of links */
#ifndef SELFTESTS_VFIO_NVLINK2_H
#define SELFTESTS_VFIO_NVLINK2_H

#include <stdbool.h>
#include <stdint.h>

#include "kvm.h"
#include "spapr.h"

#define MIB			0x100000ULL
#define GIB			(1024 * MIB)

#define NVLINK2_MAX_GPUS	6
#define NVLINK2_MAX_LINKS	6
#define NVLINK2_ATSD_SIZE	0x10000
#define NVLINK2_ATSD_LAUNCH	0x00
#define NVLINK2_ATSD_AVA	0x08
#define NVLINK2_ATSD_STATUS	0x10

/**
 * struct nvlink2_place - where a GPU is in the system
 * @gpu: sysfs name of the GPU
 * @bridge: sysfs names of its bridges, in the order of its device tree node
 * @num_bridges: number of entries in @bridge
 * @group: IOMMU group of the GPU, -1 for none
 */
struct nvlink2_place {
	char gpu[BDF_LEN];
	char bridge[NVLINK2_MAX_LINKS][BDF_LEN];
	int num_bridges;
	int group;
};

/**
 * struct nvlink2 - a GPU and its bridges, opened through VFIO
 * @container: container with the group of the GPU
 * @place: where the GPU is
 * @gpu: the GPU
 * @ram: region of the GPU's RAM
 * @bridge: the bridges
 * @atsd: region of each bridge's ATSD registers
 * @trained: the links have been trained since the devices were opened
 */
struct nvlink2 {
	struct spapr_container container;
	const struct nvlink2_place *place;
	struct vfio_dev gpu;
	struct vfio_region ram;
	struct vfio_dev bridge[NVLINK2_MAX_LINKS];
	struct vfio_region atsd[NVLINK2_MAX_LINKS];
	bool trained;
};

/*
 * NVLINK2_MAIN() runs the test cases of a program. It adds these options to
 * those of the test harness; each has a variable in the environment as well:
 *
 * --gpu DOMAIN:BUS:DEVICE.FUNCTION, NVLINK2_GPU: test this GPU instead of the
 *	first one that is found. Like those of libvfio, the programs take
 *	devices as last arguments, too, and one from VFIO_SELFTESTS_BDF
 * --bind, NVLINK2_BIND=1: first bind all devices in the groups of NVLink2 GPUs
 *	to vfio-pci
 * --other DOMAIN:BUS:DEVICE.FUNCTION, NVLINK2_OTHER: a device of another kind,
 *	in a group of its own, for the cases that need one. --bind binds it too
 *
 * Without a GPU the program is skipped, with status 4 as kselftest wants it. With
 * options of the harness each of the cases that they choose is.
 */
void nvlink2_init(int *argc, char **argv);
/* What "--gpu" does, for programs that take it as an argument */
void nvlink2_choose(const char *gpu);
#define NVLINK2_MAIN()					\
	int main(int argc, char **argv)			\
	{						\
		const char *missing;			\
							\
		nvlink2_init(&argc, argv);		\
		missing = nvlink2_missing();		\
		if (missing && argc == 1)		\
			ksft_exit_skip("%s\n", missing);	\
		return test_harness_run(argc, argv);	\
	}

/* The reason why no GPU can be tested, or NULL when one can */
const char *nvlink2_missing(void);
/* The GPU under test */
const struct nvlink2_place *nvlink2_place(void);
/* Another GPU in the same group, and one in another group; NULL for none */
const struct nvlink2_place *nvlink2_neighbour(void);
const struct nvlink2_place *nvlink2_stranger(void);
/* A GPU of the same NPU in another group; NULL for none */
const struct nvlink2_place *nvlink2_peer(void);
/* The device that "--other" names, and its group; NULL and -1 for none */
const char *nvlink2_other(void);
int nvlink2_other_group(void);

/* Mark everything as closed, before anything has been opened */
void nvlink2_clear(struct nvlink2 *nvlink2, const struct nvlink2_place *place);
int nvlink2_open(struct nvlink2 *nvlink2, const struct nvlink2_place *place);
/* The same for a guest; like QEMU, tell KVM of the group before that */
int nvlink2_open_for(struct nvlink2 *nvlink2, const struct nvlink2_place *place,
		     struct kvm_guest *guest);
/* Open the devices in a container that is open already */
int nvlink2_open_devices(struct nvlink2 *nvlink2);
void nvlink2_close_devices(struct nvlink2 *nvlink2);
void nvlink2_close(struct nvlink2 *nvlink2);

/* Read all of the configuration spaces, as lspci -xxx in guest and host does */
void nvlink2_read_config_space(struct nvlink2 *nvlink2);

/* Why nvlink2_train() returns -ENOLINK */
#define NVLINK2_NO_LINKS	\
	"links do not train without the driver of the GPU: run the guest part"
/*
 * Train the links, as the driver of the GPU does. -ENOLINK when the GPU does not
 * do its part, which takes microcode that its driver loads.
 */
int nvlink2_train_bridge(struct vfio_dev *bridge);
int nvlink2_train(struct nvlink2 *nvlink2);
/* The same, but 0 also where they do not train: then @trained tells */
int nvlink2_train_any(struct nvlink2 *nvlink2);
/* The last procedure of the training */
#define NVLINK2_CHECK_CREDITS	13
int nvlink2_run_procedure(struct vfio_dev *bridge, uint32_t procedure);
/* The size of the RAM, from a register of the GPU; 0 when it is not known */
uint64_t nvlink2_ram_size(struct nvlink2 *nvlink2);
/*
 * Map RAM at an address that is congruent with its offset modulo the largest
 * page that fits into @size, as QEMU places its mappings since 9.2. At such an
 * address the kernel can use huge pages.
 */
void *nvlink2_map_ram(struct nvlink2 *nvlink2, uint64_t offset, size_t size);
/* The same, but @shift bytes further on, where larger pages do not fit */
void *nvlink2_map_ram_shifted(struct nvlink2 *nvlink2, uint64_t offset,
			      size_t size, uint64_t shift);

/* Registers in a mapped ATSD region, which are big endian on any host */
uint64_t nvlink2_atsd_read(const volatile void *atsd, unsigned int offset);
void nvlink2_atsd_write(volatile void *atsd, unsigned int offset, uint64_t val);

#endif /* SELFTESTS_VFIO_NVLINK2_H */
