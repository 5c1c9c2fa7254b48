#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 86400
"""Defects that chance seldom shows, on Linux as Debian ships it and with the series, each with pauses where the races are.

Without the series a case has to fail, in the way that is written here; one that does not fail any more is mended there, and its
fix can go. With the series all cases pass. With BASE=mainline on Debian's newest Linux. Half an hour, most of it for two kernels.
"""

import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "selftests"))

from selftests import BUILD, NO_ENGINE, Run, build, in_parallel, log_path  # noqa: E402

FIXES = os.path.join(TOP, "tests", "fixes")
LINUX = os.path.join(BUILD, "linux")
PROGRAM = "nvlink2_fixes"
TIMEOUT = 900
# Not more: a task has to come between while another one pauses for 0.2 s by the emulated clock
SPEED = 2
# What has been freed is neither empty nor as it was
POISON = "slub_debug=FZP"

# What the command line has to say, and what is seen without the fix
CASES = {
    "map_races_unregister": ("", r"mapped, and unregistered"),
    "map_one_step": (POISON, r"mapped, and unregistered"),
    "owner_under_lock": ("", r"Expected EPERM \(1\) == watch_child\(child\) \(0\)"),
    "check_user_address": ("", r"BUG: Kernel NULL pointer dereference on write"),
    "put_right_reference": ("", r"Expected locked \(\d+\) == watch_status"),
    "table_rcu": (POISON, r"Expected -EINVAL \(-22\) == end\(&slow\) \(0\)"),
    "serialize_removal": ("", r"refcount_t: underflow; use-after-free"),
    "invalidate_rcu": (POISON, r"BUG: Unable to handle kernel data access at 0x6b6b6b6b"),
    "cleared_references": ("", r"Expected locked \(\d+\) == watch_status"),
    "devmem_leave_rcu": ("", r"BUG: scheduling while atomic"),
    "devmem_by_pfn": ("", r"BUG: Unable to handle kernel data access on read"),
    "soft_dirty": ("", r"WARNING: .* kvmppc_create_pte"),
    "unmap_range": ("", r"unmapped in (0\.[1-9]|[1-9])"),
    "reset_waits_once": ("", r"reset in [1-9]"),
    "fundamental_reset_ends": ("no_reset_by_firmware", r"holds its bus in reset"),
}


def git(*words, where=LINUX):
    return subprocess.run(["git", "-C", where, *words], check=True, capture_output=True, text=True).stdout.strip()


def place_tree(name, commit):
    """A tree of its own with the pauses, which is left alone where it has them; gives its directory."""
    tree, stamp = os.path.join(BUILD, "fixes", name), os.path.join(BUILD, "fixes", f"{name}.stamp")
    with open(os.path.join(FIXES, f"{name}.patch"), encoding="utf-8") as stream:
        patch = stream.read()
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as stream:
            if stream.read() == commit + patch:
                return tree
        os.remove(stamp)
    if not os.path.isdir(tree):
        git("worktree", "add", "--force", "--detach", tree, commit)
    git("checkout", "--force", "--detach", commit, where=tree)
    subprocess.run(["patch", "--quiet", "--no-backup-if-mismatch", "--fuzz=0", "-p1", "-d", tree], input=patch, text=True, check=True)
    with open(stamp, "w", encoding="utf-8") as out:
        out.write(commit + patch)
    return tree


def host_config(name):
    """Linux without the series has no options of the series."""
    with open(os.path.join(TOP, "machine", "kernel", "host.config"), encoding="utf-8") as stream:
        lines = [line for line in stream if name == "series" or not re.search("NVLINK2|NPU2", line)]
    path = os.path.join(BUILD, "fixes", f"{name}.config")
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(lines)
    return path


def build_kernel(name, commit):
    kernel = f"fixes-{name}"
    environment = {**os.environ, "LINUX": place_tree(name, commit)}
    fragments = [host_config(name), os.path.join(FIXES, "pauses.config"),
                 os.path.join(TOP, "bases", os.environ.get("BASE", "6.12"), "kernel.config")]
    fragments = [path for path in fragments if os.path.exists(path)]
    for words in (["config", *fragments], ["make", "-j" + os.environ.get("JOBS", str(os.cpu_count())), "vmlinux"]):
        subprocess.run([os.path.join(TOP, "scripts", "step"), f"kernel-{kernel}-{words[0]}", os.path.join(TOP, "scripts", "kernel"),
                        os.path.join(BUILD, "obj", kernel), *words], check=True, env=environment, stdout=sys.stderr)
    build(kernel)


def boot(kernel, name, words):
    """One case in a machine of its own, since it may be the end of it; gives its outcome, and what was said."""
    run = Run(f"fixes-{kernel}", board="small", memory="4G", speed=SPEED, extra=NO_ENGINE)
    log = log_path(f"fixes-{kernel}", name)
    run.go((f"{PROGRAM}:-t:{name}",), log, TIMEOUT, words)
    with open(log, encoding="utf-8", errors="replace") as stream:
        said = stream.read()
    return next((case.outcome for case in run.cases), run.problem), run.problem, said


def judge(kernel, name, words, seen):
    outcome, problem, said = boot(kernel, name, words)
    if kernel == "series":
        return (outcome == "ok" and not problem), f"with the series: {name}", f"{outcome} {problem or ''}"
    return (outcome in ("FAIL", "panic") and bool(re.search(seen, said))), f"without: {name} fails", f"{outcome}, or not {seen!r}"


def main():
    subprocess.run([os.path.join(TOP, "scripts", "build"), "kernel"], check=True, stdout=sys.stderr)
    for name, commit in (("base", git("rev-list", "--max-parents=0", "HEAD")), ("series", git("rev-parse", "HEAD"))):
        build_kernel(name, commit)
    results = {}

    def job(kernel, name):
        def go():
            results[kernel, name] = judge(kernel, name, *CASES[name])

        return go

    in_parallel(job(kernel, name) for name in CASES for kernel in ("base", "series"))
    for number, key in enumerate(sorted(results), 1):
        good, text, why = results[key]
        print(f"{'ok' if good else 'not ok'} {number} - {text}")
        if not good:
            print(f"# {why}; see {log_path(f'fixes-{key[0]}', key[1])}")
    print(f"1..{len(results)}")
    sys.exit(not all(good for good, _, _ in results.values()))


main()
