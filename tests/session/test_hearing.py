"""What was meant: rhythms decoded from onsets in time, through `advance` as the engine calls it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise, product
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.models.contract import Tensor, Tensors
from improv.models.encodings import ENCODINGS
from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import Cell, NoteEvent, NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.rhythm import top_line
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.controls import MEANT, NEAREST, Settings
from improv.protocol.heard import Heard
from improv.session.lifecycle import begin
from improv.session.listening import REVISED_STEPS
from improv.session.state import Session
from improv.session.step import advance
from improv.session.timing import AS_BAND, PEOPLE
from tests.conftest import Echo, tried

CELLS = ENCODINGS["cells"]
TICKS_PER_STEP = 6
BPM = 120
BEAT_S = 60 / BPM
LEAD_S = 0.003

LINE = [0, 6, 12, 18, 24, 30, 36, 42]
"""Eighths of a bar."""


class Fed(Echo):
    """A network of cells that says nothing; its memory is what it was fed, rhythm by rhythm."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, encoding="cells", heads=CELLS.heads, features=dict(CELLS.features))
        self._logits = {name: np.zeros(head.shape, np.float32) for name, head in CELLS.heads.items()}

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        rhythm = np.float32(features["rhythm"].argmax())
        return self._logits, {name: np.roll(tensor, 1) * 0.5 + rhythm for name, tensor in memory.items()}

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        return self._logits[head]

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        raise AssertionError("it has no line that moves at a pace of its own")


def begun(swing: float = 0.6, bpm: float = BPM, hearing: str = MEANT, mode: Mode = Mode.LISTEN) -> Session:
    return begin(Fed(), Settings(mode=mode, seed=1, hearing=hearing), Transport(0, 0.0, bpm, swing))


def struck(at_s: float, pitch: int = 60, length_s: float = 0.1, tick: int | None = None) -> list[Timed]:
    on: NoteEvent = NoteOn(Part.YOU, pitch, 80)
    end = None if tick is None else tick + 2
    return [Timed(at_s, on, tick), Timed(at_s + length_s, NoteOff(Part.YOU, pitch), end)]


def line(times_s: Iterable[float], length_s: float = 0.05) -> list[Timed]:
    """Notes going up, one after the other."""
    return [each for n, at_s in enumerate(times_s) for each in struck(at_s, 60 + n % 24, length_s)]


def through(session: Session, notes: Sequence[Timed], steps: int) -> list[Session]:
    """The sessions of each step; each step takes in what has arrived a little before it is due."""
    model, sessions = Fed(), []
    notes = sorted(notes, key=lambda each: each.time_s)
    taken_s = -1.0
    for _ in range(steps):
        due_s = session.position.transport.time_of(session.step + 1) - LEAD_S
        session, _ = advance(session, Heard(tuple(n for n in notes if taken_s <= n.time_s < due_s)), model)
        taken_s = due_s
        sessions.append(session)
    return sessions


def fed(sessions: Sequence[Session]) -> list[tuple[int, int]]:
    """(tick, pitch) of each onset that the network was told of in the end."""
    cells: dict[int, Cell] = {}
    for session in sessions:
        for ago, each in enumerate(reversed(session.network.recent_inputs[-REVISED_STEPS - 1 :]), start=1):
            cells[session.step - ago] = each.frame.melody
    return [
        (step * TICKS_PER_STEP + onset.tick, onset.pitch)
        for step, cell in sorted(cells.items())
        for onset in cell.onsets
    ]


def ticks(sessions: Sequence[Session]) -> list[int]:
    return [tick for tick, _ in fed(sessions)]


def swung_s(tick: int, swing: float) -> float:
    """When an eighth is played with a swing, in seconds."""
    beat, inside = divmod(tick, TICKS_PER_BEAT)
    return (beat + (swing if inside else 0.0)) * BEAT_S


@pytest.mark.parametrize(
    ("swing", "band"), [*product([0.5, 0.55, 0.6], [0.5, 0.6, 0.67, 0.75]), (0.65, 0.6), (0.65, 0.67)]
)
def test_exact_eighths_are_heard_as_they_are_however_they_swing(swing: float, band: float) -> None:
    notes = [48 * bar + tick for bar in range(4) for tick in LINE]
    assert ticks(through(begun(band), line(swung_s(tick, swing) for tick in notes), 40)) == notes


def test_who_swings_as_far_as_triplets_is_heard_to_after_a_few_bars() -> None:
    """Until then second eighths are the last of three: that is where they are."""
    notes = [48 * bar + tick for bar in range(8) for tick in LINE]
    heard = ticks(through(begun(0.67), line(swung_s(tick, 0.67) for tick in notes), 72))
    assert {one - other for one, other in zip(heard, notes, strict=True)} <= {0, 2}
    assert heard[-32:] == notes[-32:]


