"""The player: sends each event at its deadline, takes in what arrives, ends whatever it began.

Deadlines are absolute. What is late is skipped and counted, never sent in a burst; an end of a
note is always sent. It must never decide what to play, and never wait for anything but the clock.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from types import TracebackType
from typing import Protocol, Self

from improv.midi.controller_filter import PassOn, Wanted
from improv.midi.loop_detector import Echo
from improv.midi.messages import ALL_SOUND_OFF, CHANNELS, NOTE_ON, bytes_of, is_mode, silencing
from improv.midi.mpe_zones import Zones
from improv.midi.note_ledger import Ledger
from improv.midi.onset_times import Sends
from improv.midi.parser import Gone, Incoming
from improv.midi.shared_notes import SharedNotes
from improv.midi.your_notes import YourNotes
from improv.music.clock import Clock
from improv.music.notes import Event, NoteOff, NoteOn, Timed, Volume
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.theory import TICKS_PER_STEP
from improv.music.transport import Transport
from improv.protocol.commands import Command, Panic, Press, Quit
from improv.protocol.heard import Heard

GAP_S = 1.0
"""Time that passed unnoticed for so long is a gap: the machine or the process was stopped."""

_OUR_CHANNELS = tuple(CHANNELS[part] for part in (Part.MELODY, Part.CHORDS, Part.DRUMS))

_TURNS_KEPT = 64

_ONE_PANIC_S = 0.5
"""A demand for silence that comes so soon after one was met, while nothing sounds, may be our own come back."""


@dataclass(frozen=True, slots=True)
class PlanEnd:
    """What we have begun ends here: a pending event of the player's own, once nobody plans on."""


Arrival = Timed | Incoming | Plan | Gone | PassOn | Wanted | Command


class Source(Protocol):
    """Something notes, plans or commands arrive from."""

    def poll(self, now_s: float) -> Sequence[Arrival]:
        """What has arrived since the last time, stamped in seconds of the clock; returns at once."""
        ...

    def next_poll_s(self, now_s: float) -> float:
        """When it is worth asking again, in seconds of the clock."""
        ...


class Sink(Protocol):
    """Something MIDI messages leave through."""

    def send(self, message: bytes) -> None:
        """Let a message out now."""
        ...


class NullSink:
    """A sink that nobody hears."""

    def send(self, message: bytes) -> None:
        """Nothing."""


