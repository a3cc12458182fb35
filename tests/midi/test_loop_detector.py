"""Loops are found while we play, whatever cable or program makes them."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import pytest

from improv.midi.parser import Incoming
from improv.midi.player import Player
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteOff, NoteOn, Timed, in_order
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.transport import Transport
from improv.protocol.commands import Panic
from tests.midi.listeners import QUICK, SLACK_S, Inbox, Listener, control, is_on, notes


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
        """Notes that were heard, or passed on, and no player has played."""
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
    assert desk.player.loop_detector.in_loop(desk.clock.now())
    desk.cable.plugged = False
    desk.listen_until(5 + desk.delay_s + 2.01)
    assert not desk.player.loop_detector.in_loop(desk.clock.now())
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
    assert not desk.player.loop_detector.in_loop(desk.clock.now())


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
