"""The player on simulated time, judged by synthesisers: whatever is planned, played, pulled out or slept through."""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, pi, sin

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from improv.midi.controller_filter import ControllerFilter, PassOn
from improv.midi.messages import ALL_NOTES_OFF, ALL_SOUND_OFF, CONTROL
from improv.midi.parser import Gone, Incoming
from improv.midi.passthrough import Passthrough
from improv.midi.player import Player
from improv.midi.sources import Arrival
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteEvent, NoteOff, NoteOn, Placed, Timed, Volume, in_order
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.theory import TICKS_PER_STEP
from improv.music.transport import Transport
from improv.protocol.commands import Panic, Press, Quit
from improv.protocol.heard import Heard
from tests.midi.synth import Synth

OURS = (Part.MELODY, Part.CHORDS, Part.DRUMS)
SLACK_S = 1e-9


class Inbox:
    """A source of anything, each thing at its time."""

    def __init__(self) -> None:
        self._arrivals: list[tuple[float, int, Arrival]] = []
        self._order = itertools.count()

    def put(self, time_s: float, *arrivals: Arrival) -> None:
        for arrival in arrivals:
            heapq.heappush(self._arrivals, (time_s, next(self._order), arrival))

    def poll(self, now_s: float) -> list[Arrival]:
        due = []
        while self._arrivals and self._arrivals[0][0] <= now_s:
            due.append(heapq.heappop(self._arrivals)[2])
        return due

    def next_poll_s(self, now_s: float) -> float:
        return self._arrivals[0][0] if self._arrivals else inf


class Listener:
    """A sink that keeps what came and when, and a synthesiser that plays it."""

    def __init__(self, clock: SimulatedClock, *, counts: bool = True) -> None:
        self._clock = clock
        self.synth = Synth(counts=counts)
        self.sent: list[tuple[float, bytes]] = []

    def send(self, message: bytes) -> None:
        self.sent.append((self._clock.now(), message))
        self.synth.send(message)

    @property
    def messages(self) -> list[bytes]:
        return [message for _, message in self.sent]

    def onsets(self) -> list[tuple[float, int]]:
        return [(round(at, 6), message[1]) for at, message in self.sent if is_on(message)]


def is_on(message: bytes) -> bool:
    return message[0] & 0xF0 == 0x90 and message[2] > 0


def is_off(message: bytes) -> bool:
    return message[0] & 0xF0 == 0x80 or (message[0] & 0xF0 == 0x90 and message[2] == 0)


def control(channel: int, controller: int, value: int = 0) -> bytes:
    return bytes((CONTROL | channel, controller, value))


def notes(*events: tuple[float, float, int], part: Part = Part.MELODY) -> tuple[Placed, ...]:
    """Notes of ours as (begin, end, pitch), in steps."""
    placed = [Placed(int(begin * 6), NoteOn(part, pitch, 80)) for begin, _, pitch in events]
    return in_order([*placed, *(Placed(int(end * 6), NoteOff(part, pitch)) for _, end, pitch in events)])


QUICK = Transport(0, 0.0, 120)
"""An eighth lasts a quarter of a second and step 0 sounds at 0 s."""


# --- anything, in any order ---------------------------------------------------------------------------


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
        self.arriving = b""
        """The message that is arriving, known again by identity."""
        self.passed: list[bytes] = []
        self.ours: Counter[tuple[int, int]] = Counter()
        self.theirs: Counter[tuple[int, int]] = Counter()
        self.down: set[int] = set()
        self.known: set[int] = set()
        """The pitches of keys that came without MIDI, and know of no channel."""
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
            if not isinstance(placed.event, Volume)
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
        assert (event.pitch in self.down) == isinstance(event, NoteOff)
        self.down ^= {event.pitch}

    def sent(self, message: bytes, listener: Listener) -> None:
        now_s = self.clock.now()
        assert now_s >= self.now_s
        if now_s > self.now_s:
            self.now_s, self.onsets_now = now_s, []
        if message is self.arriving:
            assert listener is self.thru
            self.passed.append(message)
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
        """Somebody planned it, its time has come, and not long ago."""
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


few_pitches = st.sampled_from([48, 60, 62, 67])
times_s = st.sampled_from([0.0, 0.001, 0.02, 0.1, 0.25, 0.5, 1.0, 3.0])
tempos = st.sampled_from([20.0, 60.0, 97.3, 120.0, 400.0])
data_bytes = st.integers(0, 127)
channels = st.sampled_from([0, 0, 1, 2, 9, 15])
planned_notes = st.tuples(
    st.sampled_from([0, 1, 3, 6, 6, 9, 12, 12, 18, 24, 40]), st.sampled_from(OURS), few_pitches, st.booleans()
)
_ANNOUNCING = (6, 100, 101)  # zones have tests of their own


def channel_messages() -> st.SearchStrategy[bytes]:
    key_or_pitch = few_pitches | data_bytes
    controllers = (st.sampled_from([1, 7, 32, 64, 66, 67, 121, 122, 124]) | data_bytes).filter(
        lambda controller: controller not in _ANNOUNCING and controller != ALL_SOUND_OFF
    )
    return st.one_of(
        st.builds(lambda c, k, v: bytes((0x90 | c, k, v)), channels, key_or_pitch, data_bytes),
        st.builds(lambda c, k, v: bytes((0x80 | c, k, v)), channels, key_or_pitch, data_bytes),
        st.builds(lambda c, n, v: bytes((0xB0 | c, n, v)), channels, controllers, data_bytes),
        st.builds(lambda c, k, v: bytes((0xA0 | c, k, v)), channels, key_or_pitch, data_bytes),
        st.builds(lambda c, v: bytes((0xD0 | c, v)), channels, data_bytes),
        st.builds(lambda c, v: bytes((0xC0 | c, v)), channels, data_bytes),
        st.builds(lambda c, a, b: bytes((0xE0 | c, a, b)), channels, data_bytes, data_bytes),
        st.sampled_from([b"\xf0\x7e\x7f\x06\x01\xf7", b"\xf2\x00\x01", b"\xfa", b"\xf3\x04"]),
    )


