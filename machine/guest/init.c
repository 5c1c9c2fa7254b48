// SPDX-License-Identifier: GPL-2.0
/*
 * First process of the guest: the main job from the guest's side, with one GPU or several, or what machine.job= in the
 * kernel's command line says: "shell", where "/init job" is the main job; "touch-..." and "copy-..." use the GPU until
 * they lose it; "neighbour" does until it is ended; "everyday" is what an administrator may do at any time; "frozen" and
 * "moved" want two GPUs; "nodes" adds the RAM of all GPUs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../common/boot.h"
#include "../common/report.h"
#include "apart.h"
#include "ats.h"
#include "everyday.h"
#include "frozen.h"
#include "keep.h"
#include "moved.h"
#include "neighbour.h"
#include "nodes.h"
#include "peer.h"
#include "steps.h"
#include "vendor.h"

#define DRIVER "/v100_copy.ko"

static void load_driver(void)
{
	int fd = open(DRIVER, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		report_error("driver", DRIVER);
	if (fd >= 0)
		close(fd);
}

static void use_gpu(const struct gpu *gpu, const struct gpu *second, const char *job)
{
	bool is_everyday = !strcmp(job, "everyday");
	struct v100_info info = { 0 };
	struct gpu_ram ram;
	int engine;

	if (!show_device_tree(gpu, &ram))
		give_up("the device tree has no GPU RAM");
	if ((is_everyday ? everyday_train(gpu) : train_links(gpu)) < gpu->links)
		give_up("not every link came up: GPU RAM must not be touched");
	engine = engine_open(gpu, &info);
	if (engine < 0)
		give_up("no copy engine");
	if (is_everyday) {
		close(engine);
		everyday(gpu, &ram, info.ram_mib);
		return;
	}
	if (!strcmp(job, "frozen"))
		frozen(engine, gpu, second, info.ram_mib);
	else if (!strcmp(job, "neighbour"))
		neighbour(engine, gpu, &ram, info.ram_mib);
	else
		keep_working(job, engine, gpu, &ram, info.ram_mib);
	close(engine);
}

static void prepare(struct ats_gpu *ats, const struct gpu *gpu)
{
	struct v100_info info;

	ats->gpu = gpu;
	if (!show_device_tree(gpu, &ats->ram))
		give_up("the device tree has no GPU RAM");
	vendor_check(gpu);
	if (train_links(gpu) < gpu->links)
		give_up("not every link came up: GPU RAM must not be touched");
	ats->engine = engine_open(gpu, &info);
	if (ats->engine < 0)
		give_up("no copy engine");
	if (!online_ram(&ats->ram, info.ram_mib))
		give_up("no memory of the node");
	ats->registers = atsd_map(gpu);
	if (!ats->registers)
		give_up("no ATSD register");
}

static void try_peers(const struct ats_gpu *ats)
{
	uint64_t offset;

	if (node_page(&ats->ram, &offset))
		peer_report(ats->engine, offset);
}

/* The main job. With several GPUs, all are prepared before one is used. */
static void use_gpus(const struct gpu *gpus, int count)
{
	struct vendor_watch *watch = vendor_watch_begin(gpus, count);
	struct ats_gpu ats[MAX_GPUS];
	int i;

	for (i = 0; i < count; i++) {
		report_about(count > 1 ? i : -1);
		prepare(&ats[i], &gpus[i]);
	}
	for (i = 0; i < count; i++) {
		report_about(count > 1 ? i : -1);
		use_ram(&ats[i].ram);
		use_engine(ats[i].engine, &gpus[i], &ats[i].ram);
		try_peers(&ats[i]);
		ats_take_away(&ats[i]);
	}
	report_about(-1);
	apart(ats, count);
	vendor_watch_end(watch);
}

static int run_job(const char *job)
{
	static struct gpu gpus[MAX_GPUS];
	struct utsname name;
	int count;

	report_begin("guest");
	uname(&name);
	report("kernel", "%s", name.release);
	count = gpus_find(gpus);
	report("gpus", "%d", count);
	if (!count)
		give_up("no GPU with NVLink bridges");
	if (!strcmp(job, "nodes")) {
		nodes(gpus, count);
		return 0;
	}
	load_driver();
	if (!strcmp(job, "job"))
		use_gpus(gpus, count);
	else if (!strcmp(job, "moved"))
		moved(gpus);
	else
		use_gpu(&gpus[0], &gpus[1], job);
	return 0;
}

int main(int argc, char **argv)
{
	char job[16] = "job", *const again[] = { argv[0], job, NULL };

	if (argc > 1)
		return strcmp(argv[1], "shell") ? run_job(argv[1]) : boot_shell();
	boot_prepare();
	report_begin("guest");
	boot_parameter("machine.job=", job, sizeof(job));
	if (!strcmp(job, "shell")) {
		boot_run(again);
	} else {
		report("job.status", "%d", boot_run(again));
		mark("running");
	}
	boot_end();
	return 0;
}
