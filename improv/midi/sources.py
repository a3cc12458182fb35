"""Sources and sinks: what the player takes in from, and what MIDI messages leave through."""

from collections.abc import Sequence
from math import inf
from typing import Protocol

from improv.midi.controller_filter import ControllerFilter, PassOn
from improv.midi.parser import Gone, Incoming
from improv.music.notes import Timed
from improv.music.plan import Plan
from improv.protocol.commands import Command

Arrival = Timed | Incoming | Plan | Gone | PassOn | ControllerFilter | Command
"""What a source brings: notes known beforehand, MIDI messages, plans, or something asked for."""


class Source(Protocol):
    """Something notes, plans or commands arrive from."""

    def poll(self, now_s: float) -> Sequence[Arrival]:
        """Return at once what has arrived since the last call; `now_s` is in seconds of the player's clock."""
        ...

    def next_poll_s(self, now_s: float) -> float:
        """Return when to poll again, in seconds of the player's clock."""
        ...


class Sink(Protocol):
    """Something MIDI messages leave through."""

    def send(self, message: bytes) -> None:
        """Send a MIDI message now."""
        ...


class NullSink:
    """A sink that leads nowhere."""

    def send(self, message: bytes) -> None:
        """Ignore the message: there is no port to send it to."""


class Script:
    """A source whose notes are known beforehand, such as a call file."""

    def __init__(self, notes: Sequence[Timed]) -> None:
        self._notes = sorted(notes, key=lambda note: note.time_s)
        self._next = 0

    @property
    def next_s(self) -> float:
        """When the next note is due, in seconds; infinity after the last."""
        return self._notes[self._next].time_s if self._next < len(self._notes) else inf

    def poll(self, now_s: float) -> Sequence[Timed]:
        """Return the notes that are due by `now_s`, in seconds."""
        start = self._next
        while self.next_s <= now_s:
            self._next += 1
        return self._notes[start : self._next]

    def next_poll_s(self, now_s: float) -> float:
        """See `Source`."""
        return self.next_s
