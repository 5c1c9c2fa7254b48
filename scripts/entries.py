# SPDX-License-Identifier: GPL-2.0
"""series/PART/NN-topic.commit: the message of a commit, a line of three dashes, and the overlay paths the commit takes.

A part is what one maintainer's tree receives; parts and commits apply in the order of their names. A new file lies whole
and is taken by one commit. A base file that several commits change has a <file>.<topic>.patch from each.
"""

import os
import re
from dataclasses import dataclass, field

from overlays import SUFFIX, OverlayError, apply_patch, files_below, is_executable, patch_name, read, split_name

SEPARATOR = "---"
NAME = re.compile(r"^(\d{2,3})-([A-Za-z0-9_-]+)\.commit$")
PART = re.compile(r"^\d+-[a-z0-9-]+$")

# What stands at the top of the repository and is not the kernel's.
HOUSE = {".ci", ".editorconfig", ".git", ".gitignore", "COPYING", "Makefile", "README.md", "bases", "bench", "build",
         "debian", "kit", "machine", "nvlink2", "qemu", "scripts", "series", "tests"}


@dataclass
class Entry:
    """One commit of the series."""
    part: str
    name: str
    message: str
    paths: list = field(default_factory=list)

    @property
    def topic(self):
        return self.name.split("-", 1)[1]

    @property
    def subject(self):
        return self.message.split("\n", 1)[0]

    @property
    def file(self):
        return f"{self.part}/{self.name}.commit"

    def text(self):
        return "\n".join([self.message.strip(), SEPARATOR, *sorted(self.paths)]) + "\n"


def parse_entry(part, name, text):
    lines = text.split("\n")
    if SEPARATOR not in lines:
        raise OverlayError(f"series/{part}/{name} has no line '{SEPARATOR}' between its message and its paths")
    cut = lines.index(SEPARATOR)
    message = "\n".join(lines[:cut]).strip()
    paths = [line.strip() for line in lines[cut + 1:] if line.strip()]
    if not message:
        raise OverlayError(f"series/{part}/{name} has no commit message")
    if not paths:
        raise OverlayError(f"series/{part}/{name} takes no paths")
    return Entry(part, name[:-len(".commit")], message + "\n", paths)


def load_parts(directory):
    """The folders of series/ in their order."""
    return sorted((name for name in os.listdir(directory) if PART.match(name)), key=lambda name: int(name.split("-")[0]))


def load_entries(directory):
    """The series in its order; topics are unique, numbers within their part."""
    stray = [name for name in sorted(os.listdir(directory)) if name.endswith(".commit")]
    if stray:
        raise OverlayError(f"series/{stray[0]} is in no part: move it to the folder of the tree that takes it")
    entries = []
    for part in load_parts(directory):
        for name in sorted(name for name in os.listdir(os.path.join(directory, part)) if name.endswith(".commit")):
            if not NAME.match(name):
                raise OverlayError(f"series/{part}/{name} is not called NN-topic.commit")
            entries.append(parse_entry(part, name, read(os.path.join(directory, part, name)).decode()))
    for what, values in (("number", [(entry.part, entry.name.split("-")[0]) for entry in entries]),
                         ("topic", [entry.topic for entry in entries])):
        twice = {str(value) for value in values if values.count(value) > 1}
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
                raise OverlayError(f"series/{entry.file} takes {path}, which is not there")
            if path in owner:
                raise OverlayError(f"{path} is taken by series/{owner[path]} and series/{entry.file}")
            owner[path] = entry.file
    orphans = sorted(set(files) - set(owner))
    if orphans:
        raise OverlayError(f"no commit of series/ takes {', '.join(orphans[:5])}"
                           f"{' and others' if len(orphans) > 5 else ''}: add each path to the commit it belongs to")


def states(entries, files, base_modes, base_blob, base):
    """For each commit, {path: (content, executable)} of what it leaves in the tree."""
    result, now = [], {}
    fresh = {path for entry in entries for path in entry.paths if not path.endswith(SUFFIX)}

    def exists(name):
        return name in fresh or name in base_modes

    for entry in entries:
        changed = {}
        for path in entry.paths:
            target, topic = split_name(path, exists)
            if topic is None and path in base_modes:
                raise OverlayError(f"{path} is a file that {base} has: hold the change as {patch_name(path, '')}")
            if topic is None and path.endswith(SUFFIX):
                raise OverlayError(f"{path} changes a file that {base} does not have")
            if topic is None:
                changed[path] = files[path]
                continue
            if target in fresh:
                raise OverlayError(f"{path} changes a file that the series adds: a new file comes whole, in one commit")
            content, executable = now.get(target) or (base_blob(target), base_modes[target] == "100755")
            changed[target] = (apply_patch(content, files[path][0], target, path, base), executable)
        now.update(changed)
        result.append(changed)
    return result
