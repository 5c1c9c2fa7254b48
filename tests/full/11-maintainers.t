#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 1800
"""The kernel's own get_maintainer.pl knows somebody for each patch of the series, who is not just whoever takes the rest; for
that of MAINTAINERS itself there is nobody else.

With BASE=mainline also: the newest Linux still has each address that a cover letter goes to.
"""

import os
import re
import subprocess
import sys
import tempfile

from builds import BUILD, SCRIPTS, TOP, BuildError, Tap, run

LINUX = os.path.join(BUILD, "linux")
# A line of it: who, and what for
ROLE = re.compile(r"^.*\S <?\S+@\S+>? \((maintainer|supporter|reviewer)(:.*)?\)$", re.M)
REST = ":THE REST"
ADDRESS = re.compile(r"^(?:To|Cc): .*?([^\s<]+@[^\s>]+)", re.M)


def read(*names):
    with open(os.path.join(*names), encoding="utf-8") as stream:
        return stream.read()


def patches_of_series(out):
    """The mails as make series writes them, without the covers."""
    run(os.path.join(SCRIPTS, "setup"))
    run(os.path.join(SCRIPTS, "series"), "tree")
    run(os.path.join(SCRIPTS, "series"), "--out", out, "patches")
    return sorted(os.path.join(directory, name) for directory, _, names in os.walk(out) for name in names
                  if not name.startswith("0000"))


def changes_only_maintainers(patch):
    return set(re.findall(r"^\+\+\+ b/(.*)$", read(patch), re.M)) == {"MAINTAINERS"}


def people(patch):
    """What they are responsible for, and all that was said."""
    done = subprocess.run(["perl", "scripts/get_maintainer.pl", "--nogit", "--nogit-fallback", "--nol", "--roles", patch],
                          cwd=LINUX, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return [role for _, role in ROLE.findall(done.stdout) if role != REST], done.stdout


def unknown_addresses(maintainers):
    """By part."""
    series = os.path.join(TOP, "series")
    parts = [part for part in sorted(os.listdir(series)) if os.path.exists(os.path.join(series, part, "COVER"))]
    return {part: [who for who in ADDRESS.findall(read(series, part, "COVER")) if who not in maintainers] for part in parts}


def main():
    with tempfile.TemporaryDirectory(prefix="maintainers-", dir=BUILD) as out:
        try:
            patches = patches_of_series(out)
        except BuildError as error:
            print(f"Bail out! {str(error).splitlines()[0]}")
            sys.exit(1)
        covers = unknown_addresses(read(LINUX, "MAINTAINERS")) if os.environ.get("BASE") == "mainline" else {}
        tap = Tap(len(patches) + len(covers))
        for patch in patches:
            found, said = people(patch)
            name = f"has a maintainer: {os.path.relpath(patch, out)}"
            tap.result(found or changes_only_maintainers(patch), name, said or "nobody")
        for part, unknown in covers.items():
            tap.result(not unknown, f"goes to whom there is: {part}/COVER", ", ".join(unknown))
    tap.finish()


main()
