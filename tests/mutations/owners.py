# SPDX-License-Identifier: GPL-2.0
"""Mutations of the program nvlink2."""

from mutations import Caught, Mutation

BIND, CONFIG, GROUPS, GUEST = "nvlink2/bind.c", "nvlink2/config.c", "nvlink2/groups.c", "nvlink2/guest.c"

MUTATIONS = [
    Mutation("of what has been changed only the last is changed back", BIND,
             "	while (job->changes.count)\n		restore(", "	if (job->changes.count)\n		restore(",
             Caught.by("nvlink2", "bind: whichever write fails, all is as it was",
                       "unbind: whichever write fails, all is as it was", "what was changed last is changed back first")),
    Mutation("what only one driver might have is forgotten", BIND,
             "	good &= set_override(before->address, before->override);",
             "	good &= set_override(before->address, \"\");",
             Caught.by("nvlink2", "an override that was there before comes back")),
    Mutation("a group is taken from a guest that runs", BIND,
             "!(bind ? may_bind(machine, group) : is_free(group))", "!(bind ? may_bind(machine, group) : true)",
             Caught.by("nvlink2", "what is in use is left alone: by a guest, by a program on the GPU, as memory, by a "
                       "driver nobody knows")),
    Mutation("the mailbox of a bridge is read", CONFIG,
             "	flags = pci_read_byte(dev, cap->addr + LINK_FLAGS);",
             "	flags = pci_read_long(dev, cap->addr + LINK_FLAGS - 9) & 0;\n"
             "	flags |= pci_read_byte(dev, cap->addr + LINK_FLAGS);",
             Caught.by("nvlink2", "a read of the mailbox would carry a step of a training out: nothing reads it")),
    Mutation("a link is up when firmware knows its GPU", CONFIG,
             "#define   LINK_OUT_OF_RESET		0x02", "#define   LINK_OUT_OF_RESET		0x01",
             Caught.by("nvlink2", "4gpu: list: a line for each socket, GPU, link and group",
                       "a bridge that answers ones is dead, one that is out of reset is up, a short file tells nothing")),
    Mutation("a group that only begins with the same number counts as in use", GROUPS,
             "*end || number > INT_MAX", "number > INT_MAX",
             Caught.by("nvlink2", "thousands of other devices and processes, and a guest that does not say what it is "
                       "called")),
    Mutation("memory of the groups is not given back", GROUPS,
             "		free(machine->group[i].member);", "		machine->group[i].member = NULL;",
             Caught.by("nvlink2", "4gpu: list: a line for each socket, GPU, link and group",
                       "6gpu: list: a line for each socket, GPU, link and group")),
    Mutation("GPUs of both sockets share a host bridge", GUEST,
             "		guest->host_bridges++;\n", "		guest->host_bridges = 1;\n",
             Caught.by("nvlink2", "4gpu: qemu: a host bridge for each socket, each GPU with its bridges, a limit for locks, "
                       "arguments as they are")),
    Mutation("a kernel that readers of smaps can stop is good enough", "nvlink2/check.c",
             "#define KERNEL_NEEDED 6, 12, 84", "#define KERNEL_NEEDED 6, 12, 83",
             Caught.by("nvlink2", "kernels before 6.12.84, and before 5.13")),
]
