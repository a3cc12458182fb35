"""Intervals by the bootstrap: a figure of things, and where it would lie with other things like them.

Whole groups are resampled where what is measured within one depends on the rest of it: a solo's notes, not each note
(Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 13.3: percentiles).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLES = 1_000

Resample = NDArray[np.int64]
"""The numbers of the things in a resample, (things,); a thing may be in it several times, or not."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a set, and the interval in which it lies for 95 of 100 sets of as many things drawn from it."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Figure":
        """Return the first value, with the 95 % interval of the others; nan is left out."""
        value, *others = values
        known = [other for other in others if not isnan(other)]
        low, high = np.quantile(known, (0.025, 0.975)) if known else (nan, nan)
        return cls(value, float(low), float(high))

    def __str__(self) -> str:
        return f"{self.value:8.3f}  {self.low:8.3f} to {self.high:8.3f}"


def resamples(count: int, samples: int = SAMPLES, seed: int = 0) -> list[Resample]:
    """Return the indices 0 to count - 1, then `samples` draws of `count` of them with replacement."""
    return [np.arange(count), *np.random.default_rng(seed).integers(count, size=(samples, count))]


def ratios(sums: NDArray[Any], counts: NDArray[Any], draws: Sequence[Resample]) -> list[float]:
    """Return the ratio of summed `sums` to summed `counts` in each resample, both (things,); nan for a count of 0."""
    return [float(sums[draw].sum() / counts[draw].sum()) if counts[draw].any() else nan for draw in draws]


def grouped_mean(values: NDArray[np.float64], groups: Sequence[str], samples: int = SAMPLES, seed: int = 0) -> Figure:
    """Return the mean of the values that are not nan, with the interval of resampling whole groups."""
    names, which = np.unique(groups, return_inverse=True)
    known = ~np.isnan(values)
    sums = np.bincount(which[known], values[known], len(names))
    counts = np.bincount(which[known], minlength=len(names))
    return Figure.of(ratios(sums, counts, resamples(len(names), samples, seed)))
