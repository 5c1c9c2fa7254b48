// SPDX-License-Identifier: GPL-2.0
/*
 * Does the emulated machine do what its documentation says? Started by firmware instead of a kernel, so that nothing
 * but firmware is between the checks and the model. Prints TAP and turns the machine off.
 */
#include "gpu.h"
#include "npu.h"

#define KIB			1024UL
#define MIB			(1024 * KIB)

/* Ordinary memory, above firmware and payload; the machine has 2 GiB on its first chip, or more */
#define MEMORY			0x40000000UL
#define SOURCE			((u64 *)MEMORY)
#define TARGET			((u64 *)(MEMORY + 16 * MIB))
#define TABLES			(MEMORY + 32 * MIB)
#define BUFFER_SIZE		(1 * MIB)
#define GPU_BUFFER		(2 * MIB)

/* A link of the first GPU that leads to the chip on all boards; link 0 leads to another GPU */
#define CHIP_LINK		1

#define TCE_READ		1
#define TCE_WRITE		2

#define GUEST_LPID		0x123
#define GUEST_PID		5
#define MSR_GUEST		0x8000000000004010UL	/* SF, PR, DR */
#define MSR_HV			0x1000000000000000UL

static void fill(u64 seed)
{
	u64 i;

	for (i = 0; i < BUFFER_SIZE / 8; i++)
		SOURCE[i] = seed * 0x9e3779b97f4a7c15UL + i;
}

static void clear(u64 addr, u64 size)
{
	volatile u64 *p = (volatile u64 *)addr;
	u64 i;

	for (i = 0; i < size / 8; i++)
		p[i] = 0;
}

static u64 different(const u64 *a, const u64 *b)
{
	u64 i, n = 0;

	for (i = 0; i < BUFFER_SIZE / 8; i++)
		n += a[i] != b[i];
	return n;
}

static u64 *gpu_buffer(void)
{
	return (u64 *)(GPU_RAM + GPU_BUFFER);
}

static void load(u64 addr)
{
	(void)*(volatile u64 *)addr;
}

/* A whole buffer in and out again */
static void expect_round_trip(enum path path, u64 in, u64 out, u64 seed)
{
	fill(seed);
	expect("  into GPU RAM", copy_in(path, in, GPU_BUFFER, BUFFER_SIZE), COPY_DONE);
	expect("  words that differ", different(SOURCE, gpu_buffer()), 0);
	expect("  out of GPU RAM", copy_out(path, out, GPU_BUFFER, BUFFER_SIZE), COPY_DONE);
	expect("  words that differ", different(SOURCE, TARGET), 0);
}

static void check_untrained_ram(void)
{
	struct machine_check mc;

	load(GPU_RAM);
	mc = machine_checks();
	expect("a load behind untrained links is a machine check", mc.count, 1);
	expect("  SRR1 says look in DSISR", mc.srr1 & PPC_BIT(42), PPC_BIT(42));
	expect("  DSISR says uncorrectable error", mc.dsisr, PPC_BIT(48));
	expect("  DAR is the address", mc.dar, GPU_RAM);
	*(volatile u64 *)GPU_RAM = 1;
	mc = machine_checks();
	expect("a store behind untrained links is a machine check", mc.count, 1);
	expect("  SRR1 says bad real address of a store", mc.srr1 & (PPC_BIT(36) | PPC_BIT(43) | PPC_BIT(44) |
								     PPC_BIT(45)),
	       PPC_BIT(36) | PPC_BIT(43) | PPC_BIT(45));
}

static void check_trained_ram(void)
{
	volatile u64 *ram = (volatile u64 *)GPU_RAM;

	expect("every procedure of training succeeds", npu_train_all(), 0);
	ram[0] = 0x1122334455667788UL;
	expect("GPU RAM holds a value when the links are trained", ram[0], 0x1122334455667788UL);
	expect("  without a machine check", machine_checks().count, 0);
	load(GPU_RAM + 127 * 1024 * MIB);
	expect("a load past the end of RAM is a machine check", machine_checks().count, 1);
	load(GPU_RAM + 448 * 1024 * MIB);
	expect("a load where no GPU has an aperture is a machine check", machine_checks().count, 1);
	write8(NPU_ATSD(0) + 5, 1);
	expect("a byte stored to an ATSD register is a machine check", machine_checks().count, 1);
}

