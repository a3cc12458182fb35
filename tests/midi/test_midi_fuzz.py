"""Nonsense at the input while we play (R6): nothing is raised, nothing hangs, nothing is kept."""

import gc
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from improv.midi.parser import SYSEX_LIMIT, Incoming, MessageStream
from improv.midi.player import Player
from improv.midi.sources import Arrival
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteOff, NoteOn, Placed, Timed, in_order
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.runtime.engine import Lead, perform
from improv.session.state import Moment, Session
from tests.conftest import Echo, combined, tiers
from tests.midi.synth import Synth

Begun = Callable[..., Session]

_STATUS = Path("/proc/self/status")
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_SYSTEM = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0, 0xFF: 0}
_A_MESSAGE_S = 0.0005


def whole(chance: random.Random) -> bytes:
    """A message as it should be; the same few keys come up often, and panics and pedals too."""
    match chance.randrange(8):
        case 0 | 1 | 2:
            kind, pitch = chance.choice((0x90, 0x90, 0x80)), chance.choice((48, 60, 64, chance.randrange(128)))
            return bytes((kind | chance.randrange(16), pitch, chance.choice((0, 80, chance.randrange(128)))))
        case 3:
            controller = chance.choice((6, 64, 66, 67, 100, 101, 120, 121, 123, chance.randrange(128)))
            return bytes((0xB0 | chance.randrange(16), controller, chance.choice((0, 6, 127, chance.randrange(128)))))
        case 4:
            status = chance.choice(list(_SYSTEM))
            return bytes((status, *chance.choices(range(128), k=_SYSTEM[status])))
        case 5:
            size = chance.choice((0, 5, 200, SYSEX_LIMIT)) if chance.random() < 0.002 else chance.randrange(20)
            return b"\xf0" + bytes(size) + b"\xf7"
        case _:
            kind = chance.choice(list(_DATA_BYTES))
            return bytes((kind | chance.randrange(16), *chance.choices(range(128), k=_DATA_BYTES[kind])))


def mutated(message: bytes, chance: random.Random) -> bytes:
    """Cut, grown, or with a byte or a bit changed."""
    torn = bytearray(message)
    match chance.randrange(5):
        case 0:
            del torn[chance.randrange(len(torn)) :]
        case 1:
            del torn[0]
        case 2:
            torn[chance.randrange(len(torn))] = chance.randrange(256)
        case 3:
            torn[chance.randrange(len(torn))] ^= 1 << chance.randrange(8)
        case 4:
            torn.insert(chance.randrange(len(torn) + 1), chance.randrange(256))
    return bytes(torn)


def weather(chance: random.Random) -> Iterator[bytes]:
    """Whole messages, mutated ones and noise, without end."""
    while True:
        match chance.randrange(10):
            case 0 | 1:
                yield mutated(whole(chance), chance)
            case 2:
                yield chance.randbytes(chance.randrange(12))
            case 3:  # under running status
                yield bytes((0x90 | chance.randrange(16), *chance.choices(range(128), k=2 * chance.randrange(1, 6))))
            case _:
                yield whole(chance)


class Input:
    """A port with bad weather on it: so many messages, two each millisecond, some in pieces."""

    def __init__(self, chance: random.Random, messages: int, start_s: float) -> None:
        self.stream = MessageStream()
        self.came = 0
        self._chance, self._messages, self._start_s = chance, messages, start_s
        self._weather = weather(chance)

    def poll(self, now_s: float) -> list[Arrival]:
        arrived: list[Arrival] = []
        while self.came < self._messages and self._due_s <= now_s:
            data = next(self._weather)
            self.came += 1
            cut = self._chance.randrange(len(data) + 1) if self._chance.randrange(8) == 0 else 0
            for piece in (data[:cut], data[cut:]):
                arrived += [Incoming(now_s, message) for message in self.stream.feed(piece)]
        return arrived

    def next_poll_s(self, now_s: float) -> float:
        return max(now_s + 0.001, self._due_s) if self.came < self._messages else float("inf")

    @property
    def _due_s(self) -> float:
        return self._start_s + self.came * _A_MESSAGE_S


class Watched:
    """A sink with a synthesiser, which must be sent whole messages."""

    def __init__(self, *, counts: bool) -> None:
        self.synth = Synth(counts=counts)
        self.sent = 0

    def send(self, message: bytes) -> None:
        self.sent += 1
        assert message[0] >= 0x80
        assert max(message[1:-1] if message[0] == 0xF0 else message[1:], default=0) < 0x80
        self.synth.send(message)


