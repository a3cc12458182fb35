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
    intervals: Intervals = ()
    """Those between the first notes of the phrase, two at most."""
    last: int | None = None
    """The MIDI pitch of the last note, in the key of the performance."""
    following: Intervals = ()
    """The intervals by which the phrase is to go on, where it begins like one before."""

    @property
    def notes(self) -> int:
        """How many notes the phrase has, three at most."""
        return 0 if self.last is None else len(self.intervals) + 1


NO_PHRASES = Phrases()


def begins(sounded_to: int, tick: int) -> bool:
    """Return whether a note at a tick would begin a phrase, where the line last sounded at another."""
    return tick - sounded_to >= _REST_TICKS


def taken_up(phrases: Phrases, build: float, chance: Callable[[], float]) -> Intervals:
    """Return the beginning that a phrase is to have; none if it is to have one of its own.

    `chance` draws a number from 0 up to 1, `build` is the control.
    """
    likely = _TAKEN_UP * build
    if not phrases.begun or not likely or (drawn := chance()) >= likely:
        return ()
    return phrases.begun[int(drawn / likely * len(phrases.begun))]


def after(phrases: Phrases, melody: Cell, start: int, sounded_to: int, asked: Intervals) -> Phrases:
    """Return the phrases after a step that begins at tick `start`; before it the line last sounded at `sounded_to`.

    `asked` is what its first phrase was to begin with. Both ticks are of the performance.
    """
    if not melody.onsets:
        return phrases
    begun, intervals, last, following = phrases.begun, phrases.intervals, phrases.last, phrases.following
    for tick, pitch in zip(rhythm_of(melody).ticks, top_line(melody), strict=True):
        if last is None or begins(start if melody.held else sounded_to, start + tick):
            intervals, following = (), asked
        else:
            apart = pitch - last
            following = following[1:] if following and following[0] == apart else ()
            if len(intervals) < _NOTES - 1:
                intervals = (*intervals, apart)
                if len(intervals) == _NOTES - 1:
                    begun = (*begun, intervals)[-_KEPT:]
        last, sounded_to = pitch, start + tick
    return Phrases(begun, intervals, last, following)
