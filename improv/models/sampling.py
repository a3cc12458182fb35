"""Logits to a choice: what a head's numbers mean, temperature, and the drawing itself.

Randomness is counter-based: a draw depends on the seed and the step and on nothing that happened
before, so the same seed and the same input give the same performance whatever else changed.
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from improv.models.contract import Tensor

THRESHOLD = 0.5
"""A unit is on above this probability (Eck & Schmidhuber 2002, section 3.2)."""

_THRESHOLD_LOGIT = math.log(THRESHOLD / (1 - THRESHOLD))

_Logarithms = NDArray[np.float64]

_COLDEST = 1e-6
"""A temperature at which the likeliest unit takes all, and no quotient overflows."""

Probabilities = NDArray[np.float64]

Weights = NDArray[np.float64]
"""Probabilities up to a common factor."""


def log_sigmoid(logits: Tensor) -> _Logarithms:
    """Return the logarithm of each unit's sigmoid, exact for tiny probabilities too."""
    return np.asarray(-np.logaddexp(0, -np.asarray(logits, np.float64)))


_WEIGHED: dict[str, Callable[[Tensor], _Logarithms]] = {
    "normalised_bernoulli": log_sigmoid,
    "bernoulli": log_sigmoid,  # where it is only shown which unit is likelier than others
    "categorical": lambda logits: logits.astype(np.float64),
}
"""The logarithm of each unit's weight among the others, up to a constant, by the head's distribution."""


def on_units(logits: Tensor, bias: NDArray[np.float64] | float = 0.0) -> Tensor:
    """Return 1.0 for each unit of a `bernoulli` head that is likelier on than off, else 0.0.

    `bias` is added to the logarithm of each unit's odds. ValueError for NaN or infinity among the logits.
    """
    check_finite(logits.ravel())
    return (logits + bias > _THRESHOLD_LOGIT).astype(np.float32)


def bits_of(units: Tensor) -> int:
    """Return units that are on or off, shape (units,), as a number with a bit for each: the first is bit 0."""
    return sum(1 << int(unit) for unit in np.flatnonzero(units))


def one_unit(
    logits: Tensor,
    temperature: float,
    *,
    distribution: str = "normalised_bernoulli",
    bias: NDArray[np.float64] | float = 0.0,
    top_p: float = 1.0,
) -> Probabilities:
    """Return the probability that each unit is the chosen one, shape (units,); they sum to one.

    See `unit_weights`, which they are in proportion to.
    """
    weights = unit_weights(logits, temperature, distribution=distribution, bias=bias, top_p=top_p)
    return np.asarray(weights / np.add.reduce(weights))


def unit_weights(
    logits: Tensor,
    temperature: float,
    *,
    distribution: str,
    bias: NDArray[np.float64] | float = 0.0,
    top_p: float = 1.0,
) -> Weights:
    """Return how likely each unit is the chosen one, up to a common factor, shape (units,): enough to draw by.

    A `normalised_bernoulli` head gives each unit a probability of its own, in proportion to which one is
    chosen (Eck & Schmidhuber 2002, section 4.2); a `categorical` one is a softmax.
    `temperature` 1 leaves them as the network has them, towards 0 the likeliest takes all, above
    1 they even out. `bias` is added to their logarithms after that, -inf forbids a unit; `top_p`
    keeps the likeliest that together reach it (Holtzman et al. 2020, section 3.1), one at least.
    Shape (units,). ValueError where the logits are not finite.
    """
    logits = logits.ravel()
    check_finite(logits)
    log_p = _WEIGHED[distribution](logits)
    log_w = log_p / max(temperature, _COLDEST) + bias
    weights = np.exp(log_w - log_w[log_w.argmax()])
    return weights if top_p >= 1 else _nucleus(weights, top_p)


