"""The player on simulated time: whatever is planned, played, pulled out or slept through, in any order."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from improv.midi.messages import ALL_NOTES_OFF, ALL_SOUND_OFF
from improv.midi.parser import Gone, Incoming
from improv.music.notes import NoteOff, NoteOn, Placed, Timed, in_order
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.theory import TICKS_PER_STEP
from improv.protocol.commands import Panic, Quit
from improv.protocol.heard import Heard
from tests.midi.desk import OURS, Desk
from tests.midi.listeners import SLACK_S, control

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
        desk.keys.arriving = message
        swallowed, passed = player.loop_detector.swallowed, len(desk.keys.passed)
        desk.inbox.put(now_s, Incoming(now_s, message))
        desk.listen(0)
        ours = player.loop_detector.swallowed > swallowed or player.loop_detector.in_loop(now_s)
        expected = [message] if desk.thru is not None and not ours else []
        assert desk.keys.passed[passed:] == expected
        assert all(one is other for one, other in zip(desk.keys.passed[passed:], expected, strict=True))

    @rule(pitch=few_pitches, on=st.booleans())
    def note_without_bytes(self, pitch: int, on: bool) -> None:
        desk = self.desk
        event = NoteOn(Part.YOU, pitch, 80) if on else NoteOff(Part.YOU, pitch)
        desk.keys.known.add(pitch)
        desk.inbox.put(desk.clock.now(), Timed(desk.clock.now(), event))
        desk.listen(0)

    @rule(mode=st.sampled_from([ALL_NOTES_OFF, 124, 125, 126, 127]))
    def last_key_up(self, mode: int) -> None:
        """Many keyboards say all notes off whenever no key is down any more, each on its channel."""
        swallowed = self.desk.player.loop_detector.swallowed
        for channel in range(16):
            self.arrives(control(channel, mode))
        assert self.desk.keys.down <= self.desk.keys.known or self.desk.player.loop_detector.swallowed > swallowed

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
        desk.keys.arriving = message
        if desk.player.loop_detector.in_loop(desk.clock.now()):
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
        assert not desk.keys.down
        assert not desk.player.held_pitches
        if desk.thru is not None:
            assert not +desk.theirs
            assert not desk.thru.synth.pedals
        assert desk.apart.synth.at_rest

    @rule(seconds=st.floats(0.001, 0.9))
    def be_late(self, seconds: float) -> None:
        """Others took the time; the player was not listening."""
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
        desk.keys.down.clear()

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
        assert player.held_pitches == self.desk.keys.down

    @precondition(lambda self: hasattr(self, "desk"))
    @invariant()
    def the_books_balance(self) -> None:
        assert min(self.desk.ours.values(), default=0) >= 0
        assert min(self.desk.player.onsets.count, 1 << 14) == sum(1 for _ in self.desk.player.onsets)


TestPlaying = Playing.TestCase
TestPlaying.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
