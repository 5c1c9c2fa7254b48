// SPDX-License-Identifier: GPL-2.0
/*
 * The main job from the host's side: one GPU and its bridges to a KVM guest and back.
 *
 * Usage: passthrough [GPU [pair|shell]]
 *
 * With "pair" the guest gets all GPUs of the group, on real machines those of a socket. With "shell" it does nothing
 * but offer a shell.
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

#define GUEST_MEMORY_MIB 512
/* Only for what hangs: on a busy machine a guest has taken five minutes. */
#define GUEST_TIMEOUT_S 900

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

/* Return: how many GPUs the guest gets. */
static int choose(int index, bool is_pair, struct gpu *gpus, struct group *group)
{
	int i, count;

	if (!is_pair) {
		choose_gpu(index, gpus);
		own_group(gpus, group);
		return 1;
	}
	count = choose_neighbours(index, gpus);
	for (i = 0; i < count; i++) {
		report_about(i);
		own_group(&gpus[i], group);
	}
	report_about(-1);
	return count;
}

static void survey_all(const struct consumer *consumer, bool is_pair, const struct group *group)
{
	int i;

	for (i = 0; i < consumer->gpus; i++) {
		report_about(is_pair ? i : -1);
		survey(&consumer->gpu[i], group);
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

static void show_logs(void)
{
	trace_report();
	kernel_log_report();
	firmware_log_report();
}

int main(int argc, char **argv)
{
	bool is_pair = argc > 2 && !strcmp(argv[2], "pair");
	struct gpu gpus[MAX_GPUS];
	struct consumer consumer = {
		.gpu = gpus, .memory_mib = GUEST_MEMORY_MIB, .timeout_s = GUEST_TIMEOUT_S,
		.shell = argc > 2 && !strcmp(argv[2], "shell"),
	};
	struct group group;

	report_begin("host");
	check_kvm();
	consumer.gpus = choose(argc > 1 ? atoi(argv[1]) : 0, is_pair, gpus, &group);
	trace_begin();
	survey_all(&consumer, is_pair, &group);
	use(&consumer);
	report("unbound", "%d of %d", group_unbind(&group), group.count);
	if (!consumer.shell)
		show_logs();
	return 0;
}
