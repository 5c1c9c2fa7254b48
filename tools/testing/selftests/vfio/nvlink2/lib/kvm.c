// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "kvm.h"

#define DEBUGFS_KVM	"/sys/kernel/debug/kvm"
#define VM_TYPE_HV	1

#define CODE_SIZE	0x10000
#define CODE_HCALL	0x3000
#define CODE_LOAD	0x3100
#define CODE_STORE	0x3200

#define INST_SC_1	0x44000022	/* sc 1: a hypercall */
#define INST_LD_R5_R4	0xe8a40000	/* ld r5,0(r4) */
#define INST_STD_R4_R4	0xf8840000	/* std r4,0(r4) */
#define INST_ADD_R4_R6	0x7c843214	/* add r4,r4,r6 */
#define INST_MTCTR_R7	0x7ce903a6	/* mtctr r7 */
#define INST_BDNZ_2	0x4200fff8	/* bdnz, two instructions back */

#define MSR_SF		0x8000000000000000ULL
#define MSR_ME		0x1000ULL
#define MSR_LE		1

int kvm_guest_open(struct kvm_guest *guest)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	guest->vm = -1;
	guest->attach = -1;
	guest->code = MAP_FAILED;
	guest->vcpus = 0;
	if (kvm < 0)
		return -ENODEV;
	guest->vm = ioctl(kvm, KVM_CREATE_VM, VM_TYPE_HV);
	close(kvm);

	return guest->vm < 0 ? -ENODEV : 0;
}

int kvm_guest_attach(struct kvm_guest *guest,
		     struct spapr_container *container)
{
	struct kvm_create_device create = { .type = KVM_DEV_TYPE_VFIO };
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = KVM_DEV_VFIO_GROUP_ADD,
		.addr = (uintptr_t)&container->group_fd,
	};

	/* A guest has one such device for all its groups */
	if (guest->attach < 0) {
		if (ioctl(guest->vm, KVM_CREATE_DEVICE, &create))
			return -errno;
		guest->attach = create.fd;
	}

	return ioctl(guest->attach, KVM_SET_DEVICE_ATTR, &attr) ? -errno : 0;
}

void kvm_guest_close(struct kvm_guest *guest)
{
	if (guest->attach >= 0)
		close(guest->attach);
	if (guest->vm >= 0)
		close(guest->vm);
	if ((void *)guest->code != MAP_FAILED)
		munmap(guest->code, CODE_SIZE);
	guest->attach = -1;
	guest->vm = -1;
	guest->code = MAP_FAILED;
}

int kvm_guest_memory(struct kvm_guest *guest, unsigned int slot, uint64_t gpa,
		     const volatile void *addr, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.userspace_addr = (uintptr_t)addr,
		.memory_size = size,
	};

	return ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region) ? -errno :
								       0;
}

int kvm_guest_tce_table(struct kvm_guest *guest, uint64_t liobn,
			unsigned int page_shift, uint64_t size)
{
	struct kvm_create_spapr_tce_64 table = {
		.liobn = liobn,
		.page_shift = page_shift,
		.size = size >> page_shift,
	};
	int fd = ioctl(guest->vm, KVM_CREATE_SPAPR_TCE_64, &table);

	return fd < 0 ? -errno : fd;
}

int kvm_guest_attach_table(struct kvm_guest *guest,
			   struct spapr_container *container, int table)
{
	struct kvm_vfio_spapr_tce tce = {
		.groupfd = container->group_fd,
		.tablefd = table,
	};
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE,
		.addr = (uintptr_t)&tce,
	};

	return ioctl(guest->attach, KVM_SET_DEVICE_ATTR, &attr) ? -errno : 0;
}

static int enable_hcall(struct kvm_guest *guest, uint64_t nr)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_PPC_ENABLE_HCALL,
		.args = { nr, 1 },
	};

	return ioctl(guest->vm, KVM_ENABLE_CAP, &cap) ? -errno : 0;
}

static void write_code(uint32_t *code)
{
	uint32_t *store = &code[CODE_STORE / 4];
	unsigned int i;

	/* Any interrupt of the guest ends in a hypercall as well */
	for (i = 0; i < CODE_SIZE / 4; i++)
		code[i] = INST_SC_1;
	code[CODE_LOAD / 4] = INST_LD_R5_R4;
	*store++ = INST_MTCTR_R7;
	*store++ = INST_STD_R4_R4;
	*store++ = INST_ADD_R4_R6;
	*store++ = INST_BDNZ_2;
}

static int map_code(struct kvm_guest *guest)
{
	if ((void *)guest->code != MAP_FAILED)
		return 0;
	guest->code = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if ((void *)guest->code == MAP_FAILED)
		return -errno;
	write_code(guest->code);

	return kvm_guest_memory(guest, 0, 0, guest->code, CODE_SIZE);
}

