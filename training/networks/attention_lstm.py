"""The next event of a melody by two LSTM layers, the lower of which attends to what it put out before.

Equations 1 to 3 of Xu, Xu & Tang 2018, as the code base that they used has them (Magenta's attention_rnn: TensorFlow's
`AttentionCellWrapper` around the lowest layer): what was attended to is read beside the next input, and mixed into what
is put out, which is then what can be attended to later.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from training.networks import Network
from training.networks.lstm_layer import LstmLayer, State, before


class AttentionLstm(Network):
    """Two layers of `hidden` units; `window` is how many steps it looks back, `dropout` what is dropped after each."""

    FEATURES = ("event",)
    HEADS = ("next_event",)
    STATE: ClassVar[Mapping[str, int]]

    def __init__(self, units: int, hidden: int, window: int, dropout: float) -> None:
        super().__init__()
        layers = {f"{layer}_{kind}": hidden for layer in ("lower", "upper") for kind in ("out", "cells")}
        self.STATE = {"attended": hidden, "seen": window * hidden, **layers}  # type: ignore[misc]
        self.units, self.hidden, self.window = units, hidden, window
        self.event = nn.Linear(units + hidden, units)
        self.lower = LstmLayer(units, hidden)
        self.of_seen = nn.Linear(hidden, hidden, bias=False)
        self.of_cells = nn.Linear(hidden, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.mixed = nn.Linear(2 * hidden, hidden)
        self.upper = LstmLayer(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, units)

    def attend(self, cells: Tensor, seen: Tensor, keys: Tensor) -> Tensor:
        """Return the mean of what was put out, weighed by how well it fits the cells (equations 1 to 3).

        `seen` (batch, window, hidden) is what was put out, the latest last; `keys` is `of_seen` of it.
        """
        scores = self.score((keys + self.of_cells(cells)[:, None]).tanh())  # (1)
        weights = scores.softmax(dim=1)  # (2)
        found: Tensor = (weights * seen).sum(dim=1)  # (3)
        return found

    def _step(self, read: Tensor, seen: Tensor, keys: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Return what the lower layer puts out, what it attended to, and its state, from what it reads."""
        state = self.lower.step(read, state)
        attended = self.attend(state[1], seen, keys)
        return self.mixed(torch.cat((state[0], attended), dim=-1)), attended, state

    def sequence(self, units: Tensor) -> Tensor:
        """Return the logits of each event, (steps, batch, units), from those before it; `units` is (steps, batch)."""
        steps, batch = units.shape
        events = nn.functional.embedding(units, self.event.weight[:, : self.units].T) + self.event.bias
        of_attended = self.event.weight[:, self.units :].T
        attended = events.new_zeros(batch, self.hidden)
        state = self.lower.at_rest(batch)
        seen = [attended] * self.window
        keys = [attended] * self.window
        for step in range(steps):
            read = self.lower.into(events[step] + attended @ of_attended)
            looked_at, found_by = (torch.stack(each[-self.window :], dim=1) for each in (seen, keys))
            mixed, attended, state = self._step(read, looked_at, found_by, state)
            seen.append(mixed)
            keys.append(self.of_seen(mixed))
        lower = self.dropout(torch.stack(seen[self.window :]))
        upper = self.dropout(self.upper.sequence(self.upper.into(lower)))
        found: Tensor = self.output(before(upper))
        return found

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return one step: logits of the next event from the memory as it is given, and the memory after this event."""
        event, attended, seen, lower_out, lower_cells, upper_out, upper_cells = given
        ring = seen.reshape(1, self.window, self.hidden)
        read = self.lower.into(self.event(torch.cat((event, attended), dim=-1)))
        mixed, attended, lower = self._step(read, ring, self.of_seen(ring), (lower_out, lower_cells))
        upper = self.upper.step(self.upper.into(mixed), (upper_out, upper_cells))
        seen = torch.cat((seen[:, self.hidden :], mixed), dim=-1)
        return self.output(upper_out), attended, seen, *lower, *upper
