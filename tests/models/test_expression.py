"""The encoding of how a line is played: its classes, what a network is told as a note begins, and what it is asked."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.models.encodings.expression import (
    HALF_A_TICK,
    LENGTH_EDGES,
    LENGTH_HEAD,
    MIDDLE,
    TIMING_EDGES_MS,
    TIMING_HEAD,
    VELOCITIES,
    VELOCITY_EDGES,
    VELOCITY_HEAD,
    Expression,
    Line,
    NoteInput,
    Touch,
    late_ms_of,
    length_class,
    share_of,
    timing_class,
    velocity_class,
    velocity_of,
)
from improv.music.theory import Chord

EXPRESSION = Expression()
LINE = Line(pitch=60, onset=96, notes=3, mean_pitch=62.0, velocity=98.0, late_ms=-15.0, share=0.8, level=90.0)
NOTE = NoteInput(line=LINE, onset=102, place=102, pitch=64, room=6, chord=Chord.parse("C7"), bpm=140, swing=0.6)


def told(**changes: Any) -> dict[str, list[int]]:
    """Return the units that are on, of the tensors that are one-hot."""
    tensors = EXPRESSION.encode(replace(NOTE, **changes))
    return {name: np.flatnonzero(tensors[name][0]).tolist() for name in ("place", "note", "phrase")}


@given(
    st.builds(
        NoteInput,
        line=st.builds(
            Line,
            pitch=st.none() | st.integers(0, 127),
            onset=st.integers(-400, 400),
            notes=st.integers(0, 200),
            mean_pitch=st.floats(0, 127),
            velocity=st.floats(1, 127),
            late_ms=st.floats(-80, 80),
            share=st.floats(0.3, 1),
            level=st.floats(1, 127),
        ),
        onset=st.integers(400, 4000),
        place=st.integers(-200, 4000),
        pitch=st.integers(0, 127),
        room=st.integers(1, 6),
        rested=st.booleans(),
        chord=st.none() | st.just(Chord.parse("Dm7")),
        bpm=st.floats(20, 400),
        swing=st.floats(0.5, 0.75),
    )
)
def test_every_tensor_has_its_shape(note: NoteInput) -> None:
    tensors = EXPRESSION.encode(note)
    assert {name: tensor.shape for name, tensor in tensors.items()} == EXPRESSION.features
    assert all(tensor.dtype == np.float32 and np.isfinite(tensor).all() for tensor in tensors.values())


def test_a_note_is_told_by_its_place_its_line_and_its_chord() -> None:
    on = told()
    assert on["place"][:3] == [102 % 12, 12 + 102 // 12 % 4, 16 + 2]
    assert on["note"] == [
        12 + 4,
        26 + 4,
        26 + 12,
        26 + 13 + 5,
    ]  # a third up, the chord's third, a tone of it, six ticks
    assert told(pitch=61)["note"] == [12 + 1, 26 + 1, 26 + 13 + 5]
    assert told(pitch=110)["note"][0] == 24
    assert told(chord=None)["note"] == [16, 26 + 13 + 5]


def test_what_comes_first_follows_nothing() -> None:
    first = EXPRESSION.encode(replace(NOTE, line=Line()))
    assert not first["history"].any()
    assert np.flatnonzero(first["note"][0])[0] == 25
    assert told(line=Line())["phrase"] == [12, 13, 13 + 7 + 4]


def test_a_rest_begins_a_phrase() -> None:
    assert told()["phrase"][1] == 13 + 3
    assert told(rested=True)["phrase"][1] == 13
    line = LINE.after(onset=102, pitch=64, begins=True, velocity=80, late_ms=0, share=1)
    assert (line.notes, line.pitch, line.onset) == (1, 64, 102)
    assert LINE.after(onset=102, pitch=64, begins=False, velocity=80, late_ms=0, share=1).notes == LINE.notes + 1


def test_a_line_s_means_follow_it_slowly() -> None:
    line = Line()
    for number in range(200):
        line = line.after(onset=6 * number, pitch=72, begins=False, velocity=110.0, late_ms=0, share=1)
    assert line.mean_pitch == pytest.approx(72, abs=0.1)
    assert line.level == pytest.approx(110, abs=0.5)


def test_what_was_played_last_is_told_in_numbers_of_about_one() -> None:
    (history,) = EXPRESSION.encode(NOTE)["history"]
    assert history == pytest.approx([1, 0.5, -0.5, 0.8, 0, 0.1])


def test_three_choices_are_asked_none_of_which_waits_for_another() -> None:
    decoder = EXPRESSION.decode()
    asked = [next(decoder).head, decoder.send(3).head, decoder.send(5).head]
    with pytest.raises(StopIteration) as done:
        decoder.send(6)
    assert asked == [VELOCITY_HEAD, TIMING_HEAD, LENGTH_HEAD]
    assert done.value.value == Touch(3, 5, 6)
    assert not any(head.after for head in EXPRESSION.heads.values())


def test_what_is_drawn_of_a_class_lies_in_it() -> None:
    for edges, unit_of, class_of in (
        (VELOCITY_EDGES, velocity_of, velocity_class),
        (TIMING_EDGES_MS, late_ms_of, timing_class),
    ):
        for unit, (low, high) in enumerate(pairwise(edges)):
            assert [unit_of(unit, 0.0), unit_of(unit, 1.0)] == [low, high]
            assert [class_of(unit_of(unit, at)) for at in (0.0, 0.5, 0.999)] == [unit] * 3
        assert [class_of(each) for each in (-999, 999)] == [0, len(edges) - 2]
    assert share_of(len(LENGTH_EDGES) - 1, 0.0) == 1
    assert [length_class(share_of(unit, 0.5), 12) for unit in range(len(LENGTH_EDGES) - 1)] == list(range(6))


def test_a_note_is_tied_whose_silence_is_shorter_than_half_a_tick() -> None:
    whole = len(LENGTH_EDGES) - 1
    for ticks in (2, 3, 4, 6, 12):
        assert length_class(1 - (HALF_A_TICK - 0.01) / ticks, ticks) == whole
        assert length_class(1 - (HALF_A_TICK + 0.01) / ticks, ticks) < whole


def test_the_middle_is_in_the_middle() -> None:
    assert VELOCITIES[velocity_class(MIDDLE - 1)] < MIDDLE < VELOCITIES[velocity_class(MIDDLE)]
    assert (np.diff(VELOCITIES) > 0).all()


def test_its_fingerprint_is_the_one_that_its_file_carries() -> None:
    assert EXPRESSION.fingerprint == "31df693359184d26"
