#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 2700
"""The consumer QEMU: what it refuses, and says; what guests are given, and still have after they rebooted; what its
monitor answers while a guest has GPU RAM.

The device trees that guests of QEMU 7.2 saw, which was the last in Debian with NVLink2, are in guest-trees.json.
One machine runs all guests, 80 s; tests/full has more.
"""

import os

import tap

import guests  # noqa: E402

RECORD = os.path.join(tap.TOP, "tests", "guest-trees.json")
LOG = os.path.join(tap.BUILD, "logs", "consumer-guests.log")
SOCKETS, FORM1 = "reboot-sockets:1", "one:pseries-6.1"
# After one that might not lock its memory, and a command line with the bridges of a GPU before it
LIMITED, BRIDGES_FIRST = "may-lock-enough", "bridges-first"


def judge(seen):
    known = guests.record(RECORD)
    return [*(guests.refused(seen, name) for name in guests.REFUSED),
            guests.stays(seen, SOCKETS, boots=2, gpus=4), guests.distances(seen, SOCKETS, guests.all_apart(5)),
            guests.same_tree(seen, SOCKETS, known["sockets"]), guests.ends(seen, SOCKETS),
            *guests.answers(seen), guests.stays(seen, "asked", boots=1, gpus=1),
            guests.distances(seen, "asked", guests.all_apart(2)), guests.ends(seen, "asked"),
            guests.distances(seen, FORM1, guests.all_apart(2)),
            guests.same_tree(seen, FORM1, known[FORM1]), guests.ends(seen, FORM1),
            guests.stays(seen, LIMITED, boots=1, gpus=1), guests.same_tree(seen, LIMITED, known["one"]),
            guests.ends(seen, LIMITED),
            guests.stays(seen, BRIDGES_FIRST, boots=1, gpus=2), guests.distances(seen, BRIDGES_FIRST, guests.all_apart(3)),
            guests.ends(seen, BRIDGES_FIRST), guests.host_is_well(seen)]


tap.job(lambda: judge(guests.observe([*guests.REFUSED, SOCKETS, "asked", FORM1, LIMITED, BRIDGES_FIRST], LOG, 2600)), LOG)
