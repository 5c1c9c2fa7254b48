#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 14400
"""Each commit of the series builds for ppc64le with 64K pages, with no warning (W=1, sparse) that the base has not."""

import json
import os
import shutil
import sys

from builds import CHECK, FULL, HOST, BuildError, Tap, checkout, configure, make, objects, prepare, warnings

NAME = "each-commit"
BASELINE = os.path.join(CHECK, "baseline.json")
FRAGMENTS = (HOST, os.path.join(FULL, "warnings.config"))
# CHECK_TARGETS may name directories ("drivers/vfio/") for a quicker look that links nothing.
TARGETS = os.environ.get("CHECK_TARGETS", "vmlinux modules").split()
VERBOSE = ("W=1", "C=1", *TARGETS)


def fingerprint(base):
    return [base, *TARGETS] + [open(path, encoding="utf-8").read() for path in FRAGMENTS]


def known(base):
    """The base's own warnings, or None when they have not been collected."""
    try:
        with open(BASELINE, encoding="utf-8") as stream:
            record = json.load(stream)
    except (OSError, ValueError):
        return None
    if record["fingerprint"] != fingerprint(base):
        return None
    return {tuple(warning) for warning in record["warnings"]}


def collect(base):
    """Build the base from nothing: a header that a commit changes makes sparse look at files it does not touch."""
    checkout(base)
    shutil.rmtree(objects(NAME), ignore_errors=True)
    configure(NAME, *FRAGMENTS, strict=False)
    found = warnings(make(NAME, *VERBOSE))
    with open(BASELINE + ".new", "w", encoding="utf-8") as out:
        json.dump({"fingerprint": fingerprint(base), "warnings": sorted(found)}, out)
    os.rename(BASELINE + ".new", BASELINE)
    return found


def check(commit, old):
    """What is wrong with a commit, as text; empty when nothing is."""
    checkout(commit)
    configure(NAME, *FRAGMENTS, strict=False)
    new = warnings(make(NAME, *VERBOSE)) - old
    return "\n".join(f"{path}: {text}" for path, text in sorted(new))


def main():
    (base, _), *commits = prepare()
    if not commits:
        print("1..0 # SKIP the series has no commits yet")
        return
    tap = Tap(len(commits))
    try:
        old = known(base)
        old = collect(base) if old is None else old
    except BuildError as error:
        print(f"Bail out! the base does not build: {str(error).splitlines()[0]}")
        sys.exit(1)
    for commit, subject in commits:
        try:
            detail = check(commit, old)
        except BuildError as error:
            detail = str(error)
        tap.result(not detail, f"builds without new warnings: {subject}", detail)
    tap.finish()


main()
