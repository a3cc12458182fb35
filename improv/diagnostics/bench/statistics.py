"""What a list of deadlines and sends says: values in, values out.

A figure of a shared machine means little by itself. Here samples that overlap a stall of the machine
are set apart (what is left is clean), too few of them are called inconclusive rather than good or bad,
and figures of one run are compared as ratios. It must never read a clock or a file.
"""

import math
import statistics
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Self

from improv.dataclass import dataclass
from improv.system.quantiles import quantile

ENOUGH = 300
"""Fewer clean samples than this decide nothing."""

BEFORE_S = 0.020
"""A stall so shortly before a deadline may still have made its send late, in seconds."""

_MOST_BLOCKS = 60
_LEAST_BLOCKS = 4
_BLOCK = 5


@dataclass(frozen=True, slots=True)
class Stall:
    """A time in which the machine let no program run on one processor, in seconds of `time.monotonic`."""

    start_s: float
    end_s: float
    cpu: int


@dataclass(frozen=True, slots=True)
class Quantiles:
    """How large a number of errors is, in microseconds; of fewer than 1,000, p99.9 is the largest."""

    n: int
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float

    @classmethod
    def of(cls, values_s: Iterable[float]) -> Self | None:
        """Return the quantiles of values in seconds; None if there are no values."""
        ordered_us = sorted(value * 1e6 for value in values_s)
        if not ordered_us:
            return None
        p50, p99, p999 = (quantile(ordered_us, share) for share in (0.5, 0.99, 0.999))
        return cls(len(ordered_us), p50, p99, p999, ordered_us[-1])


@dataclass(frozen=True, slots=True)
class Samples:
    """When each onset was due and when it was sent, in seconds of `time.monotonic`.

    `missed` counts onsets that were due and never sent: a sender that skips what is late must not look good.
    """

    due_s: tuple[float, ...]
    sent_s: tuple[float, ...]
    missed: int = 0

    def __post_init__(self) -> None:
        if len(self.due_s) != len(self.sent_s):
            raise ValueError(f"{len(self.due_s)} deadlines, {len(self.sent_s)} sends")

    def __len__(self) -> int:
        return len(self.due_s)

    @classmethod
    def on_grid(cls, sent_s: Sequence[float], period_s: float) -> "Samples":
        """Return the samples of a program that reports send times and no deadlines.

        They are those of an even grid at the median of the phases.
        """
        phases_s = [sent - index * period_s for index, sent in enumerate(sent_s)]
        phase_s = statistics.median(phases_s) if phases_s else 0.0
        return cls(tuple(phase_s + index * period_s for index in range(len(sent_s))), tuple(sent_s))

    @property
    def lateness_s(self) -> tuple[float, ...]:
        """Send time less deadline of each sample, in seconds; negative for early sends on a grid."""
        return tuple(sent - due for due, sent in zip(self.due_s, self.sent_s, strict=True))

    @property
    def errors_s(self) -> tuple[float, ...]:
        """Distance of each send from its deadline, late or early, in seconds."""
        return tuple(abs(late) for late in self.lateness_s)

    def clean(self, stalls: Iterable[Stall], before_s: float = BEFORE_S) -> "Samples":
        """Return the samples that overlap no stall, from `before_s` seconds before the deadline up to the send."""
        spans = _joined(stalls)
        starts = [start for start, _ in spans]
        kept = []
        for due, sent in zip(self.due_s, self.sent_s, strict=True):
            last = bisect_right(starts, max(due, sent)) - 1
            if last < 0 or spans[last][1] < min(due, sent) - before_s:
                kept.append((due, sent))
        return Samples(tuple(due for due, _ in kept), tuple(sent for _, sent in kept), self.missed)

    def drift_ppm(self) -> float | None:
        """Return the drift of the sender's clock in parts per million, positive if slow; None of too few samples.

        A stall shifts a few samples, and no few of them move it.
        """
        slope = robust_slope(self.due_s, self.lateness_s)
        return None if slope is None else 1e6 * slope


def robust_slope(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Return the slope of y over x: the median of slopes between medians of blocks; None of too few points.

    Theil 1950, Sen 1968; blocks keep it quick however many points there are.
    """
    size = max(_BLOCK, math.ceil(len(xs) / _MOST_BLOCKS))
    blocks = [
        (statistics.median(xs[start : start + size]), statistics.median(ys[start : start + size]))
        for start in range(0, len(xs) - size + 1, size)
    ]
    if len(blocks) < _LEAST_BLOCKS:
        return None
    return statistics.median((v - u) / (b - a) for (a, u), (b, v) in combinations(blocks, 2))


def pooled(parts: Iterable[Samples]) -> Samples:
    """Return the samples of several visits as one."""
    parts = tuple(parts)
    return Samples(
        tuple(due for part in parts for due in part.due_s),
        tuple(sent for part in parts for sent in part.sent_s),
        sum(part.missed for part in parts),
    )


def ratio(theirs: float | None, ours: float | None) -> float | None:
    """Return `theirs` divided by `ours`; None if either is unknown or `ours` is 0."""
    return None if theirs is None or not ours else theirs / ours


def median_ratio(pairs: Iterable[tuple[float, float]]) -> float | None:
    """Return the median of the ratios, first by second, of paired values; None if there are no pairs."""
    ratios = [first / second for first, second in pairs if second]
    return statistics.median(ratios) if ratios else None


def _joined(stalls: Iterable[Stall]) -> list[tuple[float, float]]:
    """Stalls of all processors as spans that do not overlap, in order."""
    spans: list[tuple[float, float]] = []
    for stall in sorted(stalls, key=lambda stall: stall.start_s):
        if spans and stall.start_s <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], stall.end_s))
        else:
            spans.append((stall.start_s, stall.end_s))
    return spans
