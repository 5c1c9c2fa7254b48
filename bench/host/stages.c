// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <unistd.h>

#include "../../machine/common/report.h"
#include "../common/cost.h"
#include "probe.h"
#include "stages.h"

#define ROUNDS 3
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* A stage does not contain another one. A function that a kernel does not have takes no time. */
static const struct {
	const char *name, *function;
} stages[] = {
	{ "power", "pci_pm_runtime_resume" },
	{ "platform", "pnv_pci_reset_secondary_bus" },
	{ "ready", "pci_bridge_wait_for_secondary_bus" },
	{ "flr", "pcie_flr" },
	{ "restore", "pci_restore_state" },
};

#define STAGES ARRAY_SIZE(stages)

/* What one of the four things to do took in each round. */
struct part {
	const char *name;
	struct cost whole;
	struct samples stage[STAGES], firmware;
};

enum { GPU_OPEN, BRIDGES_OPEN, BRIDGES_CLOSE, GPU_CLOSE, PARTS };

static void watch_stages(void)
{
	size_t i;

	for (i = 0; i < STAGES; i++)
		probe_time(stages[i].name, stages[i].function);
	event_record("powerpc/opal_entry");
	event_record("powerpc/opal_exit");
}

static void add(struct samples *samples, double value)
{
	if (samples->count < MAX_SAMPLES)
		samples->value[samples->count++] = value;
}

static struct watch begin(void)
{
	probes_forget();
	return watch_start();
}

static void end(const struct watch *watch, struct part *part)
{
	size_t i;

	watch_stop(watch, &part->whole);
	for (i = 0; i < STAGES; i++)
		add(&part->stage[i], probe_us(stages[i].name));
	add(&part->firmware, event_longest_us("opal_entry", "opal_exit"));
}

static int open_or_give_up(const struct vfio_session *session, const struct pci_device *device)
{
	int fd = vfio_open(session, device);

	if (fd < 0)
		give_up("%s cannot be opened", device->address);
	return fd;
}

/* Bridges first when it comes to closing, as the end of a process does it. */
static void round_of(struct part *parts, const struct vfio_session *session, const struct gpu *gpu)
{
	int fd, bridges[MAX_LINKS], i;
	struct watch watch = begin();

	fd = open_or_give_up(session, &gpu->device);
	end(&watch, &parts[GPU_OPEN]);
	watch = begin();
	for (i = 0; i < gpu->links; i++)
		bridges[i] = open_or_give_up(session, &gpu->bridges[i]);
	end(&watch, &parts[BRIDGES_OPEN]);
	watch = begin();
	for (i = 0; i < gpu->links; i++)
		close(bridges[i]);
	end(&watch, &parts[BRIDGES_CLOSE]);
	watch = begin();
	close(fd);
	end(&watch, &parts[GPU_CLOSE]);
}

static void report_part(struct part *part)
{
	char key[64], text[256];
	int length;
	size_t i;

	snprintf(key, sizeof(key), "bench.stages.%s", part->name);
	length = snprintf(text, sizeof(text), "us %.0f firmware %.0f", median(&part->whole.us),
			  median(&part->firmware));
	for (i = 0; i < STAGES; i++)
		length += snprintf(text + length, sizeof(text) - length, " %s %.0f", stages[i].name,
				   median(&part->stage[i]));
	report(key, "%s", text);
}

void stages_bench(const struct vfio_session *session, const struct gpu *gpu)
{
	static struct part parts[PARTS] = {
		[GPU_OPEN].name = "gpu.open", [BRIDGES_OPEN].name = "bridges.open",
		[BRIDGES_CLOSE].name = "bridges.close", [GPU_CLOSE].name = "gpu.close",
	};
	int i;

	watch_stages();
	for (i = 0; i < ROUNDS; i++)
		round_of(parts, session, gpu);
	for (i = 0; i < PARTS; i++)
		report_part(&parts[i]);
}
