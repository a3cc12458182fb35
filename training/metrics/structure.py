"""The structure of a melody: whether parts of it are repeated, over how long (Wu & Yang 2020)."""

from math import nan
from types import MappingProxyType

import numpy as np

from improv.music.theory import PITCH_CLASSES
from training.metrics.figures import mean_of_known
from training.metrics.melody import CHORUS_BARS, TICKS_PER_BAR, Melody, Numbers, Reals

STRETCH_BARS = 3 * CHORUS_BARS

STRUCTURE = MappingProxyType({"short": (2, 4), "middle": (4, 12), "long": (12, STRETCH_BARS // 2)})
"""The lengths in bars of segments that may be repeated: a phrase, up to a chorus, a chorus and more."""

HALVES = 2
"""Frames of chroma in a bar."""

SMOOTHED = 4 * HALVES

KEPT, PENALTY = 0.25, -2.0
"""The share of the self-similarities that is kept, and the value of the others."""


def structureness(line: Melody) -> dict[str, float]:
    """Return the structureness SI for each range of `STRUCTURE`, 0 to 1; nan where two segments do not fit.

    It says how well one segment explains most of the melody by being repeated.

    The highest fitness of a segment in a range of durations (Wu & Yang 2020, section 5): with the family of paths
    through the columns of the segment that has the highest score, the harmonic mean of (score - its length) / length
    of all paths and (rows covered - its length) / rows (Mueller, Jiang & Grosche 2013, A Robust Fitness Measure for
    Capturing Repetitions in Music Recordings, IEEE TASLP 21(3)). As there the matrix compares chroma in all twelve
    transpositions, is smoothed along its diagonals forward and backward, keeps the highest quarter of its values,
    scaled to 0 to 1, and has -2 elsewhere.

    It departs from it in this: the chroma are the ticks that each pitch class of the melody sounds, so there is no
    harmony under it; time is counted in half bars, not half seconds, and lengths are of bars, not seconds; smoothing
    is over a bar of chroma and four of the matrix; there is one tempo, so a path is a diagonal; segments are of whole
    bars. A quarter is kept however alike they are, so that it is never near 0. It grows with the melody, and is
    therefore the mean over every `STRETCH_BARS` bars; only shorter melodies cannot be compared with longer ones.
    """
    whole = range(0, line.bars - STRETCH_BARS + 1, STRETCH_BARS)
    stretches = [line.cut(first, STRETCH_BARS) for first in whole] or [line]
    found = [_structureness(stretch) for stretch in stretches]
    return {name: mean_of_known([figures[name] for figures in found]) for name in STRUCTURE}


def _structureness(line: Melody) -> dict[str, float]:
    lengths = np.arange(min(STRUCTURE.values())[0], line.bars // 2 + 1)
    if not len(lengths) or not len(line.onsets):
        return dict.fromkeys(STRUCTURE, nan)
    fitness = _fitness(_along_diagonals(_self_similarity(_chroma(line))), HALVES * lengths)
    ranges = {name: (lengths >= shortest) & (lengths <= longest) for name, (shortest, longest) in STRUCTURE.items()}
    return {name: float(fitness[inside].max()) if inside.any() else nan for name, inside in ranges.items()}


def _fitness(sums: Reals, lengths: Numbers) -> Reals:
    """Return the highest fitness of any segment of each length, lengths ascending, (lengths,).

    The repetitions of a segment are diagonals through its columns, one after another, as long as it is.
    """
    rows, count = len(sums) - 1, len(lengths)
    starts = np.arange(rows)
    ends = np.minimum(starts + lengths[:, None], rows)
    kept = int(lengths.max()) + 1
    score, paths = np.zeros((kept, count, rows)), np.zeros((kept, count, rows))  # of the last rows, in turn
    for row in range(1, rows + 1):
        fits = int(np.searchsorted(lengths, row, side="right"))
        now, before, which = row % kept, (row - lengths[:fits]) % kept, np.arange(fits)
        score[now], paths[now] = score[row % kept - 1], paths[row % kept - 1]
        with_one = score[before, which] + sums[row][ends[:fits]] - sums[row - lengths[:fits], :-1]
        better = with_one > score[now, :fits]
        np.copyto(score[now, :fits], with_one, where=better)
        np.copyto(paths[now, :fits], paths[before, which] + 1, where=better)
    length = lengths[:, None]
    covered = np.maximum(paths[rows % kept] * length, 1)
    of_score, of_rows = (score[rows % kept] - length) / covered, (covered - length) / rows
    inside = (starts + length <= rows) & (of_score + of_rows > 0)
    means = 2 * of_score * of_rows / np.where(inside, of_score + of_rows, 1)
    return np.asarray(np.max(means, axis=1, where=inside, initial=0.0))


def _chroma(line: Melody) -> Reals:
    """Return how long each pitch class sounds around each half bar, (halves, 12), rows of length 1; even in silence."""
    changes = np.zeros((line.bars * TICKS_PER_BAR + 1, len(PITCH_CLASSES)))
    for ticks, change in ((line.onsets, 1), (line.ends, -1)):
        np.add.at(changes, (np.minimum(ticks, len(changes) - 1), line.pitches % len(PITCH_CLASSES)), change)
    sounding = np.cumsum(changes, axis=0)[:-1]
    halves = sounding.reshape(HALVES * line.bars, -1, len(PITCH_CLASSES)).sum(axis=1)
    around = halves + np.pad(halves, ((1, 0), (0, 0)))[:-1]
    around[~around.any(axis=1)] = 1
    return np.asarray(around / np.linalg.norm(around, axis=1, keepdims=True))


def _self_similarity(chroma: Reals) -> Reals:
    """Return the enhanced self-similarity matrix, (halves, halves), 1 on its diagonal."""
    best = np.zeros((len(chroma), len(chroma)))
    for up in range(len(PITCH_CLASSES) // 2 + 1):  # the others are these mirrored
        np.maximum(best, _smoothed(chroma @ np.roll(chroma, up, axis=1).T), out=best)
    best = np.maximum(best, best.T)
    least, most = np.quantile(best, 1 - KEPT), best.max()
    found = np.where(best >= least, (best - least) / (most - least) if most > least else 1.0, PENALTY)
    np.fill_diagonal(found, 1.0)
    return found


def _smoothed(alike: Reals) -> Reals:
    """Return the means along the diagonals forward and backward, whichever is higher; beyond the edges are zeros."""
    sums = _along_diagonals(np.pad(alike, SMOOTHED))
    means = (sums[SMOOTHED:, SMOOTHED:] - sums[:-SMOOTHED, :-SMOOTHED]) / SMOOTHED
    return np.maximum(means[SMOOTHED:-1, SMOOTHED:-1], means[1:-SMOOTHED, 1:-SMOOTHED])


def _along_diagonals(matrix: Reals) -> Reals:
    """Return the sums along the diagonals up to each cell, (rows + 1, rows + 1)."""
    sums = np.zeros((len(matrix) + 1, len(matrix) + 1))
    for row, values in enumerate(matrix):
        np.add(sums[row, :-1], values, out=sums[row + 1, 1:])
    return sums
