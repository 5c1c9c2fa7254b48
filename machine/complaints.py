# SPDX-License-Identifier: GPL-2.0
"""What firmware complains of, and which of it says nothing about kernel or model. All else fails a run."""

import re

# Whatever firmware says begins so, also behind what somebody else has not finished
STAMP = re.compile(r"\[ *\d+\.\d{9},(\d)\] ?")
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
}


class Complaints:
    """Those of one machine that are not known; also: more patterns."""

    def __init__(self, also=()):
        self.known = [re.compile(pattern) for pattern in (*KNOWN, *also)]
        self.unknown = []
        self.cut = None

    def line(self, text):
        """A line of the console. A message that another one cuts in two ends with the next line."""
        before, *found = STAMP.split(text)
        if self.cut is not None:
            self.judge(self.cut + before)
        messages = [message if level in BAD else None for level, message in zip(found[0::2], found[1::2])]
        self.cut = messages.pop(0) if len(messages) > 1 else None
        for message in messages:
            self.judge(message or "")

    def judge(self, message):
        message = message.rstrip()
        if message and message not in self.unknown and not any(pattern.fullmatch(message) for pattern in self.known):
            self.unknown.append(message)

    def __str__(self):
        more = f" and {len(self.unknown) - 1} more" if len(self.unknown) > 1 else ""
        return f"firmware complains: {self.unknown[0]}{more}" if self.unknown else ""
