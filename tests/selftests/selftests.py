# SPDX-License-Identifier: GPL-2.0
"""Run the selftests in an emulated host and tell what became of each case."""

import os
import re
import subprocess
import sys
import threading

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
sys.path.insert(0, os.path.join(TOP, "machine"))

# Not at the top: machine/ is found by the line above.
from witherspoon import Machine, MachineError, Settings  # noqa: E402

SAFE = ("nvlink2_regions", "nvlink2_mapping", "nvlink2_rw", "nvlink2_atsd", "nvlink2_dma", "nvlink2_falcon", "nvlink2_reset",
        "nvlink2_kvm", "nvlink2_tce", "nvlink2_owner", "nvlink2_copy", "nvlink2_poison")
# Of tests/kernel: DMA that an NPU refuses
REFUSED = "nvlink2_refused"
# The same, of ATS: the only program whose cases need the engine that no real GPU has
ATS = "nvlink2_ats"
PANIC = "nvlink2_panic"
# Wants GPUs with 2 GiB of RAM
HUGE = "nvlink2_huge"
CASE = re.compile(r"^(not )?ok (\d+) (\S+)(?:\s+#\s*(SKIP)\s*(.*))?$")
PLAN = re.compile(r"^1\.\.(\d+)$")
REASON = re.compile(r"^# (\S+\.c:\d+:\w+:.*)$")
DISK = ("-drive", "if=none,id=disk0,file.driver=null-co,format=raw",
        "-device", "nvme,bus=disk,drive=disk0,serial=1,addr=0.0,multifunction=on",
        "-drive", "if=none,id=disk1,file.driver=null-co,format=raw",
        "-device", "nvme,bus=disk,drive=disk1,serial=2,addr=0.1")

# Where the first of these disks is: a device of another kind, in a group of its own with the second
OTHER = "0000:01:00.0"

# Slots of SXM2 modules have no power controller. Those of QEMU's switches have one, and lose what is in them when
# firmware uses it for a fundamental reset.
NO_POWER_CONTROL = ("-global", "xio3130-downstream.power_controller_present=off")

# What firmware may complain of where time runs faster than firmware can work: its 5 seconds are 0.6 of the host, and a call
# that holds a lock takes up to 3 of them when nothing stops the emulator
HURRIED = (r"Spent \d+ msecs in OPAL call \d+!", r"SBE: .*", r"WARNING: Lock has been spinning for over 5000ms")
# What it may complain of by the program that causes it: accesses to configuration space that it does not take; a table that
# the kernel has kept, and invalidates, as a purge failed, while the TVE denies DMA already
CAUSED = {
    "nvlink2_failfn": (r"NPU\d+: npu2_tce_kill: Unexpected TCE size \(got 0x1000 expected 0x800\)",),
    "nvlink2_panic": (r"PHB#\w+:\S+ Unsupported write to bridge control register",),
    "nvlink2_race": (r"NPU\d+: Short read of procedure register",),
    "nvlink2_walk": (r"NPU\d+: Short read of procedure register",),
}
# And of a program that starts the kernel
NOT_A_KERNEL = r"INIT: ELF header not found\. Assuming raw binary\."
# Linux 5.10 is not what is tested
CONTROL = "control"

# GPUs without the engine that no real one has, and without the microcode that trains links, which their driver loads
NO_ENGINE = ("-global", "pnv-v100.copy-engine=off")
NO_DRIVER = (*NO_ENGINE, "-global", "pnv-v100.link-training=off")
UNTRAINED = "links do not train without the driver of the GPU: run the guest part"
# Why cases of ATS are skipped with NO_ENGINE
ENGINE_ONLY = "only an emulated V100 has the engine for this"
# As in hardware, which stops a device whose DMA was refused
FREEZE = ("-global", "pnv-phb4.freeze-on-refusal=on")
# What firmware logs then of the PHB when it finds the PE frozen, and the line of that PE
DIAGNOSIS = r"PHB#\w+\[\d+:\d+\]: +\w+(\[\w+\])? = \w+( \w+)?"
FROZEN = re.compile(r"^\[.*PHB#\w+\[\d+:\d+\]: +PEST\[\w+\] = 8\w+ 8\w+")

