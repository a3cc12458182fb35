"""The transformer of a report on folk melodies: `python -m training reproduce golla-transformer`."""

from training.networks.golla import LAYERS, VIEWS, WIDTH, WINDOW, GollaTransformer
from training.reproductions import Reproduction, Run, golla_report
from training.trainers.train import Config

NAME = "golla-transformer"

CONFIG = Config(updates=5 * 452, batch=8, steps=128, rate=1e-3, schedule="constant", warm_up=100, check_every=452)
"""Five epochs: 452 updates see as many targets as the songs have symbols."""


def reproduce(run: Run) -> Reproduction:
    """Train, measure and export the transformer."""
    return golla_report.reproduce(
        run,
        golla_report.Row(
            name=NAME,
            fresh=GollaTransformer,
            epochs=(2, 5),
            size=golla_report.UNTOLD,
            remarks=(
                "The report says: BERT's embeddings, a pooling layer, dropout, Adam, five epochs. So here: embeddings "
                "of tokens and of positions, an encoder, pooling as in BERT (dense, tanh), a dense softmax.",
                f"Ours, since it has to step: the encoder looks backwards only, over the last {WINDOW} sixteenths, "
                "whose keys and values are rings; a position is the distance back; what is pooled is the latest place "
                f"and the mean of the {WINDOW}. {LAYERS} layers of {WIDTH}, {VIEWS} heads, dropout 0.1, learned from "
                "scratch, on sequences of 128, so that half of the targets have a full ring. The gradient is clipped "
                "at 1, and the rate rises over the first 100 updates.",
            ),
        ),
    )
