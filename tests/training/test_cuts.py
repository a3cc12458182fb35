"""Batches: stretches of solos moved to other keys, and begun in silence."""

from dataclasses import replace

import numpy as np
import pytest

from improv.models.encodings import Cells
from improv.music.rhythm import NUMBERS, Rhythm
from tests.training.solos import solo
from training.corpora.solos import Note
from training.datasets.cuts import Cut, after_silence, batch_of, digest_of
from training.datasets.sequences import BEFORE, BEFORE_THAT, FEATURES, STEP, UNIT, sequence

CELLS = Cells(tells_story=True)


@pytest.mark.parametrize("up", [-5, -1, 0, 6])
def test_a_cut_that_is_moved_is_the_cut_of_a_solo_in_another_key(up: int) -> None:
    moved = solo(1)
    moved = replace(
        moved,
        notes=tuple(replace(note, pitch=note.pitch + up) for note in moved.notes),
        chords=tuple(chord and chord.transposed(up) for chord in moved.chords),
    )
    features, rhythms, notes = Cut(sequence(solo(1)), 10, 40, up).arrays()
    wanted_features, wanted_rhythms, wanted_notes = Cut(sequence(moved), 10, 40).arrays()
    assert np.array_equal(rhythms, wanted_rhythms)
    assert np.array_equal(notes, wanted_notes)
    exact = [name for name in FEATURES if name != "register"]
    assert all(np.array_equal(features[name], wanted_features[name]) for name in exact)
    means = features["register"].argmax(axis=1) - wanted_features["register"].argmax(axis=1).astype(int)
    assert np.abs(means).max() <= 1  # it is known to three semitones


@pytest.mark.parametrize(("pitch", "up"), [(CELLS.pitch_low + 70, 4), (CELLS.pitch_low + 1, -4)])
def test_what_is_moved_out_of_the_range_stays_at_its_edge(pitch: int, up: int) -> None:
    edge = CELLS.pitch_count - 1 if up > 0 else 0
    told = replace(solo(1, tonic=0), notes=(Note(0, 6, 60), Note(6, 12, pitch), Note(12, 18, 62)))
    features, _, notes = Cut(sequence(told), 0, 8, up).arrays()
    assert notes[:, UNIT].tolist() == [60 + up - CELLS.pitch_low, edge, 62 + up - CELLS.pitch_low]
    assert [np.flatnonzero(units).tolist() for units in features["onsets"][:3]] == [[unit] for unit in notes[:, UNIT]]


def test_cuts_lie_side_by_side_and_end_in_zeros_that_do_not_count() -> None:
    made = sequence(solo(1))
    batch = batch_of([Cut(made, 0, 16), Cut(made, made.steps - 4, 16, up=-3)])
    assert batch.rhythms.shape == (16, 2)
    assert batch.counts.sum(dim=0).tolist() == [16, 4]
    assert batch.shift.tolist() == [0, 9]
    assert not batch.features["chord"][4:, 1].any()
    assert set(batch.notes[:, 0].tolist()) == {0, 1}


@pytest.mark.parametrize("players_turn", [False, True])
def test_before_a_cut_begins_there_are_only_chords(players_turn: bool) -> None:
    made = sequence(solo(1))
    silent = after_silence(made, 24, players_turn=players_turn)
    assert not silent.features["onsets"][:24].any()
    assert silent.rhythms[:24].tolist() == [NUMBERS[Rhythm()]] * 24
    assert silent.counts.tolist() == [0] * 24 + [1] * (made.steps - 24)
    assert silent.features["who"][:23].tolist() == [[players_turn, False]] * 23
    assert np.array_equal(silent.features["chord"], made.features["chord"])
    assert (silent.notes[:, STEP] >= 24).all()
    assert silent.notes[0, BEFORE] == silent.notes[1, BEFORE_THAT] == -1
    assert digest_of({"training": [silent]}) != digest_of({"training": [made]})
