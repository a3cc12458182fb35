"""A walking bass, learned from the bass annotations of the Weimar Jazz Database: `python -m training train bass`."""

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
from improv.models.encodings.bass_lines import HIGHEST, LOWEST, BassInput, BassLines, distance
from improv.music.theory import Form
from training.corpora import wjazzd
from training.corpora.wjazzd_split import Split, split
from training.datasets.bass_lines import FEATURES, UNKNOWN, BassSequence, sequence, walks
from training.datasets.digest import digest
from training.datasets.padding import drawn, padded
from training.networks.bass_gru import BassGru
from training.trainers.band_files import FORM, write_files
from training.trainers.export import PARITY_STEPS
from training.trainers.progress import Progressed, progress_bar, silently
from training.trainers.train import Config, Task
from training.trainers.train import train as learn

NAME = "bass"
LINES = BassLines()

CONFIG = Config(
    updates=1_200, batch=16, steps=64, rate=3e-3, warm_up=50, betas=(0.9, 0.98), decay=0.1, averaged_over=100,
    check_every=100, patience=5,
)  # fmt: skip

DATA = {
    "source": "Weimar Jazz Database, bass pitches estimated on each beat of its swing solos "
    "(Pfleiderer et al., Inside the Jazzomat, Schott Campus 2017)",
    "licence": "Open Database License (ODbL) 1.0",
}

_MOST_REGISTER = 3
"""Lines are moved up or down by as many semitones at most, chords and all: what changes is the register."""

PANELS = {"nats a target": "a target", "nats a note": "a note", "nats a choice": "a choice"}

Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""What is read (beats, batch, width), the targets' distances (beats, batch, 49), and the units of targets and notes,
each (beats, batch), -1 where none is learned."""


@dataclass(frozen=True, slots=True)
class BassTask(Task[BassGru, Batch]):
    """The next target and the next note of bass lines."""

    score: ClassVar[str] = "nats a choice"

    training: Sequence[BassSequence]
    validation: Sequence[BassSequence]
    dropout: float = 0.3

    def settings(self) -> Mapping[str, object]:
        """Return the settings of the run: the dropout and a digest of the lines."""
        lines = (*self.training, *self.validation)
        return {"dropout": self.dropout, "learned_from": digest(part for line in lines for part in line.parts())}

    def network(self) -> BassGru:
        """Return a new network."""
        return BassGru(self.dropout)

    def batch(self, config: Config, rng: np.random.Generator) -> Batch:
        """Return cuts of lines, longer lines more often, each moved up or down a little."""
        cuts = drawn([line.beats for line in self.training], config.batch, config.steps, rng)
        moved = rng.integers(-_MOST_REGISTER, _MOST_REGISTER + 1, config.batch)
        return side_by_side([
            cut(self.training[which], start, config.steps, int(up))
            for (which, start), up in zip(cuts, moved, strict=True)
        ])  # fmt: skip

    def losses(self, network: BassGru, batch: Batch) -> Mapping[str, Tensor]:
        """Return the surprise at the targets and notes that are learned, by name."""
        of_target, of_pitch = nats(network, batch)
        return {"bass": (of_target.sum() + of_pitch.sum()) / (len(of_target) + len(of_pitch))}

    def validate(self, network: BassGru) -> Mapping[str, float]:
        """Return the surprise at the lines of the validation side, in nats a choice."""
        return surprise(network, self.validation)


def cut(line: BassSequence, start: int, beats: int, up: int = 0) -> BassSequence:
    """Return a stretch of a line, in a register that is higher by semitones."""
    end = min(line.beats, start + beats)
    features = {name: each[start:end] for name, each in line.features.items()}
    registers = HIGHEST - LOWEST + 1
    if up:
        read = features["line"].copy()
        heights = np.clip(read[:, -registers:].argmax(1) + up, 0, registers - 1)
        read[:, -registers:] = np.eye(registers, dtype=np.float32)[heights]
        features["line"] = read
    return BassSequence(line.name, features, line.target[start:end], line.pitch[start:end])


def side_by_side(lines: Sequence[BassSequence]) -> Batch:
    """Return lines as one batch; what is shorter than the longest ends in zeros, and learns nothing there."""
    read = [np.concatenate([line.features[name] for name in FEATURES[:-1]], axis=1) for line in lines]
    return (
        padded(read, 0),
        padded([line.features[FEATURES[-1]] for line in lines], 0),
        padded([line.target for line in lines], UNKNOWN),
        padded([line.pitch for line in lines], UNKNOWN),
    )


def nats(network: BassGru, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the surprise in nats at each target and each note that is learned, (targets,) and (notes,)."""
    read, distances, targets, pitches = batch
    contexts = network.contexts(read)
    aimed, went = targets != UNKNOWN, pitches != UNKNOWN
    of_target = cross_entropy(network.target_logits(contexts[aimed]), targets[aimed], reduction="none")
    of_pitch = cross_entropy(network.pitch_logits(contexts[went], distances[went]), pitches[went], reduction="none")
    return of_target, of_pitch