static u64 local_memory_mib(void)
{
	u32 value = gpu_read(GPU_LOCAL_MEMORY);

	return (u64)(value >> 4 & 0x3f) << (value & 0xf);
}

static void check_gpu(void)
{
	gpu_enable();
	expect("the GPU is a GV100", gpu_read(GPU_BOOT_0), 0x140000a1);
	expect("it has a copy engine", gpu_read(ENGINE_ID), 0x4e564c32);
	expect("it says how much RAM it has", local_memory_mib(), gpu_read(ENGINE_RAM_MIB));
	expect("its links are up", gpu_read(ENGINE_LINK_STATE), ALL_LINKS);
	expect("a copy past the end of RAM is refused",
	       copy_in(NVLINK, MEMORY, gpu_read(ENGINE_RAM_MIB) * MIB - 4 * KIB, 8 * KIB), COPY_BAD_RANGE);
	expect("a copy of nothing is refused", copy_in(NVLINK, MEMORY, 0, 0), COPY_BAD_RANGE);
	gpu_write(ENGINE_LINK, CHIP_LINK);
	expect("a link to the chip leads to no GPU", copy_in(PEER, 0, 0, 4 * KIB), COPY_BAD_RANGE);
	gpu_write(ENGINE_LINK, 0);
}

static void check_deny_and_bypass(void)
{
	expect("DMA without a PE is refused", copy_in(NVLINK, MEMORY, 0, BUFFER_SIZE), COPY_NO_PE);
	expect("firmware sets the PE", npu_set_pe(), 0);
	expect("firmware denies DMA", npu_window_deny(), 0);
	expect("  and the NPU does", copy_in(NVLINK, MEMORY, 0, BUFFER_SIZE), COPY_DENIED);
	expect("  nothing was copied", gpu_read(ENGINE_COPIED), 0);
	expect("firmware lets DMA bypass tables", npu_window_bypass(), 0);
	expect_round_trip(NVLINK, (u64)SOURCE, (u64)TARGET, 1);
}

static void check_frozen(void)
{
	expect("a refused DMA freezes nothing", npu_frozen_pe(), -1UL);
	write64(NPU_PESTB(NPU_PE), PESTB_STOPPED);
	expect("DMA of a frozen PE is refused", copy_in(NVLINK, MEMORY, 0, 4 * KIB), COPY_FROZEN);
	expect("  firmware says which PE it is", npu_frozen_pe(), NPU_PE);
	write64(NPU_PESTB(NPU_PE), 0);
	expect("  when it is cleared DMA works", copy_in(NVLINK, MEMORY, 0, 4 * KIB), COPY_DONE);
	expect("  and firmware has nothing to say", npu_frozen_pe(), -1UL);
}

