"""A drummer in five styles, learned from the Groove MIDI Dataset: `python -m training train drums`."""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from improv.models.contract import ModelSpec, Tensors
from improv.models.encodings.drum_grids import (
    CLASSES,
    GRID,
    STYLES,
    SUBSTEPS,
    TOGETHER,
    DrumGrids,
    DrumInput,
    Sound,
    Stroke,
)
from training.corpora import groove_midi
from training.corpora.groove_midi import Take, held_out
from training.datasets.digest import digest
from training.datasets.drum_grids import FEATURES, UNKNOWN, DrumSequence, chosen, moods, sequence
from training.datasets.padding import padded
from training.networks.drum_gru import DrumGru
from training.trainers.band_files import write_files
from training.trainers.export import PARITY_STEPS
from training.trainers.progress import Progressed, progress_bar, silently
from training.trainers.train import Config, Task
from training.trainers.train import train as learn

NAME = "drums"
GRIDS = DrumGrids()

CONFIG = Config(
    updates=1_500, batch=24, steps=128, rate=3e-3, warm_up=50, betas=(0.9, 0.98), decay=0.05, averaged_over=100,
    check_every=100, patience=5,
)  # fmt: skip

DATA = {
    "source": "Groove MIDI Dataset (Gillick, Roberts, Engel, Eck & Bamman, Learning to Groove with Inverse Sequence "
    "Transformations, ICML 2019): its jazz, shuffle, funk and New Orleans takes",
    "licence": "Creative Commons Attribution 4.0",
}

PANELS = {"nats of hits a step": "an eighth, of strokes", "nats a velocity": "a velocity", "nats a delay": "a delay"}

_FILL_TAKES = 0.15
"""The share of cuts that are takes played as fills, a bar or two each."""

_FORGETS = 0.25
"""The share of cuts that begin as a performance does, with no bar before."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Cuts of takes side by side."""

    read: Tensor
    """(steps, batch, width)."""
    hits: Tensor
    """(steps, batch, 2)."""
    chosen: Tensor
    """What is struck at both places as on and off, (steps, batch, 20)."""
    velocities: Tensor
    """(steps, batch, 8); -1 where a limb strikes nothing."""
    delays: Tensor
    """(steps, batch, 8)."""
    counts: Tensor
    """1 for each step that is learned, (steps, batch)."""


