# SPDX-License-Identifier: GPL-2.0
"""What has to be true of the job "neighbours": two guests with a GPU each of the same socket. One works while the other is
killed, loses its GPU, reboots, looks around, has its PE frozen, and while nobody has its GPU that is reset by others than
VFIO; neither reaches the other's GPU, whatever happens.

A fact that is missing never passes.
"""

import re

import scenario
from checks import LINK_DISABLE_SHIFT, Result, nothing_broke
from faults import TCE_FAULT, Faults
from witherspoon import BOARDS, GPU_TYPE, NPU_TYPE, Settings

BOARD = "small"
LINKS = BOARDS[BOARD].links_per_gpu
PEERS = 6 - LINKS
APART = "npu2_isolate=all"
# Register 0xa00148 of each GPU whose links to others are cut
CUT = [links << LINK_DISABLE_SHIFT for links in BOARDS[BOARD].peer_links]
# Of machine/host/neighbours.c: how many rounds the other guest has to do after each
ROUNDS_AFTER = 2
KILLED, SIGBUS = "137", "135"
# What became of a GPU that was reset while nobody had it
FOUND = f"done, memory (on|off), the same group of {LINKS + 1} functions, {LINKS} of {LINKS} bridges in it"
# What each part says of its own guest
PARTS = {
    "kill": KILLED,
    "reset": rf"{KILLED} stopped",
    "poison": SIGBUS,
    "reboot": "2 boots",
    "look": r"0, 0 of [1-9]\d* functions failed",
    "freeze": KILLED,
    "deaf": r"Input/output error, \d+ bytes of log",
    "idle": FOUND,
    "port": FOUND,
    "recover": FOUND,
    "rescan": FOUND,
}
# How GPUs are reset that nobody has, by part, and what becomes of the next open. A port that is reset behind the kernel's
# back takes the GPU's addresses away, until the GPU is found again.
WAYS = {
    "idle": {"idle": "opened"},
    "port": {"port": "Input/output error", "found": "opened"},
    "recover": {"recover": "opened"},
    "rescan": {"rescan": "opened"},
}
# What the kernel says when what a part is about has happened
SAID = {"recover": "EEH: ", "poison": "Memory failure: "}
# What EEH says at each boot
AT_BOOT = r"EEH: (PowerNV platform initialized|PCI Enhanced I/O Error Handling Enabled|Capable adapter found)"
# As in hardware: a PE of a PHB that refuses DMA, or that EEH freezes, stays frozen until EEH has restored its devices
FREEZE = ("-global", "pnv-phb4.freeze-on-refusal=on")
# What firmware logs then of the PHB
DIAGNOSIS = (r"PHB#\w+\[\d+:\d+\]: +\w+(\[\w+\])? = \w+( \w+)?",)
FROZEN = r"PHB#\w+\[\d+:\d+\]: +PEST\[\w+\] = 8\w+ 8\w+"
OPENS = {
    "frozen": ("a GPU whose PE is frozen: the open fails", "Input/output error"),
    "thawed": ("it is opened when the PE is thawed", "opened"),
    "hears": ("a GPU that takes the word again is opened", "opened"),
}


# And without a guest, of GPUs that lose their state in D3hot, in slots without power controller, as those of SXM2 modules
# are: QEMU takes out of others what is in them
WAYS_ALONE = {**WAYS, "power": {"power": "opened"}, "slot": {"slot": "opened"}}
OTHERWISE = ("-global", "pnv-v100.no-soft-reset=off", "-global", "xio3130-downstream.power_controller_present=off")


class Injected(Faults):
    """What is injected at the marks, into the second GPU."""

    def stray(self, monitor):
        self.pe = self.pe_of(monitor, LINKS)
        self.set(monitor, NPU_TYPE, 0, "freeze-on-refusal", True)

    def thaw_second(self, monitor):
        self.set(monitor, NPU_TYPE, 0, f"pestb[{self.pe}]", 0)

    def deafen(self, monitor):
        self.set(monitor, GPU_TYPE, 1, "x-fail-link-disable", True)

    def heal(self, monitor):
        self.set(monitor, GPU_TYPE, 1, "x-fail-link-disable", False)

    def at_mark(self):
        return {"guest.stray": self.stray, "host.frozen": self.may_not_freeze, "host.thaw": self.thaw_second,
                "host.deaf": self.deafen, "host.hears": self.heal}


