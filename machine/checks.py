# SPDX-License-Identifier: GPL-2.0
"""What has to be true of the main job. Each check looks at all sides it can and shows what they said.

A fact that is missing never passes: a check compares, it does not look for the absence of trouble.
"""

import re
from dataclasses import dataclass

from witherspoon import BOARDS, Npu

APERTURE = 128 << 30
ATSD_SIZE = 0x10000
SPEEDS = (8, 9)
GUEST_DMA_BYTES = 128 << 10
# Of register 0xa00148 of a GPU: a bit for each link
LINK_DISABLE_SHIFT = 16
# Of the copy engine: done; done and refused, as there is no translation
DONE, NO_LINK, LINK_DOWN, NO_TRANSLATION = "0x2", "0x106", "0x506", "0x606"
# Checks of the main job that the last guest of other jobs has to pass. The others look at what those jobs do not survey.
WHOLE = ("ibm,gpu, memory-region", "links trained", "GPU RAM as a node", "program bound to the node",
         "LPID while it runs", "DMA window while it runs", "copy over PCIe", "copy over NVLink 0", "copy over NVLink 1",
         "copy over NVLink 2", "ATS copy over NVLink 0", "ATS: unmapped, and shot down", "ATSD", "guest ends",
         "afterwards: LPID back", "afterwards: TVE", "afterwards: links fenced", "afterwards: unbound", "host's log",
         "no error of the NPU")
SIDES = ("guest", "host", "firmware", "model")
WAYS_TO_TAKE_AWAY = ("unmapped", "no-access", "read-only")


@dataclass
class Result:
    """One row of the report. sides: guest, host, firmware, model."""
    name: str
    passed: bool
    guest: str = ""
    host: str = ""
    firmware: str = ""
    model: str = ""

    @property
    def sides(self):
        return [getattr(self, side) for side in SIDES]


def facts_about(facts, gpu):
    """What is said of one of several GPUs has "gpu<n>." before the key; this leaves out the others, and the word."""
    about = {}
    for key, value in facts.items():
        side, _, rest = key.partition(".")
        subject, _, rest_of_subject = rest.partition(".")
        if subject == f"gpu{gpu}":
            about[f"{side}.{rest_of_subject}"] = value
        elif not re.fullmatch(r"gpu\d+", subject):
            about[key] = value
    return about


