# SPDX-License-Identifier: GPL-2.0
"""build/linux as git sees it: the base as a commit, commits written without touching the work tree."""

import os
import re
import shutil
import subprocess

from overlays import OverlayError, write

# Generated commits carry the same identity and date wherever they are made: an unchanged series gives unchanged
# commits. The repository names no author; `series patches` puts in whoever runs it.
NOBODY = ("nvlink2 series", "series@localhost")
EPOCH = 1700000000

# What the kernel's own .gitattributes says, for a work tree that does not have that file checked out: it decides
# which function a hunk is said to be in.
ATTRIBUTES = b"*.[ch] diff=cpp\n"


def identity_environment(name, email, date):
    return {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": email, "GIT_COMMITTER_DATE": date}


class KernelGit:
    """The git repository at `path`."""

    def __init__(self, path):
        self.path = path
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        self.environment.update(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null", LC_ALL="C",
                                **identity_environment(*NOBODY, f"{EPOCH} +0000"))

    def run(self, *arguments, data=None, extra=None, check=True):
        run = subprocess.run(["git", "-C", self.path, *arguments], input=data, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env={**self.environment, **(extra or {})}, check=False)
        if check and run.returncode:
            text = run.stderr.decode(errors="replace").strip() or run.stdout.decode(errors="replace").strip()
            raise OverlayError(f"git {' '.join(arguments[:3])} failed in {self.path}: {text}")
        return run

    def bytes(self, *arguments, **options):
        return self.run(*arguments, **options).stdout

    def text(self, *arguments, **options):
        return self.bytes(*arguments, **options).decode(errors="surrogateescape").strip()

    def lines(self, *arguments, **options):
        text = self.text(*arguments, **options)
        return text.split("\n") if text else []

    def resolve(self, name):
        """The commit `name` stands for, or None."""
        run = self.run("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}", check=False)
        return run.stdout.decode().strip() if run.returncode == 0 else None

    def set_ref(self, ref, commit):
        self.run("update-ref", ref, commit)

    def blob(self, commit, path):
        """Content of a file in a commit, or None when it has none there."""
        run = self.run("cat-file", "blob", f"{commit}:{path}", check=False)
        return run.stdout if run.returncode == 0 else None

    def modes(self, commit):
        """{path: mode} of every file of a commit."""
        listing = self.bytes("ls-tree", "-r", "-z", "--full-tree", commit).decode(errors="surrogateescape")
        entries = (entry.split("\t", 1) for entry in listing.split("\0") if entry)
        return {path: meta.split()[0] for meta, path in entries}

    def mode(self, commit, path):
        return self.text("ls-tree", commit, "--", path).split()[0]

    def write_blob(self, content):
        return self.text("hash-object", "-w", "--stdin", data=content)

    def write_commit(self, tree, parent, message, who=NOBODY, date=None):
        extra = identity_environment(*who, date or f"{EPOCH} +0000")
        return self.text("commit-tree", tree, *(["-p", parent] if parent else []), data=message.encode(), extra=extra)

    def busy(self):
        """What the user is in the middle of, or None."""
        states = {"rebase-merge": "a rebase", "rebase-apply": "a rebase or git am", "MERGE_HEAD": "a merge",
                  "CHERRY_PICK_HEAD": "a cherry-pick", "REVERT_HEAD": "a revert"}
        for name, what in states.items():
            if os.path.exists(os.path.join(self.path, ".git", name)):
                return what
        return None

    def uncommitted(self):
        """Paths git does not have as they are in the work tree."""
        return [line[3:] for line in self.bytes("status", "--porcelain", "-z").decode(errors="replace").split("\0")
                if line]


class TreeBuilder:
    """Trees that grow from a commit, change by change, in an index of their own."""

    def __init__(self, git, start):
        self.git = git
        self.index = os.path.join(git.path, ".git", f"series-index.{os.getpid()}")
        self.extra = {"GIT_INDEX_FILE": self.index}
        git.run("read-tree", start, extra=self.extra)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.unlink(self.index)

    def put(self, changes):
        """The tree after {path: (content, executable)} went in."""
        lines = [f"{'100755' if executable else '100644'} {self.git.write_blob(content)}\t{path}\n"
                 for path, (content, executable) in sorted(changes.items())]
        self.git.run("update-index", "--add", "--index-info", data="".join(lines).encode(), extra=self.extra)
        return self.git.text("write-tree", extra=self.extra)


def base_ref(version):
    return "refs/tags/base-" + re.sub(r"[^A-Za-z0-9.+-]", "_", version)


def import_base(git, tree, version):
    """The base tree as a commit, made once for each version of the base."""
    ref = base_ref(version)
    commit = git.resolve(ref)
    if commit:
        return commit
    # An index of its own, kept by size and time stamp, so that adding 87000 files reads each of them once.
    index = os.path.join(git.path, ".git", "import-index")
    extra = {"GIT_INDEX_FILE": index, "GIT_WORK_TREE": tree}
    try:
        git.run("add", "--all", "--force", ".", extra={**extra, "GIT_DIR": os.path.join(git.path, ".git")})
        name = git.text("write-tree", extra=extra)
    finally:
        if os.path.exists(index):
            os.unlink(index)
    commit = git.write_commit(name, None, f"Linux as Debian ships it\n\n{version}\n")
    git.set_ref(ref, commit)
    return commit


def open_repository(path):
    """The repository at `path`; an empty one is made, in one step, when there is none."""
    if not os.path.isdir(os.path.join(path, ".git")):
        fresh = path + ".new"
        shutil.rmtree(fresh, ignore_errors=True)
        os.makedirs(fresh)
        KernelGit(fresh).run("init", "--quiet", "--initial-branch=series")
        os.rename(fresh, path)
    write(os.path.join(path, ".git", "info", "attributes"), ATTRIBUTES)
    return KernelGit(path)