@pytest.mark.parametrize(
    "rhythm",
    [[0, 4, 8], [0, 3, 6, 9], [0, 6], [0], [6], [0, 3, 6], [0, 6, 9]],
    ids=lambda each: "-".join(map(str, each)),
)
def test_the_usual_rhythms_are_exact_when_they_are_played_evenly(rhythm: list[int]) -> None:
    notes = [12 * beat + tick for beat in range(12) for tick in rhythm]
    heard = ticks(through(begun(), line(tick / 12 * BEAT_S for tick in notes), 28))
    assert heard == notes


def test_a_straight_call_at_the_default_swing_is_straight_and_the_nearest_tick_is_not() -> None:
    """The README's own example: a riff in even eighths over a band that swings."""
    notes = line(swung_s(tick, 0.5) for tick in LINE)
    assert ticks(through(begun(0.6), notes, 12)) == LINE
    assert ticks(through(begun(0.6, hearing=NEAREST), notes, 12)) == [0, 5, 12, 17, 24, 29, 36, 41]


def test_a_player_who_lays_back_is_followed_from_note_to_note() -> None:
    notes = [48 * bar + tick for bar in range(16) for tick in LINE]
    heard = ticks(through(begun(), line(swung_s(tick, 0.55) + 0.06 for tick in notes), 132))
    assert heard[-48:] == notes[-48:]
    assert len(heard) == len(notes)


def test_lag_and_swing_of_the_player_are_known_after_many_notes() -> None:
    notes = [48 * bar + tick for bar in range(16) for tick in LINE]
    early = through(begun(), line(swung_s(tick, 0.5) - 0.02 for tick in notes), 132)[-1].listener.timing
    swung = through(begun(), line(swung_s(tick, 0.66) + 0.03 for tick in notes), 132)[-1].listener.timing
    assert early.lag_s < swung.lag_s
    assert early.swing is not None
    assert swung.swing is not None
    assert early.swing < 0.55
    assert swung.swing > 0.62


@pytest.mark.parametrize("seed", range(4))
def test_eighths_and_triplets_of_a_hand_that_is_exact_to_20_ms_are_heard(seed: int) -> None:
    draws = Random(seed)
    notes = [12 * beat + tick for beat in range(48) for tick in ([0, 4, 8] if beat % 4 == 3 else [0, 6])]
    times_s = [tick / 12 * BEAT_S + 0.02 + draws.gauss(0, 0.02) for tick in notes]
    heard = ticks(through(begun(), line(sorted(times_s)), 100))
    assert len(heard) == len(notes)
    assert sum(one == other for one, other in zip(heard, notes, strict=True)) >= 0.85 * len(notes)


def grid_s(tick: int, swing: float) -> float:
    """When improv itself plays a tick, in seconds: all of a beat moves with its second eighth."""
    return Transport(0, 0.0, BPM, swing).time_of_tick(tick)


class TestExactPlayers:
    """Who plays as a machine does, or to a click, is not taken for a soloist who lays back."""

    SOLO = tuple(12 * beat + tick for beat in range(48) for tick in ([0, 3, 6, 9], [0, 6], [0, 4, 8], [6])[beat % 4])

    @pytest.mark.parametrize("lag_s", [-0.03, 0.0, 0.03])
    def test_all_rhythms_are_heard_after_some_bars_however_late_they_come(self, lag_s: float) -> None:
        notes = [tick for tick in self.SOLO if tick]  # the first would come before there is any time
        heard = ticks(through(begun(), line(tick / 12 * BEAT_S + lag_s for tick in notes), 100))
        assert len(heard) == len(notes)
        later = len(notes) // 3
        right = sum(one == other for one, other in zip(heard[later:], notes[later:], strict=True))
        assert right >= 0.95 * len(notes[later:])

    def test_what_improv_played_itself_is_heard_as_it_was_meant(self) -> None:
        draws = Random(1)
        times_s = [max(0.0, grid_s(tick, 0.6) + draws.gauss(0, 0.008)) for tick in self.SOLO]
        sessions = through(begun(0.6), line(sorted(times_s)), 100)
        right = sum(one == other for one, other in zip(ticks(sessions), self.SOLO, strict=True))
        assert right >= 0.9 * len(self.SOLO)
        assert sessions[-1].listener.readings.manner == AS_BAND

    def test_who_lays_back_as_soloists_do_is_taken_for_one(self) -> None:
        draws = Random(1)
        notes = [12 * beat + tick for beat in range(48) for tick in ([0, 6], [0, 6], [0, 4, 8], [0])[beat % 4]]
        late_s = [0.04 if tick % 6 == 0 and tick % 48 < 24 else 0.01 for tick in notes]
        times_s = [tick / 12 * BEAT_S + late + draws.gauss(0, 0.02) for tick, late in zip(notes, late_s, strict=True)]
        manners = [each.listener.readings.manner for each in through(begun(0.6), line(sorted(times_s)), 100)]
        assert manners.count(PEOPLE) > len(manners) / 2

    def test_takes_from_before_know_of_people_alone(self) -> None:
        before = begun()
        before = replace(before, settings=replace(before.settings, soloist_rules=0))
        sessions = through(before, line(0.06 + tick / 12 * BEAT_S for tick in self.SOLO), 100)
        assert {each.listener.readings.manner for each in sessions} == {PEOPLE}
        assert all(reading.manner == PEOPLE for each in sessions for reading in each.listener.readings.now)


