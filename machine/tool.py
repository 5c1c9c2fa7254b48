# SPDX-License-Identifier: GPL-2.0
"""What has to be true of the job "tool": the program nvlink2 in the emulated host, before a guest has a GPU, while one
has it that was started by the command line that nvlink2 printed, and after.

A fact that is missing never passes.
"""

import json
import re
import xml.etree.ElementTree

import scenario
from checks import Result, nothing_broke
from witherspoon import BOARDS, Settings

SLOT = "GPU0"
GUEST = "alpha"


def observe(board, log, timeout):
    return scenario.observe(Settings(board=board, job=f"tool,{SLOT}"), log, timeout)


def output(seen, name):
    """Status, and what was printed."""
    text = seen.facts.get(f"host.tool.{name}", "")
    found = re.match(r"(\d+)\t", text)
    # Firmware's words can stand in the middle of ours
    return (int(found[1]), text[found.end():].replace("\t", "\n")) if found else (-1, text)


def listed(seen, name):
    """The list as JSON, empty when there is none."""
    status, text = output(seen, name)
    try:
        return json.loads(text) if not status else {}
    except ValueError:
        return {}


def gpus(found):
    return [gpu for npu in found.get("npus", []) for gpu in npu["gpus"]]


def drivers(found):
    """Of GPU0's group, and of all else."""
    of_slot = [gpu["group"] for gpu in gpus(found) if gpu["slot"] == SLOT]
    sides = [set(), set()]
    for group in found.get("groups", []):
        sides[group["group"] not in of_slot] |= {device["driver"] for device in group["devices"]}
    return sides


def states(found):
    sides = [[], []]
    for gpu in gpus(found):
        sides[gpu["slot"] != SLOT] += [bridge["state"] for bridge in gpu["bridges"]]
    return sides


def users(found):
    return [group["user"] for group in found.get("groups", [])]


def topology(seen, board):
    """Sockets, GPUs, links and groups are those of the board; nothing contradicts itself."""
    found = listed(seen, "before")
    links = [[word.count("C") for word in board.wiring]] * board.chips
    seen_links = [[len(gpu["bridges"]) for gpu in npu["gpus"]] for npu in found.get("npus", [])]
    ram = {gpu["ram"]["address"] for gpu in gpus(found) if gpu["ram"]}
    good = (seen_links == links and found["problems"] == [] and len(found["groups"]) == board.chips and
            len(ram) == board.chips * board.gpus_per_chip and found["model"] and found["firmware"])
    return Result("list --json: the board as it is", bool(good), host=f"links {seen_links}, {found.get('problems')}")


def tree(seen, board):
    status, text = output(seen, "tree")
    lines = len(re.findall(r"^  \|  \+- link \d+ down ", text, re.M))
    return Result("list: a line for each link", not status and lines == board.chips * sum(
        word.count("C") for word in board.wiring), host=text)


def idle(seen, name):
    found = listed(seen, name)
    good = drivers(found) == [{None}, {None}] and set(sum(states(found), [])) == {"down"} and not any(users(found))
    return Result(f"{name}: no drivers, links down, nobody has a group", bool(gpus(found)) and good,
                  host=f"{drivers(found)} {states(found)} {users(found)}")


def bound(seen):
    status, text = output(seen, "bind")
    found = listed(seen, "bound")
    return Result(f"bind {SLOT}: its group has vfio-pci, no other device", not status and
                  drivers(found) == [{"vfio-pci"}, {None}], host=f"{text}{drivers(found)}")


def checked(seen, name, words):
    status, text = output(seen, name)
    return Result(f"{name}: {words}", not status and "FAILED" not in text and bool(re.search(words, text)), host=text)


def used(seen, board):
    found = listed(seen, "used")
    have = [user["guest"] for user in users(found) if user]
    own, others = states(found)
    good = have == [GUEST] and own == ["up"] * board.links_per_gpu and set(others) == {"down"}
    return Result("used: the guest has its name and its links are up", good, host=f"{users(found)} {own} {others}")


def refused(seen):
    status, text = output(seen, "unbind-used")
    return Result("unbind while the guest runs is refused", status == 1 and f"in use by guest {GUEST}" in text, host=text)


def guest_ran(seen):
    facts = seen.facts
    return Result("the guest of nvlink2's command line does its work", facts.get("guest.job.status") == "0" and
                  facts.get("host.consumer") == "0", f"status {facts.get('guest.job.status')}",
                  f"QEMU's status {facts.get('host.consumer')}\n{output(seen, 'qemu')[1]}")


def domain(seen, board):
    status, text = output(seen, "libvirt")
    try:
        devices = len(xml.etree.ElementTree.fromstring(text).findall("devices/hostdev"))
    except xml.etree.ElementTree.ParseError:
        devices = 0
    return Result("libvirt: a domain with the GPU and its bridges", not status and devices == board.links_per_gpu + 1,
                  host=text)


def unbound(seen):
    status, text = output(seen, "unbind")
    return Result("unbind", not status and "taken from vfio-pci" in text, host=text)


def judge(seen, name):
    board = BOARDS[name]
    log = seen.facts.get("host.log", "")
    return [topology(seen, board), tree(seen, board), idle(seen, "before"),
            checked(seen, "check-before", "-> nvlink2 bind 0"), bound(seen),
            checked(seen, "check", r"ok +group +0: (\d+) of \1 devices are bound"), domain(seen, board), used(seen, board),
            refused(seen), guest_ran(seen), unbound(seen), idle(seen, "after"),
            Result("host's log", log == "0 warnings", host=log), nothing_broke(seen)]
