"""The player with a sound of its own: handed over as it falls due, sent by the delay later, heard as much earlier."""

from collections.abc import Sequence

import pytest
from hypothesis import strategies as st

from improv.midi.messages import CONTROL, NOTE_OFF, NOTE_ON, PROGRAM
from improv.midi.parser import Gone, Incoming
from improv.midi.player import Player
from improv.midi.sound import ChannelStates, Delayed, as_yours
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteOff, NoteOn, Placed, Timed, Volume
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.protocol.commands import Panic, Press
from tests.conftest import tried
from tests.midi.listeners import QUICK, Inbox, Listener, notes

DELAY_S = 0.05


class Ear:
    """What was handed over: when, for when, and what; None for a cut."""

    def __init__(self, clock: SimulatedClock, delay_s: float = DELAY_S) -> None:
        self._clock = clock
        self.delay_s = delay_s
        self.given: list[tuple[float, float | None, bytes | None]] = []

    def sound(self, messages: Sequence[bytes], due_s: float | None) -> None:
        self.given += [(self._clock.now(), due_s, message) for message in messages]

    def cut(self) -> None:
        self.given.append((self._clock.now(), None, None))

    @property
    def messages(self) -> list[bytes]:
        return [message for _, _, message in self.given if message is not None]


class Stage:
    """A player, its output, its input and its sound."""

    def __init__(self, *, thru: bool = False, delay_s: float = DELAY_S) -> None:
        self.clock = SimulatedClock()
        self.out, self.inbox, self.ear = Listener(self.clock), Inbox(), Ear(self.clock, delay_s)
        self.player = Player(self.clock, self.out, [self.inbox], thru=self.out if thru else None, sound=self.ear)


def test_what_falls_due_is_handed_over_then_and_sent_by_the_delay_later() -> None:
    stage = Stage()
    stage.player.play(Plan(0, notes((0, 1, 60), (2, 3, 62)), QUICK, steps=4))
    stage.player.listen_until(2, at_once=False)
    ons = [(now_s, due_s) for now_s, due_s, message in stage.ear.given if message and message[0] & 0xF0 == NOTE_ON]
    assert ons == [(0.0, 0.0), (0.5, 0.5)]
    assert stage.out.onsets() == [(DELAY_S, 60), (0.5 + DELAY_S, 62)]
    assert [(due_s, round(sent_s, 6)) for due_s, sent_s in stage.player.onsets] == [(0.05, 0.05), (0.55, 0.55)]
    assert stage.out.synth.at_rest


def test_without_a_delay_nothing_is_handed_over_or_later() -> None:
    stage = Stage(delay_s=0.0)
    stage.player.play(Plan(0, notes((0, 1, 60)), QUICK, steps=4))
    stage.player.listen_until(2, at_once=False)
    assert stage.out.onsets() == [(0.0, 60)]
    assert stage.ear.given == []


def test_what_is_played_is_heard_as_much_earlier() -> None:
    stage = Stage()
    stage.inbox.put(1.0, Incoming(1.0, b"\x90\x3c\x50"))
    heard = stage.player.listen_until(2)
    assert heard is not None
    assert heard.notes == (Timed(1.0 - DELAY_S, NoteOn(Part.YOU, 60, 80)),)


def test_a_panic_cuts_the_sound_and_what_was_to_be_sent_is_not() -> None:
    stage = Stage()
    stage.player.play(Plan(0, notes((0, 8, 60), (4, 5, 62)), QUICK, steps=8))
    stage.inbox.put(0.02, Panic())
    stage.player.listen_until(3, at_once=False)
    assert stage.out.onsets() == []
    assert stage.ear.given[-1] == (0.02, None, None)
    assert stage.out.synth.at_rest


def test_a_note_that_another_plan_withdraws_ends_after_it_has_begun() -> None:
    stage = Stage()
    stage.player.play(Plan(0, notes((0, 8, 60)), QUICK, steps=8))
    stage.player.listen_until(0.01, at_once=False)
    stage.player.play(Plan(0, (), QUICK, steps=8))
    stage.player.listen_until(2, at_once=False)
    assert [message[:2] for message in stage.out.messages] == [b"\x90\x3c", b"\x80\x3c"]
    assert [message[:2] for message in stage.ear.messages] == [b"\x90\x3c", b"\x80\x3c"]
    assert stage.out.synth.at_rest


