/* SPDX-License-Identifier: GPL-2.0 */
/*
 * NVLink2 side of the POWER9 NPU: private to the powernv platform
 *
 * Words used in the npu2 files:
 *
 *   NPU		the unit on a POWER9 chip that joins GPUs to the CPU
 *   brick		the hardware of the NPU for one link; six of them
 *   link		the connection of one brick with one GPU
 *   bridge		the emulated PCI function that stands for the CPU end of a
 *			link, below a PHB that firmware emulates as well
 *   GPU RAM		the memory of a GPU as the CPU sees it over its links
 *   peer link		a link of a GPU that does not lead to its NPU, but to another
 *			GPU or nowhere
 *   aperture		the range of real addresses of GPU RAM; 128 GiB long, of
 *			which only the first 16 or 32 GiB are RAM
 *   tgt, SSATGT	"ibm,device-tgt-addr": the start of the aperture in the
 *			form in which the GPU addresses it. User space finds the
 *			bridges of a GPU by this value
 *   gate		the permission to map or to touch the GPU RAM of one GPU;
 *			open only in the state NPU2_LINKS_UP
 *   revoke		to remove all mappings of GPU RAM from page tables
 *   fence		what makes a link refuse accesses to GPU RAM
 *   mailbox		two registers in the vendor capability of a bridge: a
 *			number written to PROCEDURE arms a procedure, reads of
 *			STATUS carry it out
 *   procedure	a step of the training of a link, run by firmware
 *   DL_RESET		flag in the vendor capability: the link is out of reset.
 *			It does not say that the link is trained
 *   HMI		hypervisor maintenance interrupt, by which hardware
 *			reports errors that can stop the host
 *   PE		Partitionable Endpoint: a set of PCI functions that EEH
 *			isolates and that share DMA windows. A GPU has one on its
 *			PCIe PHB, and its bridges share another one on the PHB of
 *			the NPU
 *   TVE		entry of the table that says how the DMA of a PE is
 *			translated. A PE of an NPU has one
 *   window		range of DMA addresses that a TCE table translates
 *   nest MMU		the MMU that a POWER9 chip has for devices; translates the
 *			addresses of a program or guest for GPUs
 *   LPID, LPAR	number of a partition, and the partition: a guest, or the
 *			host with LPID 0
 *   context		entry that firmware makes in a table of the NPU to let a
 *			GPU use address spaces of its LPAR
 *   ATSD		Address Translation Shootdown: registers of the NPU that
 *			invalidate translations that a GPU has cached. Act for
 *			the LPID that firmware has set in them
 *
 * Where things are, from the ground up:
 *
 *   npu2-topology.c	which GPUs and links there are
 *   npu2-dma.c		windows of the PE that bridges share
 *   npu2-lpar.c	the guest that a GPU translates addresses for
 *   npu2-link.c	state of one link: training procedures and fence
 *   npu2-gate.c	state of all links of a GPU, and who may use its RAM
 *   npu2-freeze.c	PEs that hardware has frozen
 *   npu2-isolate.c	cuts peer links, so that a GPU can have a group of its own
 *   npu2-group.c	IOMMU groups of the GPUs and bridges of an NPU
 *   npu2.c		what the PCI, EEH and shutdown code of powernv calls
 *
 * Lock order. No code path takes pnv_npu2.lock and a gate together.
 *
 *   pci_rescan_remove_lock
 *     mutex of the IOMMU group, lock of the VFIO container
 *       pnv_npu2.lock
 *
 *   lock of the VFIO container, srcu of KVM
 *     pnv_npu2_gpu.gate
 *
 *   mmap_lock
 *     memory_lock of the VFIO device
 *       pnv_npu2_gpu.gate
 *         i_mmap_rwsem, page table locks
 *         pci_lock of the PCI core
 *           pnv_npu2.mailbox_lock
 *
 *   pnv_npu2.lock, pci_lock of the PCI core
 *     pnv_npu2_gpu.isolate_lock
 */
#ifndef _POWERNV_NPU2_H
#define _POWERNV_NPU2_H

#include <linux/bits.h>
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <asm/iommu.h>
#include <asm/pnv-npu2.h>

