"""Docevski et al. 2018: two LSTM layers of 256 over a piano roll."""

from math import inf

from training.reproductions import Reproduction, Run, docevski
from training.trainers.train import Config

NAME = "docevski2018-lstm2"

CONFIG = Config(
    updates=24_000, batch=64, steps=16, rate=1e-3, schedule="constant", clip=inf, check_every=240, keeps="latest",
    patience=6,
)  # fmt: skip
"""At most 100 epochs of 240 updates, or until five have not bettered the loss."""

SIZES = {"hidden": 256, "layers": 2, "dropout": 0.2}


def reproduce(run: Run) -> Reproduction:
    """Train the network, measure how long it plays music, and export it."""
    return docevski.reproduce(run, NAME, SIZES, "up to 2 s, then a tone, a loop or silence", docevski.WINDOWED)
