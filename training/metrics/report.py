"""Figures of melodies, to see how near a set of lines is to another: `python -m training metrics PATH` prints those of
the solos that judge, with the interval in which each would lie with other solos.

A melody is frames, so whatever improv plays and whatever a corpus holds is measured alike. Each figure is of one line:
of notes that begin together the highest, each ending where a rhythm of `improv.music.rhythm` can say. Nothing needs
PyTorch, and nothing judges: a figure that is higher is not better, only nearer to people's or farther from it.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan, nan
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from improv.music.notes import Frame
from improv.music.rhythm import HALF, rhythm_of, top_line
from improv.music.theory import BEATS_PER_BAR, PITCH_CLASSES, STEPS_PER_BAR, TICKS_PER_BEAT, TICKS_PER_STEP, Chord
from training.corpora.solos import Solo, frames
from training.corpora.wjazzd import read_for
from training.corpora.wjazzd_split import split

TICKS_PER_BAR = BEATS_PER_BAR * TICKS_PER_BEAT
CHORUS_BARS = 12

REST_TICKS = TICKS_PER_BEAT
"""A phrase ends with a rest of at least a beat."""

STRETCH_BARS = 3 * CHORUS_BARS
STRUCTURE = MappingProxyType({"short": (2, 4), "middle": (4, 12), "long": (12, STRETCH_BARS // 2)})
"""The lengths in bars of what is looked for again: a phrase, up to a chorus, a chorus and more."""

REPEATED_NOTES = 4
"""So many notes, moved anywhere, are a repetition."""

LARGEST_INTERVAL = 12
LONGEST_TICKS = 2 * TICKS_PER_BEAT

HALVES = 2
"""A bar has so many frames of chroma."""

SMOOTHED = 4 * HALVES
KEPT, PENALTY = 0.25, -2.0
"""Of the self-similarities the share that is kept, and what the others are."""

_TICKS = 1 << 20

Numbers = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Melody:
    """A line as arrays: no note begins before the one before it has ended, and the first tick is a bar line's."""

    onsets: Numbers
    """In ticks, ascending, (notes,)."""
    ends: Numbers
    pitches: Numbers
    chords: NDArray[np.bool_]
    """The pitch classes of the chord of each step, none where nobody knows it, (steps, 12)."""
    choruses: tuple[int, ...] = ()
    """The bars, from 0 on, at which a chorus of twelve bars begins, where that is known."""

    @property
    def bars(self) -> int:
        """How many bars it has, the last one whole or not."""
        return -(-len(self.chords) // STEPS_PER_BAR)

    def notes_in(self, first: int, bars: int) -> slice:
        """The notes that begin in so many bars."""
        return slice(*np.searchsorted(self.onsets, (first * TICKS_PER_BAR, (first + bars) * TICKS_PER_BAR)).tolist())

    def cut(self, first: int, bars: int) -> "Melody":
        """The notes that begin in so many bars, from the bar line before the first."""
        start, inside = first * TICKS_PER_BAR, self.notes_in(first, bars)
        chords = self.chords[first * STEPS_PER_BAR : (first + bars) * STEPS_PER_BAR]
        choruses = tuple(top - first for top in self.choruses if 0 <= top - first < bars)
        return Melody(self.onsets[inside] - start, self.ends[inside] - start, self.pitches[inside], chords, choruses)


def melody(line: Sequence[Frame], choruses: tuple[int, ...] = ()) -> Melody:
    """Frames, the first at a bar line, as a melody, each cell as a rhythm and its pitches tell it: nobody's notes end
    on finer ticks than a network's can, so that ends and rests can be compared.
    """
    onsets: list[int] = []
    ends: list[int] = []
    sounds = False
    for step, frame in enumerate(line):
        start, rhythm = step * TICKS_PER_STEP, rhythm_of(frame.melody)
        begun, end = [start + tick for tick in rhythm.ticks], start + (HALF if rhythm.ended else TICKS_PER_STEP)
        if sounds and (begun or rhythm.held):  # what is struck ends what sounds, wherever it lies in the step
            ends[-1] = begun[0] if begun else end
        onsets += begun
        ends += [*begun[1:], end][: len(begun)]
        sounds = rhythm.sounds_after and bool(begun or sounds)
    pitches = [pitch for frame in line for pitch in top_line(frame.melody)]
    known: dict[Chord | None, NDArray[np.bool_]] = {}
    for chord in {frame.chord for frame in line}:
        known[chord] = np.isin(np.arange(len(PITCH_CLASSES)), list(chord.pitch_classes) if chord else [])
    chords = np.array([known[frame.chord] for frame in line], np.bool_).reshape(-1, len(PITCH_CLASSES))
    return Melody(_numbers(onsets), _numbers(ends), _numbers(pitches), chords, choruses)


def of_solo(solo: Solo) -> Melody:
    """A solo as a melody, in its own key."""
    return melody(frames(solo), solo.choruses)


def windows(line: Melody) -> tuple[Melody, ...]:
    """The choruses that have notes; where none is known every twelve bars, and a melody that is shorter whole."""
    return tuple(line.cut(first, bars) for first, bars, _ in _windows(line))


def tops(line: Melody) -> tuple[int, ...]:
    """The bars at which its choruses begin, where none is known every twelve bars; none if it is shorter."""
    return line.choruses or tuple(range(0, line.bars - CHORUS_BARS + 1, CHORUS_BARS))


def _windows(line: Melody) -> list[tuple[int, int, slice]]:
    """The first bar, the bars and the notes of each window."""
    found = [(top, CHORUS_BARS) for top in tops(line)] or [(0, line.bars)]
    notes = [line.notes_in(first, bars) for first, bars in found]
    return [(*place, those) for place, those in zip(found, notes, strict=True) if those.stop > those.start]


# --- pitch ------------------------------------------------------------------------------------


def pitch_class_entropy(line: Melody, bars: int) -> float:
    """H: how evenly the pitch classes of so many bars are used, in bits, 0 to log2(12).

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


def entropy(counts: Reals) -> float:
    """In bits, of what was counted."""
    shares = counts[counts > 0] / counts.sum()
    return float(abs(shares @ np.log2(shares)))


def most_common_note(line: Melody) -> float:
    """The share of the notes that have the most common pitch, so how often who always says that one is right.

    Xu, Xu & Tang 2018, Music Generation with LSTMs, section VI.iii; there over whole pieces, here the mean over
    `windows`, for in a longer piece it is lower.
    """
    return _mean([np.bincount(part.pitches).max() / len(part.pitches) for part in windows(line)])


def pitch_range(line: Melody) -> float:
    """From the lowest to the highest note in semitones, the mean over `windows`."""
    return _mean([float(np.ptp(part.pitches)) for part in windows(line)])


def chord_tones(line: Melody) -> dict[str, float]:
    """Of the notes that begin on a bar's first beat, on another beat and anywhere else, the share that are tones of
    their chord; notes over no chord do not count, and tensions are no chord tones. Of our own making.
    """
    chords = line.chords[line.onsets // TICKS_PER_STEP]
    inside = chords[np.arange(len(chords)), line.pitches % len(PITCH_CLASSES)]
    known = chords.any(axis=1)
    down, beat = line.onsets % TICKS_PER_BAR == 0, line.onsets % TICKS_PER_BEAT == 0
    strengths = {"downbeats": down, "other beats": beat & ~down, "off-beats": ~beat}
    return {name: _mean(inside[known & here]) for name, here in strengths.items()}


def intervals(line: Melody) -> Reals:
    """How many steps from note to note are of each interval: from an octave down to one up, and at the ends more."""
    return _histogram(np.diff(line.pitches), -LARGEST_INTERVAL - 1, LARGEST_INTERVAL + 1)


# --- rhythm -----------------------------------------------------------------------------------


def durations(line: Melody) -> Reals:
    """How many notes last one tick, two and so on up to two beats, and at the end longer."""
    return _histogram(line.ends - line.onsets, 1, LONGEST_TICKS + 1)


def grooving_similarity(line: Melody) -> float:
    """GS: how alike the onsets of two bars lie, 0 to 1, the mean over all pairs of bars.

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
    """The share of the time in which nothing sounds: 1 - sum(end - onset) / (the last end - the first onset)."""
    return 1 - float((line.ends - line.onsets).sum()) / _span(line) if len(line.onsets) else nan


def density(line: Melody) -> float:
    """Onsets an eighth: notes * 6 / (the last end - the first onset), in ticks."""
    return len(line.onsets) * TICKS_PER_STEP / _span(line) if len(line.onsets) else nan


def phrases(line: Melody) -> tuple[slice, ...]:
    """The notes of each phrase: between two there is a rest of a beat or more."""
    new = np.flatnonzero(line.onsets[1:] - line.ends[:-1] >= REST_TICKS) + 1
    edges = [0, *new.tolist(), len(line.onsets)]
    return tuple(slice(first, last) for first, last in pairwise(edges)) if len(line.onsets) else ()


def phrase_lengths(line: Melody) -> dict[str, float]:
    """Of its phrases the mean length, in beats from the first onset to the last end and in notes."""
    found = phrases(line)
    ticks = [line.ends[phrase.stop - 1] - line.onsets[phrase.start] for phrase in found]
    return {
        "beats": _mean(np.array(ticks) / TICKS_PER_BEAT),
        "notes": _mean([phrase.stop - phrase.start for phrase in found]),
    }


# --- form -------------------------------------------------------------------------------------


def repetition(line: Melody, notes: int = REPEATED_NOTES) -> float:
    """The share of the notes that are in a figure of so many notes that was heard before, on any pitch and at any
    place of the bar; of our own making.

    Two figures are the same if their intervals and the ticks between their onsets are; the earlier one has ended when
    the later begins, but for a note they may share.
    """
    if not len(line.onsets):
        return nan
    ways = _ways(line)
    steps = notes - 1
    if len(ways) < steps:
        return 0.0
    heard = np.lib.stride_tricks.sliding_window_view(ways, steps)
    _, first, which = np.unique(heard, axis=0, return_index=True, return_inverse=True)
    again = np.flatnonzero(np.arange(len(heard)) - first[which] >= steps)
    inside = np.zeros(len(line.onsets), np.bool_)
    for after in range(notes):
        inside[again + after] = True
    return float(inside.mean())


def structureness(line: Melody) -> dict[str, float]:
    """SI: how well one segment of the melody explains most of it by being repeated, 0 to 1, for the lengths of
    `STRUCTURE`; nan where there are no two of that length.

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
    return {name: _mean([figures[name] for figures in found]) for name in STRUCTURE}


def _structureness(line: Melody) -> dict[str, float]:
    lengths = np.arange(min(STRUCTURE.values())[0], line.bars // 2 + 1)
    if not len(lengths) or not len(line.onsets):
        return dict.fromkeys(STRUCTURE, nan)
    fitness = _fitness(_along_diagonals(_self_similarity(_chroma(line))), HALVES * lengths)
    ranges = {name: (lengths >= shortest) & (lengths <= longest) for name, (shortest, longest) in STRUCTURE.items()}
    return {name: float(fitness[inside].max()) if inside.any() else nan for name, inside in ranges.items()}


def _fitness(sums: Reals, lengths: Numbers) -> Reals:
    """The highest of any segment of each length, lengths ascending: the repetitions of a segment are diagonals through
    its columns, one after another, as long as it is.
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
    """How long each pitch class sounds around each half bar, of length 1, (halves, 12); even where nothing does."""
    changes = np.zeros((line.bars * TICKS_PER_BAR + 1, len(PITCH_CLASSES)))
    for ticks, change in ((line.onsets, 1), (line.ends, -1)):
        np.add.at(changes, (np.minimum(ticks, len(changes) - 1), line.pitches % len(PITCH_CLASSES)), change)
    sounding = np.cumsum(changes, axis=0)[:-1]
    halves = sounding.reshape(HALVES * line.bars, -1, len(PITCH_CLASSES)).sum(axis=1)
    around = halves + np.pad(halves, ((1, 0), (0, 0)))[:-1]
    around[~around.any(axis=1)] = 1
    return np.asarray(around / np.linalg.norm(around, axis=1, keepdims=True))


def _self_similarity(chroma: Reals) -> Reals:
    """The enhanced matrix, (halves, halves), 1 on its diagonal."""
    best = np.zeros((len(chroma), len(chroma)))
    for up in range(len(PITCH_CLASSES) // 2 + 1):  # the others are these mirrored
        np.maximum(best, _smoothed(chroma @ np.roll(chroma, up, axis=1).T), out=best)
    best = np.maximum(best, best.T)
    least, most = np.quantile(best, 1 - KEPT), best.max()
    found = np.where(best >= least, (best - least) / (most - least) if most > least else 1.0, PENALTY)
    np.fill_diagonal(found, 1.0)
    return found


def _smoothed(alike: Reals) -> Reals:
    """The means along the diagonals forward and backward, whichever is higher; beyond the edges there is nothing."""
    sums = _along_diagonals(np.pad(alike, SMOOTHED))
    means = (sums[SMOOTHED:, SMOOTHED:] - sums[:-SMOOTHED, :-SMOOTHED]) / SMOOTHED
    return np.maximum(means[SMOOTHED:-1, SMOOTHED:-1], means[1:-SMOOTHED, 1:-SMOOTHED])


def _along_diagonals(matrix: Reals) -> Reals:
    """The sums along the diagonals up to each cell, one row and column more."""
    sums = np.zeros((len(matrix) + 1, len(matrix) + 1))
    for row, values in enumerate(matrix):
        np.add(sums[row, :-1], values, out=sums[row + 1, 1:])
    return sums


# --- sets of melodies -------------------------------------------------------------------------


def divergence(one: Reals, other: Reals) -> float:
    """Between two histograms, in bits, 0 to 1: H((p + q) / 2) - (H(p) + H(q)) / 2.

    Jensen-Shannon: Lin 1991, Divergence Measures Based on the Shannon Entropy, IEEE Trans. Inf. Theory 37(1).
    """
    p, q = one / one.sum(), other / other.sum()
    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


def shared(lines: Sequence[Melody], others: Sequence[Melody]) -> list[Numbers]:
    """From each note of each line on the longest run of notes that stands somewhere in the others too, moved or not.

    Two runs are the same if their intervals and the ticks between their onsets are; a run of one is any note.
    """
    ours, theirs = _strung(lines), _strung(others)
    names = np.concatenate((ours, theirs))
    is_ours = np.arange(len(names)) < len(ours)
    runs = np.ones(len(ours), np.int64)
    at = np.flatnonzero(names >= 0)
    while len(at):
        _, name = np.unique(names[at], return_inverse=True)
        kinds = name.max() + 1
        on_both = np.bincount(name[is_ours[at]], minlength=kinds).astype(np.bool_)
        on_both &= np.bincount(name[~is_ours[at]], minlength=kinds).astype(np.bool_)
        at, name = at[on_both[name]], name[on_both[name]]
        runs[at[is_ours[at]]] += 1
        names[at] = name
        at = at[:-1][np.diff(at) == 1]  # what is longer by a note is this run, and the one that begins a note later
        names[at] = names[at] * kinds + names[at + 1]
    return np.split(runs, np.cumsum([len(line.onsets) for line in lines])[:-1]) if len(lines) else []


def _strung(lines: Sequence[Melody]) -> Numbers:
    """The way from each note to the next as a number, -1 from the last one of a line, one line after another."""
    ways = [np.append(_ways(line), -1) for line in lines if len(line.onsets)]
    return np.concatenate([np.zeros(0, np.int64), *ways])


def _ways(line: Melody) -> Numbers:
    """From each note to the next the interval and the ticks between the onsets, as one number, (notes - 1,)."""
    return (np.diff(line.pitches) + 128) * _TICKS + np.minimum(np.diff(line.onsets), _TICKS - 1)


def longest_shared(lines: Sequence[Melody], others: Sequence[Melody]) -> list[tuple[int, Numbers]]:
    """Of each line the notes of the longest run that stands in the others too (`shared`), and of its windows each."""
    found = []
    for line, runs in zip(lines, shared(lines, others), strict=True):
        inside = [runs[notes] for *_, notes in _windows(line)]
        cut = [np.minimum(some, np.arange(len(some), 0, -1)).max() for some in inside]  # at the end of the window
        found.append((int(runs.max(initial=0)), np.array(cut, np.int64)))
    return found


def figures(line: Melody) -> dict[str, float]:
    """Every figure of a melody alone; nan where it has none."""
    return {
        "entropy of a bar, bits": pitch_class_entropy(line, 1),
        "entropy of four bars, bits": pitch_class_entropy(line, 4),
        "grooving similarity": grooving_similarity(line),
        **{f"structureness, {name}": figure for name, figure in structureness(line).items()},
        "most common note": most_common_note(line),
        "range, semitones": pitch_range(line),
        **{f"chord tones on {name}": share for name, share in chord_tones(line).items()},
        **{f"phrase, {unit}": length for unit, length in phrase_lengths(line).items()},
        "rests": rests(line),
        "onsets an eighth": density(line),
        "repetition in a chorus": _mean([repetition(part) for part in windows(line)]),
        "repetition in the solo": repetition(line),
    }


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a set, and the interval in which it lies for 95 of 100 sets of as many melodies drawn from it."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        """The first value, and where the others lie but for one in forty at each end."""
        known = [value for value in values[1:] if not isnan(value)]
        low, high = np.quantile(known, (0.025, 0.975)) if known else (nan, nan)
        return cls(values[0], float(low), float(high))

    def __str__(self) -> str:
        return f"{self.value:8.3f}  {self.low:8.3f} to {self.high:8.3f}"


@dataclass(frozen=True, slots=True)
class Compared:
    """What melodies are compared with."""

    like: Sequence[Melody]
    """Whose intervals and durations they should have."""
    known: Sequence[Melody]
    """What they could have been copied from."""


def measured(lines: Sequence[Melody], compared: Compared, samples: int = 1_000, seed: int = 0) -> dict[str, Figure]:
    """The figures of a set of melodies: means, histograms of all of them, and the most that is copied.

    Intervals are of the bootstrap: whole melodies are drawn again, for the notes of one are not independent (Efron &
    Tibshirani 1993, An Introduction to the Bootstrap, section 13.3: percentiles). A divergence grows by being drawn
    again, so that its interval lies high.
    """
    draws = drawn_again(len(lines), samples, seed)
    rows = [figures(line) for line in lines]
    found: dict[str, list[float]] = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        found[name] = [_mean(values[draw]) for draw in draws]
    for name, histogram in (("interval", intervals), ("duration", durations)):
        ours, wanted = (np.array([histogram(line) for line in those]) for those in (lines, compared.like))
        found[f"{name} divergence, bits"] = [divergence(ours[draw].sum(axis=0), wanted.sum(axis=0)) for draw in draws]
    copied = longest_shared(lines, compared.known)
    longest, of_windows = np.array([run for run, _ in copied]), [runs for _, runs in copied]
    found["longest copied, notes"] = [float(longest[draw].mean()) for draw in draws]
    found["copied in a chorus, 99th percentile, notes"] = [
        float(np.quantile(np.concatenate([of_windows[which] for which in draw]), 0.99)) for draw in draws
    ]
    return {name: Figure.of(values) for name, values in found.items()}


def drawn_again(count: int, samples: int, seed: int) -> list[Numbers]:
    """So many things as they are, then as often as there are samples as many of them, each drawn from all."""
    return [np.arange(count), *np.random.default_rng(seed).integers(count, size=(samples, count))]


def _numbers(values: Sequence[int]) -> Numbers:
    return np.array(values, np.int64)


def _mean(values: Sequence[float] | NDArray[Any]) -> float:
    """Of those that are known; nan if none is."""
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else nan


def _histogram(values: Numbers, low: int, high: int) -> Reals:
    """How many there are of each value, those beyond counted at the edges."""
    return np.bincount(np.clip(values, low, high) - low, minlength=high - low + 1).astype(np.float64)


def _span(line: Melody) -> int:
    return int(line.ends[-1] - line.onsets[0])


def told(sets: Mapping[str, tuple[Sequence[Melody], Compared]]) -> Iterable[str]:
    """Line by line the figures of some sets of melodies."""
    for what, (lines, compared) in sets.items():
        yield f"{what}: {len(lines)} melodies, {sum(len(line.onsets) for line in lines):,} notes"
        for name, figure in measured(lines, compared).items():
            yield f"  {name:44}{figure}"


def main() -> None:
    """Print the figures of the solos that judge."""
    parser = argparse.ArgumentParser(description="Figures of the solos of the test side, to be compared with.")
    parser.add_argument("path", type=Path, help="the Weimar Jazz Database")
    sides = split(read_for(parser, parser.parse_args().path)[0])
    training, test = ([(solo.is_blues, of_solo(solo)) for solo in side] for side in (sides.training, sides.test))
    known = [line for _, line in training]
    sets = {
        "test blues": ([line for blues, line in test if blues], Compared([line for b, line in training if b], known)),
        "all of test": ([line for _, line in test], Compared(known, known)),
    }
    for line in told(sets):
        print(line)


if __name__ == "__main__":
    main()
