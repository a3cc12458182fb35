"""The command line as tests run it, and models that are broken in every way."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
import onnx
from onnx import helper, numpy_helper

from tests.models.onnx_models import describe, walker

IMPROV = [sys.executable, "-m", "improv"]
FOUR_BARS = "jam -m walker --api none --choruses 1"
ONE_BAR = "jam -m one-bar --api none --choruses 1 --tempo 400"
"""As short as a jam can be: 0.6 seconds, and as many for the count-in."""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str


Improv = Callable[[str], Ran]


def out_of_reach() -> onnx.ModelProto:
    """A model that loads and cannot step: it reaches for the eighth row of one."""
    model = walker()
    model.graph.initializer.append(numpy_helper.from_array(np.array([7]), "eighth"))
    reach = helper.make_node("Gather", ["chord", "eighth"], ["row"], axis=0)
    nodes = [reach, *model.graph.node]
    for node in nodes[1:]:
        node.input[:] = ["row" if name == "chord" else name for name in node.input]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def told(metadata: Any) -> onnx.ModelProto:
    model = walker()
    describe(model, metadata)
    return model


def silent() -> onnx.ModelProto:
    """A model whose melody is no number."""
    model = walker()
    for weight in model.graph.initializer:
        if weight.name == "quiet":
            weight.CopyFrom(numpy_helper.from_array(np.full((1, 13), np.nan, np.float32), "quiet"))
    return model


def notes_of(path: Path) -> dict[str, list[tuple[int, str, int]]]:
    """Each part's onsets and ends at their ticks; every onset has an end."""
    found = {}
    for track in mido.MidiFile(path).tracks[1:]:
        at, sounding, notes = 0, set[int](), []
        for message in track:
            at += message.time
            if message.type in ("note_on", "note_off"):
                assert (message.type == "note_on") != (message.note in sounding)
                sounding ^= {message.note}
                notes.append((at, message.type, message.note))
        assert not sounding
        found[track.name] = notes
    return found
