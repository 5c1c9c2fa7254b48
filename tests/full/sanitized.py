# SPDX-License-Identifier: GPL-2.0
"""Runs of the selftests on the kernel that looks over its own shoulder (machine/kernel/sanitizers.config)."""

import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "selftests"))

# Not at the top: tests/selftests is found by the line above.
from selftests import Run, build, in_parallel, log_path, print_tap  # noqa: E402

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


def run_all(batches, timeout):
    """Run {name: (programs, words of the command line, arguments of Run)} and print their cases; never returns."""
    subprocess.run([os.path.join(TOP, "scripts", "build"), f"kernel={KERNEL}"], check=True, stdout=sys.stderr)
    build(KERNEL)
    runs = {name: Sanitized(KERNEL, **options) for name, (_, _, options) in batches.items()}

    def job(name):
        programs, words, _ = batches[name]
        return lambda: runs[name].go(programs, log_path(KERNEL, name), timeout, f"panic_on_warn=1 {words}".strip())

    in_parallel(job(name) for name in batches)
    sys.exit(print_tap(runs))
