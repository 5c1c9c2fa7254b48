// SPDX-License-Identifier: GPL-2.0
/*
 * The part of a GPU driver that proves DMA: one buffer of system memory, all
 * memory of the process that calls, and the copy engine of the emulated V100
 * (docs/specs/pnv-v100.rst of the machine).
 */
#include <linux/bitfield.h>
#include <linux/dma-mapping.h>
#include <linux/iopoll.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "v100_copy.h"

#define V100_BOOT_0		0x000000
#define V100_ENGINE_ID		0xf00000
#define V100_CONTROL		0xf00004
#define   CONTROL_START		BIT(0)
#define   CONTROL_PATH		GENMASK(5, 4)
#define   CONTROL_TO_SYSTEM	BIT(8)
#define V100_STATUS		0xf00008
#define   STATUS_BUSY		BIT(0)
#define V100_SYSTEM_ADDR_LO	0xf00010
#define V100_SYSTEM_ADDR_HI	0xf00014
#define V100_GPU_ADDR_LO	0xf00018
#define V100_GPU_ADDR_HI	0xf0001c
#define V100_LENGTH		0xf00020
#define V100_COPIED		0xf00024
#define V100_LINK		0xf00028
#define V100_LINK_STATE		0xf0002c
#define V100_RAM_MIB		0xf00030
#define V100_PASID		0xf00034

#define V100_POLL_US		50
#define V100_TIMEOUT_US		(5 * USEC_PER_SEC)

/**
 * struct v100 - one GPU.
 * @pdev: its PCI function.
 * @regs: BAR0.
 * @buffer: system memory the engine reaches.
 * @bus_address: of @buffer, as the GPU sees it.
 * @engine_lock: held while the engine runs.
 * @misc: /dev/v100-copy-<PCI address>.
 */
struct v100 {
	struct pci_dev *pdev;
	void __iomem *regs;
	void *buffer;
	dma_addr_t bus_address;
	struct mutex engine_lock; /* one run of the engine at a time */
	struct miscdevice misc;
};

static struct v100 *v100_of(struct file *file)
{
	return container_of(file->private_data, struct v100, misc);
}

static void v100_write64(struct v100 *v100, unsigned int low, u64 value)
{
	writel(lower_32_bits(value), v100->regs + low);
	writel(upper_32_bits(value), v100->regs + low + 4);
}

static bool v100_copy_valid(const struct v100_copy *copy)
{
	if (copy->reserved || copy->direction > V100_TO_SYSTEM)
		return false;
	if (copy->path == V100_PATH_ATS || copy->path == V100_PATH_PEER)
		return !copy->buffer_offset;
	return copy->path <= V100_PATH_NVLINK && !copy->address &&
	       copy->buffer_offset <= V100_BUFFER_SIZE &&
	       copy->length <= V100_BUFFER_SIZE - copy->buffer_offset;
}

/* The number of the caller's tree in the process table of this kernel. */
static u32 v100_pasid(void)
{
	return current->mm->context.id;
}

static u64 v100_system_address(const struct v100 *v100, const struct v100_copy *copy)
{
	if (copy->path == V100_PATH_ATS || copy->path == V100_PATH_PEER)
		return copy->address;
	return v100->bus_address + copy->buffer_offset;
}

static int v100_copy_run(struct v100 *v100, struct v100_copy *copy)
{
	u32 control = CONTROL_START | FIELD_PREP(CONTROL_PATH, copy->path);
	int ret;

	if (copy->direction == V100_TO_SYSTEM)
		control |= CONTROL_TO_SYSTEM;
	v100_write64(v100, V100_SYSTEM_ADDR_LO, v100_system_address(v100, copy));
	v100_write64(v100, V100_GPU_ADDR_LO, copy->gpu_offset);
	writel(copy->length, v100->regs + V100_LENGTH);
	writel(copy->link, v100->regs + V100_LINK);
	writel(v100_pasid(), v100->regs + V100_PASID);
	writel(control, v100->regs + V100_CONTROL);
	ret = readl_poll_timeout(v100->regs + V100_STATUS, copy->status,
				 !(copy->status & STATUS_BUSY), V100_POLL_US,
				 V100_TIMEOUT_US);
	copy->copied = readl(v100->regs + V100_COPIED);
	return ret;
}

