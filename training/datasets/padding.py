"""Sequences of several lengths as one batch: which are drawn for it, and how they lie side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def drawn(lengths: Sequence[int], count: int, steps: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Return of which sequence each of `count` cuts of `steps` steps is, and the step of it that it begins at.

    `lengths` are those of the sequences, in steps; longer ones are drawn more often.
    """
    weights = np.array(lengths, float)
    picked = rng.choice(len(weights), count, p=weights / weights.sum())
    return [(int(which), int(rng.integers(max(1, lengths[which] - steps + 1)))) for which in picked]


def padded(arrays: Sequence[NDArray[Any]], filled: float = 0) -> Tensor:
    """Return arrays (steps, ...) as one tensor (steps, batch, ...); those shorter than the longest end in `filled`."""
    steps = max(map(len, arrays))
    whole = [
        np.pad(each, ((0, steps - len(each)), *((0, 0),) * (each.ndim - 1)), constant_values=filled) for each in arrays
    ]
    return torch.from_numpy(np.stack(whole, axis=1))
