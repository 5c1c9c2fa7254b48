# SPDX-License-Identifier: GPL-2.0
"""The overlay convention: what a file of an overlay does to a base tree.

A file that the base does not have lies whole at its own path. A change to a file that the base has lies beside where
that file would be, as <file>.patch, or <file>.<topic>.patch when there are several. Patches are unified diffs with
a/ and b/ prefixes. They may apply at an offset, never with fuzz: that is what `git am` takes too.
"""

import os
import re
import stat
import subprocess
import tempfile

SUFFIX = ".patch"
HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.M)


class OverlayError(Exception):
    """Something a user has to act on; the text says what and where."""


def split_name(path, exists):
    """(target, topic or None) for a patch, (path, None) for a whole file.

    `exists` says whether the tree has a path, so that a file whose own name ends in .patch can be told apart.
    """
    if not path.endswith(SUFFIX):
        return path, None
    stem = path[:-len(SUFFIX)]
    if exists(stem):
        return stem, ""
    target, _, topic = stem.rpartition(".")
    if target and exists(target):
        return target, topic
    return path, None


def patch_name(target, topic):
    return f"{target}.{topic}{SUFFIX}" if topic else target + SUFFIX


def headers(patch):
    """The (old, new) paths of every file a patch changes, without their a/ and b/."""
    found = re.findall(rb"^--- (?:a/)?([^\t\n]+).*\n\+\+\+ (?:b/)?([^\t\n]+).*\n@@ ", patch, re.M)
    return [(old.decode(), new.decode()) for old, new in found]


def check_headers(patch, target, label):
    named = headers(patch)
    if len(named) > 1:
        raise OverlayError(f"{label} changes more than one file: one patch beside each file it changes")
    if named != [(target, target)]:
        raise OverlayError(f"{label} must name a/{target} and b/{target} in its header, it names "
                           f"{' and '.join(named[0]) if named else 'nothing'}")


def hunks(patch):
    """The @@ lines of a patch, in order."""
    return [line.decode(errors="replace") for line in patch.split(b"\n") if HUNK.match(line)]


def explain(label, target, base, patch, output):
    """What a failed run of patch(1) means, by file, hunk and base version."""
    lines = hunks(patch)
    failed = [int(number) for number in re.findall(r"Hunk #(\d+) FAILED", output)]
    text = [f"{label} does not apply to {target} of {base}"]
    for number in failed:
        where = lines[number - 1] if number <= len(lines) else ""
        text.append(f"  hunk {number} of {len(lines)} failed: {where}")
    if not failed:
        text.append("  " + "\n  ".join(output.strip().splitlines()[:4]))
    return "\n".join(text)


def run_patch(content, patch, reverse=False):
    """(`content` with `patch` applied or taken back, or None where it does not apply; what patch(1) says)."""
    with tempfile.TemporaryDirectory(prefix="overlay-") as directory:
        old, diff, new = (os.path.join(directory, name) for name in ("old", "diff", "new"))
        for name, data in ((old, content), (diff, patch)):
            with open(name, "wb") as out:
                out.write(data)
        command = ["patch", "--fuzz=0", "--force", "--binary", "--no-backup-if-mismatch", "--reject-file=-",
                   "--output", new, "--input", diff, old]
        if reverse:
            command.insert(1, "--reverse")
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                             env={**os.environ, "LC_ALL": "C"}, check=False)
        return (read(new) if run.returncode == 0 and os.path.exists(new) else None), run.stdout


def apply_patch(content, patch, target, label, base, reverse=False):
    """`content` with `patch` applied (or taken back), or OverlayError naming file, hunk and base."""
    check_headers(patch, target, label)
    result, output = run_patch(content, patch, reverse)
    if result is None:
        raise OverlayError(explain(label, target, base, patch, output))
    return result


def read(path):
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise OverlayError(f"cannot read {path}: {error.strerror}") from error


def write(path, data, executable=False):
    """Put `data` at `path` in one step; a file that already holds it keeps its time stamp."""
    mode = 0o755 if executable else 0o644
    if os.path.isfile(path) and not os.path.islink(path) and read(path) == data:
        os.chmod(path, mode)
        return False
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    temporary = f"{path}.new.{os.getpid()}"
    try:
        with open(temporary, "wb") as out:
            out.write(data)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise OverlayError(f"cannot write {path}: {error.strerror}") from error
    return True


def is_executable(path):
    return bool(os.stat(path).st_mode & stat.S_IXUSR)


def files_below(directory):
    """Every file below `directory`, as sorted paths relative to it."""
    found = []
    for parent, names, files in os.walk(directory):
        names.sort()
        found += [os.path.relpath(os.path.join(parent, name), directory) for name in files]
    return sorted(found)


def result_of(overlay, tree, base):
    """What the overlay directory makes of the tree: {path: (content, executable)} for what differs."""
    def exists(path):
        return os.path.isfile(os.path.join(tree, path))

    result = {}
    for path in files_below(overlay):
        source = os.path.join(overlay, path)
        target, topic = split_name(path, exists)
        if topic is None:
            if exists(path):
                raise OverlayError(f"{source} is a file that {base} has: an overlay holds it as {path}{SUFFIX}")
            if path.endswith(SUFFIX):
                raise OverlayError(f"{source} changes a file that {base} does not have")
            result[path] = (read(source), is_executable(source))
            continue
        before = result.get(target) or (read(os.path.join(tree, target)), is_executable(os.path.join(tree, target)))
        result[target] = (apply_patch(before[0], read(source), target, source, base), before[1])
    return result
