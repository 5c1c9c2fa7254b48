// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "guest.h"
#include "kvm.h"

#define CONTINUED " \\\n  "

/* In quotes, unless it is a plain word */
static void put_argument(const char *text)
{
	if (*text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=,:+/@%-")]) {
		fputs(text, stdout);
		return;
	}
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
	putchar('\'');
}

static void print_machine(const struct options *options, const struct kvm_abilities *kvm)
{
	printf("-machine %s,accel=kvm", options->machine);
	if (kvm->no_cfpc)
		printf(",cap-cfpc=broken");
	if (kvm->no_sbbc)
		printf(",cap-sbbc=broken");
	if (kvm->no_ibs)
		printf(",cap-ibs=broken");
	if (kvm->no_ccf_assist)
		printf(",cap-ccf-assist=off");
	if (kvm->no_ail)
		printf(",cap-ail-mode-3=off");
}

static void print_devices(const struct guest *guest)
{
	const struct passed *device;
	int host_bridge = -1;

	for (device = guest->device; device < guest->device + guest->devices; device++) {
		if (device->host_bridge != host_bridge) {
			host_bridge = device->host_bridge;
			printf(CONTINUED "-device spapr-pci-host-bridge,index=%d,id=nvlink%d", host_bridge + 1, host_bridge);
		}
		printf(CONTINUED "-device vfio-pci,host=%s,bus=nvlink%d.0,addr=%d,id=%s%d", device->function->address,
		       host_bridge, device->slot, device->is_gpu ? "gpu" : "bridge", device->number);
	}
}

static void print_notes(const struct guest *guest, const struct options *options, const struct kvm_abilities *kvm)
{
	char **word;

	if (!kvm->known)
		printf("# " KVM_NOT_ASKED ".\n");
	if (*guest->user)
		printf("# Now in use by %s.\n", guest->user);
	if (guest->unbound) {
		printf("# First, as root: nvlink2 bind");
		for (word = options->word; *word; word++)
			printf(" %s", *word);
		printf("\n");
	}
	printf("# QEMU locks memory: %llu KiB are allowed, what libvirt would allow. Whoever is not root needs that as hard\n"
	       "# limit (memlock in /etc/security/limits.conf), and must own /dev/vfio/GROUP.\n", guest->lock_limit >> 10);
}

static void print_command(const struct guest *guest, const struct options *options, const struct kvm_abilities *kvm)
{
	char **argument;

	printf("ulimit -l %llu &&\n", guest->lock_limit >> 10);
	put_argument(options->qemu ? options->qemu : "qemu-system-ppc64");
	printf(CONTINUED "-name guest=%s" CONTINUED, options->name);
	print_machine(options, kvm);
	printf(CONTINUED "-cpu host -smp %d -m %lluM", options->cpus, options->memory >> 20);
	printf(CONTINUED "-nodefaults -display none -serial mon:stdio");
	print_devices(guest);
	for (argument = options->argument; argument && *argument; argument++) {
		fputs(CONTINUED, stdout);
		put_argument(*argument);
	}
	putchar('\n');
}

int command_qemu(const struct machine *machine, const struct options *options)
{
	struct kvm_abilities kvm;
	struct guest guest;
	int status = guest_plan(&guest, machine, options);

	if (!status) {
		kvm_ask(&kvm);
		print_notes(&guest, options, &kvm);
		print_command(&guest, options, &kvm);
	}
	guest_free(&guest);
	return status;
}