/* One level of 512 entries for 64 KiB: source read only, then target, then nothing */
static void check_table(void)
{
	u64 *table = (u64 *)TABLES;
	u64 i;

	clear(TABLES, 4 * KIB);
	for (i = 0; i < 16; i++) {
		table[i] = ((u64)SOURCE + i * 64 * KIB) | TCE_READ;
		table[16 + i] = ((u64)TARGET + i * 64 * KIB) | TCE_READ | TCE_WRITE;
	}
	expect("firmware sets a table of one level", npu_window_table(table, 1, 4 * KIB, 64 * KIB), 0);
	expect_round_trip(NVLINK, 0, BUFFER_SIZE, 2);
	expect("a write through a read-only entry faults", copy_out(NVLINK, 0, 0, 4 * KIB), COPY_TCE_FAULT);
	expect("an empty entry faults", copy_in(NVLINK, 2 * BUFFER_SIZE, 0, 4 * KIB), COPY_TCE_FAULT);
	expect("an address past the table faults", copy_in(NVLINK, 512 * 64 * KIB, 0, 4 * KIB), COPY_TCE_FAULT);
	expect("a copy into an empty entry faults", copy_in(NVLINK, 2 * BUFFER_SIZE - 4 * KIB, 0, 8 * KIB),
	       COPY_TCE_FAULT);
	expect("  what came before it was copied", gpu_read(ENGINE_COPIED), 4 * KIB);

	table[0] = 0;
	expect("an entry is used after it was cleared", copy_in(NVLINK, 0, 0, 4 * KIB), COPY_DONE);
	expect("  firmware kills it", npu_kill_page(0, 64 * KIB), 0);
	expect("  and it is gone", copy_in(NVLINK, 0, 0, 4 * KIB), COPY_TCE_FAULT);
	table[1] = 0;
	expect("firmware kills all entries", npu_kill_all(), 0);
	expect("  and they are gone", copy_in(NVLINK, 64 * KIB, 0, 4 * KIB), COPY_TCE_FAULT);
}

/* The second window of a PHB begins at that bit; a PE of the NPU has one table, whatever window it is for */
#define SECOND_WINDOW		BIT(59)

static void check_second_window(void)
{
	u64 *table = (u64 *)TABLES;

	table[0] = (u64)SOURCE | TCE_READ;
	npu_kill_all();
	expect("an address in the second window is translated", copy_in(NVLINK, SECOND_WINDOW, 0, 4 * KIB), COPY_DONE);
	table[0] = 0;
	expect("  its entry is killed by that address", npu_kill_page(SECOND_WINDOW, 64 * KIB), 0);
	expect("  and is gone", copy_in(NVLINK, SECOND_WINDOW, 0, 4 * KIB), COPY_TCE_FAULT);
	expect("  an address past the table still faults", copy_in(NVLINK, SECOND_WINDOW + 512 * 64 * KIB, 0, 4 * KIB),
	       COPY_TCE_FAULT);
}

/* Two levels for 4 KiB pages: the second entry of the first leads to the source, then to the target */
static void check_deep_table(void)
{
	u64 *top = (u64 *)TABLES, *low = (u64 *)(TABLES + 4 * KIB);
	u64 i;

	clear(TABLES, 8 * KIB);
	top[1] = (u64)low | TCE_READ | TCE_WRITE;
	for (i = 0; i < 256; i++) {
		low[i] = ((u64)SOURCE + i * 4 * KIB) | TCE_READ;
		low[256 + i] = ((u64)TARGET + i * 4 * KIB) | TCE_WRITE;
	}
	expect("firmware sets a table of two levels", npu_window_table(top, 2, 4 * KIB, 4 * KIB), 0);
	npu_kill_all();
	expect_round_trip(NVLINK, 2 * MIB, 3 * MIB, 3);
	expect("an empty entry of the first level faults", copy_in(NVLINK, 0, 0, 4 * KIB), COPY_TCE_FAULT);
	expect("a read through a write-only entry faults", copy_in(NVLINK, 3 * MIB, 0, 4 * KIB), COPY_TCE_FAULT);
}

static void check_pcie(void)
{
	expect("PCIe DMA without a PE is refused", copy_in(PCIE, MEMORY, 0, 4 * KIB), COPY_PCIE_REFUSED);
	opal(OPAL_PCI_SET_PE, GPU_PHB, GPU_PE, GPU_BDFN, 7, 1, 1, 1);
	opal(OPAL_PCI_MAP_PE_DMA_WINDOW_REAL, GPU_PHB, GPU_PE, GPU_PE * 2, 0, BIT(40));
	expect_round_trip(PCIE, (u64)SOURCE, (u64)TARGET, 4);
	gpu_bus_master(0);
	expect("PCIe DMA needs bus mastering", copy_in(PCIE, MEMORY, 0, 4 * KIB), COPY_NO_BUS_MASTER);
	gpu_bus_master(1);
}