@torch.no_grad()
def surprise(network: BassGru, lines: Sequence[BassSequence]) -> dict[str, float]:
    """Return the mean surprise over whole lines, in nats: at a target, at a note, and at a choice of either kind."""
    targets, pitches = zip(*(nats(network, side_by_side([line])) for line in lines), strict=True)
    of_target, of_pitch = torch.cat(targets), torch.cat(pitches)
    return {
        "nats a target": float(of_target.mean()),
        "nats a note": float(of_pitch.mean()),
        "nats a choice": float(torch.cat((of_target, of_pitch)).mean()),
    }


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command-line options that only `bass` has."""
    parser.add_argument("--data", type=Path, default=wjazzd.FOLDER, help=f"a folder or wjazzd.db [{wjazzd.FOLDER}]")


def make(config: Config, arguments: argparse.Namespace) -> str:
    """Train and export the network; return a summary."""
    sides = split(wjazzd.read(arguments.data)[0])
    with progress_bar(NAME) as progressed:
        train(config, sides, arguments.out, progressed)
    return f"wrote {arguments.out / NAME}.onnx, {NAME}.json and {NAME}-curves.png"


def train(config: Config, sides: Split, out: Path, progressed: Progressed = silently) -> ModelSpec:
    """Train the network on basses; write the model, its figures and a checkpoint to `out`."""
    progressed(0, "reading the basses")
    training, validation = ([sequence(line) for line in walks(side)] for side in (sides.training, sides.validation))
    task = BassTask(training, validation)
    network, log = learn(config, task, checkpoint=out / f"{NAME}.checkpoint", progressed=progressed)
    return write_files(
        network,
        log,
        config,
        out,
        progressed,
        name=NAME,
        encoding="bass_lines",
        data=DATA,
        probes=probes(config.seed),
        found=surprise(network, validation),
        panels=PANELS,
        dropout=task.dropout,
        learned={"lines": len(training), "beats": sum(line.beats for line in training)},
    )


def probes(seed: int) -> Iterator[Tensors]:
    """Yield features of `PARITY_STEPS` beats: a random line over a form, with random targets."""
    rng, form = np.random.default_rng(seed), Form.parse(FORM, LINES.grid)
    pitches = [int(pitch) for pitch in rng.integers(LOWEST, HIGHEST + 1, PARITY_STEPS + 2)]
    for beat in range(PARITY_STEPS):
        target = int(rng.integers(LOWEST, HIGHEST + 1))
        given = BassInput(
            pitch=pitches[beat + 1], before=pitches[beat], target=None if beat % 4 else target, beats=3 - beat % 4,
            chord=form.chord_at(beat), target_chord=form.chord_at(beat + 3 - beat % 4), changes=bool(rng.integers(2)),
            place=beat, form_beats=form.steps, bpm=float(rng.uniform(60, 300)), density=float(rng.uniform(0, 4)),
        )  # fmt: skip
        yield {**LINES.encode(given), "chosen_target": distance(target - pitches[beat + 1])}
