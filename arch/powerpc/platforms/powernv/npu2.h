/* SPDX-License-Identifier: GPL-2.0 */
/*
 * NVLink2 side of the POWER9 NPU: private to the powernv platform.
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
struct pnv_phb;

/* Bits of pnv_npu2_gpu.in_reset */
#define NPU2_RESET_OF_GPU	BIT(0)
#define NPU2_RESET_OF_NPU	BIT(1)

/* NPU2 workbook: six bricks, and so links, and eight blocks of ATSD registers */
#define PNV_NPU2_MAX_LINKS	6
#define PNV_NPU2_MAX_ATSD	8

/**
 * struct pnv_npu2_bridge - the CPU end of one link
 * @gpu: GPU at the other end
 * @dn: device tree node of the emulated PCI function
 * @link_index: "ibm,npu-link-index", the number of the link in its NPU
 * @pdev: the PCI function while it is there
 * @pcie_cap: offset of its PCI Express capability, 0 before it has been found
 * @vendor_cap: offset of its vendor capability, 0 before it has been found
 * @procedures: bit n: training procedure n has succeeded since the last fence
 *
 * @pdev is protected by pnv_npu2.lock and @procedures by pnv_npu2.mailbox_lock.
 * The offsets are the same each time the function shows up; they are set under
 * the write side of the gate. Everything else is constant after boot.
 */
struct pnv_npu2_bridge {
	struct pnv_npu2_gpu *gpu;
	struct device_node *dn;
	u32 link_index;
	struct pci_dev *pdev;
	u8 pcie_cap;
	u8 vendor_cap;
	u16 procedures;
};

/**
 * struct pnv_npu2_gpu - a GPU and its links to one NPU
 * @npu: the NPU
 * @dn: device tree node of the GPU on its PCIe bus
 * @hose: PCI controller that the GPU is below
 * @bdfn: bus, device and function of the GPU there; what firmware keys
 *	translation contexts by
 * @ram: aperture of GPU RAM in the address map of the CPU; much larger than
 *	the RAM, whose size only the GPU knows. Empty when firmware does not
 *	give a usable one
 * @tgt: "ibm,device-tgt-addr": @ram.start as the GPU spells it, 0 for none
 * @bridge: the links, ordered as firmware orders them
 * @num_bridges: how many of @bridge are used
 * @gpu_pe: PE of the GPU on its PCIe PHB; NULL while it is not in the group
 * @npu_pe: PE that the bridges share; NULL while there is none
 * @lpid: guest that the GPU translates addresses for, 0 for none
 * @context: whether firmware has been told the address spaces of @lpid
 * @gate: read side for those who touch or map GPU RAM, write side for those who
 *	take links down
 * @revoker: removes all mappings of GPU RAM; NULL when nobody maps it
 * @blocked: how many want the gate closed
 * @in_reset: what holds the GPU in reset, itself or its NPU; closes the gate too
 * @links_up: firmware has said so since the gate was closed last
 *
 * Made from the device tree at boot and never freed. @gpu_pe, @npu_pe, @lpid and
 * @context are protected by pnv_npu2.lock. @revoker, @blocked, @in_reset and
 * @links_up are written under the write side of @gate, @links_up also set under
 * the read side. Everything else is constant after boot.
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
	struct pnv_ioda_pe *gpu_pe;
	struct pnv_ioda_pe *npu_pe;
	unsigned int lpid;
	bool context;
	struct rw_semaphore gate;
	struct pnv_npu2_revoker *revoker;
	unsigned int blocked;
	unsigned int in_reset;
	bool links_up;
};

/**
 * struct pnv_npu2 - one NPU and the GPUs it joins to the CPU
 * @list: in pnv_npu2_list
 * @phb: PHB of the bridges
 * @gpu: the GPUs
 * @num_gpus: how many of @gpu are used
 * @atsd: real addresses of the blocks of ATSD registers ("ibm,mmio-atsd")
 * @num_atsd: how many of @atsd are used
 * @lock: protects what comes and goes with PCI devices and owners. Taken after
 *	the lock of the PCI rescan and the mutex of an IOMMU group
 * @table_group: stands for the PEs of all GPUs and bridges; iommudata of their
 *	IOMMU group. Has no group before the first GPU. Never on the list of a
 *	TCE table: who walks that list expects PEs
 * @owned: whether an external user (VFIO) owns the DMA windows
 * @mailbox_lock: protects the mailboxes of the bridges, and what is known of
 *	the procedures that ran in them. Taken after the lock of the PCI core
 *	for config accesses
 *
 * @table_group and @owned are protected by @lock, everything else is constant
 * after boot.
 */
struct pnv_npu2 {
	struct list_head list;
	struct pnv_phb *phb;
	struct pnv_npu2_gpu gpu[PNV_NPU2_MAX_LINKS];
	unsigned int num_gpus;
	u64 atsd[PNV_NPU2_MAX_ATSD];
	unsigned int num_atsd;
	struct mutex lock;	/* see above for what it protects */
	struct iommu_table_group table_group;
	bool owned;
	raw_spinlock_t mailbox_lock;	/* see above for what it protects */
};

extern struct list_head pnv_npu2_list;

int pnv_npu2_deny_pe(struct pnv_phb *phb, unsigned int pe_number);
int pnv_npu2_deny_dma(struct pnv_phb *phb);
int pnv_npu2_pe_deny(struct pnv_ioda_pe *pe);
void pnv_npu2_pe_abandon(struct pnv_ioda_pe *pe);
int pnv_npu2_pe_set_window(struct pnv_ioda_pe *pe, int num,
			   struct iommu_table *tbl);
void pnv_npu2_shutdown(struct pci_controller *hose);
void pnv_npu2_dma_dev_setup(struct pci_dev *pdev);
void pnv_npu2_release_bridge(struct pci_dev *pdev);
void pnv_npu2_init(struct pnv_phb *phb);
struct pnv_npu2_gpu *pnv_npu2_gpu_of_node(struct device_node *dn);
struct pnv_npu2_bridge *pnv_npu2_bridge_of(struct pci_dev *pdev);
int pnv_npu2_reset_lpar(struct pnv_npu2_gpu *gpu);
void pnv_npu2_reset_lpars(struct pnv_npu2 *npu);
void pnv_npu2_enumerate_bridge(struct pnv_npu2_bridge *bridge,
			       struct pci_dev *pdev);
void pnv_npu2_disable_device(struct pci_dev *pdev);
void pnv_npu2_shutdown_links(struct pnv_npu2 *npu);
void pnv_npu2_assert_reset(struct pci_controller *hose, struct pci_bus *bus);
void pnv_npu2_deassert_reset(struct pci_controller *hose, struct pci_bus *bus);
bool pnv_npu2_config_write(struct pnv_npu2 *npu, struct pci_dn *pdn, int where,
			   int size, u32 val);

#if IS_ENABLED(CONFIG_KUNIT)
u64 pnv_npu2_atsd_of_link(const struct pnv_npu2 *npu, u32 link_index);
bool pnv_npu2_is_trained(u16 done, int last);
u16 pnv_npu2_procedures_after(u16 done, int last, u32 next);
unsigned int pnv_npu2_reset_of(struct pnv_npu2_gpu *gpu,
			       struct pci_controller *hose, struct pci_bus *bus);
#endif

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

#endif /* _POWERNV_NPU2_H */