class Evidence:
    """The observation, with the questions that the checks ask. gpu: which of several it is about; gpus: how many the guest
    has of that GPU's socket, and socket: which of the sockets in use that is; guests: how many have GPUs of it.
    """

    def __init__(self, board, seen, gpu=None, gpus=1, socket=0, guests=1):
        self.board = BOARDS[board]
        self.links = BOARDS[board].links_per_gpu
        self.gpu = gpu
        self.gpus = gpus
        self.socket = socket
        self.guests = guests
        self.facts = facts_about(seen.facts, gpu)
        self.firmware = seen.firmware
        self.registers = seen.registers
        self.gpu_counters = seen.gpus

    @property
    def wiring(self):
        """Where the links of the GPU lead."""
        return self.board.wiring[(self.gpu or 0) % self.board.gpus_per_chip]

    @property
    def peer_links(self):
        return self.board.peer_links[(self.gpu or 0) % self.board.gpus_per_chip]

    def gpu_at(self, mark):
        gpus = self.gpu_counters.get(mark, [])
        return gpus[self.gpu or 0] if gpus else None

    def __getitem__(self, key):
        return self.facts.get(key, "")

    def all(self, prefix):
        return {key: value for key, value in self.facts.items() if key.startswith(prefix)}

    def number(self, key, pattern):
        """The number that the pattern finds in a fact, -1 if it does not."""
        match = re.search(pattern, self[key])
        return int(match.group(1), 0) if match else -1

    def region(self, device, vendor, subtype):
        """Index of the region of that type, None if the device has none."""
        for key, value in self.all(f"host.device.{device}.region.").items():
            if ".cap." in key and value == f"vendor {vendor} subtype {subtype}":
                return int(key.split(".")[4])
        return None

    def region_text(self, device, index):
        return self[f"host.device.{device}.region.{index}"]

    def capability(self, device, index, word):
        for value in self.all(f"host.device.{device}.region.{index}.cap.").values():
            if value.startswith(word + " "):
                return int(value.split()[1], 0)
        return None

    def bridges(self):
        return [f"bridge{link}" for link in range(self.links)]

    def npus(self, mark):
        return self.registers.get(mark, [])

    def npu(self):
        """The NPU of the socket: those that serve the guest have a guest's row while it runs."""
        serving = [index for index, npu in enumerate(self.npus("guest.running")) if npu.guest_rows()]
        return serving[self.socket] if self.socket < len(serving) else None

    def at(self, mark):
        index = self.npu()
        npus = self.npus(mark)
        return npus[index] if index is not None and index < len(npus) else None

    def atc(self, counter):
        """How much a counter of its GPU's translation cache grew while the guest ran, or of those of all of its GPUs."""
        before, running = (sum(gpu.atc[counter] for number, gpu in enumerate(self.gpu_counters.get(mark, []))
                               if self.guests == 1 or number == self.gpu) for mark in ("host.before", "guest.running"))
        return running - before

    def own_rows(self, rows):
        """Which rows of XTS_BDF_MAP are the guest's: all, if no other one has GPUs of the socket."""
        where = re.match(r"[0-9a-f]{4}:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7]) ", self["host.gpu"])
        bdfn = int(where[1], 16) << 8 | int(where[2], 16) << 3 | int(where[3]) if where else None
        return [row for row in rows if self.guests == 1 or row >> 32 & 0xffff == bdfn]

    def lpids(self):
        """Of the guest, while it runs: one, if all is well."""
        npu = self.at("guest.running")
        if not npu:
            return []
        if self.guests == 1:
            return npu.guest_lpids()
        return sorted({row & npu.LPID for row in self.own_rows(npu.guest_rows())})

    def firmware_rows(self):
        """What firmware wrote to the NPU's XTS_BDF_MAP since it started, in order. It counts NPUs from 1."""
        index = self.npu()
        pattern = rf"NPU{index + 1 if index is not None else '?'}: XTS_BDF_MAP\[\d+\] = (0x[0-9a-f]+)"
        return self.own_rows(int(match.group(1), 16) for line in self.firmware for match in [re.search(pattern, line)]
                             if match)


def log_is_clean(seen):
    text = seen.facts.get("host.log", "")
    return Result("host's log", text == "0 warnings", host=text)


def nothing_left(name, used, after, guests=1):
    """used, after: the NPU while guests had the GPUs, and later."""
    had, left = used.guest_lpids() if used else [], after.left_to_guests() if after else None
    return Result(name, len(had) == guests and left == [], model=f"had {had}, left {left}")


def denied(name, used, after, guests=1):
    tables = used.tables() if used else []
    wrong = after.not_denied(tables) if after else None
    return Result(name, len(tables) >= guests and wrong == [], model=f"TVEs {tables}, of which let DMA through: {wrong}")


def links_fenced(name, used, after):
    up = used.links_up() if used else []
    return Result(name, bool(after) and after.are_fenced(up),
                  model="\n".join(f"link {link}: fence of {fence}" for link, fence in
                                  (after.fences(up) if after else {}).items()))


def nothing_broke(seen, name="no error of the NPU"):
    """At any mark."""
    wrong = [f"{mark}: {text}" for mark, npus in seen.registers.items() for npu in npus for text in npu.errors()]
    return Result(name, any(seen.registers.values()) and not wrong,
                  model="\n".join(wrong) or f"looked at {len(seen.registers)} times")


def together(ev):
    return Result("GPU and bridges", all([
        ev.number("guest.gpu", r"ibm,npu (\d+)") == ev.links,
        ev.number("host.gpu", r"with (\d+) bridges") == ev.links,
        ev.number("host.group", r", (\d+) of") == ev.links,
        ev["host.bound"].split(" of ")[0] == ev["host.bound"].split(" of ")[-1] != ""]),
        ev["guest.gpu"], f"{ev['host.gpu']}\ngroup {ev['host.group']}\nvfio-pci has {ev['host.bound']}")


def bars(ev):
    """Those of the GPU have addresses, in the host and in the guest."""
    sizes = [re.sub(r"size (0x[0-9a-f]+) rwm$", r"\1", ev.region_text("gpu", bar)) for bar in (0, 1, 3)]
    found = [size or "0" for size in sizes]
    return Result("GPU's BARs", ev["guest.bars"] == " ".join(found) and "0" not in found[:2], ev["guest.bars"], " ".join(found))


