"""A turn in which improv plays fewer than three notes does not happen, whatever the network would have liked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from improv.config import Tune
from improv.encoding import ENCODINGS, Cells
from improv.encoding.cells import PITCH_HEAD, RHYTHM_HEAD
from improv.engine import Lead, perform
from improv.messages import Settings
from improv.midi.player import NullSink, Player, Script
from improv.model import CONTRACT, ModelSpec, StepModel, Tensor, Tensors
from improv.music import STEPS_PER_BEAT, Form, NoteOff, NoteOn, Part, Timed
from improv.performer import opened
from improv.rhythm import NUMBERS, Rhythm
from improv.session import Moment, begin
from improv.transport import SimulatedClock, Transport
from improv.turns import Mode, Who
from tests.conftest import CHANGES, Echo

Note = tuple[float, float, int]
"""Where it begins and ends in beats, and its pitch."""

CELLS = Cells()


class Reluctant:
    """A network that would have every step silent, and finds all pitches alike."""

    spec = ModelSpec(
        contract=CONTRACT,
        name="reluctant",
        summary="silence",
        encoding="cells",
        fingerprint=CELLS.fingerprint,
        steps_per_beat=STEPS_PER_BEAT,
        features=dict(CELLS.features),
        state={"count": (1, 1)},
        heads=dict(CELLS.heads),
        key="C",
        form=CHANGES,
        primers=(),
        data={"source": "none", "licence": "none"},
        seed=0,
        figures={},
    )

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        chord = 30 * CELLS.chord_units(Form.parse(CHANGES).chord_at(int(memory["count"][0, 0]) + 1 + CELLS.settled))
        rhythm = np.full((1, len(NUMBERS)), -30, np.float32)
        rhythm[0, NUMBERS[Rhythm()]] = 30
        return {"next_chord": chord[None], RHYTHM_HEAD: rhythm}, {"count": memory["count"] + 1}

    def ask(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        assert head == PITCH_HEAD
        return np.zeros((1, CELLS.pitch_count), np.float32)


class Holding(Echo):
    """A network that stays on one note, and strikes it each quarter."""

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        heads, memory = super().step(features, memory)
        melody = np.full((1, 13), -30, np.float32)
        melody[0, 4] = 30
        return heads | {"next_melody": melody}, memory


def line(*pitches: int, beats: float = 0.5, part: float = 0.9) -> list[Note]:
    return [(beats * index, beats * (index + part), pitch) for index, pitch in enumerate(pitches)]


CALLS = {
    "eight notes": line(60, 63, 65, 66, 67, 70, 67, 63),
    "a riff of three": line(67, 65, 63, beats=1.0, part=0.4),
    "two notes": line(60, 67),
    "short ones": line(60, 60, 63, 60, 65, 63, beats=1.0, part=0.1),
    "long ones": line(60, 67, beats=3.5),
    "up high": line(96, 98, 101, 103, 101, 98),
    "down low": line(28, 31, 33, 36, 33, 31),
    "chords": [(float(beat), beat + 0.9, pitch) for beat in range(4) for pitch in (60, 64, 67)],
    "many": line(*(60 + index % 12 for index in range(28)), beats=0.25),
}


def answers(
    model: StepModel, call: Sequence[Note], beats: float, *, tempo: float = 120, **chosen: Any
) -> list[tuple[int, int]]:
    """The length of each whole turn of improv's in steps, and how many notes it played in it."""
    transport = Transport(0, 0.0, tempo)
    session, turns = begin(model, Settings(**chosen), transport), list[tuple[int, int, int]]()

    def observe(moment: Moment) -> None:
        turn, step = moment.session.turn, moment.session.step
        if turn.who is not Who.IMPROV:
            return
        if step == turn.start:
            turns.append((step, 0, step))
        start, notes, _ = turns[-1]
        turns[-1] = start, notes + len(moment.session.frame.melody.onsets), step
        if step + 1 == turn.end:
            ended.append((turn.end - start, turns[-1][1]))

    ended: list[tuple[int, int]] = []
    at_s = [(transport.time_of(0) + 60 / tempo * beat, event) for beat, event in _events(call)]
    with Player(SimulatedClock(-1.0), NullSink(), [Script([Timed(*each) for each in at_s])]) as player:
        perform(session, model, player, observe, lead=Lead(), last_step=int(beats * STEPS_PER_BEAT) - 1)
    return ended


