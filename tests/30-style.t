#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""What reviewers would say first: checkpatch over the series and the QEMU overlays, long functions, stray files."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import tap
from bases import compose
from entries import HOUSE, load_entries, load_files
from overlays import SUFFIX, files_below

IDENTITY = {"GIT_COMMITTER_NAME": "Nobody", "GIT_COMMITTER_EMAIL": "nobody@example.com", "GIT_AUTHOR_NAME": "Nobody",
            "GIT_AUTHOR_EMAIL": "nobody@example.com"}
# An overlay and the base that it is for
QEMU_OVERLAYS = {"machine/qemu": "qemu", "qemu": "qemu"}


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          errors="replace", env={**os.environ, **IDENTITY, "BUILD": tap.BUILD,
                               "PATH": "/usr/bin:" + os.environ["PATH"]}, **options)


def ours(*directories, suffix=".c"):
    """Files of the repository below some directories."""
    return [os.path.join(name, path) for name in directories if os.path.isdir(os.path.join(tap.TOP, name))
            for path in files_below(os.path.join(tap.TOP, name)) if path.endswith(suffix)]


def kernel_directories():
    return sorted(name for name in set(os.listdir(tap.TOP)) - HOUSE if os.path.isdir(os.path.join(tap.TOP, name)))


def base(flag, name):
    return run(os.path.join(tap.TOP, "scripts", "base"), flag, name).stdout.strip()


