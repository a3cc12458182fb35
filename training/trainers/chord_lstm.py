"""How the changes are learned: the chords of blues choruses, those of one tune as often as those of another.

What is played after it is counted by `training.evaluation.chord_substitutions`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from training.datasets.choruses import Run
from training.datasets.digest import digest
from training.networks.chord_lstm import ChordLstm
from training.trainers.train import Config, Task

CONFIG = Config(seeding="run", updates=600, batch=16, rate=0.01, schedule="linear", decay=0.01)

Batch = tuple[Tensor, Tensor, Tensor]
"""The newest chords (steps, batch, 24), places (steps, batch, 20) and the units of the next chords (steps, batch)."""


@dataclass(frozen=True, slots=True)
class ChordTask(Task[ChordLstm, Batch]):
    """The next chord of choruses from each chord and its place."""

    score: ClassVar[str] = "chord"

    training: Sequence[Run]
    validation: Sequence[Run]
    dropout: float = 0.3

    def settings(self) -> Mapping[str, object]:
        """Return the settings of the run: the dropout and a digest of the choruses."""
        return {
            "dropout": self.dropout,
            "learned_from": digest(
                part
                for run in (*self.training, *self.validation)
                for part in (run.tune, run.newest, run.place, run.units)
            ),
        }

    def network(self) -> ChordLstm:
        """Return a new chord network."""
        return ChordLstm(self.dropout)

    def batch(self, config: Config, rng: np.random.Generator) -> Batch:
        """Return cuts of runs, each from a chorus on; every tune is drawn equally often."""
        of_tune = Counter(run.tune for run in self.training)
        weights = np.array([1 / of_tune[run.tune] for run in self.training])
        picked = [self.training[which] for which in rng.choice(len(weights), config.batch, p=weights / weights.sum())]
        cuts = [run.cut(int(rng.integers(run.choruses)), config.steps) for run in picked]
        newest, place, units = (torch.stack([cut[part] for cut in cuts], dim=1) for part in range(3))
        return newest, place, units

    def losses(self, network: ChordLstm, batch: Batch) -> Mapping[str, Tensor]:
        """Return the cross-entropy of the next chord, by name."""
        newest, place, units = batch
        return {"chords": cross_entropy(network.sequence(newest, place).flatten(0, 1), units.flatten())}

    def validate(self, network: ChordLstm) -> Mapping[str, float]:
        """Return the surprise at the chords of the validation side, in nats a step."""
        return {"chord": surprise(network, self.validation)}


@torch.no_grad()
def surprise(network: ChordLstm, heard: Sequence[Run]) -> float:
    """Return the mean surprise at a step's chord, in nats, over whole runs."""
    found, steps = 0.0, 0
    for run in heard:
        logits = network.sequence(run.newest[:, None], run.place[:, None])[:, 0]
        found += float(cross_entropy(logits, run.units, reduction="sum"))
        steps += len(run.units)
    return found / steps