class Player:
    """Keeps the deadlines, the ledger of what sounds, and what has arrived until it is asked for.

    A context: however it is left, everything that sounds is ended. `thru` is where what arrives is
    passed on, byte for byte; None if it is not. While `stalled` says so, what is sent would lie there and
    come late: then nothing begins.
    """

    independent = False

    def __init__(
        self,
        clock: Clock,
        sink: Sink,
        sources: Sequence[Source] = (),
        *,
        thru: Sink | None = None,
        passes_on: bool = True,
        stalled: Callable[[], bool] = bool,
        notes: SharedNotes | None = None,
    ) -> None:
        self.clock = clock
        self.thru = thru if passes_on else None
        self.onsets = 0
        self.dropped = 0
        """Onsets that were skipped because their time had passed."""
        self.gaps = 0
        """How often time passed unnoticed: the machine was suspended, or we were stopped."""
        self.sent = Sends()
        """When each of the last onsets was due and when it was sent."""
        self.first_onset_s: float | None = None
        """When the first note was sent, in seconds of the clock."""
        self.echo = Echo()
        notes = notes or SharedNotes(None)
        self.ledger = Ledger(notes.marker(0))
        """What we have begun."""
        self.passed = Ledger(notes.marker(1))
        """What was begun by messages that were passed on."""
        self._sink = sink
        self._stalled = stalled
        self._zones = Zones()
        self._sources = list(sources)
        self._pending: list[tuple[float, int, Event | PlanEnd, Transport | None]] = []
        """By tick; what lies before a change of tempo keeps the transport it was planned with."""
        self._planned_to = 0
        """The tick up to which the last plan goes."""
        self._orphaned = False
        """Whether what is pending was planned by an engine that is gone: it ends where another one's plan begins."""
        self._order = itertools.count()
        self._transport = Transport(0, 0.0, 60)
        self._struck: dict[tuple[Part, int], float] = {}
        self._yours = YourNotes()
        self._silenced_s = -inf
        self._stopped = False
        self._awake_by_s = inf
        self._asleep_s = clock.asleep_s()
        self._notes: list[Timed] = []
        self._commands: list[Command] = []
        self._through = thru
        self._wanted = Wanted()
        self._turned: list[tuple[float, bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Silence everything, and leave each channel as loud as a synth is by itself."""
        self.silence()
        self._send(self._sink, self.ledger.own_volumes())

    def leads_elsewhere(self, through: Sink | None) -> None:
        """The output is another one from now on, and so may be where what arrives is passed on to."""
        self._commands.append(Panic())  # whoever plans has to know
        self.thru = through if self.thru is not None else None
        self._through = through

    def play(self, plan: Plan) -> None:
        """Take a plan in; a note that was struck in what is withdrawn ends at once."""
        start, before = plan.step * TICKS_PER_STEP, self._transport
        anchor = plan.transport.anchor_step * TICKS_PER_STEP  # from there on the plan's transport holds
        self._pending = [
            (tick, n, event, (by or before) if tick < anchor else None)
            for tick, n, event, by in self._pending
            if tick < start
        ]
        if self._orphaned and not any(isinstance(event, PlanEnd) for _, _, event, _ in self._pending):
            self._pending.append((start, next(self._order), PlanEnd(), None))  # the new engine knows nothing of it
        self._pending += [(placed.tick, next(self._order), placed.event, None) for placed in plan.events]
        self._transport, self._planned_to = plan.transport, start + plan.steps * TICKS_PER_STEP
        heapq.heapify(self._pending)
        for note, tick in list(self._struck.items()):
            if tick >= start:
                del self._struck[note]
                self._send(self._sink, self._ours(bytes_of(NoteOff(*note))))

    def listen_until(self, deadline_s: float, *, at_once: bool = True) -> Heard | None:
        """Play until the deadline, or until something arrives; return what arrived, None once told to stop."""
        while not self._stopped:
            now_s = self.clock.now()
            self._mind_the_gap(now_s)
            if not self._take_in(now_s):
                break
            if at_once and (self._notes or self._commands or self._turned):
                break
            due_s = self.next_due_s()
            if due_s > deadline_s and now_s >= deadline_s:
                break
            polled_s = min((source.next_poll_s(now_s) for source in self._sources), default=inf)
            polled_s = min(polled_s, self._yours.next_let_go_s(self._beat_s))
            wake_s = min(polled_s, deadline_s, due_s - self.clock.spin_s)
            if now_s < wake_s:
                self._awake_by_s = wake_s
                self.clock.wait_until(wake_s, exactly=False)
            elif due_s <= min(deadline_s, now_s + self.clock.spin_s):
                self._send_due(due_s)
            else:
                self.clock.wait_until(min(polled_s, deadline_s), exactly=False)
        return None if self._stopped else self.heard()

    def heard(self) -> Heard:
        """Return the notes and commands that have arrived since the last call."""
        heard = Heard(tuple(self._notes), tuple(self._commands))
        self._notes, self._commands = [], []
        return heard

    def turned(self) -> list[tuple[float, bytes]]:
        """What was moved at a controller since this was last asked, with its time: the daemon's to understand."""
        turned, self._turned = self._turned, []
        return turned

    def next_due_s(self) -> float:
        """When the next event is due, in seconds of the clock; infinity if nothing is pending."""
        if not self._pending:
            return inf
        tick, _, _, transport = self._pending[0]
        return (transport or self._transport).time_of_tick(tick)

    def silence(self) -> None:
        """End all that sounds and every pedal, drop all that is pending, and silence the channels."""
        self._forget_the_plan()
        for ledger, sink in ((self.ledger, self._sink), (self.passed, self.thru)):
            if sink is not None:
                channels = sorted(ledger.channels.union(_OUR_CHANNELS if ledger is self.ledger else ()))
                self._send(sink, [*silencing(channels), *ledger.ends()])  # the quickest first
            ledger.clear()
        self._silenced_s = self.clock.now()

    def _outlive_the_engine(self) -> None:
        """Play on what is pending, and have all that it has begun end with it, unless another engine plans on before.

        A pending end of a note stays where it is; what is held by nobody's plan any more ends with the last step.
        """
        if not self._orphaned:
            self._orphaned = True
            self._pending = [item for item in self._pending if item[0] < self._planned_to]
            self._pending.append((self._planned_to, next(self._order), PlanEnd(), None))
            heapq.heapify(self._pending)

    def _plan_has_ended(self) -> list[bytes]:
        self._orphaned = False
        ends = [message for note in self._struck for message in self._ours(bytes_of(NoteOff(*note)))]
        self._struck.clear()
        return ends

    def _forget_the_plan(self) -> None:
        self._pending.clear()
        self._struck.clear()
        self._orphaned = False

    def _end_ours(self) -> None:
        """End what we have begun, drop what is pending, and leave what the player holds alone."""
        self._forget_the_plan()
        self._send(self._sink, self.ledger.ends())
        self.ledger.clear()

    def _send(self, sink: Sink, messages: Iterable[bytes]) -> None:
        """Let messages out now, at no deadline, and know them should they come back."""
        for message in messages:
            sink.send(message)
            self.echo.sent(message, self.clock.now())

    @property
    def _sounds(self) -> bool:
        return not (self.ledger.empty and self.passed.empty)

    @property
    def down(self) -> frozenset[int]:
        """The pitches of the keys that are held."""
        return self._yours.down

    def release_what_is_held(self, now_s: float) -> None:
        """End the keys that are down, for whoever hears them and for whoever they were passed on to."""
        self._notes += self._yours.free(now_s)
        self._release_passed()

    def _release_passed(self) -> None:
        if self.thru is not None:
            for message in self.passed.ends():
                self.thru.send(message)
        self.passed.clear()

    # --- what arrives ---------------------------------------------------------------------------

    def _take_in(self, now_s: float) -> bool:
        """Poll every source; False once one of them has said stop."""
        for source in self._sources:
            for arrival in source.poll(now_s):
                self._arrived(arrival, now_s)
        self._notes += self._yours.let_go(now_s, self._beat_s)
        return not self._stopped

    @property
    def _beat_s(self) -> float:
        return 60 / self._transport.bpm

    def _arrived(self, arrival: Arrival, now_s: float) -> None:
        match arrival:
            case Plan():
                self.play(arrival)
            case Incoming(time_s, message):
                self._message(message, time_s)
            case Timed(time_s, event):
                self._notes += self._yours.known(event, time_s)
            case Gone(time_s, engine):
                if engine:
                    self._outlive_the_engine()
                else:
                    self.release_what_is_held(time_s)
            case Panic():
                self.silence()
                self._notes += self._yours.free(now_s)
                self._commands.append(arrival)
            case Quit():
                self._stopped = True
            case PassOn(on):
                self._pass_on(on=on)
            case Wanted():
                self._want(arrival)
            case Press():
                self._press(arrival, now_s)
            case _:
                self._commands.append(arrival)

    def _press(self, press: Press, now_s: float) -> None:
        """A key of an instrument without MIDI, and so without a sound: it is heard, and sounds as yours."""
        sounds = self.ledger.sounds(CHANNELS[Part.YOU], press.pitch)
        off, on = NoteOff(Part.YOU, press.pitch), NoteOn(Part.YOU, press.pitch, press.velocity)
        if sounds:
            self._send(self._sink, self._ours(bytes_of(off)))
        if press.velocity:
            self._send(self._sink, self._ours(bytes_of(on)))
        self._notes += self._yours.letter(on if press.velocity else off, now_s)

    def _pass_on(self, *, on: bool) -> None:
        if not on:
            self._release_passed()
        self.thru = self._through if on else None

    def _want(self, wanted: Wanted) -> None:
        """From now on these are the daemon's; a pedal that is down and is among them would never come up."""
        self._wanted = wanted
        for message in self.passed.ends():
            if self.thru is not None and wanted.takes(message):
                self.passed.enter(message)
                self.thru.send(message)

    def _message(self, message: bytes, time_s: float) -> None:
        """A message of the player's: passed on at once, then heard, unless it is our own come back."""
        loops = self.echo.found
        down = len(message) > 2 and self.passed.sounds(message[0] & 0x0F, message[1])
        if self.echo.is_ours(message, time_s, down=down):
            if self.echo.found > loops:
                self.release_what_is_held(time_s)
            return
        if self._wanted.tells_of(message):
            self._turn(message, time_s)
        if self._wanted.takes(message):
            return
        if is_mode(message, ALL_SOUND_OFF) and (self._sounds or time_s > self._silenced_s + _ONE_PANIC_S):
            self._arrived(Panic(), time_s)
        if self.thru is not None and not self.echo.looped(time_s):
            if self._zones.enter(message) and self.thru is self._sink:
                self._end_ours()  # to be struck anew, on other channels
                self._commands.append(Panic())
            self.passed.enter(message)
            self.thru.send(message)
            self.echo.sent(message, time_s, passed=True)
        self._notes += self._yours.message(message, time_s)

    def _turn(self, message: bytes, time_s: float) -> None:
        """Keep what was moved; of a knob that floods only where it is now."""
        if len(self._turned) > _TURNS_KEPT:
            if self._turned[-1][1][:2] != message[:2]:
                return
            self._turned.pop()
        self._turned.append((time_s, message))

    def _mind_the_gap(self, now_s: float) -> None:
        """After time that passed unnoticed nothing is caught up: silence, and what was pending is gone."""
        asleep_s = self.clock.asleep_s()
        if now_s - self._awake_by_s > GAP_S or asleep_s - self._asleep_s > GAP_S:
            self.gaps += 1
            self.dropped += sum(
                isinstance(event, NoteOn) and (transport or self._transport).time_of_tick(tick) < now_s
                for tick, _, event, transport in self._pending
            )
            self.silence()
            self._commands.append(Panic())  # whoever plans has to know
        self._awake_by_s, self._asleep_s = inf, asleep_s

    # --- what leaves ----------------------------------------------------------------------------

    def _send_due(self, due_s: float) -> None:
        """Send the events of the first pending tick at their time; nothing but sending is left to do then."""
        late = self.clock.now() - due_s > self._transport.step_s / 2 or self._stalled()
        tick, messages = self._pending[0][0], list[bytes]()
        while self._pending and self._pending[0][0] == tick:
            messages += self._messages_of(heapq.heappop(self._pending)[2], tick, late=late)
        self.clock.wait_until(due_s, exactly=True)
        for message in messages:
            sent_s = self.clock.now()
            self._sink.send(message)
            if message[0] & 0xF0 == NOTE_ON:
                self.onsets += 1
                self.sent.add(due_s, sent_s)
                self.first_onset_s = self.first_onset_s or sent_s
        for message in messages:
            self.echo.sent(message, self.clock.now())

    def _messages_of(self, event: Event | PlanEnd, tick: float, *, late: bool) -> list[bytes]:
        """What an event sends, in the ledger already: a send that fails half-way is ended too."""
        if isinstance(event, PlanEnd):
            return self._plan_has_ended()
        if isinstance(event, Volume):
            return self._ours(bytes_of(event))
        note = event.part, event.pitch
        messages = self._ours(bytes_of(NoteOff(*note))) if self._struck.pop(note, None) is not None else []
        if isinstance(event, NoteOn):
            if late:
                self.dropped += 1
            else:
                self._struck[note] = tick
                messages += self._ours(bytes_of(event))
        return messages

    def _ours(self, message: bytes) -> list[bytes]:
        """A message of ours as it is sent: off the channels of an MPE zone where the player plays there too."""
        if self.thru is self._sink:
            free = self._zones.free(message[0] & 0x0F)
            if free is None:
                return []
            message = bytes((message[0] & 0xF0 | free, *message[1:]))
        self.ledger.enter(message)
        return [message]


class Script:
    """A source whose notes are known beforehand."""

    def __init__(self, notes: Sequence[Timed]) -> None:
        self._notes = sorted(notes, key=lambda note: note.time_s)
        self._next = 0

    def poll(self, now_s: float) -> list[Arrival]:
        """The notes whose time has come."""
        start = self._next
        while self._next < len(self._notes) and self._notes[self._next].time_s <= now_s:
            self._next += 1
        return list(self._notes[start : self._next])

    def next_poll_s(self, now_s: float) -> float:
        """When the next note is due."""
        return self._notes[self._next].time_s if self._next < len(self._notes) else inf