class Style(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.out = tempfile.mkdtemp(prefix="style-", dir=tap.BUILD)
        cls.addClassCleanup(shutil.rmtree, cls.out)
        made = run(os.path.join(tap.TOP, "scripts", "setup"))
        made = made if made.returncode else run(os.path.join(tap.TOP, "scripts", "series"), "--out",
                                                os.path.join(cls.out, "patches"), "patches")
        if made.returncode:
            raise AssertionError(made.stdout)

    def clean(self, done):
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_length(self):
        """no function of ours is longer than 80 lines"""
        files = ours(*kernel_directories(), "machine", "nvlink2", "qemu", "tests", "bench")
        self.assertTrue(files, "there is no C file at all")
        self.clean(run(os.path.join(tap.TOP, "scripts", "function-lengths"), "--limit", "80", *files, cwd=tap.TOP))

    def test_qemu_overlays(self):
        """the QEMU overlays apply, and hold no file of QEMU whole"""
        for overlay, name in QEMU_OVERLAYS.items():
            self.clean(run(os.path.join(tap.TOP, "scripts", "overlay"), "--check", "--version", base("--version", name),
                           base("--path", name), os.path.join(tap.TOP, overlay)))

    def test_qemu_checkpatch(self):
        """QEMU's checkpatch is content with the QEMU overlays"""
        checker = os.path.join(base("--path", "qemu"), "scripts", "checkpatch.pl")
        for overlay in QEMU_OVERLAYS:
            directory = os.path.join(tap.TOP, overlay)
            for path in files_below(directory):
                kind = ["--no-signoff"] if path.endswith(SUFFIX) else ["--file"]
                if path.endswith((".c", ".h", ".inc", ".build", SUFFIX)):
                    # as seen from there: what is in tests/ may do what the rest may not
                    done = run("perl", checker, "--no-tree", "--terse", "--no-summary", *kind, path, cwd=directory)
                    self.assertEqual(done.stdout.strip(), "", path)

    def test_licence(self):
        """each source file of ours says what licence it has"""
        where = (*kernel_directories(), "kit", "machine", "nvlink2", "qemu", "tests", "scripts")
        files = [path for path in ours(*where, suffix="")
                 if path.endswith((".c", ".h", ".py", ".sh", ".t")) or path.startswith("scripts/")]
        missing = [path for path in files if path not in ("scripts/packages",) and "__pycache__" not in path
                   and "SPDX-License-Identifier: GPL-2.0" not in self.head(path)]
        self.assertEqual(missing, [])

    def head(self, path):
        with open(os.path.join(tap.TOP, path), encoding="utf-8", errors="replace") as stream:
            return stream.read(2000)

    def test_shell(self):
        """each shell script of ours can be parsed"""
        for path in ours("scripts", "machine", "nvlink2", "tests", "kit", suffix=""):
            shell = re.match(r"#!/bin/(ba)?sh\b", self.head(path))
            if shell or path.endswith(".bash"):
                self.clean(run("sh" if shell and not shell.group(1) else "bash", "-n", os.path.join(tap.TOP, path)))


# FILE_PATH_CHANGES reminds of MAINTAINERS at every new file and cannot see that the file is covered; build/linux has
# no history to look Fixes: up in.
NOT_OURS = ["FILE_PATH_CHANGES", "UNKNOWN_COMMIT_ID"]

# Selftests touch device memory as a user does, with volatile. The rest is what kselftest_harness.h makes of C:
# FIXTURE_DATA(x) *self looks like a product, SKIP() and the variants of a fixture need macros that return or repeat.
SELFTESTS = ["VOLATILE", "SPACING", "MACRO_WITH_FLOW_CONTROL", "MULTISTATEMENT_MACRO_USE_DO_WHILE", "MACRO_ARG_REUSE",
             "EMBEDDED_FUNCTION_NAME", "OPEN_BRACE"]


def kernel_tests(self):
    """checkpatch --strict: the tests of tests/kernel, which are written like those of the series"""
    for path in ours(os.path.join("tests", "kernel"), suffix=(".c", ".h")):
        done = run("perl", "scripts/checkpatch.pl", "--strict", "--terse", "--no-summary", "--ignore",
                   ",".join(SELFTESTS + ["PREFER_KERNEL_TYPES"]), "--file", os.path.join(tap.TOP, path),
                   cwd=os.path.join(tap.BUILD, "linux"))
        self.assertEqual(done.stdout.strip(), "", path)


Style.test_checkpatch_kernel_tests = kernel_tests


def libvfio_patches(self):
    """checkpatch --strict: the patches of tests/libvfio, which nobody has signed off yet"""
    patches = ours(os.path.join("tests", "libvfio"), suffix=SUFFIX)
    for patch in patches:
        with self.subTest(patch), open(os.path.join(tap.TOP, patch), encoding="utf-8") as stream:
            self.assertIn("\nFrom: Nobody <nobody@example.com>\n", stream.read(), "the repository names no author")
    self.assertTrue(patches)
    for path in patches:
        done = run("perl", "scripts/checkpatch.pl", "--strict", "--terse", "--no-summary", "--no-signoff",
                   os.path.join(tap.TOP, path), cwd=os.path.join(tap.BUILD, "linux"))
        self.assertEqual(done.stdout.strip(), "", path)


Style.test_checkpatch_libvfio = libvfio_patches


def checkpatch(part, number, ignored):
    """A test of the patch with this number in its part."""
    def test(self):
        patches = os.path.join(self.out, "patches", part)
        found = [name for name in os.listdir(patches) if name.startswith(f"{number:04d}-")]
        self.assertEqual(len(found), 1)
        done = run("perl", "scripts/checkpatch.pl", "--strict", "--terse", "--no-summary", "--ignore",
                   ",".join(ignored), os.path.join(patches, found[0]), cwd=os.path.join(tap.BUILD, "linux"))
        self.assertEqual(done.stdout.strip(), "")
    return test


def entries_of_base():
    """What the patches are made of."""
    entries, own = load_entries(os.path.join(tap.TOP, "series")), os.path.join(tap.TOP, "bases", os.environ.get("BASE") or "6.12")
    return compose(entries, load_files(tap.TOP), own)[0] if os.path.isdir(own) else entries


# TRACE_EVENT() is a language of its own; upstream's headers of trace events have all of these.
TRACE = ["PARENTHESIS_ALIGNMENT", "OPEN_ENDED_LINE", "SPACING"]

counts = {}
for entry in entries_of_base():
    counts[entry.part] = position = counts.get(entry.part, 0) + 1
    case = checkpatch(entry.part, position, NOT_OURS + (SELFTESTS if entry.subject.startswith("vfio: selftests:") else []) +
                      (TRACE if entry.topic.endswith("-trace") else []))
    case.__doc__ = f"checkpatch --strict: {entry.subject}"
    setattr(Style, f"test_checkpatch_{entry.part.replace('-', '_')}_{position:02d}", case)
tap.main()
