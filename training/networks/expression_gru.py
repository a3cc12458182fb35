"""How a line is played: one small GRU layer that hears each note as it begins, and says how to play it."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from improv.models.encodings.expression import LENGTH_HEAD, TIMING_HEAD, VELOCITY_HEAD, Expression
from training.networks import Network

EXPRESSION = Expression()
HIDDEN, MIXED = 64, 48


class ExpressionGru(Network):
    """The classes of velocity, timing and length of the note that begins."""

    FEATURES = ("place", "note", "phrase", "history")
    HEADS = (VELOCITY_HEAD, TIMING_HEAD, LENGTH_HEAD)
    STATE: ClassVar[Mapping[str, int]] = {"expression_memory": HIDDEN}

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        width = sum(EXPRESSION.features[name][1] for name in self.FEATURES)
        units = [EXPRESSION.heads[name].shape[1] for name in self.HEADS]
        self.read = nn.Linear(width, HIDDEN)
        self.layer = nn.GRU(HIDDEN, HIDDEN)
        self.dropout = nn.Dropout(dropout)
        self.mixed = nn.ModuleList(nn.Linear(HIDDEN + width, MIXED) for _ in units)
        self.chosen = nn.ModuleList(nn.Linear(MIXED, count) for count in units)

    def contexts(self, given: Tensor) -> Tensor:
        """Return contexts of features side by side, both (notes, batch, width), from an empty memory."""
        put_out, _ = self.layer(torch.relu(self.read(given)))
        return torch.cat((self.dropout(put_out), given), dim=-1)

    def logits(self, contexts: Tensor) -> list[Tensor]:
        """Return the logits of velocity, timing and length, each (..., units)."""
        return [
            chosen(self.dropout(torch.relu(mixed(contexts))))
            for mixed, chosen in zip(self.mixed, self.chosen, strict=True)
        ]

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return one note: the logits of all heads, and the new memory (1, 64)."""
        *read, memory = given
        known = torch.cat(read, dim=-1)
        put_out, after = self.layer(torch.relu(self.read(known))[None], memory[None])
        return *self.logits(torch.cat((put_out[0], known), dim=-1)), after[0]
