"""How networks are made: one loop, what each network brings to it, and the export to ONNX.

`NETWORKS` lists them. A module of it has

- `CONFIG`, the `training.trainers.train.Config` that it is trained with unless options say otherwise;
- `make(config, arguments)`, which trains, exports to the folder `arguments.out` and returns what to print;
- where it has options of its own, `options(parser)`, which adds them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Row:
    """A network that can be trained: the module that makes it, and what it is, in one sentence."""

    module: str
    summary: str


NETWORKS: Mapping[str, Row] = MappingProxyType(
    {
        "eck2002-chords": Row(
            "training.trainers.eck2002_chords",
            "Eck & Schmidhuber 2002, experiment 1: the changes of a twelve-bar blues, and no melody.",
        ),
        "eck2002-blues": Row(
            "training.trainers.eck2002_blues",
            "Eck & Schmidhuber 2002, experiment 2: a twelve-bar blues and an improvised melody over it.",
        ),
        "partner": Row(
            "training.trainers.partner",
            "Lines over changes, both learned from the blues and swing solos of the Weimar Jazz Database.",
        ),
        "bass": Row(
            "training.trainers.bass",
            "A walking bass for the band, learned from the basses under the swing solos of the Weimar Jazz Database.",
        ),
        "expression": Row(
            "training.trainers.expression",
            "How hard, how late and how long the notes of a melody are played, learned from the Weimar Jazz Database.",
        ),
        "drums": Row(
            "training.trainers.drums",
            "A drummer for the band in five styles, learned from takes of the Groove MIDI Dataset.",
        ),
    }
)
"""Every network by name: `python -m training train NAME`."""
