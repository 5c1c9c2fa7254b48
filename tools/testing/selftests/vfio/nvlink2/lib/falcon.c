// SPDX-License-Identifier: GPL-2.0
/*
 * A falcon is a small processor in the GPU with an engine that moves data
 * between its own memory, DMEM, and memory. The registers let the host use both
 * while the processor is halted, without any firmware. The falcon of the GSP is
 * idle on a GV100.
 *
 * The registers are those of hw_pgsp_gv100.h, hw_fb_gv100.h, hw_nvl_gv100.h,
 * hw_minion_gv100.h and hw_nvlinkip_discovery_gv100.h in NVIDIA's nvgpu driver
 * for Tegra, and of dev_bus, dev_master and dev_top in NVIDIA's open-gpu-doc.
 * FBIF_CTL2 and XV_UPPER_ADDR are known from NVIDIA's gpu-admin-tools, MSI_REARM
 * from nouveau.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "falcon.h"

#define BAR0_SIZE		0x1000000

#define BOOT_0			0x000000
#define   BOOT_0_ARCHITECTURE		0x1f000000
#define   BOOT_0_GV100			0x14000000
#define PMC_INTR		0x000100
#define PMC_INTR_EN_SET		0x000160
#define PMC_INTR_EN_CLEAR	0x000180
#define PMC_ENABLE		0x000200
#define   PMC_ENABLE_NVLINK		0x02000000
#define BAR0_WINDOW		0x001700
#define DEVICE_INFO		0x022700
#define   DEVICE_INFO_WORDS		64
#define   DEVICE_INFO_ENTRY		0x00000003
#define   DEVICE_INFO_DATA		0x00000001
#define   DEVICE_INFO_TYPE		0x00000003
#define   DEVICE_INFO_IOCTRL		0x0000004b
#define   DEVICE_INFO_VALUE		0x7fffffff
#define MSI_REARM		0x088704
#define NISO_CFG1		0x100c14
#define   NISO_CFG1_SYSMEM_NVLINK	0x00020000
#define XV_UPPER_ADDR		0x100f04
#define   XV_UPPER_ADDR_SHIFT		47
#define IRQSSET			0x110000
#define IRQSCLR			0x110004
#define IRQMSET			0x110010
#define IRQMCLR			0x110014
#define IRQDEST			0x11001c
#define   IRQ_SOFTWARE			0x00000040
#define DMACTL			0x11010c
#define   DMACTL_REQUIRE_CTX		0x00000001
#define   DMACTL_SCRUBBING		0x00000006
#define DMATRFBASE		0x110110
#define DMATRFMOFFS		0x110114
#define DMATRFCMD		0x110118
#define   DMATRFCMD_IDLE		0x00000002
#define   DMATRFCMD_WRITE		0x00000020
#define   DMATRFCMD_SIZE_SHIFT		8
#define DMATRFFBOFFS		0x11011c
#define DMATRFBASE1		0x110128
#define DMEMC			0x1101c0
#define   DMEMC_AINCW			0x01000000
#define   DMEMC_AINCR			0x02000000
#define DMEMD			0x1101c4
#define ENGINE			0x1103c0
#define   ENGINE_RESET			0x00000001
#define TRANSCFG		0x110600
#define   TRANSCFG_TARGET		0x00000003
#define   TRANSCFG_RAM			0x00000000
#define   TRANSCFG_COHERENT_SYSMEM	0x00000001
#define   TRANSCFG_PHYSICAL		0x00000004
#define FBIF_CTL		0x110624
#define   FBIF_CTL_ALLOW_PHYS		0x00000090
#define FBIF_CTL2		0x110684
#define PRI_MASTER		0x12004c
#define   PRI_MASTER_START		0x00000004
#define PRI_RING		0x122204
#define   PRI_RING_INIT			0x00000002
#define LINK_DISABLE		0xa00148
#define   LINK_DISABLE_SHIFT		16
#define HSHUB_CONFIG0		0x1fbc00
#define   HSHUB_CONFIG0_SYSMEM		0x0000ffff
#define PRAMIN			0x700000
#define PRAMIN_SIZE		0x100000
#define PRAMIN_SHIFT		16

/* The table at the start of the IOCTRL: units of links, and where they are */
#define IOCTRL_LENGTH(data)	(((data) >> 24) & 0x3f)
#define IOCTRL_ENTRY(word)	((word) & 3)
#define   IOCTRL_ENUM			1
#define   IOCTRL_DATA1			2
#define IOCTRL_DEVICE(word)	(((word) >> 2) & 0x3f)
#define   IOCTRL_MINION			0x04
#define   IOCTRL_DLPL			0x0b
#define IOCTRL_ID(word)		(((word) >> 8) & 0xff)
#define UNIT_BASE(data)		((data) & 0x00fff000)

