"""Frames to tensors and back: the vocabularies, each with a fingerprint.

Training and playing both come through here, so there is one vocabulary and never a second one.
The fingerprint of an encoding is written into every exported model and compared when it is
loaded: a model trained on another meaning of the same numbers is refused, with both named.
"""

from types import MappingProxyType

from improv.encoding.cells import Cells
from improv.encoding.local_notes import MELODY_HEAD, LocalNotes
from improv.encoding.vocabulary import CHORD_HEAD, Bias, Choice, Choosing, Encoding, Fed, Steer

__all__ = [
    "CHORD_HEAD",
    "ENCODINGS",
    "MELODY_HEAD",
    "Bias",
    "Cells",
    "Choice",
    "Choosing",
    "Encoding",
    "Fed",
    "LocalNotes",
    "Steer",
]

ENCODINGS: MappingProxyType[str, Encoding] = MappingProxyType({"local_notes": LocalNotes(), "cells": Cells()})
"""Every encoding a model may name."""
