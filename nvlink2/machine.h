/* SPDX-License-Identifier: GPL-2.0 */
/* What is in this machine: sockets with their NPU, GPUs, NVLink bridges, IOMMU groups, and what is wrong with them. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NONE (-1)

/**
 * struct function - a PCI function
 * @address: domain:bus:device.function; empty when the kernel shows none
 * @driver: bound to it; empty when there is none
 * @override: the only driver that may bind to it; empty when any may
 * @phandle: of its node in the device tree, 0 when it has none
 * @vendor: PCI id
 * @device: PCI id
 * @class: PCI class, 24 bits
 * @group: number of its IOMMU group, or NONE
 * @numa_node: next to it, or NONE
 */
struct function {
	char address[24];
	char driver[32], override[32];
	uint32_t phandle, vendor, device, class;
	int group, numa_node;
};

/**
 * enum link_state - what the vendor capability of a bridge says of its link
 * @LINK_UNKNOWN: configuration space may not be read, or has no such capability
 * @LINK_DOWN: in reset; GPU RAM cannot be reached
 * @LINK_UP: taken out of reset since the last reset, as the last but one step of training does
 * @LINK_DEAD: reads are all ones: EEH or firmware have given the bridge up
 */
enum link_state { LINK_UNKNOWN, LINK_DOWN, LINK_UP, LINK_DEAD };

/**
 * struct bridge - the processor's end of a link
 * @function: the PCI function; without address when this kernel does not show bridges
 * @slot: label of the slot that the link leads to
 * @npu: index in &machine.npu
 * @gpu: index in &machine.gpu, or NONE
 * @gpu_phandle: "ibm,gpu", 0 when firmware joins the link to no GPU
 * @memory: phandle of the GPU's RAM
 * @link: number of the link at the NPU, or NONE
 * @speed: "ibm,nvlink-speed", or NONE
 * @has_target: whether there is an "ibm,device-tgt-addr" other than 0
 * @state: of the link
 */
struct bridge {
	struct function function;
	char slot[32];
	int npu, gpu;
	uint32_t gpu_phandle, memory;
	int link, speed;
	bool has_target;
	enum link_state state;
};

/**
 * struct gpu - a GPU that is joined to a processor by NVLink2
 * @function: the PCI function; without address when the GPU is in the device tree only
 * @name: its vendor's name
 * @slot: label of its slot
 * @npu: index in &machine.npu
 * @bridges: how many lead to it
 * @base: where the processor sees its RAM; 0 when firmware does not say
 * @size: of the aperture, which is larger than the RAM
 * @memory_node: NUMA node of the RAM, or NONE
 * @online: bytes of its RAM that this machine uses as its own memory
 */
struct gpu {
	struct function function;
	char name[80], slot[32];
	int npu, bridges;
	uint64_t base, size;
	int memory_node;
	unsigned long long online;
};

/**
 * struct npu - an NPU, one for each socket
 * @node: of its emulated PHB in the device tree
 * @chip: number of the socket as firmware counts, or NONE
 * @index: of the NPU, or NONE
 * @links: how many the NPU has, or NONE
 * @atsd: blocks of ATSD registers that firmware lists
 * @numa_node: of the socket, or NONE
 */
struct npu {
	char node[64];
	int chip, index, links, atsd, numa_node;
};

/**
 * struct group - an IOMMU group: what belongs to one owner
 * @number: the kernel's
 * @member: all its PCI functions, bridges to other buses included
 * @members: how many
 * @npu: the only NPU that its members belong to, or NONE
 * @pid: a process that has the group open, or 0
 * @command: the program of this process
 * @guest: name of the guest that the process runs, empty when it has none
 */
struct group {
	int number;
	struct function *member;
	size_t members;
	int npu, pid;
	char command[32], guest[64];
};

/**
 * enum kind - what kind of machine this is
 * @KIND_OTHER: not a POWER machine with a device tree
 * @KIND_HOST: a machine that runs on OPAL firmware
 * @KIND_GUEST: a logical partition or guest
 */
enum kind { KIND_OTHER, KIND_HOST, KIND_GUEST };

/**
 * struct machine - all of it
 * @kind: what it is
 * @model: as firmware calls it
 * @firmware: version of OPAL
 * @kernel: release that runs
 * @has_npu_node: firmware knows of an NPU, whether or not it uses its links
 * @processes_hidden: some processes may not be looked at, so a user of a group may be unknown
 * @npu: NPUs
 * @npus: how many
 * @gpu: GPUs
 * @gpus: how many
 * @bridge: bridges
 * @bridges: how many
 * @group: the groups that GPUs and bridges are in
 * @groups: how many
 * @problem: what contradicts itself or is missing, with what to do
 * @problems: how many
 */
struct machine {
	enum kind kind;
	char model[64], firmware[64], kernel[64];
	bool has_npu_node, processes_hidden;
	struct npu *npu;
	size_t npus;
	struct gpu *gpu;
	size_t gpus;
	struct bridge *bridge;
	size_t bridges;
	struct group *group;
	size_t groups;
	char **problem;
	size_t problems;
};

/**
 * machine_read() - look at the machine; changes nothing
 * @machine: gets what there is, to be given to machine_free()
 */
void machine_read(struct machine *machine);

/**
 * machine_free() - forget it
 * @machine: what machine_read() filled in
 */
void machine_free(struct machine *machine);

/**
 * machine_has_nvlink2() - whether there is a GPU that is joined to a processor
 * @machine: the machine
 */
bool machine_has_nvlink2(const struct machine *machine);

/**
 * machine_why_not() - why there is no NVLink2 here
 * @machine: the machine
 *
 * Return: a sentence or two for the user.
 */
const char *machine_why_not(const struct machine *machine);

/**
 * machine_gpus_of() - how many GPUs an NPU has
 * @machine: the machine
 * @npu: index in &machine.npu
 */
int machine_gpus_of(const struct machine *machine, int npu);

/**
 * machine_group() - the group with this number
 * @machine: the machine
 * @number: the number
 *
 * Return: the group, or NULL when none of the GPUs and bridges is in it.
 */
struct group *machine_group(const struct machine *machine, int number);

/**
 * link_state_name() - a word for it
 * @state: the state
 */
const char *link_state_name(enum link_state state);

/**
 * has_address() - whether the kernel shows the PCI function
 * @function: the function
 */
bool has_address(const struct function *function);

/**
 * is_port() - whether a function leads to another bus, so that no user of a group takes it
 * @function: the function
 */
bool is_port(const struct function *function);

/**
 * is_for_guests() - whether vfio-pci has a function
 * @function: the function
 */
bool is_for_guests(const struct function *function);

#endif
