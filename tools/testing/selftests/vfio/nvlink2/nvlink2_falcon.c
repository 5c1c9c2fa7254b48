// SPDX-License-Identifier: GPL-2.0
/*
 * DMA of a V100, by an engine that it has and that needs no driver
 *
 * Data goes over PCIe, into the RAM of the GPU and out of it, and over NVLink
 * when links are up. What arrives is looked at from another side each time: by
 * the window to the RAM in BAR 0, or by the CPU over NVLink.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "../../kselftest_harness.h"
#include "lib/falcon.h"
#include "lib/fixture.h"
#include "lib/reset.h"

/* Bus addresses in the window that each container starts with */
#define IOVA		(64 * MIB)
#define RAM_IOVA	(128 * MIB)
/* Halves of the memory: data goes from one to the other */
#define HALF		(MIB / 2)
#define CHUNK		0x10000

FIXTURE(falcon)
{
	struct nvlink2 nvlink2;
	struct falcon falcon;
	uint8_t *memory;
	int log;
};

FIXTURE_SETUP(falcon)
{
	volatile uint64_t *none;
	int i;

	NEED_GPU();
	self->log = watch_log_begin();
	ASSERT_EQ(0, nvlink2_prepare_open(&self->nvlink2, &none));
	NEED_FALCON(&self->falcon, &self->nvlink2.gpu);

	self->memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->memory);
	for (i = 0; i < (int)HALF; i++)
		self->memory[i] = i * 7 + i / 256;
	ASSERT_EQ(0, spapr_register(&self->nvlink2.container, self->memory,
				    MIB));
	ASSERT_EQ(0, spapr_map(&self->nvlink2.container, IOVA, self->memory,
			       MIB));
}

FIXTURE_TEARDOWN(falcon)
{
	falcon_close(&self->falcon);
	munmap(self->memory, MIB);
	nvlink2_close(&self->nvlink2);
	EXPECT_QUIET_LOG(self->log);
}

/* Nothing but the wanted bytes arrives, wherever they begin and end */
TEST_F_TIMEOUT(falcon, memory_to_memory, NVLINK2_TIMEOUT)
{
	static const unsigned int place[][3] = {
		{ 0, 0, 4 }, { 0, 0, 256 }, { 4, 8, 252 }, { 252, 252, 8 },
		{ 0, 128, 512 }, { 20, 0, 1024 }, { 64, 192, 0x1234 },
	};
	const uint8_t *from = self->memory;
	uint8_t *to = self->memory + HALF;
	unsigned int i, src, dst, size;

	for (i = 0; i < sizeof(place) / sizeof(*place); i++) {
		src = place[i][0];
		dst = place[i][1] + CHUNK;
		size = place[i][2];
		memset(to, 0xee, HALF);
		ASSERT_EQ(0, falcon_copy(&self->falcon, FALCON_SYSTEM,
					 IOVA + src, FALCON_SYSTEM,
					 IOVA + HALF + dst, size));
		EXPECT_EQ(0, memcmp(from + src, to + dst, size));
		EXPECT_EQ(0xee, to[dst - 1]);
		EXPECT_EQ(0xee, to[dst + size]);
	}
}

/* A window for addresses of 64 bits is reached as well */
TEST_F_TIMEOUT(falcon, both_windows, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint64_t start;

	ASSERT_EQ(0, spapr_create_window(container, 16, 256 * MIB, 1, &start));
	ASSERT_LT(4 * GIB, start);
	ASSERT_EQ(0, spapr_map(container, start, self->memory + HALF, HALF));
	ASSERT_EQ(0, falcon_copy(&self->falcon, FALCON_SYSTEM, IOVA,
				 FALCON_SYSTEM, start, 512));
	EXPECT_EQ(0, memcmp(self->memory, self->memory + HALF, 512));
	EXPECT_EQ(0, self->memory[HALF + 512]);
}

/* The RAM can be filled and read with links down, by either way to it */
TEST_F_TIMEOUT(falcon, ram, NVLINK2_TIMEOUT)
{
	uint64_t size = nvlink2_ram_size(&self->nvlink2);
	const uint64_t place[] = { 0, 3 * MIB - 256, size / 2, size - 512 };
	uint32_t word[128];
	unsigned int i, j;

	ASSERT_LT(4 * MIB, size);
	for (i = 0; i < sizeof(place) / sizeof(*place); i++) {
		ASSERT_EQ(0, falcon_copy(&self->falcon, FALCON_SYSTEM,
					 IOVA + 512 * i, FALCON_RAM, place[i],
					 sizeof(word)));
		memcpy(word, self->memory + 512 * i, sizeof(word));
		for (j = 0; j < 128; j++)
			ASSERT_EQ(le32toh(word[j]),
				  falcon_ram_load(&self->falcon,
						  place[i] + 4 * j));

		falcon_ram_store(&self->falcon, place[i] + 256, 0x12345678);
		ASSERT_EQ(0, falcon_read(&self->falcon, FALCON_RAM, place[i],
					 word, sizeof(word)));
		EXPECT_EQ(0x12345678, le32toh(word[64]));
		word[64] = ((uint32_t *)(self->memory + 512 * i))[64];
		EXPECT_EQ(0, memcmp(word, self->memory + 512 * i,
				    sizeof(word)));
	}
}