struct device_node;
struct iommu_table;
struct pci_bus;
struct pci_controller;
struct pci_dev;
struct pci_dn;
struct pnv_ioda_pe;
struct pnv_npu2;
struct pnv_npu2_group;
struct pnv_phb;

/* NPU2 workbook: six bricks, and so links, and eight blocks of ATSD registers */
#define PNV_NPU2_MAX_LINKS	6
#define PNV_NPU2_MAX_ATSD	8

/* Bits of pnv_npu2_gpu.in_reset */
#define NPU2_RESET_OF_GPU	BIT(0)
#define NPU2_RESET_OF_NPU	BIT(1)

/**
 * enum pnv_npu2_links - state of the links of a GPU, all of them together
 * @NPU2_LINKS_DOWN: a link is fenced or not trained, or firmware has not been
 *	asked since the state changed. No mapping of GPU RAM exists
 * @NPU2_LINKS_CHANGING: a reset of the GPU, of a link or of the NPU is under
 *	way. No mapping of GPU RAM exists
 * @NPU2_LINKS_UP: firmware says that all links are trained. Mappings may exist
 *
 * What happens in each state:
 *
 *   event		DOWN		CHANGING	UP
 *   ------------------ --------------- --------------- ------------------
 *   enter		ask firmware;	-EAGAIN: the	go on
 *			UP, or -EIO	caller waits
 *   begin a change	CHANGING	count it	revoke, CHANGING
 *   end a change	-		DOWN after the	-
 *					last one
 *   fence		fence		fence		revoke, fence,
 *							DOWN
 *   procedure		arm it		-EAGAIN		revoke, DOWN,
 *   (by VFIO)						arm it
 *   procedure that	arm it		-EAGAIN		arm it
 *   does nothing
 *   config write:
 *    FLR of a bridge	fence its link	fence its link	refuse it
 *    PROCEDURE of one	arm it		refuse it	refuse it
 *    what takes a GPU	let it pass,	let it pass,	refuse it
 *    or its port away	forget the	forget the
 *			training	training
 *
 * "Revoke" removes all mappings of GPU RAM. VFIO's procedures are refused while
 * nobody uses the GPU, that is while @revoke is NULL. Config writes are those of anybody but
 * the platform; in CHANGING they belong to a reset that a driver has announced.
 * Reads of config space are no event: a procedure that a read carries out has been
 * armed in the state DOWN, or does nothing.
 */
enum pnv_npu2_links {
	NPU2_LINKS_DOWN,
	NPU2_LINKS_CHANGING,
	NPU2_LINKS_UP,
};

/**
 * struct pnv_npu2_bridge - the CPU end of one link
 * @gpu: GPU at the other end; constant
 * @dn: device tree node of the bridge; constant
 * @link_index: "ibm,npu-link-index", the number of the link in its NPU; constant
 * @pdev: the PCI function, NULL while it is removed
 * @pcie_cap: offset of the PCI Express capability, 0 before the first
 *	enumeration; the same ever after
 * @vendor_cap: offset of the vendor capability, likewise
 * @procedures: bit n is set when training procedure n has succeeded since the
 *	link was fenced last
 * @fenced: firmware has confirmed the fence, and no procedure that unfences the
 *	link was armed since
 * @next_fence: when a user may have the link fenced again, in jiffies
 */
struct pnv_npu2_bridge {
	struct pnv_npu2_gpu *gpu;
	struct device_node *dn;
	u32 link_index;
	struct pci_dev *pdev;		/* pnv_npu2.lock */
	u8 pcie_cap;			/* written under the gate's write side */
	u8 vendor_cap;			/* written under the gate's write side */
	u16 procedures;			/* pnv_npu2.mailbox_lock */
	bool fenced;			/* pnv_npu2.mailbox_lock */
	unsigned long next_fence;	/* pnv_npu2.mailbox_lock */
};

