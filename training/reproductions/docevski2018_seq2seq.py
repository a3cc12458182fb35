"""Docevski et al. 2018: an LSTM of 256 as an encoder of a piano roll, another as a decoder of one frame."""

from math import inf

from training.reproductions import Reproduction, Run, docevski
from training.trainers.train import Config

NAME = "docevski2018-seq2seq"

CONFIG = Config(
    updates=24_000, batch=64, steps=16, rate=1e-3, schedule="constant", clip=inf, check_every=240, keeps="latest",
    patience=6,
)  # fmt: skip
"""At most 100 epochs of 240 updates, or until five have not bettered the loss."""

REMARKS = (
    "The encoder hears the window; what it has put out last is the one input of the decoder, whose memory is empty (in "
    "Keras a RepeatVector of one): the paper says only that the output sequence has a length of 1.",
)

SIZES = {"hidden": 256, "layers": 1, "ends": "decoder", "dropout": 0.2}


def reproduce(run: Run) -> Reproduction:
    """Train the network, measure how long it plays music, and export it."""
    return docevski.reproduce(run, NAME, SIZES, "a constant tone of several notes", (*REMARKS, *docevski.WINDOWED))
