"""What C libraries print, kept off the screen and read: RtMidi says there what it has dropped."""

import os
import re
from contextlib import suppress

_MOST, _LONGEST = 32, 200
"""So many different warnings are reported, and so much of each, in characters."""

_OVERFLOW = b"queue limit"
"""What RtMidi prints for each message that it drops."""

_RTMIDI = re.compile(rb"\b(?:RtMidi|Midi(?:In|Out)(?:Alsa|Jack|Core|WinMM))\w*\s?::?.*")
"""What else it prints where it does not raise."""


class StderrMonitor:
    """Reads this process's standard error in its place, where the system has descriptors for that."""

    def __init__(self) -> None:
        self.overflows = 0
        """How many messages RtMidi has dropped because its queue was full."""
        self._known: set[bytes] = set()
        self._pipe = None
        if os.name == "posix":
            self._pipe, end = os.pipe()
            os.set_blocking(self._pipe, False)
            os.set_blocking(end, False)  # a library that prints must not wait to be read
            os.dup2(end, 2)
            os.close(end)

    def read(self) -> list[str]:
        """Read what was printed to standard error; return RtMidi's warnings that are new."""
        fresh: list[str] = []
        with suppress(BlockingIOError):
            while self._pipe is not None:
                printed = os.read(self._pipe, 1 << 16)
                self.overflows += printed.count(_OVERFLOW)
                for warning in _RTMIDI.findall(printed):
                    if _OVERFLOW not in warning and warning not in self._known and len(self._known) < _MOST:
                        self._known.add(warning)
                        fresh.append(warning.decode(errors="replace")[:_LONGEST])
        return fresh
