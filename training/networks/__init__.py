"""The architectures, one file each, and what each says of itself so that any can be exported."""

from collections.abc import Mapping
from typing import ClassVar

from torch import nn


class Network(nn.Module):
    """A network whose `forward` is one step: features and states in, heads and states out, in these orders."""

    FEATURES: ClassVar[tuple[str, ...]]
    """Its inputs, by their names in the encoding."""
    STATE: ClassVar[Mapping[str, int]]
    """The width of each state by name; a state is (1, width)."""
    HEADS: ClassVar[tuple[str, ...]]
    """Its outputs, by their names in the encoding."""
