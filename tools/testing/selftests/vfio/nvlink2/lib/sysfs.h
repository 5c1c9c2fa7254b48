/* SPDX-License-Identifier: GPL-2.0 */
/* PCI devices in sysfs, with their device tree nodes */
#ifndef SELFTESTS_VFIO_NVLINK2_SYSFS_H
#define SELFTESTS_VFIO_NVLINK2_SYSFS_H

#include <stddef.h>
#include <stdint.h>

#define SYSFS_DEVICES	"/sys/bus/pci/devices"

/* A numeric attribute; 0 when it does not exist */
uint32_t sysfs_number(const char *bdf, const char *attribute);
int sysfs_write(const char *bdf, const char *attribute, const char *value);
int sysfs_write_file(const char *path, const char *value);
/* Cells of a device tree property, in the byte order of the CPU */
int sysfs_cells(const char *bdf, const char *property, uint32_t *cells,
		int max);
int sysfs_group(const char *bdf);
/* Configuration space of the hardware, which is not virtualized here */
uint32_t sysfs_config(const char *bdf, unsigned int where, unsigned int size);
int sysfs_config_write(const char *bdf, unsigned int where, unsigned int size,
		       uint32_t val);
/* Where a capability is in that configuration space; 0 when there is none */
unsigned int sysfs_capability(const char *bdf, uint8_t id);
/* The port above a device, "" for none */
void sysfs_port(const char *bdf, char *name, size_t size);
int sysfs_exists(const char *bdf);
/* The name of the driver, "" for none */
void sysfs_driver(const char *bdf, char *name, size_t size);
int sysfs_bind(const char *bdf);
/* Call fn for each device of a group; returns how many calls returned 0 */
int sysfs_for_each_in_group(int group, int (*fn)(const char *bdf));

#endif /* SELFTESTS_VFIO_NVLINK2_SYSFS_H */