def observe(log, timeout, *parts, extra=(), append=APART):
    """parts: those of machine/host/neighbours.c, all if there are none."""
    settings = Settings(board=BOARD, job=",".join(["neighbours", *parts]), extra=(*FREEZE, *extra), append=append,
                        may_complain=DIAGNOSIS)
    return scenario.observe(settings, log, timeout, Injected().at_mark())


def rounds(seen, gpu):
    return [value for key, value in seen.order if key == f"guest.gpu{gpu}.neighbour.beat"]


def works(seen):
    """The first guest, and the one that takes its place: no copy, no store was lost, whatever the second one did."""
    good = re.compile(rf"\d+: {LINKS} of {LINKS} links copied, {LINKS} with ATS, 0 words wrong, ")
    beats = rounds(seen, 0)
    wrong = [beat for beat in beats if not good.match(beat)]
    return Result("the neighbour's DMA, ATS and stores go on", bool(beats) and not wrong and
                  seen.facts.get("host.first") == KILLED, "\n".join(wrong[:5]) or f"{len(beats)} rounds",
                  f"QEMU's status {seen.facts.get('host.first')}")


def goes_on(seen, part):
    text = seen.facts.get(f"host.goes-on.{part}", "")
    match = re.match(r"(\d+) rounds meanwhile, (\d+) later$", text)
    return Result(f"{part}: the neighbour works meanwhile and later", bool(match) and int(match[1]) > 0 and
                  int(match[2]) >= ROUNDS_AFTER, host=text)


def happened(seen, part):
    text = seen.facts.get(f"host.{part}", "")
    return Result(f"{part}: happened", bool(re.match(PARTS.get(part, FOUND) + "$", text)), host=text)


def opened(seen, key):
    name, wanted = OPENS[key]
    text = seen.facts.get(f"host.{key}", "")
    return Result(name, text.startswith(wanted + ", "), host=text)


def strayed(seen):
    text = seen.facts.get("guest.gpu1.neighbour.stray", "")
    return Result("freeze: the stray DMA was refused", text == TCE_FAULT, text)


def left_cut(seen, way):
    """After the reset, and before anybody opens the GPU: it has cut its end, or decodes no addresses."""
    gpus, text = seen.gpus.get(f"host.{way}", []), seen.facts.get(f"host.{way}", "")
    masks = [gpu.link_disable for gpu in gpus]
    good = masks == CUT or masks[:1] == CUT[:1] and ", memory off," in text
    return Result(f"{way}: no link joins the GPUs afterwards", text.startswith("done, ") and len(gpus) == 2 and good and
                  not any(gpu.peers["up"] for gpu in gpus), host=text, model=f"0xa00148 {[hex(mask) for mask in masks]}")


def open_cut(seen, way, opens):
    """A GPU whose end cannot be cut is not opened."""
    name = "both ends are cut while VFIO has the GPU open" if opens == "opened" else "the GPU is not opened"
    gpus, text = seen.gpus.get(f"host.{way}.open", []), seen.facts.get(f"host.{way}.open", "")
    masks, wanted = [gpu.link_disable for gpu in gpus], CUT if opens == "opened" else [CUT[0], 0]
    return Result(f"{way}: {name}", text == opens and masks == wanted and
                  not any(gpu.peers["up"] for gpu in gpus), host=text, model=f"0xa00148 {[hex(mask) for mask in masks]}")


def not_reached(seen):
    """Each guest has tried, each time; the model says that not a byte has come from the RAM of one GPU to the other."""
    tries = [[re.search(r", (\d+) of (\d+) other ends reached$", beat) for beat in rounds(seen, gpu)] for gpu in (0, 1)]
    good = all(found and all(match and match.groups() == ("0", str(PEERS)) for match in found) for found in tries)
    gpus = seen.gpus.get("host.after", [])
    return Result("no GPU reaches the other one", good and len(gpus) == 2 and all(
        gpu.peers["bytes"] == gpu.peers["served"] == 0 < gpu.peers["refused"] for gpu in gpus),
        f"{[len(found) for found in tries]} rounds", model="\n".join(str(gpu.peers) for gpu in gpus))


