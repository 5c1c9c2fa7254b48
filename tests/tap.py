# SPDX-License-Identifier: GPL-2.0
"""unittest cases as TAP: a test ends with `tap.main()`. The name of a case is the first line of its docstring."""

import os
import sys
import traceback
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
sys.path.insert(0, os.path.join(TOP, "scripts"))


class TapResult(unittest.TestResult):
    """Prints a line for each case as it ends."""

    def __init__(self):
        super().__init__()
        self.number = 0

    def say(self, word, test, note=""):
        self.number += 1
        print(f"{word} {self.number} - {test.shortDescription() or test.id()}{note}", flush=True)

    def comment(self, error):
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


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    print(f"1..{suite.countTestCases()}", flush=True)
    result = TapResult()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)
