"""What the four networks of Docevski et al. 2018 share: five pieces, training, primers, and the measure of Table I."""

from collections.abc import Sequence

import numpy as np

from training.corpora.piano_midi import Piece
from training.datasets.piano_rolls import Roll, roll
from training.networks.roll_lstm import RollLstm
from training.reproductions import Run
from training.trainers.checkpoints import Log
from training.trainers.rolls import RollTask
from training.trainers.train import train

PIECES = ("alb_esp2", "alb_esp3", "alb_esp5", "alb_se1", "alb_se5")
"""Albeniz's Tango, Malaguena and Capricho catalan, Granada and Asturias, which guitarists play."""


def rolls(pieces: Sequence[Piece], names: Sequence[str] = PIECES) -> dict[str, Roll]:
    """Return the rolls of pieces by name; KeyError where one is missing."""
    known = {piece.name: piece for piece in pieces}
    return {name: roll(known[name].notes) for name in names}


def learn(run: Run, name: str, task: RollTask) -> tuple[RollLstm, Log]:
    """Train a network on the rolls."""
    return train(
        run.config,
        task,
        checkpoint=run.folder / f"{name}.checkpoint",
        device=run.device,
        progressed=run.progressed,
    )


def joined(found: dict[str, Roll]) -> Roll:
    """Return the rolls after one another, with nothing between them."""
    return np.concatenate(tuple(found.values()))
