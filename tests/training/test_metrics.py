"""Figures of melodies that are small enough to be counted by hand."""

from itertools import combinations, pairwise
from math import isnan, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.notes import SILENCE, Cell, Frame, Onset
from improv.music.theory import Chord
from tests.training.test_solos import melodies, solo
from training.corpora.solos import Note, Solo, frames
from training.metrics import structure
from training.metrics.figures import (
    chord_tones,
    density,
    divergence,
    durations,
    entropy,
    grooving_similarity,
    intervals,
    most_common_note,
    phrase_beginnings,
    phrase_falls,
    phrase_lengths,
    phrases,
    pitch_class_entropy,
    pitch_range,
    rests,
)
from training.metrics.melody import TICKS_PER_BAR, Melody, Reals, melody, of_solo, windows
from training.metrics.repetition import longest_shared, repetition, shared
from training.metrics.report import References, figures, measure, report
from training.metrics.structure import structureness

C7, F7 = Chord.parse("C7"), Chord.parse("F7")
C, D, E, F, G, A, B = 60, 62, 64, 65, 67, 69, 71


def line(*notes: tuple[int, int, int], bars: int = 1, choruses: tuple[int, ...] = ()) -> Melody:
    """Notes, each an onset, an end and a pitch, over C7."""
    played = solo(*(Note(*note) for note in notes), chords=(C7,) * 4 * bars)
    return melody(frames(played), choruses)