#define DL_LINK_STATE		0x0000
#define   DL_LINK_STATE_MASK		0x000000ff
#define   DL_LINK_STATE_ACTIVE		0x00000003
#define MINION_STATUS		0x0830
#define   MINION_STATUS_MASK		0x000000ff
#define   MINION_STATUS_BOOTED		0x00000001

#define MAX_LINKS		6
#define MAX_TRANSFER		256
#define TIMEOUT_MS		1000
#define SPINS			16

/* In order with each other, and with memory that the GPU reads and writes */
static uint32_t reg_read(struct falcon *falcon, unsigned int reg)
{
	uint32_t val;

	__sync_synchronize();
	val = le32toh(falcon->regs[reg / 4]);
	__sync_synchronize();

	return val;
}

static void reg_write(struct falcon *falcon, unsigned int reg, uint32_t val)
{
	__sync_synchronize();
	falcon->regs[reg / 4] = htole32(val);
}

static void reg_change(struct falcon *falcon, unsigned int reg, uint32_t mask,
		       uint32_t val)
{
	reg_write(falcon, reg, (reg_read(falcon, reg) & ~mask) | val);
}

/* Wait until the bits of @mask are @val */
static int reg_wait(struct falcon *falcon, unsigned int reg, uint32_t mask,
		    uint32_t val)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int i;

	for (i = 0; i < SPINS + TIMEOUT_MS; i++) {
		if ((reg_read(falcon, reg) & mask) == val)
			return 0;
		if (i >= SPINS)
			nanosleep(&pause, NULL);
	}

	return -ETIMEDOUT;
}

static int reset(struct falcon *falcon)
{
	int ret;

	reg_write(falcon, ENGINE, ENGINE_RESET);
	reg_write(falcon, ENGINE, 0);
	ret = reg_wait(falcon, DMACTL, DMACTL_SCRUBBING, 0);
	if (ret)
		return ret;

	falcon->memory = FALCON_SYSTEM;
	reg_change(falcon, TRANSCFG, TRANSCFG_TARGET,
		   TRANSCFG_COHERENT_SYSMEM | TRANSCFG_PHYSICAL);
	reg_write(falcon, FBIF_CTL2, 1);
	reg_change(falcon, FBIF_CTL, 0, FBIF_CTL_ALLOW_PHYS);
	reg_change(falcon, DMACTL, DMACTL_REQUIRE_CTX, 0);

	return 0;
}

static int change_command(struct vfio_dev *dev, uint32_t mask, uint32_t val)
{
	uint32_t command = vfio_config_read(dev, PCI_COMMAND, 2);

	return vfio_config_write(dev, PCI_COMMAND, 2, (command & ~mask) | val);
}

int falcon_map(struct falcon *falcon, struct vfio_dev *dev)
{
	struct vfio_region bar;
	int ret;

	falcon->dev = dev;
	falcon->interrupt = 0;
	ret = vfio_region_get(dev, VFIO_PCI_BAR0_REGION_INDEX, &bar);
	if (ret)
		return ret;
	if (bar.size < BAR0_SIZE)
		return -ENODEV;

	ret = change_command(dev, 0, PCI_COMMAND_MEMORY);
	if (ret)
		return ret;
	falcon->regs = vfio_region_mmap(dev, &bar, 0, BAR0_SIZE);
	if (falcon->regs == MAP_FAILED)
		return -errno;
	if ((reg_read(falcon, BOOT_0) & BOOT_0_ARCHITECTURE) == BOOT_0_GV100)
		return 0;

	falcon_unmap(falcon);

	return -ENODEV;
}

void falcon_unmap(struct falcon *falcon)
{
	munmap((void *)falcon->regs, BAR0_SIZE);
}

int falcon_open(struct falcon *falcon, struct vfio_dev *dev)
{
	int ret;

	ret = falcon_map(falcon, dev);
	if (ret)
		return ret;

	ret = change_command(dev, 0, PCI_COMMAND_MASTER);
	if (!ret)
		ret = reset(falcon);
	if (ret)
		falcon_unmap(falcon);

	return ret;
}

void falcon_close(struct falcon *falcon)
{
	falcon_interrupt_disable(falcon);
	reg_write(falcon, ENGINE, ENGINE_RESET);
	falcon_route(falcon, 0);
	reg_write(falcon, XV_UPPER_ADDR, 0);
	falcon_unmap(falcon);
	change_command(falcon->dev, PCI_COMMAND_MASTER, 0);
}

