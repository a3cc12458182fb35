"""A partner is two networks in one file: the changes, a bar ahead, and the line over them."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from training.networks import Network
from training.networks.changes import Changes
from training.networks.lines import Lines


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
        """One step: (logits of chord, rhythm and pitch, then the states of both)."""
        named = dict(zip((*self.FEATURES, *self.STATE), given, strict=True))
        chord, *of_changes = self.changes(
            *(named[name] for name in (*Changes.FEATURES, *Changes.STATE)),
        )
        rhythm, pitch, *of_lines = self.lines(*(named[name] for name in (*Lines.FEATURES, *self.lines.STATE)))
        return chord, rhythm, pitch, *of_changes, *of_lines
