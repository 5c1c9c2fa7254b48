# SPDX-License-Identifier: GPL-2.0
"""A picture of the board: each socket with its NPU, six links, the GPUs, and the guests that have some of them.

Words say all that colours say.
"""

from dataclasses import dataclass

from checks import facts_about
from markup import add
from witherspoon import BOARDS

NPU_LINKS = 6
# One row for each link
STEP = 36
TOP, GAP = 16, 28
SOCKET_X, SOCKET_WIDTH = 8, 176
LINK_X, LINK_END = 184, 476
GPU_X, GPU_WIDTH = 476, 236
GUEST_X, GUEST_WIDTH = 792, 240
WIDTH = GUEST_X + GUEST_WIDTH + 8
# Characters that fit into a box
FITS = 36
RUNNING = "guest.running"


@dataclass
class Run:
    """What was run: board, which GPUs were to go to guests (as the demo's SHAPES), and one of them by number."""
    board: str
    guests: str = "one"
    gpu: int = 0
    seconds: float = 0
    console: str = ""

    @property
    def shares(self):
        """Of each guest, the numbers of its GPUs, counted over the board."""
        per_chip, count = BOARDS[self.board].gpus_per_chip, BOARDS[self.board].chips * BOARDS[self.board].gpus_per_chip
        first = self.gpu // per_chip * per_chip
        return {"one": [[self.gpu]], "pair": [range(first, first + per_chip)], "all": [range(count)],
                "each": [[gpu] for gpu in range(count)]}[self.guests]

    @property
    def taken(self):
        return [gpu for share in self.shares for gpu in share]

    @property
    def title(self):
        count = len(self.taken)
        return f"{count} GPU{'s' if count > 1 else ''} for {'a guest' if len(self.shares) == 1 else 'a guest each'}"

    def facts(self, seen, gpu):
        """What was said of one of the guests' GPUs, None for others."""
        if gpu not in self.taken:
            return None
        return facts_about(seen.facts, None if self.guests == "one" else self.taken.index(gpu))


def short(text):
    return text if len(text) <= FITS else text[:FITS - 1] + "…"


def box(svg, x, y, width, height, class_):
    add(svg, "rect", x=x, y=y, width=width, height=height, rx=6, class_=class_)


def lines(svg, x, y, *texts):
    """The first one is the name of what is drawn there; empty ones are left out."""
    for number, text in enumerate(texts):
        if text:
            add(svg, "text", short(text), x=x, y=y + 17 * number, class_="" if number else "name")


def draw_socket(svg, number, y, npu):
    box(svg, SOCKET_X, y, SOCKET_WIDTH, NPU_LINKS * STEP - 8, "socket")
    lpids = ", ".join(map(str, npu.guest_lpids())) if npu else ""
    lines(svg, SOCKET_X + 12, y + 24, f"Socket {number}", f"NPU {number}, {NPU_LINKS} links",
          f"LPID of guests: {lpids or 'none'}", f"ATSD: {npu.launches() if npu else 0} shootdowns")


def draw_link(svg, number, y, npu, bridge):
    """number: of the NPU's"""
    up = npu and npu.link[number]["up"]
    word = "not known" if npu is None else "up" if up else "down"
    add(svg, "line", x1=LINK_X, y1=y, x2=LINK_END, y2=y, class_=f"link {word.replace(' ', '-')}")
    add(svg, "text", short(f"link {number}: {word}" + (f", bridge {bridge}" if bridge else "")), x=LINK_X + 12, y=y - 5)


def draw_gpu(svg, number, y, height, facts):
    """number: over the board"""
    box(svg, GPU_X, y, GPU_WIDTH, height, "gpu")
    if facts is None:
        lines(svg, GPU_X + 12, y + 22, f"GPU {number}", "in no guest")
        return
    lines(svg, GPU_X + 12, y + 22, f"GPU {number}", facts.get("host.device.gpu", "no address known"),
          f"IOMMU group {facts.get('host.group', '?').partition(':')[0]}")


def draw_in_guest(svg, y, middle, facts):
    """What the guest has of a GPU, beside that GPU, below the guest's name."""
    add(svg, "line", x1=GPU_X + GPU_WIDTH, y1=middle, x2=GUEST_X, y2=middle, class_="given")
    add(svg, "text", "VFIO", x=(GPU_X + GPU_WIDTH + GUEST_X) / 2, y=middle - 6, class_="middle")
    ram = facts.get("guest.ram.online", "").split()
    lines(svg, GUEST_X + 12, y + 22, "", facts.get("guest.gpu", "").partition(" ")[0] or "no GPU seen",
          f"RAM: {ram[0]} MiB in node {ram[-1]}" if len(ram) > 1 else "no RAM of it online")


def draw_gpus(svg, socket, top, seen, run):
    """Links and GPUs of one socket."""
    board, npus = BOARDS[run.board], seen.registers.get(RUNNING, [])
    npu = npus[socket] if socket < len(npus) else None
    height = board.links_per_gpu * STEP
    draw_socket(svg, socket, top, npu)
    for index in range(board.gpus_per_chip):
        gpu, y = socket * board.gpus_per_chip + index, top + index * height
        facts = run.facts(seen, gpu)
        for link in range(board.links_per_gpu):
            draw_link(svg, index * board.links_per_gpu + link, y + link * STEP + 24, npu,
                      (facts or {}).get(f"host.device.bridge{link}"))
        draw_gpu(svg, gpu, y, height - 8, facts)
        if facts is not None:
            draw_in_guest(svg, y, y + (height - 8) / 2, facts)


def top_of(run, gpu):
    board = BOARDS[run.board]
    return (TOP + gpu // board.gpus_per_chip * (NPU_LINKS * STEP + GAP) +
            gpu % board.gpus_per_chip * board.links_per_gpu * STEP)


def draw_guests(svg, run):
    height = BOARDS[run.board].links_per_gpu * STEP - 8
    for share in run.shares:
        top, bottom = top_of(run, min(share)), top_of(run, max(share)) + height
        box(svg, GUEST_X, top, GUEST_WIDTH, bottom - top, "guest")
        lines(svg, GUEST_X + 12, top + 22, "KVM guest")


def draw(parent, seen, run):
    board = BOARDS[run.board]
    height = TOP + board.chips * (NPU_LINKS * STEP + GAP)
    svg = add(parent, "svg", viewBox=f"0 0 {WIDTH} {height}", role="img", aria_labelledby="picture-title")
    add(svg, "title", f"Board {run.board}: {board.text}, on {board.chips} sockets; guests have " +
        ", ".join("GPU " + " and ".join(map(str, share)) for share in run.shares), id="picture-title")
    draw_guests(svg, run)
    for socket in range(board.chips):
        draw_gpus(svg, socket, top_of(run, socket * board.gpus_per_chip), seen, run)
