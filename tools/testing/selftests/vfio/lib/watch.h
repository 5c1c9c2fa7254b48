/* SPDX-License-Identifier: GPL-2.0 */
/* What an access did to us, and what the kernel said about it */
#ifndef SELFTESTS_VFIO_WATCH_H
#define SELFTESTS_VFIO_WATCH_H

#include <stddef.h>
#include <stdint.h>

/* One access; returns 0, or the signal that it got us */
int watch_load(const volatile void *addr, uint64_t *val);
int watch_store(volatile void *addr, uint64_t val);
/* The same in a child, which may die of it in any way; -1 for other failures */
int watch_load_in_child(const volatile void *addr);
/* One load; returns how many page faults it took, or minus the signal */
long watch_faults(const volatile void *addr);
/* Wait for a child: its exit status, or minus the signal that ended it */
int watch_child(int pid);

/* Start to listen to the kernel's log; returns a descriptor for watch_log() */
int watch_log_begin(void);
/*
 * Warnings, oopses and reports of sanitizers since watch_log_begin(). Returns
 * how many, and the first of them. Closes the descriptor.
 */
int watch_log(int fd, char *first, size_t size);
/* Whether a line with this word is among them, or any other since then */
int watch_log_has(int fd, const char *word);

/* A number out of /proc/self/status, in kB; -1 when it is not there */
long watch_status(const char *name);
/* The physical page behind an address of ours; 0 when that cannot be seen */
uint64_t watch_page(const volatile void *addr);
/* Whether that page is, still, somebody's anonymous memory, mapped or not */
int watch_page_is_anonymous(uint64_t page);
/* Whether flag, as "io", is among VmFlags of the mapping of addr */
int watch_vm_flag(const volatile void *addr, const char *flag);

#endif /* SELFTESTS_VFIO_WATCH_H */
