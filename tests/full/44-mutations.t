#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 21600
"""Each mutation of tests/mutations, a thing that is broken on purpose, is noticed by the checks that are named for it.

They are applied one after the other to a copy of the repository and of what is built, in build/mutations. Before that,
each program that is to notice has to pass there. What was shown is remembered: a run that was interrupted goes on where
it stopped. With arguments: only those that have one of these words in text, path or the program that is to notice. An
hour.
"""

import hashlib
import json
import os
import signal
import sys
import time

from builds import Tap

FULL = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(FULL), "mutations"))

from lists import ALL  # noqa: E402
from mutations import MutationError  # noqa: E402
from place import BUILD, TOP, Place, read, write  # noqa: E402
from runs import RUNS, Outcome  # noqa: E402

SHOWN = os.path.join(BUILD, "mutations", "shown.json")
LOGS = os.path.join(BUILD, "logs", "mutations")
# What all programs that are to notice may depend on, besides what is built and themselves
SHARED = ("machine", "nvlink2", "tests/kernel", "tests/nvlink2", "tests/selftests", "tests/observation.json",
          "tests/tap.py")


def digest(*paths):
    """Of files and of what is in directories."""
    hashed = hashlib.sha256()
    for path in paths:
        files = [os.path.join(at, name) for at, _, names in os.walk(path) for name in names] or [path]
        for file in sorted(file for file in files if not file.endswith(".pyc")):
            with open(file, "rb") as stream:
                hashed.update(f"{os.path.relpath(file, TOP)}\0".encode() + stream.read())
    return hashed.hexdigest()


class Shown:
    """What was shown, by what it depends on: what else failed."""

    def __init__(self, built):
        self.state, self.known = built + digest(*(os.path.join(TOP, path) for path in SHARED)), {}
        try:
            record = json.loads(read(SHOWN))
            self.known = record["shown"] if record["state"] == self.state else {}
        except (OSError, ValueError, KeyError):
            pass

    @staticmethod
    def key(what, run):
        return f"{what!r} by {run!r} {digest(os.path.join(TOP, run.command[0]))}"

    def get(self, what, run):
        return self.known.get(self.key(what, run))

    def remember(self, what, run, note):
        self.known[self.key(what, run)] = note
        write(SHOWN + ".new", json.dumps({"state": self.state, "shown": self.known}, indent=1))
        os.rename(SHOWN + ".new", SHOWN)


def log_of(what):
    os.makedirs(LOGS, exist_ok=True)
    name = "".join(letter if letter.isalnum() else "-" for letter in what)
    return os.path.join(LOGS, f"{name[:80]}.log")


def outcome_of(place, name, log):
    """Of a run whose output goes to a log of its own."""
    run = RUNS[name]
    write(log, "")
    place.build_for(run.needs, log)
    status, output = place.go(run.command, log, run.seconds)
    outcome = Outcome(output)
    if status is None:
        outcome.broke.append(f"still running after {run.seconds} s")
    return outcome


class Mutations:
    def __init__(self, place, shown, tap):
        self.place, self.shown, self.tap = place, shown, tap
        self.controls = {}

    def control(self, name):
        """The cases of that run where nothing is broken, None unless all pass."""
        if name not in self.controls:
            self.controls[name] = self.show_control(name, f"nothing is broken, and {name} passes")
        return self.controls[name]

    def show_control(self, name, what):
        known = self.shown.get(what, RUNS[name])
        if known is not None:
            self.tap.result(True, f"{what} (known)")
            return known.split("\n")
        log, start = log_of(f"control {name}"), time.monotonic()
        try:
            outcome = outcome_of(self.place, name, log)
        except MutationError as error:
            self.tap.result(False, what, str(error))
            return None
        self.tap.result(outcome.good(), f"{what} ({time.monotonic() - start:.0f} s)",
                        f"{outcome.broke} {outcome.failed}, see {os.path.relpath(log)}")
        if not outcome.good():
            return None
        self.shown.remember(what, RUNS[name], "\n".join(outcome.passed))
        return outcome.passed

    def show(self, mutation):
        name, known = f"{mutation.path}: {mutation.text}", self.shown.get(mutation, RUNS[mutation.caught.run])
        cases = self.control(mutation.caught.run)
        gone = [case for case in mutation.caught.cases if not case.startswith("broke: ") and case not in (cases or ())]
        if cases is None:
            self.tap.result(False, name, f"'{mutation.caught.run}' fails where nothing is broken")
        elif gone:
            self.tap.result(False, name, f"'{mutation.caught.run}' has no case: {'; '.join(gone)}")
        elif known is not None:
            self.tap.result(True, f"{name}: noticed (known)")
            print(f"# {known}", flush=True)
        else:
            self.judge(mutation, name)

    def judge(self, mutation, name):
        log, start = log_of(f"{mutation.path} {mutation.text}"), time.monotonic()
        try:
            self.place.break_by(mutation)
            outcome = outcome_of(self.place, mutation.caught.run, log)
        except MutationError as error:
            self.tap.result(False, name, str(error))
            return
        finally:
            self.place.mend(mutation)
        missed = [case for case in mutation.caught.cases if not outcome.has(case)]
        others = [case for case in outcome.failed if case not in mutation.caught.cases]
        caught = f"{mutation.caught.run}: {'; '.join(mutation.caught.cases)}"
        note = f"{caught}. Also: {'; '.join(others + outcome.broke) or 'nothing'}"
        what = "survived" if missed else "noticed"
        self.tap.result(not missed, f"{name}: {what} ({time.monotonic() - start:.0f} s)",
                        f"{mutation.caught.run} should have noticed by: {'; '.join(missed)}\n"
                        f"what failed: {'; '.join(outcome.failed + outcome.broke) or 'nothing'}\n"
                        f"see {os.path.relpath(log)}")
        if not missed:
            print(f"# {note}", flush=True)
            self.shown.remember(mutation, RUNS[mutation.caught.run], note)


def main():
    # What runs in the place is in another process group, and what is broken is to be mended
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("interrupted"))
    words = sys.argv[1:]
    wanted = [mutation for mutation in ALL
              if not words or any(word in f"{mutation.path} {mutation.text} {mutation.caught.run}" for word in words)]
    if not wanted:
        print(f"Bail out! no mutation has {' or '.join(words)} in its path, text or run")
        sys.exit(1)
    try:
        place = Place()
        key = place.prepare()
    except MutationError as error:
        print(f"Bail out! {error}")
        sys.exit(1)
    tap = Tap(len(wanted) + len({mutation.caught.run for mutation in wanted}))
    mutations = Mutations(place, Shown(key), tap)
    for mutation in wanted:
        mutations.show(mutation)
    tap.finish()


main()