def test_the_letters_sound_at_once_and_so_does_what_is_passed_on() -> None:
    stage = Stage(thru=True)
    stage.inbox.put(0.5, Press(64, 90))
    stage.inbox.put(0.6, Incoming(0.6, b"\x90\x3c\x50"))
    stage.inbox.put(0.7, Incoming(0.7, b"\x80\x3c\x00"))
    stage.inbox.put(0.8, Press(64, 0))
    stage.player.listen_until(1, at_once=False)
    you = Part.YOU.channel
    assert [(now_s, message) for now_s, due_s, message in stage.ear.given if message and due_s is None] == [
        (0.5, bytes((NOTE_OFF | you, 64, 64))),
        (0.5, bytes((NOTE_ON | you, 64, 90))),
        (0.6, bytes((NOTE_ON | you, 60, 80))),
        (0.7, bytes((NOTE_OFF | you, 60, 0))),
        (0.8, bytes((NOTE_OFF | you, 64, 64))),
    ]


def test_a_keyboard_that_goes_is_ended_in_the_sound_too() -> None:
    stage = Stage(thru=True)
    stage.inbox.put(0.1, Incoming(0.1, b"\x90\x3c\x50"))
    stage.inbox.put(0.2, Gone(0.2))
    stage.player.listen_until(1, at_once=False)
    assert stage.ear.messages[-1][:2] == bytes((NOTE_OFF | Part.YOU.channel, 60))


def test_what_an_ended_player_leaves_is_cut() -> None:
    stage = Stage()
    with stage.player as player:
        player.play(Plan(0, notes((0, 8, 60)), QUICK, steps=8))
        player.listen_until(0.5, at_once=False)
    assert stage.ear.given[-1][2] is None
    assert stage.out.synth.at_rest


def _jam(delays: Sequence[float]) -> None:
    """However the delay changes, whatever begins ends, and nothing overtakes another."""
    stage = Stage()
    for step, delay_s in enumerate(delays):
        stage.ear.delay_s = delay_s
        stage.player.play(Plan(step, notes((step, step + 1, 60), (step + 0.5, step + 1.5, 64)), QUICK))
        stage.player.listen_until(0.25 * (step + 1), at_once=False)
    stage.player.listen_until(0.25 * len(delays) + 3, at_once=False)
    assert stage.out.synth.at_rest
    sent = [message for message in stage.out.messages if message[0] & 0xF0 in (NOTE_ON, NOTE_OFF)]
    for pitch in (60, 64):
        kinds = [message[0] & 0xF0 for message in sent if message[1] == pitch]
        assert kinds == [NOTE_ON, NOTE_OFF] * (len(kinds) // 2)


test_delays_that_change = tried(30, 500, st.lists(st.sampled_from((0.0, 0.02, 0.05, 0.2)), min_size=1, max_size=12))(
    _jam
)


def test_nothing_overtakes_another() -> None:
    delayed = Delayed()
    delayed.put([b"on"], 1.0, 0.2)
    delayed.put([b"off"], 1.1, 0.0)
    assert delayed.next_s() == pytest.approx(1.2)
    assert delayed.take_next() == [b"on", b"off"]
    assert not delayed


def test_another_synth_is_told_what_was_set_last() -> None:
    states = ChannelStates()
    states.enter([bytes((PROGRAM, 11)), bytes((CONTROL, 7, 90)), bytes((NOTE_ON, 60, 1)), bytes((CONTROL, 123, 0))])
    states.enter([bytes((PROGRAM, 66)), bytes((CONTROL | 1, 7, 40))])
    assert states.messages == (bytes((PROGRAM, 66)), bytes((CONTROL, 7, 90)), bytes((CONTROL | 1, 7, 40)))


@pytest.mark.parametrize(
    ("message", "becomes"),
    [
        (b"\x90\x3c\x50", b"\x92\x3c\x50"),
        (b"\xb4\x40\x7f", b"\xb2\x40\x7f"),
        (b"\x99\x24\x50", b"\x99\x24\x50"),
        (b"\xc0\x05", None),
        (b"\xf8", None),
    ],
)
def test_your_keyboard_has_your_sound(message: bytes, becomes: bytes | None) -> None:
    assert as_yours(message) == becomes


def test_levels_are_handed_over_in_their_place() -> None:
    stage = Stage()
    stage.player.play(Plan(0, (Placed(0, Volume(Part.MELODY, 50)), *notes((0, 1, 60))), QUICK, steps=2))
    stage.player.listen_until(1, at_once=False)
    assert stage.ear.messages[0] == bytes((CONTROL, 7, 50))
    assert stage.out.messages[0] == bytes((CONTROL, 7, 50))
    assert NoteOff(Part.MELODY, 60) in [placed.event for placed in notes((0, 1, 60))]
