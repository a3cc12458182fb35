"""How alike two phrases are, and whether a call can be found by its answer:
`python -m training similarity PATH` prints how often a soloist's phrase is found by the next one.

The likeness is fixed: it was chosen once, learns nothing, and its four parts weigh the same. Phrases are compared in
the key of C and by no register, so that neither tune nor instrument gives a call away.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from pathlib import Path

import numpy as np

from improv.music.grid import TICKS_PER_BEAT
from improv.music.theory import PITCH_CLASSES
from training.corpora.wjazzd import read_for
from training.corpora.wjazzd_split import split
from training.datasets.sequences import in_c
from training.metrics.bootstrap import SAMPLES, Figure, grouped_mean
from training.metrics.figures import divergence, durations, intervals, phrases
from training.metrics.melody import Melody, Reals, melody

LEAST_NOTES = 3
"""A shorter phrase cannot be found by its answer."""

AMONG = 16
"""How many phrases the call is looked for among, itself included."""

ROUNDS = 3
"""How many times the other phrases are drawn for each answer."""

_SHAPE = 16
_LONGEST_TICKS = 2 * TICKS_PER_BEAT


@dataclass(frozen=True, slots=True, eq=False)
class Phrase:
    """What a phrase is recognised by; histograms are counts."""

    gaps: Reals
    """From onset to onset, in ticks up to two beats."""
    lengths: Reals
    """Of its notes, in ticks up to two beats."""
    places: Reals
    """Where in the beat its notes begin, in ticks."""
    notes_a_tick: float
    shape: Reals
    """Its pitch at sixteen moments, its mean taken away, in semitones."""
    ways: Reals
    """Whether three steps in a row go up, down or nowhere, 27 kinds."""
    steps: Reals
    """Intervals up to an octave."""
    figures: frozenset[tuple[int, ...]]
    """Of each three notes in a row the two intervals, and the ticks between the onsets."""
    pitch_classes: Reals
    """How many ticks each sounds, counted from the key."""


def phrase(line: Melody) -> Phrase:
    """Return the features by which a melody of at least one note is compared as a phrase."""
    gaps, steps = np.diff(line.onsets), np.diff(line.pitches)
    ways = np.sign(steps) + 1
    lasts = line.ends - line.onsets
    moments = np.linspace(line.onsets[0], line.ends[-1], _SHAPE, endpoint=False)
    shape = line.pitches[np.searchsorted(line.onsets, moments, side="right") - 1].astype(np.float64)
    pairs = np.stack((steps[:-1], steps[1:], gaps[:-1], gaps[1:]), axis=1)
    return Phrase(
        np.bincount(np.minimum(gaps, _LONGEST_TICKS + 1), minlength=_LONGEST_TICKS + 2).astype(np.float64),
        durations(line),
        np.bincount(line.onsets % TICKS_PER_BEAT, minlength=TICKS_PER_BEAT).astype(np.float64),
        len(line.onsets) / float(line.ends[-1] - line.onsets[0]),
        shape - shape.mean(),
        np.bincount(9 * ways[:-2] + 3 * ways[1:-1] + ways[2:], minlength=27).astype(np.float64),
        intervals(line),
        frozenset(tuple(pair) for pair in pairs.tolist()),
        np.bincount(line.pitches % len(PITCH_CLASSES), lasts, len(PITCH_CLASSES)).astype(np.float64),
    )


def phrases_of(line: Melody) -> tuple[Phrase | None, ...]:
    """Return the phrases of a melody in C, divided by rests of a beat or more; None for one that is too short."""
    return tuple(
        phrase(Melody(line.onsets[notes], line.ends[notes], line.pitches[notes], line.chords))
        if notes.stop - notes.start >= LEAST_NOTES
        else None
        for notes in phrases(line)
    )


def likenesses(one: Phrase, other: Phrase) -> dict[str, float]:
    """Return the four parts of the likeness of two phrases, each 0 to 1 and symmetric.

    Histograms are alike by 1 - sqrt(their Jensen-Shannon divergence in bits), whose root is a distance (Endres &
    Schindelin 2003, A New Metric for Probability Distributions, IEEE Trans. Inf. Theory 49(7)).

    rhythm: the mean of the histograms of gaps, lengths and places, and of the slower density over the faster;
    contour: the mean of 1 - sum |a - b| / sum (|a| + |b|) over both shapes, and of the histogram of ways;
    interval: the mean of the histogram of steps, and of figures in both over figures in either;
    pitch class: its histogram.
    """
    slower, faster = sorted((one.notes_a_tick, other.notes_a_tick))
    apart, size = np.abs(one.shape - other.shape).sum(), (np.abs(one.shape) + np.abs(other.shape)).sum()
    either = len(one.figures | other.figures)
    gaps, lengths, places = (_alike(getattr(one, name), getattr(other, name)) for name in ("gaps", "lengths", "places"))
    shape = 1 - float(apart / size) if size else 1.0
    figures = len(one.figures & other.figures) / either if either else 1.0
    return {
        "rhythm": (gaps + lengths + places + slower / faster) / 4,
        "contour": (shape + _alike(one.ways, other.ways)) / 2,
        "interval": (_alike(one.steps, other.steps) + figures) / 2,
        "pitch class": _alike(one.pitch_classes, other.pitch_classes),
    }


def similarity(one: Phrase, other: Phrase) -> float:
    """Return the likeness of two phrases, 0 to 1: the mean of the four parts."""
    parts = likenesses(one, other)
    return sum(parts.values()) / len(parts)


def _alike(one: Reals, other: Reals) -> float:
    if not one.any() or not other.any():
        return float(one.any() == other.any())
    return 1 - sqrt(max(0.0, divergence(one, other)))


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """A call, its answer, and the solo that the call is from."""

    call: Phrase
    answer: Phrase | None
    """None for silence, by which no call is found."""
    solo: str


def exchanges(solo: str, found: Sequence[Phrase | None]) -> tuple[Exchange, ...]:
    """Return pairs of each phrase of a solo and the next one, where both are long enough."""
    return tuple(Exchange(call, answer, solo) for call, answer in pairwise(found) if call and answer)


def found_calls(
    made: Sequence[Exchange], others: Mapping[str, Sequence[Phrase]], same_solo: bool = False, seed: int = 0
) -> Reals:
    """Return how often each answer is most like its own call among `AMONG` phrases, 0 to 1, shape (exchanges,).

    The other phrases are drawn from `others`, phrases by the name of their solo: from all other solos or, which is
    harder, from the same solo. A tie counts as a share of a hit. Nan where there are too few others.
    """
    found = np.full(len(made), np.nan)
    for which, exchange in enumerate(made):
        answer = exchange.answer
        pool = [
            each
            for solo, those in others.items()
            if (solo == exchange.solo) == same_solo
            for each in those
            if each is not exchange.call and each is not answer
        ]
        if len(pool) >= AMONG - 1:
            rng = np.random.default_rng((seed, which))
            draws = [rng.choice(len(pool), AMONG - 1, replace=False) for _ in range(ROUNDS)]
            tried = [_chosen(exchange.call, answer, [pool[at] for at in draw]) if answer else 0.0 for draw in draws]
            found[which] = np.mean(tried)
    return found


def _chosen(call: Phrase, answer: Phrase, others: Sequence[Phrase]) -> float:
    own = similarity(call, answer)
    theirs = np.array([similarity(other, answer) for other in others])
    return 0.0 if (theirs > own).any() else 1 / (1 + int((theirs == own).sum()))


def retrieval(made: Sequence[Exchange], found: Reals, samples: int = SAMPLES, seed: int = 0) -> Figure:
    """Return the share of calls that are found by `found_calls`, with the interval of resampling whole solos."""
    return grouped_mean(found, [exchange.solo for exchange in made], samples, seed)


def report(lines: Mapping[str, Melody]) -> Iterable[str]:
    """Yield lines of text on how often a phrase is found by the next one; `lines` are solos in C by name."""
    found = {name: phrases_of(line) for name, line in lines.items()}
    made = [exchange for name, those in found.items() for exchange in exchanges(name, those)]
    others = {name: [each for each in those if each] for name, those in found.items()}
    yield f"{len(made)} phrases that follow another; chance {1 / AMONG:.3f}"
    for what, same_solo in (("other solos", False), ("the same solo", True)):
        hits = found_calls(made, others, same_solo)
        yield f"  among phrases of {what} ({int((~np.isnan(hits)).sum())}): {retrieval(made, hits)}"


def main() -> None:
    """Print the figures of the validation side and the test side."""
    parser = argparse.ArgumentParser(description="How often a soloist's phrase is found by the next one.")
    parser.add_argument("path", type=Path, help="the Weimar Jazz Database")
    sides = split(read_for(parser, parser.parse_args().path)[0])
    for side in ("validation", "test"):
        print(side)
        solos = [solo for solo in getattr(sides, side) if solo.tonic is not None]
        for line in report({solo.name: melody(in_c(solo), solo.choruses) for solo in solos}):
            print(line)


if __name__ == "__main__":
    main()
