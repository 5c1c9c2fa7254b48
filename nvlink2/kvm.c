// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU does not start a pseries machine whose mitigations the host does not have (hw/ppc/spapr_caps.c), and names one
 * of them at a time. So they are all asked for here.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "files.h"
#include "kvm.h"

#ifdef __powerpc64__

static bool has(__u64 word, __u64 mask, __u64 bit)
{
	return word & mask & bit;
}

static void take_characteristics(struct kvm_abilities *abilities, const struct kvm_ppc_cpu_char *c)
{
	__u64 can = c->character & c->character_mask, must = c->behaviour & c->behaviour_mask;
	__u64 need_not = ~c->behaviour & c->behaviour_mask;

	abilities->no_cfpc = !(need_not & KVM_PPC_CPU_BEHAV_L1D_FLUSH_PR) &&
		!((can & KVM_PPC_CPU_CHAR_L1D_THREAD_PRIV) &&
		  (can & (KVM_PPC_CPU_CHAR_L1D_FLUSH_ORI30 | KVM_PPC_CPU_CHAR_L1D_FLUSH_TRIG2)));
	abilities->no_sbbc = !(need_not & KVM_PPC_CPU_BEHAV_BNDS_CHK_SPEC_BAR) &&
		!(can & KVM_PPC_CPU_CHAR_SPEC_BAR_ORI31);
	abilities->no_ibs = !(must & KVM_PPC_CPU_BEHAV_FLUSH_COUNT_CACHE) &&
		!(can & (KVM_PPC_CPU_CHAR_COUNT_CACHE_DIS | KVM_PPC_CPU_CHAR_BCCTRL_SERIALISED)) &&
		!((need_not & KVM_PPC_CPU_BEHAV_FLUSH_COUNT_CACHE) &&
		  has(~c->character, c->character_mask, KVM_PPC_CPU_CHAR_COUNT_CACHE_DIS) &&
		  has(~c->character, c->character_mask, KVM_PPC_CPU_CHAR_BCCTRL_SERIALISED));
	abilities->no_ccf_assist = !(can & KVM_PPC_CPU_CHAR_BCCTR_FLUSH_ASSIST);
}

static void ask_machine(struct kvm_abilities *abilities, int vm)
{
	struct kvm_ppc_cpu_char characteristics;

	abilities->no_ail = ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_PPC_AIL_MODE_3) != 1;
	if (ioctl(vm, KVM_PPC_GET_CPU_CHAR, &characteristics))
		memset(&characteristics, 0, sizeof(characteristics));
	take_characteristics(abilities, &characteristics);
	abilities->known = true;
}

void kvm_ask(struct kvm_abilities *abilities)
{
	int kvm, vm;

	memset(abilities, 0, sizeof(*abilities));
	if (*files_root())
		return;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm >= 0) {
		ask_machine(abilities, vm);
		close(vm);
	}
	close(kvm);
}

#else

void kvm_ask(struct kvm_abilities *abilities)
{
	memset(abilities, 0, sizeof(*abilities));
}

#endif
