"""Frames to tensors and back: the vocabularies, each with a fingerprint.

Training and playing both come through here, so there is one vocabulary and never a second one.
The fingerprint of an encoding is written into every exported model and compared when it is
loaded: a model trained on another meaning of the same numbers is refused, with both named.
"""

from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType

from improv.models.contract import LineSpec, ModelSpec
from improv.models.encodings.base import CHORD_HEAD, Bias, Choice, Decoder, Encoding, Steer, StepInput, Vocabulary
from improv.models.encodings.bass_lines import BassLines
from improv.models.encodings.cells import Cells
from improv.models.encodings.drum_grids import DrumGrids
from improv.models.encodings.events import Events
from improv.models.encodings.expression import Expression
from improv.models.encodings.local_notes import MELODY_HEAD, LocalNotes
from improv.models.encodings.notes import Notes
from improv.models.encodings.over_changes import Line, OverChanges
from improv.models.encodings.rolls import Piano, Roll
from improv.music.parts import Part

__all__ = [
    "BAND_ENCODINGS",
    "BAND_NAMES",
    "BAND_PARTS",
    "CHORD_HEAD",
    "ENCODINGS",
    "LINES",
    "MELODY_HEAD",
    "BassLines",
    "Bias",
    "Cells",
    "Choice",
    "Decoder",
    "DrumGrids",
    "Encoding",
    "Events",
    "Expression",
    "Line",
    "LocalNotes",
    "Notes",
    "OverChanges",
    "Piano",
    "Roll",
    "Steer",
    "StepInput",
    "Vocabulary",
    "encoding_of",
    "line_of",
]

ENCODINGS: MappingProxyType[str, Encoding] = MappingProxyType(
    {
        "local_notes": LocalNotes(),
        "cells": Cells(),
        "soloist": Cells(tells_story=True),
        "soloist_notes": Cells(tells_story=True, tells_notes=True),
    }
)
"""Every encoding that a model of the melody and the changes may name."""

LINES: MappingProxyType[str, Callable[[tuple[str, ...]], Line]] = MappingProxyType(
    {"notes": Notes, "events": Events, "roll": lambda _: Roll(), "piano": lambda _: Piano()}
)
"""Every encoding of a line that knows no chords, made from the symbols of its units, which some leave to the file."""


def encoding_of(spec: ModelSpec) -> Encoding:
    """Return the encoding of a model of a melody and the changes.

    KeyError for one there is not; ValueError for symbols that are none.
    """
    return ENCODINGS[spec.encoding] if spec.line is None else _over_changes(spec.encoding, spec.line)


@lru_cache(maxsize=32)
def _over_changes(name: str, line: LineSpec) -> OverChanges:
    return OverChanges(line_of(name, line.symbols), ENCODINGS[line.changes])


@lru_cache(maxsize=32)
def line_of(name: str, symbols: tuple[str, ...] = ()) -> Line:
    """Return the encoding of a line, by its name; KeyError for none, ValueError for symbols that are none."""
    return LINES[name](symbols)


BAND_ENCODINGS: MappingProxyType[str, Vocabulary] = MappingProxyType(
    {"expression": Expression(), "bass_lines": BassLines(), "drum_grids": DrumGrids()}
)
"""Every encoding that a model beside the melody's may name: its network plays a part, and decides no melody."""

BAND_PARTS: MappingProxyType[Part, str] = MappingProxyType(
    {Part.MELODY: "expression", Part.BASS: "bass_lines", Part.DRUMS: "drum_grids"}
)
"""The parts that networks play, and the encoding that each needs; of the melody they say how it is played alone."""

BAND_NAMES: MappingProxyType[Part, str] = MappingProxyType(
    {part: "expression" if part is Part.MELODY else part.label for part in BAND_PARTS}
)
"""What the network of each of these parts is called: the name of its file."""
