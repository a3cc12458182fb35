"""What begins and ends inside one step, as one of 73 rhythms: the first choice of a cell, before its pitches.

Any set of the six ticks may have an onset, so triplets and sixteenths are exact. An end is finer than a step only
where an articulation is heard as one: half-way through it. A line is one voice: what begins ends what sounds.
Pure values. It must never know a pitch.
"""

from itertools import combinations
from types import MappingProxyType

from improv.dataclass import dataclass
from improv.music.notes import Cell, Onset, Release
from improv.music.theory import TICKS_PER_STEP

HALF = TICKS_PER_STEP // 2
"""The tick at which a note may end inside a step."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The ticks of its onsets, ascending; without any, whether a note is held; whether the last one ends half-way."""

    ticks: tuple[int, ...] = ()
    held: bool = False
    ended: bool = False

    @property
    def sounds_after(self) -> bool:
        """True if a note still sounds at the end of the step."""
        return bool(self.ticks or self.held) and not self.ended


def _all() -> tuple[Rhythm, ...]:
    """Return every rhythm: silence, held notes, every set of onsets, and those sets again that end early."""
    ticks = range(TICKS_PER_STEP)
    sets = [chosen for count in range(1, TICKS_PER_STEP + 1) for chosen in combinations(ticks, count)]
    ending = [Rhythm(chosen, ended=True) for chosen in sets if chosen[-1] < HALF]
    return Rhythm(), Rhythm(held=True), Rhythm(held=True, ended=True), *map(Rhythm, sets), *ending


RHYTHMS = _all()
"""Silence first; 73 in all. Whether a note is held up to a step's first onset is not told: a line is legato there."""

NUMBERS = MappingProxyType({rhythm: number for number, rhythm in enumerate(RHYTHMS)})


def rhythm_of(cell: Cell) -> Rhythm:
    """Return the rhythm nearest to a cell, whose notes may overlap and end at any tick.

    An end in the last third of the step is one at its end, for a line that is tongued is still a line;
    one in the first sixth is one at its beginning.
    """
    ticks = tuple(sorted({onset.tick for onset in cell.onsets}))
    last = TICKS_PER_STEP
    if cell.releases and not cell.sounding_after:
        last = max([release.tick for release in cell.releases])
    if ticks:
        return Rhythm(ticks, ended=ticks[-1] < HALF and last <= HALF)
    if not cell.held or last <= 1:
        return Rhythm()
    return Rhythm(held=True, ended=last <= HALF)


def top_line(cell: Cell) -> tuple[int, ...]:
    """Return the pitches of a cell's onsets in order; of several at one tick, the highest."""
    highest: dict[int, int] = {}
    for onset in cell.onsets:
        highest[onset.tick] = max(onset.pitch, highest.get(onset.tick, 0))
    return tuple([highest[tick] for tick in sorted(highest)])


def cell_of(rhythm: Rhythm, pitches: tuple[int, ...], before: int | None) -> Cell:
    """Return the cell of a rhythm with a pitch for each onset.

    `before` is the pitch that sounds into it, None for silence.

    ValueError unless there are as many pitches as onsets.
    """
    onsets = tuple([Onset(pitch, tick) for pitch, tick in zip(pitches, rhythm.ticks, strict=True)])
    lasts = rhythm.held or (bool(rhythm.ticks) and rhythm.ticks[0] > 0)
    held = (before,) if before is not None and lasts else ()
    line, ends = (*held, *pitches), rhythm.ticks if held else rhythm.ticks[1:]
    releases = [Release(pitch, end) for pitch, end in zip(line, ends, strict=False)]  # the last one sounds on
    if line and rhythm.ended:
        releases.append(Release(line[-1], HALF))
    return Cell(onsets, held, tuple(releases))
