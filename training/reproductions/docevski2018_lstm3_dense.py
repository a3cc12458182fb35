"""Docevski et al. 2018: three LSTM layers of 1024 over a piano roll, and a feed-forward layer."""

from math import inf

from training.reproductions import Reproduction, Run, docevski
from training.trainers.train import Config

NAME = "docevski2018-lstm3-dense"

CONFIG = Config(
    updates=120, batch=128, steps=16, rate=1e-3, schedule="constant", clip=inf, check_every=30, keeps="latest",
    patience=6,
)  # fmt: skip
"""One epoch, measured four times."""

REMARKS = (
    "One epoch instead of up to 100, so that it trains within half an hour on two cores that have other work.",
    "It learns from windows of 16 frames as in the paper, and plays from windows of 13 to 16: a frame has no time for "
    "sixteen windows of 21 million weights, so four are heard at once, each begun four frames after another.",
)

SIZES = {"hidden": 1024, "layers": 3, "ends": "dense", "dropout": 0.4, "memories": 4, "measured_every": 32}


def reproduce(run: Run) -> Reproduction:
    """Train the network, measure how long it plays music, and export it."""
    return docevski.reproduce(run, NAME, SIZES, "silence", REMARKS)