/**
 * struct pnv_npu2_gpu - a GPU and its links to one NPU
 * @npu: the NPU; constant
 * @dn: device tree node of the GPU at boot; constant
 * @hose: PCI controller above the GPU; constant
 * @bdfn: bus, device and function of the GPU; firmware finds translation
 *	contexts by this number; constant
 * @ram: aperture, empty when firmware describes no usable one; constant
 * @tgt: "ibm,device-tgt-addr": @ram.start as the GPU writes it in addresses that
 *	it sends over NVLink, 0 for none; constant
 * @bridge: the links in the order of the device tree; constant
 * @num_bridges: number of elements used in @bridge; constant
 * @group: group that the GPU belongs to whenever it is there; constant
 * @peer_links: bit n is set for the link n of the GPU that is a peer link;
 *	constant, and only used when the NPU has @isolate
 * @isolate_lock: serialises accesses by way of @regs
 * @regs: mapping of BAR 0, NULL before the GPU is found
 * @regs_bus_addr: what BAR 0 holds while @regs may be used
 * @gpu_pe: PE of the GPU on its PCIe PHB, NULL while it is not in the group
 * @npu_pe: PE that the bridges share, NULL while there is no bridge
 * @pe_number: number of @npu_pe, 0 while there is none
 * @lpid: guest that the GPU translates addresses for, 0 for none
 * @context: whether firmware has a context for the address spaces of @lpid
 * @gate: read side for code that maps or touches GPU RAM, write side for code
 *	that changes the state of the links
 * @revoke: removes all mappings of GPU RAM, NULL when nobody has any
 * @revoke_data: argument of @revoke
 * @frozen: hardware has frozen @npu_pe, and firmware has not said otherwise since
 * @not_reset: firmware has refused the last reset
 * @links: state of the links
 * @changes: how many changes are under way; not 0 in NPU2_LINKS_CHANGING only
 * @in_reset: resets that EEH has asserted (NPU2_RESET_OF_*), each one of @changes
 * @changed: wakes up those who wait for the end of NPU2_LINKS_CHANGING
 *
 * Allocated at boot and never freed.
 */
struct pnv_npu2_gpu {
	struct pnv_npu2 *npu;
	struct device_node *dn;
	struct pci_controller *hose;
	u16 bdfn;
	struct resource ram;
	u64 tgt;
	struct pnv_npu2_bridge bridge[PNV_NPU2_MAX_LINKS];
	unsigned int num_bridges;
	struct pnv_npu2_group *group;
	u32 peer_links;
	raw_spinlock_t isolate_lock;	/* see @isolate_lock above */
	void __iomem *regs;		/* isolate_lock */
	u32 regs_bus_addr;		/* isolate_lock */
	struct pnv_ioda_pe *gpu_pe;	/* pnv_npu2.lock */
	struct pnv_ioda_pe *npu_pe;	/* pnv_npu2.lock */
	unsigned int pe_number;		/* written under pnv_npu2.lock */
	unsigned int lpid;		/* pnv_npu2.lock */
	bool context;			/* pnv_npu2.lock */
	struct rw_semaphore gate;
	void (*revoke)(void *data);	/* write side of gate */
	void *revoke_data;		/* write side of gate */
	bool frozen;			/* write side of gate */
	bool not_reset;			/* write side of gate */
	enum pnv_npu2_links links;	/* changed under mailbox_lock and write
					 * side of gate; DOWN to UP: read side
					 */
	unsigned int changes;		/* write side of gate */
	unsigned int in_reset;		/* write side of gate */
	wait_queue_head_t changed;
};

/**
 * struct pnv_npu2_group - GPUs and bridges that have one owner
 * @npu: their NPU, whose lock protects the group; constant
 * @gpu: first of the GPUs, an element of &pnv_npu2.gpu; constant
 * @num_gpus: number of GPUs; constant
 * @table_group: stands for the PEs of all GPUs and bridges; iommudata of their
 *	IOMMU group. Has no group before the first GPU. Never linked to a TCE
 *	table: code that walks the list of a table expects PEs there
 * @owned: whether an external user (VFIO) owns the DMA windows
 */
struct pnv_npu2_group {
	struct pnv_npu2 *npu;
	struct pnv_npu2_gpu *gpu;
	unsigned int num_gpus;
	struct iommu_table_group table_group;	/* pnv_npu2.lock */
	bool owned;				/* pnv_npu2.lock */
};