class Playing(RuleBasedStateMachine):
    """A player at a desk where anything may happen."""

    @initialize(thru=st.sampled_from(["none", "same", "separate"]))
    def sit_down(self, thru: str) -> None:
        self.desk = Desk(thru)
        self.velocity = 0
        self.silenced_s = -inf

    def placed(self, step: int, events: list[tuple[int, Part, int, bool]]) -> list[Placed]:
        found = []
        for tick, part, pitch, on in events:
            self.velocity = self.velocity % 127 + 1  # tells one onset from another
            event = NoteOn(part, pitch, self.velocity) if on else NoteOff(part, pitch)
            found.append(Placed(step * TICKS_PER_STEP + tick, event))
        return found

    @rule(
        ahead=st.integers(-3, 6),
        events=st.lists(planned_notes, min_size=1, max_size=12),
        ordered=st.sampled_from([True] * 4 + [False]),
        then_s=times_s,
    )
    def plan(self, ahead: int, events: list[tuple[int, Part, int, bool]], ordered: bool, then_s: float) -> None:
        desk = self.desk
        step = desk.transport.step_at(desk.clock.now()) + ahead
        placed = self.placed(step, events)
        desk.play(Plan(step, in_order(placed) if ordered else tuple(placed), desk.transport, steps=7))
        desk.listen(then_s)

    @rule(ahead=st.integers(0, 3), bpm=tempos, swing=st.sampled_from([0.5, 0.67, 0.75]), events=st.lists(planned_notes))
    def plan_at_another_tempo(
        self, ahead: int, bpm: float, swing: float, events: list[tuple[int, Part, int, bool]]
    ) -> None:
        desk = self.desk
        step = desk.transport.step_at(desk.clock.now()) + ahead
        transport = replace(desk.transport.with_bpm(bpm, from_step=step), swing=swing)
        desk.play(Plan(step, in_order(self.placed(step, events)), transport))

    @rule(seconds=times_s)
    def go_on(self, seconds: float) -> None:
        self.desk.listen(seconds)

    @rule(messages=st.lists(channel_messages(), min_size=1, max_size=8))
    def messages(self, messages: list[bytes]) -> None:
        for message in messages:
            self.arrives(bytes(bytearray(message)))

    @rule(keys=st.lists(st.tuples(channels, few_pitches, st.sampled_from([0, 80, 80])), min_size=1, max_size=8))
    def keys(self, keys: list[tuple[int, int, int]]) -> None:
        for channel, pitch, velocity in keys:
            self.arrives(bytes((0x90 | channel, pitch, velocity)))

    def arrives(self, message: bytes) -> None:
        desk, player = self.desk, self.desk.player
        now_s = desk.clock.now()
        desk.arriving = message
        swallowed, passed = player.loop_detector.swallowed, len(desk.passed)
        desk.inbox.put(now_s, Incoming(now_s, message))
        desk.listen(0)
        ours = player.loop_detector.swallowed > swallowed or player.loop_detector.looped(now_s)
        expected = [message] if desk.thru is not None and not ours else []
        assert desk.passed[passed:] == expected
        assert all(one is other for one, other in zip(desk.passed[passed:], expected, strict=True))

    @rule(pitch=few_pitches, on=st.booleans())
    def note_without_bytes(self, pitch: int, on: bool) -> None:
        desk = self.desk
        event = NoteOn(Part.YOU, pitch, 80) if on else NoteOff(Part.YOU, pitch)
        desk.known.add(pitch)
        desk.inbox.put(desk.clock.now(), Timed(desk.clock.now(), event))
        desk.listen(0)

    @rule(mode=st.sampled_from([ALL_NOTES_OFF, 124, 125, 126, 127]))
    def last_key_up(self, mode: int) -> None:
        """Many keyboards say all notes off whenever no key is down any more, each on its channel."""
        swallowed = self.desk.player.loop_detector.swallowed
        for channel in range(16):
            self.arrives(control(channel, mode))
        assert self.desk.down <= self.desk.known or self.desk.player.loop_detector.swallowed > swallowed

    @rule(data=st.data())
    def silence(self, data: st.DataObject) -> None:
        """One rule for all that ends everything, so that there is music in between."""
        channel = data.draw(channels)
        jump_s = data.draw(st.sampled_from([3.0, 60.0, 3600.0, 8 * 3600.0]))
        after_s = data.draw(st.floats(0.0, 0.5))
        ways: list[Callable[[], None]] = [
            self.panic,
            lambda: self.panic_from_the_keyboard(channel),
            self.engine_gone,
            self.stop,
            lambda: self.be_stopped(after_s, jump_s),
            lambda: self.close_the_lid(jump_s),
        ]
        ways[data.draw(st.integers(0, len(ways) - 1))]()

    def ends(self) -> None:
        """Everything that sounded has ended, wherever it did."""
        assert self.desk.out.synth.at_rest
        assert self.desk.apart.synth.at_rest
        self.silenced_s = self.desk.clock.now()

    def panic(self) -> None:
        self.desk.forget()
        self.desk.inbox.put(self.desk.clock.now(), Panic())
        self.desk.listen(0)
        self.ends()

    def panic_from_the_keyboard(self, channel: int) -> None:
        desk = self.desk
        quiet = desk.player.ledger.empty and desk.player.passthrough.ledger.empty
        met = quiet and desk.clock.now() <= self.silenced_s + 0.5
        swallowed, expected = desk.player.loop_detector.swallowed, list(desk.expected)
        desk.forget()
        if met:
            desk.expected = expected
        message = control(channel, ALL_SOUND_OFF)
        desk.inbox.put(desk.clock.now(), Incoming(desk.clock.now(), message))
        desk.arriving = message
        if desk.player.loop_detector.looped(desk.clock.now()):
            desk.expected = expected
        desk.listen(0)
        if not met and desk.player.loop_detector.swallowed == swallowed:
            self.ends()

    def engine_gone(self) -> None:
        """What it has planned is played, and then what it began is over; what the player holds goes on."""
        desk = self.desk
        theirs = desk.player.passthrough.ledger.ends()
        end = desk.player.schedule._planned_to
        desk.expected = [each for each in desk.expected if each.tick < end]
        desk.inbox.put(desk.clock.now(), Gone(desk.clock.now(), engine=True))
        desk.listen(0)
        while (due_s := desk.player.next_due_s()) < inf:
            desk.listen(max(0.0, due_s - desk.clock.now()))
        assert desk.player.passthrough.ledger.ends() == theirs
        if desk.thru is desk.out:
            for message in theirs:
                desk.out.send(message)
                desk.enter(desk.theirs, message)
            desk.player.passthrough.ledger.clear()
        assert desk.out.synth.at_rest

    @rule()
    def instrument_gone(self) -> None:
        desk = self.desk
        desk.inbox.put(desk.clock.now(), Gone(desk.clock.now()))
        desk.listen(0)
        assert not desk.down
        assert not desk.player.held_pitches
        if desk.thru is not None:
            assert not +desk.theirs
            assert not desk.thru.synth.pedals
        assert desk.apart.synth.at_rest

    @rule(seconds=st.floats(0.001, 0.9))
    def be_late(self, seconds: float) -> None:
        """Others took the time; nobody was listening."""
        self.desk.clock.oversleep(seconds)
        self.desk.listen(0)

    @rule(after_s=st.floats(0.0, 0.5), seconds=st.floats(0.001, 0.4))
    def oversleep_a_little(self, after_s: float, seconds: float) -> None:
        desk, gaps = self.desk, self.desk.player.gaps.count
        desk.clock.at(desk.clock.now() + after_s, lambda: desk.clock.oversleep(seconds))
        began_s = desk.clock.now()
        desk.calm = False
        heard = desk.player.listen_until(began_s + 0.5, at_once=False) or Heard()
        assert not heard.commands
        self.let_go(heard.notes)
        desk.expected = [each for each in desk.expected if desk.due_s(each) > began_s + 0.5 - SLACK_S]
        assert desk.player.gaps.count == gaps

    def let_go(self, heard: Sequence[Timed]) -> None:
        """Keys that have been down for too long end, and nothing else is heard."""
        for note in heard:
            assert isinstance(note.event, NoteOff)
            self.desk.hear(note.event)

    def be_stopped(self, after_s: float, seconds: float) -> None:
        """The machine stood still while we waited: what was pending then never comes."""
        desk, gaps = self.desk, self.desk.player.gaps.count

        def stop() -> None:
            desk.clock.oversleep(seconds)
            desk.forget()

        desk.clock.at(desk.clock.now() + after_s, stop)
        desk.calm = False
        heard = desk.player.listen_until(desk.clock.now() + 0.5, at_once=False) or Heard()
        self.let_go(heard.notes)
        assert desk.player.gaps.count == gaps + 1
        assert desk.player.next_due_s() == inf
        self.ends()

    def close_the_lid(self, seconds: float) -> None:
        desk, gaps = self.desk, self.desk.player.gaps.count
        desk.clock.suspend(seconds)
        desk.forget()
        desk.listen(0)
        assert desk.player.gaps.count == gaps + 1
        self.ends()

    def stop(self) -> None:
        """The player leaves, and another sits down at the same instruments."""
        desk = self.desk
        desk.forget()
        with desk.player:
            desk.inbox.put(desk.clock.now(), Quit())
            assert desk.player.listen_until(desk.clock.now() + 1, at_once=False) is None
            assert desk.player.listen_until(inf) is None  # and stays away
        self.ends()
        desk.sit_down()
        desk.down.clear()

    @invariant()
    def what_sounds_is_in_the_ledgers(self) -> None:
        if not hasattr(self, "desk"):
            return
        player, synth = self.desk.player, self.desk.out.synth
        if self.desk.thru is self.desk.out:
            assert set(synth.keys) <= player.ledger.sounding | player.passthrough.ledger.sounding
        else:
            assert set(synth.keys) == player.ledger.sounding
            assert set(self.desk.apart.synth.keys) == player.passthrough.ledger.sounding
        assert player.held_pitches == self.desk.down

    @precondition(lambda self: hasattr(self, "desk"))
    @invariant()
    def the_books_balance(self) -> None:
        assert min(self.desk.ours.values(), default=0) >= 0
        assert min(self.desk.player.onsets.count, 1 << 14) == sum(1 for _ in self.desk.player.onsets)


