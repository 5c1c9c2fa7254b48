/* SPDX-License-Identifier: GPL-2.0 */
/* What the processor and firmware of this machine can do for guests, as QEMU asks for it. */
#ifndef KVM_H
#define KVM_H

#include <stdbool.h>

/* What to tell the user when the abilities are not known */
#define KVM_NOT_ASKED "Run this as a user who may open /dev/kvm, or the guest may not start"

/**
 * struct kvm_abilities - where they are less than pseries machines ask for
 * @known: whether KVM could be asked; if not, the rest means nothing
 * @no_cfpc: no flush of the L1 cache when privilege changes
 * @no_sbbc: no barrier for speculation past bounds checks
 * @no_ibs: nothing against speculation of indirect branches
 * @no_ccf_assist: no help of the processor to flush the count cache
 * @no_ail: no interrupts with translation in radix guests
 */
struct kvm_abilities {
	bool known, no_cfpc, no_sbbc, no_ibs, no_ccf_assist, no_ail;
};

/**
 * kvm_ask() - ask KVM
 * @abilities: gets the answers
 */
void kvm_ask(struct kvm_abilities *abilities);

#endif
