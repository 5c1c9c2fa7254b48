# SPDX-License-Identifier: GPL-2.0
"""Kernel builds for make check-full: a tree of its own in build/check, and what the compilers said."""

import os
import re
import subprocess
import sys

FULL = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(FULL))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
JOBS = os.environ.get("JOBS") or str(os.cpu_count())
CHECK = os.path.join(BUILD, "check")
LINUX = os.path.join(CHECK, "linux")
SCRIPTS = os.path.join(TOP, "scripts")
OF_BASE = os.path.join(TOP, "bases", os.environ.get("BASE", "6.12"), "kernel.config")
# How the emulated machine's kernel is configured
HOST = [os.path.join(TOP, "machine", "kernel", "host.config"), *filter(os.path.exists, [OF_BASE])]
POSITION = re.compile(r"^(?:\.\./)*(?P<path>[\w./+-]+\.[chS]):\d+(?::\d+)?: (?P<text>(?:warning|error): .*)$")
MODPOST = re.compile(r"^(WARNING: modpost: .*)$")


class BuildError(Exception):
    """A build that did not get to its end; the text says where to look."""


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          check=False, **options)
    if done.returncode:
        raise BuildError(f"{' '.join(command[:4])} failed: {done.stdout.strip()[-2000:]}")
    return done.stdout


def git(*arguments):
    return run("git", "-C", LINUX, *arguments).strip()


def prepare():
    """The commits of the series as [(commit, subject)], oldest first, with the base before them."""
    run(os.path.join(SCRIPTS, "setup"))
    run(os.path.join(SCRIPTS, "series"), "tree")
    source = os.path.join(BUILD, "linux")
    if not os.path.isdir(LINUX):
        os.makedirs(CHECK, exist_ok=True)
        run("git", "clone", "--quiet", "--shared", "--no-checkout", source, LINUX + ".new")
        os.rename(LINUX + ".new", LINUX)
    git("fetch", "--quiet", "--force", source, "refs/series/agreed:refs/heads/checked")
    lines = git("log", "--reverse", "--format=%H %s", "checked").split("\n")
    return [tuple(line.split(" ", 1)) for line in lines]


def checkout(commit):
    git("checkout", "--quiet", "--force", "--detach", commit)


def objects(name):
    return os.path.join(CHECK, name)


def configure(name, *fragments, strict=True, environment=None):
    """Configure build/check/NAME; without `strict` an option that this commit does not have yet is no error."""
    merged = objects(name) + ".config"
    os.makedirs(CHECK, exist_ok=True)
    with open(merged, "w", encoding="utf-8") as out:
        for fragment in fragments:
            with open(fragment, encoding="utf-8") as stream:
                out.write(stream.read())
    try:
        kernel(name, "config", merged, environment=environment)
    except BuildError as error:
        if strict or "asks for options that Kconfig does not give" not in str(error):
            raise


def kernel(name, *arguments, environment=None):
    """scripts/kernel on the tree of build/check; what it said goes to a log too."""
    log = os.path.join(BUILD, "logs", f"check-{name}.log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    done = subprocess.run([os.path.join(SCRIPTS, "kernel"), objects(name), *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
                          env={**os.environ, "LINUX": LINUX, **(environment or {})})
    with open(log, "a", encoding="utf-8") as out:
        out.write(done.stdout)
    if done.returncode:
        raise BuildError(f"status {done.returncode}, see {os.path.relpath(log)}:\n"
                         + "\n".join(done.stdout.strip().split("\n")[-15:]))
    return done.stdout


def make(name, *arguments, environment=None):
    return kernel(name, "make", f"-j{JOBS}", *arguments, environment=environment)


def warnings(output):
    """{(path, text)} of what compiler, sparse, kernel-doc and modpost said; line numbers do not matter."""
    found = set()
    for line in output.split("\n"):
        position, modpost = POSITION.match(line.replace(LINUX + "/", "")), MODPOST.match(line)
        if position:
            found.add((os.path.normpath(position["path"]), position["text"]))
        elif modpost:
            found.add(("", modpost.group(1)))
    return found


class Tap:
    """Prints TAP lines as results come in."""

    def __init__(self, planned):
        self.number = 0
        self.failed = 0
        print(f"1..{planned}", flush=True)

    def result(self, passed, name, detail=""):
        self.number += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.number} - {name}", flush=True)
        for line in detail.strip().split("\n") if detail and not passed else []:
            print(f"# {line}", flush=True)

    def finish(self):
        sys.exit(1 if self.failed else 0)
