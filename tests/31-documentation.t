#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""The documentation can be built, without a warning of ours: the kernel's with its own tools, QEMU's pages by sphinx."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import tap
from overlays import files_below

LINUX = os.path.join(tap.BUILD, "linux")
PAGES = os.path.join("Documentation", "arch", "powerpc")
QEMU_OVERLAYS = ("machine/qemu", "qemu")
# What tools miss on this machine to draw pictures, which these pages have none of
MISSING = re.compile(r"(dot|convert)\(1\) not found|ImageMagick|Inkscape|rsvg", re.I)
TROUBLE = re.compile(r"\b(warning|error|severe)\b:?", re.I)


def run(*command, **options):
    """Status and output, with the system's own Python, which sphinx belongs to, and not as a part of another make."""
    kept = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env={**kept, "BUILD": tap.BUILD, "PATH": "/usr/bin:" + os.environ["PATH"]}, **options)
    return done.returncode, done.stdout


def ours(top, suffix=".rst"):
    return [path for path in files_below(os.path.join(tap.TOP, top)) if path.endswith(suffix)]


class Documentation(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        for command in ("setup",), ("series", "tree"):
            status, text = run(os.path.join(tap.TOP, "scripts", command[0]), *command[1:])
            if status:
                raise AssertionError(text)
        cls.out = tempfile.mkdtemp(prefix="documentation-", dir=tap.BUILD)
        cls.addClassCleanup(shutil.rmtree, cls.out)

    def test_kernel(self):
        """make htmldocs of the directory with our pages: each is there, and in the list of pages"""
        status, text = run("make", "-s", "-C", LINUX, f"O={self.out}", "htmldocs", f"SPHINXDIRS={PAGES.partition('/')[2]}")
        self.assertEqual(status, 0, text)
        self.assertEqual([line for line in text.split("\n") if TROUBLE.search(line) and not MISSING.search(line)], [])
        html = os.path.join(self.out, "Documentation", "output", PAGES.partition("/")[2])
        with open(os.path.join(html, "index.html"), encoding="utf-8") as stream:
            index = stream.read()
        pages = ours(PAGES)
        self.assertIn("npu2.rst", pages)
        for page in pages:
            name = page.replace(".rst", ".html")
            self.assertTrue(os.path.exists(os.path.join(html, name)), name)
            self.assertIn(f'href="{name}"', index)

    def test_references(self):
        """documents of the kernel that the series names are there"""
        named = set()
        for directory in ("Documentation", "arch", "drivers", "include", "tools"):
            for path in ours(directory, suffix=""):
                with open(os.path.join(tap.TOP, directory, path), encoding="utf-8") as stream:
                    named |= set(re.findall(r"^\+?[^-].*?\b(Documentation/[\w/.-]+\.rst)", stream.read(), re.M))
        self.assertIn(f"{PAGES}/npu2.rst", named)
        self.assertEqual([name for name in named if not os.path.exists(os.path.join(LINUX, name))], [])

    def test_kernel_doc(self):
        """comments of functions and structs are what scripts/kernel-doc wants"""
        files = [os.path.join(directory, path) for directory in ("arch", "drivers", "include")
                 for path in ours(directory, suffix=(".c", ".h"))]
        self.assertIn("arch/powerpc/platforms/powernv/npu2.h", files)
        status, text = run("perl", "scripts/kernel-doc", "-none", "-Werror", *files, cwd=LINUX)
        self.assertEqual((status, text), (0, ""))

    def test_links(self):
        """what the repository's own pages link to is there, and so are the tests that they name"""
        for page in ("README.md", *(f"{name}/README.md" for name in ("debian", "machine", "nvlink2", "series", "tests"))):
            with open(os.path.join(tap.TOP, page), encoding="utf-8") as stream:
                text = stream.read()
            links = re.findall(r"\]\(([^)]+)\)", text)
            tests = re.findall(r"(?<![\w-])((?:full/)?\d\d-[a-z][\w-]+\w)", text) if page.startswith("nvlink2") else []
            self.assertTrue(links or page not in ("README.md", "nvlink2/README.md"))
            self.assertTrue(tests or not page.startswith("nvlink2"))
            missing = [name for name in links if not os.path.exists(os.path.join(tap.TOP, os.path.dirname(page), name))]
            missing += [name for name in tests if not os.path.exists(os.path.join(tap.TOP, "tests", f"{name}.t"))]
            self.assertEqual(missing, [], page)

    def test_qemu(self):
        """QEMU's pages of ours, by themselves, at their places: sphinx has nothing to say"""
        for overlay in QEMU_OVERLAYS:
            source = os.path.join(self.out, overlay)
            pages = ours(os.path.join(overlay, "docs"))
            self.assertTrue(pages)
            for page in pages:
                os.makedirs(os.path.join(source, os.path.dirname(page)), exist_ok=True)
                shutil.copy(os.path.join(tap.TOP, overlay, "docs", page), os.path.join(source, page))
            with open(os.path.join(source, "index.rst"), "w", encoding="utf-8") as index:
                index.write("QEMU\n====\n\n.. toctree::\n\n" + "".join(f"   {page[:-4]}\n" for page in pages))
            status, text = run("sphinx-build", "-q", "-n", "-W", "--keep-going", "-C", "-b", "html", source,
                               os.path.join(source, "html"))
            self.assertEqual((status, text), (0, ""))


tap.main()
