"""Melodies as arrays, so that what improv plays and what a corpus holds is measured alike.

A melody is one line: of notes that begin together the highest, each ending where a rhythm of `improv.music.rhythm` can
say.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.notes import Frame
from improv.music.rhythm import HALF, rhythm_of, top_line
from improv.music.theory import PITCH_CLASSES, STEPS_PER_BAR, TICKS_PER_STEP, Chord
from training.corpora.solos import Solo, frames

TICKS_PER_BAR = BEATS_PER_BAR * TICKS_PER_BEAT

CHORUS_BARS = 12

Numbers = NDArray[np.int64]

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Melody:
    """A line as arrays: no note begins before the one before it has ended, and tick 0 is a bar line."""

    onsets: Numbers
    """In ticks, ascending, (notes,)."""
    ends: Numbers
    """In ticks, (notes,)."""
    pitches: Numbers
    """MIDI pitches, (notes,)."""
    chords: NDArray[np.bool_]
    """The pitch classes of the chord of each step, none where it is not known, (steps, 12)."""
    choruses: tuple[int, ...] = ()
    """The bars, from 0 on, at which choruses of twelve bars begin, where they are known."""

    @property
    def bars(self) -> int:
        """Number of bars, an unfinished last one included."""
        return -(-len(self.chords) // STEPS_PER_BAR)

    def notes_in(self, first: int, bars: int) -> slice:
        """Return the slice of notes that begin in `bars` bars from bar `first` on."""
        return slice(*np.searchsorted(self.onsets, (first * TICKS_PER_BAR, (first + bars) * TICKS_PER_BAR)).tolist())

    def cut(self, first: int, bars: int) -> "Melody":
        """Return `bars` bars from bar `first` on as a melody, with the notes that begin in them."""
        start, inside = first * TICKS_PER_BAR, self.notes_in(first, bars)
        chords = self.chords[first * STEPS_PER_BAR : (first + bars) * STEPS_PER_BAR]
        choruses = tuple(top - first for top in self.choruses if 0 <= top - first < bars)
        return Melody(self.onsets[inside] - start, self.ends[inside] - start, self.pitches[inside], chords, choruses)


def melody(line: Sequence[Frame], choruses: tuple[int, ...] = ()) -> Melody:
    """Return frames as a melody; the first frame is at a bar line.

    Each cell is read as a rhythm and its pitches: no notes end on finer ticks than a network's can, so that ends
    and rests can be compared.
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
    return Melody(as_numbers(onsets), as_numbers(ends), as_numbers(pitches), chords, choruses)


def of_solo(solo: Solo) -> Melody:
    """Return a solo as a melody, in its own key."""
    return melody(frames(solo), solo.choruses)


def windows(line: Melody) -> tuple[Melody, ...]:
    """Return the choruses that have notes; without choruses every twelve bars, or a shorter melody whole."""
    return tuple(line.cut(first, bars) for first, bars, _ in placed_windows(line))


def chorus_starts(line: Melody) -> tuple[int, ...]:
    """Return the bars at which choruses begin; without choruses every twelve bars, none if it is shorter."""
    return line.choruses or tuple(range(0, line.bars - CHORUS_BARS + 1, CHORUS_BARS))


def placed_windows(line: Melody) -> list[tuple[int, int, slice]]:
    """Return first bar, number of bars and notes of each of `windows`."""
    found = [(top, CHORUS_BARS) for top in chorus_starts(line)] or [(0, line.bars)]
    notes = [line.notes_in(first, bars) for first, bars in found]
    return [(*place, those) for place, those in zip(found, notes, strict=True) if those.stop > those.start]


def as_numbers(values: Sequence[int]) -> Numbers:
    """Return integers as a NumPy array."""
    return np.array(values, np.int64)
