"""Docevski et al. 2018, its goal: sixty seconds of polyphony from a primer of five, by its own list of what to try."""

from training.corpora.piano_midi_split import Sides
from training.datasets.piano_events import spans
from training.networks.piano_lstm import PianoLstm
from training.reproductions import Run
from training.trainers.checkpoints import Log
from training.trainers.piano import LONGEST_SILENCE, PianoTask
from training.trainers.train import Config, train

NAME = "docevski2018-goal"

CONFIG = Config(
    updates=3_200, batch=32, steps=192, rate=2.5e-3, warm_up=100, betas=(0.9, 0.99), decay=0.01, averaged_over=100,
    check_every=200,
)  # fmt: skip


def learn(run: Run, sides: Sides) -> tuple[PianoLstm, Log]:
    """Train the network on the pieces of the training side; those of the validation side choose its weights."""
    training, validation = (
        [spans(piece.notes, LONGEST_SILENCE) for piece in side] for side in (sides.training, sides.validation)
    )
    task = PianoTask(training, validation, run.config.batch)
    streams, log = train(
        run.config,
        task,
        checkpoint=run.folder / f"{NAME}.checkpoint",
        device=run.device,
        progressed=run.progressed,
    )
    return streams.network, log