/*
 * The guest's memory is MEMORY and up, by one leaf of 1 GiB. Its process has three pages of 2 MiB: the source; the
 * target, not yet changed; the target for the kernel only.
 */
#define LPAR_TABLES		(TABLES + 16 * MIB)
#define IN_LPAR(addr)		((u64)(addr) - MEMORY)
#define RADIX_52_BITS		(2UL << 61 | 5UL << 5)
#define TREE_NEXT(addr, bits)	(PPC_BIT(0) | (u64)(addr) | (bits))
#define TREE_LEAF(addr, flags)	(PPC_BIT(0) | PPC_BIT(1) | (u64)(addr) | (flags))
#define LEAF_R			0x100
#define LEAF_C			0x080
#define LEAF_PRIVILEGED		0x008
#define LEAF_RW			0x006
#define EA_SOURCE		0x40000000UL
#define EA_TARGET		0x40200000UL
#define EA_KERNEL		0x40400000UL
#define EA_NOTHING		0x40600000UL

static u64 *lpar_table(unsigned int n)
{
	return (u64 *)(LPAR_TABLES + n * 64 * KIB);
}

static u64 *process_pages(void)
{
	return lpar_table(6);
}

static void build_lpar(void)
{
	u64 *partitions = lpar_table(0), *root = lpar_table(1), *middle = lpar_table(2);
	u64 *processes = lpar_table(3), *top = lpar_table(4), *directory = lpar_table(5);

	clear(LPAR_TABLES, 7 * 64 * KIB);
	partitions[GUEST_LPID * 2] = PPC_BIT(0) | RADIX_52_BITS | (u64)root | 13;
	partitions[GUEST_LPID * 2 + 1] = PPC_BIT(0) | IN_LPAR(processes) | 4;
	root[0] = TREE_NEXT(middle, 9);
	middle[0] = TREE_LEAF(MEMORY, LEAF_R | LEAF_C | LEAF_RW);

	processes[GUEST_PID * 2] = RADIX_52_BITS | IN_LPAR(top) | 13;
	top[0] = TREE_NEXT(IN_LPAR(directory), 9);
	directory[1] = TREE_NEXT(IN_LPAR(process_pages()), 9);
	process_pages()[0] = TREE_LEAF(IN_LPAR(SOURCE), LEAF_R | LEAF_C | LEAF_RW);
	process_pages()[1] = TREE_LEAF(IN_LPAR(TARGET), LEAF_R | LEAF_RW);
	process_pages()[2] = TREE_LEAF(IN_LPAR(TARGET), LEAF_R | LEAF_C | LEAF_RW | LEAF_PRIVILEGED);
}

static void check_contexts(void)
{
	expect("firmware gives the GPU to a guest", opal(OPAL_NPU_MAP_LPAR, npu_phb, GPU_BDFN, GUEST_LPID, 0), 0);
	expect("  and opens its context", opal(OPAL_NPU_INIT_CONTEXT, npu_phb, 0, MSR_GUEST, GPU_BDFN), 0);
	expect("  the first link's ATSD register has the guest's LPID", read64(NPU_XTS_ATSD_LPARID(0)), GUEST_LPID);
	expect("  the others do not", read64(NPU_XTS_ATSD_LPARID(1)), 0);
	expect("  a valid row maps the GPU", read64(NPU_XTS_BDF_MAP(0)) >> 63, 1);
	expect("  to the guest's LPID", read64(NPU_XTS_BDF_MAP(0)) & 0xfff, GUEST_LPID);
	expect("ATS without a partition table is refused", copy_in(ATS, EA_SOURCE, 0, 4 * KIB), COPY_ATS_REFUSED);
}

