"""The networks of the papers, each trained as its paper says and measured beside its figures.

`ROWS` lists them: `python -m training reproduce [ROW...]`. A module of it has

- `CONFIG`, the `training.trainers.train.Config` that it is trained with unless options say otherwise;
- `reproduce(run)`, which trains, measures, exports, draws its pictures into `run.folder` and returns a `Reproduction`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import torch

from training.trainers.progress import Progressed, silently
from training.trainers.train import CPU, Config


@dataclass(frozen=True, slots=True)
class Row:
    """A network of a paper: the module that makes it, the paper, and what it is, in one sentence."""

    module: str
    paper: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where one reproduction finds and leaves things."""

    config: Config
    folder: Path
    """Where its pictures, tables, generated MIDI files and checkpoints are kept."""
    out: Path
    """The folder of models that it exports to."""
    device: torch.device = CPU
    progressed: Progressed = silently
    """Told the share that is done, 0 to 1, and a line of text."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure: ours, the paper's, and why they differ."""

    measure: str
    ours: str
    theirs: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of a row."""

    figures: tuple[Figure, ...]
    remarks: tuple[str, ...] = ()
    """What was done as the paper did it, what is ours, and what was learned."""
    files: tuple[Path, ...] = field(default=())
    """Pictures, MIDI files and models that were written."""


_STANFORD = "Xu, Xu & Tang, Music Generation with LSTMs (Stanford), 2018"

_DOCEVSKI = "Docevski et al., Towards Music Generation With Deep Learning Algorithms, 2018"

_GOLLA = "Golla, Music Generation with LSTM and Transformers, a student's report, 2023"

ROWS: Mapping[str, Row] = MappingProxyType(
    {
        "eck2002-original": Row(
            "training.reproductions.eck2002_original",
            "Eck & Schmidhuber, A First Look at Music Composition using LSTM Recurrent Neural Networks, 2002",
            "Eck & Schmidhuber 2002, experiment 1, by its own learning algorithm and values: nothing that is played.",
        ),
        "stanford2018-logistic": Row(
            "training.reproductions.stanford2018_logistic",
            _STANFORD,
            "Xu, Xu & Tang 2018: the next note by logistic regression on the last ten, learned from Beethoven.",
        ),
        "stanford2018-lstm": Row(
            "training.reproductions.stanford2018_lstm",
            _STANFORD,
            "Xu, Xu & Tang 2018: the next note by two LSTM layers of 128 units, learned from Beethoven.",
        ),
        "stanford2018-attention": Row(
            "training.reproductions.stanford2018_attention",
            _STANFORD,
            "Xu, Xu & Tang 2018: sixteenths with holds and rests by an LSTM that attends, learned from Beethoven.",
        ),
        "docevski2018-lstm2": Row(
            "training.reproductions.docevski2018_lstm2",
            _DOCEVSKI,
            "Docevski et al. 2018: piano rolls, sixteen frames a second, by two LSTM layers of 256 units.",
        ),
        "docevski2018-lstm3": Row(
            "training.reproductions.docevski2018_lstm3",
            _DOCEVSKI,
            "Docevski et al. 2018: piano rolls, sixteen frames a second, by three LSTM layers of 1024 units.",
        ),
        "docevski2018-lstm3-dense": Row(
            "training.reproductions.docevski2018_lstm3_dense",
            _DOCEVSKI,
            "Docevski et al. 2018: piano rolls by three LSTM layers of 1024 units and two feed-forward layers.",
        ),
        "docevski2018-seq2seq": Row(
            "training.reproductions.docevski2018_seq2seq",
            _DOCEVSKI,
            "Docevski et al. 2018: piano rolls, a frame at a time, by an encoder and a decoder of 256 units.",
        ),
        "docevski2018-goal": Row(
            "training.reproductions.docevski2018_goal",
            _DOCEVSKI,
            "Docevski et al. 2018, their goal: polyphony that goes on, told in single events by two LSTM layers.",
        ),
        "kth-piano": Row(
            "training.reproductions.kth_piano",
            "Anadon, Bou, Khan & Myriokefalitakis, LSTM for Piano Music Generation (KTH, DT2119, project group 13)",
            "Anadon et al.: the next note or chord of 150 piano pieces, of all there are in them, by two LSTM layers.",
        ),
        "golla-lstm": Row(
            "training.reproductions.golla_lstm",
            _GOLLA,
            "Golla: folk songs told in sixteenths, the next of them by an LSTM of 256 units.",
        ),
        "golla-transformer": Row(
            "training.reproductions.golla_transformer",
            _GOLLA,
            "Golla: folk songs told in sixteenths, the next of them by a transformer's encoder, pooled.",
        ),
    }
)
"""Every row by its name, which is the name of its model file too."""
