# SPDX-License-Identifier: GPL-2.0
"""series/NN-topic.commit: the message of a commit, a line of three dashes, and the overlay paths the commit takes.

A base file that several commits change has a <file>.<topic>.patch from each. A new file that later commits change lies
whole, as the last of them leaves it, with a <file>.<topic>.patch beside it for each of the later ones: taking those
back, last first, gives what the earlier commits had.
"""

import os
import re
from dataclasses import dataclass, field

from overlays import SUFFIX, OverlayError, apply_patch, files_below, is_executable, patch_name, read, split_name

SEPARATOR = "---"
NAME = re.compile(r"^(\d{2,3})-([A-Za-z0-9_-]+)\.commit$")

# What stands at the top of the repository and is not the kernel's.
HOUSE = {".ci", ".editorconfig", ".git", ".gitignore", "COPYING", "Makefile", "README.md", "bench", "build", "machine",
         "qemu", "scripts", "series", "tests"}


@dataclass
class Entry:
    """One commit of the series."""
    name: str
    message: str
    paths: list = field(default_factory=list)

    @property
    def topic(self):
        return self.name.split("-", 1)[1]

    @property
    def subject(self):
        return self.message.split("\n", 1)[0]

    def text(self):
        return "\n".join([self.message.strip(), SEPARATOR, *sorted(self.paths)]) + "\n"


def parse_entry(name, text):
    lines = text.split("\n")
    if SEPARATOR not in lines:
        raise OverlayError(f"series/{name} has no line '{SEPARATOR}' between its message and its paths")
    cut = lines.index(SEPARATOR)
    message = "\n".join(lines[:cut]).strip()
    paths = [line.strip() for line in lines[cut + 1:] if line.strip()]
    if not message:
        raise OverlayError(f"series/{name} has no commit message")
    if not paths:
        raise OverlayError(f"series/{name} takes no paths")
    return Entry(name[:-len(".commit")], message + "\n", paths)


def load_entries(directory):
    """The series in its order; numbers and topics are unique."""
    names = sorted(name for name in os.listdir(directory) if name.endswith(".commit"))
    entries = []
    for name in names:
        if not NAME.match(name):
            raise OverlayError(f"series/{name} is not called NN-topic.commit")
        entries.append(parse_entry(name, read(os.path.join(directory, name)).decode()))
    for what, values in (("number", [entry.name.split("-")[0] for entry in entries]),
                         ("topic", [entry.topic for entry in entries])):
        twice = {value for value in values if values.count(value) > 1}
        if twice:
            raise OverlayError(f"two files in series/ have the {what} {', '.join(sorted(twice))}")
    return entries


def load_files(top):
    """{path: (content, executable)} of everything in the repository that belongs to the kernel."""
    paths = []
    for name in sorted(set(os.listdir(top)) - HOUSE):
        full = os.path.join(top, name)
        if os.path.isdir(full):
            paths += [os.path.join(name, path) for path in files_below(full)]
        else:
            paths.append(name)
    return {path: (read(os.path.join(top, path)), is_executable(os.path.join(top, path)))
            for path in paths if "__pycache__" not in path and not path.endswith("~")}


def check_claims(entries, files):
    """Each overlay file belongs to one commit, and each path of a commit is there."""
    owner = {}
    for entry in entries:
        for path in entry.paths:
            if path not in files:
                raise OverlayError(f"series/{entry.name}.commit takes {path}, which is not there")
            if path in owner:
                raise OverlayError(f"{path} is taken by series/{owner[path]}.commit and series/{entry.name}.commit")
            owner[path] = entry.name
    orphans = sorted(set(files) - set(owner))
    if orphans:
        raise OverlayError(f"no commit of series/ takes {', '.join(orphans[:5])}"
                           f"{' and others' if len(orphans) > 5 else ''}: add each path to the commit it belongs to")


class Targets:
    """What each commit does to each file of the tree, from the names alone."""

    def __init__(self, entries, base_paths, base):
        self.base = base
        self.base_paths = base_paths
        self.whole = {}
        self.patches = {}
        self.count = len(entries)
        fresh = {path for entry in entries for path in entry.paths if not path.endswith(SUFFIX)}
        for number, entry in enumerate(entries):
            for path in entry.paths:
                self.add(number, path, fresh)
        self.check()

    def add(self, number, path, fresh):
        target, topic = split_name(path, lambda name: name in fresh or name in self.base_paths)
        if topic is not None:
            self.patches.setdefault(target, []).append((number, path))
        elif path in self.base_paths:
            raise OverlayError(f"{path} is a file that {self.base} has: hold the change as {patch_name(path, '')}")
        elif path.endswith(SUFFIX):
            raise OverlayError(f"{path} changes a file that {self.base} does not have")
        else:
            self.whole[path] = number

    def check(self):
        for target, number in self.whole.items():
            early = [path for other, path in self.patches.get(target, []) if other <= number]
            if early:
                raise OverlayError(f"{early[0]} must belong to a commit after the one that adds {target}")


def forward(targets, target, files, content, executable):
    """(number, state) for each commit that changes a base file."""
    for number, path in targets.patches[target]:
        content = apply_patch(content, files[path][0], target, path, targets.base)
        yield number, (content, executable)


def backward(targets, target, files):
    """(number, state) for each commit that changes a new file, last commit first."""
    content, executable = files[target]
    for number, path in reversed(targets.patches.get(target, [])):
        yield number, (content, executable)
        content = apply_patch(content, files[path][0], target, path, f"{target} as it lies in the repository",
                              reverse=True)
    yield targets.whole[target], (content, executable)


def states(entries, files, base_modes, base_blob, base):
    """For each commit, {path: (content, executable)} of what it leaves in the tree."""
    targets = Targets(entries, base_modes, base)
    result = [{} for _ in entries]
    for target in targets.patches:
        if target in targets.whole:
            continue
        for number, state in forward(targets, target, files, base_blob(target), base_modes[target] == "100755"):
            result[number][target] = state
    for target in targets.whole:
        for number, state in backward(targets, target, files):
            result[number][target] = state
    return result