@dataclass(frozen=True, slots=True)
class DrumTask(Task[DrumGru, Batch]):
    """The next strokes of drum takes; every style is drawn equally often."""

    score: ClassVar[str] = "nats a step"

    training: Sequence[DrumSequence]
    validation: Sequence[DrumSequence]
    dropout: float = 0.3

    def settings(self) -> Mapping[str, object]:
        """Return the settings of the run: the dropout and a digest of the takes."""
        takes = (*self.training, *self.validation)
        return {"dropout": self.dropout, "learned_from": digest(part for take in takes for part in take.parts())}

    def network(self) -> DrumGru:
        """Return a new network."""
        return DrumGru(self.dropout)

    def batch(self, config: Config, rng: np.random.Generator) -> Batch:
        """Return cuts of takes: a style, then one of its takes, longer ones more often, then a bar to begin with."""
        of_style: defaultdict[str, list[DrumSequence]] = defaultdict(list)
        for take in self.training:
            of_style[take.style].append(take)
        cuts = []
        for style in rng.choice(sorted(of_style), config.batch):
            takes = of_style[style]
            short = [take for take in takes if take.steps <= 2 * GRID.steps_per_bar]
            wanted = short if short and rng.random() < _FILL_TAKES else takes
            weights = np.sqrt([take.steps for take in wanted])
            take = wanted[int(rng.choice(len(wanted), p=weights / weights.sum()))]
            bars = max(1, (take.steps - config.steps) // GRID.steps_per_bar + 1)
            cuts.append(cut(take, int(rng.integers(bars)) * GRID.steps_per_bar, config.steps, rng.random() < _FORGETS))
        return side_by_side(cuts)

    def losses(self, network: DrumGru, batch: Batch) -> Mapping[str, Tensor]:
        """Return the surprise at hits, velocities and delays, by name."""
        steps = batch.counts.sum()
        return {name: each.sum() / steps for name, each in nats(network, batch).items()}

    def validate(self, network: DrumGru) -> Mapping[str, float]:
        """Return the surprise at the takes of the validation side, in nats a step."""
        return surprise(network, self.validation)


def cut(take: DrumSequence, start: int, steps: int, anew: bool = False) -> DrumSequence:
    """Return a stretch of a take; with `anew` it begins as a performance does."""
    end = min(take.steps, start + steps)
    features = {name: each[start:end] for name, each in take.features.items()}
    if anew:
        features["bar_ago"], features["struck"] = features["bar_ago"].copy(), features["struck"].copy()
        features["bar_ago"][: GRID.steps_per_bar] = 0
        features["struck"][:1] = 0
    return DrumSequence(
        take.name, take.style, features, take.hits[start:end], take.velocities[start:end], take.delays[start:end]
    )


def side_by_side(takes: Sequence[DrumSequence]) -> Batch:
    """Return takes as one batch; what is shorter than the longest ends in silence that is not learned."""
    return Batch(
        padded([np.concatenate([take.features[name] for name in FEATURES], axis=1) for take in takes], 0),
        padded([take.hits for take in takes], 0),
        padded([chosen(take.hits).reshape(take.steps, -1) for take in takes], 0),
        padded([take.velocities for take in takes], UNKNOWN),
        padded([take.delays for take in takes], UNKNOWN),
        padded([np.ones(take.steps, np.float32) for take in takes], 0),
    )


def nats(network: DrumGru, batch: Batch) -> dict[str, Tensor]:
    """Return the surprise in nats at what is struck in each step, (steps, batch), and at each velocity and delay."""
    contexts = network.contexts(batch.read)
    first = batch.chosen.clone()
    first[..., len(Sound) :] = 0
    of_hits = sum(
        cross_entropy(logits.flatten(0, 1), batch.hits[..., place].flatten(), reduction="none").view(batch.counts.shape)
        for place, logits in enumerate((network.hits_logits(contexts), network.later_logits(contexts, first)))
    )
    assert isinstance(of_hits, Tensor)
    velocity, timing = network.played_logits(contexts, batch.chosen)
    struck = batch.velocities != UNKNOWN
    return {
        "hits": of_hits * batch.counts,
        "velocities": cross_entropy(velocity[struck], batch.velocities[struck], reduction="none"),
        "delays": cross_entropy(timing[struck], batch.delays[struck], reduction="none"),
    }


@torch.no_grad()
def surprise(network: DrumGru, takes: Sequence[DrumSequence]) -> dict[str, float]:
    """Return the mean surprise over whole takes in nats a step: at what is struck, and at all together."""
    found, steps, strokes = defaultdict[str, float](float), 0, 0
    for take in takes:
        for name, each in nats(network, side_by_side([take])).items():
            found[name] += float(each.sum())
        steps += take.steps
        strokes += int((take.velocities != UNKNOWN).sum())
    return {
        "nats of hits a step": found["hits"] / steps,
        "nats a velocity": found["velocities"] / strokes,
        "nats a delay": found["delays"] / strokes,
        "nats a step": sum(found.values()) / steps,
    }


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command-line options that only `drums` has."""
    usual = groove_midi.FOLDER
    parser.add_argument("--data", type=Path, default=usual, help=f"the folder of the Groove MIDI Dataset [{usual}]")


def make(config: Config, arguments: argparse.Namespace) -> str:
    """Train and export the network; return a summary."""
    takes = held_out(groove_midi.read(arguments.data)[0])
    with progress_bar(NAME) as progressed:
        train(config, takes, arguments.out, progressed)
    return f"wrote {arguments.out / NAME}.onnx, {NAME}.json and {NAME}-curves.png"


def train(config: Config, takes: Sequence[Take], out: Path, progressed: Progressed = silently) -> ModelSpec:
    """Train the network on takes; write the model, its figures and a checkpoint to `out`."""
    progressed(0, "reading the takes as steps")
    parted = moods(take for take in takes if take.side == "training")
    by_side = {
        side: [sequence(take, parted) for take in takes if take.side == side] for side in ("training", "validation")
    }
    task = DrumTask(by_side["training"], by_side["validation"])
    network, log = learn(config, task, checkpoint=out / f"{NAME}.checkpoint", progressed=progressed)
    return write_files(
        network,
        log,
        config,
        out,
        progressed,
        name=NAME,
        encoding="drum_grids",
        data=DATA,
        probes=probes(config.seed),
        found=surprise(network, task.validation),
        panels=PANELS,
        dropout=task.dropout,
        learned={
            "takes": len(task.training),
            "steps": sum(take.steps for take in task.training),
            "moods": asdict(parted),
        },
    )


def probes(seed: int) -> Iterator[Tensors]:
    """Yield features of `PARITY_STEPS` steps: random strokes, with random choices within each step."""
    rng = np.random.default_rng(seed)
    steps: list[tuple[Stroke, ...]] = [()] * GRID.steps_per_bar
    for place in range(PARITY_STEPS):
        units = rng.integers(len(TOGETHER), size=SUBSTEPS)
        given = DrumInput(
            struck=steps[-1], bar_ago=steps[-GRID.steps_per_bar], style=STYLES[int(rng.integers(len(STYLES)))],
            place=place, bpm=float(rng.uniform(50, 300)), density=int(rng.integers(CLASSES)),
            loudness=int(rng.integers(CLASSES)), fills=bool(rng.integers(2)),
        )  # fmt: skip
        yield {**GRIDS.encode(given), "chosen_hits": chosen(units).reshape(1, -1)}
        steps.append(tuple(
            Stroke(sound, substep, int(rng.integers(1, 128)))
            for substep, unit in enumerate(units) for sound in TOGETHER[unit] if sound is not None
        ))  # fmt: skip
