#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""scripts/overlay: what applies, what is refused and in which words, what stays after a failure."""

import difflib
import os
import shutil
import subprocess
import tempfile
import unittest

import tap

OLD = "".join(f"line {number}\n" for number in range(1, 41))
NEW = OLD.replace("line 4\n", "line 4\nfirst\n").replace("line 31\n", "line 31\nsecond\n")


def diff(old, new, path="dir/file.c"):
    return "".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), f"a/{path}", f"b/{path}"))


HUNKS = diff(OLD, NEW)


class Overlay(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.put("base/dir/file.c", OLD)
        self.put("base/other.c", "other\n")

    def path(self, name):
        return os.path.join(self.directory, name)

    def put(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)

    def get(self, name):
        with open(self.path(name), encoding="utf-8") as stream:
            return stream.read()

    def run_overlay(self, **extra):
        return subprocess.run([os.path.join(tap.TOP, "scripts", "overlay"), "--version", "base 1.2.3", self.path("base"),
                               self.path("over"), self.path("out")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, **extra)

    def apply(self):
        run = self.run_overlay()
        self.assertEqual(run.returncode, 0, run.stdout)

    def refused(self, *words, **extra):
        run = self.run_overlay(**extra)
        self.assertNotEqual(run.returncode, 0, run.stdout)
        for word in words:
            self.assertIn(word, run.stdout)
        self.assertNotIn("Traceback", run.stdout)

    def test_new_and_changed(self):
        """a new file is copied whole, a change is applied, the base is left alone"""
        self.put("over/dir/new.c", "new\n")
        self.put("over/dir/file.c.patch", HUNKS)
        self.apply()
        self.assertEqual(self.get("out/dir/new.c"), "new\n")
        self.assertEqual(self.get("out/dir/file.c"), NEW)
        self.assertEqual(self.get("base/dir/file.c"), OLD)

    def test_topics(self):
        """several patches of one file are applied in the order of their topics"""
        self.put("over/dir/file.c.a-one.patch", diff(OLD, NEW))
        self.put("over/dir/file.c.b-two.patch", diff(NEW, NEW.replace("first", "third")))
        self.apply()
        self.assertEqual(self.get("out/dir/file.c"), NEW.replace("first", "third"))

    def test_offset(self):
        """a base whose lines moved is taken"""
        self.put("base/dir/file.c", "moved\n" * 7 + OLD)
        self.put("over/dir/file.c.patch", HUNKS)
        self.apply()
        self.assertIn("line 31\nsecond\n", self.get("out/dir/file.c"))

    def test_failing_hunk(self):
        """a hunk that fails is named with its file and the version of the base; nothing is made"""
        self.put("base/dir/file.c", OLD.replace("line 31", "line thirty-one"))
        self.put("over/dir/file.c.patch", HUNKS)
        self.refused("dir/file.c", "hunk 2 of 2", [line for line in HUNKS.split("\n") if line.startswith("@@")][1], "base 1.2.3")
        self.assertFalse(os.path.exists(self.path("out")))

    def test_no_fuzz(self):
        """context that differs is refused, as git am would refuse it"""
        self.put("base/dir/file.c", OLD.replace("line 3\n", "line three\n"))
        self.put("over/dir/file.c.patch", HUNKS)
        self.refused("hunk 1 of 2")

    def test_failure_keeps_old(self):
        """a failure leaves the copy of the last success as it was"""
        self.put("over/dir/file.c.patch", HUNKS)
        self.apply()
        before = self.get("out/dir/file.c")
        self.put("over/other.c.patch", HUNKS.replace("dir/file.c", "other.c"))
        self.put("over/dir/zzz.c", "must not appear\n")
        self.refused("other.c")
        self.assertEqual(self.get("out/dir/file.c"), before)
        self.assertFalse(os.path.exists(self.path("out/dir/zzz.c")))

    def test_removed(self):
        """what the overlay no longer has goes back to the base"""
        self.put("over/dir/file.c.patch", HUNKS)
        self.put("over/dir/new.c", "new\n")
        self.apply()
        shutil.rmtree(self.path("over"))
        self.put("over/keep.c", "keep\n")
        self.apply()
        self.assertEqual(self.get("out/dir/file.c"), OLD)
        self.assertFalse(os.path.exists(self.path("out/dir/new.c")))

    def test_time_stamps(self):
        """a second run touches nothing"""
        self.put("over/dir/file.c.patch", HUNKS)
        self.put("over/dir/new.c", "new\n")
        self.apply()
        before = [os.stat(self.path(f"out/dir/{name}")).st_mtime_ns for name in ("file.c", "new.c")]
        self.apply()
        self.assertEqual([os.stat(self.path(f"out/dir/{name}")).st_mtime_ns for name in ("file.c", "new.c")], before)

    def test_interrupted(self):
        """a copy without its record is made anew"""
        self.put("over/dir/file.c.patch", HUNKS)
        self.apply()
        os.unlink(self.path("out/.overlay.json"))
        self.put("out/dir/file.c", "half\n")
        self.put("out/stray", "half\n")
        self.apply()
        self.assertIn("second", self.get("out/dir/file.c"))
        self.assertFalse(os.path.exists(self.path("out/stray")))

    def test_whole_file(self):
        """a file that the base has is refused whole"""
        self.put("over/other.c", "other\n")
        self.refused("other.c", "other.c.patch", "base 1.2.3")

    def test_no_target(self):
        """a patch for a file that the base does not have is refused"""
        self.put("over/dir/missing.c.patch", HUNKS)
        self.refused("missing.c.patch", "does not have", "base 1.2.3")

    def test_wrong_header(self):
        """a patch that names another file than it lies beside is refused"""
        self.put("over/other.c.patch", HUNKS)
        self.refused("other.c.patch", "dir/file.c")

    def test_two_files(self):
        """a patch that changes two files is refused"""
        self.put("over/dir/file.c.patch", HUNKS + HUNKS.replace("dir/file.c", "other.c"))
        self.refused("more than one file")

    def test_not_a_patch(self):
        """a damaged patch is refused"""
        self.put("over/dir/file.c.patch", "nothing to see\n")
        self.refused("dir/file.c.patch", "header")

    def test_no_overlay(self):
        """an overlay that is not there is an error"""
        self.refused("over", "not a directory")

    def test_full_disk(self):
        """a disk that fills up is reported, and the next run starts from the base again"""
        self.put("over/dir/new.c", "x" * 300000)
        limited = ["bash", "-c", "ulimit -f 100; trap '' XFSZ; exec \"$@\"", "sh"]
        command = [os.path.join(tap.TOP, "scripts", "overlay"), "--version", "base 1.2.3", self.path("base"),
                   self.path("over"), self.path("out")]
        run = subprocess.run(limited + command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("cannot write", run.stdout)
        self.assertFalse(os.path.exists(self.path("out/.overlay.json")))
        self.apply()
        self.assertEqual(len(self.get("out/dir/new.c")), 300000)


tap.main()
