"""Frames to tensors and back: the vocabularies, each with a fingerprint.

Training and playing both come through here, so there is one vocabulary and never a second one.
The fingerprint of an encoding is written into every exported model and compared when it is
loaded: a model trained on another meaning of the same numbers is refused, with both named.
"""

from types import MappingProxyType

from improv.models.encodings.base import CHORD_HEAD, Bias, Choice, Decoder, Encoding, Steer, StepInput
from improv.models.encodings.cells import Cells
from improv.models.encodings.local_notes import MELODY_HEAD, LocalNotes

__all__ = [
    "CHORD_HEAD",
    "ENCODINGS",
    "MELODY_HEAD",
    "Bias",
    "Cells",
    "Choice",
    "Decoder",
    "Encoding",
    "LocalNotes",
    "Steer",
    "StepInput",
]

ENCODINGS: MappingProxyType[str, Encoding] = MappingProxyType({"local_notes": LocalNotes(), "cells": Cells()})
"""Every encoding a model may name."""
