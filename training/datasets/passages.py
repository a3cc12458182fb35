"""Passages of solos that can be found by their likeness to a call: what people have played that would answer it.

Likeness has the four parts of `training.metrics.phrase_similarity` (rhythm, contour, intervals, pitch classes), of
Bhattacharyya coefficients and a cosine in place of its divergences, so that a call is compared with all passages at
once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from improv.music.grid import TICKS_PER_BEAT
from improv.music.theory import STEPS_PER_BAR, TICKS_PER_STEP
from training.corpora.solos import Note, Solo

LENGTHS_BARS = (1, 2, 4)

FOUND = 3
"""How many of the likest passages one is drawn from."""

REST_TICKS = TICKS_PER_STEP
"""The least rest that a passage ends with, an eighth."""

LEAST_NOTES = 3
_SHAPE, _OCTAVE, _LONGEST_TICKS = 16, 12, 2 * TICKS_PER_BEAT
"""The moments at which a line's shape is taken, and the largest interval and the longest gap that are told apart."""

_TICKS_PER_BAR = STEPS_PER_BAR * TICKS_PER_STEP


@dataclass(frozen=True, slots=True)
class Passage:
    """Some bars of a solo: the number of the solo, and their first bar."""

    solo: int
    bar: int


class Passages:
    """The passages of solos in C of each of `LENGTHS_BARS` that have at least three notes and end with a rest."""

    def __init__(self, solos: Sequence[Solo]) -> None:
        self.solos = solos
        self._of: dict[int, tuple[list[Passage], NDArray[np.float32]]] = {}
        for bars in LENGTHS_BARS:
            found = [
                (Passage(number, bar), embedded(line))
                for number, solo in enumerate(solos)
                for bar, line in _windows(solo, bars)
            ]
            rows = np.stack([row for _, row in found]) if found else np.zeros((0, 0), np.float32)
            self._of[bars] = [passage for passage, _ in found], rows

    def likest(self, call: Sequence[Note], bars: int, away_from: Passage, rng: np.random.Generator) -> Passage | None:
        """Return one of the passages that are likest to a call of at least three notes; None where there are none.

        Passages that share a bar with `away_from` and the `bars` bars from it on are left out.
        """
        passages, rows = self._of[bars]
        if not passages:
            return None
        order = np.argsort(-(rows @ embedded(call)))[: FOUND + 4 * bars]
        apart = [
            passages[which]
            for which in order
            if passages[which].solo != away_from.solo or abs(passages[which].bar - away_from.bar) >= 2 * bars
        ][:FOUND]
        return apart[int(rng.integers(len(apart)))] if apart else None


def _windows(solo: Solo, bars: int) -> list[tuple[int, tuple[Note, ...]]]:
    """Return the bars at which passages of a length begin, and their notes."""
    onsets = np.array([note.onset for note in solo.notes])
    found = []
    for bar in range(solo.bars - bars + 1):
        first, end = np.searchsorted(onsets, [bar * _TICKS_PER_BAR, (bar + bars) * _TICKS_PER_BAR])
        if end - first >= LEAST_NOTES and solo.notes[end - 1].end <= (bar + bars) * _TICKS_PER_BAR - REST_TICKS:
            found.append((bar, solo.notes[first:end]))
    return found


def embedded(line: Sequence[Note]) -> NDArray[np.float32]:
    """Return a line of at least three notes as a row whose product with another's is their likeness, 0 to 1."""
    onsets = np.array([note.onset for note in line])
    ends, pitches = np.array([note.end for note in line]), np.array([note.pitch for note in line])
    steps, lasts = np.diff(pitches), ends - onsets
    ways = np.sign(steps) + 1
    moments = np.linspace(onsets[0], ends[-1], _SHAPE, endpoint=False)
    shape = pitches[np.searchsorted(onsets, moments, side="right") - 1].astype(np.float64)
    shape -= shape.mean()
    histograms = (
        (1 / 12, np.bincount(np.minimum(np.diff(onsets), _LONGEST_TICKS + 1), minlength=_LONGEST_TICKS + 2)),
        (1 / 12, np.bincount(np.clip(lasts, 1, _LONGEST_TICKS + 1) - 1, minlength=_LONGEST_TICKS + 1)),
        (1 / 12, np.bincount(onsets % TICKS_PER_BEAT, minlength=TICKS_PER_BEAT)),
        (1 / 8, np.bincount(9 * ways[:-2] + 3 * ways[1:-1] + ways[2:], minlength=27)),
        (1 / 4, np.bincount(np.clip(steps, -_OCTAVE - 1, _OCTAVE + 1) + _OCTAVE + 1, minlength=2 * _OCTAVE + 3)),
        (1 / 4, np.bincount(pitches % _OCTAVE, lasts, _OCTAVE)),
    )
    parts = [np.sqrt(weight * counts / max(counts.sum(), 1)) for weight, counts in histograms]
    parts.append(np.sqrt(1 / 8) * shape / (float(np.linalg.norm(shape)) or 1.0))
    return np.concatenate(parts).astype(np.float32)
