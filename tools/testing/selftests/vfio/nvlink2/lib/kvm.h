/* SPDX-License-Identifier: GPL-2.0 */
/* KVM guests, as far as they are needed to open a GPU for one */
#ifndef SELFTESTS_VFIO_NVLINK2_KVM_H
#define SELFTESTS_VFIO_NVLINK2_KVM_H

#include "spapr.h"

/**
 * struct kvm_guest - a guest of HV KVM without virtual CPUs
 * @vm: file descriptor of the guest, -1 for none
 * @attach: file descriptor of the KVM-VFIO device, -1 for none
 */
struct kvm_guest {
	int vm;
	int attach;
};

/* Returns 0 or a negative errno; -ENODEV when there is no HV KVM */
int kvm_guest_open(struct kvm_guest *guest);
/* Tell KVM of the group, as QEMU does before it opens any device of it */
int kvm_guest_attach(struct kvm_guest *guest,
		     struct spapr_container *container);
void kvm_guest_close(struct kvm_guest *guest);
/* The number of guests of this process in debugfs, -1 without debugfs */
int kvm_guests_alive(void);

#endif /* SELFTESTS_VFIO_NVLINK2_KVM_H */
