#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 3600
"""The selftests of NVLink2 passthrough, the kernel's and those of tests/kernel, in emulated hosts; each of their cases is
a case here.

Most of the time is pauses that firmware and kernel make, so several machines run at once, and their clocks run fast.
KERNEL takes another kernel of build/obj, MACHINES is how many of them there are at a time. tests/49-mainline.t runs all this on
another Linux; where both run at once, one of them waits.
"""

import contextlib
import fcntl
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "selftests"))

import one_atsd  # noqa: E402
import windows  # noqa: E402
from selftests import (ATS, ENGINE_ONLY, FAST, FREEZE, HUGE, NO_DRIVER, NO_ENGINE, PANIC, REFUSED, UNTRAINED,  # noqa: E402
                       TOP, Case, Run, build, in_parallel, judge_engine, judge_freezes, judge_skips, log_path, print_tap,
                       unless_expected)

TIMEOUT = 1500
KERNEL = os.environ.get("KERNEL", "host")
MACHINES = int(os.environ.get("MACHINES", "4"))
STEPS = 8000
# By the emulated clock
SECONDS_OF_RACE = 15
ONE_ATSD, ONE_ATSD_EACH = "one-atsd", "one-atsd-isolated"
# Those that need no kernel that looks over its own shoulder; see tests/full/31-failures.t for the others
FAILFN = ":-f:stuck:-f:isolation:-v:frozen_state"
# What is left to test where links do not train, of these programs; tests/full/44-no-driver.t has the others
WITHOUT_DRIVER = ("nvlink2_regions", "nvlink2_atsd", "nvlink2_falcon", "nvlink2_copy")
LEFT = 33
# EEH itself freezes the PE that it resets: isolated.after_each_reset, isolated.resets_of_another_gpu. And refused DMA does:
# falcon.unmapped_memory_is_out_of_reach
FREEZES = 3
TRACE = log_path(KERNEL, "race-trace")

# What nvlink2_copy says of each path, and what it says where links do not train
COPIED = re.compile(r"# (CPU by PRAMIN|falcon|CPU) over (PCIe|NVLink), .* to (.*): \d+ KiB, \d+\.\d+ MB/s$", re.M)
OVER_PCIE = {("CPU by PRAMIN", "PCIe"), ("falcon", "PCIe")}
OVER_NVLINK = {("CPU", "NVLink"), ("falcon", "NVLink")}
NEEDS_DRIVER = "# Nothing was copied over NVLink."

# Programs, words of the command line, settings; those that take longest are first. GPUs have the engine that no real one
# has only where they are about ATS: what else is tested needs nothing that a V100 has not.
BATCHES = {
    "regions": (("nvlink2_regions", "nvlink2_mapping", "nvlink2_rw", "nvlink2_atsd", "nvlink2_poison", "nvlink2_devices",
                 "nvlink2_tlb"), "",
                {"extra": NO_ENGINE}),
    "race": (("nvlink2_race", f"nvlink2_walk:--steps:{STEPS}"), f"nvlink2_seconds={SECONDS_OF_RACE}",
             {"extra": (*windows.options(TRACE), *NO_ENGINE)}),
    "dma": (("nvlink2_dma", "nvlink2_falcon", "nvlink2_copy", REFUSED, "nvlink2_kvm", ATS), "", {"extra": NO_ENGINE}),
    "tce": (("nvlink2_tce", "nvlink2_owner", "nvlink2_order"), "init_on_free=1", {"extra": NO_ENGINE}),
    "ats": ((ATS, f"nvlink2_failfn{FAILFN}"), "init_on_free=1", {}),
    "panic": ((PANIC,), "", {"extra": NO_ENGINE}),
    # The RAM ends in the middle of what a page of 1 GiB has room for
    "huge": ((HUGE, f"{PANIC}:-f:unmapped", "nvlink2_race:-t:walkers_of_huge_pages"),
             f"nvlink2_seconds={SECONDS_OF_RACE}", {"gpu_ram": "2560M", "extra": NO_ENGINE}),
    "reset": (("nvlink2_reset",), "", {"extra": NO_ENGINE}),
    # Like a real machine without the vendor's driver
    "no-driver": (WITHOUT_DRIVER, "", {"extra": NO_DRIVER}),
    # A group for each GPU, whose PE stays frozen until EEH has reset and restored it
    "isolated": (("nvlink2_isolation", "nvlink2_falcon:-t:unmapped_memory_is_out_of_reach"), "npu2_isolate=all",
                 {"extra": (*NO_ENGINE, *FREEZE)}),
    # Firmware that lists one block of ATSD registers for each NPU
    ONE_ATSD: (("nvlink2_kvm:-t:one_atsd_block_for_two_gpus:-t:one_atsd_block_for_two_guests", "nvlink2_atsd"), "",
               {"extra": NO_ENGINE}),
    ONE_ATSD_EACH: (("nvlink2_isolation:-t:one_atsd_block",), "npu2_isolate=all", {"extra": NO_ENGINE}),
    "no-ram-size": ((f"{PANIC}:-t:ram_of_unknown_size",), "", {"extra": ("-global", "pnv-v100.x-fail-ram-size=on")}),
}