class TestChordsAndOrnaments:
    def test_a_chord_is_one_onset_and_its_highest_note_the_line(self) -> None:
        notes = [*struck(0.502, 60), *struck(0.514, 64), *struck(0.53, 67), *struck(1.0, 62)]
        sessions = through(begun(), notes, 8)
        assert [tick for tick, _ in fed(sessions)] == [12, 12, 12, 24]
        cells = [each.frame.melody for each in sessions[-1].network.recent_inputs]
        assert [top_line(cell) for cell in cells if cell.onsets] == [(67,), (62,)]

    def test_notes_farther_apart_than_30_ms_are_no_chord(self) -> None:
        notes = [*struck(0.5, 60), *struck(0.75, 64)]
        assert ticks(through(begun(), notes, 8)) == [12, 18]

    def test_a_grace_note_gives_way_to_its_note(self) -> None:
        notes = line(tick / 12 * BEAT_S for tick in LINE)
        notes += [*struck(3 * BEAT_S - 0.036, 71, 0.03), *struck(3.5 * BEAT_S - 0.045, 73, 0.04)]
        sessions = through(begun(), notes, 12)
        assert ticks(sessions) == LINE
        assert not {71, 73} & {pitch for _, pitch in fed(sessions)}
        assert sum(key.ornament for session in sessions for key in session.listener.recent_keys) > 0

    def test_an_ornament_counts_as_a_note_that_was_played(self) -> None:
        session = through(begun(), [*struck(0.46, 71, 0.03), *struck(0.505, 72)], 4)[-1]
        assert session.listener.call is not None
        assert session.listener.call.onsets == 2


class TestRevised:
    NOTES = line([0.0, 0.24, 0.33 * 1.0, 0.5])
    """A beat whose second onset looks like an eighth until more of it is known."""

    def test_what_is_fed_again_is_fed_once(self) -> None:
        """The network's memory is what it would be had the notes been clear at once."""
        draws = Random(3)
        for _ in range(20):
            times = sorted({draws.uniform(0.2, 5.0) for _ in range(16)})
            sessions = through(begun(), line(times), 24)
            model = Fed()
            inputs = sessions[-1].network.recent_inputs[:24]
            memory = begun().network.memory
            first = begun().network.output
            waiting = replace(inputs[0], frame=first, place=-1)
            for each in (waiting, *inputs):
                _, memory = model.step(CELLS.encode(each), memory)
            for name, tensor in sessions[-1].network.memory.items():
                np.testing.assert_allclose(tensor, memory[name], rtol=1e-5)

    def test_something_is_revised(self) -> None:
        draws = Random(3)
        notes = line(sorted(draws.uniform(0.2, 9.0) for _ in range(40)))
        sessions = through(begun(), notes, 40)
        changes = sum(
            before.network.recent_inputs != after.network.recent_inputs[:-1]
            for before, after in pairwise(sessions[:30])
        )
        assert 0 < changes < 25

    def test_only_steps_that_may_be_are_revised(self) -> None:
        draws = Random(4)
        notes = line(sorted(draws.uniform(0.2, 9.0) for _ in range(40)))
        sessions = through(begun(), notes, 38)
        for before, after in pairwise(sessions[:30]):
            kept = len(before.network.recent_inputs) - REVISED_STEPS
            assert after.network.recent_inputs[: max(0, kept)] == before.network.recent_inputs[: max(0, kept)]


