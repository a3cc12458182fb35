"""The scale that goes with a chord: which notes lie between the tones of the chord, for lines over it."""

from functools import lru_cache
from types import MappingProxyType

from improv.music.theory import QUALITIES, Chord

_IONIAN, _MIXOLYDIAN, _DORIAN = (0, 2, 4, 5, 7, 9, 11), (0, 2, 4, 5, 7, 9, 10), (0, 2, 3, 5, 7, 9, 10)

_SCALES = MappingProxyType(
    {
        "7": _MIXOLYDIAN,
        "m7": _DORIAN,
        "dim7": (0, 2, 3, 5, 6, 8, 9, 11),
        "maj7": _IONIAN,
        "m7b5": (0, 1, 3, 5, 6, 8, 10),
        "6": _IONIAN,
        "m6": (0, 2, 3, 5, 7, 9, 11),
        "7sus": _MIXOLYDIAN,
        "m": _DORIAN,
        "": _IONIAN,
    }
)
"""By the quality of a chord, in semitones above its root (Levine, The Jazz Theory Book, chapter 3)."""

_BY_INTERVALS = MappingProxyType({QUALITIES[quality]: scale for quality, scale in _SCALES.items()})


@lru_cache(maxsize=1024)
def scale_of(chord: Chord) -> frozenset[int]:
    """Return the pitch classes (0 to 11) of the scale that goes with a chord, the chord's own among them.

    A chord that has no name has no scale but its own tones.
    """
    scale = (*_BY_INTERVALS.get(chord.intervals, ()), *chord.intervals)
    return frozenset((chord.root + interval) % 12 for interval in scale)
