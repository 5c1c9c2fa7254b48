// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "guest.h"
#include "kvm.h"

static void print_features(const struct kvm_abilities *kvm)
{
	if (!kvm->no_cfpc && !kvm->no_sbbc && !kvm->no_ibs && !kvm->no_ccf_assist)
		return;
	printf("  <features>\n");
	if (kvm->no_cfpc)
		printf("    <cfpc value='broken'/>\n");
	if (kvm->no_sbbc)
		printf("    <sbbc value='broken'/>\n");
	if (kvm->no_ibs)
		printf("    <ibs value='broken'/>\n");
	if (kvm->no_ccf_assist)
		printf("    <ccf-assist state='off'/>\n");
	printf("  </features>\n");
}

static void print_head(const struct guest *guest, const struct options *options, const struct kvm_abilities *kvm)
{
	printf("<domain type='kvm'%s>\n", kvm->no_ail ? " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'" : "");
	if (guest->unbound)
		printf("  <!-- First, as root: nvlink2 bind the GPUs of this guest -->\n");
	if (!kvm->known)
		printf("  <!-- " KVM_NOT_ASKED " -->\n");
	printf("  <name>%s</name>\n", options->name);
	printf("  <memory unit='KiB'>%llu</memory>\n", options->memory >> 10);
	printf("  <memtune>\n    <hard_limit unit='KiB'>%llu</hard_limit>\n  </memtune>\n", guest->lock_limit >> 10);
	printf("  <vcpu>%d</vcpu>\n", options->cpus);
	printf("  <os>\n    <type arch='ppc64le' machine='%s'>hvm</type>\n  </os>\n", options->machine);
	print_features(kvm);
	printf("  <cpu mode='host-passthrough'/>\n");
}

static void print_host_bridges(const struct guest *guest)
{
	int i;

	printf("    <controller type='pci' index='0' model='pci-root'/>\n");
	for (i = 1; i <= guest->host_bridges; i++)
		printf("    <controller type='pci' index='%d' model='pci-root'>\n"
		       "      <model name='spapr-pci-host-bridge'/>\n"
		       "      <target index='%d'/>\n"
		       "    </controller>\n", i, i);
}

static void print_device(const struct passed *device)
{
	unsigned int domain = 0, bus = 0, slot = 0, function = 0;

	sscanf(device->function->address, "%x:%x:%x.%x", &domain, &bus, &slot, &function);
	printf("    <hostdev mode='subsystem' type='pci' managed='no'>\n"
	       "      <driver name='vfio'/>\n"
	       "      <source>\n"
	       "        <address domain='0x%04x' bus='0x%02x' slot='0x%02x' function='0x%x'/>\n"
	       "      </source>\n"
	       "      <address type='pci' domain='0x0000' bus='0x%02x' slot='0x%02x' function='0x0'/>\n"
	       "    </hostdev>\n", domain, bus, slot, function, device->host_bridge + 1, device->slot);
}

int command_libvirt(const struct machine *machine, const struct options *options)
{
	struct kvm_abilities kvm;
	struct guest guest;
	int status = guest_plan(&guest, machine, options);
	size_t i;

	kvm_ask(&kvm);
	if (!status) {
		print_head(&guest, options, &kvm);
		printf("  <devices>\n");
		if (options->qemu)
			printf("    <emulator>%s</emulator>\n", options->qemu);
		print_host_bridges(&guest);
		for (i = 0; i < guest.devices; i++)
			print_device(&guest.device[i]);
		printf("    <console type='pty'/>\n  </devices>\n");
		if (kvm.no_ail)
			printf("  <qemu:commandline>\n    <qemu:arg value='-machine'/>\n"
			       "    <qemu:arg value='cap-ail-mode-3=off'/>\n  </qemu:commandline>\n");
		printf("</domain>\n");
	}
	guest_free(&guest);
	return status;
}