static long v100_ioctl_copy(struct v100 *v100, void __user *argument)
{
	struct v100_copy copy;
	int ret;

	if (copy_from_user(&copy, argument, sizeof(copy)))
		return -EFAULT;
	if (!v100_copy_valid(&copy))
		return -EINVAL;
	mutex_lock(&v100->engine_lock);
	ret = v100_copy_run(v100, &copy);
	mutex_unlock(&v100->engine_lock);
	if (copy_to_user(argument, &copy, sizeof(copy)))
		return -EFAULT;
	return ret;
}

static long v100_ioctl_info(struct v100 *v100, void __user *argument)
{
	struct v100_info info = {
		.bus_address = v100->bus_address,
		.ram_mib = readl(v100->regs + V100_RAM_MIB),
		.links = readl(v100->regs + V100_LINK_STATE),
		.boot_0 = readl(v100->regs + V100_BOOT_0),
		.engine = readl(v100->regs + V100_ENGINE_ID),
		.pasid = v100_pasid(),
	};

	return copy_to_user(argument, &info, sizeof(info)) ? -EFAULT : 0;
}

static long v100_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	switch (command) {
	case V100_COPY:
		return v100_ioctl_copy(v100_of(file), (void __user *)argument);
	case V100_INFO:
		return v100_ioctl_info(v100_of(file), (void __user *)argument);
	}
	return -ENOTTY;
}

static int v100_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct v100 *v100 = v100_of(file);

	return dma_mmap_coherent(&v100->pdev->dev, vma, v100->buffer,
				 v100->bus_address, V100_BUFFER_SIZE);
}

static const struct file_operations v100_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = v100_ioctl,
	.mmap = v100_mmap,
};

/* 32 bits: the default window of a pseries guest, which every path has. */
static int v100_map(struct v100 *v100)
{
	struct pci_dev *pdev = v100->pdev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = pcim_iomap_regions(pdev, BIT(0), "v100_copy");
	if (ret)
		return ret;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(32));
	if (ret)
		return ret;
	v100->regs = pcim_iomap_table(pdev)[0];
	v100->buffer = dmam_alloc_coherent(&pdev->dev, V100_BUFFER_SIZE,
					   &v100->bus_address, GFP_KERNEL);
	return v100->buffer ? 0 : -ENOMEM;
}

static int v100_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct v100 *v100;
	int ret;

	v100 = devm_kzalloc(&pdev->dev, sizeof(*v100), GFP_KERNEL);
	if (!v100)
		return -ENOMEM;
	v100->pdev = pdev;
	mutex_init(&v100->engine_lock);
	ret = v100_map(v100);
	if (ret)
		return ret;
	pci_set_master(pdev);
	pci_set_drvdata(pdev, v100);
	v100->misc.minor = MISC_DYNAMIC_MINOR;
	v100->misc.name = devm_kasprintf(&pdev->dev, GFP_KERNEL, "v100-copy-%s",
					 pci_name(pdev));
	if (!v100->misc.name)
		return -ENOMEM;
	v100->misc.fops = &v100_fops;
	v100->misc.parent = &pdev->dev;
	return misc_register(&v100->misc);
}

static void v100_remove(struct pci_dev *pdev)
{
	struct v100 *v100 = pci_get_drvdata(pdev);

	misc_deregister(&v100->misc);
	pci_clear_master(pdev);
}

static const struct pci_device_id v100_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_NVIDIA, 0x1db1) },
	{ PCI_DEVICE(PCI_VENDOR_ID_NVIDIA, 0x1db5) },
	{ }
};
MODULE_DEVICE_TABLE(pci, v100_ids);

static struct pci_driver v100_driver = {
	.name = "v100_copy",
	.id_table = v100_ids,
	.probe = v100_probe,
	.remove = v100_remove,
};
module_pci_driver(v100_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Copy engine of the emulated V100");
