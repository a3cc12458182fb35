"""The next note or chord by two LSTM layers and a softmax over all there are (Xu, Xu & Tang 2018; Anadon et al.)."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.functional import log_softmax

from training.networks import Network
from training.networks.lstm_layer import LstmLayer, before

_READ = 0.3
"""The weights of notes start within this: Keras's would hardly be heard at first, of thousands of one-hot units."""


class NoteLstm(Network):
    """Two layers of `hidden` units; `dropout` is the share of what leaves each that is dropped in training."""

    FEATURES = ("note",)
    HEADS = ("next_note",)
    STATE: ClassVar[Mapping[str, int]]

    def __init__(self, units: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.STATE = {f"{layer}_{kind}": hidden for layer in ("lower", "upper") for kind in ("out", "cells")}  # type: ignore[misc]
        self.lower = LstmLayer(units, hidden)
        nn.init.uniform_(self.lower.into.weight, -_READ, _READ)
        self.upper = LstmLayer(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, units)

    def sequence(self, units: Tensor) -> Tensor:
        """Return the logits of each note, (steps, batch, units), from those before it; `units` is (steps, batch)."""
        lower = self.dropout(self.lower.sequence(self.lower.of_units(units)))
        upper = self.dropout(self.upper.sequence(self.upper.into(lower)))
        found: Tensor = self.output(before(upper))
        return found

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return one step: what is said of the next note by the memory as it is given, and the memory after this note.

        They are logarithms of probabilities: of thousands of units bare logits would be summed less exactly.
        """
        note, lower_out, lower_cells, upper_out, upper_cells = given
        lower = self.lower.step(self.lower.into(note), (lower_out, lower_cells))
        upper = self.upper.step(self.upper.into(lower[0]), (upper_out, upper_cells))
        return log_softmax(self.output(upper_out), dim=-1), *lower, *upper