def eighths(*pitches: int, bars: int = 0, first: int = 0) -> Melody:
    """One after the other, legato."""
    notes = [(6 * at, 6 * at + 6, pitch) for at, pitch in enumerate(pitches, start=first)]
    return line(*notes, bars=bars or -(-(first + len(pitches)) // 8))


def moved(one: Melody, up: int, bars: int = 0) -> Melody:
    later = bars * TICKS_PER_BAR
    chords = np.pad(np.roll(one.chords, up, axis=1), ((8 * bars, 0), (0, 0)))
    return Melody(one.onsets + later, one.ends + later, one.pitches + up, chords)


# --- melodies -----------------------------------------------------------------------------------


def test_a_melody_is_the_line_of_its_frames() -> None:
    cells = (
        Cell(onsets=(Onset(C), Onset(G))),
        Cell(held=(C, G)),
        Cell(onsets=(Onset(E, 3),), held=(G,)),
        SILENCE,
    )
    found = melody([Frame(cell, C7 if step < 2 else None) for step, cell in enumerate(cells)], (0,))
    assert list(zip(found.onsets, found.ends, found.pitches, strict=True)) == [(0, 15, G), (15, 18, E)]
    assert found.chords.sum(axis=1).tolist() == [4, 4, 0, 0]
    assert found.bars == 1


@pytest.mark.parametrize(("end", "as_told"), [(1, 6), (2, 6), (5, 6), (6, 6), (7, 6), (8, 9), (9, 9), (11, 12)])
def test_notes_end_where_a_rhythm_can_say(end: int, as_told: int) -> None:
    told = 3 if end in (1, 2) else as_told
    assert line((0, end, C), (18, 24, D)).ends.tolist() == [told, 24]


@given(melodies())
def test_no_onset_and_no_pitch_is_lost_and_nothing_overlaps(played: Solo) -> None:
    found = of_solo(played)
    assert found.onsets.tolist() == [note.onset for note in played.notes]
    assert found.pitches.tolist() == [note.pitch for note in played.notes]
    assert (found.ends > found.onsets).all()
    assert (found.ends[:-1] <= found.onsets[1:]).all()


def test_windows_are_the_choruses_or_every_twelve_bars() -> None:
    notes = [(bar * TICKS_PER_BAR, bar * TICKS_PER_BAR + 6, C + bar) for bar in range(30)]
    known, unknown = line(*notes, bars=30, choruses=(2, 14)), line(*notes, bars=30)
    assert [window.pitches[0] - C for window in windows(known)] == [2, 14]
    assert [window.pitches[0] - C for window in windows(unknown)] == [0, 12]
    assert all(window.onsets[0] == 0 and len(window.onsets) == window.bars == 12 for window in windows(known))
    assert len(windows(eighths(C, D))) == 1


# --- pitch --------------------------------------------------------------------------------------


def test_entropy_of_one_bar_and_of_four() -> None:
    low_and_high = eighths(*[C, C + 12] * 4, *[C, D] * 4)
    assert pitch_class_entropy(low_and_high, 1) == pytest.approx((0 + 1) / 2)
    assert pitch_class_entropy(low_and_high, 4) == pytest.approx(entropy(np.array([12.0, 4.0])))
    chromatic = eighths(*range(C, C + 12), bars=2)
    assert pitch_class_entropy(chromatic, 4) == pytest.approx(log2(12))
    assert isnan(pitch_class_entropy(line(), 1))


def test_bars_without_notes_have_no_entropy() -> None:
    one, other = (pitch_class_entropy(eighths(C, D, bars=bars, first=first), 1) for bars, first in ((1, 0), (3, 8)))
    assert one == other == 1


@given(melodies(), st.integers(-12, 12))
def test_entropy_has_bounds_and_no_key(played: Solo, up: int) -> None:
    found = of_solo(played)
    for bars in (1, 4):
        value = pitch_class_entropy(found, bars)
        assert value == pytest.approx(pitch_class_entropy(moved(found, up), bars), nan_ok=True)
        assert isnan(value) or 0 <= value <= log2(3) + 1e-9


def test_the_most_common_note_and_the_range() -> None:
    found = eighths(C, C, E, C + 12, C)
    assert most_common_note(found) == 3 / 5
    assert pitch_range(found) == 12


def test_chord_tones_by_metrical_strength() -> None:
    found = eighths(C, D, D, D, E, D, F, E, F, *[C] * 7)
    assert chord_tones(found) == {"downbeats": 1 / 2, "other beats": 4 / 6, "off-beats": 5 / 8}
    nobody_knows = Melody(found.onsets, found.ends, found.pitches, np.zeros((16, 12), np.bool_))
    assert all(map(isnan, chord_tones(nobody_knows).values()))


def test_intervals_are_counted_up_to_an_octave() -> None:
    found = intervals(eighths(C, D, C, C + 13, C - 20, C - 20))
    assert {at - 13: count for at, count in enumerate(found) if count} == {2: 1, -2: 1, 13: 1, -13: 1, 0: 1}


# --- rhythm -------------------------------------------------------------------------------------


def test_durations_are_counted_up_to_two_beats() -> None:
    found = durations(line((0, 3, C), (6, 12, D), (12, 24, E), (24, 48, F), (48, 96, G), bars=2))
    assert {at + 1: count for at, count in enumerate(found) if count} == {3: 1, 6: 1, 12: 1, 24: 1, 25: 1}


def test_bars_that_are_struck_alike_are_alike() -> None:
    assert grooving_similarity(eighths(*range(C, C + 16))) == 1
    assert grooving_similarity(line((0, 6, C), (54, 60, D), bars=2)) == pytest.approx(1 - 2 / 48)
    assert isnan(grooving_similarity(eighths(C, D)))


@given(st.lists(st.sets(st.integers(0, 47)), min_size=2, max_size=6).filter(any))
def test_grooving_similarity_is_the_mean_over_all_pairs(bars: list[set[int]]) -> None:
    notes = [(48 * bar + tick, 48 * bar + tick + 1, C) for bar, ticks in enumerate(bars) for tick in sorted(ticks)]
    pairs = [1 - len(one ^ other) / 48 for one, other in combinations(bars, 2)]
    assert grooving_similarity(line(*notes, bars=len(bars))) == pytest.approx(sum(pairs) / len(pairs))


def test_rests_and_density_are_of_what_is_played() -> None:
    found = line((24, 30, C), (36, 48, D), bars=3)
    assert rests(found) == 6 / 24
    assert density(found) == 2 / 4


def test_a_phrase_ends_with_a_rest_of_a_beat() -> None:
    found = line((0, 6, C), (15, 18, D), (30, 36, E), (42, 48, F))
    assert [(phrase.start, phrase.stop) for phrase in phrases(found)] == [(0, 2), (2, 4)]
    assert phrase_lengths(found) == {"beats": 1.5, "notes": 2}
    assert phrases(line()) == ()


def test_a_phrase_may_begin_like_one_of_the_last_three_at_any_pitch() -> None:
    """The second begins like the first, a tone higher; the sixth too, but that is too long ago."""
    begun = [(C, D, E), (D, E, E + 2), (C, C, C), (C, D, C), (E, C, C), (C, D, E)]
    notes = [
        (48 * bar + 6 * at, 48 * bar + 6 * at + 6, pitch)
        for bar, each in enumerate(begun)
        for at, pitch in enumerate(each)
    ]
    assert phrase_beginnings(line(*notes, bars=6)) == 1 / 5
    assert np.isnan(phrase_beginnings(line(*notes[:3])))


def test_a_phrase_may_end_lower_than_it_began() -> None:
    falls = line((0, 6, E), (6, 12, D), (48, 54, C), (54, 60, D), (96, 102, E), bars=3)
    assert phrase_falls(falls) == 1 / 2
    assert np.isnan(phrase_falls(line((0, 6, C))))


# --- form ---------------------------------------------------------------------------------------

FIGURE = (C, D, E, C)


def test_a_figure_heard_again_on_another_pitch_is_a_repetition() -> None:
    assert repetition(eighths(*FIGURE, *(pitch + 5 for pitch in FIGURE))) == 4 / 8
    assert repetition(eighths(*FIGURE, B, *FIGURE[:3])) == 0
    assert repetition(eighths(*FIGURE)) == 0
    assert repetition(eighths(C)) == 0
    assert isnan(repetition(line()))


def test_another_rhythm_is_another_figure() -> None:
    slower = [(48 + 12 * at, 60 + 12 * at, pitch) for at, pitch in enumerate(FIGURE)]
    faster = [(6 * at, 6 * at + 6, pitch) for at, pitch in enumerate(FIGURE)]
    assert repetition(line(*faster, *slower, bars=2)) == 0


def test_a_scale_repeats_itself_only_after_the_whole_figure() -> None:
    assert repetition(eighths(*range(C, C + 6))) == 0
    assert repetition(eighths(*range(C, C + 7))) == 4 / 7


def phrase_of(bars: int, seed: int) -> tuple[int, ...]:
    return tuple(np.random.default_rng(seed).integers(C, C + 12, 8 * bars).tolist())


def test_what_is_played_over_and_over_has_structure() -> None:
    over_and_over = structureness(eighths(*phrase_of(4, 1) * 9))
    never = structureness(eighths(*phrase_of(36, 1)))
    choruses = structureness(eighths(*phrase_of(12, 1) * 3))
    for figure in (over_and_over, never, choruses):
        assert all(0 <= value <= 1 for value in figure.values())
    assert over_and_over["short"] > 0.8
    assert choruses["middle"] > 0.5 > choruses["short"]
    assert never["short"] < 0.4


def test_a_melody_that_is_too_short_has_no_structure() -> None:
    assert all(map(isnan, structureness(eighths(*phrase_of(3, 1))).values()))
    four = structureness(eighths(*phrase_of(4, 1)))
    assert not isnan(four["short"])
    assert isnan(four["middle"])
    assert isnan(structureness(line(bars=36))["short"])


def fitness_by_hand(matrix: Reals, length: int) -> float:
    """Of the fittest segment, every set of rows that do not overlap tried."""
    rows = len(matrix)
    found = 0.0
    for segment in range(rows - length + 1):
        scores = [sum(matrix[row + at, segment + at] for at in range(length)) for row in range(rows - length + 1)]
        apart = [
            chosen
            for count in range(1, rows // length + 1)
            for chosen in combinations(range(len(scores)), count)
            if all(two - one >= length for one, two in pairwise(chosen))
        ]
        best = max(apart, key=lambda chosen: (sum(scores[row] for row in chosen), -len(chosen)))
        score = (sum(scores[row] for row in best) - length) / (length * len(best))
        cover = length * (len(best) - 1) / rows
        found = max(found, 2 * score * cover / (score + cover) if score + cover else 0)
    return found


@given(st.integers(0, 2**32), st.integers(5, 9))
def test_the_fittest_segment_is_found(seed: int, rows: int) -> None:
    matrix = np.random.default_rng(seed).uniform(-1, 1, (rows, rows))
    np.fill_diagonal(matrix, 1)
    lengths = np.array([2, 3])
    found = structure._fitness(structure._along_diagonals(matrix), lengths)
    assert found.tolist() == pytest.approx([fitness_by_hand(matrix, length) for length in lengths])


# --- sets ---------------------------------------------------------------------------------------


def test_divergence_is_none_between_the_same_and_a_bit_between_strangers() -> None:
    one, other = np.array([3.0, 1.0, 0.0, 0.0]), np.array([0.0, 0.0, 5.0, 5.0])
    assert divergence(one, 7 * one) == pytest.approx(0)
    assert divergence(one, other) == divergence(other, one) == pytest.approx(1)
    assert divergence(np.array([1.0, 0.0]), np.array([1.0, 1.0])) == pytest.approx(entropy(np.array([3.0, 1.0])) - 0.5)


PITCHES = st.lists(st.integers(C, C + 3), max_size=12)


def runs_by_hand(ours: list[int], others: list[list[int]]) -> list[int]:
    def steps(pitches: list[int]) -> list[int]:
        return [two - one for one, two in pairwise(pitches)]

    found = []
    for first in range(len(ours)):
        run = 1
        for last in range(first + 2, len(ours) + 1):
            wanted = steps(ours[first:last])
            size = len(wanted)
            if any(steps(other)[at : at + size] == wanted for other in others for at in range(len(other) - size)):
                run = last - first
        found.append(run)
    return found


@given(PITCHES, PITCHES, st.lists(PITCHES, max_size=3))
def test_runs_are_those_that_are_found_by_trying_all(one: list[int], two: list[int], others: list[list[int]]) -> None:
    found = shared([eighths(*one), eighths(*two)], [eighths(*other) for other in others])
    assert [runs.tolist() for runs in found] == [runs_by_hand(one, others), runs_by_hand(two, others)]


@given(st.lists(PITCHES, min_size=1, max_size=3), st.lists(PITCHES, max_size=3), st.integers(-24, 24))
def test_copying_is_the_same_on_any_pitch_and_in_any_bar(one: list[list[int]], other: list[list[int]], up: int) -> None:
    lines, others = [eighths(*each) for each in one], [eighths(*each) for each in other]
    again = shared([moved(each, up, bars=3) for each in lines], [moved(each, -up, bars=1) for each in others])
    assert [runs.tolist() for runs in again] == [runs.tolist() for runs in shared(lines, others)]


def test_another_rhythm_is_no_copy_and_neither_is_what_two_solos_make_together() -> None:
    ours = eighths(C, D, E, F, G)
    swung = line(*((12 * at, 12 * at + 6, pitch) for at, pitch in enumerate((C, D, E, F, G))), bars=2)
    assert shared([ours], [swung])[0].tolist() == [1] * 5
    assert shared([ours], [eighths(C, D, E), eighths(F, G)])[0].tolist() == [3, 2, 1, 2, 1]


def test_a_copy_ends_with_its_window() -> None:
    pitches = np.random.default_rng(1).integers(C, C + 12, 8 * 24).tolist()
    copied = eighths(*pitches)
    (longest, of_windows), *_ = longest_shared([copied], [copied])
    assert longest == 8 * 24
    assert of_windows.tolist() == [8 * 12, 8 * 12]


def some(count: int) -> list[Melody]:
    return [eighths(*phrase_of(12, seed)) for seed in range(count)]


def test_the_figures_of_a_set_are_means_with_an_interval_around_them() -> None:
    found = measure(some(6), References(some(3), some(3)), samples=200)
    alone = [figures(one) for one in some(6)]
    for name in alone[0]:
        assert found[name].value == pytest.approx(np.mean([one[name] for one in alone]), nan_ok=True)
        assert isnan(found[name].value) or found[name].low <= found[name].value <= found[name].high
    assert str(found) == str(measure(some(6), References(some(3), some(3)), samples=200))


def test_melodies_without_notes_have_no_figures_of_notes() -> None:
    nothing = np.zeros(0, np.int64)
    silent = [Melody(nothing, nothing, nothing, np.zeros((96, 12), bool))] * 3
    found = measure(silent, References(some(3), some(3)), samples=20)
    assert np.isnan(found["interval divergence, bits"].value)
    assert np.isnan(found["copied in a chorus, 99th percentile, notes"].value)
    assert found["longest copied, notes"].value == 0


def test_a_set_of_one_melody_over_and_over_has_no_doubt() -> None:
    found = measure([some(1)[0]] * 5, References(some(1), some(1)), samples=50)
    assert all(figure.low == pytest.approx(figure.high, nan_ok=True) for figure in found.values())
    assert found["interval divergence, bits"].value == pytest.approx(0)
    assert found["longest copied, notes"].value == 8 * 12


def test_no_figure_knows_the_key() -> None:
    for seed in range(3):
        low = eighths(*phrase_of(24, seed))
        assert figures(moved(low, 7)) == pytest.approx(figures(low), nan_ok=True)


def test_silence_has_no_figures() -> None:
    assert all(isnan(value) for value in figures(line(bars=12)).values())
    nothing = melody([])
    assert shared([nothing], [nothing])[0].tolist() == []
    assert all(isnan(value) for value in figures(nothing).values())


def test_figures_are_told_line_by_line() -> None:
    lines = list(report({"some": (some(3), References(some(2), some(2)))}))
    assert lines[0] == "some: 3 melodies, 288 notes"
    assert len(lines) == 1 + len(measure(some(1), References(some(1), some(1)), samples=2))
    assert lines[1].startswith("  entropy of a bar, bits")