def resident_bytes() -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def storm(messages: int, seed: int, thru: str) -> None:
    """Play through so much bad weather; heard notes alternate, memory stays, and at the end nothing sounds."""
    clock, chance = SimulatedClock(), random.Random(seed)
    source = Input(chance, messages, 0.0)
    out, apart = Watched(counts=thru != "same"), Watched(counts=True)
    on = {"none": None, "same": out, "separate": apart}[thru]
    tune = in_order(
        Placed(tick, event)
        for beat in range(8)
        for tick, event in (
            (beat * 12, NoteOn(Part.MELODY, 60 + beat % 3, 80)),
            (beat * 12 + 9, NoteOff(Part.MELODY, 60 + beat % 3)),
        )
    )
    down: set[int] = set()
    before = 0
    with Player(clock, out, [source], thru=on) as player:
        while source.came < messages:
            player.play(Plan(0, tune, Transport(0, clock.now(), 240)))
            heard = player.listen_until(clock.now() + 2, at_once=False)
            assert heard is not None
            for note in heard.notes:
                assert (note.event.pitch in down) == isinstance(note.event, NoteOff)
                down ^= {note.event.pitch}
            assert player.held_pitches == down
            if not before and source.came >= messages // 5 and _STATUS.exists():
                gc.collect()
                before = resident_bytes()
        assert player.onsets.count
        gc.collect()
        if _STATUS.exists():
            assert resident_bytes() - before <= 5 << 20
    assert out.synth.at_rest
    assert apart.synth.at_rest
    assert source.stream.kept <= SYSEX_LIMIT
    counts = source.stream.counts
    assert min(counts.notes, counts.controls, counts.sysex, counts.clocks, counts.malformed) > messages / 1000


@pytest.mark.parametrize("thru", ["none", "same", "separate"])
def test_bad_weather_is_played_through(thru: str) -> None:
    storm(12_000, 6, thru)


@pytest.mark.full
@pytest.mark.parametrize("thru", ["none", "same", "separate"])
def test_a_long_time_of_bad_weather_is_played_through(thru: str) -> None:
    storm(700_000, 7, thru)


@pytest.mark.parametrize("messages", tiers(3000, 6000))
@pytest.mark.parametrize(
    ("mode", "thru"),
    combined(Mode, ["none", "same", "separate"], quick=lambda mode, thru: thru == "same" or mode is Mode.TRADE),
)
def test_bad_weather_over_a_jam_leaves_the_music_where_it_belongs(
    echo: Echo, begun: Begun, mode: Mode, thru: str, messages: int
) -> None:
    """Every step is played by the network, none is missed, and the chords lie where the form has them."""
    clock = SimulatedClock(-1)
    source = Input(random.Random(8), messages, 0.5)
    out, apart = Watched(counts=thru != "same"), Watched(counts=True)
    on = {"none": None, "same": out, "separate": apart}[thru]
    moments: list[Moment] = []
    with Player(clock, out, [source], thru=on) as player:
        ended = perform(begun(mode), echo, player, moments.append, lead=Lead(), last_step=15)
    assert source.came == messages
    assert (ended.step, ended.health.missed_steps, ended.health.faults, ended.health.last_fault) == (15, 0, 0, "")
    assert [moment.session.step for moment in moments] == [*range(16), 15]
    assert [moment.played.frame.chord for moment in moments[:-1]] == [
        ended.tune.form.chord_at(step) for step in range(16)
    ]
    assert any(moment.heard.notes for moment in moments)
    assert out.synth.at_rest
    assert apart.synth.at_rest


@pytest.mark.parametrize("mode", list(Mode))
def test_notes_without_sense_are_heard_without_harm(echo: Echo, begun: Begun, mode: Mode) -> None:
    """Any pitch at any velocity, ends before beginnings, thousands within a step, and times out of order."""
    chance = random.Random(9)

    class Notes:
        def __init__(self) -> None:
            self._sent = 0

        def poll(self, now_s: float) -> list[Arrival]:
            if self._sent >= 3000:
                return []
            self._sent += 100
            found: list[Arrival] = []
            for _ in range(100):
                pitch, velocity = chance.randrange(128), chance.randrange(1, 128)
                event = chance.choice((NoteOn(Part.YOU, pitch, velocity), NoteOff(Part.YOU, pitch)))
                found.append(Timed(now_s + chance.uniform(-1, 1), event))
            return found

        def next_poll_s(self, now_s: float) -> float:
            return now_s + 0.1

    clock, out, moments = SimulatedClock(-1), Watched(counts=True), list[Moment]()
    with Player(clock, out, [Notes()]) as player:
        ended = perform(begun(mode), echo, player, moments.append, lead=Lead(), last_step=23)
    assert (ended.step, ended.health.missed_steps, ended.health.faults) == (23, 0, 0)
    assert out.synth.at_rest
