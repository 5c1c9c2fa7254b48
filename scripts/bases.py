# SPDX-License-Identifier: GPL-2.0
"""bases/NAME: what another base than the default one needs otherwise.

  kernel.config  what the emulated machine's kernel of it is configured with besides machine/kernel/host.config
  BASES          the version that it was last tested on
  DROPPED        a line "topic: reason" for each commit of series/ that this base does not take
  FIXES          a line "topic: what was seen" for each fix of the first two parts: whether it is still needed there
  series/        its own version of a commit (same part and name), or a commit that only this base has
  <path>.patch   its own version of the patch that lies at that path; for a file that the series adds: what is
                 different in it; else what a commit of bases/NAME/series takes

All the rest is shared: the file of the series, or its patch at an offset.
"""

import difflib
import os

from entries import load_entries
from overlays import SUFFIX, OverlayError, apply_patch, files_below, is_executable, read, split_name

DROPPED = "DROPPED"
# What is written by hand or by check-full
NOTES = (DROPPED, "BASES", "FIXES", "kernel.config")
SERIES = "series"


def load_dropped(directory):
    """{topic: reason}."""
    path = os.path.join(directory, DROPPED)
    if not os.path.exists(path):
        return {}
    lines = [line for line in read(path).decode().splitlines() if line.strip()]
    found = dict(line.partition(": ")[::2] for line in lines)
    for topic, reason in found.items():
        if not reason.strip():
            raise OverlayError(f"{path} gives no reason for {topic}: 'topic: reason'")
    return found


def load_own(directory):
    """({topic: entry}, {path: (content, executable)}) of the folder of a base."""
    series = os.path.join(directory, SERIES)
    entries = load_entries(series) if os.path.isdir(series) else []
    paths = [path for path in (files_below(directory) if os.path.isdir(directory) else [])
             if path not in NOTES and path.split("/")[0] != SERIES]
    files = {path: (read(os.path.join(directory, path)), is_executable(os.path.join(directory, path))) for path in paths}
    return {entry.topic: entry for entry in entries}, files


def place(entry, shared):
    """Where a commit stands: one that only this base has stands behind the one with its number."""
    return int(entry.part.split("-")[0]), entry.name.split("-")[0], entry.topic not in shared


def compose(shared, files, directory):
    """(entries, files) of the base: those of all bases, with what its folder has."""
    dropped, (own, changes) = load_dropped(directory), load_own(directory)
    topics = {entry.topic for entry in shared}
    strange = sorted(set(dropped) - topics)
    if strange:
        raise OverlayError(f"{os.path.join(directory, DROPPED)} names {strange[0]}: no commit of series/ has that topic")
    gone = {path for entry in shared if entry.topic in dropped for path in entry.paths}
    result = {path: file for path, file in files.items() if path not in gone}
    for path, (content, executable) in changes.items():
        target = path[:-len(SUFFIX)] if path.endswith(SUFFIX) else path
        if path not in result and target in result:
            before, executable = result[target]
            result[target] = (apply_patch(before, content, target, os.path.join(directory, path), "the series"), executable)
        else:
            result[path] = (content, executable)
    entries = [own.get(entry.topic, entry) for entry in shared if entry.topic not in dropped]
    entries += [entry for topic, entry in own.items() if topic not in topics]
    return sorted(entries, key=lambda entry: place(entry, topics)), result


def shared_patch(shared, files, topic, target):
    """(path, content) of what a commit of series/ does to a file of the base, or (None, None)."""
    for entry in shared:
        for path in entry.paths if entry.topic == topic else []:
            if split_name(path, lambda name: name == target)[0] == target and path != target:
                return path, files[path][0]
    return None, None


def does_the_same(patch, target, before, after):
    """Whether a patch, at whatever offset, makes `after` of `before`."""
    try:
        return apply_patch(before, patch, target, target, "the base") == after
    except OverlayError:
        return False


def difference_of(path, before, after):
    """A patch that makes of a file of the series what the base has."""
    lines = [content.decode().splitlines(keepends=True) for content in (before, after)]
    return "".join(difflib.unified_diff(*lines, f"a/{path}", f"b/{path}")).encode()


def folder(shared, files, entries, result, directory):
    """{path below the folder: (content, executable)}: what compose() needs to make `entries` and `result` of the rest."""
    dropped, topics = load_dropped(directory), {entry.topic: entry for entry in shared}
    for topic in sorted(set(topics) - {entry.topic for entry in entries} - set(dropped)):
        raise OverlayError(f"this base has no '{topics[topic].subject}': write '{topic}: reason' into "
                           f"{os.path.join(directory, DROPPED)}, or bring it back")
    for topic in sorted(set(dropped) & {entry.topic for entry in entries}):
        raise OverlayError(f"{os.path.join(directory, DROPPED)} says that this base does not take {topic}, but it does")
    wanted = {}
    for entry in entries:
        other = topics.get(entry.topic)
        if not other or (other.message, sorted(other.paths)) != (entry.message, sorted(entry.paths)):
            wanted[f"{SERIES}/{entry.file}"] = (entry.text().encode(), False)
    taken = {path for entry in shared if entry.topic not in dropped for path in entry.paths}
    for path, (content, executable) in result.items():
        if path in taken and files[path][0] == content:
            continue
        if path in taken and not path.endswith(SUFFIX):
            wanted[path + SUFFIX] = (difference_of(path, files[path][0], content), False)
        else:
            wanted[path] = (content, executable)
    return wanted
