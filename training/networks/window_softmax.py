"""Multinomial logistic regression on the last notes, each one-hot: its window is the only memory it has."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from training.networks import Network


class WindowSoftmax(Network):
    """The next note of `units` from the last `window` notes (Xu, Xu & Tang 2018, section IV.i)."""

    FEATURES = ("note",)
    HEADS = ("next_note",)
    STATE: ClassVar[Mapping[str, int]]

    def __init__(self, units: int, window: int) -> None:
        super().__init__()
        self.STATE = {"window": window * units}  # type: ignore[misc]
        self.units = units
        self.output = nn.Linear(window * units, units)

    def sequence(self, units: Tensor) -> Tensor:
        """Return the logits of each note, (steps, batch, units), from those before it; `units` is (steps, batch)."""
        window = self.output.in_features // self.units
        heard = nn.functional.one_hot(units, self.units).float()
        heard = torch.cat((heard.new_zeros(window, *heard.shape[1:]), heard))
        places = torch.cat([heard[ago : ago + len(units)] for ago in range(window)], dim=-1)
        found: Tensor = self.output(places)
        return found

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return one step: logits of the next note from the window as it is given, and the window with this note."""
        note, window = given
        return self.output(window), torch.cat((window[:, self.units :], note), dim=-1)