/* What the CPU finds behind the links is the RAM of this GPU */
TEST_F_TIMEOUT(falcon, ram_behind_links, NVLINK2_TIMEOUT)
{
	uint64_t size = self->nvlink2.ram.size;
	const uint64_t place[] = { 0, size / 2, size - CHUNK };
	volatile uint32_t *ram;
	unsigned int i;

	NEED_LINKS(nvlink2_train(&self->nvlink2));
	for (i = 0; i < sizeof(place) / sizeof(*place); i++) {
		if (place[i] >= nvlink2_ram_size(&self->nvlink2))
			continue;
		ram = nvlink2_map_ram(&self->nvlink2, place[i], CHUNK);
		ASSERT_NE(MAP_FAILED, (void *)ram);

		ram[3] = htole32(0x11111111 * (i + 1));
		__sync_synchronize();
		EXPECT_EQ(0x11111111 * (i + 1),
			  falcon_ram_load(&self->falcon, place[i] + 12));
		falcon_ram_store(&self->falcon, place[i] + CHUNK - 4,
				 0x01010101 * (i + 1));
		EXPECT_EQ(0x01010101 * (i + 1), le32toh(ram[CHUNK / 4 - 1]));
		ASSERT_EQ(0, falcon_write(&self->falcon, FALCON_RAM,
					  place[i] + 256, self->memory, 256));
		EXPECT_EQ(0, memcmp(self->memory, (void *)&ram[64], 256));
		munmap((void *)ram, CHUNK);
	}
}

/* GPU RAM has addresses for DMA like other memory, over PCIe too */
TEST_F_TIMEOUT(falcon, ram_by_its_iova, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	void *ram;

	NEED_LINKS(nvlink2_train(&self->nvlink2));
	ram = nvlink2_map_ram(&self->nvlink2, MIB, CHUNK);
	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, spapr_register(container, ram, CHUNK));
	ASSERT_EQ(0, spapr_map(container, RAM_IOVA, ram, CHUNK));
	ASSERT_EQ(0, falcon_copy(&self->falcon, FALCON_SYSTEM, IOVA,
				 FALCON_SYSTEM, RAM_IOVA + 512, 1024));
	EXPECT_EQ(0, memcmp(self->memory, (char *)ram + 512, 1024));
	ASSERT_EQ(0, falcon_copy(&self->falcon, FALCON_RAM, MIB + 512,
				 FALCON_SYSTEM, IOVA + HALF, 1024));
	EXPECT_EQ(0, memcmp(self->memory, self->memory + HALF, 1024));
	EXPECT_EQ(0, spapr_unmap(container, RAM_IOVA, CHUNK));
	EXPECT_EQ(0, spapr_unregister(container, ram, CHUNK));
	munmap(ram, CHUNK);
}

TEST_F_TIMEOUT(falcon, over_nvlink, NVLINK2_TIMEOUT)
{
	uint32_t links;

	NEED_LINKS(nvlink2_train(&self->nvlink2));
	links = falcon_active_links(&self->falcon);
	ASSERT_NE(0, links);
	falcon_route(&self->falcon, links);
	ASSERT_EQ(0, falcon_copy(&self->falcon, FALCON_SYSTEM, IOVA, FALCON_RAM,
				 MIB, 1024));
	ASSERT_EQ(0, falcon_copy(&self->falcon, FALCON_RAM, MIB, FALCON_SYSTEM,
				 IOVA + HALF, 1024));
	EXPECT_EQ(0, memcmp(self->memory, self->memory + HALF, 1024));
}

/* What is unmapped is gone for the GPU, also if it has been used before */
TEST_F_TIMEOUT(falcon, unmapped_memory_is_out_of_reach, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint32_t before, after = 0;

	ASSERT_EQ(0, falcon_read(&self->falcon, FALCON_SYSTEM, IOVA, &before,
				 sizeof(before)));
	EXPECT_EQ(0, memcmp(&before, self->memory, sizeof(before)));
	ASSERT_EQ(0, spapr_unmap(container, IOVA, MIB));
	/* Whether it ends is not known: the PHB does not let it happen */
	falcon_read(&self->falcon, FALCON_SYSTEM, IOVA, &after, sizeof(after));
	EXPECT_NE(before, after);

	falcon_close(&self->falcon);
	ASSERT_EQ(0, reset_if_frozen(&self->nvlink2));
	ASSERT_EQ(0, falcon_open(&self->falcon, &self->nvlink2.gpu));
	ASSERT_EQ(0, spapr_map(container, IOVA, self->memory, MIB));
	ASSERT_EQ(0, falcon_read(&self->falcon, FALCON_SYSTEM, IOVA, &after,
				 sizeof(after)));
	EXPECT_EQ(before, after);
}

/*
 * A GPU has two windows over PCIe and one over NVLink, the one that was created
 * last. There is no bit in a link's address to tell them apart: the address of
 * one memory over PCIe is that of the other over NVLink.
 */
