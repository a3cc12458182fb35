"""Rhythms as musicians write them down: one bar as a row of characters, placed on ticks.

`x.xxx.xx` is a bar of eighths, one of twelve characters a bar of triplets, one of sixteen a bar of sixteenths: a dot is
a rest, `g` a ghost note, `o` a soft one, `x` one as usual, `X` an accent.
"""

from functools import lru_cache
from types import MappingProxyType

from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT

GHOST, SOFT, USUAL, ACCENT = "g", "o", "x", "X"

_REST = "."

VELOCITIES = MappingProxyType({GHOST: 34, SOFT: 57, USUAL: 82, ACCENT: 101})
"""How hard each is struck where the band plays at full energy, 1 to 127."""


@lru_cache(maxsize=4096)
def hits(row: str, swing: float) -> tuple[tuple[int, str], ...]:
    """Return the ticks of a bar at which a row has a note, with its character; ValueError for a row of another length.

    Triplets lie on thirds of the beat, whatever the swing (share of a beat that its first eighth takes).
    """
    in_a_beat, odd = divmod(len(row), BEATS_PER_BAR)
    if odd or in_a_beat not in (1, 2, 3, 4):
        raise ValueError(f"{row!r} is no bar of four beats")
    inside = triplets(swing) if in_a_beat == 3 else tuple(range(0, TICKS_PER_BEAT, TICKS_PER_BEAT // in_a_beat))
    placed = ((divmod(position, in_a_beat), how) for position, how in enumerate(row) if how != _REST)
    return tuple((beat * TICKS_PER_BEAT + inside[part], how) for (beat, part), how in placed)


@lru_cache(maxsize=256)
def triplets(swing: float) -> tuple[int, int, int]:
    """Return the ticks of a beat that sound nearest to its thirds, where its first eighth takes a share of it."""
    half = TICKS_PER_BEAT // 2

    def tick(share: float) -> int:
        if share <= swing:
            return round(half * share / swing)
        return round(half + half * (share - swing) / (1 - swing))

    return 0, tick(1 / 3), tick(2 / 3)
