"""A model of the player, followed apart from it: what it was asked for, and so what its sinks may be sent."""

from collections import Counter
from dataclasses import dataclass, field, replace
from math import inf

from improv.midi.messages import ALL_SOUND_OFF, CONTROL
from improv.midi.parser import Gone
from improv.midi.passthrough import Passthrough
from improv.midi.player import Player
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteEvent, NoteOff, NoteOn, Placed, in_order
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.theory import TICKS_PER_STEP
from improv.music.transport import Transport
from tests.midi.listeners import QUICK, SLACK_S, Inbox, Listener, is_off, is_on, notes

OURS = (Part.MELODY, Part.CHORDS, Part.DRUMS)


@dataclass(frozen=True, slots=True)
class Expected:
    """An event that was planned and neither sent nor withdrawn."""

    tick: float
    event: NoteEvent
    transport: Transport
    """A change of tempo moves what lies behind it and nothing before."""


class Releasing(Passthrough):
    """A passthrough whose ends of what it has passed on are told from the player's own, which may be the same bytes."""

    releases = False

    def release(self) -> None:
        self.releases = True
        super().release()
        self.releases = False


@dataclass
class Keys:
    """What comes in from the keys, and what was passed on of it."""

    arriving: bytes = b""
    """The message that is arriving, known again by identity."""
    passed: list[bytes] = field(default_factory=list)
    down: set[int] = field(default_factory=set)
    known: set[int] = field(default_factory=set)
    """The pitches of keys that came without MIDI, and know of no channel."""


