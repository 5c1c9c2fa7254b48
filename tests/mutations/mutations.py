# SPDX-License-Identifier: GPL-2.0
"""What a mutation is: one thing that is broken on purpose, and the checks that have to notice."""

import os
from dataclasses import dataclass

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Paths of the repository's own begin with these, all others are the kernel's
OWN = ("machine/", "nvlink2/", "qemu/", "tests/")


class MutationError(Exception):
    """A mutation that does not fit any more, or what it is applied to is not as it should be."""


@dataclass(frozen=True)
class Caught:
    """By a run (runs.py): every one of these cases fails. One that begins with "broke: " is found in the reason why the
    run itself did not end well."""
    run: str
    cases: tuple

    @staticmethod
    def by(run, *cases):
        return Caught(run, cases)


@dataclass(frozen=True)
class Mutation:
    """text: what is broken, as a sentence. path: as in the repository, or in build/linux. old is there exactly once."""
    text: str
    path: str
    old: str
    new: str
    caught: Caught

    @property
    def in_series(self):
        return not self.path.startswith(OWN)

    def applied_to(self, content):
        count = content.count(self.old)
        if count != 1:
            raise MutationError(f"{self.path} has the text of the mutation '{self.text}' {count} times, not once")
        return content.replace(self.old, self.new)
