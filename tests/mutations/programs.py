# SPDX-License-Identifier: GPL-2.0
"""Mutations of the programs that look from inside host and guest."""

from mutations import Caught, Mutation

MUTATIONS = [
    Mutation("the guest shoots down the pages of another process", "machine/guest/ats.c",
             """	shoot(ats, shots, shared.address, ats->pasid);
	try_copy""",
             """	shoot(ats, shots, shared.address, ats->pasid + 1);
	try_copy""",
             Caught.by("demo", "ATS: unmapped, and shot down", "ATS: no-access, and shot down",
                       "ATS: read-only, and shot down")),
    Mutation("the guest copies over PCIe and says that it was NVLink", "machine/guest/engine.c",
             "		copy_and_compare(round, key, V100_PATH_NVLINK, link);",
             "		copy_and_compare(round, key, V100_PATH_PCIE, 0);",
             Caught.by("demo", "copy over NVLink 0", "copy over NVLink 1", "copy over NVLink 2")),
    Mutation("the guest trains all links but the last", "machine/guest/links.c",
             "	for (link = 0; link < gpu->links; link++) {", "	for (link = 0; link < gpu->links - 1; link++) {",
             Caught.by("demo", "links trained", "broke: not every link came up")),
    Mutation("the guest's program has its memory from another node", "machine/guest/ram.c",
             "	if (bind(memory, size, ram->node) && !mlock(memory, size))",
             "	if (bind(memory, size, 0 * ram->node) && !mlock(memory, size))",
             Caught.by("demo", "program bound to the node")),
    Mutation("what the guest's program finds is not what it has stored", "machine/guest/ram.c",
             "			words[i] = pattern(i, pass);", "			words[i] = pattern(i, 0);",
             Caught.by("demo", "program bound to the node")),
    Mutation("the host leaves the devices to vfio-pci", "machine/host/group.c",
             """		leave_driver(member);
		file_write(path_join(member->path, "driver_override"), "\\n");""",
             """		file_write(path_join(member->path, "driver_override"), "\\n");""",
             Caught.by("demo", "afterwards: unbound")),
    Mutation("the host does not count what the kernel warns of", "machine/host/aftermath.c",
             "!has_one_of(line, good_words) && !bad++)", "!has_one_of(line, good_words) && bad)",
             Caught.by("hmi", "of the checks only those of log and registers fail")),
]