TestPlaying = Playing.TestCase
TestPlaying.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_what_is_due_an_ulp_after_listening_comes_when_listening_goes_on() -> None:
    desk = Desk("none")
    desk.play(Plan(2, notes((2, 3, 48)), desk.transport))
    for _ in range(10):
        desk.listen(0.1)
    assert desk.clock.now() < 1.0  # ten tenths in floats
    assert desk.out.onsets() == []
    desk.listen(0.1)
    assert desk.out.onsets() == [(1.0, 48)]


def test_an_end_that_is_planned_when_others_have_begun_at_its_time_comes_at_once() -> None:
    """And what is withdrawn by that plan is over, although it has only just begun."""
    desk = Desk("none")
    desk.play(Plan(5, notes((5, 8, 48), (6.5, 8, 60)), desk.transport))
    desk.listen(3.25)
    desk.play(Plan(6, (Placed(39, NoteOff(Part.MELODY, 48)),), desk.transport))
    assert [(at, message[:2]) for at, message in desk.out.sent] == [
        (2.5, b"\x90\x30"),
        (3.25, b"\x90\x3c"),
        (3.25, b"\x80\x3c"),
        (3.25, b"\x80\x30"),
    ]
    assert desk.out.synth.at_rest
    assert desk.player.ledger.empty


def test_a_note_of_ours_has_its_own_end_although_an_instrument_that_goes_has_ended_its_key() -> None:
    desk = Desk("same")
    desk.arriving = b"\x91\x43\x50"
    desk.inbox.put(0.0, Incoming(0.0, desk.arriving))
    desk.play(Plan(0, notes((0, 0, 67), (0, 8, 67), part=Part.CHORDS), desk.transport))
    desk.inbox.put(0.0, Gone(0.0))
    desk.listen(0)
    desk.play(Plan(0, (), desk.transport))  # what it has begun is withdrawn
    ons_and_offs = ["on" if is_on(message) else "off" for message in desk.out.messages]
    assert ons_and_offs == ["on", "on", "off", "on", "off", "off"]
    counting = Synth(counts=True)
    for message in desk.out.messages:
        counting.send(message)
    assert counting.at_rest
    assert desk.out.synth.at_rest


def test_while_what_is_sent_would_lie_there_nothing_begins_and_every_end_is_sent() -> None:
    """Afterwards nothing comes in a burst, and the music is where it is."""
    clock = SimulatedClock()
    out = Listener(clock)
    player = Player(clock, out, stalled=lambda: 0.4 < clock.now() < 1.3)
    player.play(Plan(0, notes(*((step, step + 2, 60 + step) for step in range(8))), QUICK, steps=8))
    player.listen_until(10, at_once=False)
    assert out.onsets() == [(0.0, 60), (0.25, 61), (1.5, 66), (1.75, 67)]
    assert player.schedule.dropped == 4
    assert out.synth.at_rest


# --- an engine that dies ------------------------------------------------------------------------------


def orphaned(at_s: float) -> Desk:
    """A chord that nobody ends and a line, planned for a bar, until the engine dies in the middle of a note."""
    desk = Desk("none")
    chord = Placed(0, NoteOn(Part.CHORDS, 43, 80))
    desk.play(Plan(0, in_order([chord, *notes((0, 1, 60), (2, 3, 62), (4, 5, 64), (9, 10, 65))]), QUICK, steps=8))
    desk.listen(at_s)
    desk.inbox.put(desk.clock.now(), Gone(desk.clock.now(), engine=True))
    return desk


def test_what_an_engine_has_planned_outlives_it_and_then_there_is_silence() -> None:
    """Each pending end stays in its place; what has none ends with the last step that was planned."""
    desk = orphaned(0.6)
    desk.forget()
    desk.expected = [Expected(24, NoteOn(Part.MELODY, 64, 80), QUICK)]
    desk.listen(10)
    assert desk.out.onsets() == [(0.0, 43), (0.0, 60), (0.5, 62), (1.0, 64)]
    assert [(round(at, 6), message[1]) for at, message in desk.out.sent if is_off(message)] == [
        (0.25, 60), (0.75, 62), (1.25, 64), (2.0, 43)
    ]  # fmt: skip
    assert desk.out.synth.at_rest
    assert desk.player.ledger.empty
    assert not desk.player.heard()


def test_another_engines_plan_takes_over_where_it_begins_however_often_it_is_planned_again() -> None:
    """It knows nothing of what sounds: all of it ends right before the new one's first notes."""
    desk = orphaned(0.6)
    desk.listen(0.1)
    desk.forget()
    for velocity in (70, 71):
        strikes = Placed(24, NoteOn(Part.CHORDS, 43, velocity)), Placed(24, NoteOn(Part.CHORDS, 47, velocity))
        desk.play(Plan(4, strikes, QUICK))
        desk.play(Plan(5, (), QUICK, steps=8))
        desk.listen(0.05)
    desk.listen(10)
    after = [(round(at, 6), message) for at, message in desk.out.sent if at > 0.6]
    assert after == [
        (0.75, b"\x80\x3e\x40"), (1.0, b"\x81\x2b\x40"), (1.0, b"\x91\x2b\x47"), (1.0, b"\x91\x2f\x47")
    ]  # fmt: skip
    assert desk.player.ledger.sounding == {(1, 43), (1, 47)}


