#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 60
"""The mutations of tests/mutations fit what they are to break. tests/full/44-mutations.t sees that they are noticed."""

import os
import sys
import types
import unittest

import tap

sys.path.insert(0, os.path.join(tap.TOP, "tests", "mutations"))

from checks import judge  # noqa: E402
from lists import ALL  # noqa: E402
from mutations import MutationError  # noqa: E402
from runs import RUNS, Outcome  # noqa: E402


def content(mutation):
    top = os.path.join(tap.BUILD, "linux") if mutation.in_series else tap.TOP
    with open(os.path.join(top, mutation.path), encoding="utf-8") as stream:
        return stream.read()


class Mutations(unittest.TestCase):
    def test_fit(self):
        """each is of a text that is there once, and changes it"""
        for mutation in ALL:
            with self.subTest(mutation.text):
                self.assertNotEqual(mutation.applied_to(content(mutation)), content(mutation))

    def test_gone(self):
        """one whose text is gone, or there twice, says so"""
        for text in ("", ALL[0].old * 2):
            self.assertRaisesRegex(MutationError, "has the text of the mutation", ALL[0].applied_to, text)

    def test_runs(self):
        """each is noticed by a program that there is, and each such program is needed"""
        self.assertEqual({mutation.caught.run for mutation in ALL}, set(RUNS))
        for name, run in RUNS.items():
            self.assertTrue(os.access(os.path.join(tap.TOP, run.command[0]), os.X_OK), name)

    def test_rows(self):
        """checks of the demo that are named are checks of the demo"""
        nothing = types.SimpleNamespace(facts={}, firmware=[], registers={}, gpus={})
        rows = {result.name for result in judge("small", nothing)}
        named = {case for mutation in ALL if mutation.caught.run == "demo" for case in mutation.caught.cases}
        self.assertEqual({case for case in named if not case.startswith("broke: ")} - rows, set())

    def test_outcome(self):
        """what a run prints is understood: cases, reasons to break off, a plan that is not kept"""
        seen = Outcome("1..3\nok 1 - one\nnot ok 2 - two\nnot ok 3 /a/test - ERROR:of it\n"
                       "# The job broke off: FIR 1\n")
        self.assertEqual((seen.passed, seen.failed, seen.broke), (["one"], ["two", "/a/test"], ["FIR 1"]))
        self.assertTrue(seen.has("two") and seen.has("broke: FIR") and not seen.has("one") and not seen.good())
        self.assertTrue(Outcome("ok 1 - one\n1..1\n").good())
        for output in ("", "1..1\n", "1..2\nok 1 - one\n", "ok 1 - one\n", "Bail out! no machine\n"):
            self.assertFalse(Outcome(output).good(), output)


tap.main()