static int open_vcpu(struct kvm_guest *guest, struct kvm_vcpu *vcpu)
{
	struct kvm_enable_cap papr = { .cap = KVM_CAP_PPC_PAPR };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	vcpu->run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	close(kvm);

	vcpu->fd = ioctl(guest->vm, KVM_CREATE_VCPU, guest->vcpus);
	if (vcpu->fd < 0)
		return -errno;
	guest->vcpus++;
	if (ioctl(vcpu->fd, KVM_ENABLE_CAP, &papr))
		return -errno;
	vcpu->run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, vcpu->fd, 0);

	return (void *)vcpu->run == MAP_FAILED ? -errno : 0;
}

int kvm_vcpu_open(struct kvm_guest *guest, struct kvm_vcpu *vcpu)
{
	int ret;

	vcpu->run = MAP_FAILED;
	vcpu->fd = -1;
	ret = map_code(guest);
	if (!ret)
		ret = open_vcpu(guest, vcpu);
	if (!ret)
		ret = enable_hcall(guest, H_PUT_TCE_INDIRECT);
	if (!ret)
		ret = enable_hcall(guest, H_STUFF_TCE);
	if (ret)
		kvm_vcpu_close(vcpu);

	return ret;
}

void kvm_vcpu_close(struct kvm_vcpu *vcpu)
{
	if ((void *)vcpu->run != MAP_FAILED)
		munmap(vcpu->run, vcpu->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	vcpu->run = MAP_FAILED;
	vcpu->fd = -1;
}

/* Run until KVM needs user space; returns 0 or a negative errno */
static int run_at(struct kvm_vcpu *vcpu, struct kvm_regs *regs, uint64_t pc)
{
	/* The last exit may have left a register to be written */
	vcpu->run->immediate_exit = 1;
	if (ioctl(vcpu->fd, KVM_RUN, 0) != -1 || errno != EINTR)
		return -EIO;
	vcpu->run->immediate_exit = 0;

	regs->pc = pc;
	regs->msr = MSR_SF | MSR_ME | MSR_LE;
	if (ioctl(vcpu->fd, KVM_SET_REGS, regs))
		return -errno;

	return ioctl(vcpu->fd, KVM_RUN, 0) ? -errno : 0;
}

/*
 * The code makes a second hypercall whose number is the result of the first, and
 * none of the results is a number that KVM knows.
 */
long kvm_vcpu_hcall(struct kvm_vcpu *vcpu, uint64_t nr, uint64_t arg4,
		    uint64_t arg5, uint64_t arg6, uint64_t arg7)
{
	struct kvm_regs regs = {
		.gpr = { [3] = nr, [4] = arg4, [5] = arg5, [6] = arg6,
			 [7] = arg7 },
	};

	if (run_at(vcpu, &regs, CODE_HCALL) ||
	    vcpu->run->exit_reason != KVM_EXIT_PAPR_HCALL)
		return LONG_MIN;

	return vcpu->run->papr_hcall.nr == nr ? H_TOO_HARD :
						(long)vcpu->run->papr_hcall.nr;
}

int kvm_vcpu_load(struct kvm_vcpu *vcpu, uint64_t gpa, uint64_t *val)
{
	struct kvm_regs regs = { .gpr = { [4] = gpa } };
	int ret = run_at(vcpu, &regs, CODE_LOAD);

	if (ret)
		return ret;
	if (vcpu->run->exit_reason != KVM_EXIT_PAPR_HCALL)
		return vcpu->run->exit_reason;
	/* Arguments begin with r4 */
	*val = vcpu->run->papr_hcall.args[1];

	return 0;
}

int kvm_vcpu_store(struct kvm_vcpu *vcpu, uint64_t gpa, uint64_t stride,
		   uint64_t count)
{
	struct kvm_regs regs = {
		.gpr = { [4] = gpa, [6] = stride, [7] = count },
	};
	int ret = run_at(vcpu, &regs, CODE_STORE);

	if (ret)
		return ret;

	return vcpu->run->exit_reason == KVM_EXIT_PAPR_HCALL ?
		0 : vcpu->run->exit_reason;
}

int kvm_guests_alive(void)
{
	struct dirent *entry;
	char prefix[16];
	int count = 0;
	DIR *dir;

	dir = opendir(DEBUGFS_KVM);
	if (!dir)
		return -1;
	snprintf(prefix, sizeof(prefix), "%d-", getpid());
	while ((entry = readdir(dir)))
		count += !strncmp(entry->d_name, prefix, strlen(prefix));
	closedir(dir);

	return count;
}

long kvm_guest_statistic(const char *name)
{
	struct dirent *entry;
	char path[300], prefix[16];
	FILE *file = NULL;
	long val = -1;
	DIR *dir;

	dir = opendir(DEBUGFS_KVM);
	if (!dir)
		return -1;
	snprintf(prefix, sizeof(prefix), "%d-", getpid());
	while (!file && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(path, sizeof(path), DEBUGFS_KVM "/%.64s/%.64s",
			 entry->d_name, name);
		file = fopen(path, "re");
	}
	closedir(dir);
	if (file) {
		if (fscanf(file, "%ld", &val) != 1)
			val = -1;
		fclose(file);
	}

	return val;
}
