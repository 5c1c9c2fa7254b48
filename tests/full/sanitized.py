# SPDX-License-Identifier: GPL-2.0
"""Runs of the selftests on the kernel that looks over its own shoulder (machine/kernel/sanitizers.config).

A batch takes up to hours. One that has passed is remembered with what it ran on, so that a run which was interrupted
goes on with the others.
"""

import hashlib
import json
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "selftests"))

# Not at the top: tests/selftests is found by the line above.
from selftests import BUILD, Case, Run, build, in_parallel, log_path, print_tap  # noqa: E402

KERNEL = os.environ.get("KERNEL", "sanitizers")

# At its end the machine shows what its log has, and what kmemleak has found. Lockdep that gave up finds nothing more.
SPLAT = re.compile(r"WARNING: |BUG: |Oops: |KASAN: |UBSAN: |suspicious RCU usage|unreferenced object|"
                   r"turning off the locking correctness validator|blocked for more than|self-detected stall")


class Sanitized(Run):
    """A boot that fails when its kernel has reported something, in a case or between cases."""

    def line(self, text):
        super().line(text)
        if SPLAT.search(text) and not text.startswith("#"):
            self.problem = self.problem or text.strip()


def files_of(images):
    """What a machine boots and what runs in it; the image itself has times and inodes that change with each build."""
    yield os.path.join(BUILD, "qemu-machine", "qemu-system-ppc64")
    yield os.path.join(TOP, "tests", "selftests", "init")
    yield os.path.join(images, "vmlinux")
    for directory in ("bin", "kernel"):
        found = os.path.join(BUILD, "selftests", directory)
        yield from (entry.path for entry in sorted(os.scandir(found), key=lambda each: each.name)
                    if entry.name.startswith("nvlink2_") and entry.is_file())


def digest_of(batch):
    found = hashlib.sha256(repr(batch).encode())
    for path in files_of(os.path.join(BUILD, "selftests", KERNEL)):
        with open(path, "rb") as stream:
            found.update(hashlib.file_digest(stream, "sha256").digest())
    return found.hexdigest()


def record_path(name):
    return os.path.join(BUILD, "check", f"{KERNEL}-{name}.json")


def recall(name, digest):
    """The cases of a batch that has passed on the very same things, or None."""
    try:
        with open(record_path(name), encoding="utf-8") as stream:
            record = json.load(stream)
    except (OSError, ValueError):
        return None
    return [Case(*case) for case in record["cases"]] if record["digest"] == digest else None


def remember(name, digest, run):
    if run.problem or any(case.outcome in ("FAIL", "panic") for case in run.cases):
        return
    path = record_path(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as out:
        json.dump({"digest": digest,
                   "cases": [(case.program, case.name, case.outcome, case.reason) for case in run.cases]}, out)
    os.rename(path + ".new", path)


def run_all(batches, timeout):
    """Run {name: (programs, words of the command line, arguments of Run)} and print their cases; never returns."""
    subprocess.run([os.path.join(TOP, "scripts", "build"), f"kernel={KERNEL}"], check=True, stdout=sys.stderr)
    build(KERNEL)
    runs = {name: Sanitized(KERNEL, **options) for name, (_, _, options) in batches.items()}

    def job(name):
        programs, words, _ = batches[name]

        def go():
            digest = digest_of(batches[name])
            runs[name].cases = recall(name, digest)
            if runs[name].cases is not None:
                print(f"# {name}: has passed before, see {record_path(name)}", flush=True)
                return
            runs[name].cases = []
            runs[name].go(programs, log_path(KERNEL, name), timeout, f"panic_on_warn=1 {words}".strip())
            remember(name, digest, runs[name])

        return go

    in_parallel(job(name) for name in batches)
    sys.exit(print_tap(runs))