def _events(call: Sequence[Note]) -> list[tuple[float, NoteOn | NoteOff]]:
    on = [(begins, NoteOn(Part.YOU, pitch, 90)) for begins, _, pitch in call]
    return on + [(ends, NoteOff(Part.YOU, pitch)) for _, ends, pitch in call]


GAMES = [(Mode.TRADE, 4), (Mode.TRADE, 1), (Mode.TRADE, 2), (Mode.TRADE, 12), (Mode.PHRASE, 4)]


@pytest.mark.parametrize(("mode", "bars"), GAMES)
@pytest.mark.parametrize("model", [Reluctant(), Holding()], ids=["silent", "on one note"])
def test_a_network_that_would_not_play_does(model: StepModel, mode: Mode, bars: int) -> None:
    wishes: list[dict[str, Any]] = [{}, {"rests": 1.0, "density": -1.0, "temperature": 0.0}, {"leaning": 1.0}]
    for index, call in enumerate(CALLS.values()):
        tempo, wish = (60, 240)[index % 2], wishes[index % 3]
        played = answers(model, call, max(24, 8 * bars), tempo=tempo, mode=mode, bars=bars, **wish)
        assert played
        assert all(notes >= 3 for _, notes in played)


def test_an_answer_that_is_begun_late_is_not_three_notes_at_its_end() -> None:
    assert answers(Reluctant(), CALLS["eight notes"], 32, mode=Mode.TRADE, bars=4)[0][0] == 32
    session = begin(Reluctant(), Settings(mode=Mode.TRADE, bars=4), Transport(0, 0.0, 120))
    struck: list[int] = []

    def observe(moment: Moment) -> None:
        if moment.session.frame.melody.onsets:
            struck.append(moment.session.step - moment.session.turn.start)

    with Player(SimulatedClock(-1.0), NullSink(), [Script([])]) as player:
        perform(session, Reluctant(), player, observe, lead=Lead(), last_step=63)
    assert struck[0] == 16
    assert struck[-1] <= 24


def test_who_wants_no_melody_has_none() -> None:
    for wishes in ({"melody_mute": "on"}, {"melody_level": 0}):
        played = answers(Reluctant(), CALLS["eight notes"], 32, mode=Mode.TRADE, bars=4, **wishes)
        assert [notes for _, notes in played] == [0]


def test_solo_and_duet_have_no_turns_to_fill() -> None:
    for mode in (Mode.SOLO, Mode.DUET, Mode.LISTEN):
        assert answers(Reluctant(), [], 32, mode=mode) == []


@pytest.mark.parametrize("name", ["partner", "eck2002-blues"])
@pytest.mark.parametrize("seeds", [2, pytest.param(12, marks=pytest.mark.full)])
def test_the_networks_that_are_shipped_answer(name: str, seeds: int) -> None:
    """Some of these turns had two notes, one or none: one call, and then nothing more."""
    model = opened(Tune.of(model=name))
    assert model.spec.encoding in ENCODINGS
    few = CALLS if seeds > 2 else {name: CALLS[name] for name in ("eight notes", "a riff of three", "two notes")}
    for seed in range(1, seeds + 1):
        for mode, bars in GAMES[:2] + GAMES[-1:]:
            for call in few.values():
                played = answers(model, call, max(16, 8 * bars), mode=mode, bars=bars, seed=seed)
                assert played
                assert all(notes >= 3 for _, notes in played), (seed, mode, bars)
