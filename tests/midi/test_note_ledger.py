"""The ledger beside a synthesiser that is fed the same messages: whatever was played, it knows how to end all of it."""

import copy
from collections.abc import Iterable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from improv.midi.note_ledger import Ledger
from tests.midi.synth import Synth


def ledger_of(*messages: str) -> Ledger:
    ledger = Ledger()
    for message in messages:
        ledger.enter(bytes.fromhex(message))
    return ledger


def ends(ledger: Ledger) -> list[str]:
    return [message.hex(" ") for message in ledger.ends()]


@pytest.mark.parametrize(
    ("played", "ended_by"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(["90 3c 40"], ["80 3c 40"], id="a note"),
        pytest.param(["90 3c 40", "80 3c 40"], [], id="a note that has ended"),
        pytest.param(["90 3c 40", "90 3c 00"], [], id="velocity 0 is an end"),
        pytest.param(["90 3c 40", "90 3c 40"], ["80 3c 40", "80 3c 40"], id="struck twice, ended twice"),
        pytest.param(["90 3c 40", "90 3c 40", "80 3c 40"], ["80 3c 40"], id="struck twice, one end is left"),
        pytest.param(["80 3c 40", "80 3c 40", "90 3c 40"], ["80 3c 40"], id="an end too many counts for nothing"),
        pytest.param(["95 3c 40", "90 3c 40", "80 3c 40"], ["85 3c 40"], id="each channel for itself"),
        pytest.param(["9f 40 01", "90 3c 40", "90 30 40"], ["80 30 40", "80 3c 40", "8f 40 40"], id="in order"),
        pytest.param(["b0 40 7f", "90 3c 40"], ["b0 40 00", "80 3c 40"], id="the pedal goes up first"),
        pytest.param(["b3 40 01", "b3 42 40", "b3 43 7f"], ["b3 40 00", "b3 42 00", "b3 43 00"], id="each pedal"),
        pytest.param(["b0 40 7f", "b0 40 00"], [], id="a pedal that is up"),
        pytest.param(["b0 01 7f", "b0 07 40", "b0 0b 00"], [], id="wheels and volume sound of nothing"),
        pytest.param(["e0 00 50"], ["e0 00 40"], id="a bend"),
        pytest.param(["e0 01 40"], ["e0 00 40"], id="the smallest bend"),
        pytest.param(["e0 00 50", "e0 00 40"], [], id="a bend come back"),
        pytest.param(["d2 30"], ["d2 00"], id="channel pressure"),
        pytest.param(["d2 30", "d2 00"], [], id="channel pressure let go"),
        pytest.param(["a2 3c 30", "a2 3e 01"], ["a2 3c 00", "a2 3e 00"], id="the pressure of two keys"),
        pytest.param(["a2 3c 30", "a2 3c 00"], [], id="the pressure of a key let go"),
        pytest.param(["90 3c 40", "91 3c 40", "b0 7b 00"], ["81 3c 40"], id="all notes off, on one channel"),
        pytest.param(["90 3c 40", "b0 78 00"], [], id="all sound off"),
        pytest.param(["b0 40 7f", "90 3c 40", "b0 7b 00"], ["b0 40 00"], id="all notes off leaves the pedal down"),
        pytest.param(["90 3c 40", "b0 7a 00"], ["80 3c 40"], id="local control ends nothing"),
        pytest.param(["90 3c 40", "b0 7e 01"], [], id="mono mode ends what sounds"),
        pytest.param(
            ["90 3c 40", "b0 40 7f", "e0 00 50", "d0 30", "a0 3c 30", "b0 79 00"], ["80 3c 40"], id="reset controllers"
        ),
        pytest.param(["b0 40 7f", "b1 79 00"], ["b0 40 00"], id="reset on another channel"),
        pytest.param(["c0 05", "f0 01 f7", "fa", "f2 00 01", ""], [], id="nothing that sounds"),
    ],
)
def test_what_was_begun_and_not_ended_is_ended(played: list[str], ended_by: list[str]) -> None:
    ledger = ledger_of(*played)
    assert ends(ledger) == ended_by
    assert ledger.empty == (not ended_by)
    for message in ledger.ends():
        ledger.enter(message)
    assert ledger.empty
    assert ends(ledger) == []


