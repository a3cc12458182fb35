"""The band's random numbers: a stream of their own for each part, which never touches the soloist's.

A number follows from the seed, a place in the music, the part and how many were drawn there. It is a hash, not a
generator: as good for choosing among a few figures, and far cheaper than a generator begun anew at each step.
"""

from improv.music.parts import Part

_MASK = 2**64 - 1
_SEED, _TICK, _CHANNEL, _NUMBER = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95, 0xDA942042E4DD58B5, 0xAEF17502108EF2D9


def chance(seed: int, tick: int, part: Part, number: int) -> float:
    """Return a number from 0 up to 1, uniformly distributed (SplitMix64: Steele, Lea & Flood 2014, figure 19)."""
    mixed = (seed * _SEED + tick * _TICK + part.channel * _CHANNEL + number * _NUMBER) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((mixed ^ (mixed >> 31)) >> 11) / 2**53
