"""Voices: the instruments that improv can play its melody like, and where each of them plays."""

from types import MappingProxyType

from improv.dataclass import dataclass

ANY = "any"
"""The voice of a player of no instrument in particular."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Where an instrument plays, as MIDI pitches: the mean of its solos, and the lowest and the highest that it needs.

    Of the notes of its solos in the Weimar Jazz Database one in two hundred is lower, and one higher.
    """

    mean: float
    lowest: int
    highest: int


VOICES = MappingProxyType(
    {
        "tenor": Voice(62.6, 46, 80),
        "alto": Voice(66.2, 53, 80),
        "soprano": Voice(71.3, 58, 86),
        "baritone": Voice(56.4, 44, 68),
        "clarinet": Voice(72.7, 52, 87),
        "trumpet": Voice(70.5, 56, 87),
        "trombone": Voice(61.1, 48, 73),
        "vibraphone": Voice(71.9, 56, 87),
        "guitar": Voice(62.8, 47, 79),
        "piano": Voice(62.6, 43, 85),
    }
)
"""Cornets count as trumpets."""