@st.composite
def playing(draw: st.DrawFn) -> list[Timed]:
    """Whatever hands can play: pitches that begin and end, each ended before it begins again."""
    count = draw(st.integers(1, 25))
    at_s, down, found = 0.0, set[int](), []
    for _ in range(count):
        at_s += draw(st.sampled_from([0.0, 0.001, 0.02, 0.031, 0.05, 0.11, 0.17, 0.25, 0.33, 0.5, 1.3]))
        pitch = draw(st.integers(58, 66))
        if pitch in down:
            found.append(Timed(at_s, NoteOff(Part.YOU, pitch)))
            down.discard(pitch)
            if draw(st.booleans()):
                continue
        found.append(Timed(at_s, NoteOn(Part.YOU, pitch, draw(st.integers(1, 127)))))
        down.add(pitch)
    return found + [Timed(at_s + 0.2, NoteOff(Part.YOU, pitch)) for pitch in sorted(down)]


@tried(25, 300, playing(), st.sampled_from([60.0, 120.0, 240.0]), st.sampled_from([0.5, 0.6, 0.75]))
def test_every_note_is_heard_and_ends_and_nothing_is_heard_twice(notes: list[Timed], bpm: float, swing: float) -> None:
    steps = int((notes[-1].time_s + 1) * bpm / 30) + 8
    sessions = through(begun(swing, bpm), notes, steps)
    keys: dict[tuple[int, int], None] = {}
    for session in sessions:
        placed = [(key.pitch, key.onset) for key in session.listener.keys]
        assert len(set(placed)) == len(placed)
        assert all(key.release is None or key.release > key.onset for key in session.listener.keys)
        ticks_in_order = [strike.keys[0].onset for strike in session.listener.strikes]
        assert ticks_in_order == sorted(ticks_in_order)
        strikes = session.listener.readings.now[0].ticks if session.listener.readings.now else ()
        assert len(strikes) == len(session.listener.strikes)
        keys.update(dict.fromkeys(placed))
    assert sessions[-1].listener.keys == ()
    assert sessions[-1].listener.strikes == ()
    ons = sum(isinstance(note.event, NoteOn) for note in notes)
    heard = fed(sessions)
    assert len(heard) == len(set(heard)) <= ons
    if sessions[-1].listener.call:
        assert sessions[-1].listener.call.onsets <= ons


@tried(10, 100, playing())
def test_the_same_is_heard_again(notes: list[Timed]) -> None:
    once, again = (through(begun(), notes, 20)[-1] for _ in range(2))
    assert once == again
    assert once.listener.timing == again.listener.timing


@tried(15, 150, playing(), st.integers(0, 60))
def test_an_onset_is_never_before_a_step_that_is_settled(notes: list[Timed], shift: int) -> None:
    notes = [replace(note, time_s=note.time_s + shift / 100) for note in notes]
    before = begun()
    for session in through(before, notes, 20):
        floor = (session.step - session.listener.revisable_steps) * TICKS_PER_STEP
        assert all(strike.keys[0].onset >= floor for strike in session.listener.strikes)


class TestKnownTicks:
    def test_notes_that_know_their_ticks_are_where_they_say(self) -> None:
        known = [0, 5, 7, 12, 18, 23]
        notes = [each for n, tick in enumerate(known) for each in struck(tick / 12 * BEAT_S, 60 + n, 0.02, tick)]
        assert ticks(through(begun(), notes, 8)) == known

    def test_at_any_swing(self) -> None:
        notes = [each for n, tick in enumerate(LINE) for each in struck(tick / 12 * BEAT_S, 60 + n, 0.05, tick)]
        assert ticks(through(begun(0.75), notes, 12)) == LINE


@given(st.sampled_from([0.5, 0.6, 0.75]), st.lists(st.floats(0, 5), max_size=12))
def test_the_nearest_tick_is_what_it_was(swing: float, times_s: list[float]) -> None:
    transport = Transport(0, 0.0, BPM, swing)
    times_s = sorted(times_s)
    notes = [Timed(at_s, NoteOn(Part.YOU, 60 + n, 80)) for n, at_s in enumerate(times_s)]
    sessions = through(begun(swing, hearing=NEAREST), notes, 24)
    expected = [transport.nearest_tick(at_s, 1) for at_s in times_s]
    assert {(tick, pitch) for tick, pitch in fed(sessions)} == {
        (max(tick, 0), 60 + n) for n, tick in enumerate(expected)
    } or any(transport.step_at(at_s + LEAD_S) != transport.step_at(at_s) for at_s in times_s)


def test_in_your_turn_a_late_note_belongs_to_the_call_and_in_improvs_it_is_heard_where_it_came() -> None:
    session = begun(mode=Mode.TRADE)
    sessions = through(session, line([0.0, 0.5, 1.0]), 12)
    assert [each.listener.revisable_steps for each in sessions[:6]] == [0, 1, 2, 2, 2, 2]


def test_silence_costs_nothing_and_changes_nothing() -> None:
    sessions = through(begun(), [], 10)
    assert sessions[-1].listener is sessions[-2].listener
