// SPDX-License-Identifier: GPL-2.0
/*
 * How a program of the series is told which GPU to test: as those of libvfio are, by
 * devices that follow its arguments or by a variable. And what vfio-pci is told of them.
 */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/sysfs.h"

#define VARIABLE	"VFIO_SELFTESTS_BDF"
#define NO_GPU		"0000:00:00.0"

FIXTURE(devices) {};

FIXTURE_SETUP(devices)
{
	NEED_GPU();
}

FIXTURE_TEARDOWN(devices)
{
}

/* Run a program beside this one; what it says on standard output is not wanted */
static int run(const char *variable, const char *first, const char *second)
{
	char path[PATH_MAX] = "", program[PATH_MAX];
	int pid = fork();

	if (pid)
		return watch_child(pid);

	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0 ||
	    !freopen("/dev/null", "w", stdout))
		_exit(126);
	snprintf(program, sizeof(program), "%.*s/nvlink2_regions", PATH_MAX - 32,
		 dirname(path));
	if (variable)
		setenv(VARIABLE, variable, 1);
	execl(program, program, first, second, NULL);
	_exit(127);
}

TEST_F_TIMEOUT(devices, argument, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *place = nvlink2_place();

	EXPECT_EQ(KSFT_PASS, run(NULL, place->gpu, NULL));
	EXPECT_EQ(KSFT_SKIP, run(NULL, NO_GPU, NULL));
	EXPECT_EQ(KSFT_SKIP, run(NULL, place->bridge[0], NULL));
}

/* scripts/run.sh names all devices that scripts/setup.sh was given, sorted by address */
TEST_F_TIMEOUT(devices, gpu_among_bridges, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *place = nvlink2_place();

	EXPECT_EQ(KSFT_PASS, run(NULL, place->gpu, place->bridge[0]));
	EXPECT_EQ(KSFT_PASS, run(NULL, place->bridge[0], place->gpu));
	EXPECT_EQ(KSFT_PASS, run(NULL, NO_GPU, place->gpu));
}

TEST_F_TIMEOUT(devices, variable, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *place = nvlink2_place();

	EXPECT_EQ(KSFT_PASS, run(place->gpu, NULL, NULL));
	EXPECT_EQ(KSFT_SKIP, run(NO_GPU, NULL, NULL));
	/* An argument counts for more */
	EXPECT_EQ(KSFT_PASS, run(NO_GPU, place->gpu, NULL));
}

/* Whether vfio-pci lets a device sleep that nobody has opened */
static int sleeps(const char *bdf)
{
	char path[PATH_MAX], status[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), SYSFS_DEVICES "/%s/power/runtime_status", bdf);
	file = fopen(path, "r");
	if (!file)
		return -1;
	if (!fgets(status, sizeof(status), file))
		status[0] = 0;
	fclose(file);

	return !strcmp(status, "suspended\n");
}

static int bind_anew(const char *bdf)
{
	return sysfs_write(bdf, "driver/unbind", bdf) ?: sysfs_bind(bdf);
}

#define STAYS_AWAKE	"/sys/module/vfio_pci/parameters/disable_idle_d3"

static int set_parameter(const char *value)
{
	const struct nvlink2_place *place = nvlink2_place();

	return sysfs_write_file(STAYS_AWAKE, value) ?: bind_anew(nvlink2_other()) ?:
	       bind_anew(place->gpu) ?: bind_anew(place->bridge[0]) ?: sleep(2);
}

/* Linux 6.12 takes the parameters when the module is loaded, 7.3 when a device is bound */
TEST_F_TIMEOUT(devices, parameters_of_vfio_pci, NVLINK2_TIMEOUT)
{
	const struct nvlink2_place *place = nvlink2_place();

	if (!nvlink2_other())
		SKIP(return, "no device of another kind: --other names one");

	EXPECT_EQ(0, set_parameter("Y"));
	EXPECT_EQ(sleeps(nvlink2_other()), sleeps(place->gpu));
	EXPECT_EQ(sleeps(nvlink2_other()), sleeps(place->bridge[0]));

	EXPECT_EQ(0, set_parameter("N"));
	EXPECT_EQ(1, sleeps(nvlink2_other()));
	EXPECT_EQ(1, sleeps(place->gpu));
	EXPECT_EQ(1, sleeps(place->bridge[0]));
}

NVLINK2_MAIN()
