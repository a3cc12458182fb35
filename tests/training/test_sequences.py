"""Solos as sequences: what a network learns from is what the runtime feeds."""

import numpy as np
import pytest

from improv.models.encodings import Cells
from improv.music.rhythm import RHYTHMS
from improv.music.theory import Chord
from tests.training.solos import solo
from training.datasets.sequences import (
    FEATURES,
    FORM_STEPS,
    NUMBER,
    STEP,
    TICK,
    UNIT,
    in_c,
    sequence,
    sequences,
    step_inputs,
)

CELLS = Cells(tells_story=True)


def test_a_solo_is_fed_in_c() -> None:
    line = in_c(solo(1))
    assert [frame.chord for frame in line[8:]][:4] == [Chord.parse("C7")] * 4
    pitches = [onset.pitch for frame in line for onset in frame.melody.onsets]
    assert pitches == [note.pitch + 5 for note in solo(1).notes]  # up to C: the shorter way from G
    with pytest.raises(ValueError, match="solo 1 has no key"):
        in_c(solo(1, tonic=None))
    assert sequences([solo(1, tonic=None)]) == []


def test_the_place_in_the_form_is_told_where_a_chorus_is_and_of_the_step_that_is_decided() -> None:
    told = step_inputs(solo(1))
    places = [CELLS.encode(each)["place"][0] for each in told]
    bars = [int(np.argmax(place[8:])) if place[8:].any() else None for place in places]
    assert bars[:8] == [None] * 7 + [0]
    assert bars[7:-9] == [bar for bar in range(12) for _ in range(8)]
    assert bars[-9:] == [None] * 9
    assert [int(np.argmax(place[:8])) for place in places] == [(step + 1) % 8 for step in range(len(places))]
    assert sum(each.form_steps == FORM_STEPS for each in told) == FORM_STEPS


def test_what_a_network_learns_from_is_what_the_runtime_feeds() -> None:
    made, told = sequence(solo(1)), step_inputs(solo(1))
    assert made.steps == len(told) == solo(1).steps
    for step, each in enumerate(told):
        encoded = CELLS.encode(each)
        assert all(np.array_equal(made.features[name][step], encoded[name][0]) for name in FEATURES)


def test_the_choices_are_those_of_the_soloist() -> None:
    made = sequence(solo(1))
    of_notes = [note.pitch + 5 - CELLS.pitch_low for note in solo(1).notes]
    assert made.notes[:, UNIT].tolist() == of_notes
    assert (made.notes[:, STEP] * 6 + made.notes[:, TICK]).tolist() == [note.onset for note in solo(1).notes]
    for step, rhythm in enumerate(made.rhythms):
        notes = made.notes[made.notes[:, STEP] == step]
        assert tuple(notes[:, TICK]) == RHYTHMS[rhythm].ticks
        assert notes[:, NUMBER].tolist() == list(range(len(notes)))