def test_it_knows_what_sounds_and_where_anything_was_sent() -> None:
    ledger = ledger_of("90 3c 40", "99 24 40", "99 24 00", "c4 07")
    assert ledger.sounding == {(0, 60)}
    assert (ledger.sounds(0, 60), ledger.sounds(9, 36), ledger.sounds(1, 60)) == (True, False, False)
    assert ledger.channels == {0, 4, 9}


def test_what_is_forgotten_is_forgotten_whole() -> None:
    ledger = ledger_of("90 3c 40", "b0 40 7f", "e0 00 50", "d0 30", "a0 3c 30")
    ledger.clear()
    assert ledger.empty
    assert ends(ledger) == []
    assert (ledger.sounding, ledger.channels) == (frozenset(), set())


channels = st.sampled_from([0, 1, 9, 15])  # few of each, so that they meet
pitches = st.sampled_from([0, 36, 60, 61, 127])
values = st.sampled_from([0, 1, 63, 64, 127])
PEDALS = (64, 66, 67)


class Performance(RuleBasedStateMachine):
    """Anything played on a few channels, into a ledger and into a synthesiser that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger, self.synth = Ledger(), Synth()

    def send(self, *message: int) -> None:
        self.ledger.enter(bytes(message))
        self.synth.send(bytes(message))

    @rule(channel=channels, pitch=pitches, velocity=values)
    def strike(self, channel: int, pitch: int, velocity: int) -> None:
        self.send(0x90 | channel, pitch, velocity)

    @rule(channel=channels, pitch=pitches, velocity=values)
    def release(self, channel: int, pitch: int, velocity: int) -> None:
        self.send(0x80 | channel, pitch, velocity)

    @rule(channel=channels, pedal=st.sampled_from(PEDALS), value=values)
    def tread(self, channel: int, pedal: int, value: int) -> None:
        self.send(0xB0 | channel, pedal, value)

    @rule(channel=channels, controller=st.integers(0, 127), value=values)
    def turn(self, channel: int, controller: int, value: int) -> None:
        self.send(0xB0 | channel, controller, value)

    @rule(channel=channels, mode=st.integers(120, 127), value=values)
    def mode(self, channel: int, mode: int, value: int) -> None:
        self.send(0xB0 | channel, mode, value)

    @rule(channel=channels, fine=values, coarse=values)
    def bend(self, channel: int, fine: int, coarse: int) -> None:
        self.send(0xE0 | channel, fine, coarse)

    @rule(channel=channels, value=values)
    def press(self, channel: int, value: int) -> None:
        self.send(0xD0 | channel, value)

    @rule(channel=channels, pitch=pitches, value=values)
    def press_a_key(self, channel: int, pitch: int, value: int) -> None:
        self.send(0xA0 | channel, pitch, value)

    @rule(message=st.sampled_from([b"", b"\xfa", b"\xf2\x00\x01", b"\xf0\x90\x3c\x40\xf7", b"\xc0\x05"]))
    def send_what_sounds_of_nothing(self, message: bytes) -> None:
        self.send(*message)

    @rule()
    def end_everything(self) -> None:
        for message in self.ledger.ends():
            self.send(*message)
        assert self.ledger.empty
        assert self.synth.at_rest

    @rule()
    def forget_everything(self) -> None:
        self.ledger.clear()
        self.synth = Synth()
        assert self.ledger.ends() == []

    @invariant()
    def what_sounds_is_known(self) -> None:
        assert self.ledger.sounding == set(self.synth.keys)
        if self.ledger.empty:
            assert self.synth.at_rest

    @invariant()
    def its_ends_leave_nothing_on(self) -> None:
        synth = copy.deepcopy(self.synth)
        feed(synth, self.ledger.ends())
        assert synth.at_rest

    @invariant()
    def it_ends_each_onset_once(self) -> None:
        offs = [message for message in self.ledger.ends() if message[0] & 0xF0 == 0x80]
        assert len(offs) == self.synth.keys.total()


def feed(synth: Synth, messages: Iterable[bytes]) -> None:
    for message in messages:
        synth.send(message)


TestPerformance = Performance.TestCase
TestPerformance.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
