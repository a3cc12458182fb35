"""How improv hears what was meant, measured: what invented players play, and what counts as heard."""

from dataclasses import replace

import numpy as np
import pytest

from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import Cell, NoteOff, NoteOn, Onset
from improv.protocol.controls import MEANT, NEAREST
from tests.session.test_hearing import Fed
from tests.training.corpora import folder
from training.corpora import wjazzd
from training.corpora.beat_rhythms import COUNTED, counted
from training.corpora.solos import Note, Solo
from training.corpora.wjazzd_split import split
from training.evaluation.hearing import (
    Performance,
    as_played,
    heard_cells,
    invented,
    messages,
    on_their_ticks,
    rare_onsets,
    share,
)
from training.metrics.melody import as_numbers, melody

EIGHTHS = tuple(Note(6 * number, 6 * number + 6, 60 + number % 12) for number in range(64))


def solo(notes: tuple[Note, ...] = EIGHTHS) -> Solo:
    return Solo(
        name="a", title="a", composer="", performer="", tonic=0, mode="", is_blues=True, feel="SWING", tempo_bpm=120.0,
        notes=notes, chords=(None,) * 64,
    )  # fmt: skip


def test_an_exact_player_is_heard_exactly_and_the_nearest_tick_is_not() -> None:
    performance = invented(solo(), 120, lag_ms=0, band_swing=0.6)
    assert share(Fed(), [performance], samples=2).value == 1
    assert share(Fed(), [performance], NEAREST, samples=2).value == 0.5


def test_an_invented_player_is_as_late_as_it_says_swings_so_far_and_is_that_exact() -> None:
    late = invented(solo(), 120, lag_ms=50, swing=0.6)
    assert [round(onset - note.onset / 12, 3) for note, (onset, _) in zip(EIGHTHS, late.played, strict=True)][:4] == [
        0.1, 0.2, 0.1, 0.2,
    ]  # fmt: skip
    loose = invented(solo(), 120, lag_ms=0, jitter_ms=20)
    off_ms = [(onset - note.onset / 12) * 500 for note, (onset, _) in zip(EIGHTHS, loose.played, strict=True)]
    assert 14 < np.std(off_ms) < 26
    assert invented(solo(), 120, jitter_ms=20) == invented(solo(), 120, jitter_ms=20)


def test_triplets_do_not_swing() -> None:
    notes = tuple(Note(tick, tick + 2, 60) for tick in (0, 4, 6, 8, 12, 18))
    played = invented(solo(notes), 120, lag_ms=0, swing=0.66).played
    assert [round(onset, 3) for onset, _ in played] == [0, 0.333, 0.5, 0.667, 1, 1.66]


def test_every_note_of_a_performance_arrives_and_ends_before_its_pitch_begins_again() -> None:
    performance = Performance("a", 120, (Note(0, 6, 60), Note(6, 12, 60)), ((0.0, 0.7), (0.5, 0.9)), 0.5)
    arriving = messages(performance)
    assert [(round(each.time_s, 3), type(each.event)) for each in arriving] == [
        (0, NoteOn), (0.25, NoteOff), (0.25, NoteOn), (0.45, NoteOff),
    ]  # fmt: skip


def test_a_note_counts_where_it_is_notated_in_any_octave() -> None:
    performance = Performance("a", 120, (Note(0, 6, 60), Note(9, 12, 62)), ((0, 0.5), (0.75, 1)), 0.5)
    cells = {0: Cell((Onset(72, 0),)), 1: Cell((Onset(62, 2),))}
    assert on_their_ticks(performance, cells) == 1


def test_what_is_not_known_is_not_played() -> None:
    assert as_played(solo()) is None
    known = tuple(replace(note, played_beats=(note.onset / 12, note.end / 12)) for note in EIGHTHS)
    performance = as_played(solo(known))
    assert performance is not None
    assert on_their_ticks(performance, heard_cells(Fed(), performance, MEANT)) == len(EIGHTHS)


def test_rare_onsets_are_those_on_no_half_third_quarter_or_sixth() -> None:
    line = replace(melody(()), onsets=as_numbers([0, 1, 6, 11, 14, 17]))
    assert rare_onsets([line], ["a"]).value == pytest.approx(3 / 6)


def test_the_table_of_rhythms_is_what_is_counted_in_the_training_solos() -> None:
    solos, _ = wjazzd.read(folder("wjazzd"))
    assert counted(split(solos).training) == COUNTED


def test_notes_of_the_database_have_the_beats_they_were_played_at() -> None:
    solos, _ = wjazzd.read(folder("wjazzd"))
    off = [
        note.played_beats[0] - note.onset / TICKS_PER_BEAT
        for each in solos
        for note in each.notes
        if note.played_beats is not None
    ]
    assert len(off) > 150_000
    assert abs(float(np.median(off))) < 0.06
    assert np.quantile(np.abs(off), 0.99) < 0.35