/**
 * struct pnv_npu2 - one NPU and the GPUs that it joins to the CPU
 * @list: element of pnv_npu2_list
 * @phb: PHB of the bridges; constant
 * @gpu: the GPUs
 * @num_gpus: number of elements used in @gpu; constant
 * @atsd: real addresses of the blocks of ATSD registers ("ibm,mmio-atsd");
 *	constant
 * @num_atsd: number of elements used in @atsd; constant
 * @isolate: whether peer links are cut, and each GPU has a group of its own;
 *	constant
 * @lock: protects what changes with PCI devices that come and go, and with
 *	owners of the groups
 * @group: one group of all GPUs, or with @isolate one for each of them
 * @reported: bit n is set when an error of PE#n has been logged
 * @mailbox_lock: serialises accesses to the mailboxes of the bridges
 */
struct pnv_npu2 {
	struct list_head list;
	struct pnv_phb *phb;
	struct pnv_npu2_gpu gpu[PNV_NPU2_MAX_LINKS];
	unsigned int num_gpus;
	u64 atsd[PNV_NPU2_MAX_ATSD];
	unsigned int num_atsd;
	bool isolate;
	struct mutex lock;		/* see @lock above */
	struct pnv_npu2_group group[PNV_NPU2_MAX_LINKS];
	unsigned long reported;		/* atomic */
	raw_spinlock_t mailbox_lock;	/* see @mailbox_lock above */
};

/**
 * pnv_npu2_gate_init() - prepare the gate of a GPU
 * @gpu: the GPU, with links that are down
 */
static inline void pnv_npu2_gate_init(struct pnv_npu2_gpu *gpu)
{
	init_rwsem(&gpu->gate);
	init_waitqueue_head(&gpu->changed);
	gpu->links = NPU2_LINKS_DOWN;
}

/* npu2-topology.c */
extern struct list_head pnv_npu2_list;

struct pnv_npu2 *pnv_npu2_read_device_tree(struct pnv_phb *phb);
struct pnv_npu2_gpu *pnv_npu2_gpu_at(struct pci_controller *hose, u16 bdfn);
struct pnv_npu2_bridge *pnv_npu2_bridge_of(struct pci_dev *pdev);
bool pnv_npu2_gpu_has_atsd(const struct pnv_npu2_gpu *gpu);

/* npu2-dma.c */
int pnv_npu2_tve_deny(struct pnv_phb *phb, unsigned int pe_number);
int pnv_npu2_tve_deny_all(struct pnv_phb *phb);
int pnv_npu2_pe_clear_window(struct pnv_ioda_pe *pe);
void pnv_npu2_pe_abandon_window(struct pnv_ioda_pe *pe);
int pnv_npu2_pe_set_window(struct pnv_ioda_pe *pe, int num,
			   struct iommu_table *tbl);

/* npu2-lpar.c */
int pnv_npu2_reset_lpar(struct pnv_npu2_gpu *gpu);
void pnv_npu2_reset_lpars(struct pnv_npu2 *npu);

/* npu2-link.c */
void pnv_npu2_link_forget(struct pnv_npu2_bridge *bridge);
void pnv_npu2_link_enumerate(struct pnv_npu2_bridge *bridge,
			     struct pci_dev *pdev);
bool pnv_npu2_link_is_trained(struct pnv_npu2_bridge *bridge);
int pnv_npu2_link_fence(struct pnv_npu2_bridge *bridge);
int pnv_npu2_link_fence_unlocked(struct pnv_npu2_bridge *bridge);
void pnv_npu2_link_pace(struct pnv_npu2_bridge *bridge);
bool pnv_npu2_procedure_is_idle(u32 procedure);
int pnv_npu2_link_arm(struct pnv_npu2_bridge *bridge, u32 procedure);
int pnv_npu2_link_config_write(struct pnv_npu2_bridge *bridge, int where,
			       int size, u32 val);
u32 pnv_npu2_link_config_read(struct pnv_npu2_bridge *bridge, int where,
			      int size, u32 val);

/* npu2-gate.c */
void pnv_npu2_gate_freeze(struct pnv_npu2_gpu *gpu, unsigned int pe_number);
void pnv_npu2_gate_close(struct pnv_npu2_gpu *gpu, const char *reason);
int pnv_npu2_gate_fence_links(struct pnv_npu2_gpu *gpu);
void pnv_npu2_gate_begin_reset(struct pnv_npu2_gpu *gpu);
void pnv_npu2_gate_end_reset(struct pnv_npu2_gpu *gpu);
void pnv_npu2_gate_not_reset(struct pnv_npu2_gpu *gpu);
void pnv_npu2_gate_enter_reset(struct pnv_npu2_gpu *gpu, unsigned int which);
void pnv_npu2_gate_leave_reset(struct pnv_npu2_gpu *gpu, unsigned int which);

