#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The runner counts what tests say, and notices when they do not say it."""

import os
import subprocess
import tempfile
import unittest

import tap


class Runner(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def write_test(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as out:
            out.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)

    def run_all(self, *patterns):
        run = subprocess.run([os.path.join(tap.TOP, "tests", "run"), "--directory", self.directory, "--logs",
                              self.directory, *patterns], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             check=False)
        return run.returncode, run.stdout.strip().split("\n")[-1], run.stdout

    def expect(self, text, total, status):
        self.write_test("one.t", text)
        code, last, output = self.run_all()
        self.assertEqual((last, code), (total, status), output)

    def test_pass(self):
        """cases that pass are counted one by one"""
        self.expect("echo 1..2; echo ok 1 - a; echo ok 2 - b", "2 passed, 0 failed", 0)

    def test_fail(self):
        """a failed case fails the run"""
        self.expect("echo 1..2; echo ok 1 - a; echo not ok 2 - b", "1 passed, 1 failed", 1)

    def test_recall(self):
        """the end names each case that failed, and why"""
        self.write_test("one.t", "echo not ok 1 - a; echo '# it is broken'; echo '# more'; echo ok 2 - b; echo '# fine'; "
                                 "echo not ok 3 - c; echo 1..3")
        self.write_test("two.t", "echo not ok 1 - a; echo ok 2 - d '# SKIP no such device'; echo 1..2")
        _, _, output = self.run_all()
        ends = output.strip().split("\n")[-4:-1]
        self.assertEqual(sorted(ends), ["FAILED   one.t: a: it is broken", "FAILED   one.t: c", "FAILED   two.t: a"], output)

    def test_reason(self):
        """of a case of unittest the end says what is wrong, not where"""
        self.write_test("one.t", f"""exec python3 - << 'end'
import sys, unittest
sys.path.insert(0, "{tap.TOP}/tests")
import tap
class One(unittest.TestCase):
    def test(self):
        "numbers"
        self.assertEqual(1, 2)
tap.main()
end
""")
        _, _, output = self.run_all()
        self.assertIn("FAILED   one.t: numbers: AssertionError: 1 != 2", output.split("\n"))

    def test_parts(self):
        """a case of unittest with parts is one case, and fails when one of them does"""
        self.write_test("one.t", f"""exec python3 - << 'end'
import sys, unittest
sys.path.insert(0, "{tap.TOP}/tests")
import tap
class Parts(unittest.TestCase):
    def test(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotIn(number, (0, 1))
    def test_none(self):
        with self.subTest():
            pass
tap.main()
end
""")
        code, last, output = self.run_all()
        self.assertEqual((last, code), ("1 passed, 1 failed", 1), output)
        self.assertNotIn("planned", output)

    def test_skip(self):
        """a skipped case is neither passed nor failed"""
        self.expect("echo 1..2; echo ok 1 - a '# SKIP no such device'; echo ok 2", "1 passed, 0 failed, 1 skipped", 0)

    def test_skip_all(self):
        """a test that skips everything is not a pass"""
        self.expect("echo '1..0 # SKIP no machine'", "0 passed, 0 failed, 1 skipped", 0)

    def test_status(self):
        """all cases pass but the test ends with an error"""
        self.expect("echo 1..1; echo ok 1; exit 3", "1 passed, 1 failed", 1)

    def test_short(self):
        """fewer cases than planned"""
        self.expect("echo 1..3; echo ok 1", "1 passed, 1 failed", 1)

    def test_plan(self):
        """no plan"""
        self.expect("echo ok 1", "1 passed, 1 failed", 1)

    def test_silent(self):
        """no output at all"""
        self.expect("exit 0", "0 passed, 1 failed", 1)

    def test_bail(self):
        """a test that bails out"""
        self.expect("echo 1..1; echo ok 1; echo 'Bail out! no disk'", "1 passed, 1 failed", 1)

    def test_timeout(self):
        """a test that hangs is ended, with what it started"""
        self.expect("# timeout: 1\necho 1..1; echo ok 1; sleep 987 & echo $! > pid; mv pid \"$0.pid\"; sleep 987",
                    "1 passed, 1 failed", 1)
        with open(os.path.join(self.directory, "one.t.pid"), encoding="ascii") as stream:
            self.assertFalse(os.path.exists(f"/proc/{stream.read().strip()}/cwd"))

    def test_pattern(self):
        """only tests whose name has the pattern are run"""
        self.write_test("one.t", "echo 1..1; echo ok 1")
        self.write_test("two.t", "echo 1..1; echo not ok 1")
        self.assertEqual(self.run_all("one")[:2], (0, "1 passed, 0 failed"))

    def test_none(self):
        """a pattern that matches no test is an error"""
        self.assertEqual(self.run_all("nothing")[0], 2)


tap.main()
