"""Solos as values: step by step and back, on every tick."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from improv.music.grid import BEATS_PER_BAR, EIGHTHS, TICKS_PER_BEAT
from improv.music.notes import SILENCE, Cell, Frame, Onset, Release
from improv.music.theory import Chord
from improv.session.listening import cell_at
from improv.session.state import Key
from training.corpora.solos import Note, Solo, frames, notes_in

BAR = BEATS_PER_BAR * TICKS_PER_BEAT
C7, F7 = Chord.parse("C7"), Chord.parse("F7")


def solo(*notes: Note, chords: tuple[Chord | None, ...] = (C7,) * 4) -> Solo:
    return Solo(
        name="test", title="Test", composer="", performer="", tonic=0, mode="maj", is_blues=True, feel="SWING",
        tempo_bpm=120.0, notes=notes, chords=chords,
    )  # fmt: skip


@st.composite
def melodies(draw: st.DrawFn) -> Solo:
    """Notes one after the other, with and without rests, repeated pitches too, in two bars."""
    places = draw(st.lists(st.integers(0, 2 * BAR), unique=True, max_size=40).map(sorted))
    notes = []
    for onset, latest in pairwise(places):
        if draw(st.booleans()):
            notes.append(Note(onset, draw(st.integers(onset + 1, latest)), draw(st.integers(60, 62))))
    return solo(*notes, chords=(C7,) * 8)


def test_a_melody_step_by_step() -> None:
    melody = solo(Note(3, 6, 60), Note(6, 14, 62), Note(14, 16, 62), Note(24, 36, 64), chords=(C7, None, F7, F7))
    assert frames(melody) == (
        Frame(Cell(onsets=(Onset(60, 3),)), C7),
        Frame(Cell(onsets=(Onset(62),)), C7),
        Frame(Cell(onsets=(Onset(62, 2),), held=(62,), releases=(Release(62, 2), Release(62, 4))), None),
        Frame(SILENCE, None),
        Frame(Cell(onsets=(Onset(64),)), F7),
        Frame(Cell(held=(64,)), F7),
        Frame(SILENCE, F7),
        Frame(SILENCE, F7),
    )


@given(melodies())
def test_frames_lose_nothing(melody: Solo) -> None:
    assert notes_in(frames(melody)) == melody.notes


@given(melodies())
def test_a_solo_is_heard_as_played_keys_are(melody: Solo) -> None:
    keys = tuple(Key(note.pitch, 90, note.onset, note.end) for note in melody.notes)
    assert [frame.melody for frame in frames(melody)] == [cell_at(keys, step, EIGHTHS) for step in range(melody.steps)]


def test_what_sounds_into_the_first_frame_begins_with_it() -> None:
    cells = [frame.melody for frame in frames(solo(Note(0, 9, 60), Note(12, 48, 62)))]
    later = [Frame(cell, None) for cell in cells[1:4]]
    assert notes_in(later) == (Note(0, 3, 60), Note(6, 18, 62))


def test_phrases_begin_where_their_number_changes() -> None:
    melody = solo(Note(0, 6, 60, 0), Note(6, 9, 62, 0), Note(12, 18, 64, 1), Note(24, 30, 64, 2))
    assert melody.phrases == (0, 12, 24)
    assert (melody.bars, melody.steps) == (1, 8)
    assert solo().phrases == ()
