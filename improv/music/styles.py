"""Styles: how the band plays, and how its eighths swing at a tempo."""

from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType

_STRAIGHT, _TRIPLETS = 0.5, round(2 / 3, 3)


class Style(StrEnum):
    """How the parts that accompany the melody play."""

    SWING = "swing"
    """A walking bass, a ride cymbal, chords off the beat."""
    SHUFFLE = "shuffle"
    """Each beat in triplets, with a backbeat."""
    SLOW = "slow"
    """A slow blues in 12/8."""
    FUNK = "funk"
    """Straight eighths, the bass in a figure of its own."""
    NEW_ORLEANS = "new-orleans"
    """A street beat, between straight and swung."""
    PADS = "pads"
    """Held chords alone: no bass, no drums."""


_SWING_RATIOS = ((100.0, 1.30), (120.0, 1.57), (160.0, 1.65), (210.0, 1.50), (240.0, 1.21))
"""How much longer players make the first eighth of a beat than the second, by tempo in bpm, straight lines between: the
medians of the solos in the Weimar Jazz Database."""

_SWINGS = MappingProxyType(
    {Style.SHUFFLE: _TRIPLETS, Style.SLOW: _TRIPLETS, Style.FUNK: _STRAIGHT, Style.NEW_ORLEANS: 0.57, Style.PADS: 0.6}
)
"""The swing of the styles that keep theirs at any tempo."""


def auto_swing(style: Style, bpm: float) -> float:
    """Return the swing that players take in a style at a tempo in bpm, 0.5 to 0.67, rounded to 0.001."""
    if style in _SWINGS:
        return _SWINGS[style]
    ratio = _swing_ratio(bpm)
    return round(ratio / (1 + ratio), 3)


def _swing_ratio(bpm: float) -> float:
    slowest, fastest = _SWING_RATIOS[0], _SWING_RATIOS[-1]
    for (low, below), (high, above) in pairwise(_SWING_RATIOS):
        if low <= bpm < high:
            return below + (above - below) * (bpm - low) / (high - low)
    return slowest[1] if bpm < slowest[0] else fastest[1]
