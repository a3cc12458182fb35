"""Networks of a line to model files, over the changes of a blues, as the rows of piano pieces export them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from improv.models.contract import Tensors
from training.corpora import blues_bars, piano_midi
from training.networks import Network
from training.reproductions import ROWS
from training.trainers.eck2002_report import PRIMER_STEPS, PRIMERS
from training.trainers.export import PARITY_STEPS
from training.trainers.over_changes import export_line


def halved_export(
    network: Network,
    path: Path,
    encoding: str,
    symbols: tuple[str, ...],
    seed: int,
    figures: Mapping[str, float],
    *,
    is_primed: bool = False,
) -> float:
    """Write a row's network to a model file in half precision; return its largest difference from PyTorch.

    The row is that of the file's name. One that `is_primed` hears the end of a blues of this project before its first
    chorus, as that of 2002 does: after a chorus of silence it would be silent. ContractError if onnxruntime plays it
    otherwise.
    """
    songs = blues_bars.draw_songs(PRIMERS, np.random.default_rng(seed)) if is_primed else []
    return export_line(
        network,
        path,
        probes(network, len(symbols), seed),
        summary=ROWS[path.stem].summary,
        encoding=encoding,
        data=piano_midi.DATA,
        seed=seed,
        figures={name: round(figure, 4) for name, figure in figures.items()},
        symbols=symbols,
        primers=[song[-PRIMER_STEPS:] for song in songs],
        halved=True,
    )


def probes(network: Network, units: int, seed: int) -> Iterator[Tensors]:
    """Yield `PARITY_STEPS` moves of a network, each a random unit."""
    (feature,) = network.FEATURES
    for unit in np.random.default_rng(seed).integers(units, size=PARITY_STEPS):
        yield {feature: np.eye(1, units, int(unit), dtype=np.float32)}
