"""The LSTM of a report on folk melodies: `python -m training reproduce golla-lstm`."""

from math import inf

from training.networks.golla import GollaLstm
from training.reproductions import Reproduction, Run, golla_report
from training.trainers.train import Config

NAME = "golla-lstm"

CONFIG = Config(
    updates=50 * 452, batch=16, steps=64, rate=1e-3, schedule="constant", clip=inf, check_every=452
)  # fmt: skip
"""Fifty epochs: 452 updates see as many targets as the songs have symbols."""


def reproduce(run: Run) -> Reproduction:
    """Train, measure and export the LSTM."""
    return golla_report.reproduce(
        run,
        golla_report.Row(
            name=NAME,
            fresh=GollaLstm,
            epochs=(2, 5, 50),
            size="311,846",
            remarks=(
                "The network is the report's: one-hot symbols, LSTM 256, dropout 0.2, a dense softmax, its weights "
                "drawn as Keras draws them. The report gives no dropout: 0.2 is the lessons'.",
                "Ours: all 50 epochs are run, so that the last can be told, and the weights of the best are kept. "
                "A sequence begins anywhere in the songs, with an empty memory, as the report's do; when it plays the "
                "memory goes on, where the report's program reads the last 64 symbols anew for each.",
            ),
        ),
    )