# How fast the emulated clock runs where a test waits most of the time: a reset is mostly pauses
FAST = 8


class Case:
    """The outcome of one case: ok, FAIL, skip, or panic when the machine did not survive it."""

    def __init__(self, program, name, outcome, reason=""):
        self.program = program
        self.name = name
        self.outcome = outcome
        self.reason = reason


class FastSettings(Settings):
    """A machine whose clock runs faster than that of its surroundings."""

    def __init__(self, speed, **settings):
        super().__init__(**settings)
        self.speed = speed

    def command(self):
        clock = os.path.join(BUILD, "selftests", "clock.so")
        faster = ["env", f"LD_PRELOAD={clock}", f"CLOCK_SPEED={self.speed}"] if self.speed > 1 else []
        return [*faster, *super().command()]


def build(kernel):
    subprocess.run([os.path.join(TOP, "tests", "selftests", "build"), kernel], check=True)


class Run:
    """One boot of the emulated host."""

    def __init__(self, kernel, board="4gpu", memory="2G", gpu_ram="256M", speed=1, extra=()):
        self.kernel = kernel
        self.board = board
        self.memory = memory
        self.gpu_ram = gpu_ram
        self.speed = speed
        self.extra = tuple(extra)
        self.images = os.path.join(BUILD, "selftests", kernel)
        self.cases = []
        self.problem = None
        self.current = None
        self.program = None
        self.reason = ""
        self.seen = set()
        self.plan = None
        self.begun = self.finished = 0
        self.freezes = 0
        self.ended = False

    def line(self, text):
        if text.startswith("@ run "):
            self.program, self.current, self.reason = text.split()[2], None, ""
            self.seen, self.plan = set(), None
            self.begun += 1
        elif text.startswith("@ status "):
            self.check_plan(text[2:])
        elif text.startswith("@ again "):
            self.case(CASE.match(text[len("@ again "):]))
        elif PLAN.match(text) and self.plan is None:
            self.plan = int(PLAN.match(text).group(1))
        elif text.startswith("@ end"):
            self.ended = True
        elif FROZEN.match(text):
            self.freezes += 1
        elif re.match(r"^#\s+RUN\s", text):
            self.current, self.reason = text.split()[2].replace(".global.", "."), ""
        elif REASON.match(text) and not self.reason:
            self.reason = REASON.match(text).group(1)
        elif "Kernel panic" in text and not self.reason:
            self.reason = text.split("] ")[-1]
        else:
            self.case(CASE.match(text))

    def check_plan(self, status):
        self.finished += 1
        if not self.seen and not self.current:
            self.problem = f"{self.program} ran no case: {status}"
        elif self.plan is not None and len(self.seen) != self.plan:
            self.problem = f"{self.program} ran {len(self.seen)} cases of {self.plan} planned: {status}"

    def case(self, found):
        if not found or not self.program or found.group(2) in self.seen:
            return
        failed, number, name, skip, why = found.groups()
        self.seen.add(number)
        outcome = "FAIL" if failed else "skip" if skip else "ok"
        self.cases.append(Case(self.program, name, outcome, why or self.reason if outcome != "ok" else ""))
        self.current, self.reason = None, ""

    def may_complain(self, programs):
        if self.kernel == CONTROL:
            return [r".*"]
        caused = [pattern for program in programs for pattern in CAUSED.get(program.split(":")[0], ())]
        frozen = [DIAGNOSIS] if FREEZE[-1] in self.extra else []
        return [NOT_A_KERNEL, *caused, *frozen, *(HURRIED if self.speed > 1 else ())]

    def go(self, programs, log, timeout, append=""):
        """Boot, run the programs and give their cases."""
        settings = FastSettings(self.speed, board=self.board, job="selftests", images=self.images, gpu_ram=self.gpu_ram,
                                memory=self.memory, extra=DISK + NO_POWER_CONTROL + self.extra,
                                append=f"selftests={','.join(programs)} nvlink2_other={OTHER} {append}".strip(),
                                fir_fatal=self.kernel != CONTROL, may_complain=self.may_complain(programs))
        try:
            with Machine(settings, log) as machine:
                for text in machine.lines(timeout):
                    self.line(text)
        except MachineError as error:
            self.problem = str(error)
        if self.current:
            self.cases.append(Case(self.program, self.current, "panic", self.reason or self.problem or "no more output"))
        elif not self.ended:
            self.problem = self.problem or "the host ended before its tests did"
        elif not self.begun == self.finished == len(programs):
            self.problem = self.problem or f"began {self.begun}, finished {self.finished} of {len(programs)} programs"
        return self.cases


