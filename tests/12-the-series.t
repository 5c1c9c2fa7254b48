#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""The series of this repository: what it says as an overlay, as commits and as mail is the same."""

import os
import shutil
import subprocess
import tempfile
import unittest

import tap
from bases import load_dropped, load_own
from entries import HOUSE, load_entries, load_parts

GIT = {"GIT_AUTHOR_NAME": "Nobody", "GIT_AUTHOR_EMAIL": "nobody@example.com", "GIT_COMMITTER_NAME": "Nobody",
       "GIT_COMMITTER_EMAIL": "nobody@example.com", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


# Like build: what is of another base than the default one lies in a directory that is called like it
BASE = os.environ.get("BASE", "")


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env={**os.environ, **GIT, "BUILD": tap.BUILD}, **options)


class TheSeries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="series-", dir=tap.BUILD)
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        made = run(os.path.join(tap.TOP, "scripts", "setup"))
        made = made if made.returncode else run(os.path.join(tap.TOP, "scripts", "series"), "tree")
        if made.returncode:
            raise AssertionError(made.stdout)
        shared = {entry.topic for entry in load_entries(os.path.join(tap.TOP, "series"))}
        directory = os.path.join(tap.TOP, "bases", BASE)
        cls.count = len(shared - set(load_dropped(directory)) | set(load_own(directory)[0]) if BASE else shared)

    def git(self, where, *arguments):
        done = run("git", "-C", where, *arguments)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.strip()

    def bare_clone(self, name):
        """A clone that shares the objects and checks out only files of the paths the series has."""
        path = os.path.join(self.directory, name, BASE, "linux")
        os.makedirs(os.path.dirname(path))
        self.git(self.directory, "clone", "--quiet", "--shared", "--no-checkout", os.path.join(tap.BUILD, "linux"), path)
        self.git(path, "config", "core.sparseCheckout", "true")
        with open(os.path.join(path, ".git", "info", "sparse-checkout"), "w", encoding="ascii") as out:
            out.write("/drivers/vfio/\n/arch/powerpc/\n/include/uapi/linux/\n")
        return path

    def tool(self, top, build, command):
        done = run(os.path.join(tap.TOP, "scripts", "series"), "--top", top, "--build", build, "--base",
                   self.output("base", "--path", "linux"), "--base-version", self.output("base", "--version", "linux"),
                   command)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def output(self, tool, *arguments):
        done = run(os.path.join(tap.TOP, "scripts", tool), *arguments)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.strip()

    def copy_of_top(self):
        top = os.path.join(self.directory, "top")
        os.makedirs(top)
        for name in sorted(set(os.listdir(tap.TOP)) - HOUSE | {"bases", "series"}):
            source = os.path.join(tap.TOP, name)
            (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, os.path.join(top, name))
        return top

    def test_harvest(self):
        """tree and harvest of the series give the overlay back, byte for byte"""
        top, linux = self.copy_of_top(), self.bare_clone("harvest")
        build = os.path.dirname(linux)
        self.git(linux, "update-ref", "--no-deref", "HEAD", self.git(linux, "rev-list", "--max-parents=0", "HEAD"))
        self.git(linux, "read-tree", "-mu", "HEAD")
        self.git(linux, "checkout", "--quiet", "-B", "series")
        self.git(linux, "update-ref", "refs/series/agreed", "HEAD")
        self.tool(top, build, "tree")
        self.assertEqual(int(self.git(linux, "rev-list", "--count", "HEAD")), self.count + 1)
        self.assertIn("0 files written, 0 removed", self.tool(top, build, "harvest"))

    def test_git_am(self):
        """git am of every patch on a clean base gives the tree of the series"""
        if not self.count:
            self.skipTest("the series has no commits yet")
        linux, out = self.bare_clone("am"), os.path.join(self.directory, "patches")
        done = run(os.path.join(tap.TOP, "scripts", "series"), "--out", out, "patches")
        self.assertEqual(done.returncode, 0, done.stdout)
        tree = self.git(linux, "rev-parse", "HEAD^{tree}")
        base = self.git(linux, "rev-list", "--max-parents=0", "HEAD")
        self.git(linux, "checkout", "--quiet", base)
        patches = [os.path.join(out, part, name) for part in load_parts(os.path.join(tap.TOP, "series"))
                   for name in sorted(os.listdir(os.path.join(out, part))) if not name.startswith("0000")]
        self.assertEqual(len(patches), self.count)
        self.git(linux, "am", "--quiet", *patches)
        self.assertEqual(self.git(linux, "rev-parse", "HEAD^{tree}"), tree)

    def test_fixes(self):
        """bases/mainline/FIXES says of each fix of the first two parts that mainline takes whether it is needed there"""
        directory = os.path.join(tap.TOP, "bases", "mainline")
        fixes = {entry.topic for entry in load_entries(os.path.join(tap.TOP, "series")) if entry.part[0] in "12"}
        with open(os.path.join(directory, "FIXES"), encoding="utf-8") as stream:
            lines = dict(line.rstrip("\n").partition(": ")[::2] for line in stream)
        self.assertEqual(set(lines), fixes - set(load_dropped(directory)))
        self.assertEqual([topic for topic, text in lines.items() if not text.startswith(("shown: ", "by reading"))], [])

    def test_no_work_pending(self):
        """build/linux has nothing that the overlay does not have"""
        self.assertIn("as the overlay has it", self.output("series", "status"))


tap.main()