def both_cut(seen):
    """While both guests run, each GPU has cut its own end."""
    gpus = seen.gpus.get("host.both", [])
    masks = [gpu.link_disable for gpu in gpus]
    return Result("each GPU has cut its own end", masks == CUT, model=f"0xa00148 {[hex(mask) for mask in masks]}")


def replaced(seen):
    facts = seen.facts
    return Result("the first guest is replaced while the second works", (facts.get("host.replaced"),
                  facts.get("host.second")) == (KILLED, KILLED),
                  host=f"QEMU's status {facts.get('host.replaced')}, {facts.get('host.second')}")


def taken_back(seen):
    npus = seen.registers.get("host.after", [])
    left = [row for npu in npus for row in npu.left_to_guests()]
    return Result("afterwards: no LPID, all links fenced", bool(npus) and not left and all(
        npu.are_fenced(range(npu.LINKS)) for npu in npus), model=f"left {left}")


def released(seen):
    text = seen.facts.get("host.unbound", "")
    return Result("afterwards: unbound", text == "8 of 8", host=text)


def log_has(seen, parts):
    """What the kernel says of the parts is all that is bad in the host's log."""
    said = {part: [line for line in seen.kernel if SAID[part] in line and not re.search(AT_BOOT, line)]
            for part in parts if part in SAID}
    text, total = seen.facts.get("host.log", ""), sum(map(len, said.values()))
    return Result("host's log", all(said.values()) and text.startswith(f"{total} warnings"),
                  host=f"{text}, {total} of {', '.join(said) or 'nothing'}")


def judge_ignored(seen):
    """GPUs that do not do what they say: nothing but this model can tell that the guests are not apart."""
    result = not_reached(seen)
    moved = [gpu.peers["served"] for gpu in seen.gpus.get("host.after", [])]
    return [Result("GPUs that ignore what they are told are reached, and it is seen", not result.passed and
                   len(moved) == 2 and all(moved), result.guest, model=f"{moved} bytes of each came over")]


def judge_refused(seen):
    text = seen.facts.get("host.stopped", "")
    return [Result("a host whose GPUs share a group says so, and what is needed", "share an IOMMU group" in text and
                   text.endswith(APART) and not any(key.startswith("guest.") for key in seen.facts), host=text)]


def frozen_by_eeh(seen):
    """Which is how EEH keeps everybody from a PE until it has restored it. Firmware tells when it finds that."""
    found = [line for line in seen.firmware if re.search(FROZEN, line)]
    return Result("recover: the PE is frozen meanwhile", bool(found), firmware="\n".join(found))


def judge_unused(seen, part):
    """A GPU that nobody has, reset by others than VFIO."""
    results = [frozen_by_eeh(seen)] if part == "recover" else []
    for way, opens in WAYS_ALONE[part].items():
        results += [left_cut(seen, way), open_cut(seen, way, opens)]
    return results


def own_groups(seen):
    texts = [seen.facts.get(f"host.gpu{gpu}.group", "") for gpu in range(len(CUT))]
    return Result("each GPU has a group of its own, with its bridges", all(re.match(
        rf"\d+: {LINKS + 1} functions, {LINKS} of {LINKS} bridges in it$", text) for text in texts) and
                  len(set(texts)) == len(CUT), host="\n".join(texts))


def judge_alone(seen, parts=tuple(WAYS_ALONE)):
    """Of "neighbours alone": there is no guest."""
    results = [own_groups(seen)]
    for part in parts:
        results += [happened(seen, part), *judge_unused(seen, part)]
    results += [happened(seen, "deaf"), opened(seen, "hears")]
    return [*results, taken_back(seen), released(seen), nothing_broke(seen), log_has(seen, parts)]


def judge_neighbours(seen, parts=tuple(PARTS)):
    results = [check(seen, part) for part in parts for check in (happened, goes_on)]
    results += [result for part in parts if part in WAYS for result in judge_unused(seen, part)]
    if "freeze" in parts:
        results += [strayed(seen), opened(seen, "frozen"), opened(seen, "thawed")]
    if "deaf" in parts:
        results.append(opened(seen, "hears"))
    results += [replaced(seen), goes_on(seen, "replaced"), both_cut(seen)]
    return [own_groups(seen), *results, works(seen), not_reached(seen), taken_back(seen), released(seen), nothing_broke(seen),
            log_has(seen, parts)]