def test_a_panic_ends_what_has_outlived_its_engine() -> None:
    desk = orphaned(0.6)
    desk.listen(0.1)
    desk.forget()
    desk.inbox.put(desk.clock.now(), Panic())
    desk.listen(10)
    assert desk.out.onsets()[-1] == (0.5, 62)
    assert desk.out.synth.at_rest


def test_a_key_without_midi_that_is_held_outlives_an_engine() -> None:
    clock = SimulatedClock()
    out, inbox = Listener(clock), Inbox()
    player = Player(clock, out, [inbox])
    player.play(Plan(0, notes((0, 20, 60)), QUICK, steps=8))
    inbox.put(0.5, Press(50, 80), Gone(0.5, engine=True))
    player.listen_until(10, at_once=False)
    assert player.ledger.sounding == {(2, 50)}


# --- pass-through (R20) -------------------------------------------------------------------------------


def player_at(
    clock: SimulatedClock, inbox: Inbox, thru: str = "none", *, counts: bool = False
) -> tuple[Player, Listener, Listener]:
    """A player, what its output hears, and what is heard where messages are passed on to."""
    out = Listener(clock, counts=counts)
    on = {"none": None, "same": out, "separate": Listener(clock)}[thru]
    return Player(clock, out, [inbox], thru=on), out, on or Listener(clock)


def phrases(chance: random.Random) -> Iterator[bytes]:
    """What controllers send: notes, wheels in 14 bits, parameters, patches, MPE zones and fingers, dumps, transport."""

    def value() -> int:
        return chance.randrange(128)

    while True:
        channel = chance.randrange(16)
        match chance.randrange(12):
            case 0 | 1 | 2:
                pitch = value()
                yield bytes((0x90 | channel, pitch, chance.randrange(1, 128)))
                yield from (bytes((0xA0 | channel, pitch, value())) for _ in range(chance.randrange(4)))
                yield chance.choice((bytes((0x80 | channel, pitch, value())), bytes((0x90 | channel, pitch, 0))))
            case 3:  # a wheel in 14 bits: coarse on 0..31, fine on 32..63
                wheel = chance.choice((1, 2, 7, 10, 11))
                yield from (control(channel, wheel, value()), control(channel, wheel + 32, value()))
            case 4 | 5:  # a parameter, registered or not, its value, and the null that ends it
                coarse, fine = chance.choice(((101, 100), (99, 98)))
                yield from (control(channel, coarse, value()), control(channel, fine, chance.randrange(6)))
                yield from (control(channel, 6, value()), control(channel, 38, value()))
                yield from (control(channel, coarse, 127), control(channel, fine, 127))
            case 6:  # bank and program
                yield from (control(channel, 0, value()), control(channel, 32, value()))
                yield bytes((0xC0 | channel, value()))
            case 7:
                yield from (bytes((0xE0 | channel, value(), value())) for _ in range(chance.randrange(1, 9)))
            case 8:
                yield from (bytes((0xD0 | channel, value())) for _ in range(chance.randrange(1, 9)))
            case 9:  # an MPE zone, and a finger on one of its members
                manager = chance.choice((0, 15))
                yield from (control(manager, 101, 0), control(manager, 100, 6), control(manager, 6, value() % 16))
                pitch = value()
                yield bytes((0xE0 | channel, value(), value()))
                yield from (control(channel, 74, value()), bytes((0x90 | channel, pitch, 1 + value() % 127)))
                yield from (bytes((0xD0 | channel, value())), bytes((0x80 | channel, pitch, value())))
            case 10:
                yield b"\xf0" + bytes(value() for _ in range(chance.randrange(20))) + b"\xf7"
            case 11:
                yield chance.choice((b"\xfa", b"\xfb", b"\xfc", b"\xff", b"\xf6", bytes((0xF2, value(), value()))))


