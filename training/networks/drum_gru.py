"""A drummer: one small GRU layer that hears the step before and the bar before, and says what the limbs strike."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from improv.models.encodings.drum_grids import (
    DELAYS_MS,
    HITS_HEAD,
    LATER_HITS_HEAD,
    LIMBS,
    SUBSTEPS,
    TIMING_HEAD,
    TOGETHER,
    VELOCITIES,
    VELOCITY_HEAD,
    DrumGrids,
)
from training.networks import Network

GRIDS = DrumGrids()
HIDDEN, MIXED = 96, 64
_READ = ("struck", "bar_ago", "style", "place", "tempo", "mood")
_WIDTH = sum(GRIDS.features[name][1] for name in _READ)
_CHOSEN = GRIDS.features["chosen_hits"][1]
_ROWS = SUBSTEPS * len(LIMBS)


class DrumGru(Network):
    """What is struck at the beginning of a step and half-way through it, then how hard and how late each stroke is."""

    FEATURES = (*_READ, "chosen_hits")
    HEADS = (HITS_HEAD, LATER_HITS_HEAD, VELOCITY_HEAD, TIMING_HEAD)
    STATE: ClassVar[Mapping[str, int]] = {"drum_memory": HIDDEN}

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.read = nn.Linear(_WIDTH, HIDDEN)
        self.layer = nn.GRU(HIDDEN, HIDDEN)
        self.dropout = nn.Dropout(dropout)
        self.mixed = nn.Linear(HIDDEN + _WIDTH, MIXED)
        self.hits = nn.Linear(MIXED, len(TOGETHER))
        self.later_mixed = nn.Linear(HIDDEN + _WIDTH + _CHOSEN, MIXED)
        self.later_hits = nn.Linear(MIXED, len(TOGETHER))
        self.played = nn.Linear(HIDDEN + _WIDTH + _CHOSEN, MIXED)
        self.velocity = nn.Linear(MIXED, _ROWS * len(VELOCITIES))
        self.timing = nn.Linear(MIXED, _ROWS * len(DELAYS_MS))

    def contexts(self, given: Tensor) -> Tensor:
        """Return contexts of features side by side, both (steps, batch, width), from an empty memory."""
        put_out, _ = self.layer(torch.relu(self.read(given)))
        return torch.cat((self.dropout(put_out), given), dim=-1)

    def hits_logits(self, contexts: Tensor) -> Tensor:
        """Return the logits of what is struck first, (..., units)."""
        found: Tensor = self.hits(torch.relu(self.mixed(contexts)))
        return found

    def later_logits(self, contexts: Tensor, chosen: Tensor) -> Tensor:
        """Return the logits of what is struck half-way, (..., units), with what was struck first as on and off."""
        found: Tensor = self.later_hits(torch.relu(self.later_mixed(torch.cat((contexts, chosen), dim=-1))))
        return found

    def played_logits(self, contexts: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of velocities (..., 8, 5) and delays (..., 8, 7), with all that is struck as on and off."""
        known = torch.relu(self.played(torch.cat((contexts, chosen), dim=-1)))
        rows = (*known.shape[:-1], _ROWS, -1)
        return self.velocity(known).reshape(rows), self.timing(known).reshape(rows)

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return one step: the logits of all heads, and the new memory (1, 96).

        What is struck first is of the step that is made. The later heads follow from the memory as it is given, so that
        they can be called for after the step.
        """
        *read, chosen, memory = given
        known = torch.cat(read, dim=-1)
        put_out, after = self.layer(torch.relu(self.read(known))[None], memory[None])
        made, before = (torch.cat((each, known), dim=-1) for each in (put_out[0], memory))
        velocity, timing = self.played_logits(before, chosen)
        return self.hits_logits(made), self.later_logits(before, chosen), velocity, timing, after[0]
