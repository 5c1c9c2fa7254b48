// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "reset.h"
#include "sysfs.h"

/* Takes the PHY down, see npu2-hw-procedures.c in skiboot */
#define PROCEDURE_PHY_RESET	4

int reset_by_ioctl(struct nvlink2 *nvlink2)
{
	return vfio_dev_reset(&nvlink2->gpu);
}

int reset_hot(struct nvlink2 *nvlink2)
{
	int ret = vfio_dev_hot_reset(&nvlink2->gpu, &nvlink2->container);

	return ret == -ENODEV ? -EOPNOTSUPP : ret;
}

static int sysfs_reset(const char *bdf)
{
	int ret = sysfs_write(bdf, "reset", "1");

	return ret == -ENOENT || ret == -ENOTTY ? -EOPNOTSUPP : ret;
}

int reset_by_sysfs(struct nvlink2 *nvlink2)
{
	return sysfs_reset(nvlink2->place->gpu);
}

static int eeh(struct nvlink2 *nvlink2, uint32_t op)
{
	int ret;

	ret = spapr_eeh(&nvlink2->container, VFIO_EEH_PE_ENABLE);
	if (ret == -ENOTTY || ret == -EINVAL || ret == -ENODEV)
		return -EOPNOTSUPP;
	if (!ret)
		ret = spapr_eeh(&nvlink2->container, op);
	if (ret)
		return ret;

	ret = spapr_eeh(&nvlink2->container, VFIO_EEH_PE_RESET_DEACTIVATE);
	if (!ret)
		ret = spapr_eeh(&nvlink2->container, VFIO_EEH_PE_CONFIGURE);

	return ret;
}

int reset_by_eeh(struct nvlink2 *nvlink2)
{
	return eeh(nvlink2, VFIO_EEH_PE_RESET_HOT);
}

int reset_fundamentally_by_eeh(struct nvlink2 *nvlink2)
{
	return eeh(nvlink2, VFIO_EEH_PE_RESET_FUNDAMENTAL);
}

int reset_if_frozen(struct nvlink2 *nvlink2)
{
	int state = spapr_eeh(&nvlink2->container, VFIO_EEH_PE_GET_STATE);

	return state > VFIO_EEH_PE_STATE_NORMAL ? reset_by_eeh(nvlink2) : 0;
}

int reset_bridge_by_ioctl(struct nvlink2 *nvlink2)
{
	return vfio_dev_reset(&nvlink2->bridge[0]);
}

int reset_last_bridge(struct nvlink2 *nvlink2)
{
	return vfio_dev_reset(&nvlink2->bridge[nvlink2->place->num_bridges - 1]);
}

int reset_bridge_by_flr(struct nvlink2 *nvlink2)
{
	struct vfio_dev *bridge = &nvlink2->bridge[0];
	unsigned int devctl;
	int ret;

	devctl = vfio_config_capability(bridge, PCI_CAP_ID_EXP);
	if (!devctl)
		return -EOPNOTSUPP;
	devctl += PCI_EXP_DEVCTL;

	ret = vfio_config_write(bridge, devctl, 2,
				vfio_config_read(bridge, devctl, 2) |
				PCI_EXP_DEVCTL_BCR_FLR);
	/* PCIe gives a function 100 ms to complete an FLR */
	usleep(100000);

	return ret;
}

int reset_bridge_by_sysfs(struct nvlink2 *nvlink2)
{
	return sysfs_reset(nvlink2->place->bridge[0]);
}

int close_bridge(struct nvlink2 *nvlink2)
{
	vfio_dev_close(&nvlink2->bridge[0]);
	return 0;
}

int stop_link_by_procedure(struct nvlink2 *nvlink2)
{
	return nvlink2_run_procedure(&nvlink2->bridge[0], PROCEDURE_PHY_RESET);
}

int reset_recover(struct nvlink2 *nvlink2)
{
	unsigned int command;
	int i, ret = 0;

	for (i = 0; i < nvlink2->place->num_bridges && !ret; i++) {
		if (nvlink2->bridge[i].fd < 0)
			ret = vfio_dev_open(&nvlink2->container,
					    nvlink2->place->bridge[i],
					    &nvlink2->bridge[i]);
	}
	if (ret)
		return ret;

	command = vfio_config_read(&nvlink2->gpu, PCI_COMMAND, 2);
	ret = vfio_config_write(&nvlink2->gpu, PCI_COMMAND, 2,
				command | PCI_COMMAND_MEMORY);
	if (ret)
		return ret;

	return nvlink2_train(nvlink2);
}
