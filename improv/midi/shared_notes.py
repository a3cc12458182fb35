"""The notes that a player has begun, in memory that outlives it: the process that takes its place can end each of them.

A message that was handed to the MIDI system may not have left when its sender is killed. So a note
whose end was sent a moment ago counts as sounding still. It must never be waited for: one process
writes while it plays, the next one reads when that is dead.
"""

import mmap
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Self

from improv.midi.messages import NOTE_OFF

LEDGERS = 2
"""One for what the player has begun itself, one for what it has passed on."""

_CHANNELS, _PITCHES = 16, 128
_NOTES = _CHANNELS * _PITCHES
_BYTES = LEDGERS * _NOTES * 8

_MAY_LINGER_S = 1.0
"""So long the end of a note may lie in the MIDI system, to be lost with its sender."""


class SharedNotes:
    """When each note ended, in seconds of the monotonic clock: infinity while it sounds. A context.

    `descriptor` is a file of the memory, closed by the process that has made it; None where processes share none.
    """

    def __init__(self, descriptor: int | None) -> None:
        self.descriptor = descriptor
        self._memory = None if descriptor is None else mmap.mmap(descriptor, _BYTES)
        self._ended_s = memoryview(self._memory or bytearray(_BYTES)).cast("d")

    @classmethod
    def create(cls) -> Self:
        """Return new shared memory in which no note sounds."""
        if os.name != "posix":
            return cls(None)
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("improv-notes")
        else:
            with tempfile.TemporaryFile() as file:
                descriptor = os.dup(file.fileno())
        os.truncate(descriptor, _BYTES)
        return cls(descriptor)

    @classmethod
    def inherited(cls, arguments: Sequence[str]) -> Self:
        """Return the memory whose descriptor is the first of `arguments`; without one, memory of its own."""
        return cls(int(arguments[0]) if arguments else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended_s.release()
        if self._memory is not None:
            self._memory.close()
        if self.descriptor is not None:
            os.close(self.descriptor)

    def marker(self, ledger: int) -> Callable[[int, int, bool], None]:
        """Return a function that marks a note of a ledger (0 or 1) as begun or ended: channel 0 to 15, pitch, begun."""
        ended_s, first, now = self._ended_s, ledger * _NOTES, time.monotonic

        def mark(channel: int, pitch: int, sounds: bool) -> None:
            ended_s[first + channel * _PITCHES + pitch] = inf if sounds else now()

        return mark

    def ends(self) -> list[bytes]:
        """Return a note-off for each note that sounds or may sound."""
        since_s = time.monotonic() - _MAY_LINGER_S
        found = sorted({at % _NOTES for at, ended_s in enumerate(self._ended_s) if ended_s > since_s})
        return [bytes((NOTE_OFF | at // _PITCHES, at % _PITCHES, 64)) for at in found]

    def clear(self) -> None:
        """Mark every note as ended."""
        for at in range(len(self._ended_s)):
            self._ended_s[at] = 0.0
