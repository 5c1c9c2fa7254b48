#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 7200
"""Guests with one GPU, with two, and with nodes of their own, of machine types since 4.1: device trees are those of
QEMU 7.2, and stay for eight reboots. Of older machine types, and by request, a GPU has no NVLink2.
"""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "machine"), os.path.join(TOP, "tests")]

import tap  # noqa: E402
import guests  # noqa: E402

RECORD = os.path.join(tap.TOP, "tests", "guest-trees.json")
LOG = os.path.join(tap.BUILD, "logs", "guests.log")
REBOOTS = 8
REBOOTING = {f"reboot-one:{REBOOTS}": 1, f"reboot-two:{REBOOTS}": 2}
PLAIN = ("off", "one:pseries-4.0")
OLD = {name: guests.all_apart(2, guests.OLD_DISTANCE) for name in ("one:pseries-4.1", "one:pseries-5.0")}
# Of two nodes that the user has put 40 apart
NUMA = {"numa": ["10 40 80", "40 10 80", "80 80 10"], "numa:pseries-6.1": ["10 40 160", "40 10 160", "160 160 10"]}
SHAPES = {"one": guests.all_apart(2), "two": guests.all_apart(3), "numa": None}


def wanted(name):
    """Distances."""
    return {**OLD, **NUMA}.get(name) or SHAPES[name.split(":")[0]]


def judge(seen, known):
    results = []
    for name, gpus in REBOOTING.items():
        results += [guests.stays(seen, name, REBOOTS + 1, gpus), guests.ends(seen, name),
                    guests.distances(seen, name, guests.all_apart(gpus + 1))]
    for name in trees(known):
        results += [guests.same_tree(seen, name, known[name]), guests.distances(seen, name, wanted(name)),
                    guests.ends(seen, name)]
    return [*results, *(guests.plain(seen, name) for name in PLAIN), guests.host_is_well(seen)]


def trees(known):
    """Those of the record that tests/46-consumer.t does not look at."""
    return [name for name in known if name.split(":")[0] in SHAPES]


def run():
    known = guests.record(RECORD)
    return judge(guests.observe([*PLAIN, *REBOOTING, *trees(known)], LOG, 7000), known)


tap.job(run, LOG)
