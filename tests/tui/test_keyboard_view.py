"""The drawn piano: which keys it shows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.notes import Cell
from improv.protocol.snapshot import MidiStatus
from improv.tui.theme.glyphs import ASCII, UNICODE
from improv.tui.views.keyboard import first_white_key, key_cells, keyboard_rows, white_index, white_pitch
from tests.tui.rows import text
from tests.tui.snapshots import bare


def test_the_keys_of_an_octave() -> None:
    seen = replace(bare(), played=Cell(held=(61, 65)), system=replace(bare().system, midi=MidiStatus(keys=(60, 70))))
    low = white_index(60)
    assert text(keyboard_rows(seen, UNICODE, {62: "c", 63: "f"}, low, 7, 3, 3)) == [
        "│██▒  f  │▒▒│  │  █  │",
        "│██│c │  │▒▒│  │  │  │",
        " C4",
    ]
    assert text(keyboard_rows(seen, ASCII, {}, low, 7, 2, 2)) == ["|#o : |o: : # |", "|#| | |o| | | |"]


@given(st.frozensets(st.integers(21, 108)), st.integers(20, 200))
def test_what_sounds_can_be_seen(pitches: frozenset[int], width: int) -> None:
    whites = (width - 1) // key_cells(width)
    low = first_white_key(pitches, frozenset(), whites, 0)
    fits = not pitches or white_index(max(pitches)) + 2 - white_index(min(pitches)) <= whites
    if fits and pitches:
        assert low <= white_index(min(pitches))
        assert white_index(max(pitches)) < low + whites
    assert low == first_white_key(pitches, frozenset(), whites, low) or not fits


LABELLED = frozenset(range(60, 89))
"""From C4 to E6: 17 white keys."""


@pytest.mark.parametrize("low", [0, 28, 30, 45])
@pytest.mark.parametrize("whites", [17, 18, 24])
def test_all_labelled_keys_are_seen_where_there_is_room(whites: int, low: int) -> None:
    low = first_white_key(frozenset({64, 87}), LABELLED, whites, low)
    assert low <= white_index(60)
    assert white_index(88) < low + whites


@pytest.mark.parametrize(("sounds", "first"), [({50, 52}, 50), ({64}, 60), ({96}, 69), ({97}, 71)])
def test_what_sounds_is_seen_before_the_labels_and_then_as_many_of_them_as_fit(sounds: set[int], first: int) -> None:
    for before in (0, 21, 35, 42, 49):
        low = first_white_key(frozenset(sounds), LABELLED, 17, before)
        assert white_pitch(low) == first
        assert low == first_white_key(frozenset(sounds), LABELLED, 17, low)


@pytest.mark.parametrize("index", range(75))
def test_white_keys_are_counted(index: int) -> None:
    assert white_index(white_pitch(index)) == index
