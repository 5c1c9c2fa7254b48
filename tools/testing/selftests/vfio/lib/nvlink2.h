/* SPDX-License-Identifier: GPL-2.0 */
/*
 * NVLink2 GPUs of a POWER9 machine and the bridges at the CPU end of their links
 */
#ifndef SELFTESTS_VFIO_NVLINK2_H
#define SELFTESTS_VFIO_NVLINK2_H

#include <stdbool.h>
#include <stdint.h>

#include "kvm.h"
#include "spapr.h"

#define NVLINK2_MAX_GPUS	6
#define NVLINK2_MAX_LINKS	6
#define NVLINK2_ATSD_SIZE	0x10000
#define NVLINK2_ATSD_LAUNCH	0x00
#define NVLINK2_ATSD_AVA	0x08
#define NVLINK2_ATSD_STATUS	0x10

/**
 * struct nvlink2_place - where a GPU is
 * @gpu: name of the GPU in sysfs
 * @bridge: names of its bridges, in the order of its device tree node
 * @num_bridges: how many
 * @group: IOMMU group of the GPU, -1 when it has none
 */
struct nvlink2_place {
	char gpu[BDF_LEN];
	char bridge[NVLINK2_MAX_LINKS][BDF_LEN];
	int num_bridges;
	int group;
};

/**
 * struct nvlink2 - a GPU that has been opened, with its bridges
 * @container: of the group of the GPU
 * @place: where it is
 * @gpu: the GPU
 * @ram: the region with its RAM
 * @bridge: the bridges
 * @atsd: the region of each bridge with its ATSD registers
 */
struct nvlink2 {
	struct spapr_container container;
	const struct nvlink2_place *place;
	struct vfio_dev gpu;
	struct vfio_region ram;
	struct vfio_dev bridge[NVLINK2_MAX_LINKS];
	struct vfio_region atsd[NVLINK2_MAX_LINKS];
};

/*
 * NVLINK2_MAIN() runs the cases of a program. Besides the options of the test
 * harness it knows "--gpu DOMAIN:BUS:DEVICE.FUNCTION" (or NVLINK2_GPU in the
 * environment) and "--bind" (NVLINK2_BIND=1), which binds all devices in the
 * groups of NVLink2 GPUs to vfio-pci first. "--other" (NVLINK2_OTHER) names a
 * device of another kind for the cases that need one; it is bound with them.
 */
void nvlink2_init(int *argc, char **argv);
#define NVLINK2_MAIN()					\
	int main(int argc, char **argv)			\
	{						\
		nvlink2_init(&argc, argv);		\
		return test_harness_run(argc, argv);	\
	}

/* Why there is no GPU to be tested, or NULL when there is one */
const char *nvlink2_missing(void);
/* The GPU that is tested */
const struct nvlink2_place *nvlink2_place(void);
/* Another GPU of the same group, and one of another group; NULL for none */
const struct nvlink2_place *nvlink2_neighbour(void);
const struct nvlink2_place *nvlink2_stranger(void);
/* The group of the device that "--other" names, -1 for none */
int nvlink2_other_group(void);

int nvlink2_open(struct nvlink2 *nvlink2, const struct nvlink2_place *place);
/* The same for a guest, as QEMU does it */
int nvlink2_open_for(struct nvlink2 *nvlink2, const struct nvlink2_place *place,
		     struct kvm_guest *guest);
/* The same in a container that is there already */
int nvlink2_open_devices(struct nvlink2 *nvlink2);
void nvlink2_close_devices(struct nvlink2 *nvlink2);
void nvlink2_close(struct nvlink2 *nvlink2);

/* Take the links out of reset, as the driver of the GPU does */
int nvlink2_train_bridge(struct vfio_dev *bridge);
int nvlink2_train(struct nvlink2 *nvlink2);
int nvlink2_run_procedure(struct vfio_dev *bridge, uint32_t procedure);
/* How much RAM there is, by a register of the GPU; 0 when that cannot be said */
uint64_t nvlink2_ram_size(struct nvlink2 *nvlink2);
void *nvlink2_map_ram(struct nvlink2 *nvlink2, uint64_t offset, size_t size);

/* Registers of an ATSD region that is mapped: big endian on each host */
uint64_t nvlink2_atsd_read(const volatile void *atsd, unsigned int offset);
void nvlink2_atsd_write(volatile void *atsd, unsigned int offset, uint64_t val);

#endif /* SELFTESTS_VFIO_NVLINK2_H */
