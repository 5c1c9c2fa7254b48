#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""The kernel's selftests of NVLink2 passthrough, in the emulated host; each of their cases is a case here."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "selftests"))

from selftests import PANIC, SAFE, Run, build, in_parallel, log_path  # noqa: E402

TIMEOUT = 800
KERNEL = os.environ.get("KERNEL", "host")


def main():
    build(KERNEL)
    batches = {"first": SAFE[:4], "second": SAFE[4:6], "third": SAFE[6:] + (PANIC,)}
    runs = {name: Run(KERNEL) for name in batches}

    def job(name):
        return lambda: runs[name].go(batches[name], log_path(KERNEL, name), TIMEOUT)

    in_parallel(job(name) for name in batches)
    cases = [case for run in runs.values() for case in run.cases]
    problems = [f"{name}: {run.problem}" for name, run in runs.items() if run.problem]
    for number, case in enumerate(cases, 1):
        word = "ok" if case.outcome in ("ok", "skip") else "not ok"
        note = f" # SKIP {case.reason}" if case.outcome == "skip" else ""
        print(f"{word} {number} - {case.program} {case.name}{note}")
        if word != "ok":
            print(f"# {case.outcome}: {case.reason}")
    for number, problem in enumerate(problems, len(cases) + 1):
        print(f"not ok {number} - {problem}")
    print(f"1..{len(cases) + len(problems)}")
    sys.exit(any(case.outcome in ("FAIL", "panic") for case in cases) or bool(problems))


main()