TEST_F_TIMEOUT(falcon, one_window_over_nvlink, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint8_t data[256];
	uint64_t start;

	NEED_LINKS(nvlink2_train(&self->nvlink2));
	ASSERT_EQ(0, spapr_create_window(container, 16, 256 * MIB, 1, &start));
	memset(self->memory + HALF, 0x55, CHUNK);
	ASSERT_EQ(0, spapr_map(container, start + IOVA, self->memory + HALF,
			       CHUNK));

	ASSERT_EQ(0, falcon_read(&self->falcon, FALCON_SYSTEM, IOVA, data,
				 sizeof(data)));
	EXPECT_EQ(0, memcmp(data, self->memory, sizeof(data)));
	falcon_route(&self->falcon, falcon_active_links(&self->falcon));
	ASSERT_EQ(0, falcon_read(&self->falcon, FALCON_SYSTEM, IOVA, data,
				 sizeof(data)));
	EXPECT_EQ(0, memcmp(data, self->memory + HALF, sizeof(data)));
	ASSERT_EQ(0, falcon_read(&self->falcon, FALCON_SYSTEM, start + IOVA,
				 data, sizeof(data)));
	EXPECT_EQ(0, memcmp(data, self->memory + HALF, sizeof(data)));
}

/* Each of the links alone leads to that window, and PCIe to the other one */
TEST_F_TIMEOUT(falcon, over_each_link, NVLINK2_TIMEOUT)
{
	struct spapr_container *container = &self->nvlink2.container;
	uint32_t data, links, link;
	uint64_t start;

	NEED_LINKS(nvlink2_train(&self->nvlink2));
	ASSERT_EQ(0, spapr_create_window(container, 16, 256 * MIB, 1, &start));
	ASSERT_EQ(0, spapr_map(container, start + IOVA, self->memory + HALF,
			       CHUNK));
	links = falcon_active_links(&self->falcon);
	ASSERT_EQ(self->nvlink2.place->num_bridges,
		  __builtin_popcount(links));
	for (link = 1; link <= links; link <<= 1) {
		if (!(links & link))
			continue;
		memcpy(self->memory + HALF, &link, sizeof(link));
		falcon_route(&self->falcon, link);
		ASSERT_EQ(0, falcon_read(&self->falcon, FALCON_SYSTEM, IOVA,
					 &data, sizeof(data)));
		EXPECT_EQ(link, data);
	}
}

/* The GPU is in the state of a new one after a reset, with its RAM at hand */
TEST_F_TIMEOUT(falcon, works_after_reset, NVLINK2_TIMEOUT)
{
	int ret = nvlink2_train(&self->nvlink2);

	ASSERT_TRUE(!ret || ret == -ENOLINK);
	if (!ret)
		falcon_route(&self->falcon,
			     falcon_active_links(&self->falcon));
	falcon_close(&self->falcon);
	ASSERT_EQ(0, vfio_dev_hot_reset(&self->nvlink2.gpu,
					&self->nvlink2.container));
	ASSERT_EQ(0, falcon_open(&self->falcon, &self->nvlink2.gpu));
	EXPECT_EQ(0, falcon_active_links(&self->falcon));
	ASSERT_EQ(0, falcon_copy(&self->falcon, FALCON_SYSTEM, IOVA, FALCON_RAM,
				 0, 256));
	ASSERT_EQ(0, falcon_copy(&self->falcon, FALCON_RAM, 0, FALCON_SYSTEM,
				 IOVA + HALF, 256));
	EXPECT_EQ(0, memcmp(self->memory, self->memory + HALF, 256));
}

#define INTERRUPT_MS	10000

/* What the falcon raises arrives as an MSI, once for each time */
TEST_F_TIMEOUT(falcon, interrupt, NVLINK2_TIMEOUT)
{
	struct pollfd event = { .events = POLLIN };
	uint64_t count;
	int i, ret;

	event.fd = eventfd(0, EFD_NONBLOCK);
	ASSERT_LE(0, event.fd);
	ASSERT_EQ(0, vfio_dev_set_msi(&self->nvlink2.gpu, event.fd));
	ret = falcon_interrupt_enable(&self->falcon);
	if (ret == -ENODEV)
		SKIP(return, "the GPU does not show interrupts of the falcon");
	ASSERT_EQ(0, ret);
	for (i = 0; i < 3; i++) {
		falcon_interrupt_raise(&self->falcon);
		ASSERT_EQ(1, poll(&event, 1, INTERRUPT_MS));
		ASSERT_EQ(sizeof(count), read(event.fd, &count, sizeof(count)));
		EXPECT_EQ(1, count);
		falcon_interrupt_clear(&self->falcon);
	}

	falcon_interrupt_disable(&self->falcon);
	falcon_interrupt_raise(&self->falcon);
	EXPECT_EQ(0, poll(&event, 1, 100));
	falcon_interrupt_clear(&self->falcon);
	EXPECT_EQ(0, vfio_dev_set_msi(&self->nvlink2.gpu, -1));
	close(event.fd);
}

NVLINK2_MAIN()
