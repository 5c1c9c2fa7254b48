#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 200
"""The KUnit tests of the series, at the boot of a host without NPU: they compute and need no device."""

import os
import re
import sys

import tap

sys.path.insert(0, os.path.join(tap.TOP, "machine"))

from witherspoon import Machine, MachineError, Settings, relative  # noqa: E402

SUITES = ("pnv-npu2", "vfio_pci_nvlink2")
# A case is indented once, one of its parameters twice, and a suite not at all.
RESULT = re.compile(r"(?:\[ *[\d.]+\] )?( *)(not )?ok (\d+) (.+?)(?: # SKIP (.*))?$")
TITLE = re.compile(r"(?:\[ *[\d.]+\] )? +# Subtest: (.+)$")
LOG = os.path.join(tap.BUILD, "logs", "kunit.log")


class Results:
    """What KUnit reports: "ok" or "not ok" and a name for each case."""

    def __init__(self):
        self.cases = []
        self.suites = {}
        self.titles = []

    def line(self, text):
        title, result = TITLE.match(text), RESULT.match(text)
        if title:
            self.titles.append(title[1])
        if not result:
            return
        indent, failed, _, name, _ = result.groups()
        if not indent:
            self.suites[name] = not failed
            self.titles.clear()
        elif len(indent) == 4:
            self.cases.append((not failed, f"{self.titles[0] if self.titles else '?'}: {name}"))
            del self.titles[1:]


def boot():
    results = Results()
    with Machine(Settings(board=None, job="plain,none", append="kunit.enable=1 loglevel=7"), LOG) as machine:
        for text in machine.lines(150):
            results.line(text)
            if set(results.suites) >= set(SUITES):
                break
    return results


def main():
    try:
        results = boot()
    except MachineError as error:
        print(f"Bail out! {error}")
        return 1
    for number, (passed, name) in enumerate(results.cases, 1):
        print(f"{'ok' if passed else 'not ok'} {number} - {name}")
    number = len(results.cases)
    for suite in SUITES:
        number += 1
        print(f"{'ok' if results.suites.get(suite) else 'not ok'} {number} - {suite}: the whole suite ran and passed")
    print(f"1..{number}")
    print(f"# console: {relative(LOG)}")
    return int(not all(passed for passed, _ in results.cases) or not all(map(results.suites.get, SUITES)))


if __name__ == "__main__":
    sys.exit(main())