def ram_region(ev):
    index = ev.region("gpu", "10de", 1)
    aperture = ev.number("guest.ram", r"aperture (0x[0-9a-f]+)")
    text = ev.region_text("gpu", index)
    return Result("GPU RAM region", text == f"size {APERTURE:#x} rwm" and aperture == APERTURE and
                  "ibm,coherent-device-memory, unused at boot" in ev["guest.ram"],
                  ev["guest.ram"], f"region {index}: {text}")


def atsd_regions(ev):
    """Every bridge has the region; one without registers of its own shows it empty and lets no one map it."""
    full, empty = f"size {ATSD_SIZE:#x} rwm", "size 0 ---"
    indices = [ev.region(bridge, "1014", 1) for bridge in ev.bridges()]
    texts = [ev.region_text(bridge, index) for bridge, index in zip(ev.bridges(), indices)]
    registers = ev["guest.atsd.registers"].split()
    return Result("ATSD regions", set(texts) <= {full, empty} and texts[0] == full and
                  len(set(registers)) == len(registers) == texts.count(full) * ev.gpus,
                  "ibm,mmio-atsd " + " ".join(registers),
                  "\n".join(f"{bridge} region {index}: {text}"
                            for bridge, index, text in zip(ev.bridges(), indices, texts)))


def capabilities(ev, name, word, guest_pattern, valid):
    texts, guests, passed = [], [], True
    for link, bridge in enumerate(ev.bridges()):
        value = ev.capability(bridge, ev.region(bridge, "1014", 1), word)
        guest = ev.number(f"guest.bridge.{link}", guest_pattern)
        passed = passed and value is not None and value == guest and valid(value)
        texts.append(f"{bridge} {hex(value) if value is not None and value > 9 else value}")
        guests.append(f"bridge {link} {hex(guest) if guest > 9 else guest}")
    return Result(name, passed, "\n".join(guests), "\n".join(texts))


def target(ev):
    ram = ev.capability("gpu", ev.region("gpu", "10de", 1), "ssatgt")
    result = capabilities(ev, "ibm,device-tgt-addr", "ssatgt", r"tgt (0x[0-9a-f]+)", lambda value: value == ram)
    result.host = f"GPU {hex(ram) if ram is not None else None}\n{result.host}"
    return result


def speed(ev):
    return capabilities(ev, "ibm,nvlink-speed", "lnkspd", r"speed (\d+)", lambda value: value in SPEEDS)


def phandles(ev):
    texts = [ev[f"guest.bridge.{link}"] for link in range(ev.links)]
    return Result("ibm,gpu, memory-region", all("ibm,gpu ok" in text and "memory memory@" in text for text in texts),
                  "\n".join(texts))


def vendor(ev, name, fact, pattern):
    """What the vendor's driver looks at in each bridge before it works."""
    texts = [ev[f"guest.vendor.{fact}.{link}"] for link in range(ev.links)]
    return Result(name, all(re.match(pattern + "$", text) for text in texts), "\n".join(texts))


def vendor_checks(ev):
    node = ev.number("guest.ram.online", r"in node (\d+)$")
    yield vendor(ev, "bridges: class, id, irq", "pci", r"class 0x0680[0-9a-f]{2} id 1014:04ea irq [1-9]\d*")
    yield vendor(ev, "bridges: BARs", "bars", "0x20000 answers, 0x10000 answers, enabled")
    yield vendor(ev, "bridges: device tree", "tree",
                 f"ibm,device-tgt-addr of 8, memory-region of 4, reg of 16 bytes, node {node}")


def alive(ev):
    text = ev["guest.vendor.alive"]
    return Result("bridges: vendor id, each second", bool(re.match(r"[1-9]\d* times, 0 not IBM's$", text)), text)


def training(ev):
    npu = ev.at("guest.running")
    procedures = sum("Running procedure" in line for line in ev.firmware)
    up = npu.links_up() if npu else []
    return Result("links trained", ev["guest.links.up"] == str(ev.links) and len(up) == ev.links * ev.gpus * ev.guests and
                  procedures > 0,
                  "\n".join(ev[f"guest.link.{link}"] for link in range(ev.links)), "",
                  f"{procedures} procedure steps run", f"links up: {up}")


