"""A partner in one file: the changes, a bar ahead, and the line over them, as several networks of lines agree on it.

Each of the networks has learned the same from another beginning. What they say is averaged, as probabilities: of few
solos each learns some accidents by heart, and those are not the same ones.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from training.networks import Network
from training.networks.changes import Changes
from training.networks.lines import Lines

_NEVER = 1e-6
"""No choice is less likely than one in a million: so far down single precision differs from runtime to runtime."""


class Partner(Network):
    """All make one step at a time; the session does not know that they are several."""

    FEATURES = ("newest_chord", *Lines.FEATURES)
    HEADS = (*Changes.HEADS, *Lines.HEADS)
    STATE: ClassVar[Mapping[str, int]]

    def __init__(self, changes: Changes, lines: Iterable[Lines]) -> None:
        super().__init__()
        self.changes = changes
        self.lines = nn.ModuleList(lines)
        of_lines = {
            f"{name}_{number}": width
            for number, each in enumerate(self.lines, 1)
            for name, width in each.STATE.items()  # type: ignore[union-attr, operator]
        }
        self.STATE = {**changes.STATE, **of_lines}  # type: ignore[misc]

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """One step: (logits of chord, rhythm and pitch, then the states), each (1, width)."""
        features = dict(zip(self.FEATURES, given, strict=False))
        state = iter(given[len(self.FEATURES) :])

        def step_of(network: Network) -> list[Tensor]:
            fed = [features[name] for name in network.FEATURES]
            return list(network(*fed, *(next(state) for _ in network.STATE)))

        chord, *states = step_of(self.changes)
        rhythms, pitches = [], []
        for each in self.lines:
            rhythm, pitch, *after = step_of(each)  # type: ignore[arg-type]
            rhythms.append(rhythm)
            pitches.append(pitch)
            states += after
        return chord, agreed(rhythms), agreed(pitches), *states


def agreed(logits: list[Tensor]) -> Tensor:
    """The logarithm of the mean of the probabilities, each (1, units)."""
    return torch.log(torch.stack([each.softmax(-1) for each in logits]).mean(0) + _NEVER)