/* The most that a transfer can move: it does not leave a block of 256 bytes */
static size_t transfer_size(uint64_t addr, uint64_t size)
{
	size_t most = MAX_TRANSFER;

	while (most > size || addr & (most - 1))
		most /= 2;

	return most;
}

/* Between the beginning of DMEM and memory */
static int transfer(struct falcon *falcon, enum falcon_memory memory,
		    uint64_t addr, size_t size, uint32_t command)
{
	int ret;

	if (falcon->memory != memory)
		reg_change(falcon, TRANSCFG, TRANSCFG_TARGET,
			   memory == FALCON_RAM ? TRANSCFG_RAM :
						  TRANSCFG_COHERENT_SYSMEM);
	falcon->memory = memory;

	reg_write(falcon, XV_UPPER_ADDR, addr >> XV_UPPER_ADDR_SHIFT);
	reg_write(falcon, DMATRFBASE1, (addr >> 40) & 0x7f);
	reg_write(falcon, DMATRFBASE, addr >> 8);
	reg_write(falcon, DMATRFFBOFFS, addr & 0xff);
	reg_write(falcon, DMATRFMOFFS, 0);
	command |= (ffs(size) - 3) << DMATRFCMD_SIZE_SHIFT;
	reg_write(falcon, DMATRFCMD, command);
	ret = reg_wait(falcon, DMATRFCMD, DMATRFCMD_IDLE, DMATRFCMD_IDLE);
	if (ret)
		reset(falcon);

	return ret;
}

int falcon_copy(struct falcon *falcon, enum falcon_memory from, uint64_t src,
		enum falcon_memory to, uint64_t dst, uint64_t size)
{
	int ret = 0;

	if ((src | dst | size) & 3)
		return -EINVAL;

	while (size && !ret) {
		size_t step = transfer_size(src | dst, size);

		ret = transfer(falcon, from, src, step, 0);
		if (!ret)
			ret = transfer(falcon, to, dst, step, DMATRFCMD_WRITE);
		src += step;
		dst += step;
		size -= step;
	}

	return ret;
}

int falcon_read(struct falcon *falcon, enum falcon_memory from, uint64_t addr,
		void *data, size_t size)
{
	size_t done = 0, step, i;
	uint32_t word;
	int ret;

	if ((addr | size) & 3)
		return -EINVAL;

	for (; done < size; done += step) {
		step = transfer_size(addr + done, size - done);
		ret = transfer(falcon, from, addr + done, step, 0);
		if (ret)
			return ret;
		reg_write(falcon, DMEMC, DMEMC_AINCR);
		for (i = 0; i < step; i += 4) {
			word = falcon->regs[DMEMD / 4];
			memcpy((char *)data + done + i, &word, 4);
		}
	}

	return 0;
}

int falcon_write(struct falcon *falcon, enum falcon_memory to, uint64_t addr,
		 const void *data, size_t size)
{
	size_t done = 0, step, i;
	uint32_t word;
	int ret;

	if ((addr | size) & 3)
		return -EINVAL;

	for (; done < size; done += step) {
		step = transfer_size(addr + done, size - done);
		reg_write(falcon, DMEMC, DMEMC_AINCW);
		for (i = 0; i < step; i += 4) {
			memcpy(&word, (const char *)data + done + i, 4);
			falcon->regs[DMEMD / 4] = word;
		}
		ret = transfer(falcon, to, addr + done, step, DMATRFCMD_WRITE);
		if (ret)
			return ret;
	}

	return 0;
}

/* Let the window in BAR 0 show this address; gives where */
static unsigned int show_ram(struct falcon *falcon, uint64_t addr)
{
	uint64_t base = addr & ~(PRAMIN_SIZE - 1ULL);

	reg_write(falcon, BAR0_WINDOW, base >> PRAMIN_SHIFT);
	/* The window has moved when the register is read */
	reg_read(falcon, BAR0_WINDOW);

	return PRAMIN + (addr - base);
}

uint32_t falcon_ram_load(struct falcon *falcon, uint64_t addr)
{
	return reg_read(falcon, show_ram(falcon, addr));
}

void falcon_ram_store(struct falcon *falcon, uint64_t addr, uint32_t val)
{
	unsigned int where = show_ram(falcon, addr);

	reg_write(falcon, where, val);
	/* And it has been stored when it can be read */
	reg_read(falcon, where);
}

