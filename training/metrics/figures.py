"""Figures of one melody: pitch, harmony, rhythm and phrases.

Nothing here judges: a figure that is higher is not better, only nearer to people's or farther from it. Nan stands for a
figure that a melody does not have.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from improv.music.grid import TICKS_PER_BEAT
from improv.music.theory import PITCH_CLASSES, TICKS_PER_STEP
from training.metrics.melody import TICKS_PER_BAR, Melody, Numbers, Reals, windows

REST_TICKS = TICKS_PER_BEAT
"""A phrase ends with a rest of at least a beat."""

LARGEST_INTERVAL = 12

LONGEST_TICKS = 2 * TICKS_PER_BEAT


def pitch_class_entropy(line: Melody, bars: int) -> float:
    """Return H, the entropy of pitch classes in stretches of `bars` bars, in bits, 0 to log2(12).

    The mean of -sum_c h_c log2 h_c over every stretch of that many bars that has notes, h_c being the share of the
    onsets that have pitch class c (Wu & Yang 2020, The Jazz Transformer on the Front Line, ISMIR, section 5; there
    with one and four bars, in steps of a bar as here).
    """
    bars = min(bars, line.bars)
    counts = np.zeros((line.bars + 1, len(PITCH_CLASSES)))
    np.add.at(counts, (line.onsets // TICKS_PER_BAR + 1, line.pitches % len(PITCH_CLASSES)), 1)
    sums = np.cumsum(counts, axis=0)
    histograms = sums[bars:] - sums[: len(sums) - bars]
    histograms = histograms[histograms.sum(axis=1) > 0]
    return float(np.mean([entropy(histogram) for histogram in histograms])) if len(histograms) else nan


def most_common_note(line: Melody) -> float:
    """Return the share of notes on the most common pitch, 0 to 1.

    It is how often a guess of that pitch is right.

    Xu, Xu & Tang 2018, Music Generation with LSTMs, section VI.iii; there over whole pieces, here the mean over
    `windows`, for in a longer piece it is lower.
    """
    return mean_of_known([np.bincount(part.pitches).max() / len(part.pitches) for part in windows(line)])


def pitch_range(line: Melody) -> float:
    """Return the semitones from the lowest to the highest note, as the mean over `windows`."""
    return mean_of_known([float(np.ptp(part.pitches)) for part in windows(line)])


def chord_tones(line: Melody) -> dict[str, float]:
    """Return the share of chord tones on downbeats, on other beats and off the beat, 0 to 1.

    Notes over no chord do not count, and tensions are no chord tones. Of our own making.
    """
    chords = line.chords[line.onsets // TICKS_PER_STEP]
    inside = chords[np.arange(len(chords)), line.pitches % len(PITCH_CLASSES)]
    known = chords.any(axis=1)
    down, beat = line.onsets % TICKS_PER_BAR == 0, line.onsets % TICKS_PER_BEAT == 0
    strengths = {"downbeats": down, "other beats": beat & ~down, "off-beats": ~beat}
    return {name: mean_of_known(inside[known & here]) for name, here in strengths.items()}


def intervals(line: Melody) -> Reals:
    """Return the count of each interval between notes, (27,): -12 to 12 semitones, with larger ones at both ends."""
    return _histogram(np.diff(line.pitches), -LARGEST_INTERVAL - 1, LARGEST_INTERVAL + 1)


def durations(line: Melody) -> Reals:
    """Return the count of each note length, (25,): 1 to 24 ticks, then longer ones."""
    return _histogram(line.ends - line.onsets, 1, LONGEST_TICKS + 1)


def grooving_similarity(line: Melody) -> float:
    """Return GS, the likeness of the onsets in two bars, 0 to 1, as the mean over all pairs of bars.

    1 - (1/Q) sum_q XOR(a_q, b_q), a_q telling whether a note of bar a begins at position q (Wu & Yang 2020, section
    5). Here Q = 48 ticks, there 64 positions, so that the figures are not comparable; and their code looks at no more
    than a thousand pairs.
    """
    if line.bars < 2 or not len(line.onsets):
        return nan
    grooves = np.zeros((line.bars, TICKS_PER_BAR), np.bool_)
    grooves[line.onsets // TICKS_PER_BAR, line.onsets % TICKS_PER_BAR] = True
    struck = grooves.sum(axis=0)
    pairs = line.bars * (line.bars - 1) / 2
    return 1 - float((struck * (line.bars - struck)).sum()) / (TICKS_PER_BAR * pairs)


def rests(line: Melody) -> float:
    """Return the share of silence, 0 to 1: 1 - sum(end - onset) / (last end - first onset)."""
    return 1 - float((line.ends - line.onsets).sum()) / _span(line) if len(line.onsets) else nan


def density(line: Melody) -> float:
    """Return the number of onsets per eighth: notes * 6 / (last end - first onset), in ticks."""
    return len(line.onsets) * TICKS_PER_STEP / _span(line) if len(line.onsets) else nan


def phrases(line: Melody) -> tuple[slice, ...]:
    """Return a slice of the notes for each phrase; a rest of a beat or more divides two phrases."""
    new = np.flatnonzero(line.onsets[1:] - line.ends[:-1] >= REST_TICKS) + 1
    edges = [0, *new.tolist(), len(line.onsets)]
    return tuple(slice(first, last) for first, last in pairwise(edges)) if len(line.onsets) else ()


def phrase_lengths(line: Melody) -> dict[str, float]:
    """Return the mean length of phrases: `beats` from first onset to last end, and `notes`."""
    found = phrases(line)
    ticks = [line.ends[phrase.stop - 1] - line.onsets[phrase.start] for phrase in found]
    return {
        "beats": mean_of_known(np.array(ticks) / TICKS_PER_BEAT),
        "notes": mean_of_known([phrase.stop - phrase.start for phrase in found]),
    }


def phrase_beginnings(line: Melody) -> float:
    """Return the share of phrases that begin like one of the last three, 0 to 1: with the same two intervals.

    Phrases of fewer than three notes are left out.
    """
    begun = [tuple(np.diff(line.pitches[phrase][:3])) for phrase in phrases(line) if phrase.stop - phrase.start >= 3]
    return mean_of_known([float(each in begun[max(0, at - 3) : at]) for at, each in enumerate(begun) if at])


def phrase_falls(line: Melody) -> float:
    """Return the share of phrases of two notes and more that end lower than they began, 0 to 1."""
    found = [line.pitches[phrase] for phrase in phrases(line) if phrase.stop - phrase.start >= 2]
    return mean_of_known([float(pitches[-1] < pitches[0]) for pitches in found])


def entropy(counts: Reals) -> float:
    """Return the entropy of counts, in bits (Shannon 1948)."""
    shares = counts[counts > 0] / counts.sum()
    return float(abs(shares @ np.log2(shares)))


def divergence(one: Reals, other: Reals) -> float:
    """Return the divergence of two histograms p and q, in bits, 0 to 1: H((p + q) / 2) - (H(p) + H(q)) / 2.

    Jensen-Shannon: Lin 1991, Divergence Measures Based on the Shannon Entropy, IEEE Trans. Inf. Theory 37(1). NaN where
    one is empty.
    """
    if not one.sum() or not other.sum():
        return nan
    p, q = one / one.sum(), other / other.sum()
    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


def mean_of_known(values: Sequence[float] | NDArray[Any]) -> float:
    """Return the mean of the values that are not nan; nan if there are none."""
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else nan


def _histogram(values: Numbers, low: int, high: int) -> Reals:
    """Return how many there are of each value from `low` to `high`; those beyond are counted at the edges."""
    return np.bincount(np.clip(values, low, high) - low, minlength=high - low + 1).astype(np.float64)


def _span(line: Melody) -> int:
    return int(line.ends[-1] - line.onsets[0])
