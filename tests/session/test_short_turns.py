"""A turn in which improv plays fewer than three notes does not happen, whatever the network would have liked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from improv.config.values import Tune
from improv.models.contract import CONTRACT, ModelSpec, StepModel, Tensor, Tensors
from improv.models.encodings import ENCODINGS, Cells
from improv.models.encodings.cells import PITCH_HEAD, RHYTHM_HEAD
from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.rhythm import NUMBERS, Rhythm
from improv.music.theory import STEPS_PER_BEAT, Form
from improv.music.transport import Transport
from improv.music.turns import Mode, Who
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.runtime.opening import open_network
from improv.session.lifecycle import begin
from improv.session.step import advance
from tests.conftest import CHANGES, Echo, tiers

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
        chord = 30 * CELLS.chord_units(
            Form.parse(CHANGES).chord_at(int(memory["count"][0, 0]) + 1 + CELLS.lookahead_steps)
        )
        rhythm = np.full((1, len(NUMBERS)), -30, np.float32)
        rhythm[0, NUMBERS[Rhythm()]] = 30
        return {"next_chord": chord[None], RHYTHM_HEAD: rhythm}, {"count": memory["count"] + 1}

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        assert head == PITCH_HEAD
        return np.zeros((1, CELLS.pitch_count), np.float32)

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        raise AssertionError("it has no line that moves at a pace of its own")


class Holding(Echo):
    """A network that stays on one note, and strikes it each quarter."""

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        heads, memory = super().step(features, memory)
        melody = np.full((1, 13), -30, np.float32)
        melody[0, 4] = 30
        melodies = {"next_melody": melody}
        return {**heads, **melodies}, memory


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


def turns(
    model: StepModel, call: Sequence[Note], beats: float, *, tempo: float = 120, **chosen: Any
) -> list[tuple[int, list[int]]]:
    """Each whole turn of improv's: its length in steps, and the steps of it in which its notes begin."""
    transport = Transport(0, 0.0, tempo)
    session = begin(model, Settings.of(**chosen), transport)
    arriving = [Timed(transport.time_of(0) + 60 / tempo * beat, event) for beat, event in _events(call)]
    arriving.sort(key=lambda note: note.time_s)
    whole, struck = list[tuple[int, list[int]]](), list[int]()
    for step in range(int(beats * STEPS_PER_BEAT)):
        due_s, now = transport.time_of(step), []
        while arriving and arriving[0].time_s < due_s:
            now.append(arriving.pop(0))
        session, _ = advance(session, Heard(tuple(now)), model)
        turn = session.turn
        if turn.who is Who.IMPROV:
            struck = [] if step == turn.start else struck
            struck += [step - turn.start] * len(session.band.frame.melody.onsets)
            if step + 1 == turn.end:
                whole.append((turn.end - turn.start, struck))
    return whole


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
        played = turns(model, call, max(24, 8 * bars), tempo=tempo, mode=mode, bars=bars, **wish)
        assert played
        assert all(len(notes) >= 3 for _, notes in played)


def test_an_answer_that_is_begun_late_is_not_three_notes_at_its_end() -> None:
    ((length, notes),) = turns(Reluctant(), CALLS["eight notes"], 32, mode=Mode.TRADE, bars=4)
    assert (length, notes[0]) == (32, 16)
    assert notes[-1] <= 24


def test_who_wants_no_melody_has_none() -> None:
    for wishes in ({"melody_mute": "on"}, {"melody_level": 0}):
        assert turns(Reluctant(), CALLS["eight notes"], 32, mode=Mode.TRADE, bars=4, **wishes) == [(32, [])]


def test_solo_and_duet_have_no_turns_to_fill() -> None:
    for mode in (Mode.SOLO, Mode.DUET, Mode.LISTEN):
        assert turns(Reluctant(), [], 32, mode=mode) == []


@pytest.mark.parametrize("name", ["partner", "eck2002-blues"])
@pytest.mark.parametrize("seeds", tiers(1, 12))
def test_the_networks_that_are_shipped_answer(name: str, seeds: int) -> None:
    """Some of these turns had two notes, one or none: one call, and then nothing more."""
    model = open_network(Tune.of(model=name))
    assert model.spec.encoding in ENCODINGS
    few = CALLS if seeds > 1 else {name: CALLS[name] for name in ("eight notes", "a riff of three", "two notes")}
    for seed in range(1, seeds + 1):
        for mode, bars in GAMES[:2] + GAMES[-1:]:
            for call in few.values():
                played = turns(model, call, max(16, 8 * bars), mode=mode, bars=bars, seed=seed)
                assert played
                assert all(len(notes) >= 3 for _, notes in played), (seed, mode, bars)
