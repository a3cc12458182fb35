"""A network added as docs/CONTRIBUTING.md says: an Elman network of chords and melody, its task, config and export."""

import argparse
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from improv.models.encodings import ENCODINGS
from training.corpora import blues_bars
from training.networks import Network
from training.trainers import checkpoints
from training.trainers.eck2002_blues import drawn_songs, segment_units
from training.trainers.eck2002_chords import form_units
from training.trainers.eck2002_figures import probes
from training.trainers.export import export, specify
from training.trainers.progress import progress_bar
from training.trainers.train import Config, Task, train

ENCODING = ENCODINGS["local_notes"]
HIDDEN = 16
UNITS = {name: shape[1] for name, shape in ENCODING.features.items()}


class Elman(Network):
    """One hidden layer that sees itself as it was a step before (Elman 1990, Finding Structure in Time, figure 2)."""

    FEATURES = ("chord", "melody")
    STATE: ClassVar[Mapping[str, int]] = {"hidden": HIDDEN}
    HEADS = ("next_chord", "next_melody")

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.RNN(sum(UNITS[name] for name in self.FEATURES), HIDDEN)
        self.heads = nn.Linear(HIDDEN, UNITS["chord"] + UNITS["melody"])

    def forward(self, chord: Tensor, melody: Tensor, hidden: Tensor) -> tuple[Tensor, ...]:
        """Return one step: logits of the next chord and the next note, then the hidden layer, each (1, width)."""
        put_out, after = self.layer(torch.cat((chord, melody), dim=1)[None], hidden[None])
        return *self.heads(put_out[0]).split([UNITS["chord"], UNITS["melody"]], dim=1), after[0]


class ElmanTask(Task[Elman, Tensor]):
    """The next chord and note of songs that are drawn anew for each update."""

    score: ClassVar[str] = "song"

    def network(self) -> Elman:
        """Return a new network."""
        return Elman()

    def batch(self, config: Config, rng: np.random.Generator) -> Tensor:
        """Return songs, chords and melody side by side, (steps, batch, 25)."""
        return torch.cat((form_units().expand(-1, config.batch, -1), drawn_songs(segment_units(), config.batch)), dim=2)

    def losses(self, network: Elman, batch: Tensor) -> dict[str, Tensor]:
        """Return the cross-entropy of what comes next."""
        logits = network.heads(network.layer(batch[:-1])[0])
        return {"songs": binary_cross_entropy_with_logits(logits, batch[1:]) * batch.shape[2]}

    def validate(self, network: Elman) -> dict[str, float]:
        """Return the same of other songs."""
        return {"song": float(self.losses(network, self.batch(CONFIG, np.random.default_rng()))["songs"])}


CONFIG = Config(updates=400, batch=8, steps=96, rate=0.01)


def make(config: Config, arguments: argparse.Namespace) -> str:
    """Train, describe and export."""
    with progress_bar("elman") as progressed:
        network, _ = train(config, ElmanTask(), checkpoint=arguments.out / "elman.checkpoint", progressed=progressed)
        spec = specify(
            network,
            name="elman",
            summary="An Elman network.",
            encoding="local_notes",
            key="C",
            form=blues_bars.CHANGES,
            primers=(),
            data={"source": "bars written for this project", "licence": "MIT"},
            seed=config.seed,
            figures={},
        )
        export(network, spec, arguments.out / "elman.onnx", probes(11, config.seed))
    checkpoints.remove(arguments.out, "elman")
    return f"wrote {arguments.out / 'elman.onnx'}"
