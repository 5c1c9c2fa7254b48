# SPDX-License-Identifier: GPL-2.0
"""What has to be true of guests in many shapes, of the job "guests": what they are given, what they are refused, that
it stays over reboots, and what QEMU says when its owner wants something that cannot be.

A fact that is missing never passes.
"""

import json
import re

import scenario
from checks import Result
from witherspoon import Settings

BOARD = "4gpu"
# What QEMU says at last, and then does not start.
REFUSED = {
    "sockets-together": "NVLink2 devices gpu0 and gpu2 are of different IOMMU groups and share PCI host bridge nvlink0",
    "orphans": "NVLink bridge bridge0 is passed through without the GPU it leads to",
    "no-bridges": r"GPU gpu0 is passed through without NVLink bridges that lead to it:( \S+:00:00\.[012]){3}",
    "may-lock-little": "Memory registering failed: Cannot allocate memory",
    "bridge-missing": r"GPU gpu0 is passed through without NVLink bridges that lead to it: \S+:00:00\.1",
}
# The answers to the questions of machine/host/guests.c, after the name of the check.
ANSWERS = [
    ("hotplug of a GPU is refused", 1, r"Error: NVLink2 devices cannot be hotplugged$"),
    ("hotplug of a bridge is refused", 2, r"Error: NVLink2 devices cannot be hotplugged$"),
    ("unplugging a GPU is refused", 4, r"Error: PCI: Cannot unplug NVLink2 devices$"),
    ("unplugging a bridge is refused", 5, r"Error: PCI: Cannot unplug NVLink2 devices$"),
    ("unplugging a PCI host bridge is refused", 6,
     r"Error: PCI host bridge nvlink0 has NVLink2 devices, which cannot be unplugged$"),
    ("unplugging function 0 of a bridge's slot is refused", 7,
     r"Error: companion shares its slot with NVLink2 device bridge0, which cannot be unplugged$"),
    ("a dump leaves GPU RAM out", 8, r"Error: dump: no guest memory to dump$"),
    ("hotplug of a device of another IOMMU group is refused", 11,
     r"Error: PCI host bridge nvlink0 has NVLink2 devices and takes none of other IOMMU groups; Give"),
    ("the guest runs on", 12, r"VM status: running$"),
]
BLOCKED = r"GPU RAM of \S+, an NVLink2 device, cannot be migrated"
# Properties that name other nodes, by numbers that firmware gives
REFERENCES = {"ibm,npu", "ibm,gpu", "ibm,nvlink", "memory-region"}
# Of PCI what NVLink2 is about: the rest is of the devices, or firmware's
PCI = REFERENCES | {"ibm,mmio-atsd", "ibm,device-tgt-addr", "ibm,nvlink-speed", "vendor-id", "device-id", "ranges"}
# Firmware's, too
LEFT_OUT = {"phandle", "slof,from-fdt", "available"}
# Of RTAS only what NUMA is about; QEMU before 8.2 left GPUs out of two tables
RTAS = r"/rtas/ibm,(associativity|max-associativity)"
# Of the node of a GPU to all others, and that of machine types before 5.1
DISTANCE, OLD_DISTANCE = 80, 40


class Boot:
    """One life of a guest."""

    def __init__(self):
        self.facts = {}
        self.properties = {}

    def tree(self):
        """What QEMU put into the device tree for NVLink2 and NUMA."""
        names = {value: path.rsplit("/", 1)[0] for path, value in self.properties.items()
                 if path.endswith("/phandle")}
        tree = {}
        for path, value in self.properties.items():
            name = path.rsplit("/", 1)[1]
            if (name in LEFT_OUT or path.startswith("/pci@") and name not in PCI or path.startswith("/cpus/") or
                    path.startswith("/rtas/") and not re.match(RTAS, path)):
                continue
            if name in REFERENCES:
                value = " ".join(names.get(value[at:at + 8], "?") for at in range(0, len(value), 8))
            tree[path] = value
        return tree

    def nodes(self):
        return [self.facts[key] for key in sorted(self.facts) if key.startswith("guest.node.")]

    def distances(self):
        return [self.facts[key] for key in sorted(self.facts) if key.startswith("guest.distance.")]


class Shape:
    """A guest, with what QEMU said."""

    def __init__(self):
        self.facts = {}
        self.boots = []


