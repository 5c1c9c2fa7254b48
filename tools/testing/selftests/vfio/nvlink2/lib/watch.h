/* SPDX-License-Identifier: GPL-2.0 */
/* Observe what an access does to the process, and what the kernel logs */
#ifndef SELFTESTS_VFIO_NVLINK2_WATCH_H
#define SELFTESTS_VFIO_NVLINK2_WATCH_H

#include <stddef.h>
#include <stdint.h>

/* Make one access; returns 0, or the signal that it raised */
int watch_load(const volatile void *addr, uint64_t *val);
int watch_store(volatile void *addr, uint64_t val);
/* The same in a child; returns -1 when the child died in another way */
int watch_load_in_child(const volatile void *addr);
/* Make one load; returns the number of page faults, or minus the signal */
long watch_faults(const volatile void *addr);
/* Wait for a child; returns its exit status, or minus the fatal signal */
int watch_child(int pid);

/* Start to read the kernel log; returns a descriptor for watch_log() */
int watch_log_begin(void);
/*
 * Count the warnings, oopses and sanitizer reports since watch_log_begin(), get
 * the first of them, and close the descriptor.
 */
int watch_log(int fd, char *first, size_t size);
/* Whether a line since watch_log_begin() contains this word */
int watch_log_has(int fd, const char *word);

/* A number from /proc/self/status, in kB; -1 when it does not exist */
long watch_status(const char *name);
/* Memory of the machine that can be used, in kB */
long watch_free_memory(void);
/* The page frame number behind an address; 0 when it cannot be read */
uint64_t watch_page(const volatile void *addr);
/* Whether that page frame is anonymous memory, mapped or not */
int watch_page_is_anonymous(uint64_t page);
/* Whether the VmFlags of the mapping of addr contain this flag, e.g. "io" */
int watch_vm_flag(const volatile void *addr, const char *flag);

#endif /* SELFTESTS_VFIO_NVLINK2_WATCH_H */
