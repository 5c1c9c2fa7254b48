# SPDX-License-Identifier: GPL-2.0
"""What has to be true of the job "everyday": tools that read configuration space, in the host and in a guest whose
processors store to GPU RAM meanwhile.

A fact that is missing never passes.
"""

import re

import scenario
from checks import Result, log_is_clean, nothing_broke
from witherspoon import Settings

BOARD = "small"
# Of machine/guest/everyday.c
WAYS = ("lspci", "lspci-bridges", "setpci-bridge", "enable", "setpci-gpu")
PROCESSORS = 2
BRIDGE = "0x1014:0x04ea"
NO_PE = "0xffffffff"
# Boot says these of EEH, everything else is about an error
EEH_IS_QUIET = r"EEH: (PowerNV|PCI Enhanced I/O|Capable adapter found)"


def observe(log, timeout, seconds, **settings):
    return scenario.observe(Settings(board=BOARD, job=f"everyday,{seconds}", **settings), log, timeout)


def scans(seen):
    """The bytes do not change from one reading to the next, nor does the number of functions."""
    facts = seen.facts
    texts = [facts.get(f"host.scan.{when}.{index}", "") for when in ("before", "after") for index in range(3)]
    good = [bool(re.match(r"[1-9]\d* functions, 0 failed, sum ", text)) for text in texts]
    functions = {text.split(",")[0] for text in texts}
    return Result("all of configuration space reads the same three times", all(good) and len(functions) == 1 and
                  len(set(texts[:3])) == len(set(texts[3:])) == 1, host="\n".join(texts))


def functions_of(seen):
    return {key[len("host.function."):]: value for key, value in seen.facts.items()
            if key.startswith("host.function.")}


def bridges_have_pes(seen, with_gpus=True):
    """Those that firmware joins to no GPU have none, and EEH has to know."""
    bridges = {name: text for name, text in functions_of(seen).items() if BRIDGE in text}
    pes = [text.split(" pe ")[1].strip() for text in bridges.values()]
    return Result("each bridge has a PE, or no EEH", len(bridges) == 6 and NO_PE not in pes and
                  all(bool(pe) == with_gpus for pe in pes),
                  host="\n".join(f"{name} {text}" for name, text in bridges.items()))


def irq_and_pin(seen):
    """A pin without interrupt is an INTx that cannot be had. An interrupt without pin is that of a message, or wrong."""
    texts = functions_of(seen)
    wrong = [f"{name} {text}" for name, text in texts.items()
             for match in [re.search(r" pin (\d+) irq (\d+)( of MSI)? ", text)]
             if not match or bool(int(match[1])) != bool(int(match[2])) and not (match[3] and match[2] != "0")]
    return Result("irq and pin agree", bool(texts) and not wrong, host="\n".join(wrong) or f"{len(texts)} functions")


def eeh_is_quiet(seen):
    lines = [line for line in seen.kernel if "EEH: " in line and not re.search(EEH_IS_QUIET, line)]
    return Result("EEH says nothing", bool(seen.kernel) and not lines, host="\n".join(lines[:5]))


def trained(seen):
    text = seen.facts.get("guest.train", "")
    return Result("links train while somebody reads their status", text == "3 up, the reader read", text)


def way(seen, name):
    """It was done, and each processor stored to GPU RAM meanwhile and found what it stored."""
    text = seen.facts.get(f"guest.{name}", "")
    stores = [seen.facts.get(f"guest.{name}.stores.{index}", "") for index in range(PROCESSORS)]
    return Result(f"{name} while the guest stores to GPU RAM", bool(re.match(r"[1-9]\d* times, 0 failed$", text)) and
                  all(re.match(r"[1-9]\d* rounds, 0 words wrong$", store) for store in stores),
                  "\n".join([text, *stores]), seen.facts.get("host.qemu", ""))


def guest_ends(seen):
    facts = seen.facts
    return Result("the guest goes on to its end", facts.get("guest.everyday") == "done" and
                  facts.get("guest.job.status") == "0" and facts.get("host.consumer") == "0",
                  f"status {facts.get('guest.job.status')}", f"QEMU's status {facts.get('host.consumer')}\n"
                  f"{facts.get('host.qemu', '')}")


def reader(seen):
    text = seen.facts.get("host.reader", "")
    match = re.match(r"(\d+) rounds of (\d+) to (\d+) functions, 0 failed$", text)
    return Result("the host reads configuration space all the time", bool(match) and int(match[1]) > 10 and
                  match[2] == match[3] != "0", host=text)


def purges(seen):
    """What a guest does to configuration space takes no processor's caches away."""
    marks = [seen.registers.get(f"guest.{name}", []) for name in ("everyday", "running")]
    counts = [npus[0].purges if npus else None for npus in marks]
    return Result("no cache is purged meanwhile", None not in counts and counts[0] == counts[1],
                  model=f"rounds before and after: {counts}")


def links_stay(seen):
    up = [link for npu in seen.registers.get("guest.running", []) for link in npu.links_up()]
    return Result("the links stay up", len(up) == 3, model=f"links {up}")


def judge_config(seen, with_gpus=True):
    return [scans(seen), bridges_have_pes(seen, with_gpus), irq_and_pin(seen), eeh_is_quiet(seen), log_is_clean(seen)]


def judge_everyday(seen):
    return [*judge_config(seen), trained(seen), *(way(seen, name) for name in WAYS), guest_ends(seen), reader(seen),
            purges(seen), links_stay(seen), nothing_broke(seen)]
