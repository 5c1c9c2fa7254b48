#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 7200
"""The series on Debian's newest Linux: git am on the base, KUnit, the demo on both boards, the selftests.

Debian keeps a Linux only until the next one comes. One that is newer than what bases/mainline/BASES names is tried; where
the series does not fit it, that is no failure of the series that was tested, and all of this is skipped. With BASE=mainline
all other tests run on it.
"""

import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
ENVIRONMENT = {**os.environ, "BASE": "mainline", "BUILD": os.path.join(BUILD, "mainline")}
TARGETS = ("kernel", "qemu-machine", "consumer", "images")
PROGRAMS = (("tests/12-the-series.t",), ("tests/42-kunit.t",), ("tests/60-selftests.t",),
            ("machine/demo", "--board", "4gpu", "--tap"), ("machine/demo", "--board", "6gpu", "--guests", "pair", "--tap"))
CASE = re.compile(r"^(ok|not ok) \d+ (- )?(.*)$")


def run(*command):
    return subprocess.run([os.path.join(TOP, command[0]), *command[1:]], stdout=subprocess.PIPE, text=True, check=False,
                          env=ENVIRONMENT)


def tested():
    with open(os.path.join(TOP, "bases", "mainline", "BASES"), encoding="utf-8") as stream:
        return stream.readline().strip()


def cases_of(command):
    """(word, name) of each case and what is said of it; a program that does not end as its cases say is one more."""
    done = run(*command)
    found = []
    for text in done.stdout.split("\n"):
        case = CASE.match(text)
        if case:
            found.append((case[1], f"{command[0]}: {case[3]}", []))
        elif text.startswith("# ") and found:
            found[-1][2].append(text)
    failed = any(word == "not ok" for word, _, _ in found)
    if not found or (done.returncode != 0) != failed:
        found.append(("not ok", f"{command[0]}: ended with status {done.returncode} after {len(found)} cases", []))
    return found


def main():
    if os.environ.get("BASE") == "mainline":
        print("1..0 # SKIP all tests run on it")
        sys.exit(0)
    built = run("scripts/build", *TARGETS)
    sys.stderr.write(built.stdout)
    version = run("scripts/base", "--version", "linux").stdout.strip()
    if built.returncode and version != tested():
        print(f"1..0 # SKIP {version or 'no Linux'} is what Debian has, the series was last tested on {tested()}")
        sys.exit(0)
    if built.returncode:
        sys.exit(f"cannot be built on {version}: see the messages above")
    cases = [case for command in PROGRAMS for case in cases_of(command)]
    for number, (word, name, said) in enumerate(cases, 1):
        print("\n".join([f"{word} {number} - {name}", *said]))
    print(f"1..{len(cases)}")
    sys.exit(any(word == "not ok" for word, _, _ in cases))


main()