# Cases that are skipped, by batch and name, and why. In the machine without the driver it is what needs links.
SKIPS = (
    ("dma", r"ats\..*", ENGINE_ONLY),
    ("dma", r"kvm\.one_atsd_block_.*", r"firmware lists more ATSD registers than one"),
    ("isolated", r"isolated\.one_atsd_block", r"firmware lists more ATSD registers than one"),
    ("panic|huge", r"unmapped\.ram_of_unknown_size", r"the GPU says how much RAM it has"),
    ("panic", r"setpci\.power_state_of_port\..*", r"no such register"),
    ("no-driver", r".*", UNTRAINED),
)


def expected_skip(batch, name):
    return next((reason for batches, names, reason in SKIPS if re.fullmatch(batches, batch) and re.fullmatch(names, name)),
                None)


def judge_windows():
    """The model's record of the races: no link carries traffic, or leaves its fence, while its GPU is held in reset."""
    seen = windows.read(TRACE) if os.path.exists(TRACE) else windows.Windows()
    good = seen.count and not seen.wrong
    return Case("trace", "links_stay_fenced_in_reset", "ok" if good else "FAIL",
                f"{seen.count} resets, {len(seen.wrong)} links opened: {'; '.join(seen.wrong[:3])}")


def judge_copy(batch, paths, explains):
    """Data went over each of these paths in both directions, at a rate, and what is needed for others is said or not."""
    with open(log_path(KERNEL, batch), encoding="utf-8", errors="replace") as log:
        text = log.read()
    # Lines come twice, if the console did not lose one of them.
    ways = {(who, path, into == "GPU RAM") for who, path, into in COPIED.findall(text)}
    good = ways == {(*path, into_ram) for path in paths for into_ram in (False, True)} and (NEEDS_DRIVER in text) == explains
    return Case("nvlink2_copy", "says_which_path_data_took", "ok" if good else "FAIL", f"{batch}: {sorted(ways)}")


@contextlib.contextmanager
def in_turn():
    """With twice as many machines as there are, each would be too slow for its own clock."""
    path = os.path.join(TOP, "build", "locks", "selftests-machines")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def main():
    build(KERNEL)
    kernels = dict.fromkeys((ONE_ATSD, ONE_ATSD_EACH), one_atsd.build(KERNEL))
    runs = {name: Run(kernels.get(name, KERNEL), speed=FAST, **settings) for name, (_, _, settings) in BATCHES.items()}
    with contextlib.suppress(FileNotFoundError):
        os.remove(TRACE)

    def job(name, programs, words):
        return lambda: runs[name].go(programs, log_path(KERNEL, name), TIMEOUT, words)

    with in_turn():
        in_parallel((job(name, programs, words) for name, (programs, words, _) in BATCHES.items()), MACHINES)
    for name, run in runs.items():
        for case in run.cases:
            unless_expected(case, expected_skip(name, case.name))
    runs["race"].cases.append(judge_windows())
    runs["dma"].cases.append(judge_copy("dma", OVER_PCIE | OVER_NVLINK, False))
    runs["no-driver"].cases.append(judge_copy("no-driver", OVER_PCIE, True))
    runs["ats"].cases.append(judge_engine(runs.values()))
    runs["isolated"].cases.append(judge_freezes(runs["isolated"], FREEZES))
    runs["no-driver"].cases.append(judge_skips(runs["no-driver"].cases, LEFT))
    sys.exit(print_tap(runs))


main()