def node(ev):
    text = ev["guest.ram.online"]
    match = re.match(r"(\d+) MiB of (\d+) in node (\d+)$", text)
    return Result("GPU RAM as a node", bool(match) and match.group(1) == match.group(2) != "0" and
                  int(match.group(3)) > 0, text)


def program(ev):
    text = ev["guest.program"]
    return Result("program bound to the node", text.endswith(" MiB, 0 words wrong, 0 pages elsewhere") and
                  not text.startswith("0 "), text)


def copies(ev):
    yield copy(ev, "copy over PCIe", "guest.copy.pcie")
    npu, before = ev.at("guest.running"), ev.at("host.before")
    for link in range(ev.links):
        for name, key, counter in ((f"copy over NVLink {link}", "nvlink", "dma-bytes"),
                                   (f"ATS copy over NVLink {link}", "ats", "ats-bytes")):
            # Of each GPU's link with that number
            moved = [now[counter] - then[counter] for now, then in zip(npu.link[link::ev.links], before.link[link::ev.links])
                     if now["up"]] if npu and before else []
            result = copy(ev, name, f"guest.copy.{key}.{link}")
            result.model = "\n".join(f"{count} bytes through the NPU" for count in moved)
            # There and back
            result.passed = result.passed and bool(moved) and min(moved) >= 2 * GUEST_DMA_BYTES
            yield result


def copy(ev, name, key):
    return Result(name, bool(re.match(r"to gpu 0x2 equal, back 0x2 equal, [1-9]", ev[key])), ev[key])


def taken_away(ev, way):
    """The GPU reaches a page that its process has given away until the page is shot down, and then no more."""
    text = ev[f"guest.ats.{way}"]
    hits, dropped = ev.atc("hits"), ev.atc("dropped")
    wanted = (f"mapped {DONE} all, taken {DONE} all, another shot {DONE} all, shot {NO_TRANSLATION} nothing, "
              f"given {DONE} all")
    return Result(f"ATS: {way}, and shot down", text == wanted and hits > 0 and dropped > 0, text,
                  model=f"{hits} translations remembered, {dropped} dropped")


def kernel_refused(ev):
    """The GPU has the rights of the process."""
    text = ev["guest.ats.kernel"]
    return Result("ATS: not memory of the kernel", text == NO_TRANSLATION, text)


def apart(ev):
    """Two processes use the same addresses on this GPU. What one gives away is taken from it alone."""
    pasids = re.match(r"([1-9]\d*) ([1-9]\d*)$", ev["guest.apart.pasids"])
    text = ev["guest.apart"]
    # By the NPUs of the sockets before
    elsewhere = f"shot elsewhere {DONE} its own, " * (ev.socket if ev.guests == 1 else 0)
    return Result("ATS of two processes", bool(pasids) and pasids[1] != pasids[2] and
                  text == f"first {DONE} its own, second {DONE} its own, second alone {DONE} its own, "
                  f"first there {NO_TRANSLATION} nothing, first taken {DONE} its own, {elsewhere}"
                  f"first shot {NO_TRANSLATION} nothing, second {DONE} its own",
                  f"PASIDs {ev['guest.apart.pasids']}: {text}")


def shootdown(ev):
    """Each one reaches the NPU and the guest's GPUs."""
    npu = ev.at("guest.running")
    before = ev.at("host.before")
    registers = npu.registers_of(*ev.lpids()) if npu and ev.guests > 1 and len(ev.lpids()) == 1 else range(Npu.ATSDS)
    launches = npu.launches(registers) - before.launches(registers) if npu and before else 0
    hits = npu.hits(registers) - before.hits(registers) if npu and before else 0
    match = re.match(r"([1-9]\d*) shootdowns, 0 without end$", ev["guest.atsd"])
    return Result("ATSD", bool(match) and hits == launches >= int(match[1]) * ev.gpus, ev["guest.atsd"],
                  model=f"{launches} launched, {hits} hit a GPU")


