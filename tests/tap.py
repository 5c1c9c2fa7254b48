# SPDX-License-Identifier: GPL-2.0
"""Cases as TAP. Those of unittest: a test ends with `tap.main()`, and the name of a case is the first line of its
docstring. Checks of a job of the emulated host: it ends with `tap.job()`.
"""

import json
import os
import subprocess
import sys
import traceback
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
sys.path[:0] = [os.path.join(TOP, "machine"), os.path.join(TOP, "scripts")]

from checks import SIDES  # noqa: E402
from witherspoon import MachineError, relative  # noqa: E402


class TapResult(unittest.TestResult):
    """Prints a line for each case as it ends."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.part_failed = False

    def say(self, word, test, note=""):
        self.number += 1
        print(f"{word} {self.number} - {test.shortDescription() or test.id()}{note}", flush=True)

    def comment(self, error):
        # What is wrong comes first: tests/run repeats that line
        print(f"# {error[0].__name__}: {error[1]}".split("\n", maxsplit=1)[0], flush=True)
        for line in "".join(traceback.format_exception(*error)).rstrip().split("\n"):
            print(f"# {line}", flush=True)

    def addSuccess(self, test):
        self.say("ok", test)

    def addSkip(self, test, reason):
        self.say("ok", test, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("not ok", test)
        self.comment(err)

    def addError(self, test, err):
        super().addError(test, err)
        self.say("not ok", test)
        self.comment(err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.part_failed = True
            self.comment(err)

    def stopTest(self, test):
        """Of a case with parts that failed nothing else is called."""
        super().stopTest(test)
        if self.part_failed:
            self.say("not ok", test)
        self.part_failed = False


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    print(f"1..{suite.countTestCases()}", flush=True)
    result = TapResult()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)


def log(name):
    """Where the console of a machine goes."""
    return os.path.join(BUILD, "logs", f"{name}.log")


def demo(name, *words):
    """What a run of machine/demo saw, as --json gives it; name: of its log."""
    done = subprocess.run([os.path.join(TOP, "machine", "demo"), "--json", "--log", log(name), *words],
                          stdout=subprocess.PIPE, text=True, check=False)
    return json.loads(done.stdout)


def failed_checks(seen):
    """Of a run of machine/demo: its error, or which of its checks failed."""
    return [seen["error"]] if seen["error"] else [check["name"] for check in seen["checks"] if not check["passed"]]


def report(results, console):
    """Print results (machine/checks.py) and name the console they were seen on; gives the status to exit with."""
    print(f"1..{len(results)}")
    for number, result in enumerate(results, 1):
        print(f"{'ok' if result.passed else 'not ok'} {number} - {result.name}")
        for side, text in zip(SIDES, result.sides):
            if text and not result.passed:
                print(f"# {side}: {text}".replace("\n", "; "))
    print(f"# console: {relative(console)}")
    return 0 if all(result.passed for result in results) else 1


def job(judge, console):
    """judge boots what it needs, with the given console, and gives the results."""
    try:
        results = judge()
    except MachineError as error:
        print(f"Bail out! {error}")
        sys.exit(1)
    sys.exit(report(results, console))
