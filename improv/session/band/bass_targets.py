"""Where a bass line goes: its range, its targets, and the notes that lead to them. For rules and for networks.

A target is the root or the fifth of a chord at the place where it comes in. The note before it is a half step or a
whole step away, or the fifth above it: a leading note, or a dominant.
"""

from functools import lru_cache

from improv.music.scales import scale_of
from improv.music.theory import Chord

LOWEST, HIGHEST = 28, 55
"""The range of a bass as MIDI pitches, E1 to G3."""

CENTRE = 41
"""The MIDI pitch that a line keeps around."""

_CHORD_TONE, _SCALE_TONE = 0.0, 0.7


def third(chord: Chord) -> int:
    """Return the pitch class (0 to 11) of a chord's third, or of what it has instead: a fourth, or its root."""
    return _degree(chord, (4, 3, 5))


def fifth(chord: Chord) -> int:
    """Return the pitch class of a chord's fifth, perfect or not; its root if it has none."""
    return _degree(chord, (7, 6, 8))


def seventh(chord: Chord) -> int:
    """Return the pitch class of a chord's seventh or sixth; its fifth if it has none."""
    return _degree(chord, (10, 11, 9)) if {10, 11, 9} & set(chord.intervals) else fifth(chord)


def sixth(chord: Chord) -> int:
    """Return the pitch class of the sixth in the scale of a chord; its fifth if the scale has none."""
    for interval in (9, 8):
        if (chord.root + interval) % 12 in scale_of(chord):
            return (chord.root + interval) % 12
    return fifth(chord)


def _degree(chord: Chord, wanted: tuple[int, ...]) -> int:
    found = next((interval for interval in wanted if interval in chord.intervals), 0)
    return (chord.root + found) % 12


@lru_cache(maxsize=1024)
def costs(chord: Chord) -> tuple[float | None, ...]:
    """Return what each pitch class costs in a line over a chord; None for those outside of its scale."""
    tones, scale = chord.pitch_classes, scale_of(chord)
    return tuple(_CHORD_TONE if pc in tones else _SCALE_TONE if pc in scale else None for pc in range(12))


@lru_cache(maxsize=4096)
def places(pitch_class: int, ceiling: int = HIGHEST) -> tuple[int, ...]:
    """Return the MIDI pitches of a pitch class in the range of the bass, up to a ceiling; at least one of them."""
    found = tuple(range(LOWEST + (pitch_class - LOWEST) % 12, HIGHEST + 1, 12))
    return tuple(pitch for pitch in found if pitch <= ceiling) or found[:1]


def nearest(pitch_class: int, pitch: int, ceiling: int = HIGHEST) -> int:
    """Return the MIDI pitch of a pitch class that lies nearest to a pitch; not so far from the middle if it may be."""
    return min(places(pitch_class, ceiling), key=lambda place: abs(place - pitch) + 0.25 * abs(place - CENTRE))


def leads(pitch: int, target: int) -> bool:
    """Return whether a pitch leads to a target: a half step or a whole step away, or the fifth above its root."""
    return 0 < abs(pitch - target) <= 2 or (pitch - target) % 12 == 7
