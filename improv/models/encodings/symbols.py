"""The units of a line as texts, as a model file names them: a note, a chord, and what is neither.

`60` is a note by its MIDI pitch, `60.64.67` are notes that begin together. Of a line that is told in sixteenths, `_`
goes on with what is, note or rest; `r` begins a rest, and `/` ends a piece.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from math import inf

import numpy as np
from numpy.typing import NDArray

from improv.models.encodings.base import Bias
from improv.music.scales import scale_of
from improv.music.theory import PITCH_CLASSES, Chord

HOLD, REST, END = "_", "r", "/"

_WORDS = (HOLD, REST, END)

_OUTSIDE_NATS, _MOST_OUTSIDE = 2.0, 3
"""How much less likely each note is that lies outside the scale of the changes, and how many of a chord count."""

_LEANING_NATS = 2.0
"""How strongly leaning half-way bends the logarithm of a probability, for each note outside the chord."""

_BLUES = frozenset((0, 3, 5, 6, 7, 10))
"""The blues scale, in semitones above the key: right over every chord of a blues."""


def symbol_of(pitches: Collection[int]) -> str:
    """Return the symbol of MIDI pitches that begin together, in ascending order."""
    return ".".join(str(pitch) for pitch in sorted(pitches))


def pitches_of(symbol: str) -> tuple[int, ...]:
    """Return the MIDI pitches of a symbol, ascending; none of one that is no note. ValueError for any other text."""
    if symbol in _WORDS:
        return ()
    pitches = tuple(int(pitch) for pitch in symbol.split("."))
    if symbol_of(pitches) != symbol or len(set(pitches)) < len(pitches) or not 0 <= pitches[0] <= pitches[-1] <= 127:
        raise ValueError(f"{symbol!r} is no note, no chord and none of {' '.join(_WORDS)}")
    return pitches


class Units:
    """The units of a head, each of so many pitches: which one stands for what is played, and how they lie over chords.

    A note that no unit stands for is its pitch class nearest to it, or else the nearest pitch; a chord that none stands
    for is its highest note.
    """

    def __init__(self, pitches: Sequence[tuple[int, ...]]) -> None:
        """Take the pitches of each unit; ValueError unless some unit is a single note, and none stands there twice."""
        self.pitches = tuple(pitches)
        self.highest = tuple(max(each, default=0) for each in pitches)
        """The highest pitch of each unit; 0 of one that is no note."""
        sounding = [each for each in self.pitches if each]
        self._unit = {each: unit for unit, each in enumerate(self.pitches) if each}
        self._notes = [each[0] for each in sounding if len(each) == 1]
        if not self._notes:
            raise ValueError("none of its symbols is a single note")
        if len(self._unit) < len(sounding):
            raise ValueError("one of its symbols stands there twice")
        self._sounds = np.array([bool(each) for each in self.pitches])
        self._classes: NDArray[np.float64] = np.zeros((len(PITCH_CLASSES), len(self.pitches)))
        for unit, each in enumerate(self.pitches):
            for pitch in each:
                self._classes[pitch % 12, unit] += 1
        self._over = lru_cache(maxsize=256)(self._weighed)

    def unit(self, pitches: Collection[int]) -> int:
        """Return the unit of MIDI pitches that begin together, of which there is one at least."""
        found = self._unit.get(tuple(sorted(set(pitches))))
        return self._unit[(_nearest(max(pitches), self._notes),)] if found is None else found

    def over(self, chord: Chord | None, leaning: float) -> Bias:
        """Return what is added to the logarithm of each unit's probability over a chord, shape (units,).

        A network that knows no chords is told of them so: notes outside the chord's scale and the key's blues scale are
        less likely, and those outside the chord, where the player wants it to lean on chords. At 1 these are forbidden,
        unless there are no others.
        """
        return self._over(chord, leaning)

    def _weighed(self, chord: Chord | None, leaning: float) -> Bias:
        bias = np.zeros(len(self.pitches))
        if chord is not None:
            bias = bias - _OUTSIDE_NATS * np.minimum(_MOST_OUTSIDE, self._outside(scale_of(chord) | _BLUES))
            outside = self._outside(frozenset(chord.pitch_classes))
            if leaning and (self._sounds & (outside == 0)).any():
                bias = np.where(outside > 0, -inf, bias) if leaning >= 1 else (
                    bias - _LEANING_NATS * leaning / (1 - leaning) * np.minimum(_MOST_OUTSIDE, outside)
                )  # fmt: skip
        bias.flags.writeable = False
        return bias

    def _outside(self, classes: frozenset[int]) -> NDArray[np.float64]:
        """Return how many pitches of each unit are of none of some pitch classes, shape (units,)."""
        apart = np.array([pitch_class not in classes for pitch_class in range(len(PITCH_CLASSES))], np.float64)
        return np.asarray(apart @ self._classes)


def _nearest(pitch: int, notes: Sequence[int]) -> int:
    """Return the pitch among some that is the nearest of a pitch's class; the nearest of any where there is none."""
    return min(notes, key=lambda note: ((note - pitch) % 12 != 0, abs(note - pitch), note))
