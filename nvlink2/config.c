// SPDX-License-Identifier: GPL-2.0
/*
 * The vendor capability of a bridge (npu2_populate_vendor_cap() in skiboot) is a mailbox for the procedures that train
 * the link, followed by the number of the link and a byte of flags. A read of the mailbox carries a procedure out, so
 * nothing but the flags is read here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>

#include <pci/pci.h>

#include "config.h"
#include "files.h"

#define LINK_FLAGS		0x0d
#define   LINK_OUT_OF_RESET		0x02
#define   LINK_NO_ANSWER		0xff

static struct pci_access *access_to_pci;
static jmp_buf failed;

/* libpci wants its error handler not to return */
static noreturn void give_up(char *format, ...)
{
	(void)format;
	longjmp(failed, 1);
}

static void say_nothing(char *format, ...)
{
	(void)format;
}

static void set_places(struct pci_access *pci)
{
	static char sysfs[] = "sysfs.path", hwdb[] = "hwdb.disable", yes[] = "1";
	char path[4096];

	if (!*files_root())
		return;
	file_path(path, sizeof(path), "/sys/bus/pci");
	pci_set_param(pci, sysfs, path);
	pci_set_param(pci, hwdb, yes);
	file_path(path, sizeof(path), "/usr/share/misc/pci.ids");
	pci_set_name_list_path(pci, strdup(path), 1);
}

void config_begin(void)
{
	access_to_pci = pci_alloc();
	access_to_pci->method = PCI_ACCESS_SYS_BUS_PCI;
	access_to_pci->error = give_up;
	access_to_pci->warning = say_nothing;
	set_places(access_to_pci);
	if (setjmp(failed))
		config_end();
	else
		pci_init(access_to_pci);
}

void config_end(void)
{
	if (access_to_pci)
		pci_cleanup(access_to_pci);
	access_to_pci = NULL;
}

void config_name(char *name, size_t size, const struct function *function)
{
	snprintf(name, size, "%04x:%04x", function->vendor, function->device);
	if (!access_to_pci || setjmp(failed))
		return;
	pci_lookup_name(access_to_pci, name, size, PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE, function->vendor,
			function->device);
	make_printable(name);
}

/* Whoever is not root reads 64 bytes, and ones after them: no capability */
static enum link_state read_state(struct pci_dev *dev)
{
	struct pci_cap *cap;
	u8 flags;

	if (pci_read_word(dev, PCI_VENDOR_ID) == 0xffff)
		return LINK_DEAD;
	pci_fill_info(dev, PCI_FILL_CAPS);
	cap = pci_find_cap(dev, PCI_CAP_ID_VNDR, PCI_CAP_NORMAL);
	if (!cap)
		return LINK_UNKNOWN;
	flags = pci_read_byte(dev, cap->addr + LINK_FLAGS);
	if (flags == LINK_NO_ANSWER)
		return LINK_DEAD;
	return flags & LINK_OUT_OF_RESET ? LINK_UP : LINK_DOWN;
}

/* Without such a file libpci reads ones, as from a bridge that is dead */
static bool has_config(const struct function *function)
{
	return file_exists("/sys/bus/pci/devices/%s/config", function->address);
}

enum link_state config_link_state(const struct function *function)
{
	unsigned int domain, bus, device, number;
	struct pci_dev *volatile dev = NULL;
	volatile enum link_state state = LINK_UNKNOWN;

	if (!access_to_pci || !has_config(function) ||
	    sscanf(function->address, "%x:%x:%x.%x", &domain, &bus, &device, &number) != 4)
		return LINK_UNKNOWN;
	if (!setjmp(failed)) {
		dev = pci_get_dev(access_to_pci, domain, bus, device, number);
		state = read_state(dev);
	}
	if (dev)
		pci_free_dev(dev);
	return state;
}
