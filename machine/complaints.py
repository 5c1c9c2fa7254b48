# SPDX-License-Identifier: GPL-2.0
"""What firmware complains of, and which of it says nothing about kernel or model. All else fails a run."""

import re

from console import STAMP

# skiboot's PR_WARNING, and worse
BAD = "01234"

NO_FLASH = "the BMC of QEMU has a flash that is empty"
NO_HOSTBOOT = "nobody initialized the chip before firmware came: QEMU has no hostboot"
BOARD = "the machine has no such part"
BUSY = "the emulator is slow: firmware takes its own timers for late, or its busy loops for long"
# Patterns of whole messages, with the reason why each is known
KNOWN = {
    r"NVRAM: Failed to load": NO_FLASH,
    r"FFS: Reading the flash has returned all 0xFF\.": NO_FLASH,
    r" *(Are you reading erased flash|Is something else using the flash controller)\?": NO_FLASH,
    r"FLASH: (Can't open ffs handle|No ffs info; using raw device only|Failed to load VERSION data)": NO_FLASH,
    r"FLASH: Can't load resource id:\d+\. No system flash found": NO_FLASH,
    r"CAPP: Error loading ucode lid\. index=\w+": NO_FLASH,
    r"IMC: IMC Catalog load failed": NO_FLASH,
    r"(HOMER image|OCC common area) is not reserved! Reserving": NO_HOSTBOOT,
    r"SLW: Failed to set HRMOR for CPU \w+,RC=0x\w+": NO_HOSTBOOT,
    r"Disabling deep stop states": NO_HOSTBOOT,
    r"PLAT: Can't find second chip, skipping PCIe shared slot detection": BOARD,
    r"ELOG: Error getting buffer to log error": BOARD,
    r"SBE: (Timer is lagging, increasing|Lagging timer fired, decreasing) polling rate\.": BUSY,
    r"SBE: (SBE failed to raise timer expiry \[chip id = \d+\]|Master chip ID not found\.)": BUSY,
    r"SBE: (Timer stuck, falling back to OPAL pollers|You will likely have slower I2C and may have .*)\.": BUSY,
    # The XIVE is reset, and interrupts are handled: neither is a call that the series makes
    r"Spent \d+ msecs in OPAL call (128|9)!": BUSY,
    # Any other call takes less than half a second while nothing stops the emulator; but its computer does at times, for
    # seconds. A call of 5 s fails the run: firmware takes a lock that is held for as long for an error.
    r"Spent [1-4]\d{3} msecs in OPAL call \d+!": BUSY,
}


class Complaints:
    """Those of one machine that are not known; also: more patterns.

    A message stands on the console when firmware says it, and with the same time where the host shows firmware's log. The
    kernel can cut it the first time, the end of the log the second time: once whole is enough.
    """

    def __init__(self, also=()):
        self.known = [re.compile(pattern) for pattern in (*KNOWN, *also)]
        self.understood = set()
        self.strange = []

    def line(self, text):
        stamp = STAMP.search(text)
        message = stamp and stamp[1] in BAD and text[stamp.end():].rstrip()
        if message and any(pattern.fullmatch(message) for pattern in self.known):
            self.understood.add(stamp[0])
        elif message:
            self.strange.append((stamp[0], message))

    @property
    def unknown(self):
        """Messages, each once, in their order."""
        return list(dict.fromkeys(said for stamp, said in self.strange if stamp not in self.understood))

    def __str__(self):
        unknown = self.unknown
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        return f"firmware complains: {unknown[0]}{more}" if unknown else ""
