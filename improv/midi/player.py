"""The player: sends each event at its deadline, takes in what arrives, knows what sounds.

Deadlines are absolute. What is late is skipped and counted, never sent in a burst; an end of a
note is always sent. It must never decide what to play, and never wait for anything but the clock.
"""

import ctypes
import heapq
import itertools
import sys
import time
from collections import deque
from collections.abc import Iterable, Sequence
from math import inf
from types import TracebackType
from typing import Protocol, Self

from improv.messages import Command, Panic, Stop
from improv.music import NoteEvent, NoteOff, NoteOn, Part, Placed, Timed
from improv.transport import Clock, Transport

_SPIN_S = 300e-6
"""How long before a deadline sleeping ends and spinning begins: an oversleep of an idle machine."""

_PR_SET_TIMERSLACK = 29
_LATENESSES_KEPT = 1 << 16


class SystemClock:
    """The monotonic clock of the machine, waited for by sleeping first and spinning last."""

    def __init__(self) -> None:
        if sys.platform == "linux":  # ask for wake-ups on time rather than bundled within 50 us
            ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)

    def now(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    def wait_until(self, deadline_s: float, *, exactly: bool) -> None:
        """Sleep to the deadline; if it must be met exactly, spin the last 300 microseconds."""
        sleep_s = deadline_s - time.monotonic() - (_SPIN_S if exactly else 0)
        if sleep_s > 0:
            time.sleep(sleep_s)
        while exactly and time.monotonic() < deadline_s:
            pass


class Source(Protocol):
    """Something notes or commands arrive from."""

    def poll(self, now_s: float) -> Sequence[Timed | Command]:
        """What has arrived since the last time, stamped in seconds of the clock; returns at once."""
        ...

    def next_poll_s(self, now_s: float) -> float:
        """When it is worth asking again, in seconds of the clock."""
        ...


class Sink(Protocol):
    """Something notes leave through."""

    def send(self, event: NoteEvent) -> None:
        """Let the event sound now."""
        ...

    def panic(self) -> None:
        """Silence every channel in use, known notes or not."""
        ...


class NullSink:
    """A sink that nobody hears."""

    def send(self, event: NoteEvent) -> None:
        """Nothing."""

    def panic(self) -> None:
        """Nothing."""


class Player:
    """Keeps the deadlines, the ledger of sounding notes, and what has arrived until it is asked for.

    A context: however it is left, everything that sounds is ended.
    """

    def __init__(self, clock: Clock, sink: Sink, sources: Sequence[Source] = ()) -> None:
        self.clock = clock
        self.onsets = 0
        self.dropped = 0
        """Onsets that were skipped because their time had passed."""
        self.latenesses_s: deque[float] = deque(maxlen=_LATENESSES_KEPT)
        """How late each onset was sent, in seconds."""
        self.first_onset_s: float | None = None
        """When the first note was sent, in seconds of the clock."""
        self._sink = sink
        self._sources = sources
        self._pending: list[tuple[int, int, NoteEvent]] = []
        self._order = itertools.count()
        self._transport = Transport(0, 0.0, 60)
        self._sounding: set[tuple[Part, int]] = set()
        self._stopped = False
        self._notes: list[Timed] = []
        self._commands: list[Command] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.silence()

    def play(self, events: Iterable[Placed], transport: Transport) -> None:
        """Take in events for their time; the transport holds for everything still pending."""
        self._transport = transport
        for placed in events:
            heapq.heappush(self._pending, (placed.tick, next(self._order), placed.event))

    def wait_until(self, deadline_s: float) -> bool:
        """Send what falls due and take in what arrives until the deadline; False once told to stop."""
        while not self._stopped:
            now_s = self.clock.now()
            if not self._take_in(now_s):
                break
            due_s = min(deadline_s, self._next_due_s())
            polled_s = min((source.next_poll_s(now_s) for source in self._sources), default=inf)
            if polled_s < due_s:
                self.clock.wait_until(polled_s, exactly=False)
                continue
            due = self._taken(due_s)
            self.clock.wait_until(due_s, exactly=True)
            for event in due:  # taken beforehand, so that nothing but sending is left to do now
                self._send(event, due_s)
            if due_s >= deadline_s and self._next_due_s() > deadline_s:
                break
        return not self._stopped

    def heard(self) -> tuple[tuple[Timed, ...], tuple[Command, ...]]:
        """The notes and commands that arrived since this was last asked."""
        notes, commands = tuple(self._notes), tuple(self._commands)
        self._notes.clear()
        self._commands.clear()
        return notes, commands

    def silence(self) -> None:
        """End every note that sounds, drop every onset that is pending, and silence the channels."""
        self._pending.clear()
        for part, pitch in sorted(self._sounding):
            self._sink.send(NoteOff(part, pitch))
        self._sounding.clear()
        self._sink.panic()

    def _take_in(self, now_s: float) -> bool:
        """Poll every source; False once one of them has said stop."""
        for source in self._sources:
            for arrival in source.poll(now_s):
                match arrival:
                    case Timed():
                        self._notes.append(arrival)
                    case Panic():
                        self.silence()
                    case Stop():
                        self._stopped = True
                    case _:
                        self._commands.append(arrival)
        return not self._stopped

    def _next_due_s(self) -> float:
        return self._transport.time_of_tick(self._pending[0][0]) if self._pending else inf

    def _taken(self, due_s: float) -> list[NoteEvent]:
        """The pending events that share the first tick, if it is due by then."""
        taken = []
        if self._next_due_s() <= due_s:
            tick = self._pending[0][0]
            while self._pending and self._pending[0][0] == tick:
                taken.append(heapq.heappop(self._pending)[2])
        return taken

    def _send(self, event: NoteEvent, due_s: float) -> None:
        note = (event.part, event.pitch)
        match event:
            case NoteOff() if note in self._sounding:
                self._sounding.discard(note)
                self._sink.send(event)
            case NoteOn():
                late_s = self.clock.now() - due_s
                if late_s > self._transport.step_s / 2:
                    self.dropped += 1
                    return
                if note in self._sounding:
                    self._sink.send(NoteOff(event.part, event.pitch))
                self._sounding.add(note)  # before it is sent: a send that fails half-way is ended too
                self._sink.send(event)
                self.onsets += 1
                self.latenesses_s.append(late_s)
                if self.first_onset_s is None:
                    self.first_onset_s = self.clock.now()


class Script:
    """A source whose notes are known beforehand."""

    def __init__(self, notes: Sequence[Timed]) -> None:
        self._notes = sorted(notes, key=lambda note: note.time_s)
        self._next = 0

    def poll(self, now_s: float) -> list[Timed | Command]:
        """The notes whose time has come."""
        start = self._next
        while self._next < len(self._notes) and self._notes[self._next].time_s <= now_s:
            self._next += 1
        return list(self._notes[start : self._next])

    def next_poll_s(self, now_s: float) -> float:
        """When the next note is due."""
        return self._notes[self._next].time_s if self._next < len(self._notes) else inf
