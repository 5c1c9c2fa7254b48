// SPDX-License-Identifier: GPL-2.0
/*
 * A row for each socket: its NPU, below it a box for each GPU, between them a line for each link. The colours follow
 * light or dark as the reader has it, and no colour says anything that no word says.
 */
#include <stdio.h>
#include <string.h>

#include "list.h"

#define MARGIN 20
#define TITLE 50
#define COLUMN 390
#define GAP 20
#define NPU_HEIGHT 52
#define LINK_HEIGHT 84
#define LINK_WIDTH 122
#define GPU_HEIGHT 92
#define ROW (NPU_HEIGHT + LINK_HEIGHT + GPU_HEIGHT + 40)

static const char style[] =
	"<style>\n"
	"text { font-family: sans-serif; font-size: 12px; fill: #222 }\n"
	".name { font-size: 14px; font-weight: bold }\n"
	".page { fill: #fff }\n"
	".npu { fill: #dbe7f5; stroke: #35608f }\n"
	".gpu { fill: #e3f1dc; stroke: #4a7a35 }\n"
	".link { stroke: #777; stroke-width: 3 }\n"
	".up { stroke: #2c8a2c }\n"
	".down { stroke-dasharray: 6 4 }\n"
	".dead { stroke: #c22; stroke-dasharray: 2 4 }\n"
	".unknown { stroke-width: 1 }\n"
	"@media (prefers-color-scheme: dark) {\n"
	"text { fill: #eee }\n"
	".page { fill: #1b1b1b }\n"
	".npu { fill: #223a55; stroke: #7aa7d8 }\n"
	".gpu { fill: #263d1e; stroke: #8cc070 }\n"
	".link { stroke: #999 }\n"
	".up { stroke: #66d066 }\n"
	".dead { stroke: #f66 }\n"
	"}\n"
	"</style>\n";

static void put_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", stdout);
		else if (*text == '<')
			fputs("&lt;", stdout);
		else if (*text == '>')
			fputs("&gt;", stdout);
		else
			putchar(*text);
	}
}

static void text_at(int x, int y, const char *class, const char *text)
{
	printf("<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
	put_text(text);
	printf("</text>\n");
}

static void box(int x, int y, int width, int height, const char *class)
{
	printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" class=\"%s\"/>\n", x, y, width, height, class);
}

static void draw_link(const struct bridge *bridge, int x, int y)
{
	const char *state = link_state_name(bridge->state);
	char label[64], number[16];

	printf("<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"link %s\"/>\n", x, y, x, y + LINK_HEIGHT, state);
	snprintf(label, sizeof(label), "link %s: %s", describe_number(number, sizeof(number), bridge->link), state);
	text_at(x + 6, y + 28, "", label);
	text_at(x + 6, y + 45, "", text_or(bridge->function.address, "not shown"));
	text_at(x + 6, y + 62, "", text_or(bridge->function.driver, "no driver"));
}

static void draw_user(const struct machine *machine, const struct gpu *gpu, int x, int y)
{
	const struct group *group = machine_group(machine, gpu->function.group);
	char user[160], text[200];

	if (!group)
		return;
	describe_user(user, sizeof(user), group);
	snprintf(text, sizeof(text), "group %d%s%s", group->number, *user ? ": " : "", user);
	text_at(x, y, "", text);
}

static void draw_gpu(const struct machine *machine, int index, int x, int y)
{
	const struct gpu *gpu = &machine->gpu[index];
	char text[160];

	box(x, y, COLUMN - GAP, GPU_HEIGHT, "gpu");
	snprintf(text, sizeof(text), "%s  %s", text_or(gpu->slot, "GPU"), text_or(gpu->function.address, "not shown"));
	text_at(x + 10, y + 22, "name", text);
	text_at(x + 10, y + 41, "", gpu->name);
	snprintf(text, sizeof(text), "driver %s, RAM at %#llx", text_or(gpu->function.driver, "none"),
		 (unsigned long long)gpu->base);
	text_at(x + 10, y + 59, "", text);
	draw_user(machine, gpu, x + 10, y + 77);
}

static void draw_gpus(const struct machine *machine, int npu, int y)
{
	int i, x = MARGIN, links;
	size_t b;

	for (i = 0; i < (int)machine->gpus; i++) {
		if (machine->gpu[i].npu != npu)
			continue;
		draw_gpu(machine, i, x, y + LINK_HEIGHT);
		for (b = 0, links = 0; b < machine->bridges; b++)
			if (machine->bridge[b].gpu == i)
				draw_link(&machine->bridge[b], x + 8 + LINK_WIDTH * links++, y);
		x += COLUMN;
	}
}

static void draw_npu(const struct machine *machine, int index, int y)
{
	int gpus = machine_gpus_of(machine, index), width = COLUMN * (gpus ? gpus : 1) - GAP;
	const struct npu *npu = &machine->npu[index];
	char text[160], number[16];

	box(MARGIN, y, width, NPU_HEIGHT, "npu");
	if (npu->chip == NONE) {
		text_at(MARGIN + 10, y + 22, "name", npu->node);
	} else {
		snprintf(text, sizeof(text), "Socket %d: NPU %s", npu->chip,
			 describe_number(number, sizeof(number), npu->index));
		text_at(MARGIN + 10, y + 22, "name", text);
		snprintf(text, sizeof(text), "%s links, %d blocks of ATSD registers",
			 describe_number(number, sizeof(number), npu->links), npu->atsd);
		text_at(MARGIN + 10, y + 41, "", text);
	}
	draw_gpus(machine, index, y + NPU_HEIGHT);
}

static int width_of(const struct machine *machine)
{
	int most = 2, gpus;
	size_t i;

	for (i = 0; i < machine->npus; i++) {
		gpus = machine_gpus_of(machine, i);
		if (gpus > most)
			most = gpus;
	}
	return 2 * MARGIN + COLUMN * most - GAP;
}

void list_svg(const struct machine *machine)
{
	int width = width_of(machine), height = TITLE + MARGIN + ROW * (machine->npus ? machine->npus : 1);
	char title[160];
	size_t i;

	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n",
	       width, height, width, height);
	fputs(style, stdout);
	printf("<rect width=\"%d\" height=\"%d\" class=\"page\"/>\n", width, height);
	snprintf(title, sizeof(title), "%s, Linux %s", text_or(machine->model, "A machine without a name"), machine->kernel);
	text_at(MARGIN, 30, "name", title);
	for (i = 0; i < machine->npus; i++)
		draw_npu(machine, i, TITLE + ROW * i);
	if (!machine_has_nvlink2(machine))
		text_at(MARGIN, height - MARGIN, "", "No NVLink2 here.");
	printf("</svg>\n");
}
