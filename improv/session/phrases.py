"""How the phrases of a solo begin: now and then like one of the last three, as people's do.

A beginning is the first three notes of a phrase, kept as two intervals, so that it may come back at any pitch. Where it
is to come back, the network is asked to move by the same intervals; everything else is its own choice.
"""

from collections.abc import Callable

from improv.dataclass import dataclass
from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import Cell
from improv.music.rhythm import rhythm_of, top_line

_REST_TICKS = TICKS_PER_BEAT
"""A rest of a beat divides two phrases."""

_NOTES, _KEPT = 3, 3
"""The notes of a beginning, and how many beginnings are kept."""

_TAKEN_UP = 0.13
"""How many phrases take up the beginning of one of the last three, at 1 of the control `build`."""

Intervals = tuple[int, ...]
"""Semitones from note to note."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """How the last phrases of a line have begun, and the one that is played."""

    begun: tuple[Intervals, ...] = ()
    """The beginnings of the last phrases of three notes and more, the latest last."""
    notes: int = 0
    """How many notes the phrase has, three at most."""
    intervals: Intervals = ()
    """Those between them."""
    last: int | None = None
    """The MIDI pitch of the last note, in the key of the performance."""
    sounded_to: int = 0
    """The tick of the performance at which the line last sounded."""
    following: Intervals = ()
    """The intervals by which the phrase is to go on, where it begins like one before."""


NO_PHRASES = Phrases()


def begins(phrases: Phrases, tick: int) -> bool:
    """Return whether a note at a tick of the performance would begin a phrase."""
    return tick - phrases.sounded_to >= _REST_TICKS


def taken_up(phrases: Phrases, build: float, chance: Callable[[], float]) -> Intervals:
    """Return the beginning that a phrase is to have; none if it is to have one of its own.

    `chance` draws a number from 0 up to 1, `build` is the control.
    """
    likely = _TAKEN_UP * build
    if not phrases.begun or not likely or (drawn := chance()) >= likely:
        return ()
    return phrases.begun[int(drawn / likely * len(phrases.begun))]


def after(phrases: Phrases, melody: Cell, start: int, length: int, asked: Intervals) -> Phrases:
    """Return the phrases after a step of `length` ticks that begins at tick `start`.

    `asked` is what its first phrase was to begin with. A line without notes and rests stays as it is.
    """
    if not melody.onsets and not melody.held:
        return phrases
    begun, notes, intervals, last = phrases.begun, phrases.notes, phrases.intervals, phrases.last
    sounded_to, following = phrases.sounded_to, phrases.following
    if melody.held:
        sounded_to = start + _held_for(melody, length)
    for tick, pitch in zip(rhythm_of(melody).ticks, top_line(melody), strict=True):
        if last is None or start + tick - sounded_to >= _REST_TICKS:
            notes, intervals, following = 1, (), asked
        else:
            apart = pitch - last
            following = following[1:] if following and following[0] == apart else ()
            if notes < _NOTES:
                notes, intervals = notes + 1, (*intervals, apart)
                if notes == _NOTES:
                    begun = (*begun, intervals)[-_KEPT:]
        last, sounded_to = pitch, start + tick
    if melody.onsets:
        sounded_to = start + _held_for(melody, length)
    return Phrases(begun, notes, intervals, last, sounded_to, following)


def _held_for(melody: Cell, length: int) -> int:
    """Return the tick of a step to which its last note sounds."""
    return length if melody.sounding_after else max((release.tick for release in melody.releases), default=0)
