"""Rolls of piano pieces, predicted a frame at a time from the second before it (Docevski et al. 2018, section V)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from training.datasets.digest import digest
from training.datasets.piano_rolls import Roll
from training.networks.roll_lstm import WINDOW, Ends, RollLstm
from training.trainers.piano import precision
from training.trainers.train import Config, Task

THRESHOLD = 0.5
"""A pitch sounds whose probability is above it."""

_MEASURED_AT_ONCE = 512

Windows = tuple[Tensor, Tensor]
"""Windows of frames (frames, batch, 67), and the frame after each (batch, 67)."""


@dataclass(frozen=True, slots=True)
class RollTask(Task[RollLstm, Windows]):
    """The frame after each window of one roll, pieces without anything between them."""

    score: ClassVar[str] = "binary cross-entropy"

    roll: Roll
    hidden: int
    layers: int
    ends: Ends = "output"
    dropout: float = 0.2
    memories: int = WINDOW
    """How many a step moves, begun at equal distances within a window."""
    measured_every: int = 8
    """The loss is that at one of so many windows, without dropout."""

    @property
    def windows(self) -> int:
        """How many windows the roll has: an epoch."""
        return len(self.roll) - WINDOW

    def settings(self) -> Mapping[str, object]:
        """Return the settings of the run: sizes, dropout, the precision that it is computed in, and a digest."""
        return {
            "hidden": self.hidden, "layers": self.layers, "ends": self.ends, "dropout": self.dropout,
            "precision": str(precision(torch.device("cpu"))), "learned_from": digest((self.roll,)),
        }  # fmt: skip

    def network(self) -> RollLstm:
        """Return a new network."""
        return RollLstm(self.hidden, self.layers, self.ends, self.dropout, self.memories)

    def batch(self, config: Config, rng: np.random.Generator) -> Windows:
        """Return windows from anywhere in the roll."""
        return self.windows_at(rng.integers(0, self.windows, config.batch))

    def windows_at(self, starts: np.ndarray) -> Windows:
        """Return the windows that begin at some frames, and what follows them."""
        found = torch.from_numpy(self.roll[starts[None] + np.arange(WINDOW + 1)[:, None]]).float()
        return found[:-1], found[-1]

    def losses(self, network: RollLstm, batch: Windows) -> Mapping[str, Tensor]:
        """Return the binary cross-entropy of a batch, in nats a pitch."""
        return {"frames": loss(network, batch)}

    def validate(self, network: RollLstm) -> Mapping[str, float]:
        """Return the binary cross-entropy at windows that it learns from, in nats a pitch: none are held out."""
        starts = np.arange(0, self.windows, self.measured_every)
        found = [
            float(loss(network, self.windows_at(part))) * len(part)
            for part in np.split(starts, range(_MEASURED_AT_ONCE, len(starts), _MEASURED_AT_ONCE))
        ]
        return {self.score: sum(found) / len(starts)}


def loss(network: RollLstm, batch: Windows) -> Tensor:
    """Return the mean binary cross-entropy of the frames after windows, in nats a pitch."""
    device = network.next_frame.weight.device
    windows, frames = (each.to(device) for each in batch)
    with torch.autocast(device.type, torch.bfloat16, enabled=precision(device) is torch.bfloat16):
        logits = network.logits(windows).float()
    return binary_cross_entropy_with_logits(logits, frames)


@torch.no_grad()
def go_on(network: RollLstm, primer: Roll, frames: int) -> Roll:
    """Return what a network plays after a primer, (frames, 67): it hears the primer first, and itself then."""
    network.eval()
    memory = tuple(torch.zeros(1, width) for width in network.STATE.values())
    for frame in primer:
        _, *memory = network(torch.from_numpy(frame[None]).float(), *memory)
    played = np.zeros((frames, primer.shape[1]), bool)
    nothing = torch.zeros(1, primer.shape[1])
    for at in range(frames):
        logits, *_ = network(nothing, *memory)
        played[at] = (torch.sigmoid(logits[0]) > THRESHOLD).numpy()
        _, *memory = network(torch.from_numpy(played[at : at + 1]).float(), *memory)
    return played
