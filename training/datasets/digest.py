"""The digest that data is known by, so that a checkpoint is never gone on from with other data."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from numpy.typing import NDArray
from torch import Tensor


def digest(parts: Iterable[str | NDArray[Any] | Tensor]) -> str:
    """Return the SHA-256 of texts, arrays and tensors in a row, in hexadecimal."""
    found = sha256()
    for part in parts:
        if isinstance(part, str):
            found.update(part.encode())
        else:
            found.update((part.detach().cpu().numpy() if isinstance(part, Tensor) else part).tobytes())
    return found.hexdigest()
