/* SPDX-License-Identifier: GPL-2.0 */
/* What KVM counts. */
#ifndef KVM_H
#define KVM_H

/**
 * kvm_watch() - begin to count the faults of guests in their partition-scoped page tables.
 */
void kvm_watch(void);

/**
 * kvm_report() - report the counters of the one guest that is running.
 * @mark: where the guest is, becomes part of the key.
 */
void kvm_report(const char *mark);

#endif
