"""The networks of Docevski et al. 2018, section IV: LSTM layers over the last frames of a roll, and sigmoid units.

In the paper's words the networks were not stateful: each frame is predicted from the window of the frames before it,
from an empty memory. A step does just that, and moves as many memories at once as a window has frames: the first has
heard one frame, the last the whole window, whose memory the next frame is predicted from. Networks that are too large
for that in a step have four memories, each begun four frames after the one before: the oldest has heard 13 to 16.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from improv.models.encodings.rolls import PITCHES
from training.networks import Network
from training.networks.piano_lstm import cell

WINDOW = 16
"""Frames, a second."""

Ends = Literal["output", "dense", "decoder"]
"""What follows the layers before the sigmoid units: nothing, a feed-forward layer, or a decoder of one step."""


class RollLstm(Network):
    """The next frame of a roll, each pitch by itself."""

    FEATURES = ("frame",)
    HEADS = ("next_frame",)

    def __init__(
        self, hidden: int, layers: int, ends: Ends = "output", dropout: float = 0.0, memories: int = WINDOW
    ) -> None:
        super().__init__()
        self.hidden, self.memories, self.apart = hidden, memories, WINDOW // memories
        self.layers = nn.ModuleList(nn.LSTM(hidden if layer else PITCHES, hidden) for layer in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(hidden, hidden) if ends == "dense" else None
        self.decoder = nn.LSTM(hidden, hidden) if ends == "decoder" else None
        self.next_frame = nn.Linear(hidden, PITCHES)
        self._begin_as_in_keras()

    @property
    def STATE(self) -> Mapping[str, int]:  # type: ignore[override] # noqa: N802 - its layers are its own
        """Return the width of each state: memories side by side, and how many frames ago the youngest was begun."""
        widths = {
            f"{name}_{layer}": self.memories * self.hidden
            for layer in range(len(self.layers))
            for name in ("put_out", "cells")
        }
        return widths if self.apart == 1 else {**widths, "begun": self.apart - 1}

    def _begin_as_in_keras(self) -> None:
        """Draw weights as Keras does: Glorot's uniform ones, orthogonal between steps, biases 0, of forget gates 1."""
        for name, weights in self.named_parameters():
            if weights.dim() == 1:
                nn.init.zeros_(weights)
            elif "weight_hh" in name:
                nn.init.orthogonal_(weights)
            else:
                nn.init.xavier_uniform_(weights)
        for name, weights in self.named_parameters():
            if "bias_ih" in name:
                with torch.no_grad():
                    weights[self.hidden : 2 * self.hidden] = 1

    def logits(self, windows: Tensor) -> Tensor:
        """Return the logits of the frame after each window (frames, batch, 67), as (batch, 67)."""
        read = windows
        for layer in self.layers:
            read = self.dropout(layer(read)[0])
        return self._ending(read[-1])

    def _ending(self, put_out: Tensor) -> Tensor:
        if self.dense is not None:
            put_out = torch.relu(self.dense(put_out))
        if self.decoder is not None:
            nothing = torch.zeros_like(put_out)
            put_out, _ = cell(self.decoder, put_out, nothing, nothing)
            put_out = self.dropout(put_out)
        found: Tensor = self.next_frame(put_out)
        return found

    def forward(self, frame: Tensor, *memory: Tensor) -> tuple[Tensor, ...]:
        """Return one step: the logits of the frame after the window so far, and the memories with this frame."""
        rings = [each.view(self.memories, self.hidden) for each in memory[: 2 * len(self.layers)]]
        logits = self._ending(rings[-2][-1:])
        begun: tuple[Tensor, ...] = ()
        if self.apart == 1:
            rings = [_begin(ring) for ring in rings]
        else:
            ago = memory[-1]
            is_time = 1 - ago.sum(-1, keepdim=True)
            rings = [is_time * _begin(ring) + (1 - is_time) * ring for ring in rings]
            begun = (torch.cat((is_time, ago[:, :-1]), dim=-1),)
        read, after = frame, []
        for layer, put_out, cells in zip(self.layers, rings[::2], rings[1::2], strict=True):
            assert isinstance(layer, nn.LSTM)
            read, moved = cell(layer, read, put_out, cells)
            after += [read, moved]
        return logits, *(each.reshape(1, self.memories * self.hidden) for each in after), *begun


def _begin(ring: Tensor) -> Tensor:
    """Return memories with an empty one before the others; the oldest is forgotten."""
    return torch.cat((torch.zeros_like(ring[:1]), ring[:-1]))
