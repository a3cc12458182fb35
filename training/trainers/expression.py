"""How a line is played, learned from the Weimar Jazz Database: `python -m training train expression`."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from improv.models.contract import ModelSpec, Tensors
from improv.models.encodings.expression import Expression, Line, NoteInput
from improv.music.theory import Form
from training.corpora import wjazzd
from training.corpora.wjazzd_split import Split, split
from training.datasets.digest import digest
from training.datasets.expression import UNKNOWN, ExpressionSequence, sequences
from training.datasets.padding import drawn, padded
from training.networks.expression_gru import ExpressionGru
from training.trainers.band_files import FORM, write_files
from training.trainers.export import PARITY_STEPS
from training.trainers.progress import Progressed, progress_bar, silently
from training.trainers.train import Config, Task
from training.trainers.train import train as learn

NAME = "expression"
EXPRESSION = Expression()

CONFIG = Config(
    updates=800, batch=24, steps=96, rate=3e-3, warm_up=50, betas=(0.9, 0.98), decay=0.1, averaged_over=100,
    check_every=100, patience=4,
)  # fmt: skip

DATA = {
    "source": "Weimar Jazz Database: loudness, onsets and durations of its solos beside their notation "
    "(Pfleiderer et al., Inside the Jazzomat, Schott Campus 2017)",
    "licence": "Open Database License (ODbL) 1.0",
}

KINDS = ("velocity", "timing", "length")
PANELS = {f"nats a {kind}": f"a {kind}" for kind in KINDS} | {"nats a note": "a note"}

Batch = tuple[Tensor, Tensor]
"""What is read (notes, batch, width), and the units of velocity, timing and length (notes, batch, 3), -1 unknown."""


@dataclass(frozen=True, slots=True)
class ExpressionTask(Task[ExpressionGru, Batch]):
    """How hard, late and long the notes of solos are."""

    score: ClassVar[str] = "nats a note"

    training: Sequence[ExpressionSequence]
    validation: Sequence[ExpressionSequence]
    dropout: float = 0.2

    def settings(self) -> Mapping[str, object]:
        """Return the settings of the run: the dropout and a digest of the solos."""
        solos = (*self.training, *self.validation)
        return {"dropout": self.dropout, "learned_from": digest(part for solo in solos for part in solo.parts())}

    def network(self) -> ExpressionGru:
        """Return a new network."""
        return ExpressionGru(self.dropout)

    def batch(self, config: Config, rng: np.random.Generator) -> Batch:
        """Return cuts of solos, of `config.steps` notes each, longer solos more often."""
        cuts = drawn([len(solo.units) for solo in self.training], config.batch, config.steps, rng)
        return side_by_side([
            (solo.features[start : start + config.steps], solo.units[start : start + config.steps])
            for solo, start in ((self.training[which], start) for which, start in cuts)
        ])  # fmt: skip

    def losses(self, network: ExpressionGru, batch: Batch) -> Mapping[str, Tensor]:
        """Return the mean surprise at each choice, by name."""
        return {kind: found.mean() for kind, found in zip(KINDS, nats(network, batch), strict=True)}

    def validate(self, network: ExpressionGru) -> Mapping[str, float]:
        """Return the surprise at the solos of the validation side, in nats."""
        return surprise(network, self.validation)


def side_by_side(cuts: Sequence[tuple[np.ndarray, np.ndarray]]) -> Batch:
    """Return features and units of cuts as one batch; what is shorter than the longest learns nothing at its end."""
    return padded([features for features, _ in cuts], 0), padded([units for _, units in cuts], UNKNOWN)


def nats(network: ExpressionGru, batch: Batch) -> list[Tensor]:
    """Return the surprise in nats at each velocity, each timing and each length that is known."""
    read, units = batch
    found = []
    for kind, logits in enumerate(network.logits(network.contexts(read))):
        known = units[..., kind] != UNKNOWN
        found.append(cross_entropy(logits[known], units[..., kind][known], reduction="none"))
    return found


@torch.no_grad()
def surprise(network: ExpressionGru, solos: Sequence[ExpressionSequence]) -> dict[str, float]:
    """Return the mean surprise over whole solos in nats: at each kind of choice, and at a note's three together."""
    kinds = zip(*(nats(network, side_by_side([(solo.features, solo.units)])) for solo in solos), strict=True)
    found = {f"nats a {kind}": float(torch.cat(each).mean()) for kind, each in zip(KINDS, kinds, strict=True)}
    return found | {"nats a note": sum(found.values())}


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command-line options that only `expression` has."""
    parser.add_argument("--data", type=Path, default=wjazzd.FOLDER, help=f"a folder or wjazzd.db [{wjazzd.FOLDER}]")


def make(config: Config, arguments: argparse.Namespace) -> str:
    """Train and export the network; return a summary."""
    sides = split(wjazzd.read(arguments.data)[0])
    with progress_bar(NAME) as progressed:
        train(config, sides, arguments.out, progressed)
    return f"wrote {arguments.out / NAME}.onnx, {NAME}.json and {NAME}-curves.png"


def train(config: Config, sides: Split, out: Path, progressed: Progressed = silently) -> ModelSpec:
    """Train the network on solos; write the model, its figures and a checkpoint to `out`."""
    progressed(0, "reading the solos")
    training, validation = sequences(sides.training), sequences(sides.validation)
    task = ExpressionTask(training, validation)
    network, log = learn(config, task, checkpoint=out / f"{NAME}.checkpoint", progressed=progressed)
    return write_files(
        network,
        log,
        config,
        out,
        progressed,
        name=NAME,
        encoding="expression",
        data=DATA,
        probes=probes(config.seed),
        found=surprise(network, validation),
        panels=PANELS,
        dropout=task.dropout,
        learned={"solos": len(training), "notes": sum(len(solo.units) for solo in training)},
    )


def probes(seed: int) -> Iterator[Tensors]:
    """Yield features of `PARITY_STEPS` notes: a random line over a form, played at random."""
    rng, form = np.random.default_rng(seed), Form.parse(FORM, EXPRESSION.grid)
    line, onset = Line(), 0
    for _ in range(PARITY_STEPS):
        rested, pitch = bool(rng.random() < 0.1), int(rng.integers(48, 85))
        given = NoteInput(
            line=line, onset=onset, place=onset, pitch=pitch, room=6 - onset % 6, rested=rested,
            chord=form.chord_at(onset // 6), bpm=float(rng.uniform(60, 300)), swing=float(rng.uniform(0.5, 0.7)),
        )  # fmt: skip
        yield EXPRESSION.encode(given)
        line = line.after(
            onset=onset, pitch=pitch, begins=rested, velocity=float(rng.uniform(30, 127)),
            late_ms=float(rng.uniform(-60, 60)), share=float(rng.choice((0.5, 0.8, 1.0))),
        )  # fmt: skip
        onset += int(rng.choice((2, 3, 4, 6, 6, 6, 12, 30)))
