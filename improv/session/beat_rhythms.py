"""How probable the rhythm of a beat is, onset after onset: what is expected next, given the beat so far.

A rhythm of a beat is the set of ticks at which notes begin in it. How often each was played after each kind of beat is
counted in `beat_rhythm_counts`; of that a tree is made, whose nodes are rhythms that have begun.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from math import inf, log

from improv.dataclass import dataclass
from improv.music.grid import TICKS_PER_BEAT
from improv.session.beat_rhythm_counts import COUNTS
from improv.session.timing import EIGHTHS, SIXTEENTHS, TRIPLETS

SILENT, DOWNBEAT, OFFBEATS, FINE, IN_THREES = range(5)
AFTER = ("silence", "a downbeat alone", "eighths", "sixteenths", "triplets")
"""The kinds of beat, by which the next one is expected."""

OVER = TICKS_PER_BEAT
"""What comes next where nothing else begins in the beat."""

_KINDS = (EIGHTHS, SIXTEENTHS, TRIPLETS)
_HALF = TICKS_PER_BEAT // 2
_HALVES, _QUARTERS = frozenset((0, _HALF)), frozenset((TICKS_PER_BEAT // 4, 3 * TICKS_PER_BEAT // 4))

_OTHERS, _OTHER_NEXT = 100.0, 5.0
"""How many beats the kinds of beat share, and a node has of those that it does not know."""

_ANY = -1
"""Stands for whatever came before in a beat."""

_EVER = 0.3
"""How often whatever was never counted is taken to have been played."""


def kind_of(ticks: Iterable[int]) -> int:
    """Return the kind of a rhythm: with a quarter of the beat in it sixteenths, with another fine tick triplets."""
    if _HALVES.issuperset(ticks):
        return EIGHTHS
    return TRIPLETS if _QUARTERS.isdisjoint(ticks) else SIXTEENTHS


def beat_of(ticks: tuple[int, ...]) -> int:
    """Return which of `AFTER` a beat with onsets at these ticks is."""
    if not ticks:
        return SILENT
    kind = kind_of(ticks)
    return FINE if kind == SIXTEENTHS else IN_THREES if kind == TRIPLETS else DOWNBEAT if ticks == (0,) else OFFBEATS


def spelled(ticks: tuple[int, ...]) -> str:
    """Return a rhythm as a word: the ticks in hexadecimal, `-` for none."""
    return "".join(f"{tick:x}" for tick in ticks) or "-"


@dataclass(frozen=True, slots=True)
class Node:
    """A rhythm that has begun: its onsets so far and what may come next."""

    kind: int
    beat: int
    """Which of `AFTER` the beat is if nothing else comes."""
    nats: tuple[float, ...]
    """The logarithm of the probability that the next onset is at each tick, and that none is (`OVER`)."""
    children: tuple[int, ...]
    """The node that an onset at each tick leads to; 0 where it leads nowhere."""


@dataclass(frozen=True, slots=True)
class BeatRhythms:
    """The probabilities of rhythms, as logarithms."""

    nodes: tuple[Node, ...]
    first: tuple[tuple[tuple[float, ...], ...], ...]
    """Of the first onset of a beat, after each of `AFTER`, by kind and tick."""
    silent: tuple[float, ...]
    """That a beat is silent, after each of `AFTER`."""
    roots: tuple[tuple[int, ...], ...]
    """The node that a beat's first onset leads to, by kind and tick."""


def _counts() -> dict[tuple[int, ...], list[int]]:
    rows = (line.split() for line in COUNTS.splitlines())
    return {
        () if rhythm == "-" else tuple(int(letter, 16) for letter in rhythm): list(map(int, counts))
        for rhythm, *counts in rows
    }


def _possible(kind: int, tick: int) -> bool:
    return kind != EIGHTHS or tick in (0, _HALF, OVER)


@cache
def beat_rhythms() -> BeatRhythms:
    """Return the probabilities of rhythms, made once."""
    counts = _counts()
    first, silent = _first(counts)
    next_of: defaultdict[tuple[int, tuple[int, ...]], list[float]] = defaultdict(lambda: [0.0] * (OVER + 1))
    after_tick = {
        (kind, tick): [_EVER if then > tick and _possible(kind, then) else 0.0 for then in range(OVER + 1)]
        for kind in _KINDS
        for tick in range(TICKS_PER_BEAT)
    }
    for rhythm, by_beat in counts.items():
        kind, times = kind_of(rhythm), sum(by_beat)
        for number, tick in enumerate(rhythm):
            then = (*rhythm[number + 1 :], OVER)[0]
            next_of[kind, rhythm[: number + 1]][then] += times
            after_tick[kind, tick][then] += times
    keys = [*((kind, (_ANY, tick)) for kind, tick in after_tick), *next_of]  # nodes of any rhythm up to a tick first
    number_of = {key: number for number, key in enumerate(keys)}
    any_rhythm = [[number_of[kind, (_ANY, tick)] for tick in range(TICKS_PER_BEAT)] for kind in _KINDS]
    nodes = []
    for kind, begun in keys:
        last = begun[-1]
        usual = after_tick[kind, last]
        whole = sum(usual)
        mixed = [_OTHER_NEXT * each / whole for each in usual]
        children, beat = list(any_rhythm[kind]), (OFFBEATS, FINE, IN_THREES)[kind]
        if begun[0] != _ANY:
            seen = next_of[kind, begun]
            mixed = [one + other for one, other in zip(mixed, seen, strict=True)]
            for then in [then for then in range(TICKS_PER_BEAT) if seen[then]]:
                children[then] = number_of[kind, (*begun, then)]
            beat = beat_of(begun) if kind == EIGHTHS else beat
        whole = sum(mixed)
        nats = tuple([log(each / whole) if each else -inf for each in mixed])
        nodes.append(
            Node(kind, beat, nats, tuple([child if nats[at] > -inf else 0 for at, child in enumerate(children)]))
        )
    roots = tuple(
        tuple(number_of.get((kind, (tick,)), number_of[kind, (_ANY, tick)]) for tick in range(TICKS_PER_BEAT))
        for kind in _KINDS
    )
    return BeatRhythms(tuple(nodes), first, silent, roots)


def _first(
    counts: dict[tuple[int, ...], list[int]],
) -> tuple[tuple[tuple[tuple[float, ...], ...], ...], tuple[float, ...]]:
    """Return the probabilities of a beat's first onset by kind of beat before it, and of silence, as logarithms."""
    times = [[[0.0] * TICKS_PER_BEAT for _ in _KINDS] for _ in AFTER]
    silent = [float(each) for each in counts[()]]
    for rhythm, by_beat in counts.items():
        for before, each in enumerate(by_beat):
            if rhythm:
                times[before][kind_of(rhythm)][rhythm[0]] += each
    usual = [
        [
            sum(table[kind][tick] for table in times) + 0.5 if _possible(kind, tick) else 0.0
            for tick in range(TICKS_PER_BEAT)
        ]
        for kind in _KINDS
    ]
    usual_silent = sum(silent) + 0.5
    everything = sum(map(sum, usual)) + usual_silent
    first, over = [], []
    for table, none in zip(times, silent, strict=True):
        whole = sum(map(sum, table)) + none + _OTHERS
        over.append(log((none + _OTHERS * usual_silent / everything) / whole))
        first.append(
            tuple(
                tuple(
                    log((table[kind][tick] + _OTHERS * usual[kind][tick] / everything) / whole)
                    if usual[kind][tick]
                    else -inf
                    for tick in range(TICKS_PER_BEAT)
                )
                for kind in _KINDS
            )
        )
    return tuple(first), tuple(over)
