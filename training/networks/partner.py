"""A partner is two networks in one file: the changes, a bar ahead, and the line over them."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from training.networks import Network
from training.networks.chord_lstm import Changes
from training.networks.melody_lstm import Lines


class Partner(Network):
    """Both make one step at a time; the session does not know that they are two."""

    FEATURES = ("newest_chord", *Lines.FEATURES)
    HEADS = (*Changes.HEADS, *Lines.HEADS)
    STATE: ClassVar[Mapping[str, int]]

    def __init__(self, changes: Changes, lines: Lines) -> None:
        super().__init__()
        self.changes = changes
        self.lines = lines
        self.STATE = {**changes.STATE, **lines.STATE}  # type: ignore[misc]

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """One step: (logits of chord, rhythm and pitch, then the states of both), each (1, width)."""
        features = dict(zip(self.FEATURES, given, strict=False))
        state = dict(zip(self.STATE, given[len(self.FEATURES) :], strict=True))  # a name may be in both

        def step_of(network: Changes | Lines) -> list[Tensor]:
            fed = (*(features[name] for name in network.FEATURES), *(state[name] for name in network.STATE))
            return list(network(*fed))

        chord, *of_changes = step_of(self.changes)
        rhythm, pitch, *of_lines = step_of(self.lines)
        return chord, rhythm, pitch, *of_changes, *of_lines