class Desk:
    """What a player has been asked for, followed apart from it, and what its sinks may therefore be sent."""

    def __init__(self, thru: str) -> None:
        self.clock = SimulatedClock()
        self.out, self.apart = Listener(self.clock, counts=thru != "same"), Listener(self.clock)
        self.inbox = Inbox()
        self.thru: Listener | None = {"same": self.out, "separate": self.apart, "none": None}[thru]
        self.wire = Wire(self, self.out)
        self.to = {"same": self.wire, "separate": Wire(self, self.apart), "none": None}[thru]
        self.sit_down()
        self.transport = Transport(0, 0.0, 60)
        self.expected: list[Expected] = []
        self.ordered = True
        """Whether in all that is planned an end comes before a beginning."""
        self.keys = Keys()
        self.ours: Counter[tuple[int, int]] = Counter()
        self.theirs: Counter[tuple[int, int]] = Counter()
        self.now_s = 0.0
        self.silenced_s = -inf
        self.begun_by_us: set[tuple[int, int]] = set()
        """Whether or not the player has ended it before us, where both play on one channel."""
        self.onsets_now: list[tuple[int, int]] = []
        """What has begun at this moment, since the last plan came."""
        self.calm = True
        """Whether nothing was late when we began to listen."""

    def due_s(self, expected: Expected) -> float:
        return expected.transport.time_of_tick(expected.tick)

    def sit_down(self) -> None:
        self.player = Player(self.clock, self.wire, [self.inbox], thru=self.to)
        self.passthrough = self.player.passthrough = Releasing(self.wire, self.to)

    # --- what is asked for

    def play(self, plan: Plan) -> None:
        self.transport = plan.transport
        start, anchor = plan.step * TICKS_PER_STEP, plan.transport.anchor_step * TICKS_PER_STEP
        self.expected = [
            each if each.tick < anchor else replace(each, transport=plan.transport)
            for each in self.expected
            if each.tick < start
        ]
        self.expected += [
            Expected(placed.tick, placed.event, plan.transport)
            for placed in plan.events
            if isinstance(placed.event, NoteEvent)
        ]
        self.ordered &= plan.events == in_order(plan.events)
        self.onsets_now = []  # what it plans to end now cannot end before what has begun now already
        self.inbox.put(self.clock.now(), plan)
        self.listen(0)

    def forget(self) -> None:
        """Nothing that was planned may come any more."""
        self.expected.clear()
        self.ordered = True

    def listen(self, seconds: float) -> None:
        began_s = self.clock.now()
        self.calm = all(self.due_s(each) >= began_s - SLACK_S for each in self.expected)
        heard = self.player.listen_until(began_s + seconds, at_once=False)
        assert heard is not None
        for note in heard.notes:
            self.hear(note.event)
        self.overdue(began_s)

    def overdue(self, began_s: float) -> None:
        """What is due has been sent, but for beginnings that were late."""
        now_s, left = self.clock.now(), []
        waiting = min((each.tick for each in self.expected if self.due_s(each) > now_s + SLACK_S), default=inf)
        for each in self.expected:
            begins = isinstance(each.event, NoteOn)
            if each.tick >= waiting or (begins and self.due_s(each) >= now_s - SLACK_S):
                # Something before it is not due, as where another tempo reaches back, or it is an ulp later itself:
                left.append(each)  # it has to come when listening goes on
            elif begins:
                late_s = max(began_s, now_s if not self.calm else began_s) - self.due_s(each)
                assert late_s > SLACK_S, f"{each} was not played"
        self.expected = left

    # --- what comes of it

    def hear(self, event: NoteEvent) -> None:
        """Beginnings and ends alternate."""
        assert (event.pitch in self.keys.down) == isinstance(event, NoteOff)
        self.keys.down ^= {event.pitch}

    def sent(self, message: bytes, listener: Listener) -> None:
        now_s = self.clock.now()
        assert now_s >= self.now_s
        if now_s > self.now_s:
            self.now_s, self.onsets_now = now_s, []
        if message is self.keys.arriving:
            assert listener is self.thru
            self.keys.passed.append(message)
            self.enter(self.theirs, message)
        elif listener is self.out and not self.passthrough.releases:
            self.sent_by_us(message, now_s)
        else:
            assert is_off(message) or message[0] >= 0xA0  # only what ends something
            assert not (is_off(message) and self.passthrough.releases) or self.theirs[message[0] & 0x0F, message[1]]
            self.enter(self.theirs, message)

    def enter(self, counted: Counter[tuple[int, int]], message: bytes) -> None:
        if not 0x80 <= message[0] < 0xF0:
            return
        channel = message[0] & 0x0F
        if is_on(message):
            counted[channel, message[1]] += 1
        elif is_off(message):
            counted[channel, message[1]] = max(0, counted[channel, message[1]] - 1)
            if self.thru is self.out:  # one end is heard as the end of both
                self.ours[channel, message[1]] = 0
        elif message[0] & 0xF0 == CONTROL and message[1] in (120, 123, 124, 125, 126, 127):
            for each in [counted] if self.thru is not self.out else [self.ours, self.theirs]:
                for key in [key for key in each if key[0] == channel]:
                    del each[key]

    def sent_by_us(self, message: bytes, now_s: float) -> None:
        key = message[0] & 0x0F, message[1]
        if is_on(message):
            if self.ours[key]:  # held over by a note of the player's, or never
                assert self.thru is self.out
                assert self.theirs[key]
            self.ours[key] = 1
            self.begun_by_us.add(key)
            self.began(message, now_s)
            self.onsets_now.append(key)
        elif is_off(message):
            told = self.silenced_s == now_s  # first with one message, then each note by itself
            known = self.thru is self.out and key in self.begun_by_us  # it may have ended with the other
            assert self.ours[key] or told or known
            self.ours[key] = 0
            self.begun_by_us.discard(key)
            self.ended(key, now_s)
        else:
            self.enter(self.ours, message)
            if message[0] & 0xF0 == CONTROL and message[1] == ALL_SOUND_OFF:
                self.silenced_s = now_s
                self.begun_by_us = {(channel, pitch) for channel, pitch in self.begun_by_us if channel != key[0]}

    def began(self, message: bytes, now_s: float) -> None:
        """It was planned, its time has come, and not long ago."""
        channel, pitch, velocity = message[0] & 0x0F, message[1], message[2]
        for each in self.expected:
            if isinstance(each.event, NoteOn) and (
                each.event.part.channel,
                each.event.pitch,
                each.event.velocity,
            ) == (
                channel,
                pitch,
                velocity,
            ):
                late_s = now_s - self.due_s(each)
                assert -SLACK_S <= late_s <= self.transport.step_s / 2 + SLACK_S
                self.expected.remove(each)
                return
        raise AssertionError(f"{message.hex(' ')} was not asked for")

    def ended(self, key: tuple[int, int], now_s: float) -> None:
        """What was planned to end now ended before anything began now, except to begin again at once."""
        planned = [each for each in self.expected if isinstance(each.event, NoteOff)]
        planned = [each for each in planned if (each.event.part.channel, each.event.pitch) == key]
        if self.calm and self.ordered and any(abs(self.due_s(each) - now_s) <= SLACK_S for each in planned):
            assert not [other for other in self.onsets_now if other != key] or key in self.onsets_now


class Wire:
    """A sink that the desk watches."""

    def __init__(self, desk: Desk, listener: Listener) -> None:
        self._desk, self._listener = desk, listener

    def send(self, message: bytes) -> None:
        self._desk.sent(message, self._listener)
        self._listener.send(message)


def orphaned(at_s: float) -> Desk:
    """A chord that is not ended and a line, planned for a bar, until the engine dies in the middle of a note."""
    desk = Desk("none")
    chord = Placed(0, NoteOn(Part.CHORDS, 43, 80))
    desk.play(Plan(0, in_order([chord, *notes((0, 1, 60), (2, 3, 62), (4, 5, 64), (9, 10, 65))]), QUICK, steps=8))
    desk.listen(at_s)
    desk.inbox.put(desk.clock.now(), Gone(desk.clock.now(), engine=True))
    return desk
