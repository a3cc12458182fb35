"""Logits to a choice: what a head's numbers mean, temperature, and the drawing itself.

Randomness is counter-based: a draw depends on the seed and the step and on nothing that happened
before, so the same seed and the same input give the same performance whatever else changed.
"""

import numpy as np
from numpy.typing import NDArray

from improv.model import Tensor

THRESHOLD = 0.5
"""A unit is on above this probability (Eck & Schmidhuber 2002, section 3.2)."""

Probabilities = NDArray[np.float64]


def sigmoid(logits: Tensor) -> Probabilities:
    """The probability of each unit on its own, for logits of any shape."""
    halves = 0.5 * np.asarray(logits, np.float64)
    return np.asarray(0.5 * (1 + np.tanh(halves)))  # the logistic function, without overflow


def on_units(logits: Tensor) -> Tensor:
    """A `bernoulli` head: 1.0 for each unit more likely on than off."""
    return (sigmoid(logits) > THRESHOLD).astype(np.float32)


def one_unit(logits: Tensor, temperature: float) -> Probabilities:
    """A `normalised_bernoulli` head: the units' probabilities made to sum to one (section 4.2).

    `temperature` 1 leaves them as the network has them, towards 0 the likeliest takes all, above
    1 they even out. Shape (units,). ValueError where the logits are not finite.
    """
    if not np.isfinite(logits).all():
        raise ValueError("the network's logits are not finite")
    log_p = -np.logaddexp(0, -np.asarray(logits, np.float64).ravel())  # log of the sigmoid
    if temperature == 0:
        winners = log_p == log_p.max()
        return np.asarray(winners / winners.sum())
    scaled = (log_p - log_p.max()) / temperature
    weights = np.exp(scaled)
    return np.asarray(weights / weights.sum())


def draw(probabilities: Probabilities, seed: int, step: int) -> int:
    """The unit a uniform random number picks; the same for the same seed and step."""
    uniform = np.random.default_rng((seed, step & 0xFFFF_FFFF)).random()
    edges = np.cumsum(probabilities)
    return int(np.searchsorted(edges / edges[-1], uniform, side="right"))
