// SPDX-License-Identifier: GPL-2.0
/*
 * The main job from the host's side: one GPU and its bridges to a KVM guest and back.
 *
 * Usage: passthrough [GPU [pair|all|each|shell]]
 *
 * With "pair" the guest gets all GPUs of the group, on real machines those of a socket; with "all" those of all sockets,
 * each socket's on a PCI host bridge of its own. With "each" there is a guest for each GPU, all at once, for which each
 * GPU needs an IOMMU group of its own. With "shell" the guest does nothing but offer a shell.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/report.h"
#include "aftermath.h"
#include "consumer.h"
#include "group.h"
#include "prepare.h"
#include "survey.h"
#include "together.h"

#define GUEST_MEMORY_MIB 512
/* Only for what hangs: on a busy machine a guest has taken five minutes. */
#define GUEST_TIMEOUT_S 900
/* Of each of several at once */
#define EACH_MEMORY_MIB 256
#define EACH_TIMEOUT_S 2700

static void survey_device(const struct vfio_session *session, const struct pci_device *device,
			  const char *name)
{
	int fd = vfio_open(session, device);

	if (fd < 0) {
		report_error(name, device->address);
		return;
	}
	report(name, "%s", device->address);
	vfio_report(fd, name);
	close(fd);
}

static void survey(const struct gpu *gpu, const struct group *group)
{
	struct vfio_session session;
	char name[32];
	int i;

	if (!vfio_begin(&session, group)) {
		report_error("vfio", "container");
		return;
	}
	survey_device(&session, &gpu->device, "device.gpu");
	for (i = 0; i < gpu->links; i++) {
		snprintf(name, sizeof(name), "device.bridge%d", i);
		survey_device(&session, &gpu->bridges[i], name);
	}
	vfio_end(&session);
}

static void survey_all(const struct taken *taken, enum choice choice)
{
	struct group group;
	int i;

	for (i = 0; i < taken->gpu_count; i++) {
		report_about(choice == ONE_GPU ? -1 : i);
		if (group_of(&taken->gpus[i].device, &group))
			survey(&taken->gpus[i], &group);
	}
	report_about(-1);
}

static void use(const struct consumer *consumer)
{
	if (!consumer->shell)
		mark("before");
	report("consumer", "%d", consumer_run(consumer));
	if (!consumer->shell)
		mark("after");
}

static void use_each(const struct taken *taken)
{
	struct consumer consumers[MAX_GPUS] = { 0 };
	static char names[MAX_GPUS][8];
	int i, statuses[MAX_GPUS];

	for (i = 0; i < taken->gpu_count; i++) {
		snprintf(names[i], sizeof(names[i]), "gpu%d", i);
		consumers[i] = (struct consumer){
			.gpu = &taken->gpus[i], .memory_mib = EACH_MEMORY_MIB, .timeout_s = EACH_TIMEOUT_S,
			.name = names[i],
		};
	}
	mark("before");
	together_run(consumers, taken->gpu_count, statuses);
	for (i = 0; i < taken->gpu_count; i++) {
		report_about(i);
		report("consumer", "%d", statuses[i]);
		cut_report(taken->gpus[i].device.address);
	}
	report_about(-1);
	mark("after");
}

static enum choice choose(const char *word)
{
	if (!strcmp(word, "pair"))
		return GPUS_OF_GROUP;
	return strcmp(word, "all") && strcmp(word, "each") ? ONE_GPU : ALL_GPUS;
}

int main(int argc, char **argv)
{
	bool each = argc > 2 && !strcmp(argv[2], "each");
	enum choice choice = choose(argc > 2 ? argv[2] : "one");
	static struct taken taken;
	struct consumer consumer = {
		.gpu = taken.gpus, .memory_mib = GUEST_MEMORY_MIB, .timeout_s = GUEST_TIMEOUT_S,
		.shell = argc > 2 && !strcmp(argv[2], "shell"),
	};

	report_begin("host");
	check_kvm();
	take_gpus(&taken, choice, argc > 1 ? atoi(argv[1]) : 0);
	if (each)
		need_groups_apart(&taken);
	consumer.gpus = taken.gpu_count;
	trace_begin();
	survey_all(&taken, choice);
	if (each)
		use_each(&taken);
	else
		use(&consumer);
	give_back(&taken);
	if (!consumer.shell)
		logs_report();
	return 0;
}
