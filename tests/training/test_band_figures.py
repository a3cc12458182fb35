"""The figures of bass, drums and comping, on lines whose figures can be counted by hand."""

from math import isnan

import pytest

from improv.models.encodings.drum_grids import Sound, Stroke
from improv.music.theory import Chord
from training.metrics.band import (
    BassPart,
    CompPart,
    DrumPart,
    bass_figures,
    bass_intervals,
    comp_figures,
    distinct,
    divergence,
    drum_figures,
    voice_leading,
)

C7, F7 = Chord.parse("C7"), Chord.parse("F7")
TWO_BARS = (C7,) * 4 + (F7,) * 4
RIDE = Stroke(Sound.RIDE, velocity=90)


def bass(*pitches: int) -> BassPart:
    return BassPart(tuple((12 * beat, pitch) for beat, pitch in enumerate(pitches)), TWO_BARS)


def bar(*steps: int, velocity: int = 90) -> tuple[tuple[Stroke, ...], ...]:
    """Return a bar with a ride at some of its steps."""
    return tuple((Stroke(Sound.RIDE, velocity=velocity),) if step in steps else () for step in range(8))


def test_a_bass_is_counted_by_its_changes_and_intervals() -> None:
    figures = bass_figures([bass(36, 38, 40, 40, 41, 48, 39, 34)])
    assert figures["root or fifth on changes"] == 1
    assert figures["approached by a step"] == 1  # E to F; the first chord has no note before it
    assert figures["steps"] == pytest.approx(3 / 7)
    assert figures["repeated notes"] == pytest.approx(1 / 7)
    assert figures["leaps beyond a fifth"] == pytest.approx(1 / 7)
    assert figures["range, semitones"] == 14
    assert figures["notes a beat"] == 1


def test_a_wrong_note_on_a_change_counts_against_a_bass() -> None:
    assert bass_figures([bass(36, 38, 40, 43, 45, 41, 39, 34)])["root or fifth on changes"] == 0.5
    assert bass_figures([bass(36, 38, 40, 48, 41, 41, 39, 34)])["approached by a step"] == 0


def test_of_nothing_no_figure_is_known() -> None:
    assert isnan(bass_figures([])["steps"])
    assert isnan(comp_figures([CompPart((), frozenset(), 1)])["voice leading, semitones a voice"])
    assert isnan(divergence({}, {1: 1}))


def test_what_is_alike_does_not_diverge_and_what_shares_nothing_diverges_by_a_bit() -> None:
    one, other = [bass(36, 38, 40, 41, 41, 48, 39, 34)], [bass(36, 36, 36, 36, 36, 36, 36, 36)]
    assert divergence(bass_intervals(one), bass_intervals(one)) == 0
    assert divergence({1: 3}, {2: 5}) == 1
    assert 0 < divergence(bass_intervals(one), bass_intervals(other)) < 1


def test_drums_are_compared_by_where_and_how_hard_they_strike() -> None:
    like = DrumPart(bar(0, 2, 4, 6) * 2)
    same, shifted = DrumPart(bar(0, 2, 4, 6)), DrumPart(bar(1, 3, 5, 7))
    soft = DrumPart(bar(0, 2, 4, 6, velocity=20))
    assert drum_figures([same], [like])["onset pattern, bits from people"] == 0
    assert drum_figures([shifted], [like])["onset pattern, bits from people"] == 1
    assert drum_figures([soft], [like])["velocities, bits from people"] == 1
    assert drum_figures([same], [like])["strokes a bar"] == 4
    assert drum_figures([DrumPart(bar(0) + bar(1) + bar(0, velocity=1))], [like])["distinct bars"] == 2


def test_comping_is_counted_by_its_voices_its_bars_and_the_line() -> None:
    part = CompPart(((0, (52, 58)), (24, (53, 57)), (48, (53, 57))), frozenset({24, 30, 72}), 2)
    figures = comp_figures([part])
    assert figures["voice leading, semitones a voice"] == 1
    assert figures["distinct bars"] == 2
    assert figures["strikes a bar"] == 1.5
    assert figures["strikes with a note of the line"] == pytest.approx(1 / 3)
    assert figures["the same, with the line of other bars"] == pytest.approx(1 / 3)


def test_voices_move_as_little_as_they_can() -> None:
    assert voice_leading((52, 58, 62), (53, 57, 62)) == pytest.approx(2 / 3)
    assert voice_leading((60,), (48, 61)) == 1
    assert isnan(voice_leading((), (60,)))


def test_bars_are_counted_in_eight_choruses() -> None:
    assert distinct(range(1000)) == 96
