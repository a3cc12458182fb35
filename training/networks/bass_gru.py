"""A walking bass: one small GRU layer that hears the line and its chords, and says where it goes and by what way."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from improv.models.encodings.bass_lines import PITCH_HEAD, TARGET_HEAD, BassLines
from training.networks import Network

LINES = BassLines()
HIDDEN, MIXED = 64, 48
_READ = ("line", "chords", "way", "place", "tempo", "target")
_WIDTH = sum(LINES.features[name][1] for name in _READ)
_CHOSEN = LINES.features["chosen_target"][1]
_UNITS = LINES.heads[PITCH_HEAD].shape[1]


class BassGru(Network):
    """The interval to the next target, and to the next note on the way there."""

    FEATURES = (*_READ, "chosen_target")
    HEADS = (TARGET_HEAD, PITCH_HEAD)
    STATE: ClassVar[Mapping[str, int]] = {"bass_memory": HIDDEN}

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.read = nn.Linear(_WIDTH, HIDDEN)
        self.layer = nn.GRU(HIDDEN, HIDDEN)
        self.dropout = nn.Dropout(dropout)
        self.target_mixed = nn.Linear(HIDDEN + _WIDTH, MIXED)
        self.target = nn.Linear(MIXED, _UNITS)
        self.pitch_mixed = nn.Linear(HIDDEN + _WIDTH + _CHOSEN, MIXED)
        self.pitch = nn.Linear(MIXED, _UNITS)

    def contexts(self, given: Tensor) -> Tensor:
        """Return contexts of features side by side, both (beats, batch, width), from an empty memory."""
        put_out, _ = self.layer(torch.relu(self.read(given)))
        return torch.cat((put_out, given), dim=-1)

    def target_logits(self, contexts: Tensor) -> Tensor:
        """Return the logits of the interval to the next target, (..., 25)."""
        found: Tensor = self.target(self.dropout(torch.relu(self.target_mixed(contexts))))
        return found

    def pitch_logits(self, contexts: Tensor, target: Tensor) -> Tensor:
        """Return the logits of the interval to the next note, (..., 25), with the target's distance (..., 49)."""
        mixed = torch.relu(self.pitch_mixed(torch.cat((contexts, target), dim=-1)))
        found: Tensor = self.pitch(self.dropout(mixed))
        return found

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return one step: the logits of both heads, and the new memory (1, 64).

        The target is of the step that is made. The note follows from the memory as it is given, so that it can be
        called for after the step.
        """
        *read, target, memory = given
        known = torch.cat(read, dim=-1)
        put_out, after = self.layer(torch.relu(self.read(known))[None], memory[None])
        made, before = (torch.cat((each, known), dim=-1) for each in (put_out[0], memory))
        return self.target_logits(made), self.pitch_logits(before, target), after[0]
