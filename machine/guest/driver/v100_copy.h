/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* How a program drives the copy engine of the emulated V100 through /dev/v100-copy-<PCI address>. */
#ifndef V100_COPY_H
#define V100_COPY_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Bytes of system memory that the engine can reach without ATS; mmap() of the device at offset 0 gives them. */
#define V100_BUFFER_SIZE (256 * 1024)

#define V100_PATH_PCIE 0
#define V100_PATH_NVLINK 1
#define V100_PATH_ATS 2
#define V100_PATH_PEER 3

#define V100_TO_GPU 0
#define V100_TO_SYSTEM 1

/**
 * struct v100_copy - one run of the engine.
 * @path: V100_PATH_PCIE, V100_PATH_NVLINK, V100_PATH_ATS, or V100_PATH_PEER.
 * @direction: V100_TO_GPU or V100_TO_SYSTEM, which is the other GPU for V100_PATH_PEER.
 * @link: CPU link of this GPU that the copy takes, unless it takes PCIe; for V100_PATH_PEER one of all of its links.
 * @length: bytes.
 * @buffer_offset: where in the buffer, 0 for V100_PATH_ATS and V100_PATH_PEER.
 * @reserved: 0.
 * @gpu_offset: where in GPU RAM.
 * @address: where in the memory of the calling process for V100_PATH_ATS, where in the RAM of the other GPU for
 *	V100_PATH_PEER, otherwise 0. The driver does not look at it: the GPU has it translated, or refuses it.
 * @status: out: the engine's STATUS register.
 * @copied: out: its COPIED register.
 */
struct v100_copy {
	__u32 path;
	__u32 direction;
	__u32 link;
	__u32 length;
	__u32 buffer_offset;
	__u32 reserved;
	__u64 gpu_offset;
	__u64 address;
	__u32 status;
	__u32 copied;
};

/**
 * struct v100_info - what the device says of itself.
 * @bus_address: of the buffer, as the GPU sees it.
 * @ram_mib: GPU RAM.
 * @links: bit n: CPU link n is up.
 * @boot_0: the identification register.
 * @engine: identification of the copy engine.
 * @pasid: of the calling process, what a shootdown has to name.
 * @reserved: 0.
 */
struct v100_info {
	__u64 bus_address;
	__u32 ram_mib;
	__u32 links;
	__u32 boot_0;
	__u32 engine;
	__u32 pasid;
	__u32 reserved;
};

#define V100_COPY _IOWR('V', 1, struct v100_copy)
#define V100_INFO _IOR('V', 2, struct v100_info)

#endif
