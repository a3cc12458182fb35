"""The architectures, one file each, and what each says of itself so that any can be exported."""

from collections.abc import Mapping
from typing import ClassVar

from torch import nn


class Network(nn.Module):
    """A network whose `forward` is one step: features and state in, heads and state out, in these orders."""

    FEATURES: ClassVar[tuple[str, ...]]
    STATE: ClassVar[Mapping[str, int]]
    """The width of each state."""
    HEADS: ClassVar[tuple[str, ...]]
