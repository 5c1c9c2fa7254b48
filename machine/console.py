# SPDX-License-Identifier: GPL-2.0
"""The console of a host: firmware and the kernel write to it at once, each in the midst of the other's lines."""

import re

# Whatever firmware says begins with its time and its level
STAMP = re.compile(r"\[ *\d+\.\d{9},(\d)\] ?")
# Before each line of firmware's log where the host shows it
QUOTE = "opal| "


class Console:
    """Makes lines whole again into which firmware has spoken. It ends its own, so the rest of the other one comes next."""

    def __init__(self):
        self.begun = ""

    def whole(self, line):
        """The next line of the console, as it is or put together; or what firmware says in it."""
        if STAMP.match(line):
            return line
        line = self.begun + line
        cut = STAMP.search(line, len(QUOTE) + 1 if line.startswith(QUOTE + "[") else 0)
        self.begun = line[:cut.start()] if cut else ""
        return line[cut.start():] if cut else line

    def rest(self):
        """A line whose rest never came; empty if there is none."""
        begun, self.begun = self.begun, ""
        return begun