def lpid(ev):
    npu = ev.at("guest.running")
    rows = ev.own_rows(npu.guest_rows()) if npu else []
    lpids = ev.lpids()
    written = [row & 0xfff for row in ev.firmware_rows() if row & 0xfff]
    return Result("LPID while it runs", len(rows) == ev.gpus and len(lpids) == 1 and
                  written[-ev.gpus:] == lpids * ev.gpus and str(lpids[0]) in ev["host.lpid"].split(), "",
                  f"LPIDs asked of firmware: {ev['host.lpid']}", f"XTS_BDF_MAP written with LPID {written}",
                  "\n".join(f"XTS_BDF_MAP {row:#018x}" for row in rows) + f"\nLPIDs {lpids}")


def window(ev):
    npu = ev.at("guest.running")
    tables = [f"TVE {index} {tve:#018x}" for index, tve in enumerate(npu.tve) if tve and tve != npu.DENY] if npu else []
    return Result("DMA window while it runs", len(tables) >= ev.guests, ev["guest.engine"].rpartition(" links")[0] and
                  f"buffer at bus address {ev['guest.engine'].rpartition(' dma ')[2]}", model="\n".join(tables))


def tracepoints(evidence):
    ev, wanted = evidence[0], ("vfio_pci_nvgpu_mmap", "vfio_pci_nvgpu_mmap_fault", "vfio_pci_npu2_mmap")
    counts = {key.split(".", 2)[2]: int(value) for key, value in ev.all("host.trace.").items()}
    seen = all(counts.get(name, 0) > 0 for name in wanted)
    # The consumer maps GPU RAM where pages of 1 GiB fit: one fault each. A part of a GiB at the end has smaller ones.
    gib, rest = divmod(ev.number("guest.ram.online", r"^(\d+) MiB"), 1024)
    suits = rest > 0 or counts.get("vfio_pci_nvgpu_mmap_fault", 0) <= gib * len(evidence)
    return Result("tracepoints", seen and suits, host="\n".join(f"{name} {count}" for name, count in counts.items()))


def guest_done(ev):
    return Result("guest ends", ev["guest.job.status"] == "0" == ev["host.consumer"],
                  f"status {ev['guest.job.status']}", f"QEMU's status {ev['host.consumer']}")


def lpid_back(ev):
    written = ev.firmware_rows()
    result = nothing_left("afterwards: LPID back", ev.at("guest.running"), ev.at("host.after"), ev.guests)
    result.passed = result.passed and bool(written) and not written[-1] & 0xfff and ev["host.lpid"].split()[-1:] == ["0"]
    result.host = f"last LPID asked: {ev['host.lpid'][-1:]}"
    result.firmware = f"last LPID written {written[-1] & 0xfff if written else '?'}"
    return result


def window_closed(ev):
    return denied("afterwards: TVE", ev.at("guest.running"), ev.at("host.after"), ev.guests)


def fenced(ev):
    return links_fenced("afterwards: links fenced", ev.at("guest.running"), ev.at("host.after"))


def released(ev):
    freed, _, count = ev["host.unbound"].partition(" of ")
    return Result("afterwards: unbound", freed == count != "", host=f"{ev['host.unbound']} functions")


def quiet(ev):
    return Result("host's log", ev["host.log"] == "0 warnings" and ev["host.job.status"] == "0",
                  host=ev["host.log"])


def own_nodes(evidence):
    texts = [ev["guest.ram.online"] for ev in evidence]
    nodes = {text.rpartition(" node ")[2] for text in texts}
    return Result("each GPU's RAM is a node of its own", len(nodes) == len(evidence) and "" not in nodes, "\n".join(texts))


def peers(ev):
    """The RAM of the GPUs that the links lead to: reached by a guest that has them all, by no other one."""
    reach = LINK_DOWN if ev.guests > 1 else DONE
    wanted = " ".join(NO_LINK if end == "C" else reach for end in ev.wiring)
    gpu = ev.gpu_at("guest.running")
    moved = gpu.peers["bytes"] if gpu else None
    return Result("RAM of other GPUs is not reached" if ev.guests > 1 else "RAM of other GPUs is reached",
                  ev["guest.peer"] == wanted and moved is not None and (moved == 0) == (ev.guests > 1),
                  f"GPU links {ev['guest.peer']}", model=f"{moved} bytes of other GPUs")


