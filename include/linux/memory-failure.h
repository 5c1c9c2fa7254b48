/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_MEMORY_FAILURE_H
#define _LINUX_MEMORY_FAILURE_H

#include <linux/errno.h>
#include <linux/interval_tree.h>
#include <linux/types.h>

struct address_space;
struct vm_area_struct;

/**
 * struct pfn_address_space - Device memory without struct pages that processes map
 * @node: first and last pfn of the memory
 * @mapping: all mappings of the memory are in this address space
 * @pfn_to_vma_pgoff: Tells whether @vma, one of @mapping, maps @pfn, and if so as
 *	which page offset of the file: 0, or a negative errno. Called with the
 *	i_mmap lock of @mapping held for read, within an RCU read section: may not
 *	sleep.
 */
struct pfn_address_space {
	struct interval_tree_node node;
	struct address_space *mapping;
	int (*pfn_to_vma_pgoff)(struct vm_area_struct *vma,
				unsigned long pfn, pgoff_t *pgoff);
};

#ifdef CONFIG_MEMORY_FAILURE
int register_pfn_address_space(struct pfn_address_space *pfn_space);
void unregister_pfn_address_space(struct pfn_address_space *pfn_space);
#else
static inline int register_pfn_address_space(struct pfn_address_space *pfn_space)
{
	return -EOPNOTSUPP;
}

static inline void unregister_pfn_address_space(struct pfn_address_space *pfn_space)
{
}
#endif

#endif /* _LINUX_MEMORY_FAILURE_H */
