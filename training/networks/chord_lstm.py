"""The changes of a blues: one small LSTM layer that hears the newest chord and gives the next one.

It runs a bar ahead of the melody, so that players and screens know what comes. It knows where in the form the chord
lies that it decides; which chords belong there, and what they follow from, it has to learn.

Whether a chord stays is one question, which chord follows it another. With one softmax for both it would have to
learn for each chord by itself that it stays, and would not for those it has hardly ever heard: once drawn, they would
not last.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from improv.models.encodings import Cells
from improv.models.encodings.cells import chord_notes
from improv.music.theory import Form
from training.networks import Network

CELLS = Cells()
HIDDEN = 32
UNITS = CELLS.heads["next_chord"].shape[1]
_PLACE = CELLS.features["place"][1]
_READ = CELLS.features["newest_chord"][1] + _PLACE

_NEVER = -30.0
"""Added to the logit of the newest chord among those that follow it, so that it has no probability."""


class ChordLstm(Network):
    """The next chord from the newest one and from the place: whether it stays, and which one follows if it does not."""

    FEATURES = ("newest_chord", "place")
    HEADS = ("next_chord",)
    STATE: ClassVar[Mapping[str, int]] = {"chord_out": HIDDEN, "chord_cells": HIDDEN}

    chords: Tensor

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.layer = nn.LSTM(_READ, HIDDEN)
        self.dropout = nn.Dropout(dropout)
        self.follows = nn.Linear(HIDDEN + _PLACE, UNITS)
        self.stays = nn.Linear(HIDDEN + _PLACE, 1)
        self.register_buffer("chords", _chords(), persistent=False)

    def sequence(self, newest: Tensor, place: Tensor) -> Tensor:
        """Return logits (steps, batch, units) from chords (steps, batch, 24) and places (steps, batch, 20)."""
        put_out, _ = self.layer(torch.cat((newest, place), dim=-1))
        return self._logits(self.dropout(put_out), newest, place)

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return one step: logits of the next chord, and the new `chord_out` and `chord_cells`, each (1, width)."""
        newest, place, out, cells = given
        put_out, (out, cells) = self.layer(torch.cat((newest, place), dim=-1)[None], (out[None], cells[None]))
        return self._logits(put_out[0], newest, place), out[0], cells[0]

    def _logits(self, put_out: Tensor, newest: Tensor, place: Tensor) -> Tensor:
        """Return logits (..., units): of the newest chord that it stays, of the others that they follow if it goes.

        Up to a constant these are the logarithms of the probabilities of being the next chord.
        """
        known = torch.cat((put_out, place), dim=-1)
        apart = newest.sum(-1, keepdim=True) + self.chords.sum(-1) - 2 * newest @ self.chords.T
        same = torch.relu(
            1 - apart
        )  # 1.0 for the unit of the newest chord, no two chords having the same notes and root
        follows = log_softmax(self.follows(known) + _NEVER * same, dim=-1)
        logits: Tensor = same * self.stays(known) + (1 - same) * follows
        return logits


def _chords() -> Tensor:
    """Return each unit's chord as the network hears it, (units, 24)."""
    no_form = Form(())
    chords = [CELLS.chord(unit, no_form) for unit in np.eye(UNITS, dtype=np.float32)]
    return torch.from_numpy(np.concatenate([chord_notes(chord) for chord in chords]))
