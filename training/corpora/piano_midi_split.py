"""Which pieces of piano-midi.de a network learns from, which choose it and which judge it, drawn with a seed.

Movements and numbers of one work are on one side together, and a transcription beside what it transcribes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from training.corpora.piano_midi import Piece

SEED = 1
VALIDATION, TEST = 20, 24
"""How many pieces choose, and how many judge, at least."""

LARGEST = 4
"""Works of more pieces are learned from, so that many works choose and judge."""

_NUMBER = re.compile(r"(_e?)?\d+[a-z]?$")


@dataclass(frozen=True, slots=True)
class Sides:
    """Pieces by what they are for."""

    training: tuple[Piece, ...]
    validation: tuple[Piece, ...]
    test: tuple[Piece, ...]


def work(piece: Piece) -> str:
    """Return the work that a piece belongs to, from the name of its file: that without its number."""
    return _NUMBER.sub("", piece.name.lower().removeprefix("god_"))


def split(pieces: Iterable[Piece], *, validation: int = VALIDATION, test: int = TEST, seed: int = SEED) -> Sides:
    """Return the pieces on their sides, in the order given."""
    works: dict[str, list[Piece]] = {}
    for piece in pieces:
        works.setdefault(work(piece), []).append(piece)
    small = [name for name, of_work in works.items() if len(of_work) <= LARGEST]
    side: dict[str, str] = {}
    counts = {"test": 0, "validation": 0}
    for name in np.random.default_rng(seed).permutation(small).tolist():
        into = "test" if counts["test"] < test else "validation"
        if counts[into] < (test if into == "test" else validation):
            side[name] = into
            counts[into] += len(works[name])

    def on(which: str) -> tuple[Piece, ...]:
        return tuple(piece for name, each in works.items() if side.get(name, "training") == which for piece in each)

    return Sides(on("training"), on("validation"), on("test"))
