/* SPDX-License-Identifier: GPL-2.0 */
/* KVM guests, as far as they are needed to open a GPU for one, or to map DMA */
#ifndef SELFTESTS_VFIO_NVLINK2_KVM_H
#define SELFTESTS_VFIO_NVLINK2_KVM_H

#include "spapr.h"

/* Hypercalls, and what they return; see asm/hvcall.h of the kernel */
#define H_PUT_TCE		0x20
#define H_STUFF_TCE		0x138
#define H_PUT_TCE_INDIRECT	0x13c
#define H_SUCCESS		0
#define H_TOO_HARD		9999
/* In the third argument of H_PUT_TCE */
#define TCE_READ_WRITE		3

/**
 * struct kvm_guest - a guest of HV KVM
 * @vm: file descriptor of the guest, -1 for none
 * @attach: file descriptor of the KVM-VFIO device, -1 for none
 * @code: the first page of the guest, with a few instructions
 * @vcpus: how many virtual CPUs it has been given
 */
struct kvm_guest {
	int vm;
	int attach;
	uint32_t *code;
	unsigned int vcpus;
};

/**
 * struct kvm_vcpu - a virtual CPU of a guest, in real mode
 * @fd: file descriptor, -1 for none
 * @run: what KVM_RUN returns
 * @run_size: size of the mapping of @run
 */
struct kvm_vcpu {
	int fd;
	struct kvm_run *run;
	size_t run_size;
};

/* Returns 0 or a negative errno; -ENODEV when there is no HV KVM */
int kvm_guest_open(struct kvm_guest *guest);
/* Tell KVM of the group, as QEMU does before it opens any device of it */
int kvm_guest_attach(struct kvm_guest *guest,
		     struct spapr_container *container);
void kvm_guest_close(struct kvm_guest *guest);
/* Give memory to a guest, or take it away with a size of 0 */
int kvm_guest_memory(struct kvm_guest *guest, unsigned int slot, uint64_t gpa,
		     const volatile void *addr, uint64_t size);
/*
 * Create a TCE table for DMA addresses from 0 on; returns a file descriptor or a
 * negative errno
 */
int kvm_guest_tce_table(struct kvm_guest *guest, uint64_t liobn,
			unsigned int page_shift, uint64_t size);
/* Let the hypercalls for a table change the window of a group as well */
int kvm_guest_attach_table(struct kvm_guest *guest,
			   struct spapr_container *container, int table);
/* A number from the directory of the guest in debugfs, -1 for none */
long kvm_guest_statistic(const char *name);

/* Slot 0 and the first page of the guest are for the code of its CPUs */
int kvm_vcpu_open(struct kvm_guest *guest, struct kvm_vcpu *vcpu);
void kvm_vcpu_close(struct kvm_vcpu *vcpu);
/*
 * Make a hypercall; returns what it returns, H_TOO_HARD when KVM leaves it to
 * user space, LONG_MIN when KVM_RUN fails
 */
long kvm_vcpu_hcall(struct kvm_vcpu *vcpu, uint64_t nr, uint64_t arg4,
		    uint64_t arg5, uint64_t arg6, uint64_t arg7);
/* Load from memory of the guest; returns 0, or KVM_EXIT_* */
int kvm_vcpu_load(struct kvm_vcpu *vcpu, uint64_t gpa, uint64_t *val);
/*
 * Store @count doublewords, @stride bytes apart, to memory of the guest, each its
 * own address; returns 0, a negative errno when KVM_RUN fails, or KVM_EXIT_*
 */
int kvm_vcpu_store(struct kvm_vcpu *vcpu, uint64_t gpa, uint64_t stride,
		   uint64_t count);

/* The number of guests of this process in debugfs, -1 without debugfs */
int kvm_guests_alive(void);

#endif /* SELFTESTS_VFIO_NVLINK2_KVM_H */