class Guests(scenario.Observation):
    """What was said, guest by guest."""

    def __init__(self):
        super().__init__()
        self.shapes = {}
        self.shape = Shape()

    def fact(self, key, value):
        super().fact(key, value)
        if key == "host.shape":
            self.shape = self.shapes[value] = Shape()
        elif key.startswith("guest."):
            if key == "guest.kernel":
                self.shape.boots.append(Boot())
            if self.shape.boots:
                self.shape.boots[-1].facts[key] = value
        else:
            self.shape.facts[key.split(".", 2)[-1]] = value

    def line(self, text):
        super().line(text)
        tree = re.match(r"guest\| tree\| (\S+) ?([0-9a-f]*)$", text)
        if tree and self.shape.boots:
            self.shape.boots[-1].properties[tree[1]] = tree[2]

    def last_boot(self, name):
        boots = self.shapes[name].boots if name in self.shapes else []
        return boots[-1] if boots else Boot()


def observe(shapes, log, timeout, board=BOARD):
    settings = Settings(board=board, job=",".join(["guests", *shapes]))
    return scenario.observe(settings, log, timeout, seen=Guests())


def record(path):
    """The trees that guests of QEMU 7.2 saw, by shape."""
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def refused(seen, name):
    shape = seen.shapes.get(name, Shape())
    text = shape.facts.get("qemu", "")
    return Result(f"{name}: QEMU says why, and does not start", bool(re.search(REFUSED[name] + "$", text)) and
                  shape.facts.get("consumer") == "1" and not shape.boots, host=text)


def same_tree(seen, name, known):
    """known: one of record()."""
    tree = seen.last_boot(name).tree()
    changed = [f"{path}: {known.get(path)} was known, {tree.get(path)} is there" for path in sorted({*tree, *known})
               if tree.get(path) != known.get(path)]
    return Result(f"{name}: the device tree is that of QEMU 7.2", bool(known) and not changed,
                  "\n".join(changed[:10]) or f"{len(tree)} properties")


def all_apart(nodes, distance=DISTANCE):
    """What nodes say that are all as far from each other; nodes: how many, with that of the processors."""
    return [" ".join("10" if to == node else str(distance) for to in range(nodes)) for node in range(nodes)]


def distances(seen, name, wanted):
    found = seen.last_boot(name).distances()
    return Result(f"{name}: distances of nodes", found == wanted, "\n".join(found))


def stays(seen, name, boots, gpus):
    """Each boot finds what the first one found, and can use it."""
    lives = seen.shapes.get(name, Shape()).boots
    found = [life.nodes() for life in lives]
    usable = [node.endswith(", 0 words wrong") for nodes in found for node in nodes]
    return Result(f"{name}: GPU RAM stays in its node", len(lives) == boots and all(usable) and
                  len(usable) == boots * gpus and all(nodes == found[0] for nodes in found) and
                  all(life.tree() == lives[0].tree() for life in lives),
                  "\n".join("; ".join(nodes) for nodes in found))


def answers(seen):
    facts = seen.shapes.get("asked", Shape()).facts
    results = [Result(name, "answer.%d" % number in facts and bool(re.match(pattern, facts["answer.%d" % number])),
                      host=facts.get(f"answer.{number}", "")) for name, number, pattern in ANSWERS]
    maps = [facts.get(f"answer.{number}", "") for number in (0, 3)]
    results.append(Result("what was refused is not mapped any more", bool(re.match(r"[1-9]\d* of [1-9]", maps[0])) and
                          maps[0] == maps[1], host="; ".join(maps)))
    migrate = [facts.get(f"answer.{number}", "") for number in (9, 10)]
    results.append(Result("migration is refused, and GPU RAM a reason", migrate[0].startswith("Error: ") and
                          bool(re.search(BLOCKED, migrate[1])), host="; ".join(migrate)))
    return results


def ends(seen, name):
    """QEMU ends as the guest does; one that reboots is ended."""
    shape = seen.shapes.get(name, Shape())
    text = shape.facts.get("consumer", "")
    return Result(f"{name}: the guest ends", text == "0" and bool(shape.boots), host=f"status {text}")


def plain(seen, name):
    """The GPU is a PCI device like any other."""
    shape = seen.shapes.get(name, Shape())
    gpus = seen.last_boot(name).facts.get("guest.gpus", "")
    return Result(f"{name}: the guest sees no NVLink2", gpus == "0" and shape.facts.get("consumer") == "0",
                  f"{gpus} GPUs", f"status {shape.facts.get('consumer')}\n{shape.facts.get('qemu', '')}")


def host_is_well(seen):
    return Result("the host has its devices back and warns about nothing", bool(re.match(
        r"(\d+) of \1$", seen.facts.get("host.unbound", ""))) and seen.facts.get("host.log") == "0 warnings",
        host=f"{seen.facts.get('host.unbound')}, log: {seen.facts.get('host.log')}")