def in_parallel(jobs, at_once=2):
    """Call each of the functions, some of them at a time."""
    jobs = list(jobs)
    gate = threading.Lock()

    def work():
        while True:
            with gate:
                if not jobs:
                    return
                job = jobs.pop(0)
            job()

    workers = [threading.Thread(target=work) for _ in range(at_once)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def unless_expected(case, reason):
    """A case that is skipped for another reason than this tests nothing any more: it fails. reason: a pattern, or None."""
    if case.outcome == "skip" and not (reason and re.match(reason, case.reason)):
        case.outcome, case.reason = "FAIL", f"skipped, which it should not be: {case.reason}"


def judge_skips(cases, wanted):
    """Where links do not train, what needs them is skipped for that reason, and enough is left; a case of its own."""
    left = sum(case.outcome == "ok" for case in cases)
    skipped = sum(case.outcome == "skip" and case.reason == UNTRAINED for case in cases)
    good = left >= wanted and skipped
    return Case("all", "what_needs_links_is_skipped", "ok" if good else "FAIL", f"{left} passed, {skipped} need links")


def judge_freezes(run, at_least):
    """Firmware's record of a run: refused DMA has frozen the device."""
    return Case("firmware", "refused_dma_freezes_the_device", "ok" if run.freezes >= at_least else "FAIL",
                f"{run.freezes} freezes, of {at_least} at least")


def judge_engine(runs):
    """Without the engine that no real GPU has, all cases but those of ATS do what they are for; a case of its own."""
    cases = [case for run in runs if NO_ENGINE[-1] in run.extra for case in run.cases]
    passed = sum(case.outcome == "ok" for case in cases)
    skipped = [case for case in cases if case.outcome == "skip" and case.reason.startswith(ENGINE_ONLY)]
    good = passed and skipped and all(case.program == ATS for case in skipped)
    reason = skipped[0].reason if skipped else ENGINE_ONLY
    return Case("all", "what_needs_the_engine_is_skipped", "ok" if good else "FAIL",
                f"without it {passed} passed, {len(skipped)} skipped: {reason}")


def log_path(kernel, name):
    return os.path.join(BUILD, "logs", "selftests", f"{kernel}-{name}.log")


def print_tap(runs):
    """The cases of several runs, by name, as one TAP stream; gives the status to exit with."""
    number, failed = 0, False
    for name, run in runs.items():
        for case in run.cases:
            number += 1
            wrong = case.outcome in ("FAIL", "panic")
            note = f" # SKIP {case.reason}" if case.outcome == "skip" else ""
            print(f"{'not ok' if wrong else 'ok'} {number} - {name} {case.program} {case.name}{note}")
            if wrong:
                print(f"# {case.outcome}: {case.reason}")
            elif case.outcome == "ok" and case.reason:
                print(f"# {case.reason}")
            failed |= wrong
        if run.problem:
            number += 1
            failed = True
            print(f"not ok {number} - {name}: {run.problem}")
    print(f"1..{number}")
    return int(failed)
