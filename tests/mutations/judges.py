# SPDX-License-Identifier: GPL-2.0
"""Mutations of what judges a run: a check that is content with anything is worth nothing."""

from mutations import Caught, Mutation

CHECKS, COMPLAINTS, MACHINE = "machine/checks.py", "machine/complaints.py", "machine/witherspoon.py"
CONSOLE = "machine/console.py"
NEIGHBOURS = "machine/neighbours.py"

MUTATIONS = [
    Mutation("links that were up count as fenced afterwards", MACHINE,
             """set(self.fences(links).values()) == {"firmware"} and""", """set(self.fences(links).values()) and""",
             Caught.by("checks", "a link without a fence after the guest is gone",
                       "a link that the hardware fenced, because nobody had done it in time")),
    Mutation("an LPID may stay behind", CHECKS,
             "    return Result(name, len(had) == guests and left == [],", "    return Result(name, len(had) == guests,",
             Caught.by("checks", "the guest's LPID stays behind, in a row or in an ATSD register")),
    Mutation("only TVE 0 counts as open afterwards", MACHINE,
             "if self.tve[index] != self.DENY", "if not self.tve[index]",
             Caught.by("checks", "a TVE that still has the table")),
    Mutation("a copy may have failed", CHECKS,
             """r"to gpu 0x2 equal, back 0x2 equal, [1-9]", ev[key]""", """r"to gpu .*, back .*, [1-9]", ev[key]""",
             Caught.by("checks", "each wrong or missing fact is noticed")),
    Mutation("a copy over NVLink need not go through the NPU", CHECKS,
             "result.passed and bool(moved) and min(moved) >= 2 * GUEST_DMA_BYTES", "result.passed",
             Caught.by("checks", "copies over a link of which the NPU has not seen all")),
    Mutation("a GPU need not remember a translation for a shootdown to be seen", CHECKS,
             "text == wanted and hits > 0 and dropped > 0, text,", "text == wanted, text,",
             Caught.by("checks", "a GPU that asks for every translation, so that there is nothing to shoot down")),
    Mutation("a shootdown may miss the GPU", CHECKS,
             "hits == launches >= int(match[1]) * ev.gpus", "launches >= int(match[1]) * ev.gpus",
             Caught.by("checks", "a shootdown that never reached the NPU, or no GPU",
                       "a shootdown that the NPU does not pass on to the GPU")),
    Mutation("accesses to GPU RAM may be refused", MACHINE,
             "if self.refused() else [])", "if self.refused() < 0 else [])",
             Caught.by("checks", "a bit of a FIR, a refused access, a link that is not used and open, at any mark")),
    Mutation("no look at the registers is a good one", CHECKS,
             "any(seen.registers.values()) and not wrong", "not wrong",
             Caught.by("checks", "a run that saw nothing passes no check")),
    Mutation("GPUs may reach each other when nobody says so", NEIGHBOURS,
             """gpu.peers["bytes"] == gpu.peers["served"] == 0 < gpu.peers["refused"] for""",
             """gpu.peers["bytes"] == 0 < gpu.peers["refused"] for""",
             Caught.by("neighbours", "a byte that came from the other GPU's RAM, and a GPU that never tried")),
    Mutation("a GPU that VFIO has open need not have cut its end", NEIGHBOURS,
             "text == opens and masks == wanted and", "text == opens and masks and",
             Caught.by("neighbours", "a GPU that has not cut its end while both guests run, or while VFIO has it open")),
    Mutation("a GPU that has memory after a reset need not have cut its end", NEIGHBOURS,
             """masks[:1] == CUT[:1] and ", memory off," in text""", "masks[:1] == CUT[:1]",
             Caught.by("neighbours", "after a reset, a link that joins the GPUs, an end that is not cut of a GPU with memory, "
                       "a neighbour's that is not")),
    Mutation("the demo need not hear which links are cut", CHECKS,
             "[1-9]\\d* times since, 0 failed", "\\d+ times since, \\d+ failed",
             Caught.by("checks", "a GPU in a group with others, one that reaches others or is reached, or has not cut its links "
                       "or is not said to")),
    Mutation("firmware may complain as long as it is no disaster", COMPLAINTS, 'BAD = "01234"', 'BAD = "012"',
             Caught.by("runs", "firmware that complains, at the beginning of a line or behind somebody else, in its "
                       "log or on the console")),
    Mutation("a call of firmware may take as long as it likes", COMPLAINTS, "Spent [1-4]\\d{3} msecs", "Spent \\d+ msecs",
             Caught.by("runs", "each that is known has a reason; slow calls of firmware are, unless one that the series makes "
                       "takes 5 s")),
    Mutation("a complaint is known by how it begins", COMPLAINTS,
             "any(pattern.fullmatch(message)", "any(pattern.match(message)",
             Caught.by("runs", "what has another level, is known of the machine or of the test, or not firmware's")),
    Mutation("a message must be whole wherever it stands", COMPLAINTS,
             "for stamp, said in self.strange if stamp not in self.understood", "for stamp, said in self.strange",
             Caught.by("runs", "a message that is cut on the console, or at the end of firmware's log, but whole at the other "
                       "place")),
    Mutation("a line is cut no more than once", CONSOLE,
             "        self.begun = line[:cut.start()] if cut else \"\"", "        self.begun = \"\" if self.begun or not cut else "
             "line[:cut.start()]",
             Caught.by("runs", "a line that firmware has cut is whole again, also one of its own log, or one cut twice or within "
                       "the time")),
    Mutation("a machine goes on after a bit of a FIR", MACHINE,
             "if self.fir_fatal else []", "if not self.fir_fatal else []",
             Caught.by("runs", "every machine with an NPU ends at a bit of a FIR, unless the test wants to see one")),
    Mutation("how QEMU ended does not matter", MACHINE,
             "        if self.process.wait():", "        if self.process.wait() is None:",
             Caught.by("runs", "one whose QEMU ends badly: the reason is what the model says, or the last line")),
]
