"""How the phrases of a solo begin: now and then a phrase repeats an idea of those before, as people's do.

The Weimar Jazz Database labels the ideas of a solo, and says which repeat an earlier one (Frieler, Pfleiderer, Abeßer &
Zaddach 2016, Midlevel analysis of monophonic jazz solos, Musicae Scientiae 20, 2). Counted in its blues (`python -m
training ideas`): whether a phrase begins with a repeat depends most on whether the one before did, so that repeats come
in runs; mostly the latest idea comes back, and mostly where it was.

An idea is kept as the first three notes of its phrase. Where it is to come back, the network is asked to begin on the
same pitch, to move by the same intervals, or both, and one time in eight for neither; everything else is its own
choice. Labels also name ideas within phrases and of long before: here an idea is what a phrase began with, and one from
before the last two is taken to be the third last.
"""

from collections.abc import Callable, Sequence
from typing import Annotated

from improv.dataclass import dataclass
from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import Cell
from improv.music.rhythm import rhythm_of, top_line
from improv.protocol.json_codec import JsonName

_REST_TICKS = TICKS_PER_BEAT
"""A rest of a beat divides two phrases."""

_NOTES, _KEPT = 3, 3
"""The notes of a beginning, and how many beginnings are kept."""

_REPEATS_AFTER_NEW, _REPEATS_AFTER_REPEAT = 0.16, 0.45
"""How many phrases repeat an idea, at 1 of the control `build`, after one that did not and after one that did."""

_WHICH = (0.81, 0.09, 0.10)
"""How many of the repeats are of the latest of the last three ideas, of the one before, and of the first of them."""

_ON_ITS_PITCH = 0.76
"""How many of the repeats begin on the pitch on which the idea began."""

_BY_ITS_INTERVALS = 0.5
"""How many of the repeats are asked to move as the idea did; the others are variations that the network makes."""

_TAKEN_UP = 0.13
"""Before version 2 of `SOLOIST_RULES`: how many phrases move as one of the last three did, whichever."""

Intervals = tuple[int, ...]
"""Semitones from note to note."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a phrase is to begin."""

    repeats: bool = False
    """Whether it repeats an idea."""
    intervals: Intervals = ()
    """By which it is to move; none where that is the network's choice."""
    pitch: int | None = None
    """On which it is to begin, a MIDI pitch in the key of the performance; None where that is the network's choice."""


NEW_IDEA = Plan()


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
    begun_on: Annotated[tuple[int, ...], JsonName("begun_on", absent=())] = ()
    """The MIDI pitch on which each of `begun` began, in the key of the performance."""
    first: Annotated[int, JsonName("first", absent=0)] = 0
    """The MIDI pitch on which the phrase began, in the key of the performance."""
    repeats: Annotated[bool, JsonName("repeats", absent=False)] = False
    """Whether the phrase repeats an idea."""

    @property
    def notes(self) -> int:
        """How many notes the phrase has, three at most."""
        return 0 if self.last is None else len(self.intervals) + 1


NO_PHRASES = Phrases()


def begins(sounded_to: int, tick: int) -> bool:
    """Return whether a note at a tick would begin a phrase, where the line last sounded at another."""
    return tick - sounded_to >= _REST_TICKS


def planned(phrases: Phrases, build: float, chance: Callable[[int], float]) -> Plan:
    """Return how a phrase is to begin; `build` is the control.

    `chance` draws numbers from 0 up to 1, each by its number.
    """
    likely = (_REPEATS_AFTER_REPEAT if phrases.repeats else _REPEATS_AFTER_NEW) * build
    ideas = list(zip(reversed(phrases.begun), reversed(phrases.begun_on), strict=False))
    if not ideas or not likely or chance(0) >= likely:
        return NEW_IDEA
    intervals, pitch = ideas[_drawn(_WHICH[: len(ideas)], chance(1))]
    return Plan(
        True,
        intervals if chance(2) < _BY_ITS_INTERVALS else (),
        pitch if chance(3) < _ON_ITS_PITCH else None,
    )


def _drawn(shares: Sequence[float], chance: float) -> int:
    """Return which of several shares a number from 0 up to 1 falls into."""
    left = chance * sum(shares)
    for which, share in enumerate(shares):
        if left < share:
            return which
        left -= share
    return len(shares) - 1


def taken_up(phrases: Phrases, build: float, chance: Callable[[int], float]) -> Plan:
    """Return how a phrase is to begin before version 2 of `SOLOIST_RULES`: without a plan of ideas."""
    likely = _TAKEN_UP * build
    if not phrases.begun or not likely or (drawn := chance(0)) >= likely:
        return NEW_IDEA
    return Plan(True, phrases.begun[int(drawn / likely * len(phrases.begun))])


def after(phrases: Phrases, melody: Cell, start: int, sounded_to: int, plan: Plan) -> Phrases:
    """Return the phrases after a step that begins at tick `start`; before it the line last sounded at `sounded_to`.

    `plan` is how its first phrase was to begin. Both ticks are of the performance.
    """
    if not melody.onsets:
        return phrases
    begun, begun_on, repeats, first = phrases.begun, phrases.begun_on, phrases.repeats, phrases.first
    intervals, last, following = phrases.intervals, phrases.last, phrases.following
    for tick, pitch in zip(rhythm_of(melody).ticks, top_line(melody), strict=True):
        if last is None or begins(start if melody.held else sounded_to, start + tick):
            intervals, following, repeats, first = (), plan.intervals, plan.repeats, pitch
        else:
            apart = pitch - last
            following = following[1:] if following and following[0] == apart else ()
            if len(intervals) < _NOTES - 1:
                intervals = (*intervals, apart)
                if len(intervals) == _NOTES - 1:
                    begun = (*begun, intervals)[-_KEPT:]
                    begun_on = (*begun_on, first)[-_KEPT:]
        last, sounded_to = pitch, start + tick
    return Phrases(begun, intervals, last, following, begun_on, first, repeats)
