"""The rhythms of one step: any set of onsets, exact, and ends as far as they are heard as articulation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.notes import SILENCE, Cell, Onset, Release
from improv.music.rhythm import HALF, NUMBERS, RHYTHMS, Rhythm, cell_of, rhythm_of, top_line
from improv.music.theory import TICKS_PER_STEP

HELD = Rhythm(held=True)
C, E = 60, 64


def test_there_is_a_rhythm_for_every_set_of_onsets() -> None:
    assert len(RHYTHMS) == len(NUMBERS) == 73
    assert len({rhythm.ticks for rhythm in RHYTHMS}) == 2**TICKS_PER_STEP
    assert RHYTHMS[0] == Rhythm()
    assert all(NUMBERS[rhythm] == number for number, rhythm in enumerate(RHYTHMS))


@pytest.mark.parametrize(
    ("cell", "rhythm"),
    [
        (SILENCE, Rhythm()),
        (Cell(held=(C,)), HELD),
        (Cell(held=(C,), releases=(Release(C, 1),)), Rhythm()),
        (Cell(held=(C,), releases=(Release(C, 2),)), Rhythm(held=True, ended=True)),
        (Cell(held=(C,), releases=(Release(C, 3),)), Rhythm(held=True, ended=True)),
        (Cell(held=(C,), releases=(Release(C, 4),)), HELD),
        (Cell(onsets=(Onset(C),)), Rhythm((0,))),
        (Cell(onsets=(Onset(C),), releases=(Release(C, 2),)), Rhythm((0,), ended=True)),
        (Cell(onsets=(Onset(C),), releases=(Release(C, 5),)), Rhythm((0,))),
        (Cell(onsets=(Onset(C, 4),), releases=(Release(C, 5),)), Rhythm((4,))),
        (Cell(onsets=(Onset(C), Onset(E, 3)), releases=(Release(C, 2),)), Rhythm((0, 3))),
        (Cell(onsets=(Onset(C, 2), Onset(E, 2))), Rhythm((2,))),
        (Cell(onsets=(Onset(C, 2), Onset(C)), releases=(Release(C, 2),)), Rhythm((0, 2))),
    ],
)
def test_a_cell_has_the_nearest_rhythm(cell: Cell, rhythm: Rhythm) -> None:
    assert rhythm_of(cell) == rhythm


def test_of_notes_at_once_the_highest_is_the_line() -> None:
    assert top_line(Cell(onsets=(Onset(E, 3), Onset(C), Onset(67), Onset(C, 3)))) == (67, E)


@pytest.mark.parametrize(
    ("rhythm", "pitches", "before", "cell"),
    [
        (Rhythm(), (), C, SILENCE),
        (HELD, (), C, Cell(held=(C,))),
        (HELD, (), None, SILENCE),
        (Rhythm(held=True, ended=True), (), C, Cell(held=(C,), releases=(Release(C, HALF),))),
        (Rhythm((0,)), (E,), C, Cell(onsets=(Onset(E),))),
        (Rhythm((2,)), (E,), C, Cell((Onset(E, 2),), (C,), (Release(C, 2),))),
        (Rhythm((2,)), (E,), None, Cell((Onset(E, 2),))),
        (Rhythm((0, 3)), (E, C), None, Cell((Onset(E), Onset(C, 3)), (), (Release(E, 3),))),
        (Rhythm((2,), ended=True), (C,), C, Cell((Onset(C, 2),), (C,), (Release(C, 2), Release(C, HALF)))),
    ],
)
def test_a_rhythm_and_its_pitches_are_a_cell(
    rhythm: Rhythm, pitches: tuple[int, ...], before: int | None, cell: Cell
) -> None:
    assert cell_of(rhythm, pitches, before) == cell


def test_every_onset_has_a_pitch() -> None:
    with pytest.raises(ValueError, match="longer"):
        cell_of(Rhythm((0, 3)), (C,), None)


@given(st.sampled_from(RHYTHMS), st.lists(st.integers(0, 127), min_size=6, max_size=6), st.integers(0, 127))
def test_what_is_decoded_is_encoded_as_it_was(rhythm: Rhythm, pitches: list[int], before: int) -> None:
    cell = cell_of(rhythm, tuple(pitches[: len(rhythm.ticks)]), before)
    assert rhythm_of(cell) == rhythm
    assert top_line(cell) == tuple(pitches[: len(rhythm.ticks)])
    assert bool(cell.sounding_after) is rhythm.sounds_after
