"""The schedule: what is planned and not yet sent, and which planned notes sound.

A plan replaces what was planned for its steps. What an engine has planned outlives it: it is played to its end. The
schedule must never send anything, and never look at a clock.
"""

import heapq
import itertools
from math import inf

from improv.dataclass import dataclass
from improv.music.notes import Event, NoteOff, NoteOn, Program, Volume
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.transport import Transport


@dataclass(frozen=True, slots=True)
class _PlanEnd:
    """The place where all planned notes end, because no engine has planned on."""


class Schedule:
    """Pending events by tick, with the transport that says when a tick is due."""

    def __init__(self) -> None:
        self.transport = Transport(0, 0.0, 60)
        """The transport of the newest plan."""
        self.dropped = 0
        """Onsets that were left out because their time had passed."""
        self._pending: list[tuple[float, int, Event | _PlanEnd, Transport | None, float]] = []
        """A heap by tick; what lies before a change of tempo keeps the transport that it was planned with.

        Last comes the tick at which the plan begins that it is of: the end of a note may lie before that.
        """
        self._order = itertools.count()
        self._due_s: float | None = None
        """When the next event is due, in seconds, once it has been asked; None again after any change."""
        self._planned_to = 0
        """The tick at which the newest plan ends."""
        self._orphaned = False
        """Whether the engine that planned this is gone, and no other one has planned since."""
        self._struck: dict[tuple[Part, int], float] = {}
        """The planned notes that sound, with the tick at which they began."""

    def add(self, plan: Plan) -> list[NoteOff]:
        """Take in a plan; return the note-offs of notes that began in what it replaces."""
        length = plan.transport.grid.ticks_per_step
        start, before = plan.step * length, self.transport
        anchor = plan.transport.anchor_step * length  # from there on the plan's transport holds
        self._pending = [
            (tick, n, event, (by or before) if tick < anchor else None, planned)
            for tick, n, event, by, planned in self._pending
            if tick < start and planned < start
        ]
        if self._orphaned and not any(isinstance(event, _PlanEnd) for _, _, event, *_ in self._pending):
            self._pending.append((start, next(self._order), _PlanEnd(), None, -inf))  # a new engine knows nothing of it
        self._pending += [(placed.tick, next(self._order), placed.event, None, start) for placed in plan.events]
        self.transport, self._planned_to, self._due_s = plan.transport, start + plan.steps * length, None
        heapq.heapify(self._pending)
        replaced = [note for note, tick in self._struck.items() if tick >= start]
        for note in replaced:
            del self._struck[note]
        return [NoteOff(*note) for note in replaced]

    def next_due_s(self) -> float:
        """Return when the next event is due, in seconds of the transport's clock; infinity if none is pending."""
        if self._due_s is None:
            self._due_s = inf
            if self._pending:
                tick, _, _, transport, _ = self._pending[0]
                self._due_s = (transport or self.transport).time_of_tick(tick)
        return self._due_s

    def take_next(self, *, late: bool) -> list[Event]:
        """Remove and return the events of the next pending tick.

        If it is `late`, only note-offs are returned. A note that sounds gets a note-off before it is struck again.
        """
        tick, events, self._due_s = self._pending[0][0], list[Event](), None
        while self._pending and self._pending[0][0] == tick:
            event = heapq.heappop(self._pending)[2]
            match event:
                case _PlanEnd():
                    events += self._end_plan()
                case Volume() | Program():
                    events.append(event)
                case NoteOn(part, pitch) | NoteOff(part, pitch):
                    if self._struck.pop((part, pitch), None) is not None:
                        events.append(NoteOff(part, pitch))
                    if isinstance(event, NoteOn) and late:
                        self.dropped += 1
                    elif isinstance(event, NoteOn):
                        self._struck[part, pitch] = tick
                        events.append(event)
        return events

    def outlive_engine(self) -> None:
        """Play what the last plan holds to its end, and then end every note unless another engine plans on."""
        if not self._orphaned:
            self._orphaned, self._due_s = True, None
            self._pending = [item for item in self._pending if item[0] < self._planned_to]
            self._pending.append((self._planned_to, next(self._order), _PlanEnd(), None, -inf))
            heapq.heapify(self._pending)

    def skip_to(self, now_s: float) -> None:
        """Drop all pending events; onsets that were due before `now_s` count as dropped."""
        self.dropped += sum(
            isinstance(event, NoteOn) and (transport or self.transport).time_of_tick(tick) < now_s
            for tick, _, event, transport, _ in self._pending
        )
        self.clear()

    def clear(self) -> None:
        """Forget all pending and sounding notes."""
        self._due_s = None
        self._pending.clear()
        self._struck.clear()
        self._orphaned = False

    def _end_plan(self) -> list[NoteOff]:
        self._orphaned = False
        ends = [NoteOff(*note) for note in self._struck]
        self._struck.clear()
        return ends
