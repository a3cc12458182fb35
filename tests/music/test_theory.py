"""Chords, forms, places and cells, as musicians name and count them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.notes import Cell, NoteOff, NoteOn, Onset, Placed, Release, in_order
from improv.music.parts import Part
from improv.music.theory import PITCH_CLASSES, QUALITIES, Chord, Form, Place, pitch_name

chords = st.builds(Chord, st.integers(0, 11), st.sampled_from(sorted(QUALITIES.values())))


@pytest.mark.parametrize(
    ("symbol", "notes"),
    [("C7", "C E G Bb"), ("F7", "C Eb F A"), ("F#dim7", "C Eb F# A"), ("Dm7", "C D F A"), ("Bb", "D F Bb")],
)
def test_a_symbol_means_its_notes(symbol: str, notes: str) -> None:
    chord = Chord.parse(symbol)
    assert [PITCH_CLASSES[p % 12] for p in chord.voiced(48)] == notes.split()
    assert all(48 <= pitch < 60 for pitch in chord.voiced(48))
    assert chord.symbol == symbol


@pytest.mark.parametrize("symbol", ["", "H7", "C9sus", "c7", "#"])
def test_nonsense_is_no_chord(symbol: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        Chord.parse(symbol)


@given(chords)
def test_a_chord_is_found_again_by_its_notes(chord: Chord) -> None:
    assert Chord.of(chord.pitch_classes, known=[chord]) == chord
    found = Chord.of(chord.pitch_classes)
    assert found is not None
    assert found.pitch_classes == chord.pitch_classes


@given(st.frozensets(st.integers(0, 11)))
def test_any_set_of_notes_is_a_chord_and_none_is_none(pitch_classes: frozenset[int]) -> None:
    chord = Chord.of(pitch_classes)
    assert (chord.pitch_classes if chord else frozenset()) == pitch_classes


@given(chords, st.integers(-24, 24))
def test_transposing_there_and_back(chord: Chord, semitones: int) -> None:
    assert chord.transposed(semitones).transposed(-semitones) == chord


def test_a_form_shares_a_bar_among_its_chords() -> None:
    form = Form.parse("C7 | A7 Dm7")
    assert [chord.symbol for chord in form.chords] == ["C7"] * 8 + ["A7"] * 4 + ["Dm7"] * 4
    assert form.chord_at(-1).symbol == "Dm7"
    assert form.chord_at(16).symbol == "C7"


@pytest.mark.parametrize("text", ["C7 | A7 Dm7", "C7", "C7 F7 C7 F7 | G7 G7 G7 G7 C7 C7 C7 F7", "F#dim7 | Bbmaj7"])
def test_a_form_says_its_chords_as_they_are_read(text: str) -> None:
    form = Form.parse(text)
    assert Form.parse(form.text) == form
    assert len(form.text) <= len(text)
    assert form.transposed(2).transposed(-2) == form


@pytest.mark.parametrize("text", ["", "C7 | | F7", "C7 F7 G7", "C7 | X7"])
def test_a_form_that_does_not_divide_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not divide|is no"):
        Form.parse(text)


@pytest.mark.parametrize(
    ("step", "place"), [(0, (1, 1, 1)), (7, (1, 1, 4)), (15, (1, 2, 4)), (16, (2, 1, 1)), (-2, (0, 2, 4))]
)
def test_places_are_counted_as_musicians_count(step: int, place: tuple[int, int, int]) -> None:
    assert Place.of(step, Form.parse("C7 | F7")) == Place(*place)


@pytest.mark.parametrize(
    ("cell", "during", "after"),
    [
        (Cell(), set(), set()),
        (Cell(held=(60,)), {60}, {60}),
        (Cell(onsets=(Onset(60),)), {60}, {60}),
        (Cell(onsets=(Onset(60),), releases=(Release(60, 3),)), {60}, set()),
        (Cell(held=(60,), releases=(Release(60, 3),), onsets=(Onset(60, 3),)), {60}, {60}),
        (Cell(held=(60,), releases=(Release(60, 2),), onsets=(Onset(62, 2),)), {60, 62}, {62}),
    ],
)
def test_a_cell_knows_what_sounds(cell: Cell, during: set[int], after: set[int]) -> None:
    assert cell.pitches == during
    assert cell.sounding_after == after


def test_what_ends_comes_before_what_begins() -> None:
    on, off = NoteOn(Part.MELODY, 60, 90), NoteOff(Part.MELODY, 60)
    assert in_order([Placed(6, on), Placed(6, off), Placed(0, on)]) == (Placed(0, on), Placed(6, off), Placed(6, on))


def test_pitches_have_names() -> None:
    assert [pitch_name(p) for p in (0, 60, 61, 66, 127)] == ["C-1", "C4", "Db4", "F#4", "G9"]
