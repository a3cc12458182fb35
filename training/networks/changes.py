"""The changes of a blues: one small LSTM layer that hears the newest chord and says the next one.

It runs a bar ahead of the melody, so that whoever plays or looks knows what comes. It is told where in the form the
chord lies that it decides; which chords belong there, and what they follow from, it has to learn.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from improv.encoding import Cells
from training.networks import Network

CELLS = Cells()
HIDDEN = 32
UNITS = CELLS.heads["next_chord"].shape[1]
_READ = CELLS.features["newest_chord"][1] + CELLS.features["place"][1]


class Changes(Network):
    """The next chord from the newest one and from the place."""

    FEATURES = ("newest_chord", "place")
    HEADS = ("next_chord",)
    STATE: ClassVar[Mapping[str, int]] = {"chord_out": HIDDEN, "chord_cells": HIDDEN}

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.layer = nn.LSTM(_READ, HIDDEN)
        self.dropout = nn.Dropout(dropout)
        self.says = nn.Linear(HIDDEN + CELLS.features["place"][1], UNITS)

    def sequence(self, newest: Tensor, place: Tensor) -> Tensor:
        """Logits (steps, batch, units) from chords (steps, batch, 24) and places (steps, batch, 20)."""
        put_out, _ = self.layer(torch.cat((newest, place), dim=-1))
        logits: Tensor = self.says(torch.cat((self.dropout(put_out), place), dim=-1))
        return logits

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """One step: (logits of the next chord, chord_out, chord_cells), each (1, width)."""
        newest, place, out, cells = given
        put_out, (out, cells) = self.layer(torch.cat((newest, place), dim=-1)[None], (out[None], cells[None]))
        return self.says(torch.cat((put_out[0], place), dim=-1)), out[0], cells[0]
