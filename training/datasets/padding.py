"""Sequences of several lengths as one batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def padded(arrays: Sequence[NDArray[Any]], filled: float = 0) -> Tensor:
    """Return arrays (steps, ...) as one tensor (steps, batch, ...); those shorter than the longest end in `filled`."""
    steps = max(map(len, arrays))
    whole = [
        np.pad(each, ((0, steps - len(each)), *((0, 0),) * (each.ndim - 1)), constant_values=filled) for each in arrays
    ]
    return torch.from_numpy(np.stack(whole, axis=1))