static void check_ats(void)
{
	build_lpar();
	expect("firmware takes a partition table", opal(OPAL_NMMU_SET_PTCR, -1UL, (u64)lpar_table(0) | 4), 0);
	gpu_write(ENGINE_PASID, GUEST_PID);
	expect("ATS refuses to write a page that is not changed", copy_out(ATS, EA_TARGET, 0, 4 * KIB),
	       COPY_ATS_REFUSED);
	process_pages()[1] |= LEAF_C;
	expect_round_trip(ATS, EA_SOURCE, EA_TARGET, 5);
	expect("ATS refuses a page of the kernel", copy_in(ATS, EA_KERNEL, 0, 4 * KIB), COPY_ATS_REFUSED);
	expect("ATS refuses what is not mapped", copy_in(ATS, EA_NOTHING, 0, 4 * KIB), COPY_ATS_REFUSED);
	gpu_write(ENGINE_PASID, GUEST_PID + 1);
	expect("ATS refuses another process", copy_in(ATS, EA_SOURCE, 0, 4 * KIB), COPY_ATS_REFUSED);
	gpu_write(ENGINE_PASID, GUEST_PID);
}

static u32 read_source(u64 page)
{
	return copy_in(ATS, EA_SOURCE + page * 4 * KIB, GPU_BUFFER, 4 * KIB);
}

static void check_shootdowns(void)
{
	const u64 process = ATSD_IS_PID | ATSD_PRS;

	process_pages()[0] = 0;
	expect("the GPU uses a translation after it was unmapped", read_source(0), COPY_DONE);
	expect("a shootdown is seen busy", npu_shoot_down(0, ATSD_PRS | ATSD_PID(GUEST_PID), EA_SOURCE + 4 * KIB) > 0,
	       1);
	expect("  the page it names is gone", read_source(1), COPY_ATS_REFUSED);
	expect("  the page before it is not", read_source(0), COPY_DONE);
	npu_shoot_down(0, process | ATSD_PID(GUEST_PID + 1), 0);
	expect("a shootdown of another process takes nothing", read_source(0), COPY_DONE);
	npu_shoot_down(1, process | ATSD_PID(GUEST_PID), 0);
	expect("a register without the guest's LPID takes nothing", read_source(0), COPY_DONE);
	npu_shoot_down(0, process | ATSD_PID(GUEST_PID), 0);
	expect("a shootdown of the process takes all", read_source(0), COPY_ATS_REFUSED);
	process_pages()[0] = TREE_LEAF(IN_LPAR(SOURCE), LEAF_R | LEAF_C | LEAF_RW);
	expect("a page that is mapped again is used", read_source(0), COPY_DONE);
	expect("firmware closes the context", opal(OPAL_NPU_DESTROY_CONTEXT, npu_phb, 0, GPU_BDFN), 0);
	expect("  the row of the context is empty", read64(NPU_XTS_PID_MAP(0)), 0);
	expect("  what the GPU remembers outlives it", read_source(0), COPY_DONE);
	expect("  there is nothing new", read_source(16), COPY_ATS_REFUSED);
}

/* A context of the hypervisor is not one of the guest, whatever LPID the GPU has: it has the tables of LPID 0 */
static void check_hypervisor_context(void)
{
	u64 *hypervisor = (u64 *)lpar_table(0), *processes = lpar_table(7), *top = lpar_table(8);

	clear((u64)processes, 2 * 64 * KIB);
	expect("firmware opens a context of the hypervisor",
	       opal(OPAL_NPU_INIT_CONTEXT, npu_phb, 0, MSR_GUEST | MSR_HV, GPU_BDFN), 0);
	expect("  it does not translate by the guest's tables", read_source(32), COPY_ATS_REFUSED);
	hypervisor[1] = PPC_BIT(0) | (u64)processes | 4;
	processes[GUEST_PID * 2] = RADIX_52_BITS | (u64)top | 13;
	top[0] = TREE_LEAF(0, LEAF_R | LEAF_C | LEAF_RW);
	expect("  but by those of LPID 0", copy_in(ATS, (u64)SOURCE, 0, 4 * KIB), COPY_DONE);
	expect("  the guest's register takes nothing of it", npu_shoot_down(0, ATSD_IS_PID | ATSD_PRS |
	       ATSD_PID(GUEST_PID), 0) > 0 && copy_in(ATS, (u64)SOURCE, 0, 4 * KIB) == COPY_DONE, 1);
	opal(OPAL_NPU_DESTROY_CONTEXT, npu_phb, 0, GPU_BDFN);
}

