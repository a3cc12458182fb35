"""Experiment 1 of Eck & Schmidhuber 2002: a network that learns the changes of a blues exactly.

Topology and objective are the paper's (sections 3.1 and 3.2), the optimiser is ours: Adam on whole choruses in one
fused call, gradients clipped, and a new network from the next sub-seed where one has not found the form. Of new
networks nine in ten find it; without clipping one in five.
"""

import argparse
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from improv.errors import DataError
from improv.models.encodings import ENCODINGS
from training.corpora import blues_bars
from training.datasets.digest import digest
from training.networks.eck2002 import ENCODING, Chords, Partition
from training.trainers import checkpoints
from training.trainers.checkpoints import Log
from training.trainers.eck2002_report import Learned, write_model
from training.trainers.progress import Progressed, portion, progress_bar, silently
from training.trainers.train import Config, Task, train

NAME = "eck2002-chords"

TOLERATED_ERROR = 0.3
"""The most that any chord probability of a finished network may be wrong; at 0.5 a chord bit is."""

CONFIG = Config(
    seed=9, seeding="run", updates=2_000, batch=1, rate=0.05, warm_up=100, betas=(0.9, 0.9), keeps="latest", enough=0.1
)  # fmt: skip
"""Its seed is that of the committed models."""

ATTEMPTS = 20
JUDGED_CHORUSES = 20


@cache
def form_units() -> Tensor:
    """Return the chords of one chorus as units, 0 or 1, shape (96, 1, 12)."""
    encoding = ENCODINGS[ENCODING]
    return torch.from_numpy(np.stack([encoding.chord_units(chord) for chord in blues_bars.FORM.chords])[:, None])


def cross_entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    """Return the cross-entropy of independent units, summed over them and averaged over steps (section 3.2, eq. 1)."""
    return binary_cross_entropy_with_logits(logits, wanted) * wanted.shape[-1]


@torch.no_grad()
def largest_error(chords: Partition, choruses: int) -> float:
    """Return the largest error of any chord probability over `choruses` choruses, 0 to 1.

    The network is fed the true chords; as long as no probability is wrong by 0.5 they are its own.
    """
    inputs, state = form_units(), chords.at_rest()
    wanted = inputs.roll(-1, 0)
    margin = float("inf")  # the distance of a probability from the threshold, on the right side of it
    for _ in range(choruses):
        logits, _, state = chords.sequence(inputs, None, state)
        margin = min(margin, float(((logits.sigmoid() - 0.5) * (2 * wanted - 1)).min()))
    return 0.5 - margin


@dataclass(frozen=True, slots=True)
class FormTask(Task[Partition, Tensor]):
    """The next chord of the form from each chord, choruses on end."""

    score: ClassVar[str] = "error"

    def settings(self) -> dict[str, object]:
        """Return the settings of the run: a digest of the form."""
        return {"learned_from": digest([form_units()])}

    def network(self) -> Partition:
        """Return a new network part for chords."""
        return Partition(form_units().shape[-1], 0)

    def batch(self, config: Config, rng: np.random.Generator) -> Tensor:
        """Return choruses in a row, shape (steps, 1, 12)."""
        return form_units().repeat(config.steps // blues_bars.FORM.steps, 1, 1)

    def losses(self, network: Partition, batch: Tensor) -> dict[str, Tensor]:
        """Return the cross-entropy of the next chords, by name."""
        logits, _, _ = network.sequence(batch, None, network.at_rest())
        return {"chords": cross_entropy(logits, batch.roll(-1, 0))}

    def validate(self, network: Partition) -> dict[str, float]:
        """Return the largest error of a chord probability, 0 to 1."""
        return {"error": largest_error(network, JUDGED_CHORUSES)}


def learn_form(
    config: Config, folder: Path | None = None, progressed: Progressed = silently
) -> tuple[Partition, Log, int]:
    """Train networks until one plays the form with a margin; return it, its log, and its number from 1.

    They are counted from 1. Their checkpoints are in `folder`. DataError if none of `ATTEMPTS` finds the form.
    """
    torch.set_num_threads(1)  # the networks are tiny: a second thread only waits
    for attempt in range(ATTEMPTS):
        chords, log = train(
            replace(config, seed=config.seed * 1_000 + attempt),
            FormTask(),
            checkpoint=folder / f"{NAME}-{attempt + 1}.checkpoint" if folder else None,
            progressed=portion(progressed, 0, 1, f"attempt {attempt + 1}"),
        )
        if log.checks[-1]["error"] < TOLERATED_ERROR:
            return chords, log, attempt + 1
    raise DataError(f"no network found the form in {ATTEMPTS} attempts; try another seed or more updates")


def learn(config: Config, folder: Path | None = None, progressed: Progressed = silently) -> Learned:
    """Return the trained network of a config and its history; checkpoints are in `folder`."""
    partition, log, attempts = learn_form(config, folder, progressed)
    network = Chords()
    network.chords = partition
    return Learned(NAME, network, config.seed, attempts, log.losses, log.checks[-1]["error"], 0, log.seconds)


def make(config: Config, arguments: argparse.Namespace) -> str:
    """Train the network, write model, report and picture to `arguments.out`, and return the report's text."""
    with progress_bar(NAME) as progressed:
        report = write_model(learn(config, arguments.out, progressed), arguments.out, progressed)
    checkpoints.remove(arguments.out, NAME)
    return report
