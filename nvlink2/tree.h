/* SPDX-License-Identifier: GPL-2.0 */
/* The device tree: NPUs, ends of links, RAM of GPUs. */
#ifndef TREE_H
#define TREE_H

#include "machine.h"

#define TREE "/sys/firmware/devicetree/base"

/**
 * struct marked - a node that others name by phandle
 * @phandle: of the node
 * @link: for the end of a link: its number
 * @base: for RAM of a GPU: its address
 * @size: and the size of its aperture
 * @numa_node: and its NUMA node, or NONE
 */
struct marked {
	uint32_t phandle;
	int link;
	uint64_t base, size;
	int numa_node;
};

/**
 * struct tree - what bridges lead to
 * @link: ends of links
 * @links: how many
 * @memory: RAM of GPUs
 * @memories: how many
 */
struct tree {
	struct marked *link;
	size_t links;
	struct marked *memory;
	size_t memories;
};

/**
 * tree_read() - find ends of links and RAM of GPUs
 * @tree: gets them, to be freed by tree_free()
 * @machine: gets what kind it is, and its NPUs and their bridges as the tree has them
 */
void tree_read(struct tree *tree, struct machine *machine);

/**
 * tree_free() - forget them
 * @tree: what tree_read() found
 */
void tree_free(struct tree *tree);

/**
 * tree_read_bridge() - what the node of a bridge says
 * @tree: the tree
 * @bridge: gets it
 * @node: path of the node
 */
void tree_read_bridge(const struct tree *tree, struct bridge *bridge, const char *node);

/**
 * tree_read_ram() - RAM of a GPU
 * @tree: the tree
 * @gpu: gets address, aperture and NUMA node
 * @phandle: of the RAM
 */
void tree_read_ram(const struct tree *tree, struct gpu *gpu, uint32_t phandle);

#endif