/* A load of what no BAR maps is no harmless zero */
static void check_disabled_bar(void)
{
	u64 bar = read64(NPU_NTL_BAR);

	write64(NPU_NTL_BAR, bar | PPC_BIT(0));
	load(NPU_NTL_MMIO);
	expect("a link's registers answer", machine_checks().count, 0);
	write64(NPU_NTL_BAR, bar & ~PPC_BIT(0));
	load(NPU_NTL_MMIO);
	expect("  not when their BAR is disabled: a load is a machine check", machine_checks().count, 1);
	write64(NPU_NTL_BAR, bar);
}

static void check_one_fence(void)
{
	u32 purges = gpu_read(ENGINE_PURGES);
	u64 before = *(volatile u64 *)GPU_RAM;

	npu_window_bypass();
	npu_function_reset(1);
	expect("a function level reset takes one link down", gpu_read(ENGINE_LINK_STATE), ALL_LINKS & ~BIT(1));
	expect("  and purges the caches once", gpu_read(ENGINE_PURGES) - purges, 1);
	expect("  the first one copies", copy_in(NVLINK, MEMORY, 0, 4 * KIB), COPY_DONE);
	gpu_write(ENGINE_LINK, 1);
	expect("  the second one does not", copy_in(NVLINK, MEMORY, 0, 4 * KIB), COPY_LINK_DOWN);
	gpu_write(ENGINE_LINK, 0);
	load(GPU_RAM);
	expect("  a load from GPU RAM is a machine check", machine_checks().count, 1);
	*(volatile u64 *)GPU_RAM = before + 1;
	expect("  a store to fenced GPU RAM is one, too", machine_checks().count, 1);
	npu_train(1);
	expect("training brings the link back", gpu_read(ENGINE_LINK_STATE), ALL_LINKS);
	expect("  and purges nothing", gpu_read(ENGINE_PURGES) - purges, 1);
	expect("  and GPU RAM, as it was before the store", *(volatile u64 *)GPU_RAM, before);
	expect("  without a machine check", machine_checks().count, 0);
}

/* A calibration that nobody waits for leaves the link without I/O valid. Running the last procedure is no cure. */
static void check_io_valid(void)
{
	u32 wait = 0, ended = 0, try;

	/* The emulator may stand still for as long as it takes */
	for (try = 0; try < 5 && (ended = npu_start(1, 6)); try++)
		npu_train(1);
	expect("a calibration takes time", ended, 0);
	expect("  the link is down meanwhile", gpu_read(ENGINE_LINK_STATE), ALL_LINKS & ~BIT(1));
	load(GPU_RAM);
	expect("  a load from GPU RAM is a machine check", machine_checks().count, 1);
	while (!npu_start(1, 13) && ++wait < 1000)
		;
	expect("  what is left undone is not made good by procedure 13", gpu_read(ENGINE_LINK_STATE),
	       ALL_LINKS & ~BIT(1));
	npu_train(1);
	expect("  training is", gpu_read(ENGINE_LINK_STATE), ALL_LINKS);
}

/* Of a word of QEMU's table of boards, as a mask */
static u32 chip_links(const char *word)
{
	unsigned int i;
	u32 mask = 0;

	for (i = 0; word[i]; i++)
		mask |= (word[i] == 'C') << i;
	return mask;
}

/* Which of its own six links the first GPU has to other GPUs, on the board with that many links to the chip */
static u32 peer_links(void)
{
	static const char *const to_chip[] = {
#define WITHERSPOON_BOARD(name, text, chips, gpus, first, ...) first,
#include "pnv_witherspoon_boards.h.inc"
#undef WITHERSPOON_BOARD
	};
	unsigned int i;
	u32 mask;

	for (i = 0; i < ARRAY_SIZE(to_chip); i++) {
		mask = chip_links(to_chip[i]);
		if ((unsigned int)__builtin_popcount(mask) == links)
			return ~mask & GPU_LINKS;
	}
	return 0;
}