/* Where the units of links are listed, 0 when it is not known */
static uint32_t find_ioctrl(struct falcon *falcon)
{
	uint32_t word, base = 0;
	int i;

	for (i = 0; i < DEVICE_INFO_WORDS; i++) {
		word = reg_read(falcon, DEVICE_INFO + 4 * i);
		if ((word & DEVICE_INFO_ENTRY) == DEVICE_INFO_DATA)
			base = UNIT_BASE(word);
		if ((word & DEVICE_INFO_VALUE) == DEVICE_INFO_IOCTRL)
			return base;
	}

	return 0;
}

/* Where a unit is, 0 when there is none */
static uint32_t find_unit(struct falcon *falcon, uint32_t device, uint32_t id)
{
	uint32_t ioctrl = find_ioctrl(falcon), word, i, length;
	bool wanted = false;

	if (!ioctrl)
		return 0;

	/* Before that nothing there answers */
	reg_write(falcon, PRI_MASTER, PRI_MASTER_START);
	reg_write(falcon, PRI_RING, PRI_RING_INIT);
	reg_change(falcon, PMC_ENABLE, 0, PMC_ENABLE_NVLINK);

	length = IOCTRL_LENGTH(reg_read(falcon, ioctrl + 4));
	for (i = 0; i < length; i++) {
		word = reg_read(falcon, ioctrl + 4 * i);
		if (IOCTRL_ENTRY(word) == IOCTRL_ENUM)
			wanted = IOCTRL_DEVICE(word) == device &&
				 IOCTRL_ID(word) == id;
		else if (IOCTRL_ENTRY(word) == IOCTRL_DATA1 && wanted)
			return UNIT_BASE(word);
	}

	return 0;
}

uint32_t falcon_active_links(struct falcon *falcon)
{
	uint32_t links = 0, unit;
	int i;

	for (i = 0; i < MAX_LINKS; i++) {
		unit = find_unit(falcon, IOCTRL_DLPL, i);
		if (unit && (reg_read(falcon, unit + DL_LINK_STATE) &
			     DL_LINK_STATE_MASK) == DL_LINK_STATE_ACTIVE)
			links |= 1u << i;
	}

	return links;
}

uint32_t falcon_cut_links(struct falcon *falcon)
{
	uint32_t val = reg_read(falcon, LINK_DISABLE);

	/* What is read when no unit answers */
	if ((val & 0xfff00000) == 0xbad00000 || val == ~0u)
		return 0;

	return (val >> LINK_DISABLE_SHIFT) & ((1u << MAX_LINKS) - 1);
}

void falcon_join_links(struct falcon *falcon)
{
	reg_write(falcon, LINK_DISABLE, 0);
}

bool falcon_links_train(struct falcon *falcon)
{
	uint32_t unit = find_unit(falcon, IOCTRL_MINION, 0);

	return unit && (reg_read(falcon, unit + MINION_STATUS) &
			MINION_STATUS_MASK) == MINION_STATUS_BOOTED;
}

void falcon_route(struct falcon *falcon, uint32_t links)
{
	reg_change(falcon, NISO_CFG1, NISO_CFG1_SYSMEM_NVLINK, 0);
	reg_change(falcon, HSHUB_CONFIG0, HSHUB_CONFIG0_SYSMEM, links);
	if (links)
		reg_change(falcon, NISO_CFG1, 0, NISO_CFG1_SYSMEM_NVLINK);
}

/*
 * Which of the GPU's interrupts the falcon has is in no public manual: it is the
 * one that is pending when the falcon has raised its own.
 */
int falcon_interrupt_enable(struct falcon *falcon)
{
	uint32_t before;

	reg_write(falcon, IRQDEST, IRQ_SOFTWARE);
	reg_write(falcon, IRQMSET, IRQ_SOFTWARE);
	before = reg_read(falcon, PMC_INTR);
	falcon_interrupt_raise(falcon);
	falcon->interrupt = reg_read(falcon, PMC_INTR) & ~before;
	falcon_interrupt_clear(falcon);
	if (!falcon->interrupt)
		return -ENODEV;
	reg_write(falcon, PMC_INTR_EN_SET, falcon->interrupt);

	return 0;
}

void falcon_interrupt_disable(struct falcon *falcon)
{
	if (falcon->interrupt)
		reg_write(falcon, PMC_INTR_EN_CLEAR, falcon->interrupt);
	falcon->interrupt = 0;
}

void falcon_interrupt_raise(struct falcon *falcon)
{
	/* After an MSI there is no other until this has been written */
	reg_write(falcon, MSI_REARM, 0);
	reg_write(falcon, IRQSSET, IRQ_SOFTWARE);
}

void falcon_interrupt_clear(struct falcon *falcon)
{
	reg_write(falcon, IRQSCLR, IRQ_SOFTWARE);
	/* It is gone when a register of the same unit can be read */
	reg_read(falcon, IRQDEST);
}