def one_of_few(logits: Tensor, temperature: float, at: float) -> tuple[int, float]:
    """Return the index of a unit of a `categorical` head, drawn by a random number from 0 up to 1, and what is left.

    What is left of the random number, 0 up to 1 as well, is where it lies in the unit's share: a place within a class.
    The unit is the one that `unit_weights` and a draw by them give, for a few units in a third of the time. ValueError
    where the logits are not finite.
    """
    numbers: list[float] = logits.ravel().tolist()
    highest = max(numbers)
    edges = list(accumulate([math.exp((number - highest) / temperature) for number in numbers]))
    whole = edges[-1]
    if not (math.isfinite(whole) and math.isfinite(min(numbers))):
        raise ValueError("the network's logits are not finite")
    unit = min(bisect_right(edges, at * whole), len(edges) - 1)
    before = edges[unit - 1] if unit else 0.0
    return unit, (at * whole - before) / (edges[unit] - before) if edges[unit] > before else 0.0


def likeliest_unit(logits: Tensor, bias: NDArray[np.float64]) -> int:
    """Return the index of the likeliest unit that the bias does not forbid (-inf); the first of equals.

    ValueError where the logits are not finite.
    """
    logits = logits.ravel()
    check_finite(logits)
    return int((logits + bias).argmax())


def _nucleus(weights: Weights, top_p: float) -> Weights:
    """Return the weights of the likeliest units that together have a share `top_p` of all, and zeros for the others.

    The largest weight is 1.
    """
    if top_p * np.add.reduce(weights) <= 1:  # the likeliest is enough, as it mostly is for drums
        likeliest = weights.argmax()
        weights[:] = 0
        weights[likeliest] = 1
        return weights
    order = (-weights).argsort(kind="stable")
    ordered = weights[order]
    reached = np.add.accumulate(ordered)
    weights[order[(reached - ordered).searchsorted(top_p * reached[-1]) :]] = 0
    return weights


def check_finite(logits: Tensor) -> None:
    """ValueError for NaN or infinity among logits, shape (units,)."""
    if not math.isfinite(logits.dot(logits)):  # so large that their squares are not is as good as infinite
        raise ValueError("the network's logits are not finite")


def draw(weights: Weights, seed: int, step: int, number: int = 0, stream: int = 0) -> int:
    """Return the index of a unit, drawn by its weight among the others from a uniform random number.

    The same seed, step, stream and number of the choice within the step give the same one. `seed` is 0 to 2**32 - 1.
    Streams are other numbers for the same choices: see `improv.session.drafts`.
    """
    return unit_at(weights, _uniform(seed, step, number, stream))


def unit_at(weights: Weights, drawn: float) -> int:
    """Return the index of the unit that a uniform random number from 0 up to 1 falls on: the wider, the heavier."""
    edges = np.add.accumulate(weights)
    return int(edges.searchsorted(drawn * edges[-1], side="right"))


def _uniform(seed: int, step: int, number: int, stream: int) -> float:
    """Return the uniform random number of a step that has a number in it, 0 to 1."""
    block, row = divmod(step & 0xFFFF_FFFF, _STEPS)
    return _rows(seed, block, -(-(number + 1) // _NUMBERS) * _NUMBERS, stream)[row][number]


_STEPS, _NUMBERS = 16, 8
"""Numbers are made for so many steps and choices at a time: made one after another they cost a quarter."""


@lru_cache(maxsize=256)
def _rows(seed: int, block: int, count: int, stream: int) -> list[list[float]]:
    """Return uniform random numbers as `default_rng` makes them, a row of `count` for each of a block's steps.

    Stream 0 has those of (seed, step), others those of (seed, step, stream).
    """
    which = (stream,) if stream else ()
    entropy = np.array([(seed, step, *which) for step in range(block * _STEPS, (block + 1) * _STEPS)], np.uint32)
    raw = np.array([np.random.PCG64(each).random_raw(count) for each in entropy])
    rows: list[list[float]] = ((raw >> np.uint64(11)) * 2.0**-53).tolist()
    return rows
