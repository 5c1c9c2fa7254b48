# SPDX-License-Identifier: GPL-2.0
"""What shows a mutation: programs that print TAP, by name, and what they need to have been built."""

import re
from dataclasses import dataclass

EVERYTHING = ("kernel", "qemu-machine", "consumer", "images")
MODEL = ("qemu-machine",)
HOST = ("kernel", "qemu-machine")
CASE = re.compile(r"^(not )?ok\b *\d* *(?:- )?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)$", re.M)
# What is said in place of cases, or beside them
BROKE = re.compile(r"^(?:# The job broke off|Bail out!|demo|\S*libqtest\.c:\d+|check-model|# The \w+ stopped):? *(.*)$")


@dataclass(frozen=True)
class Run:
    """seconds: more than it takes on a busy machine."""
    command: tuple
    needs: tuple
    seconds: int = 900


def selftests(*programs):
    return Run(("tests/mutations/selftests", *programs), HOST)


def qtest(program, path):
    return Run(("tests/mutations/qtest", program, f"/ppc64/{path}"), ("qtests",))


RUNS = {
    "demo": Run(("machine/demo", "--board", "small", "--tap"), EVERYTHING),
    "check-model": Run(("machine/check-model", "--board", "small"), MODEL),
    "qtest link": qtest("pnv-npu2-test", "pnv-npu2/link"),
    "qtest fir-fatal": qtest("pnv-npu2-test", "pnv-npu2/fir-fatal"),
    "qtest link-address": qtest("pnv-v100-test", "pnv-v100/link-address"),
    "qtest peer-cut": qtest("pnv-v100-test", "pnv-v100/peer-cut"),
    "qtest peer-reset": qtest("pnv-v100-test", "pnv-v100/peer-reset"),
    "qtest freeze": qtest("pnv-v100-test", "pnv-v100/freeze"),
    "qtest capabilities": qtest("pnv-v100-test", "pnv-v100/capabilities"),
    "qtest msi": qtest("pnv-v100-falcon-test", "pnv-v100/msi"),
    "device tree": Run(("tests/40-device-tree.t",), EVERYTHING),
    "hmi": Run(("tests/59-hmi.t",), EVERYTHING),
    "reset by power": Run(("tests/57-reset-by-power.t",), EVERYTHING),
    "kunit": Run(("tests/42-kunit.t",), EVERYTHING),
    "checks": Run(("tests/41-checks.t",), ()),
    "neighbours": Run(("tests/41-neighbours.t",), ()),
    "isolation": Run(("tests/63-isolation-unused.t",), EVERYTHING),
    "isolation refused": Run(("tests/63-isolation-refused.t",), EVERYTHING),
    "runs": Run(("tests/39-machine-runs.t",), ()),
    "nvlink2": Run(("tests/21-nvlink2-tool.t",), ()),
    "regions": selftests("nvlink2_regions"),
    "poison": selftests("nvlink2_poison"),
    "refused": selftests("nvlink2_refused:-t:unmapped_memory_over_both"),
    "order": selftests("nvlink2_order"),
    "isolated": selftests("--freeze", "--append=npu2_isolate=all", "nvlink2_isolation:-t:after_each_reset"),
    "revoke": selftests("nvlink2_reset:-t:mapping_is_gone"),
}


class Outcome:
    """What a run printed: which cases failed and passed, and why it broke off."""

    def __init__(self, output):
        self.failed, self.passed, self.broke = [], [], []
        for line in output.split("\n"):
            case, broke = CASE.match(line), BROKE.match(line)
            if case:
                name = re.sub(r" - ERROR.*| # SKIP.*", "", case[2])
                (self.failed if case[1] else self.passed).append(name)
            elif broke:
                self.broke.append(broke[1])
        ran, plans = len(self.failed) + len(self.passed), PLAN.findall(output)
        if plans != [str(ran)]:
            self.broke.append(f"ran {ran} cases, planned {' and '.join(plans) or 'nothing'}")

    def has(self, case):
        """Whether that case failed."""
        if case.startswith("broke: "):
            return any(case[len("broke: "):] in reason for reason in self.broke)
        return case in self.failed

    def good(self):
        return bool(self.passed) and not self.failed and not self.broke