def passes(messages: int, thru: str, chance: random.Random) -> None:
    """Play so many messages through a player that plays as well, a message each millisecond or so."""
    clock, inbox = SimulatedClock(), Inbox()
    player, out, on = player_at(clock, inbox, thru)
    came = phrases(chance)
    tune = notes(*((beat, beat + 0.5, 60 + beat) for beat in range(8)))
    for _ in range(-(-messages // 1000)):
        arrivals = [Incoming(clock.now() + index / 1000, next(came)) for index in range(1000)]
        for arrival in arrivals:
            inbox.put(arrival.time_s, arrival)
        player.play(Plan(0, tune, Transport(0, clock.now(), 240)))
        player.listen_until(clock.now() + 1, at_once=False)
        theirs = {id(arrival.message) for arrival in arrivals}
        long = [message for message in on.messages if id(message) in theirs and len(message) > 1]
        assert long == [arrival.message for arrival in arrivals if len(arrival.message) > 1]
        if thru == "separate":
            assert on.messages == [arrival.message for arrival in arrivals]
        assert player.onsets.count
        out.sent.clear()
        on.sent.clear()
    assert player.loop_detector.swallowed == 0
    player.silence()
    assert out.synth.at_rest
    assert on.synth.at_rest


@pytest.mark.parametrize("thru", ["separate", "same"])
def test_whatever_is_played_is_passed_on_byte_for_byte_and_in_order(thru: str) -> None:
    passes(20_000, thru, random.Random(20))


@pytest.mark.full
@pytest.mark.parametrize("thru", ["separate", "same"])
def test_a_million_messages_are_passed_on_byte_for_byte_and_in_order(thru: str) -> None:
    passes(1_000_000, thru, random.Random(21))


def test_a_synthesiser_that_counts_is_left_with_no_note_that_both_have_held() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, out, _ = player_at(clock, inbox, "same", counts=True)
    player.play(Plan(0, notes((0, 2, 60)), QUICK))
    inbox.put(0.1, Incoming(0.1, b"\x90\x3c\x50"))
    inbox.put(0.9, Incoming(0.9, b"\x80\x3c\x40"))
    player.listen_until(1.0, at_once=False)
    assert out.synth.silent


def test_ours_is_ended_before_it_is_struck_again_whoever_else_holds_the_key() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, out, _ = player_at(clock, inbox, "same")
    inbox.put(0.0, Incoming(0.0, b"\x90\x3c\x50"))
    player.listen_until(0.01, at_once=False)
    player.play(Plan(1, notes((1, 2, 60), (2, 3, 60), (3, 4, 60)), QUICK))
    player.listen_until(2.0, at_once=False)
    kinds = ["on" if is_on(message) else "off" for message in out.messages[1:] if is_on(message) or is_off(message)]
    assert "on on" not in " ".join(kinds)


def test_parts_that_a_zone_drives_away_do_not_meet_on_one_channel() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, out, _ = player_at(clock, inbox, "same", counts=True)
    for index, (controller, value) in enumerate(((101, 0), (100, 6), (6, 5))):
        inbox.put(index / 1000, Incoming(index / 1000, control(0, controller, value)))
    player.listen_until(0.1, at_once=False)
    player.play(Plan(1, in_order([*notes((1, 4, 60)), *notes((2, 3, 60), part=Part.CHORDS)]), QUICK))
    sounding = []
    for step in (1, 2, 3):
        player.listen_until(step * 0.25 + 0.1, at_once=False)
        sounding.append(out.synth.keys.total())
        assert max(out.synth.keys.values(), default=0) <= 1
    assert sounding == [1, 2, 1]


# --- time that nobody waited for (R14) ------------------------------------------------------------------


@pytest.mark.parametrize("thru", ["none", "same", "separate"])
@pytest.mark.parametrize("jump_s", [3.0, 60.0, 3600.0, 8 * 3600.0])
@pytest.mark.parametrize("asleep", [True, False], ids=["lid closed", "stopped"])
def test_after_a_gap_nothing_that_was_pending_comes(thru: str, jump_s: float, asleep: bool) -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, out, on = player_at(clock, inbox, thru)
    dense = notes(*((step / 2, step / 2 + 1.5, 40 + step % 40) for step in range(400)))
    player.play(Plan(0, dense, QUICK))
    inbox.put(0.9, Incoming(0.9, b"\x92\x30\x50"), Incoming(0.9, control(2, 64, 127)))
    clock.at(2.06, lambda: clock.suspend(jump_s) if asleep else clock.oversleep(jump_s))
    player.listen_until(2.05, at_once=False)
    before = len(out.sent)
    assert out.synth.sounding
    player.listen_until(clock.now() + jump_s + 10, at_once=False)
    since = out.messages[before:]
    assert player.gaps.count == 1
    assert not [message for message in since if is_on(message)] or asleep
    assert sum(map(is_on, since)) <= 1  # what fell due as the lid was closed
    for channel in (0, 1, 9):  # the panic is sent
        assert control(channel, ALL_SOUND_OFF) in since
    assert sum(map(is_off, since)) <= 6  # an end for each voice and no more
    assert out.synth.at_rest
    assert on.synth.at_rest


@pytest.mark.parametrize("late_s", [0.01, 0.124, 0.126, 0.3, 0.9])
def test_an_onset_is_late_by_half_a_step_at_most_and_otherwise_left_out(late_s: float) -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, out, _ = player_at(clock, inbox)
    player.play(Plan(0, notes(*((step, step + 1, 60 + step) for step in range(12))), QUICK))
    player.listen_until(0.9, at_once=False)
    clock.oversleep(0.1 + late_s)  # from the onset at 1.0 on
    player.listen_until(5, at_once=False)
    due = {60 + step: step * 0.25 for step in range(12)}
    assert all(0 <= at - due[pitch] <= 0.125 for at, pitch in out.onsets())
    assert player.schedule.dropped == 12 - len(out.onsets())
    assert [pitch for _, pitch in out.onsets()] == sorted(pitch for _, pitch in out.onsets())
    assert out.synth.silent


# --- panic (R19) ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("thru", ["none", "same", "separate"])
def test_one_panic_silences_a_full_keyboard_and_every_pedal_at_once(thru: str) -> None:
    """128 notes of ours and, where they are passed on, 128 of the player's with all pedals down."""
    clock, inbox = SimulatedClock(), Inbox()
    player, out, on = player_at(clock, inbox, thru, counts=True)
    player.play(Plan(0, tuple(Placed(0, NoteOn(Part.MELODY, pitch, 80)) for pitch in range(128)), QUICK))
    theirs = [control(4, pedal, 127) for pedal in (64, 66, 67)]
    theirs += [bytes((0x94, pitch, 80)) for pitch in range(128)]
    inbox.put(0.1, *(Incoming(0.1, message) for message in theirs))
    player.listen_until(0.2, at_once=False)
    keys = sorted(out.synth.keys.elements())
    assert keys == [(0, pitch) for pitch in range(128)] + [(4, pitch) for pitch in range(128) if thru == "same"]
    before = {id(sink): len(sink.sent) for sink in (out, on)}
    inbox.put(0.3, Panic())
    player.listen_until(0.3, at_once=False)
    assert clock.now() == pytest.approx(0.3)
    assert out.synth.at_rest
    assert on.synth.at_rest
    sent = [
        (at, message) for sink in {id(out): out, id(on): on}.values() for at, message in sink.sent[before[id(sink)] :]
    ]
    assert {at for at, _ in sent} == {clock.now()}
    ours = 128 + 3 * 7  # each note; on each of our channels three pedals, 123, 120, 121 and the bend
    passed = 3 + 128 + 7  # three pedals, each note, and as much on their channel
    assert len(sent) == ours + (passed if thru != "none" else 0)


def test_panic_that_is_asked_for_by_the_keyboard_silences_and_is_heard_once() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, out, on = player_at(clock, inbox, "separate")
    player.play(Plan(0, notes((0, 100, 60)), QUICK))
    inbox.put(1.0, Incoming(1.0, b"\x95\x3c\x50"))
    inbox.put(2.0, *(Incoming(2.0, control(channel, ALL_SOUND_OFF)) for channel in range(16)))
    player.listen_until(1.5, at_once=False)
    heard = player.listen_until(3, at_once=False)
    assert heard is not None
    assert heard.commands == (Panic(),)
    assert out.synth.at_rest
    assert on.synth.at_rest


# --- our own come back (R8) -------------------------------------------------------------------------------


class Cable(Listener):
    """An output whose messages come in again after a while."""

    def __init__(
        self, clock: SimulatedClock, inbox: Inbox, delay_s: float, changed: Callable[[bytes], bytes] = bytes
    ) -> None:
        super().__init__(clock, counts=False)
        self._inbox, self._delay_s, self._changed = inbox, delay_s, changed
        self.plugged = True

    def send(self, message: bytes) -> None:
        super().send(message)
        if self.plugged:
            assert len(self.sent) < 20_000, "a storm"
            at = self._clock.now() + self._delay_s
            self._inbox.put(at, Incoming(at, self._changed(bytes(bytearray(message)))))


@dataclass
class Looped:
    """A player whose output comes in again, and what it has heard."""

    delay_s: float
    thru: bool
    changed: Callable[[bytes], bytes] = bytes

    def __post_init__(self) -> None:
        self.clock, self.inbox = SimulatedClock(), Inbox()
        self.cable = Cable(self.clock, self.inbox, self.delay_s, self.changed)
        self.player = Player(self.clock, self.cable, [self.inbox], thru=self.cable if self.thru else None)
        self.heard: list[Timed] = []
        self.found_s = inf

    def listen_until(self, time_s: float) -> None:
        while self.clock.now() < time_s - SLACK_S:
            heard = self.player.listen_until(min(time_s, self.clock.now() + 0.001), at_once=False)
            assert heard is not None
            self.heard += heard.notes
            if self.player.loop_detector.found and self.found_s == inf:
                self.found_s = self.clock.now()

    def strays(self, played: int) -> int:
        """Notes that were heard, or passed on, and nobody has played."""
        heard = sum(isinstance(note.event, NoteOn) for note in self.heard)
        passed = sum(map(is_on, self.cable.messages)) - self.player.onsets.count
        return max(heard, passed) - played


delays = pytest.mark.parametrize("delay_ms", [2, 5, 10, 20, 40])
BAR_OF_CHORDS = in_order(
    placed
    for bar in range(16)
    for pitch in (48, 52, 55, 58)
    for placed in notes((bar * 8, bar * 8 + 8, pitch), part=Part.CHORDS)
)
LINE = notes(*((step, step + 1, 60 + step * 5 % 13) for step in range(128)))


@delays
@pytest.mark.parametrize("thru", [True, False], ids=["thru", "no thru"])
def test_a_loop_is_found_while_we_play_and_lifted_when_the_cable_is_gone(delay_ms: int, thru: bool) -> None:
    desk = Looped(delay_ms / 1000, thru)
    desk.inbox.put(0.5, Incoming(0.5, b"\x92\x1e\x50"))  # a key that is held
    desk.cable.plugged = False
    desk.player.play(Plan(0, in_order([*BAR_OF_CHORDS, *LINE]), QUICK))
    desk.listen_until(1.9)
    assert desk.player.held_pitches == {30}
    desk.cable.plugged = True
    desk.listen_until(5)
    assert desk.found_s <= 2.2  # the first chord after it was plugged in sounds at 2.0
    assert desk.strays(1) <= 32
    assert desk.player.loop_detector.found == 1
    assert not desk.player.held_pitches  # the held key is over
    ends = [note.event for note in desk.heard if isinstance(note.event, NoteOff)]
    assert NoteOff(Part.YOU, 30) in ends
    assert desk.player.loop_detector.looped(desk.clock.now())
    desk.cable.plugged = False
    desk.listen_until(5 + desk.delay_s + 2.01)
    assert not desk.player.loop_detector.looped(desk.clock.now())
    before = len(desk.cable.sent)
    now_s = desk.clock.now()
    desk.inbox.put(now_s, Incoming(now_s, b"\x92\x20\x50"))
    desk.listen_until(now_s + 0.05)
    assert (b"\x92\x20\x50" in desk.cable.messages[before:]) == thru
    assert desk.player.held_pitches == {32}


@delays
def test_a_single_note_that_goes_round_for_ever_is_found(delay_ms: int) -> None:
    desk = Looped(delay_ms / 1000, True)
    desk.inbox.put(1.0, Incoming(1.0, b"\x92\x3c\x50"))
    desk.listen_until(1.9)
    assert desk.found_s - 1.0 <= 0.2
    assert desk.strays(1) <= 32
    assert len(desk.cable.sent) <= 32
    assert desk.cable.synth.silent


@delays
@pytest.mark.parametrize("size", [2, 5, 8, 10])
def test_a_cluster_that_goes_round_is_found(delay_ms: int, size: int) -> None:
    """Keys struck at once, each of them passed on again at every return until it is sure."""
    desk = Looped(delay_ms / 1000, True)
    desk.inbox.put(1.0, *(Incoming(1.0, bytes((0x92, 60 + key, 80))) for key in range(size)))
    desk.listen_until(1.9)
    assert desk.found_s - 1.0 <= 0.2
    assert desk.strays(size) <= 32
    assert desk.cable.synth.silent


@delays
@pytest.mark.parametrize("thru", [True, False], ids=["thru", "no thru"])
def test_a_panic_into_a_loop_comes_to_rest(delay_ms: int, thru: bool) -> None:
    """Our own silence comes back and asks for silence."""
    desk = Looped(delay_ms / 1000, thru)
    desk.inbox.put(1.0, Panic())
    desk.listen_until(5)
    sent = len(desk.cable.sent)
    assert sent <= 400
    desk.listen_until(8)
    assert len(desk.cable.sent) == sent


def test_a_line_of_single_notes_that_comes_back_is_found() -> None:
    """Two messages a step: too few of them fall into a moment to be sure."""
    desk = Looped(0.01, False)
    desk.player.play(Plan(0, LINE, QUICK))
    desk.listen_until(32)
    assert desk.strays(0) <= 32


def test_chords_that_come_back_over_a_slow_tempo_are_not_taken_for_the_players_again_and_again() -> None:
    desk = Looped(0.01, False)
    desk.player.play(Plan(0, BAR_OF_CHORDS, Transport(0, 0.0, 60)))
    desk.listen_until(64)
    assert desk.strays(0) <= 32


@pytest.mark.parametrize("delay_ms", [80, 150, 300, 500])
@pytest.mark.parametrize("thru", [True, False], ids=["thru", "no thru"])
def test_a_loop_through_a_daw_is_found_by_what_we_play(delay_ms: int, thru: bool) -> None:
    desk = Looped(delay_ms / 1000, thru)
    desk.player.play(Plan(0, in_order([*BAR_OF_CHORDS, *LINE]), QUICK))
    desk.listen_until(10)
    assert desk.found_s <= delay_ms / 1000 + 0.1
    assert desk.player.loop_detector.found == 1
    assert desk.strays(0) <= 32


def on_channel_five(message: bytes) -> bytes:
    return bytes((message[0] & 0xF0 | 4, *message[1:]))


@pytest.mark.parametrize("delay_ms", [5, 40, 300])
@pytest.mark.parametrize("thru", [True, False], ids=["thru", "no thru"])
def test_a_loop_that_has_one_channel_for_all_is_found(delay_ms: int, thru: bool) -> None:
    desk = Looped(delay_ms / 1000, thru, on_channel_five)
    desk.player.play(Plan(0, in_order([*BAR_OF_CHORDS, *LINE]), QUICK))
    desk.listen_until(16)
    assert desk.player.loop_detector.found == 1
    assert desk.strays(0) <= 32
    desk.cable.plugged = False
    desk.listen_until(20)
    assert not desk.player.loop_detector.looped(desk.clock.now())


@pytest.mark.parametrize("delay_ms", [2, 5, 20, 40, 120])
def test_a_knob_that_goes_round_is_found(delay_ms: int) -> None:
    """No note of ours or yours gives it away: there are ever more messages, and none is ever lost."""
    desk = Looped(delay_ms / 1000, True)
    for index in range(200):
        at = 1 + index / 100
        desk.inbox.put(at, Incoming(at, control(3, 20, index % 128)))
    desk.listen_until(8)
    assert desk.player.loop_detector.found == 1
    assert len(desk.cable.sent) < 1500
    sent = len(desk.cable.sent)
    desk.listen_until(9)
    assert len(desk.cable.sent) == sent


def repeated(per_s: float, length: float, count: int, *, pitch: int = 60, velocity: int = 100) -> list[Incoming]:
    """The same key again and again, down for a part of the time."""
    struck = [Incoming(index / per_s, bytes((0x90, pitch, velocity))) for index in range(count)]
    return struck + [Incoming((index + length) / per_s, bytes((0x80, pitch, 64))) for index in range(count)]


def streams() -> Iterator[tuple[str, list[Incoming]]]:
    """What sounds like a loop and is none: name and messages."""
    for per_s in (6, 8, 10, 12, 16, 20):
        yield f"a key {per_s} times a second", repeated(per_s, 0.5, 5 * per_s)
    roll = repeated(15, 0.1, 75, pitch=38, velocity=127)
    roll += [Incoming(each.time_s + 0.5 / 15, bytes((each.message[0], 40, each.message[2]))) for each in roll]
    yield "a drum roll of two sticks", roll
    yield "a drum roll on one pad", repeated(30, 0.1, 150, pitch=38, velocity=127)
    tremolo = repeated(8, 0.5, 40) + [
        Incoming(each.time_s + 1 / 16, bytes((each.message[0], 67, each.message[2]))) for each in repeated(8, 0.5, 40)
    ]
    yield "a tremolo of two keys", tremolo
    ramp = [Incoming(index / 200, bytes((0xD0, index % 128))) for index in range(1000)]
    yield "channel pressure that rises", ramp
    shaking = [Incoming(index / 100, bytes((0xD0, 64 + index % 2))) for index in range(500)]
    yield "channel pressure that trembles", shaking
    still = [Incoming(index / 100, bytes((0xA0, 60, 64))) for index in range(500)]
    yield "key pressure that stays", still
    fine = [
        Incoming(index / 100 + part / 1000, control(0, controller, value))
        for index in range(500)
        for part, (controller, value) in enumerate(((101, 0), (100, 1), (6, 64), (38, index % 128)))
    ]
    yield "a registered parameter turned slowly", fine
    yield from fingers()
    yield from machines()
    canon = random.Random(5)
    yield (
        "our line a beat later, by hand",
        [
            Incoming(
                on + canon.gauss(0.25, 0.012), bytes((status, pitch, canon.randint(60, 100) if status == 0x90 else 64))
            )
            for on, pitch in ((index * QUICK.step_s, 60 + index * 5 % 13) for index in range(40))
            for status, on in ((0x90, on), (0x80, on + 0.07))
        ],
    )


def fingers() -> Iterator[tuple[str, list[Incoming]]]:
    """What fingers of an MPE keyboard send: they are never quite still."""

    def gestures(channel: int, at: float, value: int) -> list[Incoming]:
        bend, slide = bytes((0xE0 | channel, value, 64)), control(channel, 74, value)
        return [Incoming(at, each) for each in (bytes((0xD0 | channel, value)), bend, slide)]

    dice = random.Random(3)
    three = [Incoming(index / 500, bytes((0xD1 + index % 3, 64 + index // 3 % 2))) for index in range(1500)]
    yield "three still fingers, pressure trembling by one", three
    placed = [Incoming(0.0, bytes((0x91 + finger, 60 + 4 * finger, 90))) for finger in range(3)]
    yield "three still fingers and their notes", placed + three
    yield (
        "three fingers trembling at random",
        [Incoming(index / 500, bytes((0xD1 + index % 3, 64 + dice.randint(-1, 1)))) for index in range(1500)],
    )
    ten: list[Incoming] = []
    for cycle in range(400):
        for finger in range(min(10, 1 + cycle // 30)):
            at = cycle / 100 + finger / 2000
            if cycle == 30 * finger:
                ten.append(Incoming(at, bytes((0x91 + finger, 60 + finger, 90))))
            ten += gestures(1 + finger, at, 64 + cycle % 2)
    yield "ten fingers, one after the other, pressure, bend and slide", ten
    drifting = [Incoming(index / 500, bytes((0xD1, 40 + index // 50 + index % 2))) for index in range(1500)]
    yield "a finger that presses harder and harder", drifting
    vibrato = [
        Incoming(index / 400, bytes((0xE1, 0, round(64 + 9 * sin(index / 400 * 2 * pi * 6))))) for index in range(1600)
    ]
    yield "vibrato on a wheel", vibrato
    sweep = [Incoming(index / 250, control(0, 1, abs((index * 3) % 254 - 127))) for index in range(1500)]
    yield "a wheel up and down", sweep


HIT = b"\x95\x26\x7f"


def roll_of_hits(begin_s: float) -> list[Incoming]:
    """Sticks on a pad that has one loudness and sends no ends."""
    return [Incoming(begin_s + index / 25, bytes(bytearray(HIT))) for index in range(100)]


def machines() -> Iterator[tuple[str, list[Incoming]]]:
    """What sequencers, arpeggiators and doubled cables send."""
    touching: list[Incoming] = []
    for index in range(64):  # the next note begins before the last one ends
        touching += [Incoming(index / 8, b"\x90\x3c\x64"), *([Incoming(index / 8, b"\x80\x3c\x40")] if index else [])]
    yield "sixteenths that touch, the same key", touching
    arpeggio = [
        Incoming((index + part / 2) / 12, bytes((0x90 - 0x10 * part, 60 + 4 * (index % 3), 100 - 36 * part)))
        for index in range(96)
        for part in (0, 1)
    ]
    yield "an arpeggio", arpeggio
    twice = [each for one in arpeggio for each in (one, Incoming(one.time_s + 0.001, bytes(bytearray(one.message))))]
    yield "a keyboard that is connected twice", twice
    growing: list[Incoming] = []
    for index in range(16 * 8):
        for voice in range(min(6, index // 16)):  # one more sound in each bar
            if index % 4 == voice % 4:
                growing += [
                    Incoming(index / 8 + 0.002 * voice, bytes((0x95, 40 + voice, 100))),
                    Incoming(index / 8 + 0.06 + 0.002 * voice, bytes((0x85, 40 + voice, 64))),
                ]
    yield "a pattern of four steps that is filled", growing
    yield "hits that never end", [Incoming(index / 12, b"\x95\x26\x7f") for index in range(96)]
    yield "and a roll of them", [*(Incoming(index / 4, HIT) for index in range(3)), *roll_of_hits(1.0)]


@pytest.mark.parametrize(
    ("stream", "thru"),
    [
        pytest.param(stream, thru, id=f"{name}, {thru}")
        for name, stream in streams()
        for thru in ("none", "separate", "same")
    ],
)
def test_what_a_musician_repeats_is_no_loop(stream: list[Incoming], thru: str) -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, _, on = player_at(clock, inbox, thru)
    player.play(Plan(0, LINE, QUICK))
    for incoming in sorted(stream, key=lambda each: each.time_s):
        inbox.put(incoming.time_s, incoming)
    player.listen_until(max(incoming.time_s for incoming in stream) + 1, at_once=False)
    assert (player.loop_detector.found, player.loop_detector.swallowed) == (0, 0)
    theirs = {id(incoming.message) for incoming in stream}
    assert sum(id(message) in theirs for message in on.messages) == (len(stream) if thru != "none" else 0)


def test_a_roll_on_a_pad_nobody_knows_costs_one_stroke_at_most() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, _, on = player_at(clock, inbox, "same")
    for incoming in roll_of_hits(1.0):
        inbox.put(incoming.time_s, incoming)
    player.listen_until(6, at_once=False)
    assert player.loop_detector.swallowed <= 1
    assert sum(message == HIT for message in on.messages) >= 99


KNOB, PAD, PATCH = bytes((0xB3, 20, 99)), bytes((0x99, 36, 80)), bytes((0xC0, 7))


@pytest.mark.parametrize(
    ("chosen", "message", "told", "passed"),
    [
        pytest.param(ControllerFilter(), KNOB, False, True, id="not chosen"),
        pytest.param(ControllerFilter(bound=frozenset({(0xB0, 20, -1)})), KNOB, True, False, id="bound"),
        pytest.param(ControllerFilter(bound=frozenset({(0xB0, 20, 3)})), KNOB, True, False, id="bound on its channel"),
        pytest.param(
            ControllerFilter(bound=frozenset({(0xB0, 20, 4)})), KNOB, False, True, id="bound on another channel"
        ),
        pytest.param(ControllerFilter(shared=frozenset({(0xB0, 20, -1)})), KNOB, True, True, id="shared"),
        pytest.param(ControllerFilter(learning=True), KNOB, True, True, id="learning"),
        pytest.param(ControllerFilter(bound=frozenset({(0x90, 36, 9)})), PAD, True, False, id="a pad"),
        pytest.param(
            ControllerFilter(bound=frozenset({(0x90, 36, 9)})), bytes((0x99, 36, 0)), False, True, id="a pad let go"
        ),
        pytest.param(ControllerFilter(bound=frozenset({(0x90, 36, 9)})), bytes((0x89, 36, 0)), False, True, id="or so"),
        pytest.param(ControllerFilter(bound=frozenset({(0xC0, 7, -1)})), PATCH, True, False, id="a patch"),
        pytest.param(ControllerFilter(learning=True), bytes((0xE0, 0, 64)), False, True, id="a bend is no knob"),
    ],
)
def test_knobs_reach_the_daemon_and_are_passed_on_or_not(
    chosen: ControllerFilter, message: bytes, told: bool, passed: bool
) -> None:
    clock, inbox = SimulatedClock(), Inbox()
    out, apart = Listener(clock), Listener(clock)
    with Player(clock, out, [inbox], thru=apart) as player:
        inbox.put(0.1, chosen)
        inbox.put(0.2, Incoming(0.2, message))
        player.listen_until(0.3, at_once=False)
        assert player.controllers.take() == ([(0.2, message)] if told else [])
        assert (message in apart.messages) is passed
        assert player.controllers.take() == []


def test_passing_on_is_turned_off_and_on() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    out, apart = Listener(clock), Listener(clock)
    with Player(clock, out, [inbox], thru=apart, passes_on=False) as player:
        for at, pitch, on in ((0.1, 60, True), (0.3, 64, False), (0.5, 67, True)):
            inbox.put(at, Incoming(at, bytes((0x90, pitch, 80))))
            inbox.put(at + 0.1, PassOn(on))
        player.listen_until(0.7, at_once=False)
        assert [message[1] for message in apart.messages if is_on(message)] == [64]
        assert apart.synth.at_rest  # what was passed on ended when passing on did


def test_a_flood_of_knobs_is_bounded_and_the_last_place_is_kept() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    with Player(clock, Listener(clock), [inbox]) as player:
        inbox.put(0.1, ControllerFilter(bound=frozenset({(0xB0, 20, -1)})))
        inbox.put(0.2, *(Incoming(0.2, bytes((0xB0, 20, value % 128))) for value in range(10_000)))
        player.listen_until(0.3, at_once=False)
        turned = player.controllers.take()
    assert len(turned) < 100
    assert turned[-1][1] == bytes((0xB0, 20, 9_999 % 128))


def test_a_pedal_that_is_bound_while_it_is_down_comes_up() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    apart = Listener(clock)
    with Player(clock, Listener(clock), [inbox], thru=apart) as player:
        inbox.put(0.1, Incoming(0.1, bytes((0xB0, 64, 127))))
        inbox.put(0.2, ControllerFilter(bound=frozenset({(0xB0, 64, -1)})))
        inbox.put(0.3, Incoming(0.3, bytes((0xB0, 64, 0))))
        player.listen_until(0.4, at_once=False)
        assert apart.messages == [bytes((0xB0, 64, 127)), bytes((0xB0, 64, 0))]
        assert player.passthrough.ledger.empty


def test_a_key_without_midi_is_heard_and_sounds_whether_what_arrives_is_passed_on_or_not() -> None:
    for thru in ("none", "same", "apart"):
        clock = SimulatedClock()
        inbox, out, apart = Inbox(), Listener(clock), Listener(clock)
        passes = {"none": None, "same": out, "apart": apart}[thru]
        with Player(clock, out, [inbox], thru=passes) as player:
            inbox.put(0.0, Press(60, 90))
            inbox.put(0.1, Press(60, 70))
            inbox.put(0.2, Press(64, 1))
            inbox.put(0.3, Press(60, 0))
            inbox.put(0.4, Press(67, 0))
            heard = player.listen_until(0.5, at_once=False) or Heard()
            assert player.held_pitches == {64}
        on, off, channel = 0x90, 0x80, Part.YOU.channel
        assert [message for message in out.messages if message[0] & 0xF0 in (on, off)] == [
            bytes((on | channel, 60, 90)),
            bytes((off | channel, 60, 64)),
            bytes((on | channel, 60, 70)),
            bytes((on | channel, 64, 1)),
            bytes((off | channel, 60, 64)),
            bytes((off | channel, 64, 64)),
        ]
        assert out.synth.at_rest
        assert not [message for message in apart.messages if is_on(message)]
        assert [note.event for note in heard.notes] == [
            NoteOn(Part.YOU, 60, 90),
            NoteOff(Part.YOU, 60),
            NoteOn(Part.YOU, 60, 70),
            NoteOn(Part.YOU, 64, 1),
            NoteOff(Part.YOU, 60),
        ]


def test_a_panic_lets_every_key_go() -> None:
    clock = SimulatedClock()
    inbox, out = Inbox(), Listener(clock)
    with Player(clock, out, [inbox]) as player:
        inbox.put(0.0, Press(60, 90), Incoming(0.0, bytes((0x90, 64, 90))))
        inbox.put(0.1, Panic())
        inbox.put(0.2, Press(60, 0), Incoming(0.2, bytes((0x80, 64, 64))))
        heard = player.listen_until(0.3, at_once=False) or Heard()
        assert not player.held_pitches
    assert [note.event for note in heard.notes] == [
        NoteOn(Part.YOU, 60, 90),
        NoteOn(Part.YOU, 64, 90),
        NoteOff(Part.YOU, 60),
        NoteOff(Part.YOU, 64),
    ]
    assert heard.commands == (Panic(),)


def test_a_key_whose_end_was_lost_is_let_go_after_four_bars() -> None:
    clock = SimulatedClock()
    inbox, out = Inbox(), Listener(clock)
    with Player(clock, out, [inbox], thru=out) as player:
        player.play(Plan(0, (), Transport(0, 0.0, 240)))
        inbox.put(1.0, Incoming(1.0, b"\x90\x3c\x50"))
        player.listen_until(4.9, at_once=False)
        assert player.held_pitches == {60}
        heard = player.listen_until(6, at_once=False) or Heard()
        assert [(note.time_s, note.event) for note in heard.notes] == [(5.0, NoteOff(Part.YOU, 60))]
        assert out.synth.keys == Counter({(0, 60): 1})  # what is passed on is never changed


def test_a_synth_is_left_as_loud_as_it_was() -> None:
    clock = SimulatedClock()
    out = Listener(clock)
    with Player(clock, out) as player:
        levels = (Volume(Part.MELODY, 30), Volume(Part.CHORDS, 0), Volume(Part.DRUMS, 100))
        player.play(Plan(0, tuple(Placed(0, level) for level in levels), Transport(0, 0.0, 120)))
        player.listen_until(0.1)
        inbox_before = len(out.messages)
        player.silence()
        assert not [message for message in out.messages[inbox_before:] if message[1] == 7]  # a panic changes no level
    volumes = [message for message in out.messages if message[0] & 0xF0 == CONTROL and message[1] == 7]
    channels = [part.channel for part in (Part.MELODY, Part.CHORDS, Part.DRUMS)]
    told = [control(channel, 7, level) for channel, level in zip(channels, (30, 0, 100), strict=True)]
    assert volumes == [*told, control(channels[0], 7, 100), control(channels[1], 7, 100)]
