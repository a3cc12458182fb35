"""Experiment 2 of Eck & Schmidhuber 2002: a melody over changes that were learned before it.

The chords are learned first and alone, as in experiment 1. Then they go on learning their own part, and the melody's
error reaches their cells too: what they count is what the melody has to know. No note of the melody ever reaches them.
While steps are large the form may slip and come back; once they have halved, a run that has lost it goes back to when
it was exact.
"""

import argparse
import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from improv.models.encodings import ENCODINGS, StepInput
from improv.music.notes import Frame
from training.corpora import blues_bars
from training.datasets.digest import digest
from training.networks.eck2002 import ENCODING, Blues, Partition
from training.trainers import checkpoints, eck2002_chords
from training.trainers.eck2002_chords import (
    JUDGED_CHORUSES,
    TOLERATED_ERROR,
    cross_entropy,
    form_units,
    largest_error,
    learn_form,
)
from training.trainers.eck2002_report import Learned, write_model
from training.trainers.progress import Progressed, portion, progress_bar, silently
from training.trainers.train import Config, Task, train

NAME = "eck2002-blues"

CONFIG = Config(
    seed=9, seeding="run", updates=10_000, batch=8, rate=0.03, warm_up=100, betas=(0.9, 0.95), check_every=500,
    keeps="latest", tolerated=TOLERATED_ERROR,
)  # fmt: skip
"""Of the melody. The chords are learned by the config of `eck2002_chords`, from the same seed."""

_SHARE_OF_CHORDS = 0.3
"""Of the time that training takes, about."""


@cache
def segment_units() -> list[Tensor]:
    """Return the segments of each bar of the form as units, 0 or 1, (segments, 8, 13)."""
    encoding = ENCODINGS[ENCODING]
    return [
        torch.from_numpy(
            np.stack(
                [
                    np.concatenate([encoding.encode(StepInput(Frame(cell, None)))["melody"] for cell in cells])
                    for cells in map(encoding.melody, choices)
                ]
            )
        )
        for choices in map(blues_bars.as_steps, blues_bars.SEGMENTS)
    ]


def drawn_songs(segments: Sequence[Tensor], count: int) -> Tensor:
    """Return melodies of `count` songs, (96, count, 13), drawn with PyTorch's random numbers."""
    bars = [choices[torch.randint(len(choices), (count,))] for choices in segments]
    return torch.cat(bars, dim=1).transpose(0, 1).contiguous()


@dataclass(frozen=True, slots=True)
class BluesTask(Task[Blues, tuple[Tensor, Tensor]]):
    """The next chord of the form, and the next note of songs over it that are drawn anew for each update."""

    score: ClassVar[str] = "error"

    chords: Partition
    """The chords as experiment 1 has learned them."""

    def settings(self) -> dict[str, object]:
        """Return the settings of the run: digests of the form, the segments and the learned chords."""
        return {"learned_from": digest([form_units(), *segment_units(), *self.chords.state_dict().values()])}

    def network(self) -> Blues:
        """Return a network with the learned chords and a new melody part; the songs' seed is reset."""
        with torch.random.fork_rng(devices=()):
            network = Blues()
        network.chords = copy.deepcopy(self.chords)
        return network

    def parts(self, network: Blues) -> tuple[Partition, Partition]:
        """Return the parts for chords and for melody."""
        return network.chords, network.melody

    def batch(self, config: Config, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return chords (steps, 1, 12) and melodies (steps, batch, 13) of songs in a row."""
        choruses = config.steps // blues_bars.FORM.steps
        songs = [drawn_songs(segment_units(), config.batch) for _ in range(choruses)]
        return form_units().repeat(choruses, 1, 1), torch.cat(songs)

    def losses(self, network: Blues, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Return the cross-entropies of the next chords, and of the next notes over the chords of a step before."""
        form, songs = batch
        chords, melody, count = network.chords, network.melody, songs.shape[1]
        chord_logits, put_out, _ = chords.sequence(form, None, chords.at_rest())
        before = torch.cat((chords.at_rest()[0], put_out[:-1])).expand(-1, count, -1)
        melody_logits, _, _ = melody.sequence(songs, before, melody.at_rest(count))
        of_melody = cross_entropy(melody_logits[:-1], songs[1:])
        return {"chords": cross_entropy(chord_logits, form.roll(-1, 0)), "melody": of_melody}

    def validate(self, network: Blues) -> dict[str, float]:
        """Return the largest error of a chord probability, 0 to 1."""
        return {"error": largest_error(network.chords, JUDGED_CHORUSES)}


def learn(
    config: Config,
    folder: Path | None = None,
    progressed: Progressed = silently,
    chords_config: Config = eck2002_chords.CONFIG,
) -> Learned:
    """Return the trained network of a config and its history; checkpoints are in `folder`."""
    of_chords = portion(progressed, 0, _SHARE_OF_CHORDS, "chords")
    chords, log, attempts = learn_form(replace(chords_config, seed=config.seed), folder, of_chords)
    network, of_melody = train(
        config,
        BluesTask(chords),
        checkpoint=folder / f"{NAME}.checkpoint" if folder else None,
        progressed=portion(progressed, _SHARE_OF_CHORDS, 1, "melody"),
    )
    errors = [check["error"] for check in (*log.checks[-1:], *of_melody.checks) if check["error"] < TOLERATED_ERROR]
    losses = {"chords": log.losses["chords"], "melody over them": of_melody.losses["melody"]}
    seconds = log.seconds + of_melody.seconds
    return Learned(NAME, network, config.seed, attempts, losses, errors[-1], of_melody.returns, seconds)


def make(config: Config, arguments: argparse.Namespace) -> str:
    """Train the network, write model, report and picture to `arguments.out`, and return the report's text."""
    with progress_bar(NAME) as progressed:
        report = write_model(learn(config, arguments.out, progressed), arguments.out, progressed)
    checkpoints.remove(arguments.out, NAME, eck2002_chords.NAME)
    return report
