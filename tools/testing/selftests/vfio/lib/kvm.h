/* SPDX-License-Identifier: GPL-2.0 */
/* Guests, as far as they are needed to open a GPU for one */
#ifndef SELFTESTS_VFIO_KVM_H
#define SELFTESTS_VFIO_KVM_H

#include "spapr.h"

/**
 * struct kvm_guest - a guest of HV KVM without virtual CPUs
 * @vm: the guest, -1 when there is none
 * @attach: the device by which it knows a group, -1 before that
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
/* How many guests of this process debugfs still knows, -1 without debugfs */
int kvm_guests_alive(void);

#endif /* SELFTESTS_VFIO_KVM_H */
