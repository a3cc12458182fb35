"""A piano that is told and tells single events: embedded, two LSTM layers, and one softmax over all that may come."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from improv.models.encodings.rolls import EVENTS, PITCHES
from training.networks import Network

HIDDEN, EMBEDDED = 384, 128

Memory = tuple[Tensor, Tensor, Tensor, Tensor]
"""What each layer has put out and its cells, (1, batch, hidden) each."""


class PianoLstm(Network):
    """The next event of a piano: a pitch begins, a pitch ends, or the frame of a sixteenth of a second is over."""

    FEATURES = ("event", "sounding")
    HEADS = ("next_event",)
    STATE: ClassVar[Mapping[str, int]] = dict.fromkeys(("first", "first_cells", "second", "second_cells"), HIDDEN)

    def __init__(self, hidden: int = HIDDEN, dropout: float = 0.0) -> None:
        super().__init__()
        self.event = nn.Linear(EVENTS, EMBEDDED, bias=False)
        self.sounding = nn.Linear(PITCHES, EMBEDDED)
        self.first = nn.LSTM(EMBEDDED, hidden)
        self.second = nn.LSTM(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.next_event = nn.Linear(2 * hidden, EVENTS)
        nn.init.normal_(self.event.weight, std=0.1)

    def contexts(self, event: Tensor, sounding: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Return what both layers put out after each event, (events, batch, 2 * hidden), and the memory after the last.

        Events are indices (events, batch), `sounding` is multi-hot (events, batch, 67) of before each event.
        """
        read = nn.functional.embedding(event, self.event.weight.T) + self.sounding(sounding)
        first, (h1, c1) = self.first(read, memory[:2])
        second, (h2, c2) = self.second(self.dropout(first), memory[2:])
        return torch.cat((first, second), dim=-1), (h1, c1, h2, c2)

    def logits(self, contexts: Tensor) -> Tensor:
        """Return the logits of the event that comes after each context, (..., 135)."""
        found: Tensor = self.next_event(self.dropout(contexts))
        return found

    def forward(self, event: Tensor, sounding: Tensor, *memory: Tensor) -> tuple[Tensor, ...]:
        """Return one step: the logits of the event that follows what was heard so far, and the memory with this one."""
        first, _, second, _ = memory
        logits = self.next_event(torch.cat((first, second), dim=-1))
        read = self.event(event) + self.sounding(sounding)
        first, first_cells = cell(self.first, read, *memory[:2])
        second, second_cells = cell(self.second, first, *memory[2:])
        return logits, first, first_cells, second, second_cells


def cell(layer: nn.LSTM, read: Tensor, put_out: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a layer of one LSTM puts out and its cells after one step, (batch, hidden) each."""
    of_read, of_put_out, *biases = (
        getattr(layer, f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    gates: Tensor = read @ of_read.T + put_out @ of_put_out.T + sum(biases)
    into, keeps, new, out = gates.chunk(4, dim=-1)
    cells = torch.sigmoid(keeps) * cells + torch.sigmoid(into) * torch.tanh(new)
    return torch.sigmoid(out) * torch.tanh(cells), cells
