"""Local notes as an encoding: pitches and chords to units and back, and the fingerprint."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.models.encodings import LocalNotes, StepInput
from improv.music.notes import SILENCE, Cell, Frame, Onset
from improv.music.theory import Chord, Form
from tests.conftest import LOCAL_NOTES

BLUES = Form.parse("C7 | F7 | F#dim7 | A7 | Dm7 | G7")


def test_a_unit_a_note() -> None:
    tensors = LOCAL_NOTES.encode(StepInput(Frame(Cell(onsets=(Onset(64),)), Chord.parse("C7"))))
    assert tensors["melody"].shape == (1, 13)
    assert np.flatnonzero(tensors["melody"]).tolist() == [4]
    assert np.flatnonzero(tensors["chord"]).tolist() == [0, 4, 7, 10]
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("pitch", "unit"), [(60, 0), (72, 12), (73, 1), (84, 0), (59, 11), (36, 0), (127, 7)])
def test_any_octave_is_folded_into_the_range(pitch: int, unit: int) -> None:
    tensors = LOCAL_NOTES.encode(StepInput(Frame(Cell(onsets=(Onset(pitch),)), None)))
    assert np.flatnonzero(tensors["melody"]).tolist() == [unit]
    assert not tensors["chord"].any()


def test_silence_is_no_unit_and_two_notes_are_two() -> None:
    assert not LOCAL_NOTES.encode(StepInput(Frame(SILENCE, None)))["melody"].any()
    both = LOCAL_NOTES.encode(StepInput(Frame(Cell(onsets=(Onset(62),), held=(60,)), None)))
    assert np.flatnonzero(both["melody"]).tolist() == [0, 2]


@pytest.mark.parametrize("symbol", ["C7", "F7", "F#dim7", "A7", "Dm7", "G7"])
def test_a_chord_survives_its_units(symbol: str) -> None:
    chord = Chord.parse(symbol)
    assert LOCAL_NOTES.chord(LOCAL_NOTES.chord_units(chord), BLUES) == chord


def test_no_units_are_no_chord() -> None:
    assert LOCAL_NOTES.chord(np.zeros(12, np.float32), BLUES) is None


@given(st.lists(st.integers(60, 72), max_size=48))
def test_quarter_notes_survive_the_encoding(quarters: list[int]) -> None:
    melody = LOCAL_NOTES.melody(tuple(pitch for pitch in quarters for _ in range(2)))
    assert [cell.onsets for cell in melody[::2]] == [(Onset(pitch),) for pitch in quarters]
    assert [cell.held for cell in melody[1::2]] == [(pitch,) for pitch in quarters]


def test_the_fingerprint_tells_vocabularies_apart() -> None:
    assert LOCAL_NOTES.fingerprint == LocalNotes().fingerprint
    assert len({LocalNotes().fingerprint, LocalNotes(melody_low=48).fingerprint}) == 2
    assert LOCAL_NOTES.fingerprint == "ebe12c989554db69"  # committed models carry this one