static void check_isolation(void)
{
	u32 peers = peer_links() << GPU_LINK_DISABLE_SHIFT;

	expect("the link register is not there before NVLink is started", gpu_read(GPU_LINK_DISABLE), 0xbadf1100);
	expect("another GPU's RAM is reached", copy_in(PEER, 0, 0, 4 * KIB), COPY_DONE);
	gpu_start_nvlink();
	expect("the link register is clear when NVLink is started", gpu_read(GPU_LINK_DISABLE), 0);
	gpu_write(GPU_LINK_DISABLE, peers);
	expect("links to other GPUs are cut", gpu_read(GPU_LINK_DISABLE), peers);
	expect("  nothing comes over them", copy_in(PEER, 0, 0, 4 * KIB), COPY_LINK_DOWN);
	expect("  links to the CPU are not", gpu_read(ENGINE_LINK_STATE), ALL_LINKS);
	gpu_write(GPU_LINK_DISABLE, 0);
	expect("  what was cut stays cut", gpu_read(GPU_LINK_DISABLE), peers);
	expect("  no link has stalled so far", npu_stalled(), 0);
	expect("  there was no malfunction alert", npu_alerted(), 0);
	gpu_write(GPU_LINK_DISABLE, GPU_LINKS << GPU_LINK_DISABLE_SHIFT);
	expect("all links are cut", gpu_read(ENGINE_LINK_STATE), 0);
	expect("  each has stalled", npu_stalled(), ALL_LINKS);
	expect("  that is a malfunction alert of the chip", npu_alerted(), 1);
	load(GPU_RAM);
	expect("  a load from GPU RAM is a machine check", machine_checks().count, 1);
}

static void check_bus_reset(void)
{
	gpu_reset();
	expect("a secondary bus reset ends isolation", gpu_read(GPU_LINK_DISABLE), 0xbadf1100);
	expect("  the links are down", gpu_read(ENGINE_LINK_STATE), 0);
	npu_train_all();
	expect("  training brings them back", gpu_read(ENGINE_LINK_STATE), ALL_LINKS);
	expect("  GPU RAM is clear", gpu_buffer()[0], 0);
	gpu_write(ENGINE_PASID, GUEST_PID);
	expect("  translations are forgotten", read_source(0), COPY_ATS_REFUSED);
	gpu_reset();
	expect("no link stalls that firmware has fenced before the reset", npu_stalled(), 0);
	expect("  there is no malfunction alert", npu_alerted(), 0);
	npu_train_all();
}

static void check_power(void)
{
	gpu_power(3);
	expect("in D3 the GPU's registers are silent", gpu_read(GPU_BOOT_0), 0xffffffff);
	expect("  each link has stalled", npu_stalled(), ALL_LINKS);
	expect("  that is a malfunction alert of the chip", npu_alerted(), 1);
	load(GPU_RAM);
	expect("  a load from GPU RAM is a machine check", machine_checks().count, 1);
	gpu_power(0);
	expect("in D0 they answer", gpu_read(GPU_BOOT_0), 0x140000a1);
	expect("  the links are down", gpu_read(ENGINE_LINK_STATE), 0);
	npu_train_all();
	expect("  training brings them back", gpu_read(ENGINE_LINK_STATE), ALL_LINKS);
}

void payload_main(u64 base, u64 entry)
{
	opal_init(base, entry);
	plan_begin();
	expect("firmware shows the NPU", npu_find(), 1);
	check_untrained_ram();
	check_trained_ram();
	check_gpu();
	check_deny_and_bypass();
	check_frozen();
	check_table();
	check_second_window();
	check_deep_table();
	check_pcie();
	check_contexts();
	check_ats();
	check_shootdowns();
	check_hypervisor_context();
	check_disabled_bar();
	check_one_fence();
	check_io_valid();
	check_isolation();
	check_bus_reset();
	check_power();
	plan_end();
	power_off();
}