/* npu2-freeze.c */
int pnv_npu2_first_frozen_pe(struct pnv_npu2 *npu);
int pnv_npu2_gpu_is_frozen(struct pnv_npu2_gpu *gpu, int *first);
void pnv_npu2_pe_error(struct pnv_npu2 *npu, u64 pe_number);

/* npu2-isolate.c */
void pnv_npu2_choose_groups(struct pnv_npu2 *npu);
int pnv_npu2_isolate_new_gpu(struct pnv_npu2_gpu *gpu);
void pnv_npu2_forget_registers(struct pnv_npu2_gpu *gpu);

/* npu2-group.c */
#ifdef CONFIG_SPAPR_TCE_IOMMU
bool pnv_npu2_attach_gpu_pe(struct pnv_ioda_pe *pe);
void pnv_npu2_detach_gpu_pe(struct pnv_ioda_pe *pe);
int pnv_npu2_attach_npu_pe(struct pnv_npu2_gpu *gpu);
void pnv_npu2_detach_npu_pe(struct pnv_npu2_gpu *gpu);
#else
static inline bool pnv_npu2_attach_gpu_pe(struct pnv_ioda_pe *pe)
{
	return false;
}

static inline void pnv_npu2_detach_gpu_pe(struct pnv_ioda_pe *pe)
{
}

static inline int pnv_npu2_attach_npu_pe(struct pnv_npu2_gpu *gpu)
{
	return -ENODEV;
}

static inline void pnv_npu2_detach_npu_pe(struct pnv_npu2_gpu *gpu)
{
}
#endif

/* npu2.c */
void pnv_npu2_init(struct pnv_phb *phb);
void pnv_npu2_fence_for_phb_reset(void);
void pnv_npu2_shutdown(struct pci_controller *hose);
void pnv_npu2_dma_dev_setup(struct pci_dev *pdev);
bool pnv_npu2_release_bridge(struct pci_dev *pdev);
void pnv_npu2_disable_device(struct pci_dev *pdev);
void pnv_npu2_begin_reset(struct pci_controller *hose, struct pci_bus *bus);
void pnv_npu2_end_reset(struct pci_controller *hose, struct pci_bus *bus);
void pnv_npu2_not_reset(struct pci_controller *hose, struct pci_bus *bus);
void pnv_npu2_assert_reset(struct pci_controller *hose, struct pci_bus *bus);
void pnv_npu2_deassert_reset(struct pci_controller *hose, struct pci_bus *bus);
int pnv_npu2_config_write(struct pci_dn *pdn, int where, int size, u32 val);
u32 pnv_npu2_config_read(struct pci_dn *pdn, int where, int size, u32 val);
int pnv_npu2_enable_memory(struct pci_dn *pdn, int where, int size, u32 val);

#if IS_ENABLED(CONFIG_KUNIT)
u64 pnv_npu2_atsd_of_link(const struct pnv_npu2 *npu, u32 link_index);
int pnv_npu2_find_peer_links(struct pnv_npu2_gpu *gpu,
			     struct device_node *const *ends);
bool pnv_npu2_is_cut(u32 val, u32 links);
bool pnv_npu2_is_frozen(bool was_frozen, int first, unsigned int pe_number);
bool pnv_npu2_is_trained(u16 done, int last);
u16 pnv_npu2_procedures_after(u16 done, int last, u32 next);
bool pnv_npu2_is_fenced_after(bool fenced, u32 next);
long pnv_npu2_until_fence(struct pnv_npu2_bridge *bridge);
bool pnv_npu2_may_change(struct pnv_npu2_bridge *bridge, bool flr);
bool pnv_npu2_gpu_may_go(struct pnv_npu2_gpu *gpu);
bool pnv_npu2_write_sets(int where, int size, u32 val, int reg, u16 bits);
int pnv_npu2_try_arm(struct pnv_npu2_bridge *bridge, u32 procedure);
unsigned int pnv_npu2_reset_of(struct pnv_npu2_gpu *gpu,
			       struct pci_controller *hose, struct pci_bus *bus);
#endif

#endif /* _POWERNV_NPU2_H */
