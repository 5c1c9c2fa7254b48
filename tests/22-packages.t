#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
"""What make deb gives to debhelper and to Kconfig, without a build: names, versions, owners, files, options."""

import os
import re
import subprocess
import tempfile
import unittest

import tap

DEB = os.path.join(tap.TOP, "scripts", "deb")
BASE_OF = os.path.join(tap.TOP, "scripts", "base")
KERNEL = os.path.join(tap.TOP, "scripts", "kernel")
DEBIAN = os.path.join(tap.TOP, "debian")
LINUX = os.path.join(tap.BUILD, "linux")
BASE = os.path.join(LINUX, "arch", "powerpc", "configs", "powernv_defconfig")
SOMEBODY = {"DEBFULLNAME": "A & B/C", "DEBEMAIL": "somebody@example.org"}
FROM_KERNEL = "linux-image-"


def run(*command, **environment):
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


def fields(text):
    """Paragraphs of a control file."""
    return [dict(re.findall(r"^(\S+): (.*)$", part, re.M)) for part in text.strip().split("\n\n")]


class Packaging(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory(prefix="packages-")
        cls.staged = cls.stage("7")
        cls.source, *cls.packages = fields(cls.read("debian/control"))

    @classmethod
    def tearDownClass(cls):
        cls.work.cleanup()

    @classmethod
    def stage(cls, revision):
        path = os.path.join(cls.work.name, f"nvlink2-{revision}")
        done = run(DEB, "--revision", revision, "--stage", path, **SOMEBODY)
        assert not done.returncode, done.stderr
        return path

    @staticmethod
    def bases():
        """What each version is made from."""
        with open(os.path.join(tap.TOP, "nvlink2", "Makefile"), encoding="utf-8") as stream:
            own = re.search(r"(?m)^VERSION := (.*)$", stream.read())[1]
        # Of Debian's packages, not of their sources: with the epoch
        return {"nvlink2": own, **{name: run(BASE_OF, "--version", base).stdout.split()[-1]
                                   for name, base in (("qemu", "firmware"), ("linux", "linux"))}}

    @staticmethod
    def versions(staged):
        """By the name of the base, as debhelper and the kernel's build are given them."""
        of_source = run("dpkg-parsechangelog", "-l", os.path.join(staged, "debian", "changelog"), "-S", "Version")
        with open(os.path.join(staged, "debian", "versions.mk"), encoding="utf-8") as stream:
            return {"nvlink2": of_source.stdout.strip(), **dict(re.findall(r"(?m)^VERSION_(\w+) := (.*)$", stream.read()))}

    @classmethod
    def read(cls, name):
        with open(os.path.join(cls.staged, name), encoding="utf-8") as stream:
            return stream.read()

    def test_owner(self):
        """packages are by whoever makes them"""
        self.assertEqual(self.source["Maintainer"], "A & B/C <somebody@example.org>")
        self.assertIn("\n -- A & B/C <somebody@example.org>  ", self.read("debian/changelog"))

    def test_changelog(self):
        """the changelog is one, its version has the revision, its entries are commits"""
        path = os.path.join(self.staged, "debian", "changelog")
        done = run("dpkg-parsechangelog", "-l", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^Source: nvlink2\nVersion: [\d.]+\+nvlink2\.7$")
        subjects = run("git", "-C", tap.TOP, "log", "--format=%s").stdout.split("\n")
        entries = re.findall(r"(?m)^  \* (.*)$", self.read("debian/changelog").replace("\n    ", " "))
        self.assertTrue(entries)
        self.assertEqual(set(entries) - set(subjects), set())

    def test_versions(self):
        """a version is newer than its base and older than the next of the base or of this project"""
        bases, staged, next_ones = self.bases(), self.versions(self.staged), self.versions(self.stage("10"))
        self.assertEqual([*staged], [*bases])
        for name, base in bases.items():
            of_debian = re.sub(r"\d+$", lambda match: str(int(match[0]) + 1), base)
            for older, newer in ((base, staged[name]), (staged[name], next_ones[name]), (next_ones[name], of_debian)):
                self.assertFalse(run("dpkg", "--compare-versions", older, "lt", newer).returncode, (name, older, newer))

    def test_packages(self):
        """each package has a list of files, and the README has it"""
        with open(os.path.join(DEBIAN, "README.md"), encoding="utf-8") as stream:
            told = re.findall(r"(?m)^\| `([\w-]+)` \|", stream.read())
        names = [package["Package"] for package in self.packages]
        self.assertEqual([name for name in told if not name.startswith(FROM_KERNEL)], names)
        for name in names:
            self.assertTrue(self.read(f"debian/{name}.install").strip())
        self.assertEqual({package["Architecture"] for package in self.packages}, {"ppc64el"})

    def test_revision(self):
        """a revision that is no number is refused"""
        done = run(DEB, "--revision", "7b", "--stage", self.staged)
        self.assertEqual(done.returncode, 1)
        self.assertIn("'7b'", done.stderr)


class Configuration(unittest.TestCase):
    def configure(self, fragment):
        obj = os.path.join(tap.BUILD, "obj", "packages-test")
        return run(KERNEL, obj, "config-on", BASE, fragment)

    def test_ac922(self):
        """Kconfig gives every option of the kernel for an AC922"""
        done = self.configure(os.path.join(DEBIAN, "ac922.config"))
        self.assertEqual(done.returncode, 0, done.stdout[-2000:])

    def test_refused(self):
        """an option that Kconfig does not give is an error that names it"""
        with tempfile.NamedTemporaryFile("w", suffix=".config") as fragment:
            fragment.write("CONFIG_VFIO=n\nCONFIG_VFIO_PCI_NVLINK2=y\n")
            fragment.flush()
            done = self.configure(fragment.name)
        self.assertEqual(done.returncode, 1)
        self.assertIn("CONFIG_VFIO_PCI_NVLINK2=y, but it is CONFIG_VFIO_PCI_NVLINK2=n", done.stdout)


tap.main()
