#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 14400
"""Each commit of the series builds for ppc64le with 64K pages, with no warning (W=1, sparse) that the base has not.

What was built without one is remembered by its tree: a run that was interrupted goes on where it stopped.
"""

import json
import os
import shutil
import sys

from builds import CHECK, FULL, HOST, BuildError, Tap, checkout, configure, git, make, objects, prepare, warnings

NAME = "each-commit"
BASELINE = os.path.join(CHECK, "baseline.json")
CLEAN = os.path.join(CHECK, "clean.json")
FRAGMENTS = (*HOST, os.path.join(FULL, "warnings.config"))
# CHECK_TARGETS may name directories ("drivers/vfio/") for a quicker look that links nothing.
TARGETS = os.environ.get("CHECK_TARGETS", "vmlinux modules").split()
# Mainline does without a sparse that has not heard of __typeof_unqual__, as Debian 12's, also where gcc has not either
VERBOSE = ("W=1", "C=1", "CHECK=sparse -D__typeof_unqual__=__typeof__", *TARGETS)
NO_SPARSE = "is not available or not up to date"


def fingerprint(base):
    return [base, *TARGETS] + [open(path, encoding="utf-8").read() for path in FRAGMENTS]


def recall(path, base, what):
    """A list that remember() wrote for this base and these configurations, or None."""
    try:
        with open(path, encoding="utf-8") as stream:
            record = json.load(stream)
    except (OSError, ValueError):
        return None
    return record[what] if record["fingerprint"] == fingerprint(base) else None


def remember(path, base, what, items):
    with open(path + ".new", "w", encoding="utf-8") as out:
        json.dump({"fingerprint": fingerprint(base), what: sorted(items)}, out)
    os.rename(path + ".new", path)


def known(base):
    """The base's own warnings, or None when they have not been collected."""
    found = recall(BASELINE, base, "warnings")
    return None if found is None else {tuple(warning) for warning in found}


def checked():
    """What the compilers and sparse said of what is checked out."""
    output = make(NAME, *VERBOSE)
    if NO_SPARSE in output:
        raise BuildError(f"sparse {NO_SPARSE}: nothing was checked by it")
    return warnings(output)


def collect(base):
    """Build the base from nothing: a header that a commit changes makes sparse look at files it does not touch."""
    checkout(base)
    shutil.rmtree(objects(NAME), ignore_errors=True)
    configure(NAME, *FRAGMENTS, strict=False)
    found = checked()
    remember(BASELINE, base, "warnings", found)
    return found


def build(commit):
    checkout(commit)
    configure(NAME, *FRAGMENTS, strict=False)
    return checked()


def check(commit, old):
    """What is wrong with a commit, as text; empty when nothing is."""
    return "\n".join(f"{path}: {text}" for path, text in sorted(build(commit) - old))


class Checks:
    """Checks commit after commit, but for those whose trees are known to be clean."""

    def __init__(self, base):
        self.base = base
        self.old = known(base)
        if self.old is None:
            self.old = collect(base)
        self.clean = set(recall(CLEAN, base, "trees") or ())
        self.parent, self.built = base, None

    def next(self, commit):
        """What is wrong with the next commit."""
        tree, parent = git("rev-parse", f"{commit}^{{tree}}"), self.parent
        self.parent = commit
        if tree in self.clean:
            return ""
        # make says nothing of what it has built before: objects older or newer than the parent's would hide warnings
        if self.built != parent:
            build(parent)
        detail = check(commit, self.old)
        self.built = commit
        if not detail:
            self.clean.add(tree)
            remember(CLEAN, self.base, "trees", self.clean)
        return detail


def main():
    (base, _), *commits = prepare()
    if not commits:
        print("1..0 # SKIP the series has no commits yet")
        return
    tap = Tap(len(commits))
    try:
        checks = Checks(base)
    except BuildError as error:
        print(f"Bail out! the base does not build: {str(error).splitlines()[0]}")
        sys.exit(1)
    for commit, subject in commits:
        try:
            detail = checks.next(commit)
        except BuildError as error:
            detail = str(error)
        tap.result(not detail, f"builds without new warnings: {subject}", detail)
    tap.finish()


main()