def cut(ev):
    """While it runs, by the GPU itself: what its neighbour has cut may come back."""
    gpu = ev.gpu_at("guest.running")
    wanted = ev.peer_links << LINK_DISABLE_SHIFT
    text = f"0xa00148 {gpu.link_disable:#x}, {gpu.peers}" if gpu else ""
    return Result("links to other GPUs are cut", bool(gpu) and gpu.link_disable == wanted and gpu.peers["up"] == 0 and
                  gpu.peers["links"] == ev.peer_links and gpu.peers["served"] == 0, model=text)


def says_cut(ev):
    """In its log when it found the GPU, and by its tracepoint whenever the GPU was opened or reset."""
    wanted = rf"links {ev.peer_links:#x}, [1-9]\d* times since, 0 failed"
    return Result("the kernel says which links it has cut", bool(re.fullmatch(wanted, ev["host.cut"])), host=ev["host.cut"])


def own_group(ev):
    return Result("group of its own", ev.number("host.group", r"(\d+) functions") == ev.links + 1,
                  host=f"group {ev['host.group']}")


def own_lpids(evidence):
    """At once, and none of a guest is another's."""
    lpids = [ev.lpids() for ev in evidence]
    found = {lpid for one in lpids for lpid in one}
    return Result("each guest has an LPID of its own", all(len(one) == 1 for one in lpids) and
                  len(found) == len(evidence), model=f"LPIDs {sum(lpids, [])}")


def judge_apart(ev):
    """What is looked at besides for each of several guests at once."""
    return [check(ev) for check in (own_group, cut, says_cut, peers)]


def judge_gpu(ev):
    """What is looked at for each GPU."""
    results = [check(ev) for check in (together, bars, phandles, ram_region, atsd_regions, target, speed)]
    results += vendor_checks(ev)
    results += [check(ev) for check in (training, node, program)]
    results += copies(ev)
    results += [taken_away(ev, way) for way in WAYS_TO_TAKE_AWAY] + [kernel_refused(ev), apart(ev)]
    if ev.guests > 1:
        return results + judge_apart(ev)
    return results + ([peers(ev)] if ev.gpus > 1 else [])


def judge_each(name, evidence, judge_one):
    """name: of what each piece of evidence is about, put before the names of the checks if there are several."""
    for number, ev in enumerate(evidence):
        for result in judge_one(ev):
            result.name = f"{name} {number}: {result.name}" if name else result.name
            yield result


def gather(board, seen, guests):
    """Evidence of each GPU that a guest has, socket by socket."""
    if guests == "one":
        return [Evidence(board, seen)]
    gpus, sockets = BOARDS[board].gpus_per_chip, 1 if guests == "pair" else BOARDS[board].chips
    if guests == "each":
        return [Evidence(board, seen, gpu, 1, gpu // gpus, gpus) for gpu in range(gpus * sockets)]
    return [Evidence(board, seen, gpu, gpus, gpu // gpus) for gpu in range(gpus * sockets)]


def judge(board, seen, guests="one"):
    """All checks, in the order of the job. guests: of the demo's SHAPES."""
    gpus = gather(board, seen, guests)
    each, several = guests == "each", len(gpus) > 1
    sockets = gpus[::gpus[0].gpus * gpus[0].guests]
    name = "socket" if len(sockets) > 1 else ""

    def each_socket(*checks):
        return judge_each(name, sockets, lambda ev: [check(ev) for check in checks])

    def each_guest(*checks):
        return judge_each("GPU" if each else "", gpus if each else gpus[:1], lambda ev: [check(ev) for check in checks])

    def each_user(*checks):
        """Of an NPU: a guest, or the one that has GPUs of several."""
        return each_guest(*checks) if each else each_socket(*checks)

    return [
        *judge_each("" if guests == "one" else "GPU", gpus, judge_gpu),
        *([own_lpids(gpus)] if each else [own_nodes(gpus)] if several else []),
        *each_user(lpid, shootdown), *each_socket(window), *each_guest(alive), tracepoints(gpus),
        *each_guest(guest_done), *each_user(lpid_back), *each_socket(window_closed, fenced), released(gpus[0]),
        quiet(gpus[0]), nothing_broke(seen)]


def judge_whole(board, seen):
    """Those of the checks that other jobs have, too."""
    found = {result.name: result for result in judge(board, seen)}
    return [found[name] for name in WHOLE]
